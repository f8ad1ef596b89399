"""Map: trackers of other makers, and vector tiles from one statement each."""

from api.migrations.sql_files import run_sql_beside

revision: str = "0012"
down_revision: str | None = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this step."""
    run_sql_beside(__file__)
