"""Pages as a row per document."""

from api.migrations.sql_files import run_sql_beside

revision: str = "0019"
down_revision: str | None = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this step."""
    run_sql_beside(__file__)
