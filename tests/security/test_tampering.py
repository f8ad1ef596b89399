"""Everything that a caller holds, changed: cursors, tokens, anchors, and ids of another organisation in every argument."""

import asyncio
import base64
import json
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import msgspec
import pytest
from joserfc import jwt
from joserfc.jwk import OctKey

from api.sign_in import make_reset
from api.store import credentials, sign_ins
from jobs.context import Actor, Via
from mobile_contract import version
from mobile_contract.registry import COMMANDS
from mobile_contract.schema.base import Command
from mobile_contract.schema.clock import CitedAnchor, ClockSample
from mobile_contract.schema.people import Role
from sync.clock import make_anchor
from sync.cursor import Cursor, open_cursor, seal_cursor
from sync.execute import run
from sync.keyring import make_keyring
from sync.outcomes import Answer
from sync.tokens import TokenKind, mint_token
from sync.transaction import org_transaction
from tests.arrange import NOW, Enrolled, ask_of
from tests.security.lines import LINES
from tests.security.scenes import SCENES, Ground
from tests.security.world import World, arrange, changed, headers_of, stored
from tests.sync import looking
from tests.sync.phone import batch, envelope, note

ME = "/api/v1/auth/me"


async def pull(world: World, enrolled: Enrolled, **ask: Any) -> list[dict[str, Any]]:
    """Pull once; AssertionError unless it is answered with a page."""
    answer = await world.site.client.post("/sync/v1/pull", json=ask, headers=headers_of(enrolled))
    assert answer.status_code == 200, answer.text
    return [json.loads(line) for line in answer.text.splitlines()]


def only_asks_to_compare(frames: list[dict[str, Any]], cursor: str) -> bool:
    """Tell whether a page holds nothing but the request to compare, and leaves the device where it stands."""
    begin, end = frames
    return bool(begin["compare"]) and end["cursor"] == cursor


async def test_a_cursor_with_any_byte_changed_is_compared_and_brings_nothing(world: World) -> None:
    enrolled = world.members[Role.TECHNICIAN].phone.enrolled
    await world.ours.open_job("west")
    honest = (await pull(world, enrolled))[-1]["cursor"]
    raw = base64.urlsafe_b64decode(honest + "=" * (-len(honest) % 4))
    for at in range(len(raw)):
        forged = bytearray(raw)
        forged[at] ^= 1 << at % 8
        token = base64.urlsafe_b64encode(forged).rstrip(b"=").decode()
        assert only_asks_to_compare(await pull(world, enrolled, cursor=token), token), at
    for token in ("", "x", honest[:-8], honest + honest, "=" * 40, "☃", "A" * 9_000, honest.swapcase()):
        assert only_asks_to_compare(await pull(world, enrolled, cursor=token), token), token[:20]


async def test_a_cursor_of_somebody_else_or_of_other_times_is_compared_and_brings_nothing(world: World) -> None:
    mine, other = world.members[Role.TECHNICIAN].phone.enrolled, world.members[Role.CREW_LEAD].phone.enrolled
    stranger = await world.theirs.device("bob")
    keyring = world.site.services.keyring
    token = (await pull(world, mine))[-1]["cursor"]
    cursor = open_cursor(keyring, token, device=mine.id, major=version.MAJOR)
    assert isinstance(cursor, Cursor)
    foreign = [(await pull(world, device))[-1]["cursor"] for device in (other, stranger)]
    forged = [
        seal_cursor(make_keyring(b"a key that was changed twice since"), cursor),
        seal_cursor(keyring, msgspec.structs.replace(cursor, major=version.MAJOR + 1)),
        seal_cursor(keyring, msgspec.structs.replace(cursor, life=UUID(int=9))),
        make_anchor(keyring, NOW, mine.id),
    ]
    for each in (*foreign, *forged):
        assert only_asks_to_compare(await pull(world, mine, cursor=each), each)


async def test_a_cursor_that_claims_buckets_of_others_is_told_to_drop_them(world: World) -> None:
    mine = world.members[Role.TECHNICIAN].phone.enrolled
    keyring = world.site.services.keyring
    token = (await pull(world, mine))[-1]["cursor"]
    cursor = open_cursor(keyring, token, device=mine.id, major=version.MAJOR)
    assert isinstance(cursor, Cursor)
    theirs = (f"crew/{world.theirs.crews['alpha']}", f"crew/{world.ours.crews['beta']}", "role/manager")
    claimed = msgspec.structs.replace(cursor, snapshot="1:1:", buckets=(*cursor.buckets, *theirs))
    begin, *changes, _ = await pull(world, mine, cursor=seal_cursor(keyring, claimed))
    assert set(begin["drop"]) == set(theirs)
    held = set(begin["buckets"])
    assert not held & set(theirs) and changes
    assert {bucket for change in changes for bucket in change["b"]} <= set(range(len(held)))


