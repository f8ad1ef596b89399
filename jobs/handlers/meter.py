"""Readings of meters as crews report them. A doubtful reading is kept and flagged, never refused."""

from msgspec.structs import replace

from jobs.context import Deed
from jobs.event import EventName
from jobs.handlers.door import handles
from jobs.handlers.identity import seen_before
from jobs.recording import report
from jobs.result import PutAside, Result
from jobs.work import Work
from mobile_contract.rules.exact import is_exact
from mobile_contract.rules.meter import judge_reading
from mobile_contract.schema.facts import ReadMeter
from mobile_contract.schema.job import Flag, Reading
from mobile_contract.schema.place import Meter


@handles(ReadMeter)
def read_meter(work: Work, command: ReadMeter, deed: Deed) -> Result:
    """Keep a reading with what is doubtful about it; the meter carries the one that was read last, not the one that came last."""
    meter = work.get(Meter, command.meter_id)
    if meter is None:
        return PutAside("unknown_reference", {"field": "meter_id"})
    if not is_exact(command.value):
        return PutAside("number_invalid", {"field": "value"})
    at = deed.occurrence.at
    judged = judge_reading(meter, command.value, at=at, typed_serial=command.typed_serial)
    flags = {Flag.READING_IMPLAUSIBLE: bool(judged.doubts), Flag.SERIAL_TYPED: bool(command.typed_serial.strip())}
    reading = Reading(
        id=command.reading_id,
        job_id=command.job_id,
        visit_id=command.visit_id,
        meter_id=meter.id,
        purpose=command.purpose,
        value=command.value,
        typed_serial=command.typed_serial,
        photo_sha256=command.photo_sha256,
        read_at=at,
        read_by=deed.person_id,
        flags=tuple(sorted(flag for flag, holds in flags.items() if holds)),
    )
    known = seen_before(work, reading, "read_at", "read_by", "flags")
    if known is not None:
        return known
    work.put(reading)
    if meter.last_read_at is None or at > meter.last_read_at:
        work.put(replace(meter, last_value=reading.value, last_read_at=at))
    detail = {
        "reading_id": reading.id,
        "meter_id": meter.id,
        "value": reading.value,
        "used": judged.used,
        "rolled_over": judged.rolled_over,
        "doubts": judged.doubts,
        "typed_serial": reading.typed_serial,
    }
    return report(work, command, deed, EventName.METER_READ, detail=detail, flags=reading.flags)
