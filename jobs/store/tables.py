"""Tables of field jobs, one per document kind: the Struct of the contract is the row. Owns no query.

Columns follow the Struct's fields (UUID, text, numeric, timestamptz; tuples and nested Structs as jsonb), so that a document and its
row cannot drift apart; migrations are written out and checked against this metadata.
"""

import types
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints
from uuid import UUID

from sqlalchemy import (
    Boolean,
    Column,
    Date,
    DateTime,
    Double,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    Numeric,
    PrimaryKeyConstraint,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeEngine

from geo.store.tables import Xid8, metadata, point_column
from jobs.event import Event
from mobile_contract.registry import KINDS
from mobile_contract.schema.base import Document

_SCALARS: dict[type, TypeEngine[Any]] = {
    UUID: Uuid(),
    bool: Boolean(),
    int: Integer(),
    float: Double(),
    Decimal: Numeric(),
    datetime: DateTime(timezone=True),
    date: Date(),
    str: Text(),
}


def _column(name: str, hint: Any) -> Column[Any]:
    nullable = False
    while True:
        if get_origin(hint) is Annotated:
            hint = get_args(hint)[0]
        elif get_origin(hint) in (Union, types.UnionType):
            (hint,) = [arg for arg in get_args(hint) if arg is not type(None)]
            nullable = True
        else:
            break
    if isinstance(hint, type) and issubclass(hint, Enum):
        return Column(name, Text, nullable=nullable)
    if hint in _SCALARS:
        return Column(name, _SCALARS[hint], nullable=nullable)
    return Column(name, JSONB, nullable=nullable)


def _table(kind: str, document: type[Document]) -> Table:
    hints = get_type_hints(document, include_extras=True)
    columns = [_column(name, hint) for name, hint in hints.items()]
    extra: list[Any] = []
    if "job_id" in hints and kind in JOB_CHILDREN:
        extra.append(ForeignKeyConstraint(["org_id", "job_id"], ["job.org_id", "job.id"]))
    if "lon_deg" in hints and kind != "event":
        extra.append(point_column())
    if kind in BOARD_KINDS:
        extra.append(Column("changed", Xid8, nullable=False, server_default=text("pg_current_xact_id()")))
    table = Table(
        kind, metadata, Column("org_id", Uuid, nullable=False), *columns, PrimaryKeyConstraint("org_id", "id"), *extra
    )
    # An event has a number in its job: that index finds a job's events too.
    if kind in JOB_CHILDREN and kind != "event":
        Index(f"{kind}_org_id_job_id_idx", table.c.org_id, table.c.job_id)
    return table


JOB_CHILDREN: tuple[str, ...] = (
    "visit",
    "task",
    "note",
    "photo",
    "reading",
    "signature",
    "material_request",
    "issue_slip",
    "repair_form",
    "approval",
    "stock_move",
    "event",
)
"""Kinds that belong to one job and change only under the lock of its row."""

BOARD_KINDS: tuple[str, ...] = ("job", "visit")
"""Kinds whose rows name the transaction that wrote them last: a trigger keeps it."""

_STORED: dict[str, type[Document]] = {
    **{kind: KINDS[kind] for kind in KINDS if kind not in {"open_job", "district", "outcome", "device"}},
    "event": Event,
}

TABLES: dict[str, Table] = {kind: _table(kind, document) for kind, document in sorted(_STORED.items())}

DOCUMENTS: dict[str, type[Document]] = {**_STORED, "district": KINDS["district"]}


def columns_of(kind: str) -> Sequence[str]:
    """Name the stored columns of a kind in the order of its Struct's fields, `org_id` and generated columns aside."""
    return DOCUMENTS[kind].__struct_fields__


def _index(kind: str, *columns: str, where: str | None = None, unique: bool = False) -> None:
    table = TABLES[kind]
    name = f"{kind}_{'_'.join(columns)}_idx"
    Index(
        name,
        table.c.org_id,
        *(table.c[c] for c in columns),
        unique=unique,
        postgresql_where=text(where) if where else None,
    )


_index("job", "state", "id")
_index("job", "number")
_index("job", "district_id", "state")
_index("job", "site_id")
_index("job", "contact_id")
_index("job", "external_ref")
_index("job", "arrival_due_at", where="arrived_at is null")
# For lists and maps. A box is two ranges here: row-level security keeps GiST from being used (`&&` is not leakproof), floats are.
_index("job", "reported_at", "id")
_index("job", "arrival_due_at", "id")
_index("job", "lon_deg", "lat_deg")
_index("job", "closed_at", where="closed_at is not null")
_index("job", "cancelled_at", where="cancelled_at is not null")
_index("site", "lon_deg", "lat_deg")
Index("job_point_idx", TABLES["job"].c.point, postgresql_using="gist")
_index("visit", "crew_id", "state")
_index("visit", "person_id", "state")
# What is not over: a few of the visits of years.
_index(
    "visit",
    "planned_start_at",
    where="state in ('tentative', 'scheduled', 'dispatched', 'accepted', 'en_route', 'on_site', 'working', 'paused')",
)
_index("job", "id", where="conflicts <> '[]'")
_index("job", "changed")
_index("visit", "changed")
_index("event", "job_id", "seq", unique=True)
_index("request", "job_id")
_index("request", "contact_id")
_index("request", "external_ref")
_index("site", "code", unique=True)
Index("site_point_idx", TABLES["site"].c.point, postgresql_using="gist")
_index("usage_point", "site_id")
_index("meter", "site_id")
_index("meter", "serial")
_index("contact", "site_id")
_index("person", "code", unique=True)
_index("crew", "code", unique=True)
_index("crew_member", "person_id", "from_at")
_index("crew_member", "crew_id", "from_at")
_index("shift", "person_id", "from_at")
_index("duty", "from_at")
_index("part", "code", unique=True)
_index("job_type", "code", "version", unique=True)
_index("policy", "subject", "version")
_index("approval", "state", "role")
_index("approval", "escalate_at", where="state = 'waiting' and escalate_at is not null")
_index("work_calendar", "code", unique=True)
_index("delegation", "to_at")
_index("allowance", "person_id", "to_at")
_index("notice", "person_id", "at")
_index("material_request", "state", "id")
_index("issue_slip", "number")
_index("repair_form", "number")
_index("repair_form", "next_due_at", "id", where="next_due_at is not null")
_index("stock_move", "from_location_id", "part_id", "occurred_at")
_index("stock_move", "to_location_id", "part_id", "occurred_at")
_index("stock_move", "transfer_id", where="transfer_id is not null")
_index("stock_move", "count_id", where="count_id is not null")
_index("stock_move", "reverses_id", where="reverses_id is not null")
_index("stock_move", "part_id", "serial", where="serial <> ''")
# For pages of the warehouse: queues hold only what waits.
_index("stock_move", "from_location_id", "occurred_at", "id")
_index("stock_move", "to_location_id", "occurred_at", "id")
_index("stock_move", "part_id", "occurred_at", "id")
_index("stock_move", "serial", "occurred_at", "id", where="serial <> ''")
_index("stock_location", "code", "id")
_index("stock_location", "parent_id", where="parent_id is not null")
_index("approval", "asked_at", "id", where="state = 'waiting'")
_index(
    "material_request",
    "requested_at",
    "id",
    where="state in ('approved', 'reserved', 'picking', 'partly_issued')",
)
_index("issue_slip", "issued_at", "id", where="received_at is null")
_index("shift", "from_at", "id")
_index("stock_exception", "state", "found_at", "id")
_index("stock_level", "location_id", "part_id", unique=True)
_index("stock_level", "part_id")
_index("stock_transfer", "state", "id")
_index("stock_transfer", "from_location_id")
_index("stock_transfer", "to_location_id")
_index("stock_transfer", "arrived_location_id")
_index("stock_count", "location_id", "as_of")
_index("stock_loan", "due_at", "id")
# Which jobs a day touched is asked by the instants of moves and of ends of visits.
_index("stock_move", "occurred_at")
_index("visit", "ended_at", where="ended_at is not null")
_index("stock_exception", "state", "id")
_index("stock_exception", "day")
_index("stock_exception", "job_id")
_index("reconciliation", "day")
_index("storm", "level", "declared_at", where="ended_at is null")

# The private halves of `signing_key`: read when an allowance is signed, and never a document.
signing_secret = Table(
    "signing_secret",
    metadata,
    Column("org_id", Uuid, primary_key=True),
    Column("key_id", Uuid, primary_key=True),
    Column("seed", LargeBinary, nullable=False),
    Column("made_at", DateTime(timezone=True), nullable=False),
)

organisation = Table(
    "organisation",
    metadata,
    Column("org_id", Uuid, primary_key=True),
    Column("slug", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("zone", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("language", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
)
