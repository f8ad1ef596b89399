"""Waking: where a sleeping phone is reached; storms."""

from api.migrations.sql_files import run_sql_beside

revision: str = "0015"
down_revision: str | None = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this step."""
    run_sql_beside(__file__)
