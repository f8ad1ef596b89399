"""Whether the demo organisation stands already, and where. Imports nothing heavy: it is asked at every start."""

from api.database import open_pool
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
