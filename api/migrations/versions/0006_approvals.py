"""Approval policies with scopes, steps and calendars; delegations and allowances."""

from api.migrations.sql_files import run_sql_beside

revision: str = "0006"
down_revision: str | None = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this step."""
    run_sql_beside(__file__)