def flipped(text: str) -> Iterator[str]:
    """Change one character after the other to its neighbour."""
    for at, char in enumerate(text):
        yield text[:at] + ("1" if char in "0-_." else "0") + text[at + 1 :]


async def test_a_token_with_any_character_changed_is_nobodys(world: World) -> None:
    phone = world.members[Role.TECHNICIAN].phone.enrolled
    key = (await world.key("read"))["Authorization"].removeprefix("Bearer ")
    access = world.members[Role.ADMIN].headers["Authorization"].removeprefix("Bearer ")
    tries = [("/sync/v1/sessions", text) for text in flipped(phone.token.text)]
    tries += [(ME, text) for token in (key, access) for text in flipped(token)]
    tries += [
        ("/sync/v1/sessions", phone.token.text.replace("osd_", kind)) for kind in ("osk_", "osr_", "osp_", "OSD_")
    ]
    for path, text in tries:
        method = "POST" if path.startswith("/sync") else "GET"
        headers = {"Authorization": f"Bearer {text}", "Onsite-Contract": "1.0"}
        answer = await world.site.client.request(method, path, headers=headers)
        # The last character of base64 may have bits that mean nothing.
        if answer.status_code != 401:
            assert text[:-1] in (access[:-1], key[:-1], phone.token.text[:-1]), text
    assert len(tries) > 300


