"""Trackers: apps of other makers that report where a person is. Makes, proves and revokes them and records what they send.

A tracker's token opens nothing but this: it can read nothing, and says where one person is. It travels as the app's device identifier, in
query strings of an app that is not ours, which is why it is no device's token.
"""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from msgspec import Struct
from uuid_utils.compat import uuid7

from api.osmand import Report, Sent
from api.problems import ProblemError
from api.services import Services
from api.store import trackers
from geo.store import positions
from jobs.context import Actor
from mobile_contract.schema.map import TrackerAsk, TrackerMade
from sync.positions import MEMORY
from sync.tokens import TokenKind, mint_token, read_token
from sync.transaction import org_transaction

PATH: Final = "/traccar"
REPORTS_MAX: Final = 500
# A phone's clock may be a little fast; what is further ahead says nothing about when.
_AHEAD: Final = timedelta(minutes=1)


class Heard(Struct, frozen=True):
    """Which tracker was heard of, and how many of its positions were recorded."""

    org_id: UUID
    tracker_id: UUID
    taken: int


async def make(services: Services, actor: Actor, ask: TrackerAsk) -> TrackerMade:
    """Make a tracker for a person who works here; its identifier is shown this once. Raises ProblemError (unknown_person)."""
    token = mint_token(TokenKind.TRACKER, actor.org_id, uuid7())
    new = trackers.NewTracker(
        tracker_id=token.id,
        name=ask.name,
        person_id=ask.person_id,
        secret_hash=token.secret_hash,
        made_by=actor.person_id,
    )
    async with org_transaction(services.pool, actor.org_id) as conn:
        if not await trackers.add(conn, actor.org_id, new, now=services.clock()):
            raise ProblemError("unknown_person")
    return TrackerMade(tracker_id=token.id, identifier=token.text, url=services.settings.base_url + PATH)


async def hear(services: Services, sent: Sent) -> Heard:
    """Record what an app sent as the places of its tracker's person. Raises ProblemError (unauthenticated) for an unknown or revoked token.

    Positions without a time, or of the future, count as of now; those older than two days are dropped.
    """
    token = read_token(sent.identifier, TokenKind.TRACKER)
    stored = await trackers.find(services.pool, token.org_id, token.id) if token is not None else None
    if token is None or stored is None or not token.matches(stored.secret_hash):
        raise ProblemError("unauthenticated")
    now = services.clock()
    fixes = [_fix(stored.person_id, report, now) for report in sent.reports[:REPORTS_MAX]]
    fresh = [fix for fix in fixes if fix.at > now - MEMORY]
    async with org_transaction(services.pool, token.org_id) as conn:
        await positions.record(conn, token.org_id, fresh, received_at=now)
        if stored.seen_at is None or stored.seen_at <= now - trackers.SEEN_EVERY:
            await trackers.note_seen(conn, token.org_id, token.id, now=now)
    return Heard(token.org_id, token.id, len(fresh))


def _fix(person_id: UUID, report: Report, now: datetime) -> positions.Fix:
    at = report.at if report.at is not None and report.at <= now + _AHEAD else now
    return positions.Fix(
        person_id=person_id,
        device_id=None,
        lon_deg=report.lon_deg,
        lat_deg=report.lat_deg,
        accuracy_m=report.accuracy_m,
        mock=report.mock,
        at=min(at, now),
    )
