"""Material requests from asking to closing, issue slips and forms in three copies."""

from api.migrations.sql_files import run_sql_beside

revision: str = "0008"
down_revision: str | None = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this step."""
    run_sql_beside(__file__)
