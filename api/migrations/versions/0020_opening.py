"""Opening a push: numbers as a range."""

from api.migrations.sql_files import run_sql_beside

revision: str = "0020"
down_revision: str | None = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this step."""
    run_sql_beside(__file__)
