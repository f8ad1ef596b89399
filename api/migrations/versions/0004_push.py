"""Push: what is asked and written in one round trip each, and an index that another one contains."""

from pathlib import Path

from alembic import op

revision: str = "0004"
down_revision: str | None = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this step."""
    # One statement at a time: the driver prepares each. A blank line after a semicolon ends one.
    for statement in (Path(__file__).parent / "0004_push.sql").read_text(encoding="utf-8").split(";\n\n"):
        op.get_bind().exec_driver_sql(statement)
