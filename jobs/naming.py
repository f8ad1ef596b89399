"""What commands name: the documents they refer to, those they change, points and codes. Asks no database; `jobs.loading` loads it."""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, TypeVar, cast, get_args, get_type_hints
from uuid import UUID

from msgspec import Struct

from jobs.context import Deed
from jobs.exception_names import name_exception
from jobs.stock_names import STOCK_NAMES
from jobs.store.rows import kind_name
from jobs.work import wgs84
from mobile_contract.rules.material import piece_id, taken_move_id
from mobile_contract.schema.approval import WorkCalendar
from mobile_contract.schema.base import Command, Document, Position
from mobile_contract.schema.decisions import (
    LinkRequest,
    LoadJobType,
    OffboardPerson,
    OpenJob,
    RegisterRequest,
    SaveCrew,
    SaveCrewMember,
    SavePart,
)
from mobile_contract.schema.facts import (
    AddNote,
    AddPhoto,
    CaptureSignature,
    ReadMeter,
    ReceivePart,
    ReportJob,
    RequestParts,
    ReturnPart,
    TakeParts,
    UsePart,
)
from mobile_contract.schema.material import Part
from mobile_contract.schema.material_commands import HandInCopy, IssueParts, OpenForm, TakeBackParts
from mobile_contract.schema.people import Crew, Person
from mobile_contract.schema.place import Site
from mobile_contract.schema.reconciliation_commands import ResolveException
from mobile_contract.schema.storm import DeclareStorm, EndStorm

C = TypeVar("C", bound=Command)
_REFERENCES = {
    "job_id": "job",
    "of_job_id": "job",
    "other_job_id": "job",
    "other_visit_id": "visit",
    "to_job_id": "job",
    "visit_id": "visit",
    "site_id": "site",
    "contact_id": "contact",
    "crew_id": "crew",
    "person_id": "person",
    "lead_id": "person",
    "meter_id": "meter",
    "part_id": "part",
    "district_id": "district",
    "parent_id": "district",
    "usage_point_id": "usage_point",
    "van_id": "stock_location",
    "store_id": "stock_location",
    "location_id": "stock_location",
    "from_location_id": "stock_location",
    "to_location_id": "stock_location",
    "repair_shop_id": "stock_location",
    "bin_id": "stock_location",
    "default_store_id": "stock_location",
    "allowance_id": "allowance",
    "delegation_id": "delegation",
    "storm_id": "storm",
}
# A fact is known by the id its client gave it, whichever job it named: a reused id must be seen before the row is written.
_FACT_IDS: dict[type[Command], tuple[str, str]] = {
    AddNote: ("note", "note_id"),
    AddPhoto: ("photo", "photo_id"),
    ReadMeter: ("reading", "reading_id"),
    CaptureSignature: ("signature", "signature_id"),
    RequestParts: ("material_request", "request_id"),
    ReceivePart: ("stock_move", "move_id"),
    UsePart: ("stock_move", "move_id"),
    ReturnPart: ("stock_move", "move_id"),
    TakeParts: ("material_request", "request_id"),
    IssueParts: ("issue_slip", "slip_id"),
    OpenForm: ("repair_form", "form_id"),
}


class Names(Struct):
    """What commands name: ids by kind, the rows a command may change, points (lon, lat in WGS 84), codes by kind, who is given something."""

    ids: dict[str, set[UUID]]
    saved: dict[str, set[UUID]]
    points: set[tuple[float, float]]
    job_types: set[str]
    codes: dict[str, set[str]]
    given: set[UUID]


def those(batch: Sequence[tuple[Command, Deed]], *kinds: type[C]) -> list[tuple[C, Deed]]:
    """Pick the commands of some kinds. By their type itself: `isinstance` asks a Struct's abstract base class, which is slow."""
    return [cast("tuple[C, Deed]", pair) for pair in batch if type(pair[0]) in kinds]


def collect(command: Command, names: Names) -> None:
    """Add what a command names."""
    name_more = _MORE.get(type(command))
    if name_more is not None:
        name_more(command, names)
    if type(command) in _FACT_IDS:
        kind, field = _FACT_IDS[type(command)]
        names.ids.setdefault(kind, set()).add(getattr(command, field))
    code = getattr(command, "job_type", None)
    if type(code) is str:
        names.job_types.add(code)
    _walk(command, names)


def _name_request(command: RegisterRequest | LinkRequest | OpenJob, names: Names) -> None:
    if command.request_id is not None:
        names.ids.setdefault("request", set()).add(command.request_id)
        names.saved.setdefault("request", set()).add(command.request_id)


