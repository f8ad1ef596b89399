"""Table metadata of geo, and the one MetaData that all layers add their tables to. Owns no query."""

from geoalchemy2 import Geography
from sqlalchemy import (
    Boolean,
    Column,
    Computed,
    DateTime,
    Double,
    Index,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import UserDefinedType

metadata = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pkey",
        "ix": "%(table_name)s_%(column_0_N_name)s_idx",
        "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
    }
)


class Xid8(UserDefinedType[int]):
    """PostgreSQL's 64-bit transaction id."""

    cache_ok = True

    def get_col_spec(self, **_: object) -> str:
        """Name the column type."""
        return "xid8"


def instant(name: str, *, nullable: bool = False) -> Column[object]:
    """Make a column for an aware instant."""
    return Column(name, DateTime(timezone=True), nullable=nullable)


def point_column() -> Column[object]:
    """Make the generated geography of a row with `lon_deg` and `lat_deg`; null where either is null."""
    return Column(
        "point",
        Geography("POINT", srid=4326, spatial_index=False),
        Computed("st_setsrid(st_makepoint(lon_deg, lat_deg), 4326)::geography", persisted=True),
        nullable=True,
    )


district = Table(
    "district",
    metadata,
    Column("org_id", Uuid, nullable=False),
    Column("id", Uuid, nullable=False),
    Column("code", Text, nullable=False),
    Column("name", JSONB, nullable=False),
    Column("parent_id", Uuid),
    Column("neighbour_ids", JSONB, nullable=False, server_default=text("'[]'")),
    Column("arrival_class", Text, nullable=False),
    Column("outline", Geography("MULTIPOLYGON", srid=4326, spatial_index=False), nullable=False),
    Column("area_m2", Double, nullable=False),
    PrimaryKeyConstraint("org_id", "id"),
)
Index("district_org_id_code_key", district.c.org_id, district.c.code, unique=True)
Index("district_outline_idx", district.c.outline, postgresql_using="gist")

position = Table(
    "position",
    metadata,
    Column("org_id", Uuid, nullable=False),
    Column("person_id", Uuid, nullable=False),
    Column("device_id", Uuid),
    Column("lon_deg", Double, nullable=False),
    Column("lat_deg", Double, nullable=False),
    Column("accuracy_m", Double),
    Column("mock", Boolean, nullable=False, server_default=text("false")),
    instant("at"),
    instant("received_at"),
    point_column(),
    PrimaryKeyConstraint("org_id", "person_id"),
    comment="The last known place of each person; the track is position_track.",
)
Index("position_point_idx", position.c.point, postgresql_using="gist")

position_track = Table(
    "position_track",
    metadata,
    Column("org_id", Uuid, nullable=False),
    Column("person_id", Uuid, nullable=False),
    instant("at"),
    Column("lon_deg", Double, nullable=False),
    Column("lat_deg", Double, nullable=False),
    Column("accuracy_m", Double),
    PrimaryKeyConstraint("org_id", "person_id", "at"),
)
