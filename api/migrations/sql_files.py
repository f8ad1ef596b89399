"""Run the SQL that stands beside a migration step. Knows no table."""

from pathlib import Path

from alembic import op


def run_sql_beside(step: str) -> None:
    """Run the `.sql` file of the same name as the step's own file, one statement at a time: the driver prepares each.

    A blank line after a semicolon ends a statement. `step` is the `__file__` of the step.
    """
    for statement in Path(step).with_suffix(".sql").read_text(encoding="utf-8").split(";\n\n"):
        if statement.strip():
            op.get_bind().exec_driver_sql(statement)
