"""A day in full swing for the timeline, told by commands: crews with shifts, visits of every kind around now, and jobs that nobody has. Owns no test."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from mobile_contract.schema import decisions as d
from mobile_contract.schema import facts as f
from mobile_contract.schema.base import Command, Priority
from mobile_contract.schema.job import LockKind, VisitLock
from mobile_contract.schema.people import Crew, CrewMember, Person, Role, Shift
from mobile_contract.schema.planning import LockVisit
from tests.arrange import Org

# (begins so many minutes from now, takes, how far it has come)
_VISITS: Final = (
    (-165, 50, "done"),
    (-95, 45, "done"),
    (-40, 55, "working"),
    (35, 50, "accepted"),
    (110, 60, "sent"),
    (190, 45, "sent"),
)
_TITLES: Final = (
    "Leak in the cellar",
    "Hydrant stuck",
    "Low pressure",
    "Burst at the valve",
    "Meter exchange",
    "Wet pavement",
    "Broken gasket",
    "Seal torn",
)
_NAMES: Final = (
    "Adler",
    "Birke",
    "Cedar",
    "Drossel",
    "Elster",
    "Falke",
    "Grouse",
    "Heron",
    "Ibis",
    "Jay",
    "Kite",
    "Lark",
)
_MOST: Final = 400


@dataclass(kw_only=True)
class Day:
    """What a test wants to name: crews in order, each crew's visits that can still be moved with their jobs, jobs that nobody has."""

    org: Org
    now: datetime
    crews: list[UUID] = field(default_factory=list)
    open_visits: dict[UUID, list[tuple[UUID, UUID]]] = field(default_factory=dict)
    ready: list[UUID] = field(default_factory=list)


async def running_day(org: Org, now: datetime, *, crews: int = 4, ready: int = 6, idle: int = 0) -> Day:
    """Make crews with a day around `now` (an even minute of it), `idle` ones without visits, and jobs that nobody has."""
    day = Day(org=org, now=now.replace(second=0, microsecond=0))
    await _send(org, _people(day, crews + idle), at=now - timedelta(days=30), by=None)
    story: dict[int, list[tuple[str, Command]]] = {}
    for index, crew_id in enumerate(day.crews[:crews]):
        _tell(day, crew_id, index, story)
    for step in sorted(story):
        for author in ("dan", *sorted({who for who, _ in story[step]} - {"dan"})):
            await _send(
                org, [c for who, c in story[step] if who == author], at=day.now + timedelta(minutes=step), by=author
            )
    waiting: list[Command] = []
    for index in range(ready):
        day.ready.append(org.new_id())
        priority = Priority.EMERGENCY if index == 0 else Priority.URGENT if index == 1 else None
        waiting.append(_job(org, day.ready[-1], index + 3, day.now - timedelta(minutes=5 + 9 * index), priority))
    await _send(org, waiting, at=day.now, by="dan")
    return day


def _people(day: Day, crews: int) -> list[Command]:
    org = day.org
    made: list[Command] = []
    for index in range(crews):
        crew_id = org.new_id()
        name = f"{_NAMES[index % len(_NAMES)]}" + (f" {index // len(_NAMES) + 1}" if index >= len(_NAMES) else "")
        day.crews.append(crew_id)
        org.crews[f"crew{index}"] = crew_id
        made.append(
            d.SaveCrew(
                crew=Crew(
                    id=crew_id,
                    code=f"c{index}",
                    name=name,
                    district_ids=(org.districts["west" if index % 2 else "east"],),
                )
            )
        )
        for part in ("lead", "mate"):
            login = f"{part}{index}"
            person = org.people[login] = org.new_id()
            org.roles[person] = frozenset({Role.TECHNICIAN})
            made.append(
                d.SavePerson(
                    person=Person(id=person, code=login, name=f"{part.title()} {name}", roles=(Role.TECHNICIAN,))
                )
            )
            made.append(
                d.SaveCrewMember(
                    member=CrewMember(
                        id=org.new_id(), crew_id=crew_id, person_id=person, from_at=day.now - timedelta(days=9)
                    )
                )
            )
            shift = Shift(
                id=org.new_id(),
                person_id=person,
                from_at=day.now - timedelta(hours=3),
                to_at=day.now + timedelta(hours=5 + index % 3),
            )
            made.append(d.SaveShift(shift=shift))
    return made


def _tell(day: Day, crew_id: UUID, index: int, story: dict[int, list[tuple[str, Command]]]) -> None:
    org = day.org
    for nth, (usual, length, state) in enumerate(_VISITS):
        if nth == (index % 3) + 3 and index % 4 == 3:
            continue
        begin = usual + (index * 7) % 25
        job_id, visit_id = org.new_id(), org.new_id()
        reported = min(begin - 120, -6 - nth)
        story.setdefault(reported, []).append(
            ("dan", _job(org, job_id, index + nth, day.now + timedelta(minutes=reported), None))
        )
        start = day.now + timedelta(minutes=begin)
        assign = d.AssignVisit(
            job_id=job_id,
            visit_id=visit_id,
            crew_id=crew_id,
            planned_start_at=start,
            planned_end_at=start + timedelta(minutes=length),
        )
        story.setdefault(min(reported + 5, -1), []).append(("dan", assign))
        for at, fact in _facts(state, begin, length, (job_id, visit_id), plan_version=1):
            story.setdefault(min(at, -1), []).append((f"lead{index}", fact))
        if state in ("accepted", "sent"):
            day.open_visits.setdefault(crew_id, []).append((job_id, visit_id))
        if nth == 4 and index % 3 == 1:
            lock = LockVisit(job_id=job_id, visit_id=visit_id, plan_version=1, lock=VisitLock(kind=LockKind.BOTH))
            story.setdefault(0, []).append(("dan", lock))


def _facts(
    state: str, begin: int, length: int, ids: tuple[UUID, UUID], *, plan_version: int
) -> Iterator[tuple[int, Command]]:
    job_id, visit_id = ids
    if state == "accepted":
        yield begin - 60, d.AcceptVisit(job_id=job_id, visit_id=visit_id, plan_version=plan_version)
    if state in ("done", "working"):
        yield begin - 14, f.StartTravel(job_id=job_id, visit_id=visit_id)
        yield begin + 2, f.ArriveOnSite(job_id=job_id, visit_id=visit_id)
        yield begin + 4, f.StartWork(job_id=job_id, visit_id=visit_id)
    if state == "done":
        yield begin + length, f.CompleteVisit(job_id=job_id, visit_id=visit_id)


def _job(org: Org, job_id: UUID, nth: int, at: datetime, priority: Priority | None) -> d.OpenJob:
    lon, lat = org.point("west" if nth % 2 else "east")
    return d.OpenJob(
        job_id=job_id,
        job_type="repair" if nth % 3 else "survey",
        title=_TITLES[nth % len(_TITLES)],
        priority=priority,
        lon_deg=lon,
        lat_deg=lat,
        reported_at=at,
        address=f"{nth + 1} Canal Street",
    )


async def _send(org: Org, commands: list[Command], *, at: datetime, by: str | None) -> None:
    for first in range(0, len(commands), _MOST):
        await org.ok(*commands[first : first + _MOST], by=by, now=at)
