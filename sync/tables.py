"""Table metadata of the sync protocol (documents, memberships, scope, devices, outcomes, quarantine). Owns no query."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, OID

from geo.store.tables import Xid8, instant, metadata


def _name(column: str) -> Column[str]:
    return Column(column, Text(collation="C"), nullable=False)


def _id(column: str, *, nullable: bool = False) -> Column[object]:
    return Column(column, Uuid, nullable=nullable)


sync_life = Table(
    "sync_life",
    metadata,
    Column("one", Boolean, server_default=text("true"), primary_key=True),
    Column("life", Uuid, nullable=False, server_default=text("gen_random_uuid()")),
    Column("system", BigInteger),
    Column("db", OID),
    Column("rel", OID),
    CheckConstraint("one", name="sync_life_one"),
    prefixes=["UNLOGGED"],
)

sync_doc = Table(
    "sync_doc",
    metadata,
    _id("org_id"),
    _name("kind"),
    _id("id"),
    Column("ver", BigInteger, nullable=False),
    Column("h", BigInteger, nullable=False),
    Column("body", LargeBinary, comment="null: deleted; the row keeps ver, so that ver never restarts"),
    PrimaryKeyConstraint("org_id", "kind", "id"),
    postgresql_with={"fillfactor": 85, "autovacuum_vacuum_scale_factor": 0.02},
)

sync_member = Table(
    "sync_member",
    metadata,
    _id("org_id"),
    _name("bucket"),
    _name("kind"),
    _id("id"),
    Column("xid", Xid8, nullable=False, server_default=text("pg_current_xact_id()")),
    Column("h", BigInteger, nullable=False),
    Column("gone", Boolean, nullable=False, server_default=text("false")),
    PrimaryKeyConstraint("org_id", "bucket", "kind", "id"),
    postgresql_with={"fillfactor": 90, "autovacuum_vacuum_scale_factor": 0.02},
)
Index("sync_member_org_id_bucket_xid_idx", sync_member.c.org_id, sync_member.c.bucket, sync_member.c.xid)
Index("sync_member_org_id_kind_id_idx", sync_member.c.org_id, sync_member.c.kind, sync_member.c.id)
Index("sync_member_org_id_xid_idx", sync_member.c.org_id, sync_member.c.xid, postgresql_where=text("gone"))

sync_floor = Table(
    "sync_floor",
    metadata,
    _id("org_id"),
    _name("bucket"),
    _id("life"),
    Column("floor", Xid8, nullable=False),
    PrimaryKeyConstraint("org_id", "bucket"),
    comment="Ended memberships of a bucket are removed below this transaction id: an older cursor of the same life is sent the bucket anew.",
)
Index("sync_floor_org_id_floor_idx", sync_floor.c.org_id, sync_floor.c.floor)

sync_mark = Table(
    "sync_mark",
    metadata,
    _id("org_id"),
    instant("at"),
    Column("xid", Xid8, nullable=False),
    Column("system", BigInteger, nullable=False),
    PrimaryKeyConstraint("org_id", "at"),
    comment="How old transaction ids are: each transaction below xid had ended at that instant, on the server with that system identifier.",
)

sync_scope = Table(
    "sync_scope",
    metadata,
    _id("org_id"),
    _id("person_id"),
    _name("bucket"),
    _id("cause"),
    instant("from_at"),
    instant("to_at", nullable=True),
    Column("prio", SmallInteger, nullable=False),
    PrimaryKeyConstraint("org_id", "person_id", "bucket", "cause", "from_at"),
    comment="Who holds and held which buckets; a row that has ended is the history.",
)

sync_device = Table(
    "sync_device",
    metadata,
    _id("org_id"),
    _id("device_id"),
    Column("name", Text, nullable=False),
    _id("person_id", nullable=True),
    _id("crew_id", nullable=True),
    Column("secret_hash", LargeBinary, nullable=False),
    Column("last_n", BigInteger, nullable=False, server_default=text("0")),
    instant("enrolled_at"),
    instant("revoked_at", nullable=True),
    _id("revoked_by", nullable=True),
    PrimaryKeyConstraint("org_id", "device_id"),
)

sync_device_seen = Table(
    "sync_device_seen",
    metadata,
    _id("org_id"),
    _id("device_id"),
    instant("seen_at"),
    instant("pulled_at", nullable=True),
    Column("unsent", Integer, nullable=False, server_default=text("0")),
    Column("seen_n", BigInteger, nullable=False, server_default=text("0")),
    Column("app", Text, nullable=False, server_default=text("''")),
    PrimaryKeyConstraint("org_id", "device_id"),
    comment="Telemetry in a table of its own, written in batches outside the commands' transactions.",
)

device_waking = Table(
    "device_waking",
    metadata,
    _id("org_id"),
    _id("device_id"),
    Column("provider", Text, nullable=False),
    Column("endpoint", Text, nullable=False),
    Column("p256dh", LargeBinary, nullable=False),
    Column("auth", LargeBinary, nullable=False),
    instant("since"),
    instant("expires_at", nullable=True),
    instant("woken_at", nullable=True),
    instant("called_at", nullable=True),
    Column("tries", Integer, nullable=False, server_default=text("0")),
    PrimaryKeyConstraint("org_id", "device_id"),
    ForeignKeyConstraint(["org_id", "device_id"], ["sync_device.org_id", "sync_device.device_id"], ondelete="CASCADE"),
    comment="Where a sleeping phone is reached; no row: it cannot be woken. called_at: of the visit it was last woken for, tries: how often since.",
)

sync_session = Table(
    "sync_session",
    metadata,
    _id("org_id"),
    _id("session_id"),
    _id("device_id"),
    _id("person_id"),
    instant("from_at"),
    instant("to_at"),
    instant("issued_at"),
    PrimaryKeyConstraint("org_id", "session_id"),
)
Index("sync_session_org_id_device_id_idx", sync_session.c.org_id, sync_session.c.device_id)

sync_outcome = Table(
    "sync_outcome",
    metadata,
    _id("org_id"),
    _id("command_id"),
    _id("device_id", nullable=True),
    Column("n", BigInteger),
    Column("digest", LargeBinary, nullable=False),
    Column("name", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("code", Text, nullable=False),
    Column("flags", JSONB, nullable=False, server_default=text("'[]'")),
    Column("detail", JSONB, nullable=False, server_default=text("'{}'")),
    _id("actor_id", nullable=True),
    _id("job_id", nullable=True),
    _id("cause", nullable=True),
    instant("received_at"),
    instant("decided_at"),
    Column("resolution", JSONB),
    PrimaryKeyConstraint("org_id", "command_id"),
)
Index(
    "sync_outcome_org_id_device_id_n_key",
    sync_outcome.c.org_id,
    sync_outcome.c.device_id,
    sync_outcome.c.n,
    unique=True,
    postgresql_where=text("n is not null"),
)
Index(
    "sync_outcome_org_id_cause_key",
    sync_outcome.c.org_id,
    sync_outcome.c.cause,
    unique=True,
    postgresql_where=text("cause is not null and status in ('applied', 'merged')"),
)
Index("sync_outcome_org_id_received_at_idx", sync_outcome.c.org_id, sync_outcome.c.received_at)

sync_held = Table(
    "sync_held",
    metadata,
    _id("org_id"),
    _id("command_id"),
    Column("after", ARRAY(Uuid), nullable=False),
    Column("actor", JSONB, nullable=False),
    Column("envelope", LargeBinary, nullable=False),
    Column("occurrence", JSONB, nullable=False),
    instant("held_at"),
    instant("expires_at"),
    PrimaryKeyConstraint("org_id", "command_id"),
)
Index("sync_held_after_idx", sync_held.c.after, postgresql_using="gin")
Index("sync_held_org_id_expires_at_idx", sync_held.c.org_id, sync_held.c.expires_at)

sync_quarantine = Table(
    "sync_quarantine",
    metadata,
    _id("org_id"),
    _id("entry_id"),
    _id("command_id", nullable=True),
    _id("device_id", nullable=True),
    _id("session_id", nullable=True),
    _id("person_id", nullable=True),
    Column("n", BigInteger),
    Column("name", Text, nullable=False),
    _id("job_id", nullable=True),
    Column("reason", Text, nullable=False),
    Column("detail", Text, nullable=False, server_default=text("''")),
    Column("bytes", LargeBinary, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("occurrence", JSONB),
    instant("received_at"),
    Column("resolution", Text),
    _id("resolved_by", nullable=True),
    instant("resolved_at", nullable=True),
    PrimaryKeyConstraint("org_id", "entry_id"),
    comment="What could not be applied, whole; a row leaves the inbox by a resolution, never by deletion.",
)
Index("sync_quarantine_org_id_command_id_idx", sync_quarantine.c.org_id, sync_quarantine.c.command_id)
Index(
    "sync_quarantine_org_id_device_id_idx",
    sync_quarantine.c.org_id,
    sync_quarantine.c.device_id,
    sync_quarantine.c.received_at,
)
Index(
    "sync_quarantine_org_id_received_at_idx",
    sync_quarantine.c.org_id,
    sync_quarantine.c.received_at,
    sync_quarantine.c.entry_id,
    postgresql_where=text("resolution is null"),
)

sync_unreadable = Table(
    "sync_unreadable",
    metadata,
    _id("org_id"),
    _id("device_id"),
    Column("sha256", LargeBinary, nullable=False),
    Column("bytes", LargeBinary, nullable=False),
    instant("received_at"),
    PrimaryKeyConstraint("org_id", "device_id", "sha256"),
    comment="Batches whose envelope could not be read, by hash.",
)
