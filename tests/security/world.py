"""Two organisations alike, with a person, a sign-in and a phone for every role; and a look at everything they have stored. Never mocks."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import asyncpg
import httpx
import msgspec
from uuid_utils.compat import uuid7

from api.store import api_keys
from mobile_contract.schema import decisions as d
from mobile_contract.schema.base import Command
from mobile_contract.schema.people import Crew, CrewMember, Person, Role
from mobile_contract.schema.reconciliation_commands import ReconcileDay
from mobile_contract.version import CONTRACT
from sync.tokens import TokenKind, mint_token
from sync.transaction import org_transaction
from tests.api.office import signed_in
from tests.api.serving import Site
from tests.arrange import FOUNDED, NOW, Enrolled, Org, organisation
from tests.security.scenes import CREW, ladder
from tests.sync.phone import Phone, batch, envelope

# What a refusal may leave behind: its own answer, the report put aside, the notice to its author, what the device counts.
_TRACES: Final = (
    "sync_outcome",
    "sync_quarantine",
    "sync_unreadable",
    "notice",
    "sync_device",
    "sync_device_seen",
    "throttle",
)
_TABLES: Final = """
select c.relname name from pg_class c join pg_attribute o on o.attrelid = c.oid and o.attname = 'org_id'
where c.relkind = 'r' and c.relnamespace = 'public'::regnamespace and not c.relname = any($1) order by 1"""

Stored = Mapping[str, tuple[int, int]]


@dataclass(kw_only=True, repr=False)
class Member:
    """A person with what it calls with: a sign-in's header and a phone."""

    id: UUID
    roles: frozenset[Role]
    headers: dict[str, str]
    phone: Phone


@dataclass(kw_only=True, eq=False, repr=False)
class World:
    """Our organisation with somebody of every role, all of them in one crew, and another organisation that is built alike."""

    site: Site
    ours: Org
    theirs: Org
    members: dict[Role, Member]

    async def send(self, command: Command, headers: Mapping[str, str]) -> httpx.Response:
        """Send a command over REST under a key of its own."""
        fields = msgspec.to_builtins(command, str_keys=True)
        name = fields.pop("name")
        sent = {**headers, "Idempotency-Key": str(self.ours.new_id()), "Content-Type": "application/json"}
        body = msgspec.json.encode(fields)
        return await self.site.client.post(f"/api/v1/commands/{name}", content=body, headers=sent)

    async def push(self, phone: Phone, commands: Sequence[Command], *, session: UUID | None = None) -> list[Any]:
        """Hand commands in from a phone over HTTP and give their outcomes."""
        before = phone.next_n
        for command in commands:
            phone.put(envelope(command, phone.org.new_id()), session=session)
        answer = await self.site.client.post(
            "/sync/v1/push", content=batch(phone.pending(before - 1)), headers=headers_of(phone.enrolled)
        )
        assert answer.status_code == 200, answer.text
        outcomes: list[Any] = answer.json()["outcomes"]
        return outcomes

    async def key(self, *scopes: str) -> dict[str, str]:
        """Make a key whose row names these scopes, also such as no administrator could give."""
        token = mint_token(TokenKind.API_KEY, self.ours.id, uuid7())
        new = api_keys.NewKey(
            key_id=token.id, name="k", secret_hash=token.secret_hash, scopes=scopes, made_by=None, expires_at=None
        )
        async with org_transaction(self.ours.pool, self.ours.id) as conn:
            await api_keys.add(conn, self.ours.id, new, now=NOW)
        return {"Authorization": f"Bearer {token.text}"}


def headers_of(enrolled: Enrolled, **changed: str) -> dict[str, str]:
    """Give the headers of a device's call; an empty one is left out."""
    session = next(iter(enrolled.sessions.values()), None)
    named = {
        "Authorization": f"Bearer {enrolled.token.text}",
        "Onsite-Contract": CONTRACT,
        "Onsite-Session": str(session.session_id) if session else "",
        **{name.replace("_", "-"): value for name, value in changed.items()},
    }
    return {name: value for name, value in named.items() if value}


async def peopled(pool: asyncpg.Pool, seed: int) -> Org:
    """Make an organisation with a person named after every role, all in the crew `gamma`, which works in the west alone."""
    org = await organisation(pool, seed)
    org.crews[CREW], org.parts["unit"] = org.new_id(), org.new_id()
    commands: list[Command] = [
        *ladder(org, org.parts["unit"]),
        d.SaveCrew(crew=Crew(id=org.crews[CREW], code=CREW, name="Gamma", district_ids=(org.districts["west"],))),
    ]
    for role in Role:
        commands += joining(org, role.value, role)
    await org.ok(*commands, now=FOUNDED)
    return org


def joining(org: Org, name: str, *roles: Role, at: datetime = FOUNDED) -> list[Command]:
    """Make a person of some roles a member of the crew `gamma`."""
    id = org.people[name] = org.new_id()
    org.roles[id] = frozenset(roles)
    member = CrewMember(id=org.new_id(), crew_id=org.crews[CREW], person_id=id, from_at=at)
    return [d.SavePerson(person=Person(id=id, code=name, name=name, roles=roles)), d.SaveCrewMember(member=member)]


async def member_of(site: Site, org: Org, name: str) -> Member:
    """Sign a person in and give it a phone."""
    id = org.people[name]
    phone = Phone(org=org, enrolled=await org.device(name), author=name)
    return Member(id=id, roles=org.roles[id], headers=await signed_in(site, org, name), phone=phone)


async def make_world(site: Site, pool: asyncpg.Pool, seed: int) -> World:
    """Make both organisations."""
    ours, theirs = await peopled(pool, seed), await peopled(pool, seed + 1)
    members = {role: await member_of(site, ours, role.value) for role in Role}
    return World(site=site, ours=ours, theirs=theirs, members=members)


async def stored(owner: asyncpg.Connection, world: World) -> Stored:
    """Count the rows of every table and name the youngest transaction that wrote one; traces of refusals are left out."""
    parts = []
    for row in await owner.fetch(_TABLES, list(_TRACES)):
        traces = " and kind not in ('outcome', 'notice')" if row["name"] in ("sync_doc", "sync_member") else ""
        parts.append(
            f"select org_id, '{row['name']}' name, count(*) n, max(xmin::text::int8) last from {row['name']}"
            f" where org_id = any($1){traces} group by org_id"
        )
    whose = {world.ours.id: "ours", world.theirs.id: "theirs"}
    rows = await owner.fetch(" union all ".join(parts), list(whose))
    return {f"{whose[row['org_id']]}/{row['name']}": (row["n"], row["last"]) for row in rows}


def changed(before: Stored, after: Stored, *, of: str = "") -> list[str]:
    """Name the tables that differ; `of` asks about one organisation, `ours` or `theirs`."""
    names = sorted(name for name in {*before, *after} if name.startswith(of))
    return [name for name in names if before.get(name) != after.get(name)]


async def arrange(org: Org, steps: Iterable[Command], *, at_once: int = 60) -> None:
    """Have commands carried out by the operator, some at a time; what was asked for is approved by the engineer.

    A day is reconciled after what went before is committed.
    """
    batch: list[Command] = []
    for step in steps:
        approved = isinstance(step, d.Approve)
        if len(batch) == at_once or approved or isinstance(step, ReconcileDay):
            await org.ok(*batch, now=NOW - timedelta(seconds=1))
            batch = []
        if approved:
            await org.ok(step, by=Role.ENGINEER.value, now=NOW - timedelta(seconds=1))
        else:
            batch.append(step)
    await org.ok(*batch, now=NOW - timedelta(seconds=1))
