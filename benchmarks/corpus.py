"""Documents of about 600 bytes as field crews hold them: jobs, made from a seed. The same ones for everybody who is measured."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

import msgspec
from msgspec import Struct

from mobile_contract.schema.base import Priority
from mobile_contract.schema.job import Job, JobState

_STREETS: Final = ("Canal Street", "Mill Lane", "Harbour Road", "Station Road", "Victoria Avenue", "Church Hill")
_TITLES: Final = ("Leak in the road", "Low pressure", "Meter does not turn", "Stopcock seized", "Hydrant damaged")
_WORDS: Final = """
water runs from the joint beside the kerb since the morning and the neighbours report low pressure valve box under
gravel second call customer asks for a visit before noon dog in the yard key with the caretaker meter pit flooded pump
needed traffic light required old cast iron main clamp fitted last winter seems to have moved chamber cover broken
"""
_EPOCH: Final = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)
_BODY_BYTES: Final = 600


class Sample(Struct, frozen=True):
    """A document: kind, id, version and the bytes of its body."""

    kind: str
    id: UUID
    ver: int
    body: bytes


def documents(seed: int, count: int) -> Iterator[Sample]:
    """Make documents from a seed; the ids are time-ordered, as those of the product are."""
    draw = random.Random(seed)
    district = UUID(int=draw.getrandbits(128), version=4)
    for number in range(count):
        yield _job(draw, number, district)


def changed(document: Sample, seed: int) -> Sample:
    """Give the next version of a document: somebody works on it."""
    job = msgspec.json.decode(document.body, type=Job)
    at = job.reported_at + timedelta(minutes=30 + seed % 60)
    job = msgspec.structs.replace(job, state=JobState.IN_PROGRESS, arrived_at=at, arrival_recorded_at=at)
    return Sample(document.kind, document.id, document.ver + 1, msgspec.json.encode(job))


def _job(draw: random.Random, number: int, district: UUID) -> Sample:
    at = _EPOCH + timedelta(seconds=37 * number)
    job = Job(
        id=_uuid7(draw, at),
        number=f"J-{100_000 + number}",
        type="repair",
        type_version=1,
        state=JobState.SCHEDULED,
        title=draw.choice(_TITLES),
        priority=draw.choice(list(Priority)),
        address=f"{draw.randint(1, 240)} {draw.choice(_STREETS)}",
        lon_deg=round(draw.uniform(116.3, 116.5), 6),
        lat_deg=round(draw.uniform(39.9, 40.0), 6),
        district_id=district,
        contact_id=_uuid7(draw, at),
        reported_at=at,
        opened_at=at + timedelta(minutes=draw.randint(1, 30)),
        arrival_due_at=at + timedelta(minutes=45),
    )
    room = _BODY_BYTES - len(msgspec.json.encode(job)) - len('"description":"",')
    text = " ".join(draw.choices(_WORDS.split(), k=60))[: max(room + draw.randint(-40, 40), 0)]
    return Sample("job", job.id, 1, msgspec.json.encode(msgspec.structs.replace(job, description=text)))


def _uuid7(draw: random.Random, at: datetime) -> UUID:
    milliseconds = int(at.timestamp() * 1000)
    value = (milliseconds << 80) | (7 << 76) | (draw.getrandbits(12) << 64) | (2 << 62) | draw.getrandbits(62)
    return UUID(int=value)
