"""Pulls of several devices in one statement; a first pull costs what it brings."""

from api.migrations.sql_files import run_sql_beside

revision: str = "0011"
down_revision: str | None = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this step."""
    run_sql_beside(__file__)