def _name_place(command: ReportJob, names: Names) -> None:
    if command.position is not None:
        names.points.add(wgs84(command.position.lon_deg, command.position.lat_deg, command.position.datum))


def _name_pieces(command: ReceivePart | UsePart | ReturnPart, names: Names) -> None:
    pieces = range(max(1, len(command.serials)))
    names.ids.setdefault("stock_move", set()).update(piece_id(command.move_id, n) for n in pieces)


def _name_taken(command: TakeParts, names: Names) -> None:
    for line_no, line in enumerate(command.lines, start=1):
        move_id = taken_move_id(command.request_id, line_no)
        pieces = range(max(1, len(line.serials)))
        names.ids.setdefault("stock_move", set()).update(piece_id(move_id, n) for n in pieces)


def _name_substitutes(command: SavePart, names: Names) -> None:
    names.ids.setdefault("part", set()).update(command.part.substitutes)


def _name_storm(command: DeclareStorm, names: Names) -> None:
    names.saved.setdefault("storm", set()).add(command.storm_id)
    names.ids.setdefault("district", set()).update(command.district_ids)


# What a command names or changes beyond its fields' plain references.
_MORE: dict[type[Command], Callable[[Any, Names], object]] = {
    **STOCK_NAMES,
    ResolveException: name_exception,
    RegisterRequest: _name_request,
    LinkRequest: _name_request,
    OpenJob: _name_request,
    ReportJob: _name_place,
    SaveCrew: lambda command, names: names.ids.setdefault("district", set()).update(command.crew.district_ids),
    SaveCrewMember: lambda command, names: names.saved.setdefault("crew", set()).add(command.member.crew_id),
    OffboardPerson: lambda command, names: names.saved.setdefault("person", set()).add(command.person_id),
    ReadMeter: lambda command, names: names.saved.setdefault("meter", set()).add(command.meter_id),
    LoadJobType: lambda command, names: names.job_types.add(command.job_type.code),
    ReceivePart: _name_pieces,
    UsePart: _name_pieces,
    ReturnPart: _name_pieces,
    TakeParts: _name_taken,
    SavePart: _name_substitutes,
    DeclareStorm: _name_storm,
    EndStorm: lambda command, names: names.saved.setdefault("storm", set()).add(command.storm_id),
    TakeBackParts: lambda command, names: names.ids.setdefault("stock_move", set()).update(
        line.move_id for line in command.lines
    ),
    HandInCopy: lambda command, names: names.ids.setdefault("person", set()).update({command.handed_by} - {None}),
}


def _walk(value: Any, names: Names) -> None:
    shape = _shape(cast(Any, type(value)))
    if shape.kind:
        names.ids.setdefault(shape.kind, set()).add(value.id)
        names.saved.setdefault(shape.kind, set()).add(value.id)
    if shape.coded:
        names.codes.setdefault(shape.kind, set()).add(value.code)
    if shape.placed and value.lon_deg is not None and value.lat_deg is not None:
        names.points.add(wgs84(value.lon_deg, value.lat_deg, value.datum))
    for field, kind in shape.references:
        id = getattr(value, field)
        if id is not None:
            names.ids.setdefault(kind, set()).add(id)
    for field in shape.nested:
        part = getattr(value, field)
        for each in part if isinstance(part, tuple) else (part,):
            if isinstance(each, Struct):
                _walk(each, names)


class _Shape(Struct, frozen=True):
    """What a type of Struct can name: its kind when it is a document, fields that refer to a kind, fields that may hold Structs."""

    kind: str
    coded: bool
    placed: bool
    references: tuple[tuple[str, str], ...]
    nested: tuple[str, ...]


@cache
def _shape(type_: Any) -> _Shape:
    """Look at a type once: every command of a batch is walked, and most fields can name nothing."""
    hints = get_type_hints(type_)
    parts = {field: _types_in(hint) for field, hint in hints.items()}
    references = tuple((f, _REFERENCES[f]) for f in type_.__struct_fields__ if f in _REFERENCES and UUID in parts[f])
    nested = [
        field
        for field in type_.__struct_fields__
        if any(issubclass(part, Struct) and not issubclass(part, Position) for part in parts[field])
    ]
    return _Shape(
        kind=kind_name(type_) if issubclass(type_, Document) else "",
        coded=issubclass(type_, Site | Person | Crew | Part | WorkCalendar),
        placed={"lon_deg", "lat_deg", "datum"} <= set(type_.__struct_fields__),
        references=references,
        nested=tuple(nested),
    )


def _types_in(hint: Any) -> set[type]:
    """Name the types that a type hint is made of."""
    inner = get_args(hint)
    return set().union(*(_types_in(part) for part in inner)) if inner else ({hint} if isinstance(hint, type) else set())
