"""The organisation that works the real repairs: the imported districts and jobs, an office, twelve crews based in the districts.

Makes it by the import engine and by commands. Plays nothing.
"""

import csv
import io
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final
from uuid import UUID, uuid5

import asyncpg
import shapely
import shapely.geometry
from msgspec import Struct

from api import organisations
from api.demo import founding, people
from api.demo.cast import TECHNICIANS
from api.demo.founding import Founded
from api.demo.people import CREWS, CrewLine
from api.importing.engine import ImportOrder, import_file
from api.importing.fields import Noun
from api.importing.mapping import Mapping, read_mapping
from api.importing.report import Report
from api.operator_error import OperatorError
from geo.coordinates import LonLat
from mobile_contract.schema.base import Command, Skill
from mobile_contract.schema.decisions import SaveCrew, SaveCrewMember, SavePerson, SaveShift, SaveStockLocation
from mobile_contract.schema.people import Crew, CrewMember, Person, Role, Shift
from mobile_contract.schema.stock import LocationKind, StockLocation
from sync.transaction import org_transaction

ZONE: Final = "America/Los_Angeles"
DISTRICTS_FILE: Final = "council_districts.geojson"
REPAIRS_FILE: Final = "water_main_leaks_2010_2013.csv"
MAPPING: Final = Path(__file__).parent / "la_leaks.toml"
YEAR: Final = "-13"
_DATE: Final = "%d-%b-%y"
_SKILLS: Final = (Skill(code="pipe_repair", level=2),)
# The earliest jobs first; a repair has a date and no time of day.
_LOCATED = """
select id, reported_at from job where org_id = $1 and state = 'ready' and reported_at >= $2 and reported_at < $3
order by reported_at, id limit $4"""
_COUNTS = """
select count(*) jobs, count(*) filter (where state = 'awaiting_triage') waiting,
  count(*) filter (where state = 'awaiting_triage' and lon_deg is null) unlocated from job where org_id = $1"""

Progress = Callable[[int, int], None]


class Imported(Struct, frozen=True):
    """What came out of the import: jobs in all, those that await triage, and of these those without coordinates."""

    districts: int
    jobs: int
    waiting: int
    unlocated: int


def data_folder(folder: Path) -> Path:
    """Insist on the real data. Raises OperatorError that says what is missing and where it was looked for."""
    missing = [name for name in (DISTRICTS_FILE, REPAIRS_FILE) if not (folder / name).is_file()]
    if missing:
        raise OperatorError(
            f"the real data is not here: {', '.join(missing)} in {folder}. Name its folder with --data."
        )
    return folder


def repairs_file(folder: Path, into: Path, slice_: int | None) -> Path:
    """Give the file to import: the whole one, or the first located repairs of 2013 as a file of their own."""
    whole = folder / REPAIRS_FILE
    if slice_ is None:
        return whole
    reader = csv.DictReader(io.StringIO(whole.read_text("utf-8-sig")))
    rows = [row for row in reader if row["reported_on"].endswith(YEAR) and row["lat"]]
    rows.sort(key=lambda row: (datetime.strptime(row["reported_on"], _DATE), row["leak_id"]))  # noqa: DTZ007 - an order
    path = into / REPAIRS_FILE
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, reader.fieldnames or [])
        writer.writeheader()
        writer.writerows(rows[:slice_])
    return path


async def make(pool: asyncpg.Pool, slug: str, folder: Path, *, now: datetime) -> Founded:
    """Make the organisation with its districts, its office and its crews. Raises OperatorError."""
    new = organisations.NewOrganisation(slug=slug, name="Water and Power", zone=ZONE, currency="USD")
    org_id = (await organisations.create(pool, new, now=now)).org_id
    path = folder / DISTRICTS_FILE
    await _import(pool, ImportOrder(org_id=org_id, noun=Noun.DISTRICTS, path=path, mapping=Mapping()), now=now)
    bases = _bases(path)
    districts = await _district_ids(pool, org_id)
    lines = _lines(org_id, bases)
    await founding.give(pool, org_id, people.office(org_id), now=now)
    await founding.give(pool, org_id, _crews(lines, districts, now=now), now=now)
    office = {"dispatcher": people.person_id(org_id, "dispatcher")}
    return Founded(
        org_id=org_id,
        slug=slug,
        zone=ZONE,
        city=None,
        districts=districts,
        sites={},
        parts={},
        office=office,
        crews=lines,
    )


