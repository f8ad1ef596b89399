"""Documents and scopes under concurrency: whoever comes second sees what the first one did, so nothing is computed from half of it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from msgspec.structs import replace

from jobs.projection import documents_of, project
from mobile_contract.schema import decisions as d
from mobile_contract.schema.base import Command
from mobile_contract.schema.facts import RequestParts
from mobile_contract.schema.material import RequestLine
from mobile_contract.schema.people import Crew, CrewMember, Person, Role
from mobile_contract.schema.place import Meter
from sync import verify
from sync.execute import execute
from sync.transaction import org_transaction
from tests.arrange import NOW, Org, ask_of
from tests.waiting import until


@contextlib.asynccontextmanager
async def executed(org: Org, *commands: Command, by: str) -> AsyncIterator[None]:
    """Execute commands and commit only at the end of the block."""
    async with org_transaction(org.pool, org.id) as conn:
        asks = [ask_of(command, org.actor(by), id=org.new_id(), now=NOW) for command in commands]
        done = await execute(conn, org.id, asks, now=NOW)
        assert all(answer.took_effect for answer in done.answers), done.answers
        yield


async def blocked(owner: asyncpg.Connection) -> Any:
    """Tell whether some connection of this database waits for a lock."""
    return await owner.fetchval(
        "select exists (select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock')"
    )


async def drifts(owner: asyncpg.Connection, org: Org) -> list[verify.Drift]:
    return [drift async for part in verify.verify(owner, org.id, now=NOW) for drift in part.drifts]


async def held(owner: asyncpg.Connection, org: Org, kind: str, id: UUID) -> set[str]:
    rows = await owner.fetch(
        "select bucket from sync_member where org_id = $1 and kind = $2 and id = $3 and not gone", org.id, kind, id
    )
    return {row["bucket"] for row in rows}


@pytest.mark.parametrize("first", ["assigned", "installed"])
async def test_a_meter_that_is_installed_while_a_crew_is_sent_to_its_site_reaches_the_crew(
    owner: asyncpg.Connection, org: Org, first: str
) -> None:
    job_id, meter_id = org.new_id(), org.new_id()
    await org.ok(d.OpenJob(job_id=job_id, job_type="repair", site_id=org.site), by="dan")
    commands: dict[str, tuple[str, Command]] = {
        "assigned": ("dan", d.AssignVisit(job_id=job_id, visit_id=org.new_id(), crew_id=org.crews["alpha"])),
        "installed": ("ada", d.SaveMeter(meter=Meter(id=meter_id, site_id=org.site, serial="M-9"))),
    }
    by, command = commands.pop(first)
    ((other_by, other),) = commands.values()
    async with executed(org, command, by=by):
        second = asyncio.create_task(org.ok(other, by=other_by))
        await until(lambda: blocked(owner))
    await second
    assert await held(owner, org, "meter", meter_id) == {f"crew/{org.crews['alpha']}"}
    assert await drifts(owner, org) == []


@pytest.mark.parametrize("first", ["joins", "leaves"])
async def test_who_joins_a_crew_while_being_offboarded_holds_nothing(
    owner: asyncpg.Connection, org: Org, first: str
) -> None:
    # Two rows that no lock of the trade joins: the person's, and a membership that is new.
    amy, beta = org.people["amy"], org.crews["beta"]
    member = CrewMember(id=org.new_id(), crew_id=beta, person_id=amy, from_at=NOW)
    gone = Person(id=amy, code="amy", name="Amy", roles=(Role.TECHNICIAN,), active=False)
    commands: dict[str, Command] = {"joins": d.SaveCrewMember(member=member), "leaves": d.SavePerson(person=gone)}
    command = commands.pop(first)
    (other,) = commands.values()
    async with executed(org, command, by="ada"):
        second = asyncio.create_task(org.send(other, by="ada"))
        await until(lambda: blocked(owner))
    await second
    open_ones = await owner.fetch(
        "select bucket from sync_scope where org_id = $1 and person_id = $2 and (to_at is null or to_at > $3)",
        org.id,
        amy,
        NOW,
    )
    assert open_ones == []
    assert await drifts(owner, org) == []


async def test_a_crew_that_is_closed_takes_its_members_documents_out_of_its_bucket(
    owner: asyncpg.Connection, org: Org
) -> None:
    alpha, amy = org.crews["alpha"], org.people["amy"]
    assert f"crew/{alpha}" in await held(owner, org, "person", amy)
    closed = Crew(id=alpha, code="alpha", name="Alpha", van_id=org.vans["alpha"], active=False)
    await org.ok(d.SaveCrew(crew=closed), by="ada")
    assert await held(owner, org, "person", amy) == {f"me/{amy}"}
    assert await drifts(owner, org) == []


async def test_a_request_for_material_alone_is_seen_by_its_approver(pool: asyncpg.Pool, org: Org) -> None:
    job = await org.assigned_job()
    request_id = org.new_id()
    lines = (RequestLine(part_id=org.parts["clamp"], quantity=Decimal(1)),)
    asked = RequestParts(job_id=job.job_id, visit_id=job.visit_id, request_id=request_id, lines=lines)
    await org.ok(asked, by="amy")
    async with org_transaction(pool, org.id) as conn:
        (alone,) = await project(conn, org.id, [("material_request", request_id)])
    assert alone.buckets == (f"crew/{org.crews['alpha']}", "role/engineer")


async def test_what_is_beside_a_changed_row_is_looked_at_too(pool: asyncpg.Pool, org: Org) -> None:
    request_id, contact_id = org.new_id(), org.new_id()
    contact = d.ContactDetails(contact_id=contact_id, name="Wu")
    await org.ok(d.RegisterRequest(request_id=request_id, contact=contact), by="cal")
    async with org_transaction(pool, org.id) as conn:
        assert ("site", org.site) in await documents_of(conn, org.id, [("meter", org.meter)])
        assert ("person", org.people["ali"]) in await documents_of(conn, org.id, [("crew", org.crews["alpha"])])
        assert ("contact", contact_id) in await documents_of(conn, org.id, [("request", request_id)])


@pytest.mark.parametrize("first", ["given work", "leaves"])
async def test_whoever_is_given_work_while_leaving_has_none_in_the_end(
    owner: asyncpg.Connection, org: Org, first: str
) -> None:
    amy, job_id = org.people["amy"], await org.open_job("east")
    commands: dict[str, tuple[Command, str]] = {
        "given work": (d.AssignVisit(job_id=job_id, visit_id=org.new_id(), person_id=amy), "dan"),
        "leaves": (d.OffboardPerson(person_id=amy), "ada"),
    }
    command, by = commands.pop(first)
    ((other, its_by),) = commands.values()
    async with executed(org, command, by=by):
        second = asyncio.create_task(org.send(other, by=its_by))
        await until(lambda: blocked(owner))
    (answer,) = await second
    assert answer.code == ("ok" if first == "given work" else "person_inactive")
    states = await owner.fetch("select state from visit where org_id = $1 and person_id = $2", org.id, amy)
    assert [row["state"] for row in states] == (["cancelled"] if first == "given work" else [])
    assert await owner.fetchval("select state from job where org_id = $1 and id = $2", org.id, job_id) == "ready"
    assert await drifts(owner, org) == []


async def test_a_request_that_moves_is_told_in_both_jobs(owner: asyncpg.Connection, org: Org) -> None:
    here, there, request_id = await org.open_job(), await org.open_job(), org.new_id()
    await org.ok(d.RegisterRequest(request_id=request_id, job_id=here, description="burst"), by="cal")
    await org.ok(d.LinkRequest(request_id=request_id, job_id=there), by="dan")
    told = await owner.fetch(
        "select job_id, detail ->> 'moved_to' moved_to from event where org_id = $1 and name = 'request_linked' order by received_at, seq",
        org.id,
    )
    assert {(row["job_id"], row["moved_to"]) for row in told} == {(here, None), (there, None), (here, str(there))}
    assert await drifts(owner, org) == []


@pytest.mark.parametrize("how", ["leaves", "crew closes", "never joins"])
async def test_a_membership_that_ends_before_it_begins_leaves_no_drift(
    owner: asyncpg.Connection, org: Org, how: str
) -> None:
    amy, beta, soon = org.people["amy"], org.crews["beta"], NOW + timedelta(days=10)
    member = CrewMember(id=org.new_id(), crew_id=beta, person_id=amy, from_at=soon)
    await org.ok(d.SaveCrewMember(member=member), by="ada")
    closed = Crew(id=beta, code="beta", name="Beta", van_id=org.vans["beta"], active=False)
    commands: dict[str, Command] = {
        "leaves": d.OffboardPerson(person_id=amy),
        "crew closes": d.SaveCrew(crew=closed),
        "never joins": d.SaveCrewMember(member=replace(member, to_at=soon + timedelta(seconds=1))),
    }
    await org.ok(commands[how], by="ada")
    assert await drifts(owner, org) == []
    await org.ok(d.SavePerson(person=Person(id=amy, code="amy", name="Amy", roles=(Role.TECHNICIAN,))), by="ada")
    assert await drifts(owner, org) == []
