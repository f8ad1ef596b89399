"""What the reconciliation found and how it was resolved."""

from api.migrations.sql_files import run_sql_beside

revision: str = "0009"
down_revision: str | None = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this step."""
    run_sql_beside(__file__)
