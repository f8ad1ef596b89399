"""What a document is said to read as once it is a row is what the database gives, to the byte."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from itertools import cycle
from typing import Any
from uuid import UUID

import msgspec
import pytest
from msgspec.structs import replace

from jobs.event import Event
from jobs.reports import DOCUMENTS as TOLD
from jobs.store import rows
from jobs.store.rows import Want
from jobs.store.stored_form import as_stored
from jobs.store.tables import DOCUMENTS
from mobile_contract.emit.examples import whole_example_of
from mobile_contract.schema.base import Document
from sync.transaction import org_transaction
from tests.arrange import Org

INSTANTS = (
    datetime(2026, 3, 2, 8, 30, tzinfo=UTC),
    datetime(2026, 3, 2, 8, 30, 0, 120, tzinfo=timezone(timedelta(hours=8))),
    datetime(1999, 12, 31, 23, 59, 59, 999_999, tzinfo=timezone(-timedelta(hours=9, minutes=30))),
)
NUMBERS = tuple(map(Decimal, ("0", "-0", "0.000", "1E+2", "2.50", "-3", "1E-6", "0E+3", "123456789012.123456", "0E-5")))
POINTS = (0.0, -0.0, 1e-7, -79.99999999999997, 31.2397428)

# Where an example of any text or number would be none.
FITTING = {"strokes_sha256": "0" * 64, "lat_deg": 31.2}


def variants(org: Org, kind: type[Document], job_id: UUID) -> list[Document]:
    """Make documents of a kind with every sort of instant, number and point, and with what a Struct has by itself."""
    found = []
    for number in range(len(NUMBERS)):
        plain = whole_example_of(kind, f"variant {number}")
        example = msgspec.convert({**plain, **{name: FITTING[name] for name in FITTING.keys() & plain.keys()}}, kind)
        instants, numbers, points = cycle(INSTANTS[number % 3 :]), cycle(NUMBERS[number:]), cycle(POINTS[number % 5 :])
        odd: dict[str, Any] = {}
        for field in msgspec.structs.fields(kind):
            value = getattr(example, field.name)
            if isinstance(value, datetime):
                odd[field.name] = next(instants)
            elif isinstance(value, Decimal):
                odd[field.name] = next(numbers)
            elif isinstance(value, float):
                odd[field.name] = next(points)
            elif field.name in ("id", "part_id"):
                odd[field.name] = org.new_id()
            elif field.name == "job_id":
                odd[field.name] = job_id
            elif number % 2 and field.default is not msgspec.NODEFAULT:
                odd[field.name] = field.default
        found.append(replace(example, **odd))
    return found


@pytest.mark.parametrize("kind", sorted(TOLD))
async def test_a_document_reads_from_its_row_as_it_is_said_to(org: Org, kind: str) -> None:
    job = await org.assigned_job()
    made = variants(org, DOCUMENTS[kind], job.job_id)
    async with org_transaction(org.pool, org.id) as conn:
        await rows.save(conn, org.id, made, ())
        ids = tuple(sorted(document.id for document in made))
        read = {
            stored.document.id: stored.document for stored in await rows.load(conn, org.id, [Want(kind, "id", ids)])
        }
    assert len(read) == len(made) > 1
    for document in made:
        assert msgspec.json.encode(as_stored(document)) == msgspec.json.encode(read[document.id])


def test_a_kind_with_fields_of_any_form_is_refused() -> None:
    event = msgspec.convert(whole_example_of(Event, "free"), Event)
    with pytest.raises(TypeError, match="dict"):
        as_stored(event)
