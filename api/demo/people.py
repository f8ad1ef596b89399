"""People of the demo organisation: the office, crews with their vans and technicians, shifts, the duty roster. Makes commands, sends none."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final
from uuid import UUID, uuid5

from msgspec import Struct
from msgspec.structs import replace

from api.demo.cast import OFFICE, TECHNICIANS
from geo.city_plan import City
from geo.coordinates import LonLat
from mobile_contract.schema.base import Command, Skill
from mobile_contract.schema.decisions import (
    SaveCrew,
    SaveCrewMember,
    SaveDuty,
    SavePerson,
    SaveShift,
    SaveStockLocation,
)
from mobile_contract.schema.people import Crew, CrewMember, Duty, Person, Role, Shift
from mobile_contract.schema.stock import LocationKind, StockLocation

CREWS: Final = 12
# Long before any played day, so that a crew's scope reaches back.
MEMBERS_SINCE: Final = timedelta(days=60)
SHIFT_H: Final = 12.0
_EXPIRES_IN: Final = timedelta(days=3)


class CrewLine(Struct, frozen=True, kw_only=True):
    """A crew: two technicians, the lead first, a van, the districts it works in, where it starts."""

    code: str
    name: str
    crew_id: UUID
    van_id: UUID
    members: tuple[UUID, ...]
    names: tuple[str, ...]
    district_codes: tuple[str, ...]
    base: LonLat


def person_id(org_id: UUID, code: str) -> UUID:
    """Name a person of the demo."""
    return uuid5(org_id, f"person/{code}")


def crew_lines(org_id: UUID, city: City) -> tuple[CrewLine, ...]:
    """Name the crews: neighbours in the list share a district, so that two may want the same open job."""
    leaves = [d.code for d in city.districts if d.parent_code is not None]
    posts = {d.district_code: d.point for d in city.depots if d.kind == "post"}
    lines = []
    for number in range(CREWS):
        code, home = f"crew-{number + 1:02}", leaves[number % len(leaves)]
        people = range(2 * number, 2 * number + 2)
        lines.append(
            CrewLine(
                code=code,
                name=f"Crew {number + 1}",
                crew_id=uuid5(org_id, f"crew/{code}"),
                van_id=uuid5(org_id, f"stock_location/van-{code}"),
                members=tuple(person_id(org_id, f"tech-{i + 1:02}") for i in people),
                names=tuple(TECHNICIANS[i] for i in people),
                district_codes=(home, leaves[(number + 1) % len(leaves)]),
                base=posts.get(home, city.centre),
            )
        )
    return tuple(lines)


def office(org_id: UUID) -> list[Command]:
    """Make the office, one of every role."""
    return [
        SavePerson(
            person=Person(
                id=person_id(org_id, line.code),
                code=line.code,
                name=line.name,
                language=line.language,
                roles=(line.role,),
            )
        )
        for line in OFFICE
    ]


def crews(lines: Sequence[CrewLine], districts: Mapping[str, UUID], *, now: datetime) -> list[Command]:
    """Make the crews with vans, technicians and memberships."""
    commands: list[Command] = []
    # The day only: founding twice on one day says the same twice.
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    for number, line in enumerate(lines):
        for place, (id, name) in enumerate(zip(line.members, line.names, strict=True)):
            person = _technician(id, f"tech-{2 * number + place + 1:02}", name, base=line.base)
            roles = (Role.TECHNICIAN, Role.CREW_LEAD) if place == 0 else (Role.TECHNICIAN,)
            commands.append(SavePerson(person=replace(person, roles=roles, skills=_skills(number, place, today))))
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
        commands += [SaveCrewMember(member=_member(line, id, today)) for id in line.members]
    return commands


def duties(org_id: UUID, *, now: datetime) -> list[Command]:
    """Put the duty chief on the roster, month by month, around a day."""
    chief = person_id(org_id, "duty_chief")
    first = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    months = [first]
    for _ in range(2):
        months.append((months[-1] + timedelta(days=32)).replace(day=1))
    return [
        SaveDuty(duty=Duty(id=uuid5(chief, f"duty/{start:%Y-%m}"), person_id=chief, from_at=start, to_at=end))
        for start, end in pairwise(months)
    ]


def shifts(lines: Sequence[CrewLine], morning: datetime) -> list[Command]:
    """Put everybody of some crews on shift for twelve hours from a morning."""
    end = morning + timedelta(hours=SHIFT_H)
    return [
        SaveShift(shift=Shift(id=uuid5(id, f"shift/{morning:%Y-%m-%d}"), person_id=id, from_at=morning, to_at=end))
        for line in lines
        for id in line.members
    ]


def _technician(id: UUID, code: str, name: str, *, base: LonLat) -> Person:
    return Person(
        id=id,
        code=code,
        name=name,
        language="zh" if name[0] > "\u3000" else "en",
        lon_deg=base.lon_deg,
        lat_deg=base.lat_deg,
    )


def _skills(crew: int, place: int, today: datetime) -> tuple[Skill, ...]:
    """Everybody repairs; every other crew exchanges meters; one certificate runs out in a few days, one ran out long ago."""
    skills = [Skill(code="pipe_repair", level=3 if place == 0 else 1)]
    if crew % 2 == 0 or place == 1:
        skills.append(Skill(code="meter", level=2))
    if crew % 3 == 0:
        skills.append(Skill(code="survey", level=1))
    if place == 1:
        expires_at = {0: today + _EXPIRES_IN, 1: today - timedelta(days=20)}.get(crew)
        skills.append(Skill(code="gas_inspection", level=2, expires_at=expires_at))
    return tuple(skills)


def _member(line: CrewLine, id: UUID, today: datetime) -> CrewMember:
    since = (today - MEMBERS_SINCE).replace(day=1)
    return CrewMember(id=uuid5(line.crew_id, f"member/{id}"), crew_id=line.crew_id, person_id=id, from_at=since)
