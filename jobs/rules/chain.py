"""The evidence chain of a visit: each event carries the hash of its content and of the event recorded before it. Pure.

Content = the event's fields but `hash`, as JSON with sorted keys, instants in UTC. The server makes the chain, in commit order.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from hashlib import sha256

import msgspec
from msgspec.structs import replace

from jobs.event import Event


def seal(event: Event, previous_hash: str) -> Event:
    """Link an event to its predecessor ("" for the first of a visit): sets `previous_hash` and `hash`."""
    linked = replace(event, previous_hash=previous_hash, hash="")
    return replace(linked, hash=hash_of(linked))


def hash_of(event: Event) -> str:
    """Compute the hash that an event must carry, in lower-case hex."""
    content = {
        field: value.astimezone(UTC) if isinstance(value, datetime) else value
        for field, value in ((f, getattr(event, f)) for f in event.__struct_fields__)
        if field != "hash"
    }
    return sha256(msgspec.json.encode(content, order="sorted")).hexdigest()


def broken_at(events: Iterable[Event]) -> Event | None:
    """Find the first event of one visit whose hash or link is wrong; None when the chain holds."""
    previous = ""
    for event in sorted(events, key=lambda e: e.seq):
        if event.previous_hash != previous or hash_of(event) != event.hash:
            return event
        previous = event.hash
    return None
