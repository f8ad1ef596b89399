"""Whose commands a device hands in, and when they happened: from items of a batch to asks. Never judges what they ask.

The session names the person of each command, however late it comes; a login that has expired since changes nothing. The time is fixed
here, at first receipt.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from msgspec import Struct

from jobs.context import Actor, Occurrence, Via
from mobile_contract.schema.clock import ClockSample
from mobile_contract.schema.people import Role
from sync.ask import Ask
from sync.clock import cited_anchor, correct
from sync.devices import roles_on
from sync.envelopes import Item
from sync.keyring import Keyring


class Arrival(Struct, frozen=True):
    """Which device's request, what its clocks said at sending (None: unreadable), when the request's head arrived."""

    device_id: UUID
    sent: ClockSample | None
    received_at: datetime


class Receipt(Struct, frozen=True, kw_only=True):
    """The circumstances of a request: which device, whether it was revoked and is a crew's, when the request's head arrived.

    `occurred`: when each of its commands happened, by number.
    """

    org_id: UUID
    device_id: UUID
    revoked: bool
    shared: bool
    received_at: datetime
    occurred: Mapping[int, Occurrence]


class Author(Struct, frozen=True):
    """The person of a session that was issued to the device, as that person stands now."""

    session_id: UUID
    person_id: UUID
    roles: frozenset[Role]
    active: bool


def occurrences(keyring: Keyring, arrival: Arrival, items: Sequence[Item]) -> dict[int, Occurrence]:
    """Tell when each command of a batch happened, by its number."""
    return {item.n: _occurrence(keyring, arrival, item.at) for item in items}


def asks_of(receipt: Receipt, authors: Mapping[UUID, Author], items: Sequence[Item]) -> list[Ask]:
    """Make asks of a batch's items, in their order. What came under a session that is not in `authors`, or from a revoked device, is barred."""
    actors = {session: _actor(receipt, session, authors) for session in {item.session for item in items}}
    return [_ask(receipt, item, actors[item.session]) for item in items]


def _ask(receipt: Receipt, item: Item, actor: Actor) -> Ask:
    known = "" if actor.person_id is not None else "session_unknown"
    return Ask(
        id=item.id,
        name=item.name,
        args=item.args,
        digest=item.digest,
        raw=item.cmd,
        actor=actor,
        occurrence=receipt.occurred[item.n],
        received_at=receipt.received_at,
        after=item.after,
        n=item.n,
        barred=item.barred or ("device_revoked" if receipt.revoked else known),
    )


def _actor(receipt: Receipt, session: UUID | None, authors: Mapping[UUID, Author]) -> Actor:
    author = authors.get(session) if session is not None else None
    return Actor(
        org_id=receipt.org_id,
        person_id=author.person_id if author else None,
        roles=roles_on(author.roles if author else frozenset(), shared=receipt.shared),
        device_id=receipt.device_id,
        session_id=session,
        via=Via.DEVICE,
        active=author is not None and author.active and not receipt.revoked,
    )


def _occurrence(keyring: Keyring, arrival: Arrival, captured: ClockSample | None) -> Occurrence:
    if captured is None:
        return Occurrence(at=arrival.received_at, not_after=arrival.received_at, clock="receipt")
    # Clocks at sending that cannot be read say nothing: as if it were sent at once.
    sent = arrival.sent or ClockSample(wall=captured.wall)
    time = correct(captured, sent, arrival.received_at, cited_anchor(keyring, captured, arrival.device_id))
    return Occurrence(
        at=time.best,
        not_before=time.not_before,
        not_after=time.not_after,
        raw_at=time.raw_wall,
        clock=time.method.value,
        suspect=time.suspect,
    )
