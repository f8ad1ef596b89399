"""The routes by which devices fetch: who may, what is refused, how pages are encoded, and the stream of pokes on a real server."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Callable
from datetime import timedelta

import asyncpg
import httpx
import msgspec
import pytest
import zstandard

from api.settings import Settings
from mobile_contract.schema import decisions as d
from mobile_contract.schema.people import CrewMember
from mobile_contract.version import CONTRACT, MAJOR, MINOR
from sync.devices import revoke
from sync.transaction import org_transaction
from tests.api.serving import Site, in_process, on_loopback
from tests.arrange import NOW, Enrolled, Org, organisation
from tests.devices import StrictDevice
from tests.sync.phone import Phone, note
from tests.waiting import until

PULL, REPAIR, LIVE = "/sync/v1/pull", "/sync/v1/repair", "/sync/v1/live"


@pytest.fixture(scope="module")
async def site(settings: Settings) -> AsyncIterator[Site]:
    async with in_process(settings, clock=lambda: NOW) as running:
        yield running


@pytest.fixture(scope="module")
async def org(pool: asyncpg.Pool) -> Org:
    return await organisation(pool, 20260302)


def headers_of(enrolled: Enrolled, **changed: str) -> dict[str, str]:
    """Give the headers of a device's call; an empty one is left out."""
    session = next(iter(enrolled.sessions.values()))
    named = {
        "Authorization": f"Bearer {enrolled.token.text}",
        "Onsite-Contract": CONTRACT,
        "Onsite-Session": str(session.session_id),
        "Accept-Encoding": "identity",
        **{name.replace("_", "-"): value for name, value in changed.items()},
    }
    return {name: value for name, value in named.items() if value}


