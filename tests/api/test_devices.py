"""Devices: a code turns a phone into one, once; its sessions follow the roster; revoking it ends its scope and tells it to wipe."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import msgspec
import pytest

from api.enrolment import read_code
from api.settings import Settings
from mobile_contract.schema.access import EnrolAnswer
from mobile_contract.schema.people import Role
from mobile_contract.version import CONTRACT
from sync.devices import recognise
from sync.transaction import org_transaction
from tests.api.serving import Org, Site, in_process, make_org, make_person, signed_in

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
SPOKEN = {"Onsite-Contract": CONTRACT}


async def _code(site: Site, org: Org, **for_whom: str) -> dict[str, Any]:
    headers = await signed_in(site, org, Role.DISPATCHER)
    answer = await site.client.post("/api/v1/devices/enrolments", json=for_whom, headers=headers)
    assert answer.status_code == 201, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def _enrol(site: Site, code: str, name: str = "Van 3") -> EnrolAnswer:
    ask = {"code": code, "device_name": name, "app": "test 1"}
    answer = await site.client.post("/sync/v1/enrol", json=ask, headers=SPOKEN)
    assert answer.status_code == 201, answer.text
    return msgspec.json.decode(answer.content, type=EnrolAnswer)


async def _crew(site: Site, org: Org, *members: tuple[UUID, datetime, datetime | None]) -> UUID:
    crew_id = uuid4()
    async with org_transaction(site.services.pool, org.id) as conn:
        await conn.execute(
            "insert into crew (org_id, id, code, name, member_ids, district_ids, active) values ($1, $2, $3, 'Crew', '[]', '[]', true)",
            org.id,
            crew_id,
            f"c-{crew_id.hex[:8]}",
        )
        for person_id, from_at, to_at in members:
            await conn.execute(
                "insert into crew_member (org_id, id, crew_id, person_id, from_at, to_at) values ($1, $2, $3, $4, $5, $6)",
                org.id,
                uuid4(),
                crew_id,
                person_id,
                from_at,
                to_at,
            )
    return crew_id


async def _shift(site: Site, org: Org, person_id: UUID, from_at: datetime, to_at: datetime) -> None:
    async with org_transaction(site.services.pool, org.id) as conn:
        await conn.execute(
            "insert into shift (org_id, id, person_id, from_at, to_at) values ($1, $2, $3, $4, $5)",
            org.id,
            uuid4(),
            person_id,
            from_at,
            to_at,
        )


async def test_a_code_comes_as_text_address_and_picture_and_enrols_a_device(site: Site, org: Org) -> None:
    person_id = await make_person(site, org, Role.TECHNICIAN)
    code = await _code(site, org, person_id=str(person_id))
    assert code["code"].startswith(org.slug + "-") and code["qr_svg"].startswith("<svg")
    assert code["uri"].startswith("onsite://enrol?server=http")
    device = await _enrol(site, code["code"])
    assert device.person_id == person_id and device.org_id == org.id
    assert device.zone == "Europe/Berlin"
    headers = {"Authorization": f"Bearer {device.device_token}"} | SPOKEN
    sessions = await site.client.post("/sync/v1/sessions", headers=headers)
    assert sessions.status_code == 200 and sessions.json()["zone"] == "Europe/Berlin"
    assert [s.person_id for s in device.sessions] == [person_id]
    known = await recognise(site.services.pool, device.device_token, device.sessions[0].session_id)
    assert known is not None and known.actor.person_id == person_id and known.actor.roles == {Role.TECHNICIAN}
    assert known.actor.device_id == device.device_id and known.actor.active


async def test_a_code_is_good_once_even_for_two_phones_at_once(site: Site, org: Org) -> None:
    person_id = await make_person(site, org, Role.TECHNICIAN)
    code = (await _code(site, org, person_id=str(person_id)))["code"]
    ask = {"code": code, "device_name": "x"}
    answers = await asyncio.gather(*(site.client.post("/sync/v1/enrol", json=ask, headers=SPOKEN) for _ in range(4)))
    assert sorted(a.status_code for a in answers) == [201, 401, 401, 401]


async def test_a_code_may_be_typed_carelessly(site: Site, org: Org) -> None:
    person_id = await make_person(site, org, Role.TECHNICIAN)
    code = (await _code(site, org, person_id=str(person_id)))["code"]
    typed = "  " + code[: len(org.slug)] + code[len(org.slug) :].lower().replace("0", "o").replace("1", "l") + " "
    await _enrol(site, typed)


@pytest.mark.parametrize("version", ["0.9", "", "one"])
async def test_an_app_that_is_too_old_keeps_the_code_for_its_update(site: Site, org: Org, version: str) -> None:
    person_id = await make_person(site, org, Role.TECHNICIAN)
    code = (await _code(site, org, person_id=str(person_id)))["code"]
    ask, old = {"code": code, "device_name": "x"}, {"Onsite-Contract": version}
    answer = await site.client.post("/sync/v1/enrol", json=ask, headers=old)
    assert (answer.status_code, answer.json()["code"]) == (426, "upgrade_required")
    device = await _enrol(site, code)
    headers = {"Authorization": f"Bearer {device.device_token}"} | SPOKEN
    assert (await site.client.post("/sync/v1/sessions", headers={**headers, **old})).status_code == 426
    assert (await site.client.post("/sync/v1/sessions", headers=headers)).status_code == 200


@pytest.mark.parametrize(
    "text", ["", "x", "demo-1111", "demo-1111-1111-1111-111U", "-" * 50, "demo-11111-1111-1111-111"]
)
def test_what_cannot_be_a_code_is_not_looked_up(text: str) -> None:
    assert read_code(text) == ""


async def test_an_expired_code_and_a_guessed_one_get_the_same_answer_and_guessing_is_limited(
    settings: Settings,
) -> None:
    time = [NOW]
    async with in_process(settings, clock=lambda: time[0]) as site:
        org = await make_org(site.services.pool)
        person_id = await make_person(site, org, Role.TECHNICIAN)
        code = (await _code(site, org, person_id=str(person_id)))["code"]
        time[0] += timedelta(days=1, seconds=1)
        guesses = [code, *(f"{org.slug}-0000-0000-0000-{n:04d}" for n in range(10))]
        answers = [
            await site.client.post("/sync/v1/enrol", json={"code": text, "device_name": "x"}, headers=SPOKEN)
            for text in guesses
        ]
        assert {a.json()["code"] for a in answers[:10]} == {"enrolment_invalid"}
        assert answers[10].status_code == 429


async def test_only_the_office_makes_codes_and_only_for_its_own_people(
    site: Site, org: Org, pool: asyncpg.Pool
) -> None:
    technician = await signed_in(site, org, Role.TECHNICIAN)
    dispatcher = await signed_in(site, org, Role.DISPATCHER)
    stranger = await make_person(site, await make_org(pool), Role.TECHNICIAN)
    ask = {"person_id": str(stranger)}
    answer = await site.client.post("/api/v1/devices/enrolments", json=ask, headers=technician)
    assert answer.json()["code"] == "forbidden"
    answer = await site.client.post("/api/v1/devices/enrolments", json=ask, headers=dispatcher)
    assert answer.json()["code"] == "unknown_person"
    answer = await site.client.post("/api/v1/devices/enrolments", json={}, headers=dispatcher)
    assert answer.json()["code"] == "nobody_named"


async def test_asking_again_gives_the_same_sessions_and_half_way_new_ones(settings: Settings) -> None:
    time = [NOW]
    async with in_process(settings, clock=lambda: time[0]) as site:
        org = await make_org(site.services.pool)
        person_id = await make_person(site, org, Role.TECHNICIAN)
        device = await _enrol(site, (await _code(site, org, person_id=str(person_id)))["code"])
        headers = {"Authorization": f"Bearer {device.device_token}"} | SPOKEN
        time[0] += timedelta(days=6)
        same = (await site.client.post("/sync/v1/sessions", headers=headers)).json()["sessions"]
        assert [s["session_id"] for s in same] == [str(device.sessions[0].session_id)]
        time[0] += timedelta(days=2)
        renewed = (await site.client.post("/sync/v1/sessions", headers=headers)).json()["sessions"]
        assert len(renewed) == 1 and renewed[0]["session_id"] != same[0]["session_id"]


async def test_a_crew_device_holds_the_sessions_of_every_shift_ahead(settings: Settings) -> None:
    async with in_process(settings, clock=lambda: NOW) as site:
        org = await make_org(site.services.pool)
        early, late, guest, gone = [await make_person(site, org, Role.TECHNICIAN) for _ in range(4)]
        crew_id = await _crew(
            site,
            org,
            (early, NOW - timedelta(days=30), None),
            (late, NOW - timedelta(days=30), None),
            (guest, NOW + timedelta(days=1), NOW + timedelta(days=2)),
            (gone, NOW - timedelta(days=30), NOW - timedelta(days=1)),
        )
        for day in range(2):
            start = NOW + timedelta(days=day)
            await _shift(site, org, early, start - timedelta(hours=1), start + timedelta(hours=7))
            await _shift(site, org, late, start + timedelta(hours=7), start + timedelta(hours=15))
        device = await _enrol(site, (await _code(site, org, crew_id=str(crew_id)))["code"])
        held = sorted((s.person_id, s.from_at, s.to_at) for s in device.sessions)
        margin = timedelta(hours=2)
        expected = [(guest, NOW + timedelta(days=1), NOW + timedelta(days=2))]
        for day in range(2):
            start = NOW + timedelta(days=day)
            expected.append((early, start - timedelta(hours=1) - margin, start + timedelta(hours=7) + margin))
            expected.append((late, start + timedelta(hours=7) - margin, start + timedelta(hours=15) + margin))
        assert held == sorted(expected)
        headers = {"Authorization": f"Bearer {device.device_token}"} | SPOKEN
        again = (await site.client.post("/sync/v1/sessions", headers=headers)).json()["sessions"]
        assert {s["session_id"] for s in again} == {str(s.session_id) for s in device.sessions}


async def test_a_session_of_another_device_is_nobodys(site: Site, org: Org) -> None:
    person_id = await make_person(site, org, Role.TECHNICIAN)
    one = await _enrol(site, (await _code(site, org, person_id=str(person_id)))["code"])
    two = await _enrol(site, (await _code(site, org, person_id=str(person_id)))["code"])
    known = await recognise(site.services.pool, one.device_token, two.sessions[0].session_id)
    assert known is not None and known.session is None
    assert known.actor.person_id is None and not known.actor.active and not known.actor.roles


async def test_a_revoked_device_is_known_but_gets_no_session_and_is_told_to_wipe(
    site: Site, org: Org, owner: asyncpg.Connection
) -> None:
    admin = await signed_in(site, org, Role.ADMIN)
    person_id = await make_person(site, org, Role.TECHNICIAN)
    device = await _enrol(site, (await _code(site, org, person_id=str(person_id)))["code"], "Old phone")
    path = f"/api/v1/devices/{device.device_id}"
    assert (await site.client.patch(path, json={"name": "Lost phone"}, headers=admin)).status_code == 204
    assert [(await site.client.delete(path, headers=admin)).status_code for _ in range(2)] == [204, 204]
    shown = (await site.client.get(path, headers=admin)).json()
    assert shown["name"] == "Lost phone" and "revoked_at" in shown and shown["app"] == "test 1"

    headers = {"Authorization": f"Bearer {device.device_token}"} | SPOKEN
    assert (await site.client.post("/sync/v1/sessions", headers=headers)).json()["sessions"] == []
    known = await recognise(site.services.pool, device.device_token, device.sessions[0].session_id)
    assert known is not None and known.revoked and not known.actor.active
    row = await owner.fetchrow(
        "select d.body, m.gone from sync_doc d join sync_member m using (org_id, kind, id) "
        "where d.org_id = $1 and d.kind = 'device' and d.id = $2 and m.bucket = $3",
        org.id,
        device.device_id,
        f"dev/{device.device_id}",
    )
    assert not row["gone"]
    assert msgspec.json.decode(row["body"]) == {
        "id": str(device.device_id),
        "name": "Lost phone",
        "revoked": True,
        "wipe": True,
    }


async def test_devices_are_listed_in_pages_of_ones_own_organisation(site: Site, org: Org, pool: asyncpg.Pool) -> None:
    dispatcher = await signed_in(site, org, Role.DISPATCHER)
    person_id = await make_person(site, org, Role.TECHNICIAN)
    made = [
        (await _enrol(site, (await _code(site, org, person_id=str(person_id)))["code"], f"d{n}")).device_id
        for n in range(3)
    ]
    first = (await site.client.get("/api/v1/devices?limit=2", headers=dispatcher)).json()
    rest = (await site.client.get(f"/api/v1/devices?limit=2&after={first['next']}", headers=dispatcher)).json()
    assert [d["device_id"] for d in first["items"] + rest["items"]] == [str(i) for i in made]
    assert "next" not in rest
    other = await make_org(pool)
    stranger = await signed_in(site, other, Role.ADMIN)
    assert (await site.client.get("/api/v1/devices", headers=stranger)).json() == {"items": []}
    answer = await site.client.delete(f"/api/v1/devices/{made[0]}", headers=stranger)
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_device")
