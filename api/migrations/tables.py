"""Gathers the table metadata of all layers for alembic and its drift test. Never defines a table."""

import importlib

from sqlalchemy import MetaData
from sqlalchemy.dialects.postgresql.base import ischema_names

from geo.store.tables import Xid8

TABLE_MODULES = ("geo.store.tables", "jobs.store.tables", "sync.tables", "api.tables")

# SQLAlchemy has no type for it, so reflecting a table would warn and compare nothing.
ischema_names["xid8"] = Xid8

# Tables without an organisation: everything else leads its primary key with org_id and is under row-level security.
GLOBAL_TABLES = frozenset({"alembic_version", "sync_life"})


def all_metadata() -> list[MetaData]:
    """Import every layer's tables and give their metadata, each once, in the order of the layers."""
    found: list[MetaData] = []
    for name in TABLE_MODULES:
        try:
            module = importlib.import_module(name)
        except ModuleNotFoundError as error:
            if error.name is None or not f"{name}.".startswith(f"{error.name}."):
                raise
            continue
        metadata = module.metadata
        if not any(metadata is known for known in found):
            found.append(metadata)
    return found