def code_of(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


async def test_a_device_pulls_what_its_person_holds(site: Site, org: Org) -> None:
    enrolled = await org.device("amy")
    job = await org.assigned_job("alpha")
    answer = await site.client.post(PULL, json={}, headers=headers_of(enrolled))
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("application/x-ndjson")
    device = StrictDevice(org_id=org.id, id=enrolled.id, person_id=org.people["amy"])
    begin, end = device.apply(answer.content)
    assert not end.more
    assert ("job", job.job_id) in device.documents
    assert begin.server_time == NOW
    again = await site.client.post(PULL, json={"cursor": device.cursor}, headers=headers_of(enrolled))
    device.apply(again.content)
    assert again.content.count(b"\n") == 2


async def test_who_left_the_crew_feeds_its_phone_no_more_but_is_still_heard(
    site: Site, pool: asyncpg.Pool, seed: int
) -> None:
    org = await organisation(pool, seed)
    enrolled = await org.device(crew="alpha")
    jobs = [await org.assigned_job(crew) for crew in ("alpha", "beta")]
    device = StrictDevice(org_id=org.id, id=enrolled.id, person_id=org.people["ali"])
    phone = Phone(org=org, enrolled=enrolled, author="ali")
    headers = headers_of(enrolled, Onsite_Session=str(phone.session()))
    device.apply((await site.client.post(PULL, json={}, headers=headers)).content)
    assert ("job", jobs[0].job_id) in device.documents
    left = CrewMember(
        id=org.members["ali"],
        crew_id=org.crews["alpha"],
        person_id=org.people["ali"],
        from_at=NOW - timedelta(days=1),
        to_at=NOW,
    )
    joined = CrewMember(id=org.new_id(), crew_id=org.crews["beta"], person_id=org.people["ali"], from_at=NOW)
    await org.ok(d.SaveCrewMember(member=left), d.SaveCrewMember(member=joined))
    device.apply((await site.client.post(PULL, json={"cursor": device.cursor}, headers=headers)).content)
    assert set(device.copies) == {f"dev/{enrolled.id}"}
    phone.do(note(org, jobs[0]))
    assert [outcome.status for outcome in await phone.taken()] == ["applied"]
    own = await org.device("ali")
    device = StrictDevice(org_id=org.id, id=own.id, person_id=org.people["ali"])
    device.apply((await site.client.post(PULL, json={}, headers=headers_of(own))).content)
    assert ("job", jobs[1].job_id) in device.documents


async def test_pages_are_encoded_as_the_device_accepts(site: Site, org: Org) -> None:
    enrolled = await org.device("amy")
    plain = await site.client.post(PULL, json={}, headers=headers_of(enrolled))
    decoders: dict[str, Callable[[bytes], bytes]] = {
        "zstd": zstandard.ZstdDecompressor().decompress,
        "gzip": gzip.decompress,
    }
    for name, decode in decoders.items():
        sent = site.client.build_request("POST", PULL, json={}, headers=headers_of(enrolled, Accept_Encoding=name))
        answer = await site.client.send(sent, stream=True)
        assert answer.headers["content-encoding"] == name
        raw = b"".join([chunk async for chunk in answer.aiter_raw()])
        assert len(decode(raw).splitlines()) == len(plain.content.splitlines())


@pytest.mark.parametrize("version", ["", "0.9", f"{MAJOR - 1}.{MINOR}", "one", f"{MAJOR + 1}.0"])
@pytest.mark.parametrize("path", [PULL, REPAIR, LIVE])
async def test_an_app_of_another_version_is_told_to_update(site: Site, org: Org, path: str, version: str) -> None:
    enrolled = await org.device("amy")
    method = "GET" if path == LIVE else "POST"
    answer = await site.client.request(method, path, json={}, headers=headers_of(enrolled, Onsite_Contract=version))
    assert code_of(answer) == (426, "upgrade_required")
    assert CONTRACT in answer.json()["detail"]


async def test_any_minor_version_is_served(site: Site, org: Org) -> None:
    enrolled = await org.device("amy")
    answer = await site.client.post(PULL, json={}, headers=headers_of(enrolled, Onsite_Contract=f"{MAJOR}.77"))
    assert answer.status_code == 200


async def test_who_is_no_device_gets_nothing(site: Site, org: Org) -> None:
    enrolled = await org.device("amy")
    for wrong in ("", "Bearer nonsense", f"Bearer {enrolled.token.text[:-2]}xx"):
        answer = await site.client.post(PULL, json={}, headers=headers_of(enrolled, Authorization=wrong))
        assert code_of(answer) == (401, "unauthenticated")


async def test_a_session_of_another_device_is_refused_and_changes_nothing_on_the_device(site: Site, org: Org) -> None:
    ours, other = await org.device("amy"), await org.device("bob")
    theirs = str(next(iter(other.sessions.values())).session_id)
    answer = await site.client.post(PULL, json={}, headers=headers_of(ours, Onsite_Session=theirs))
    assert code_of(answer) == (403, "session_unknown")


async def test_a_device_that_nobody_has_opened_fetches_its_own_bucket_alone(site: Site, org: Org) -> None:
    enrolled = await org.device(crew="alpha")
    answer = await site.client.post(PULL, json={}, headers=headers_of(enrolled, Onsite_Session=""))
    begin = msgspec.json.decode(answer.content.splitlines()[0])
    assert begin["buckets"] == [f"dev/{enrolled.id}"]


async def test_a_session_that_is_over_still_fetches_what_its_person_holds_now(
    site: Site, org: Org, settings: Settings
) -> None:
    own, shared = await org.device("amy"), await org.device(crew="alpha")
    counts = []
    for later in (timedelta(days=20), timedelta(days=200)):
        async with in_process(settings, clock=lambda later=later: NOW + later) as afterwards:  # type: ignore[misc]
            for enrolled in (own, shared):
                answer = await afterwards.client.post(PULL, json={}, headers=headers_of(enrolled))
                counts.append(len(msgspec.json.decode(answer.content.splitlines()[0])["buckets"]))
    assert counts == [6, 6, 6, 1], "a crew's device is for nobody once its sessions have been over for long"


async def test_a_revoked_device_is_told_to_wipe_and_gets_nothing_else(site: Site, org: Org) -> None:
    enrolled = await org.device("amy")
    async with org_transaction(org.pool, org.id) as conn:
        await revoke(conn, org.id, [enrolled.id], by=None, now=NOW)
    for session in ({}, {"Onsite_Session": ""}, {"Onsite_Session": str(org.new_id())}):
        answer = await site.client.post(PULL, json={}, headers=headers_of(enrolled, **session))
        begin = msgspec.json.decode(answer.content.splitlines()[0])
        assert begin["buckets"] == [f"dev/{enrolled.id}"]


BAD = {
    "not json": (b"{", 400),
    "a wrong type": (b'{"cursor":5}', 422),
    "a digest that is none": (b'{"cursor":"x","digests":{"ref":[1,"zz"]}}', 422),
    "a negative count": (b'{"seen_n":-1}', 422),
    "a NUL": (b'{"cursor":"\\u0000"}', 422),
}


@pytest.mark.parametrize("what", BAD)
async def test_a_bad_body_is_refused_with_a_code(site: Site, org: Org, what: str) -> None:
    enrolled = await org.device("amy")
    body, status = BAD[what]
    headers = {**headers_of(enrolled), "Content-Type": "application/json"}
    answer = await site.client.post(PULL, content=body, headers=headers)
    assert answer.status_code == status, answer.text


async def test_bodies_are_bounded_before_and_after_decompression(site: Site, org: Org) -> None:
    enrolled = await org.device("amy")
    headers = {**headers_of(enrolled), "Content-Type": "application/json"}
    answer = await site.client.post(PULL, content=b" " * 70_000, headers=headers)
    assert code_of(answer) == (413, "body_too_large")
    bomb = zstandard.ZstdCompressor().compress(b" " * 50_000_000)
    answer = await site.client.post(REPAIR, content=bomb, headers={**headers, "Content-Encoding": "zstd"})
    assert code_of(answer) == (413, "body_too_large")


async def test_a_repair_over_http_mends(site: Site, org: Org) -> None:
    enrolled = await org.device("amy")
    device = StrictDevice(org_id=org.id, id=enrolled.id, person_id=org.people["amy"])
    device.apply((await site.client.post(PULL, json={}, headers=headers_of(enrolled))).content)
    held = dict(device.copies["ref"])
    device.copies["ref"].clear()
    ask: dict[str, object] = {"cursor": device.cursor, "bucket": "ref", "sums": []}
    answer = await site.client.post(REPAIR, json=ask, headers=headers_of(enrolled))
    device.apply(answer.content)
    assert device.copies["ref"] == held


async def test_the_stream_pokes_a_device_on_a_real_server(settings: Settings, org: Org) -> None:
    enrolled = await org.device("amy")
    heard: list[str] = []

    async def listen(site: Site) -> None:
        async with site.client.stream("GET", LIVE, headers=headers_of(enrolled), timeout=20) as stream:
            assert stream.status_code == 200
            assert stream.headers["content-type"].startswith("text/event-stream")
            # One by one: what has come is looked at while the stream goes on.
            async for line in stream.aiter_lines():
                heard.append(line)  # noqa: PERF401

    async with on_loopback(settings) as site:
        listener = asyncio.create_task(listen(site))
        await until(lambda: heard.count("event: poke") == 1)
        # Nobody in that server says so: another process wrote it, and the server's own poll finds it.
        await org.assigned_job("alpha")
        await until(lambda: heard.count("event: poke") >= 2, timeout_s=15)
        listener.cancel()
        await asyncio.gather(listener, return_exceptions=True)
