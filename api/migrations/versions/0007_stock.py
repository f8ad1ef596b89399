"""The ledger: cached levels, lots, transfers, counts."""

from api.migrations.sql_files import run_sql_beside

revision: str = "0007"
down_revision: str | None = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this step."""
    run_sql_beside(__file__)
