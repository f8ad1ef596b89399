"""A check that cannot fail is a defect: the auditor is shown histories in which each invariant is broken, and sees it."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from msgspec.structs import replace

from tests.simulation.auditor import Auditor, Violation
from tests.simulation.backend import Answer, Content, Cost, Effect, OpenJob, Request, Return, Stored, Truth, Witness
from tests.simulation.memory import NOTHING, Watched
from tests.simulation.phones import Holdings, Kept
from tests.simulation.reading import digest, document_hash, sha256

NOW = datetime(2026, 3, 2, 6, tzinfo=UTC)
DEVICE, PERSON, OTHER = UUID(int=1), UUID(int=2), UUID(int=3)
FIRST, SECOND = UUID(int=11), UUID(int=12)
NOTE = ("note", UUID(int=21))
CONTENT = Content(1, b'{"text":"a"}')
LIFE = "life"
CREW, ME = "crew/1", "me/2"


def stored(n: int = 1, status: str = "applied", **fields: object) -> Stored:
    return replace(Stored(status=status, code="ok", device_id=DEVICE, n=n, sha256=sha256(b"1")), **fields)


def truth(**fields: object) -> Truth:
    sound = Truth(
        buckets={CREW: {NOTE: CONTENT}},
        deleted=frozenset(),
        outcomes={FIRST: stored()},
        effects={FIRST: (Effect(1, PERSON),)},
        quarantine={},
        last_n={DEVICE: 1},
    )
    return replace(sound, **fields)


def holdings(**fields: object) -> Holdings:
    sound = {
        "device_id": DEVICE,
        "person_id": PERSON,
        "cursor": "cursor 1",
        "life": LIFE,
        "acked_n": 1,
        "durable_n": None,
        "forked": False,
        "wiped": False,
        "filling": {CREW: "whole"},
        "documents": {NOTE: CONTENT},
        "members": {CREW: frozenset({NOTE})},
        "commands": {FIRST: Kept(1, "applied", "ok", b"1")},
    }
    return Holdings(**{**sound, **fields})  # type: ignore[arg-type]


def witness(**fields: object) -> Witness:
    sound = Witness(
        device_id=DEVICE, wants=(CREW,), buckets={CREW: {NOTE: CONTENT}}, deleted=frozenset(), acked_n=1, commits=5
    )
    return replace(sound, **fields)


def page(*frames: dict[str, object], begin: Mapping[str, object] | None = None, **end: object) -> Answer:
    head = {"frame": "begin", "life": LIFE, "server_time": NOW.isoformat(), "anchor": "a", **(begin or {})}
    foot = {"frame": "end", "cursor": "cursor 1", "acked_n": 1, "more": False, **end}
    return Answer(200, b"".join(json.dumps(line).encode() + b"\n" for line in (head, *frames, foot)))


def put(content: Content = CONTENT) -> dict[str, object]:
    kind, id = NOTE
    h = f"{document_hash(NOTE, content.ver, content.body):016x}"
    return {"frame": "put", "b": [0], "kind": kind, "id": str(id), "ver": content.ver, "h": h, "body": "BODY"}


def with_body(answer: Answer, body: bytes = CONTENT.body) -> Answer:
    return Answer(answer.status, answer.body.replace(b'"BODY"', body), answer.headers)


class Handled:
    """A handling that is over."""

    def __init__(self, witness: Witness | None, cost: Cost) -> None:
        self.witness, self.cost = witness, cost

    def step(self) -> Answer | None:
        """Nothing is left to do."""
        return None


def pulled(
    auditor: Auditor, answer: Answer, seen: Witness, *, cost: Cost | None = None, cursor: str | None = None
) -> None:
    request = Request("/sync/v1/pull", {}, json.dumps({"cursor": cursor}).encode())
    auditor.answered(1, request, answer, Handled(seen, cost or Cost()))


def pushed(
    auditor: Auditor, *, status: str = "applied", last_n: int = 1, durable_n: int | None = None, n: int = 1
) -> None:
    told = {"n": n, "id": str(FIRST), "status": status}
    body = {"last_n": last_n, "outcomes": [told], "server_time": NOW.isoformat(), "durable_n": durable_n}
    auditor.answered(
        2, Request("/sync/v1/push", {}, b"{}"), Answer(200, json.dumps(body).encode()), Handled(None, Cost())
    )


def at_work() -> Auditor:
    """Give an auditor that has seen a phone with one command, and the server as it should be."""
    auditor = Auditor()
    auditor.holds("phone", holdings(), NOW)
    auditor.stands(truth(), NOW)
    auditor.watched["phone"].stale.clear()
    return auditor


ADD = {"buckets": [CREW], "add": [CREW]}


def test_a_sound_history_passes() -> None:
    auditor = at_work()
    pushed(auditor)
    auditor.stands(truth(), NOW)
    pulled(auditor, with_body(page(put(), begin=ADD)), witness())
    auditor.applied("phone", 1, holdings(), rotten=False)
    auditor.shows("phone", holdings(), frozenset({NOTE[1]}))
    auditor.ended("phone", holdings())
    auditor.i13_nothing_lost(auditor.truth)
    assert set(auditor.counts) >= {f"I{i}" for i in (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15)}


def twice(auditor: Auditor) -> None:
    auditor.stands(truth(effects={FIRST: (Effect(1, PERSON), Effect(2, PERSON))}), NOW)


def never(auditor: Auditor) -> None:
    auditor.stands(truth(effects={}), NOW)


def by_another(auditor: Auditor) -> None:
    auditor.stands(truth(effects={FIRST: (Effect(1, OTHER),)}), NOW)


def though_refused(auditor: Auditor) -> None:
    auditor.stands(truth(outcomes={FIRST: stored(status="rejected")}), NOW)


def without_outcome(auditor: Auditor) -> None:
    auditor.stands(truth(outcomes={}), NOW)


def other_bytes(auditor: Auditor) -> None:
    auditor.holds("phone", holdings(commands={FIRST: Kept(1, "applied", "ok", b"other")}), NOW)


def out_of_order(auditor: Auditor) -> None:
    auditor.holds(
        "phone", holdings(commands={FIRST: Kept(1, None, None, b"1"), SECOND: Kept(2, None, None, b"2")}), NOW
    )
    effects = {FIRST: (Effect(8, PERSON),), SECOND: (Effect(7, PERSON),)}
    outcomes = {FIRST: stored(), SECOND: stored(2, sha256=sha256(b"2"))}
    auditor.stands(truth(outcomes=outcomes, effects=effects, last_n={DEVICE: 2}), NOW)


def acknowledged_and_gone(auditor: Auditor) -> None:
    pushed(auditor)
    auditor.stands(truth(outcomes={}, effects={}), NOW)


def durable_and_gone(auditor: Auditor) -> None:
    pushed(auditor, durable_n=1)
    come_back(auditor)


def quarantined_and_gone(auditor: Auditor) -> None:
    fresh = Auditor()
    auditor.__dict__.update(fresh.__dict__)
    auditor.holds("phone", holdings(), NOW)
    auditor.stands(
        truth(outcomes={FIRST: stored(status="quarantined")}, effects={}, quarantine={FIRST: sha256(b"1")}), NOW
    )
    pushed(auditor, status="quarantined")
    auditor.stands(truth(outcomes={FIRST: stored(status="quarantined")}, effects={}), NOW)


def another_answer(auditor: Auditor) -> None:
    auditor.stands(truth(outcomes={FIRST: stored(status="rejected")}, effects={}), NOW)


def never_learned(auditor: Auditor) -> None:
    auditor.i4_learned("phone", holdings(commands={FIRST: Kept(1, "rejected", "x", b"1")}))


def never_answered(auditor: Auditor) -> None:
    auditor.truth = NOTHING
    auditor.i4_learned("phone", holdings())


def not_equal(auditor: Auditor) -> None:
    auditor.i5_equal("phone", witness(), holdings(documents={NOTE: Content(1, b"{}")}))


def other_digest(auditor: Auditor) -> None:
    answer = with_body(page(put(), begin=ADD, digests={CREW: digest([7])}))
    pulled(auditor, answer, witness())
    auditor.applied("phone", 1, holdings(), rotten=False)


def half_a_snapshot(auditor: Auditor) -> None:
    pulled(auditor, with_body(page(put(), begin=ADD)), witness())
    auditor.applied("phone", 1, holdings(documents={}, members={}), rotten=False)


def shows_too_little(auditor: Auditor) -> None:
    auditor.shows("phone", holdings(), frozenset())


def hides_own(auditor: Auditor) -> None:
    own = json.dumps({"name": "add_note", "args": {"note_id": str(OTHER)}}).encode()
    auditor.shows("phone", holdings(commands={SECOND: Kept(2, None, None, own)}), frozenset({NOTE[1]}))


def wrong_number(auditor: Auditor) -> None:
    pulled(auditor, with_body(page(put(), begin=ADD, acked_n=2)), witness())


def number_taken_twice(auditor: Auditor) -> None:
    outcomes = {FIRST: stored(), SECOND: stored(sha256=sha256(b"2"))}
    auditor.stands(truth(outcomes=outcomes, effects={FIRST: (Effect(1, PERSON),), SECOND: (Effect(2, PERSON),)}), NOW)


def version_back(auditor: Auditor) -> None:
    auditor.stands(truth(buckets={CREW: {NOTE: Content(3, b"{}")}}), NOW)
    auditor.stands(truth(buckets={CREW: {NOTE: Content(2, b"{}")}}), NOW)


def version_back_on_phone(auditor: Auditor) -> None:
    auditor.holds("phone", holdings(documents={NOTE: Content(3, b"{}")}), NOW)
    auditor.holds("phone", holdings(documents={NOTE: Content(2, b"{}")}), NOW)


def bucket_out_of_scope(auditor: Auditor) -> None:
    pulled(auditor, page(begin={"buckets": [ME], "add": [ME]}), witness())


def document_out_of_scope(auditor: Auditor) -> None:
    pulled(auditor, with_body(page(put(), begin=ADD)), witness(buckets={CREW: {}}))


def other_content(auditor: Auditor) -> None:
    pulled(auditor, with_body(page(put(), begin=ADD), b'{"text":"b"}'), witness())


def stray_bytes(auditor: Auditor) -> None:
    auditor.opens(OpenJob(FIRST, "job", "canary-0123456789ab", SECOND))
    pulled(auditor, page(begin=ADD, warnings=["canary-0123456789ab"]), witness())


def scope_kept(auditor: Auditor) -> None:
    pulled(auditor, page(begin={"buckets": [], "drop": [CREW]}), witness(wants=(), buckets={}))
    auditor.applied("phone", 1, holdings(), rotten=False)


def document_left_over(auditor: Auditor) -> None:
    pulled(auditor, page(begin={"buckets": [], "drop": [CREW]}), witness(wants=(), buckets={}))
    auditor.applied("phone", 1, holdings(filling={}, members={}), rotten=False)


def deleted_sent(auditor: Auditor) -> None:
    heard = witness(deleted=frozenset({NOTE}))
    pulled(auditor, with_body(page(put(), begin=ADD)), heard)


def deleted_held(auditor: Auditor) -> None:
    pulled(auditor, page(begin={"buckets": [CREW]}), witness(buckets={CREW: {}}, deleted=frozenset({NOTE})))
    auditor.i11_stays_gone("phone", auditor.heard[1][0], holdings())


def other_after_retention(auditor: Auditor) -> None:
    auditor.retained(3)
    auditor.i12_retention("phone", witness(buckets={CREW: {}}), holdings(members={}))


def lost(auditor: Auditor) -> None:
    auditor.i13_nothing_lost(NOTHING)


def forgotten(auditor: Auditor) -> None:
    auditor.holds("phone", holdings(commands={SECOND: Kept(2, None, None, b"2")}), NOW)
    auditor.holds("phone", holdings(commands={}), NOW)


def at_another_time(auditor: Auditor) -> None:
    late = NOW + timedelta(seconds=1)
    auditor.stands(truth(outcomes={FIRST: stored(not_before=late, not_after=late)}), NOW)


def wedged(auditor: Auditor) -> None:
    auditor.i15_empty("phone", holdings(commands={FIRST: Kept(1, None, None, b"1")}))


def client_raised(auditor: Auditor) -> None:
    auditor.client_failed("phone", "sync", KeyError("crew/1"))


def reads_for_nothing(auditor: Auditor) -> None:
    pulled(auditor, page(), witness(), cost=Cost(documents_read=1))


def reads_what_is_known(auditor: Auditor) -> None:
    pulled(auditor, with_body(page(put(), begin=ADD)), witness(), cost=Cost(documents_read=1))
    pulled(auditor, with_body(page(put())), witness(), cost=Cost(documents_read=1), cursor="cursor 1")


def writes_for_scope(auditor: Auditor) -> None:
    moved = Answer(200, b'{"deed": "Move"}')
    auditor.answered(1, Request("office", {}, b""), moved, Handled(None, Cost(documents_written=40)))


HISTORIES: list[tuple[str, Callable[[Auditor], None]]] = [
    *(("I1", each) for each in (twice, never, by_another, though_refused, without_outcome, other_bytes)),
    ("I2", out_of_order),
    *(("I3", each) for each in (acknowledged_and_gone, durable_and_gone, quarantined_and_gone)),
    *(("I4", each) for each in (another_answer, never_learned, never_answered)),
    *(("I5", each) for each in (not_equal, other_digest)),
    *(("I6", each) for each in (half_a_snapshot, shows_too_little, hides_own)),
    *(("I7", each) for each in (wrong_number, number_taken_twice)),
    *(("I8", each) for each in (version_back, version_back_on_phone)),
    *(("I9", each) for each in (bucket_out_of_scope, document_out_of_scope, other_content, stray_bytes)),
    *(("I10", each) for each in (scope_kept, document_left_over)),
    *(("I11", each) for each in (deleted_sent, deleted_held)),
    ("I12", other_after_retention),
    *(("I13", each) for each in (lost, forgotten)),
    ("I14", at_another_time),
    *(("I15", each) for each in (wedged, client_raised)),
    *(("I16", each) for each in (reads_for_nothing, reads_what_is_known, writes_for_scope)),
]


@pytest.mark.parametrize(("invariant", "history"), HISTORIES, ids=lambda each: getattr(each, "__name__", each))
def test_a_broken_invariant_is_seen(invariant: str, history: Callable[[Auditor], None]) -> None:
    auditor = at_work()
    with pytest.raises(Violation) as seen:
        history(auditor)
    assert seen.value.invariant == invariant


def test_every_invariant_has_a_history_that_breaks_it() -> None:
    assert {invariant for invariant, _ in HISTORIES} == {f"I{i}" for i in range(1, 17)}


def test_what_was_not_called_durable_may_be_lost_with_the_database() -> None:
    auditor = at_work()
    auditor.watched["phone"] = Watched()
    pushed(auditor, durable_n=0)
    come_back(auditor)


def come_back(auditor: Auditor) -> None:
    auditor.came_back(Return.RESTORE)
    auditor.stands(replace(NOTHING, last_n={DEVICE: 0}), NOW)
