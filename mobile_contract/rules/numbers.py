"""The numbers of jobs, issue slips and forms, as people say them. Pure: a phone without a network gives the same number as the server."""

from datetime import datetime
from hashlib import sha256
from uuid import UUID
from zoneinfo import ZoneInfo

# Crockford's base32: no I, L, O, U, so that a number read out over the phone is heard right.
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LENGTH = 6


def job_number(job_id: UUID, reported_at: datetime, zone: str) -> str:
    """Make the number of a job: `yymmdd-` of the report in the organisation's zone, then six characters of SHA-256 over the id.

    The characters are the first 30 bits of the hash over the id's 16 bytes. `reported_at` is aware; `zone` is an IANA name.
    """
    bits = int.from_bytes(sha256(job_id.bytes).digest()[:4], "big") >> 2
    tail = "".join(ALPHABET[(bits >> shift) & 31] for shift in range(5 * (LENGTH - 1), -1, -5))
    return f"{reported_at.astimezone(ZoneInfo(zone)):%y%m%d}-{tail}"


def slip_number(slip_id: UUID, issued_at: datetime, zone: str) -> str:
    """Make the number of an issue slip: `S-`, then as a job's."""
    return f"S-{job_number(slip_id, issued_at, zone)}"


def form_number(form_id: UUID, opened_at: datetime, zone: str) -> str:
    """Make the number of a repair form: `F-`, then as a job's. It is the same on all three copies."""
    return f"F-{job_number(form_id, opened_at, zone)}"
