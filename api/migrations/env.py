"""What alembic runs for each command: binds our metadata to the connection it was given. Never connects by itself."""

from alembic import context
from geoalchemy2 import alembic_helpers

from api.migrations.tables import all_metadata

connection = context.config.attributes.get("connection")
if connection is None:
    raise RuntimeError("run migrations with `onsite db migrate`: it holds the lock that keeps two deploys apart")

context.configure(
    connection=connection,
    target_metadata=all_metadata(),
    include_object=alembic_helpers.include_object,
    process_revision_directives=alembic_helpers.writer,
    render_item=alembic_helpers.render_item,
    transaction_per_migration=True,
    version_table_schema="public",
    compare_type=True,
    compare_server_default=False,
)
with context.begin_transaction():
    context.run_migrations()
