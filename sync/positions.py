"""Where crews are: batches of positions from devices. Neither fact nor decision: lossy, outside of commands, the newest wins."""

from datetime import datetime, timedelta
from typing import Final

import asyncpg

from geo.store import positions
from geo.store.positions import Fix
from jobs.work import wgs84
from mobile_contract.schema.base import Position
from mobile_contract.schema.messages import PositionsAsk
from sync.devices import Device
from sync.transaction import org_transaction

# What a phone kept for longer says nothing about where anybody is.
MEMORY: Final = timedelta(days=2)


async def take_positions(
    pool: asyncpg.Pool, device: Device, ask: PositionsAsk, *, received_at: datetime, now: datetime
) -> int:
    """Record a batch as the places of the device's current person; give how many were taken.

    0 where the call names no session of this device that is running now, or the person or device may no longer work: then nothing is
    said of anybody. Fixes without a time, or of the future, count as of the receipt; those older than two days are dropped.
    """
    session = device.session
    if session is None or device.revoked or not session.active or not session.from_at <= now < session.to_at:
        return 0
    fixes = []
    for position in ask.positions:
        at = min(position.at or received_at, received_at)
        if at > received_at - MEMORY:
            fixes.append(_fix(device, position, at))
    if fixes:
        async with org_transaction(pool, device.org_id) as conn:
            await positions.record(conn, device.org_id, fixes, received_at=received_at)
    return len(fixes)


def _fix(device: Device, position: Position, at: datetime) -> Fix:
    assert device.session is not None
    lon_deg, lat_deg = wgs84(position.lon_deg, position.lat_deg, position.datum)
    return Fix(
        person_id=device.session.person_id,
        device_id=device.id,
        lon_deg=lon_deg,
        lat_deg=lat_deg,
        accuracy_m=position.accuracy_m,
        mock=position.mock,
        at=at,
    )
