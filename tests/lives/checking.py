"""The independent check of these experiments: what a device holds against what the tables say, read past everything of ours."""

from collections.abc import Sequence

from api.database import owner_connection
from api.settings import Settings
from tests.devices import Key, StrictDevice, difference, server_state

Differences = dict[str, dict[Key, tuple[object, object]]]


async def differences(settings: Settings, device: StrictDevice, buckets: Sequence[str]) -> Differences:
    """Compare a device with the tables, bucket by bucket; nothing when they are equal. AssertionError where the tables contradict each other."""
    async with owner_connection(settings) as conn:
        state = await server_state(conn, device.org_id, buckets)
    found = {bucket: difference(device.copies.get(bucket, {}), state[bucket]) for bucket in buckets}
    return {bucket: lines for bucket, lines in found.items() if lines}


def words(found: Differences) -> str:
    """Say which documents differ, for the test's output."""
    return "; ".join(f"{bucket}: {len(lines)} documents" for bucket, lines in found.items()) or "nothing"