async def bring_in(pool: asyncpg.Pool, org_id: UUID, path: Path, *, now: datetime, progress: Progress) -> Imported:
    """Import the repairs and count what came of them."""
    order = ImportOrder(org_id=org_id, noun=Noun.JOBS, path=path, mapping=read_mapping(MAPPING))
    await _import(pool, order, now=now, progress=progress)
    async with org_transaction(pool, org_id) as conn:
        row = await conn.fetchrow(_COUNTS, org_id)
        districts = await conn.fetchval("select count(*) from district where org_id = $1", org_id)
    return Imported(districts, row["jobs"], row["waiting"], row["unlocated"])


async def located(
    pool: asyncpg.Pool, org_id: UUID, begin: datetime, end: datetime, *, most: int
) -> list[tuple[UUID, datetime]]:
    """List the jobs that are ready and were reported in a span: (job, reported at), the earliest first."""
    async with org_transaction(pool, org_id) as conn:
        return [(row["id"], row["reported_at"]) for row in await conn.fetch(_LOCATED, org_id, begin, end, most)]


async def _import(
    pool: asyncpg.Pool, order: ImportOrder, *, now: datetime, progress: Progress = lambda done, total: None
) -> Report:
    report = await import_file(pool, order, now=now, progress=progress)
    if report.refused:
        raise OperatorError(f"{report.refused} rows of {order.path.name} were refused: {report.notes[0]}")
    return report


async def _district_ids(pool: asyncpg.Pool, org_id: UUID) -> dict[str, UUID]:
    async with org_transaction(pool, org_id) as conn:
        rows = await conn.fetch("select code, id from district where org_id = $1 order by code limit 1000", org_id)
    return {row["code"]: row["id"] for row in rows}


def _bases(path: Path) -> dict[str, LonLat]:
    """Place each crew's base well inside its district."""
    found = {}
    for feature in json.loads(path.read_text("utf-8"))["features"]:
        point = shapely.geometry.shape(feature["geometry"]).representative_point()
        found[feature["properties"]["code"]] = LonLat(point.x, point.y)
    return found


def _lines(org_id: UUID, bases: dict[str, LonLat]) -> tuple[CrewLine, ...]:
    """Give each crew a district to be based in, and the districts beyond the twelfth to the first crews."""
    codes = sorted(bases)
    lines = []
    for number in range(CREWS):
        code = f"crew-{number + 1:02}"
        lines.append(
            CrewLine(
                code=code,
                name=f"Crew {number + 1}",
                crew_id=uuid5(org_id, f"crew/{code}"),
                van_id=uuid5(org_id, f"stock_location/van-{code}"),
                members=tuple(people.person_id(org_id, f"tech-{i + 1:02}") for i in (2 * number, 2 * number + 1)),
                names=TECHNICIANS[2 * number : 2 * number + 2],
                district_codes=tuple(codes[number::CREWS]),
                base=bases[codes[number]],
            )
        )
    return tuple(lines)


def _crews(lines: tuple[CrewLine, ...], districts: dict[str, UUID], *, now: datetime) -> list[Command]:
    """Make people, vans, crews and memberships; everybody is on shift for the whole year, since work follows the days."""
    commands: list[Command] = []
    for line in lines:
        for place, (id, name) in enumerate(zip(line.members, line.names, strict=True)):
            roles = (Role.TECHNICIAN, Role.CREW_LEAD) if place == 0 else (Role.TECHNICIAN,)
            person = Person(id=id, code=f"{line.code}-{place + 1}", name=name, roles=roles, skills=_SKILLS)
            commands.append(SavePerson(person=person))
        van = StockLocation(id=line.van_id, code=f"van-{line.code}", kind=LocationKind.VAN, name=f"Van of {line.name}")
        crew = Crew(
            id=line.crew_id,
            code=line.code,
            name=line.name,
            lead_id=line.members[0],
            district_ids=tuple(districts[code] for code in line.district_codes),
            van_id=line.van_id,
            lon_deg=line.base.lon_deg,
            lat_deg=line.base.lat_deg,
        )
        commands += [SaveStockLocation(location=van), SaveCrew(crew=crew)]
        for id in line.members:
            member = CrewMember(id=uuid5(line.crew_id, f"member/{id}"), crew_id=line.crew_id, person_id=id, from_at=now)
            shift = Shift(id=uuid5(id, "shift"), person_id=id, from_at=now, to_at=now + timedelta(days=500))
            commands += [SaveCrewMember(member=member), SaveShift(shift=shift)]
    return commands
