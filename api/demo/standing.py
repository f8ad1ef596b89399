"""Whether the database and the demo organisation stand already, and where. Imports nothing heavy: it is asked at every start."""

import asyncio

from api import cluster
from api.console import console
from api.database import open_pool
from api.migrations import migrate
from api.settings import Settings
from api.store import credentials
from jobs.loading import load_organisation
from sync.transaction import org_transaction


async def zone_of(settings: Settings, slug: str) -> str | None:
    """Read the zone of an organisation; None where there is none of that slug. Raises OperatorError without a database."""
    async with await open_pool(settings, size_max=1) as pool:
        org_id = await credentials.org_of_slug(pool, slug)
        if org_id is None:
            return None
        async with org_transaction(pool, org_id) as conn:
            return (await load_organisation(conn, org_id)).zone


def prepare_database(settings: Settings) -> None:
    """Start the private cluster where it is the database, and bring the database to the newest revision. Raises OperatorError."""
    with console.status("Looking at the database") as shown:
        if settings.uses_private_cluster:
            cluster.up(settings.place, shown.update)
        shown.update("Migrating")
        asyncio.run(migrate(settings))
