"""The auditor: sees what was queued, what crossed the wire, what phones hold and show and how things stand, and checks I1 to I16.

Independent: it imports nothing of the server, nothing of the client, and reads the wire by means of its own. The checks are methods named
by their invariant in `on_the_server`, `on_the_wire`, `on_phones` and `at_the_end`; here is when they are made.
"""

import json
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from tests.simulation.at_the_end import AtTheEnd
from tests.simulation.backend import Answer, Handling, Request, Return, Truth
from tests.simulation.memory import NOTHING, Acknowledged, Heard, Queued, Violation, Watched
from tests.simulation.on_phones import OnPhones
from tests.simulation.on_the_server import OnTheServer
from tests.simulation.on_the_wire import OnTheWire
from tests.simulation.phones import Holdings
from tests.simulation.reading import Told, read_page, read_push, sha256

__all__ = ["Auditor", "Violation"]

_SURELY_DURABLE: Final = timedelta(days=14)
_EXPECTED: Final = frozenset({"Refused", "Later", "DeviceRefusal", "PageBroken", "DecodeError", "ValidationError"})


class Auditor(OnTheServer, OnTheWire, OnPhones, AtTheEnd):
    """Hears everything in the order in which it happens."""

    def client_failed(self, phone: str, call: str, error: BaseException) -> None:
        """Hear that a call of the client raised: it may refuse, and say what the network did when it was enrolling, and nothing else."""
        if type(error).__name__ not in _EXPECTED:
            raise Violation("I15", f"{call} of {phone} failed: {error!r}") from error

    # the server

    def stands(self, truth: Truth, now: datetime) -> None:
        """See how things stand on the server."""
        before, self.truth, self.now = self.truth, truth, now
        if truth is before:
            return
        self.i1_once(truth)
        self.i4_one_answer(truth)
        self.i2_in_order(truth)
        self.i3_durable(truth)
        self.i7_one_per_number(truth)
        self.i8_forward(before, truth)
        self.i14_time(truth)

    def came_back(self, how: Return) -> None:
        """Hear that the server is about to live again from an earlier state: only what was called durable must be there."""
        assert self.now is not None
        self.returns += 1
        self.returned_with |= self.final
        self.truth, self.final = NOTHING, {}
        self.times_checked.clear()
        self.versions.clear()
        self.acknowledged = {
            id: ack
            for id, ack in self.acknowledged.items()
            if ack.n <= self.durable_n.get(ack.device_id, 0) or self.now - ack.at > _SURELY_DURABLE
        }
        self.counts[f"came back by {how.value}"] += 1

    def retained(self, removed: int) -> None:
        """Hear how many rows retention removed."""
        self.removed += removed

    def revoked(self, device_id: UUID) -> None:
        """Hear that a device is being revoked."""
        self.counts["revoked"] += 1

    def in_quarantine(self) -> list[UUID]:
        """List the commands in quarantine, for the office to decide."""
        return sorted(self.truth.quarantine)

    # the wire

    def sent(self, phone: str, request: Request) -> None:
        """Hear what a phone sends."""
        self.counts["requests"] += 1

    def answered(self, number: int, request: Request, answer: Answer, handling: Handling) -> None:
        """Hear an answer as it leaves."""
        if request.path == "office":
            if json.loads(answer.body).get("deed") == "Move":
                self.i16_scope(handling.cost)
            return
        if answer.status != 200:
            self.counts[f"status {answer.status}"] += 1
            return
        if request.path.endswith("/push"):
            self._push_answered(answer)
        elif request.path.endswith(("/pull", "/repair")):
            self._page_left(number, request, answer, handling)

    def _push_answered(self, answer: Answer) -> None:
        last_n, durable_n, told = read_push(answer.body)
        for each in told:
            self.check("I7", each.n <= last_n, f"{each.id} has number {each.n}, the answer says {last_n}")
            # Harmed bytes are answered under an id that no phone knows, until a skip names the right one.
            if each.id not in self.queued:
                continue
            stored = self.acknowledged[each.id] = self._told(each)
            if durable_n is not None:
                known = self.durable_n.get(stored.device_id, 0)
                self.durable_n[stored.device_id] = max(known, durable_n)

    def _told(self, told: Told) -> Acknowledged:
        """Remember what was told of a command, under the device that has it."""
        assert self.now is not None
        stored = self.truth.outcomes.get(told.id)
        device_id = stored.device_id if stored and stored.device_id else None
        if device_id is None:
            return Acknowledged(UUID(int=0), 1 << 62, told.status, self.now)
        return Acknowledged(device_id, told.n, told.status, self.now)

    def _page_left(self, number: int, request: Request, answer: Answer, handling: Handling) -> None:
        witness, page = handling.witness, read_page(answer.body)
        assert witness is not None, "a page without a witness"
        asked_with = json.loads(request.body).get("cursor")
        names = page.names
        if names is None:
            names = self.names_at.get((witness.device_id, asked_with), ())
        if not page.compare:
            self.names_at[witness.device_id, page.cursor] = names
        heard = Heard(page, witness, names)
        self.heard.setdefault(number, []).append(heard)
        self.i7_exact(page, witness)
        self.i9_in_scope(heard, answer.body)
        self.i11_gone(page, witness)
        self.i16_idle(page, witness, handling.cost, asked_with)
        if not page.more and witness.commits:
            self.ended_at[witness.device_id, page.cursor] = (witness.commits, witness.wants)

    # phones

    def holds(self, phone: str, holdings: Holdings, now: datetime, *, rotten: bool = False) -> None:
        """See what a phone's file holds after something happened on it."""
        watched = self.watched.setdefault(phone, Watched())
        before, watched.holdings = watched.holdings, holdings
        if holdings is before:
            return
        if holdings.wiped:
            if watched.wiped_after is None:
                watched.wiped_after = self.returns
            return
        for id, kept in sorted(holdings.commands.items(), key=lambda each: each[1].n):
            queued = self.queued.get(id)
            if queued is None:
                queued = self.queued[id] = Queued(id, sha256(kept.cmd), holdings.person_id, now)
            self.check("I1", queued.sha256 == sha256(kept.cmd), f"the bytes of {id} changed on {phone}")
            queued.phones.add(phone)
            if id not in watched.learned:
                watched.order.append(id)
            watched.learned[id] = kept.status
        forgotten = [i for i, status in watched.learned.items() if i not in holdings.commands and status not in _ENDED]
        for id in forgotten:
            # Answered and forgotten in one transaction.
            stored = self.stored(self.truth, id)
            told = stored.status if stored is not None else self.returned_with.get(id)
            self.check("I13", told is not None, f"{phone} forgot {id} before it was final")
            watched.learned[id] = told
        if before is not None and not rotten:
            self.i8_on_phone(phone, before, holdings)

    def applied(self, phone: str, number: int, holdings: Holdings, *, rotten: bool) -> None:
        """Hear that a phone took over the answer to its request of that number."""
        for heard in self.heard.get(number, ()):
            if heard.page.compare or heard.page.cursor != holdings.cursor:
                continue
            self.watched[phone].last = heard
            if rotten:
                continue
            self.i6_one_snapshot(phone, heard, holdings)
            self.i10_lost_scope(phone, heard, holdings)
            self.i11_stays_gone(phone, heard, holdings)
            self.i5_digests(phone, heard, holdings)

    def shows(self, phone: str, holdings: Holdings, notes: frozenset[UUID]) -> None:
        """See which notes a phone shows."""
        own = {id: note for id, kept in holdings.commands.items() if (note := _note_of(kept.cmd)) is not None}
        self.i6_own_shown(phone, holdings, notes, own)

    # the end

    def ended(self, phone: str, holdings: Holdings) -> None:
        """See a phone when all has been quiet for long."""
        self.i15_empty(phone, holdings)
        self.i4_learned(phone, holdings)
        last = self.watched[phone].last
        assert last is not None, f"{phone} never got a page"
        self.i5_equal(phone, last.witness, holdings)
        self.i12_retention(phone, last.witness, holdings)


_ENDED: Final = frozenset({"applied", "merged", "rejected", "quarantined"})


def _note_of(cmd: bytes) -> UUID | None:
    try:
        envelope = json.loads(cmd)
        return UUID(envelope["args"]["note_id"]) if envelope["name"] == "add_note" else None
    except (ValueError, KeyError, TypeError):
        return None
