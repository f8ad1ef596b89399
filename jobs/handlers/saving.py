"""Saving a master row: what every `save_…` has in common. Knows no noun; the handlers add what is special about theirs."""

from collections.abc import Mapping
from decimal import Decimal
from uuid import UUID

from jobs.result import Applied, Refused, Result
from jobs.work import Work
from mobile_contract.rules.exact import is_exact
from mobile_contract.schema.approval import WorkCalendar
from mobile_contract.schema.base import Document
from mobile_contract.schema.material import Part
from mobile_contract.schema.people import Crew, Person
from mobile_contract.schema.place import Site

LARGEST = 2**31
Coded = Site | Person | Crew | Part | WorkCalendar
"""Kinds whose code is unique in the organisation; `jobs.loading` loads whoever holds a code already."""
References = Mapping[str, tuple[type[Document], UUID | None]]


def save(work: Work, document: Document, references: References | None = None) -> Result:
    """Create or replace a document; saving what is there already answers `unchanged`.

    `references` maps a field to the kind and id it names (None: names nothing). Refuses numbers that are negative or cannot be counted
    with, a code that another document of the kind has, and a reference to nothing.
    """
    if work.get(type(document), document.id) == document:
        return Applied(code="unchanged")
    refused = number_fault(document) or _code_fault(work, document) or reference_fault(work, references or {})
    if refused is not None:
        return refused
    work.put(document)
    return Applied()


def reference_fault(work: Work, references: References) -> Refused | None:
    """Name the first field that refers to what does not exist; None when all do."""
    for field, (kind, id) in references.items():
        if id is not None and work.get(kind, id) is None:
            return Refused("unknown_reference", {"field": field, "id": str(id)})
    return None


def number_fault(document: Document) -> Refused | None:
    """Name the first number that is negative, cannot be counted with, or passes a column's 31 bits; None when all are fine."""
    for field in document.__struct_fields__:
        value = getattr(document, field)
        if isinstance(value, Decimal) and not (is_exact(value) and value >= 0):
            return Refused("number_invalid", {"field": field})
        if isinstance(value, int) and not 0 <= value < LARGEST:
            return Refused("number_invalid", {"field": field})
    return None


def _code_fault(work: Work, document: Document) -> Refused | None:
    if not isinstance(document, Coded):
        return None
    others = (other for other in work.all(type(document)) if other.id != document.id)
    return Refused("code_taken", {"code": document.code}) if document.code in {o.code for o in others} else None