def _forgeries(world: World) -> dict[str, str]:
    """Forge access tokens: without a signature, by other keys, for another purpose, organisation, issuer and time."""
    keyring = world.site.services.keyring
    key_id, secret = next(iter(keyring.sub_keys("access token").items()))
    honest = world.members[Role.ADMIN].headers["Authorization"].removeprefix("Bearer ")
    head, body, signature = honest.split(".")
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))

    def packed(value: Mapping[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    def signed(by: bytes, header: Mapping[str, Any] | None = None, **changes: Any) -> str:
        header = {"alg": "HS256", "kid": key_id, **(header or {})}
        return jwt.encode(header, {**claims, **changes}, OctKey.import_key(by), algorithms=[header["alg"]])

    other = next(iter(make_keyring(b"the secret of somebody else").sub_keys("access token").values()))
    cursor_key = next(iter(keyring.sub_keys("cursor").values()))
    return {
        "no algorithm": f"{packed({'alg': 'none', 'kid': key_id})}.{body}.",
        "no algorithm, old signature": f"{packed({'alg': 'none', 'kid': key_id})}.{body}.{signature}",
        "no signature": f"{head}.{body}.",
        "another organisation, old signature": f"{head}.{packed({**claims, 'org': str(world.theirs.id)})}.{signature}",
        "another person, old signature": f"{head}.{packed({**claims, 'sub': str(world.members[Role.AUDITOR].id)})}.{signature}",
        "another secret": signed(other),
        "a key for cursors": signed(cursor_key),
        "another algorithm": signed(secret * 2, {"alg": "HS512"}),
        "an unknown key": signed(other, {"kid": "00000000"}),
        "a key id that is a path": signed(other, {"kid": "../../etc/passwd"}),
        "the organisation of others, well signed": signed(secret, org=str(world.theirs.id)),
        "somebody else's sign-in, well signed": signed(secret, sub=str(world.members[Role.AUDITOR].id)),
        "no sign-in, well signed": signed(secret, sid=str(UUID(int=3))),
        "another issuer, well signed": signed(secret, iss="elsewhere"),
        "without an end, well signed": signed(secret, exp=None),
        "over, well signed": signed(secret, exp=int(NOW.timestamp()) - 1),
        "a critical header": f"{packed({'alg': 'HS256', 'kid': key_id, 'crit': ['x']})}.{body}.{signature}",
        "a key inside": f"{packed({'alg': 'HS256', 'kid': key_id, 'jwk': {'kty': 'oct', 'k': 'AA'}})}.{body}.{signature}",
    }  # fmt: skip


async def test_forged_access_tokens_open_nothing(world: World) -> None:
    assert (await world.site.client.get(ME, headers=world.members[Role.ADMIN].headers)).status_code == 200
    for name, text in _forgeries(world).items():
        answer = await world.site.client.get(ME, headers={"Authorization": f"Bearer {text}"})
        assert answer.status_code == 401, (name, answer.text)


async def test_the_organisation_is_the_tokens_whatever_the_headers_say(world: World) -> None:
    slug = await looking.one(world.theirs, "select slug from organisation where org_id = $1")
    named = {"Onsite-Org": slug, "X-Org-Id": str(world.theirs.id), "X-Forwarded-User": "ada"}
    answer = await world.site.client.get(ME, headers={**world.members[Role.AUDITOR].headers, **named})
    assert (answer.json()["org_id"], answer.json()["roles"]) == (str(world.ours.id), ["auditor"])


async def test_of_two_who_refresh_at_once_one_goes_on_and_then_nobody(world: World) -> None:
    """Thief and owner in one instant: both may not win, and what the winner got ends with the family."""
    org, person = world.ours, world.members[Role.AUDITOR].id
    sign_in = sign_ins.NewSignIn(sign_in_id=org.new_id(), person_id=person, expires_at=NOW + timedelta(days=1))
    token = mint_token(TokenKind.REFRESH, org.id, org.new_id())
    async with org_transaction(org.pool, org.id) as conn:
        await sign_ins.start(conn, org.id, sign_in, now=NOW)
        await sign_ins.add_refresh(
            conn, org.id, sign_in.sign_in_id, token_id=token.id, secret_hash=token.secret_hash, now=NOW
        )
    ask = {"refresh_token": token.text}
    answers = await asyncio.gather(*(world.site.client.post("/api/v1/auth/refresh", json=ask) for _ in range(4)))
    good = [answer.json() for answer in answers if answer.status_code == 200]
    assert len(good) == 1 and {a.json()["code"] for a in answers if a.status_code != 200} == {"token_reused"}
    headers = {"Authorization": f"Bearer {good[0]['access_token']}"}
    assert (await world.site.client.get(ME, headers=headers)).status_code == 401
    after = await world.site.client.post("/api/v1/auth/refresh", json={"refresh_token": good[0]["refresh_token"]})
    assert after.status_code == 401


async def test_of_two_who_reset_a_password_at_once_one_does(world: World) -> None:
    org, person = world.ours, world.members[Role.CALLBACK].id
    new = credentials.NewCredential(
        person_id=person, login=f"reset-{person.hex}", password_hash=None, must_change=False
    )
    async with org_transaction(org.pool, org.id) as conn:
        await credentials.set_credential(conn, org.id, new, now=NOW)
    reset = await make_reset(org.pool, org.id, person, by=None, now=NOW)
    asks = [{"reset_token": reset.reset_token, "new": f"a very long word {n}"} for n in range(3)]
    answers = await asyncio.gather(*(world.site.client.post("/api/v1/auth/password-reset", json=ask) for ask in asks))
    assert sorted(answer.status_code for answer in answers) == [204, 401, 401]


async def test_an_anchor_of_another_phone_counts_as_none(world: World) -> None:
    mine, other = world.members[Role.TECHNICIAN].phone, world.members[Role.CREW_LEAD].phone
    org, keyring = world.ours, world.site.services.keyring
    for anchor, method in (
        (make_anchor(keyring, NOW - timedelta(hours=1), other.id), "sent"),
        (make_anchor(keyring, NOW - timedelta(hours=1), mine.id), "anchor_sent"),
        ("x" * 200, "sent"),
    ):
        job = await org.assigned_job("gamma")
        cited = CitedAnchor(token=anchor, mono_ms=1_000, boot="b")
        command = envelope(note(org, job), org.new_id())
        command["at"] = ClockSample(wall=NOW, mono_ms=2_000, boot="b", anchor=cited)
        before = mine.next_n
        mine.put(command)
        body = batch(mine.pending(before - 1)).replace(b'{"sent":{"wall"', b'{"sent":{"mono_ms":3000,"boot":"b","wall"')
        answer = await world.site.client.post("/sync/v1/push", content=body, headers=headers_of(mine.enrolled))
        assert answer.json()["outcomes"][0]["status"] == "applied", answer.text
        found = await looking.rows(
            org, "select clock from event where org_id = $1 and command_id = $2 and name = 'note_added'", command["id"]
        )
        assert [row["clock"] for row in found] == [method]


def swaps(world: World, command: Command, other_job: UUID) -> Iterator[tuple[str, dict[str, Any]]]:
    """Give a command's arguments with one id after the other replaced by what the other organisation has in its place."""
    ours, theirs = world.ours, world.theirs
    twins = {ours.site: theirs.site, ours.contact: theirs.contact, ours.meter: theirs.meter}
    for mine, other in (
        (ours.people, theirs.people), (ours.crews, theirs.crews), (ours.parts, theirs.parts),
        (ours.districts, theirs.districts), (ours.vans, theirs.vans),
    ):  # fmt: skip
        twins |= {mine[name]: other[name] for name in mine if name in other}
    fields: dict[str, Any] = msgspec.to_builtins(command, str_keys=True)
    del fields["name"]
    own = {str(mine): str(other) for mine, other in twins.items()}

    def walk(value: Any, path: tuple[Any, ...]) -> Iterator[tuple[tuple[Any, ...], str]]:
        if isinstance(value, dict):
            for name, part in value.items():
                yield from walk(part, (*path, name))
        elif isinstance(value, list):
            for at, part in enumerate(value):
                yield from walk(part, (*path, at))
        elif isinstance(value, str) and value in own:
            yield path, own[value]
        elif path and path[-1] in ("job_id", "of_job_id"):
            yield path, str(other_job)

    for path, twin in walk(fields, ()):
        changed_fields = msgspec.json.decode(msgspec.json.encode(fields))
        inner = changed_fields
        for step in path[:-1]:
            inner = inner[step]
        inner[path[-1]] = twin
        yield ".".join(map(str, path)), changed_fields


TIMERS = [name for name, line in LINES.items() if not line.office | line.field]
"""Commands that no role may send."""


@pytest.mark.parametrize("name", [name for name in COMMANDS if name not in ("report_job", "open_job", *TIMERS)])
async def test_an_id_of_another_organisation_in_any_argument_is_nothing_here(
    world: World, owner: asyncpg.Connection, name: str
) -> None:
    """Each argument alone, the rest our own, sent by whoever may. A new job or person may bear an id that others use too."""
    line = LINES[name]
    role = next(
        r
        for r in (Role.ADMIN, Role.ENGINEER, Role.TECHNICIAN)
        if r in line.office | line.field and line.code(r, "crew", on_phone=False) == "ok"
    )
    other_job = (await world.theirs.assigned_job("alpha")).job_id
    ground = Ground(home=world.ours, holder=world.ours, column="crew", role=role, person=world.members[role].id)
    command = SCENES[name](ground)
    await arrange(world.ours, ground.steps)
    before = await stored(owner, world)
    told: dict[str, str] = {}
    for argument, args in swaps(world, command, other_job):
        headers = {**world.members[role].headers, "Idempotency-Key": str(world.ours.new_id())}
        answer: httpx.Response = await world.site.client.post(f"/api/v1/commands/{name}", json=args, headers=headers)
        told[argument] = answer.json()["code"]
    fine = {"unknown_job", "unknown_visit", "unknown_reference", "out_of_scope", "not_assigned"}
    assert {argument: code for argument, code in told.items() if code not in fine} == {}
    assert changed(before, await stored(owner, world)) == []
    if "job_id" in COMMANDS[name].type.__struct_fields__:
        assert "job_id" in told


@pytest.mark.parametrize("name", TIMERS)
async def test_what_the_timer_asks_with_an_id_of_another_organisation_is_nothing_here(
    world: World, owner: asyncpg.Connection, name: str
) -> None:
    """No role sends these, so they are given to the timer: each id alone that of the other organisation, who really has it, and all at once."""
    ours, theirs = (
        Ground(home=world.ours, holder=org, column="crew", role=Role.ENGINEER, person=org.people[Role.ENGINEER.value])
        for org in (world.ours, world.theirs)
    )
    command, twin = SCENES[name](ours), SCENES[name](theirs)
    await arrange(world.ours, ours.steps)
    await arrange(world.theirs, theirs.steps)
    ids = [field for field in command.__struct_fields__ if isinstance(getattr(command, field), UUID)]
    assert ids
    before = await stored(owner, world)
    timer = Actor(org_id=world.ours.id, via=Via.TIMER)

    async def answer_to(swapped: list[str]) -> Answer:
        asked = msgspec.structs.replace(command, **{field: getattr(twin, field) for field in swapped})
        ask = ask_of(asked, timer, id=world.ours.new_id(), now=NOW)
        (answer,) = await run(world.ours.pool, world.ours.id, [ask], now=NOW)
        return answer

    for swapped in (*([field] for field in ids), ids):
        answer = await answer_to(swapped)
        assert (answer.took_effect, answer.code) == (False, "unknown_reference"), swapped
    assert changed(before, await stored(owner, world)) == []
    assert (await answer_to([])).took_effect
