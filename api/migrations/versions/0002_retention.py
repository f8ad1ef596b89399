"""Retention: floors of buckets, marks of transaction ids, and a pull that heeds the floors."""

from pathlib import Path

from alembic import op

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this step."""
    # One statement at a time: the driver prepares each. A blank line after a semicolon ends one.
    for statement in (Path(__file__).parent / "0002_retention.sql").read_text(encoding="utf-8").split(";\n\n"):
        op.get_bind().exec_driver_sql(statement)
