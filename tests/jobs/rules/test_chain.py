"""The evidence chain: it holds after a trip through JSON and breaks with any change."""

from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import msgspec
import pytest
from msgspec.structs import replace

from jobs.event import Event, EventName
from jobs.rules.chain import broken_at, seal

NINE = datetime(2026, 3, 2, 9, 0, 0, 123456, tzinfo=UTC)


def chain(length: int = 3) -> list[Event]:
    events: list[Event] = []
    for seq in range(1, length + 1):
        event = Event(
            id=UUID(int=seq), job_id=UUID(int=100), visit_id=UUID(int=200), seq=seq, name=EventName.NOTE_ADDED,
            occurred_at=NINE, received_at=NINE, command_id=UUID(int=300 + seq), lon_deg=116.4, lat_deg=39.9,
            detail={"zh": "漏水", "b": 1, "a": {"y": "2", "x": "1.50"}},
        )  # fmt: skip
        events.append(seal(event, events[-1].hash if events else ""))
    return events


def test_a_chain_as_made_holds() -> None:
    assert broken_at(chain()) is None
    assert chain()[0].previous_hash == ""


def test_a_chain_holds_after_json_with_other_key_order_and_zone() -> None:
    stored = []
    for event in chain():
        turned = replace(
            event,
            occurred_at=event.occurred_at.astimezone(timezone(timedelta(hours=8))),
            detail=dict(reversed(list(event.detail.items()))),
        )
        stored.append(msgspec.json.decode(msgspec.json.encode(turned), type=Event))
    assert broken_at(stored[::-1]) is None


@pytest.mark.parametrize(
    "change",
    [
        {"occurred_at": NINE + timedelta(seconds=1)},
        {"detail": {"zh": "不漏"}},
        {"actor_id": UUID(int=7)},
        {"lon_deg": 116.5},
    ],
)
def test_a_changed_event_breaks_the_chain(change: dict[str, object]) -> None:
    events = chain()
    events[1] = replace(events[1], **change)
    assert broken_at(events) == events[1]


def test_a_missing_event_breaks_the_chain_at_its_successor() -> None:
    first, _, third = chain()
    assert broken_at([first, third]) == third


def test_an_event_sealed_anew_breaks_the_chain_at_its_successor() -> None:
    first, second, third = chain()
    forged = seal(replace(second, detail={"zh": "不漏"}), first.hash)
    assert broken_at([first, forged, third]) == third
