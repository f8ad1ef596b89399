"""The demo organisation in the synthetic city: districts, sites, meters, parts, policies, people and crews, all by commands.

Founding again changes nothing: every id follows from the organisation and the city, and a command whose content was given before
is answered as before. Never writes a row of the trade itself.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final
from uuid import UUID, uuid5

import asyncpg
from msgspec import Struct
from msgspec.structs import replace

from api import organisations
from api.demo import people, places
from api.demo.cast import ADMIN_LOGIN, OFFICE, PARTS
from api.demo.people import CrewLine
from api.operator_error import OperatorError
from api.passwords import Passwords
from api.store import credentials
from geo.city_plan import City
from jobs.job_types import shipped
from jobs.policies import shipped_policies
from jobs.stock_locations import shipped_locations
from mobile_contract.schema.approval import Policy, WorkingHours
from mobile_contract.schema.base import Command, LocalText
from mobile_contract.schema.decisions import LoadJobType, SavePart, SavePolicy, SaveStockLocation
from mobile_contract.schema.material import Part
from mobile_contract.schema.stock import LocationKind, StockLocation
from sync.execute import run
from sync.transaction import org_transaction

CURRENCY: Final = "CNY"
# Documents per transaction stay well under a thousand.
CHUNK: Final = 150


class Founded(Struct, frozen=True, kw_only=True):
    """The organisation as the player needs it: names lead to ids. `office` maps a login to its person."""

    org_id: UUID
    slug: str
    zone: str
    city: City | None
    districts: dict[str, UUID]
    sites: dict[str, UUID]
    parts: dict[str, UUID]
    office: dict[str, UUID]
    crews: tuple[CrewLine, ...]


async def found(pool: asyncpg.Pool, slug: str, city: City, *, zone: str, now: datetime) -> Founded:
    """Make the organisation of a slug, or bring it up to what it should be. Raises OperatorError when a command is refused."""
    org_id = await credentials.org_of_slug(pool, slug)
    if org_id is None:
        new = organisations.NewOrganisation(
            slug=slug, name=f"{city.name} Water and Gas", zone=zone, currency=CURRENCY, admin_login=ADMIN_LOGIN
        )
        org_id = (await organisations.create(pool, new, now=now)).org_id
    founded = plan(org_id, slug, city, zone=zone)
    for commands in (
        places.districts(org_id, city),
        _catalogue(org_id),
        places.premises(org_id, city),
        people.office(org_id),
        people.crews(founded.crews, founded.districts, now=now),
        people.duties(org_id, now=now),
    ):
        await give(pool, org_id, commands, now=now)
    return founded


def plan(org_id: UUID, slug: str, city: City, *, zone: str) -> Founded:
    """Name everything that founding makes, without looking."""
    districts = {d.code: places.district_id(org_id, d.code) for d in city.districts}
    return Founded(
        org_id=org_id,
        slug=slug,
        zone=zone,
        city=city,
        districts=districts,
        sites={s.code: places.site_id(org_id, s.code) for s in city.sites},
        parts={p.code: uuid5(org_id, f"part/{p.code}") for p in PARTS},
        office={line.code: people.person_id(org_id, line.code) for line in OFFICE},
        crews=people.crew_lines(org_id, city),
    )


async def give(pool: asyncpg.Pool, org_id: UUID, commands: Sequence[Command], *, now: datetime) -> None:
    """Give commands as the operator; the same content was given before: nothing happens. Raises OperatorError for a refusal."""
    for start in range(0, len(commands), CHUNK):
        asks = [organisations.operator_ask(org_id, command, now=now) for command in commands[start : start + CHUNK]]
        known = [replace(ask, id=uuid5(org_id, f"founding/{ask.name}/{ask.digest.hex()}")) for ask in asks]
        for answer in await run(pool, org_id, known, now=now):
            if not answer.took_effect:
                raise OperatorError(f"The demo organisation was refused {answer.name}: {answer.code} {answer.detail}")


async def give_logins(pool: asyncpg.Pool, founded: Founded, password: str, *, now: datetime) -> tuple[str, ...]:
    """Give everybody in the office, the administrator included, this password; returns their logins."""
    passwords = Passwords()
    try:
        async with org_transaction(pool, founded.org_id) as conn:
            admin = await credentials.by_login(conn, founded.org_id, ADMIN_LOGIN)
            holders = {**founded.office, **({ADMIN_LOGIN: admin.person_id} if admin else {})}
            for login, person_id in holders.items():
                new = credentials.NewCredential(
                    person_id=person_id,
                    login=login,
                    password_hash=await passwords.hash(password),
                    must_change=False,
                )
                await credentials.set_credential(conn, founded.org_id, new, now=now)
    finally:
        passwords.close()
    return tuple(holders)


def _catalogue(org_id: UUID) -> list[Command]:
    parts = (
        Part(
            id=uuid5(org_id, f"part/{line.code}"),
            code=line.code,
            name=LocalText(en=line.en, zh=line.zh),
            unit=line.unit,
            unit_cost=Decimal(line.cost),
            serialised=line.serialised,
        )
        for line in PARTS
    )
    store = StockLocation(
        id=uuid5(org_id, "stock_location/store"), code="store", kind=LocationKind.STORE, name="Central warehouse"
    )
    return [
        *(SaveStockLocation(location=location) for location in (*shipped_locations(org_id), store)),
        *(SavePart(part=part) for part in parts),
        *(SavePolicy(policy=policy) for policy in _policies(org_id)),
        *(LoadJobType(job_type=job_type) for job_type in shipped(org_id)),
    ]


def _policies(org_id: UUID) -> Iterable[Policy]:
    """Give the shipped ladder R1, then its next version: this works keeps its hours on weekends too."""
    for policy in shipped_policies(org_id, CURRENCY):
        yield policy
        if not policy.working_hours:
            continue
        hours = policy.working_hours[0]
        daily = tuple(WorkingHours(weekday=day, from_min=hours.from_min, to_min=hours.to_min) for day in range(1, 8))
        version = policy.version + 1
        id = uuid5(org_id, f"policy/{policy.code}/{version}/{CURRENCY}")
        yield replace(policy, id=id, version=version, working_hours=daily)


def roster_of(founded: Founded, crews: Sequence[CrewLine], day: datetime, *, days: int = 1) -> list[Command]:
    """Roster crews from the local morning that begins at `day` for some days."""
    return [command for number in range(days) for command in people.shifts(crews, day + timedelta(days=number))]
