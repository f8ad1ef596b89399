"""Planning: locks of visits, proposals."""

from api.migrations.sql_files import run_sql_beside

revision: str = "0013"
down_revision: str | None = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this step."""
    run_sql_beside(__file__)
