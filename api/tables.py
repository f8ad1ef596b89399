"""Table metadata of the edge: credentials, sign-ins, tokens, API keys, enrolment codes, throttles, imports. Owns no query.

No secret is stored as it is: passwords as argon2id, everything the server makes itself (256 random bits) as SHA-256.
"""

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY

from geo.store.tables import instant, metadata


def _id(column: str, *, nullable: bool = False) -> Column[object]:
    return Column(column, Uuid, nullable=nullable)


def _of_person() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(["org_id", "person_id"], ["person.org_id", "person.id"])


credential = Table(
    "credential",
    metadata,
    _id("org_id"),
    _id("person_id"),
    Column("login", Text, nullable=False, comment="lower case, NFKC"),
    Column("password_hash", Text, comment="argon2id; null: signs in by OIDC only"),
    Column("must_change", Boolean, nullable=False, server_default=text("false")),
    Column("failed_count", Integer, nullable=False, server_default=text("0")),
    instant("failed_at", nullable=True),
    instant("changed_at"),
    PrimaryKeyConstraint("org_id", "person_id"),
    _of_person(),
)
Index("credential_org_id_login_key", credential.c.org_id, credential.c.login, unique=True)

oidc_subject = Table(
    "oidc_subject",
    metadata,
    _id("org_id"),
    Column("issuer", Text, nullable=False),
    Column("subject", Text, nullable=False),
    _id("person_id"),
    instant("linked_at"),
    PrimaryKeyConstraint("org_id", "issuer", "subject"),
    _of_person(),
    comment="Which person a subject of an identity provider is; made at the first token whose verified e-mail is a login.",
)

sign_in = Table(
    "sign_in",
    metadata,
    _id("org_id"),
    _id("sign_in_id"),
    _id("person_id"),
    instant("started_at"),
    instant("expires_at"),
    instant("revoked_at", nullable=True),
    Column("revoked_because", Text, comment="logout, token_reused, password_changed, offboarded"),
    PrimaryKeyConstraint("org_id", "sign_in_id"),
    _of_person(),
    comment="A family of refresh tokens: revoking it ends all of them and the access tokens made from them.",
)
Index("sign_in_org_id_person_id_idx", sign_in.c.org_id, sign_in.c.person_id)
Index("sign_in_org_id_expires_at_idx", sign_in.c.org_id, sign_in.c.expires_at)

refresh_token = Table(
    "refresh_token",
    metadata,
    _id("org_id"),
    _id("token_id"),
    _id("sign_in_id"),
    Column("secret_hash", LargeBinary, nullable=False),
    instant("issued_at"),
    instant("used_at", nullable=True),
    PrimaryKeyConstraint("org_id", "token_id"),
    ForeignKeyConstraint(["org_id", "sign_in_id"], ["sign_in.org_id", "sign_in.sign_in_id"], ondelete="cascade"),
)
Index("refresh_token_org_id_sign_in_id_idx", refresh_token.c.org_id, refresh_token.c.sign_in_id)

reset_token = Table(
    "reset_token",
    metadata,
    _id("org_id"),
    _id("token_id"),
    _id("person_id"),
    Column("secret_hash", LargeBinary, nullable=False),
    _id("issued_by", nullable=True),
    instant("issued_at"),
    instant("expires_at"),
    instant("used_at", nullable=True),
    PrimaryKeyConstraint("org_id", "token_id"),
    _of_person(),
)
Index("reset_token_org_id_person_id_idx", reset_token.c.org_id, reset_token.c.person_id)

api_key = Table(
    "api_key",
    metadata,
    _id("org_id"),
    _id("key_id"),
    Column("name", Text, nullable=False),
    Column("secret_hash", LargeBinary, nullable=False),
    Column("scopes", ARRAY(Text), nullable=False, comment="command names, and `read`"),
    _id("made_by", nullable=True),
    instant("made_at"),
    instant("expires_at", nullable=True),
    instant("revoked_at", nullable=True),
    PrimaryKeyConstraint("org_id", "key_id"),
)

enrolment = Table(
    "enrolment",
    metadata,
    _id("org_id"),
    _id("enrolment_id"),
    Column("code_hash", LargeBinary, nullable=False),
    _id("person_id", nullable=True),
    _id("crew_id", nullable=True),
    _id("made_by", nullable=True),
    instant("made_at"),
    instant("expires_at"),
    instant("used_at", nullable=True),
    _id("device_id", nullable=True),
    PrimaryKeyConstraint("org_id", "enrolment_id"),
    CheckConstraint("num_nonnulls(person_id, crew_id) = 1", name="enrolment_for_one"),
    comment="One-time codes by which a device becomes one of a person or a crew.",
)
Index("enrolment_org_id_code_hash_key", enrolment.c.org_id, enrolment.c.code_hash, unique=True)

throttle = Table(
    "throttle",
    metadata,
    _id("org_id"),
    Column("key", LargeBinary, nullable=False, comment="SHA-256 over what is limited: nothing personal is kept"),
    instant("free_at"),
    PrimaryKeyConstraint("org_id", "key"),
    comment="Rate limits shared by all processes: one instant per key (the theoretical arrival time of GCRA).",
)
Index("throttle_org_id_free_at_idx", throttle.c.org_id, throttle.c.free_at)

import_row = Table(
    "import_row",
    metadata,
    _id("org_id"),
    Column("noun", Text, nullable=False, comment="sites, people, parts, districts; a job's identity is its content"),
    Column("source", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("content", Text, nullable=False, comment="SHA-256 of what the source said last"),
    instant("imported_at"),
    PrimaryKeyConstraint("org_id", "noun", "source", "key"),
    comment="What a source said last of each master row: saying the same again undoes no later edit.",
)

tracker = Table(
    "tracker",
    metadata,
    _id("org_id"),
    _id("tracker_id"),
    Column("name", Text, nullable=False),
    _id("person_id"),
    Column("secret_hash", LargeBinary, nullable=False),
    _id("made_by", nullable=True),
    instant("made_at"),
    instant("seen_at", nullable=True),
    instant("revoked_at", nullable=True),
    PrimaryKeyConstraint("org_id", "tracker_id"),
    _of_person(),
    comment="An app of another maker that may report where one person is, and nothing else.",
)
Index("tracker_org_id_person_id_idx", tracker.c.org_id, tracker.c.person_id)

plan_proposal = Table(
    "plan_proposal",
    metadata,
    _id("org_id"),
    _id("id"),
    Column("kind", Text, nullable=False),
    instant("made_at"),
    _id("made_by", nullable=True),
    instant("expires_at"),
    Column("body", LargeBinary, nullable=False),
    Column(
        "basis",
        LargeBinary,
        comment="The problem and the plan, for explanations; null: too large to keep, or committed.",
    ),
    instant("committed_at", nullable=True),
    _id("commit_key", nullable=True),
    Column("commit_digest", LargeBinary),
    Column("commit_answer", LargeBinary),
    PrimaryKeyConstraint("org_id", "id"),
    comment="Proposals of the planner as they were made; one that nobody committed goes soon after it expired.",
)
Index("plan_proposal_org_id_expires_at_idx", plan_proposal.c.org_id, plan_proposal.c.expires_at)
Index(
    "plan_proposal_org_id_commit_key_key",
    plan_proposal.c.org_id,
    plan_proposal.c.commit_key,
    unique=True,
    postgresql_where=text("commit_key is not null"),
)
