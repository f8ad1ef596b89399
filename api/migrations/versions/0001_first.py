"""The first tables, their row-level security and functions."""

from pathlib import Path

from alembic import op

from api.migrations.tables import GLOBAL_TABLES, all_metadata

revision: str = "0001"
down_revision: str | None = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this step."""
    for metadata in all_metadata():
        metadata.create_all(op.get_bind())
        for table in metadata.sorted_tables:
            if table.name not in GLOBAL_TABLES:
                op.execute(f"alter table {table.name} enable row level security")
                op.execute(
                    f"create policy own_organisation on {table.name} "
                    "using (org_id = current_setting('onsite.org')::uuid) "
                    "with check (org_id = current_setting('onsite.org')::uuid)"
                )
    functions = Path(__file__).parent / "functions.sql"
    if functions.exists():
        # One statement at a time: the driver prepares each. A blank line ends one.
        for statement in functions.read_text(encoding="utf-8").split(";\n\n"):
            op.get_bind().exec_driver_sql(statement)
