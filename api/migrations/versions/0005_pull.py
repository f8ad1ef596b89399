"""Pulls whose pages the database writes: one statement from the token to the frames."""

from pathlib import Path

from alembic import op

revision: str = "0005"
down_revision: str | None = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this step."""
    # One statement at a time: the driver prepares each. A blank line after a semicolon ends one.
    for statement in (Path(__file__).parent / "0005_pull.sql").read_text(encoding="utf-8").split(";\n\n"):
        op.get_bind().exec_driver_sql(statement)
