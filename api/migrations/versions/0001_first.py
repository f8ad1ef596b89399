"""The first tables, their row-level security and functions."""

from pathlib import Path

from alembic import op

revision: str = "0001"
down_revision: str | None = None
branch_labels = None
depends_on = None

FILES = ("0001_tables.sql", "0001_functions.sql")


def upgrade() -> None:
    """Apply this step."""
    for name in FILES:
        # One statement at a time: the driver prepares each. A blank line after a semicolon ends one.
        for statement in (Path(__file__).parent / name).read_text(encoding="utf-8").split(";\n\n"):
            op.get_bind().exec_driver_sql(statement)
