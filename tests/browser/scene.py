"""A morning at the water works, told by commands: jobs in every state, one late, one put aside, one waiting for an approval."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final
from uuid import UUID

import asyncpg

from mobile_contract.schema import decisions as d
from mobile_contract.schema import facts as f
from mobile_contract.schema.base import Priority
from mobile_contract.schema.job import HoldReason
from mobile_contract.schema.material import RequestLine
from sync.execute import Poke
from sync.telemetry import Sighting, Telemetry
from sync.transaction import org_transaction
from tests.arrange import Org, organisation
from tests.sync.phone import Phone

# (minutes since the report, title, district, how far it has come)
_JOBS: Final = (
    (3, "Water in the cellar", "west", "ready"),
    (8, "Hydrant will not close", "east", "ready"),
    (14, "Low pressure, third floor", "west", "ready"),
    (26, "Leak at the service valve", "east", "ready"),
    (52, "Wet pavement by the kiosk", "east", "ready"),
    (18, "Burst pipe, Canal Street", "west", "assigned"),
    (22, "Valve chamber flooded", "east", "assigned"),
    (33, "Meter box broken", "west", "assigned"),
    (38, "No water since 7:30", "east", "travelling"),
    (41, "Leak under the sink", "east", "working"),
    (47, "Main leaks at the crossing", "west", "working"),
    (64, "Dripping joint in the shaft", "east", "late"),
    (71, "Broken gasket, school", "west", "late"),
    (44, "Pump room, noise", "west", "held"),
    (95, "Frozen hydrant", "east", "done"),
    (110, "Seal of meter torn", "west", "done"),
    (120, "Leak behind the meter", "east", "closed"),
    (130, "Stop tap stuck", "west", "closed"),
    (29, "Caller hung up, near the mill", "nowhere", "ready"),
)


# What the crew reports, each so many minutes after the one before.
_STEPS: Final[dict[str, list[tuple[int, type[f.VisitFact]]]]] = {
    "travelling": [(3, f.StartTravel)],
    "working": [(3, f.StartTravel), (14, f.ArriveOnSite), (2, f.StartWork)],
    "late": [(9, f.StartTravel), (44, f.ArriveOnSite), (2, f.StartWork)],
    "done": [(5, f.StartTravel), (15, f.ArriveOnSite), (2, f.StartWork)],
    "closed": [(5, f.StartTravel), (12, f.ArriveOnSite), (2, f.StartWork)],
}


@dataclass(kw_only=True)
class Scene:
    """The organisation and what a test wants to touch."""

    org: Org
    now: datetime
    phone: Phone
    done: list[UUID]


async def morning(org: Org, now: datetime, poke: Poke) -> Scene:
    """Play the morning that ends at `now`."""
    phone = Phone(org=org, enrolled=await org.device("amy", now=now), author="amy", poke=poke)
    scene = Scene(org=org, now=now, phone=phone, done=[])
    for minutes, title, district, state in _JOBS:
        await _play(scene, timedelta(minutes=minutes), title, (district, state))
    await _put_aside(scene)
    await _devices(scene)
    return scene


async def found(pool: asyncpg.Pool, seed: int, *, name: str = "") -> Org:
    """Found an organisation where it is the afternoon now; `name` is what it is called."""
    org = await organisation(pool, seed, zone=afternoon_zone(datetime.now(UTC)))
    if name:
        async with org_transaction(org.pool, org.id) as conn:
            await conn.execute("update organisation set name = $2 where org_id = $1", org.id, name)
    return org


def afternoon_zone(now: datetime) -> str:
    """Name a zone in which it is between two and three in the afternoon: pages show today, and there has to be enough of it on both sides."""
    # As POSIX has it, what is east of Greenwich is less.
    return f"Etc/GMT{now.hour - 14:+d}"


async def _play(scene: Scene, age: timedelta, title: str, where_and_state: tuple[str, str]) -> None:
    org, (district, state) = scene.org, where_and_state
    at = scene.now - age
    job_id, visit_id = org.new_id(), org.new_id()
    lon, lat = org.point(district)
    urgent = Priority.EMERGENCY if title.startswith("Burst") else None
    opened = d.OpenJob(
        job_id=job_id, job_type="repair", title=title, priority=urgent, lon_deg=lon, lat_deg=lat, reported_at=at
    )
    await org.ok(opened, by="dan", now=at)
    if state == "ready":
        return
    crew, author = ("beta", "bob") if district == "east" else ("alpha", "amy")
    at += timedelta(minutes=4)
    await org.ok(d.AssignVisit(job_id=job_id, visit_id=visit_id, crew_id=org.crews[crew]), by="dan", now=at)
    for minutes, fact in _STEPS.get(state, []):
        at += timedelta(minutes=minutes)
        await org.ok(fact(job_id=job_id, visit_id=visit_id), by=author, now=at)
    if state == "held":
        await org.ok(d.HoldJob(job_id=job_id, reason=HoldReason.PARTS), by="dan", now=at)
    if state == "working":
        lines = (RequestLine(part_id=org.parts["valve"], quantity=Decimal(1)),)
        asked = f.RequestParts(job_id=job_id, visit_id=visit_id, request_id=org.new_id(), lines=lines)
        await org.ok(asked, by=author, now=at)
    if state in ("done", "closed"):
        complete = f.CompleteVisit(job_id=job_id, visit_id=visit_id)
        await org.ok(complete, by=author, now=at + timedelta(minutes=20))
        scene.done.append(job_id)
    if state == "closed":
        await org.ok(d.CloseJob(job_id=job_id), by="dan", now=at + timedelta(minutes=30))


async def _put_aside(scene: Scene) -> None:
    """Let a phone report on a job that was never in its scope, and claim what only follows such a report."""
    org, now = scene.org, scene.now
    stranger = f.ArriveOnSite(job_id=org.new_id(), visit_id=org.new_id())
    put_aside = scene.phone.do(stranger, at=now)
    scene.phone.do(d.ClaimJob(job_id=org.new_id(), visit_id=org.new_id()), after=(put_aside,), at=now)
    await scene.phone.taken(now=now)


async def _devices(scene: Scene) -> None:
    """Let three phones be heard of: one just now, one a while ago with reports unsent, one never."""
    org, now = scene.org, scene.now
    bob = await org.device("bob", now=now - timedelta(hours=3))
    await org.device("ali", now=now - timedelta(hours=3))
    telemetry = Telemetry()
    for device, minutes, unsent in ((scene.phone.enrolled, 1, 0), (bob, 47, 6)):
        telemetry.note(_sighting(org, device.id, now - timedelta(minutes=minutes), unsent))
    await telemetry.flush(org.pool)


def _sighting(org: Org, device_id: UUID, at: datetime, unsent: int) -> Sighting:
    return Sighting(org_id=org.id, device_id=device_id, at=at, pulled=True, unsent=unsent)
