"""Push, positions and the inbox over a real HTTP server on loopback."""

import gzip
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
import zstandard

from api.settings import Settings
from api.store import credentials
from mobile_contract import limits
from mobile_contract.schema import facts as f
from mobile_contract.version import CONTRACT
from sync.transaction import org_transaction
from tests.api.serving import PASSWORD, Site, on_loopback
from tests.arrange import NOW, Assigned, Org
from tests.sync import looking
from tests.sync.phone import Phone, batch, note, on, phone_of
from tests.waiting import until


class Watch:
    """A clock that tests set."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture(scope="module")
async def served(settings: Settings) -> AsyncIterator[tuple[Site, Watch]]:
    watch = Watch()
    async with on_loopback(settings, watch) as site:
        yield site, watch


@pytest.fixture
def site(served: tuple[Site, Watch]) -> Site:
    served[1].now = NOW
    return served[0]


def headers(phone: Phone, **more: str) -> dict[str, str]:
    return {
        "Authorization": f"Bearer {phone.enrolled.token.text}",
        "Onsite-Contract": CONTRACT,
        "Onsite-Session": str(phone.session()),
        **{name.replace("_", "-"): value for name, value in more.items()},
    }


async def post(site: Site, phone: Phone, body: bytes, **more: str) -> httpx.Response:
    return await site.client.post("/sync/v1/push", content=body, headers=headers(phone, **more))


async def dispatcher(site: Site, org: Org, name: str = "dan") -> dict[str, str]:
    """Sign a person of the office in."""
    new = credentials.NewCredential(
        person_id=org.people[name],
        login=f"{name}@{org.id.hex[:8]}",
        password_hash=await site.services.passwords.hash(PASSWORD),
        must_change=False,
    )
    async with org_transaction(org.pool, org.id) as conn:
        await credentials.set_credential(conn, org.id, new, now=NOW)
        slug = await conn.fetchval("select slug from organisation where org_id = $1", org.id)
    answer = await site.client.post("/api/v1/auth/login", json={"org": slug, "login": new.login, "password": PASSWORD})
    assert answer.status_code == 200, answer.text
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


@pytest.mark.parametrize("encoding", ["", "gzip", "zstd"])
async def test_a_queue_is_handed_in(site: Site, org: Org, phone: Phone, job: Assigned, encoding: str) -> None:
    ids = [phone.do(note(org, job)) for _ in range(3)]
    body = batch(phone.queue)
    packed = {"": body, "gzip": gzip.compress(body), "zstd": zstandard.ZstdCompressor().compress(body)}[encoding]
    answer = await post(site, phone, packed, **({"Content_Encoding": encoding} if encoding else {}))
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert [(o["n"], o["id"], o["status"]) for o in told["outcomes"]] == [
        (n, str(id), "applied") for n, id in enumerate(ids, 1)
    ]
    assert told["last_n"] == 3 and told.get("durable_n") is None
    assert (await looking.events(org, job.job_id)).count("note_added") == 3


async def problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert answer.headers["content-type"].startswith("application/problem+json")
    told: dict[str, Any] = answer.json()
    return told


async def test_a_hole_names_the_expected_number(site: Site, org: Org, phone: Phone, job: Assigned) -> None:
    phone.do(note(org, job))
    phone.do(note(org, job))
    told = await problem(await post(site, phone, batch(phone.queue[1:])), 409, "sequence_hole")
    assert told["about"] == {"expected_n": "1"}


async def test_a_cloned_phone_is_told(site: Site, org: Org, phone: Phone, job: Assigned) -> None:
    twin = phone.clone()
    phone.do(note(org, job, "mine"))
    twin.do(note(org, job, "the clone's"))
    assert (await post(site, phone, batch(phone.queue))).status_code == 200
    await problem(await post(site, twin, batch(twin.queue)), 409, "device_forked")


async def test_an_unreadable_batch_is_kept_and_told(site: Site, org: Org, phone: Phone) -> None:
    await problem(await post(site, phone, b'{"sent":'), 422, "batch_unreadable")
    assert await looking.one(org, "select bytes from sync_unreadable where org_id = $1") == b'{"sent":'


async def test_a_body_beyond_the_limit_is_refused_unread(site: Site, org: Org, phone: Phone) -> None:
    await problem(await post(site, phone, b" " * (limits.PUSH_BODY_BYTES + 1)), 413, "body_too_large")


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
async def test_a_bomb_is_refused_before_it_unfolds(site: Site, org: Org, phone: Phone, encoding: str) -> None:
    bomb = b" " * 50_000_000
    packed = gzip.compress(bomb) if encoding == "gzip" else zstandard.ZstdCompressor().compress(bomb)
    await problem(
        await post(site, phone, packed[: limits.PUSH_BODY_BYTES], Content_Encoding=encoding), 413, "body_too_large"
    )


async def test_broken_compression_is_told_apart_from_a_broken_batch(site: Site, phone: Phone, org: Org) -> None:
    await problem(await post(site, phone, b"no gzip", Content_Encoding="gzip"), 400, "malformed")
    await problem(await post(site, phone, b"{}", Content_Encoding="br"), 415, "unsupported_media_type")


@pytest.mark.parametrize("version", ["", "0.9", "2.0", "one", "1", "1.0.0"])
async def test_an_app_of_another_contract_is_told_to_update(site: Site, phone: Phone, org: Org, version: str) -> None:
    answer = await post(site, phone, b'{"sent":null}', Onsite_Contract=version)
    told = await problem(answer, 426, "upgrade_required")
    assert told["about"] == {"contract": CONTRACT} and "Nothing is lost" in told["title"]
    assert await looking.rows(org, "select * from sync_unreadable where org_id = $1") == []


async def test_a_newer_minor_version_is_understood(site: Site, phone: Phone, org: Org) -> None:
    assert (await post(site, phone, b"{}", Onsite_Contract="1.999")).status_code == 200


@pytest.mark.parametrize("token", ["x", "osd_x", "osd_" + "0" * 32 + "_" + "0" * 32 + "_" + "A" * 43])
async def test_without_its_token_a_device_hands_in_nothing(site: Site, phone: Phone, org: Org, token: str) -> None:
    await problem(await post(site, phone, b"{}", Authorization=f"Bearer {token}"), 401, "unauthenticated")


async def test_a_revoked_device_is_still_let_in(site: Site, org: Org, phone: Phone, job: Assigned) -> None:
    phone.do(note(org, job))
    async with org_transaction(org.pool, org.id) as conn:
        await conn.execute(
            "update sync_device set revoked_at = $3 where org_id = $1 and device_id = $2", org.id, phone.id, NOW
        )
    answer = await post(site, phone, batch(phone.queue))
    assert [(o["status"], o["code"]) for o in answer.json()["outcomes"]] == [("quarantined", "device_revoked")]


async def test_what_a_device_says_of_itself_is_written_later(site: Site, org: Org, phone: Phone) -> None:
    await post(site, phone, b"{}", Onsite_Unsent="17", Onsite_App="onsite-android 3.1")
    await post(site, phone, b"{}", Onsite_Unsent="nonsense")
    await site.services.telemetry.flush(site.services.pool)
    (seen,) = await looking.rows(org, "select * from sync_device_seen where org_id = $1 and device_id = $2", phone.id)
    assert (seen["unsent"], seen["app"], seen["seen_at"]) == (17, "onsite-android 3.1", NOW)


async def test_telemetry_is_written_without_being_asked(
    site: Site, served: tuple[Site, Watch], org: Org, phone: Phone
) -> None:
    served[1].now = NOW + timedelta(minutes=1)
    await post(site, phone, b"{}", Onsite_Unsent="3")
    statement = "select unsent = 3 from sync_device_seen where org_id = $1 and device_id = $2"
    assert await until(lambda: looking.one(org, statement, phone.id), timeout_s=20)


async def test_positions_the_newest_wins_and_the_track_is_kept(site: Site, org: Org, phone: Phone) -> None:
    def at(minutes: int, lon: float) -> dict[str, Any]:
        return {"lon_deg": lon, "lat_deg": 39.95, "accuracy_m": 8, "at": (NOW - timedelta(minutes=minutes)).isoformat()}

    first = {"positions": [at(5, 116.41), at(1, 116.45), at(3, 116.43)]}
    answer = await site.client.post("/sync/v1/positions", json=first, headers=headers(phone))
    assert (answer.status_code, answer.json()) == (200, {"taken": 3})
    late = {"positions": [at(2, 116.44), at(5, 116.41)]}
    assert (await site.client.post("/sync/v1/positions", json=late, headers=headers(phone))).json() == {"taken": 2}
    (last,) = await looking.rows(org, "select * from position where org_id = $1")
    assert (last["person_id"], last["lon_deg"], last["device_id"]) == (org.people["amy"], 116.45, phone.id)
    track = await looking.rows(org, "select lon_deg from position_track where org_id = $1 order by at")
    assert [row["lon_deg"] for row in track] == [116.41, 116.43, 116.44, 116.45]


async def test_positions_in_other_systems_are_converted(site: Site, org: Org, phone: Phone) -> None:
    """A point in Beijing in GCJ-02 lies some 500 m away from the same numbers in WGS 84."""
    ask = {"positions": [{"lon_deg": 116.404, "lat_deg": 39.915, "datum": "gcj02"}]}
    assert (await site.client.post("/sync/v1/positions", json=ask, headers=headers(phone))).json() == {"taken": 1}
    (last,) = await looking.rows(org, "select * from position where org_id = $1")
    assert (round(last["lon_deg"], 3), round(last["lat_deg"], 3)) == (116.398, 39.914)


async def test_positions_of_the_future_old_ones_and_nobodys(
    site: Site, served: tuple[Site, Watch], org: Org, phone: Phone
) -> None:
    ask = {
        "positions": [
            {"lon_deg": 1, "lat_deg": 1, "at": (NOW + timedelta(days=300)).isoformat()},
            {"lon_deg": 2, "lat_deg": 2, "at": (NOW - timedelta(days=300)).isoformat()},
        ]
    }
    nobody = headers(phone, Onsite_Session=str(org.new_id()))
    assert (await site.client.post("/sync/v1/positions", json=ask, headers=nobody)).json() == {"taken": 0}
    assert (await site.client.post("/sync/v1/positions", json=ask, headers=headers(phone))).json() == {"taken": 1}
    (last,) = await looking.rows(org, "select * from position where org_id = $1")
    assert (last["lon_deg"], last["at"]) == (1, NOW), "as of the receipt"
    served[1].now = NOW + timedelta(days=30)
    assert (await site.client.post("/sync/v1/positions", json=ask, headers=headers(phone))).json() == {"taken": 0}


@pytest.mark.parametrize(
    "fix",
    [
        '{"lon_deg": NaN, "lat_deg": 1}',
        '{"lon_deg": 181, "lat_deg": 1}',
        '{"lon_deg": 1e999, "lat_deg": 1}',
        '{"lat_deg": 1}',
        '{"lon_deg": "1", "lat_deg": 1}',
    ],
)
async def test_positions_that_are_no_place_are_refused(site: Site, org: Org, phone: Phone, fix: str) -> None:
    sent = {**headers(phone), "Content-Type": "application/json"}
    answer = await site.client.post("/sync/v1/positions", content=f'{{"positions":[{fix}]}}', headers=sent)
    assert answer.status_code in (400, 422)
    assert await looking.rows(org, "select * from position where org_id = $1") == []


async def test_the_inbox_lists_and_ends_what_was_put_aside(site: Site, org: Org) -> None:
    stranger = await phone_of(org, "bob")
    job = await org.assigned_job("alpha", "west")
    for _ in range(3):
        stranger.do(on(job, f.MakeSafe))
    assert (await post(site, stranger, batch(stranger.queue))).status_code == 200
    office = await dispatcher(site, org)
    page = (await site.client.get("/api/v1/quarantine", params={"limit": 2}, headers=office)).json()
    rest = (await site.client.get("/api/v1/quarantine", params={"after": page["next"]}, headers=office)).json()
    items = [*page["items"], *rest["items"]]
    assert (len(page["items"]), sorted(item["n"] for item in items), rest.get("next")) == (2, [1, 2, 3], None)
    first = items[0]
    assert (first["reason"], first["name"], first["person_id"]) == ("out_of_scope", "make_safe", str(org.people["bob"]))
    assert first["args"]["job_id"] == str(job.job_id) and first["occurred_at"].startswith("2026-03-02T02:00:00")

    async def end(item: dict[str, Any], ask: dict[str, Any], key: UUID | None = None) -> httpx.Response:
        return await site.client.post(
            f"/api/v1/quarantine/{item['entry_id']}/resolve",
            json=ask,
            headers={**office, "Idempotency-Key": str(key or org.new_id())},
        )

    key = org.new_id()
    applied = await end(items[0], {"kind": "applied"}, key)
    assert (applied.status_code, applied.json()["status"], applied.json()["entry"]["resolution"]) == (
        200,
        "applied",
        "applied",
    )
    assert (await end(items[0], {"kind": "applied"}, key)).status_code == 200
    await problem(await end(items[0], {"kind": "discarded"}), 409, "quarantine_resolved")
    discarded = await end(items[1], {"kind": "discarded"})
    assert (discarded.status_code, discarded.json().get("status")) == (200, None)
    await problem(await end(items[2], {"kind": "corrected"}), 422, "nothing_to_apply")
    await problem(await end(items[2], {"kind": "corrected", "args": {"job_id": 7}}), 422, "invalid")
    await problem(await end(items[2], {"kind": "vanish"}), 422, "invalid")
    await problem(await end({"entry_id": org.new_id()}, {"kind": "discarded"}), 404, "not_found")
    left = (await site.client.get("/api/v1/quarantine", headers=office)).json()["items"]
    assert [item["entry_id"] for item in left] == [items[2]["entry_id"]]
    every = await site.client.get("/api/v1/quarantine", params={"resolved": "true"}, headers=office)
    assert len(every.json()["items"]) == 3
    await problem(await site.client.get("/api/v1/quarantine", params={"after": "?"}, headers=office), 422, "invalid")


async def test_the_inbox_is_for_the_office(site: Site, org: Org, phone: Phone) -> None:
    crew = await dispatcher(site, org, "amy")
    await problem(await site.client.get("/api/v1/quarantine", headers=crew), 403, "forbidden")
    await problem(await site.client.get("/api/v1/quarantine"), 401, "unauthenticated")


async def test_the_answers_clock_is_the_servers(site: Site, org: Org, phone: Phone) -> None:
    answer = await post(site, phone, b"{}")
    assert datetime.fromisoformat(answer.json()["server_time"]).astimezone(UTC) == NOW
