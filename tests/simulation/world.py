"""The simulated world: true time, phones, a bad network and a backend, moved on by one small step after another.

All chance comes from the salt of the step that is made, so the same steps give the same world, whichever were left out before. Owns
what is under way between phones and backend; what a step is, `steps` says; what must hold, the auditor says.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Final
from uuid import UUID, uuid5

from mobile_contract.client import Response
from tests.simulation.auditor import Auditor
from tests.simulation.backend import (
    Answer,
    Backend,
    Deed,
    Handling,
    OpenJob,
    Person,
    Request,
    ServerDied,
    Setting,
)
from tests.simulation.phones import Call, Holdings, Phone, Posted, ProcessDied, Slept

START: Final = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)
_MOVES_MAX: Final = 40_000
# What the server's limits leave to a transaction (sync-protocol.md).
WRITERS: Final = timedelta(seconds=30)
_PROXY: Final = b"<html>502 Bad Gateway</html>"


class Stuck(AssertionError):
    """Things are under way for ever although the network is quiet."""


@dataclass(eq=False)
class Flight:
    """A request on its way, at work, or its answer on the way back. Without a `call` nobody waits for the answer any more."""

    request: Request
    phone: Phone | None
    call: Call | None
    handling: Handling | None = None
    begun: datetime = START
    answer: Answer | None = None
    number: int = 0

    @property
    def at_work(self) -> bool:
        """Tell whether the server has begun with it and not yet answered."""
        return self.handling is not None and self.answer is None


@dataclass(frozen=True)
class Odds:
    """How bad the network is: chances in 1,000 per message."""

    lost: int = 50
    doubled: int = 60
    cut: int = 25
    proxied: int = 15


BAD: Final = Odds()
QUIET: Final = Odds(0, 0, 0, 0)


def setting_of(seed: int) -> Setting:
    """Arrange an organisation by a seed: two crews of two, a district or two, a small catalogue, small pages."""
    chance = Random(f"setting {seed}")
    ids = [UUID(int=chance.getrandbits(128), version=4) for _ in range(16)]
    crews, districts = tuple(ids[1:3]), tuple(ids[3 : 3 + chance.randint(1, 2)])
    persons = tuple(Person(ids[5 + i], f"person {i}", crews[i % 2]) for i in range(chance.randint(3, 4)))
    return Setting(
        seed=seed,
        org_id=ids[0],
        persons=persons,
        crews=crews,
        districts=districts,
        parts=tuple(ids[10 : 10 + chance.randint(1, 5)]),
        page_documents=chance.choice((3, 5, 8, 40)),
        chunk=chance.choice((1, 3, 5)),
        lag_s=chance.choice((None, 3600)),
    )


class World:
    """Everything that happens, and nothing else does."""

    def __init__(self, backend: Backend, setting: Setting, auditor: Auditor) -> None:
        self.backend, self.setting, self.auditor = backend, setting, auditor
        self.now = START
        self.chance = Random(f"world {setting.seed}")
        self.odds = BAD
        self.phones: list[Phone] = []
        self.flights: list[Flight] = []
        self.backups: list[tuple[int, datetime]] = []
        self.trace: list[str] = []
        self.opened: list[OpenJob] = []
        self.visits: dict[UUID, list[UUID]] = {}
        self.titles: dict[UUID, str] = {}
        self._numbers = self._ids = 0

    # the beginning

    def begin(self) -> None:
        """Arrange the organisation and enrol the first phones: one for each crew, one of a person."""
        self.backend.begin(self.setting, self.now)
        with self.quiet():
            for i, holder in enumerate((*self.setting.crews, self.setting.persons[0].id)):
                self.add_phone(f"phone {i}", holder)
        self.look()

    def add_phone(self, name: str, holder: UUID) -> Phone:
        """Take another phone into use."""
        phone = Phone(name, self, Random(self.chance.getrandbits(64)), holder=holder)
        self.phones.append(phone)
        self.enrol(phone)
        self.drain()
        return phone

    def enrol(self, phone: Phone) -> None:
        """Begin to enrol a phone with a fresh code."""
        code = self.backend.code(phone.holder, self.now)
        self.begin_call(phone, "enrol", lambda: phone.device.enrol(code, phone.name))

    def new_id(self) -> UUID:
        """Make an id that no other step makes, whatever its salt; its last byte is random, as that of a UUIDv7 is."""
        self._ids += 1
        return uuid5(self.setting.org_id, f"id {self._ids}")

    def say(self, text: str) -> None:
        """Write a line of the trace."""
        self.trace.append(f"{(self.now - START).total_seconds():>12.3f} {text}")

    # calls of phones

    def begin_call(self, phone: Phone, name: str, work: object) -> None:
        """Begin a call of a phone's client and send what it wants to send."""
        assert callable(work)
        self._take_off(phone, phone.call(name, work))
        self.see_phone(phone)

    def _take_off(self, phone: Phone, call: Call) -> None:
        if call.error is not None and not isinstance(call.error, ProcessDied):
            self.auditor.client_failed(phone.name, call.name, call.error)
        if isinstance(call.waits_for, Posted):
            posted = call.waits_for
            if not phone.online:
                self.say(f"{phone.name} has no network")
                phone.unreachable(call, "no network")
                self._take_off(phone, call)
                return
            self._numbers += 1
            request = Request(posted.path, posted.headers, posted.body)
            self.flights.append(Flight(request, phone, call, number=self._numbers))
            self.say(f"{phone.name} {call.name}: {posted.path} #{self._numbers}")
            self.auditor.sent(phone.name, request)

    def see_phone(self, phone: Phone) -> Holdings:
        """Show the auditor what a phone holds."""
        holdings = phone.holdings()
        self.auditor.holds(phone.name, holdings, self.now, rotten=phone.rotten)
        return holdings

    def kill_phone(self, phone: Phone) -> None:
        """Kill the app; what it was waiting for comes to nobody."""
        for flight in self.flights:
            if flight.phone is phone:
                flight.call = None
        phone.kill()
        self.see_phone(phone)

    # the network and the server

    def move(self) -> bool:
        """Bring one thing that is under way a step further; False when nothing is."""
        if not self.flights:
            return False
        self.now += timedelta(milliseconds=self.chance.randint(1, 60))
        self.backend.clock(self.now)
        flight = self.flights[self.chance.randrange(len(self.flights))]
        if flight.answer is not None:
            self._arrive(flight)
        elif flight.handling is not None:
            self._work(flight)
        else:
            self._reach(flight)
        self.wake()
        return True

    def _happens(self, odds: int) -> bool:
        return odds > 0 and self.chance.randrange(1000) < odds

    def _reach(self, flight: Flight) -> None:
        if self._happens(self.odds.lost):
            self.say(f"request #{flight.number} is lost")
            self.flights.remove(flight)
            return
        if self._happens(self.odds.doubled):
            self.say(f"request #{flight.number} is doubled")
            self.flights.append(Flight(flight.request, flight.phone, None, number=flight.number))
        flight.handling, flight.begun = self.backend.receive(flight.request, self.now), self.now

    def _work(self, flight: Flight) -> None:
        assert flight.handling is not None
        try:
            flight.answer = flight.handling.step()
        except ServerDied:
            self.flights.remove(flight)
            self._give_up(flight, "the server died")
            return
        if flight.answer is not None:
            self.say(f"answer #{flight.number}: {flight.answer.status}")
            self.auditor.answered(flight.number, flight.request, flight.answer, flight.handling)
            self.see_truth()

    def work_off(self) -> None:
        """Let the server end what it has been at for longer than its limits let any transaction stay open. Raises Stuck."""
        for _ in range(_MOVES_MAX):
            begun = [flight for flight in self.flights if flight.at_work]
            if all(self.now - flight.begun <= WRITERS for flight in begun):
                return
            for flight in begun:
                self._work(flight)
        raise Stuck(f"under way for ever: {[f.number for f in self.flights]}")

    def _arrive(self, flight: Flight) -> None:
        answer, call, phone = flight.answer, flight.call, flight.phone
        assert answer is not None
        self.flights.remove(flight)
        if phone is None or call is None or call.over:
            return
        if not phone.online or self._happens(self.odds.lost):
            self.say(f"answer #{flight.number} is lost")
            return
        body, status = answer.body, answer.status
        if body and self._happens(self.odds.cut):
            body = body[: self.chance.randrange(len(body))]
            self.say(f"answer #{flight.number} is cut")
        elif self._happens(self.odds.proxied):
            body, status = _PROXY, 502
            self.say(f"answer #{flight.number} becomes a proxy's")
        mark = phone.mark()
        phone.go_on(call, Response(status, answer.headers, body))
        self._take_off(phone, call)
        holdings = self.see_phone(phone)
        if phone.mark() > mark and body == answer.body:
            self.say(f"{phone.name} applied #{flight.number}")
            self.auditor.applied(phone.name, flight.number, holdings, rotten=phone.rotten)

    def _give_up(self, flight: Flight, why: str) -> None:
        call, phone = flight.call, flight.phone
        flight.call = None
        if phone is not None and call is not None and not call.over:
            phone.unreachable(call, why)
            self._take_off(phone, call)
            self.see_phone(phone)

    def wake(self) -> None:
        """Let those go on whose time has come, and those whose patience is over."""
        for phone in self.phones:
            for call in list(phone.calls):
                waits = call.waits_for
                if call.over or waits is None or waits.until > self.now:
                    continue
                for flight in self.flights:
                    if flight.call is call:
                        flight.call = None
                if isinstance(waits, Slept):
                    phone.go_on(call)
                else:
                    phone.unreachable(call, "no answer in time")
                self._take_off(phone, call)
                self.see_phone(phone)

    def wait(self, time: timedelta) -> None:
        """Let time pass, stopping wherever a call goes on."""
        until = self.now + time
        for _ in range(_MOVES_MAX):
            nearest = min((c.waits_for.until for p in self.phones for c in p.calls if c.waits_for), default=until)
            if nearest >= until:
                break
            self.now = max(self.now, nearest)
            self.backend.clock(self.now)
            self.wake()
        self.now = max(self.now, until)
        self.backend.clock(self.now)
        self.wake()

    def drain(self) -> None:
        """Move on until nothing is under way. Raises Stuck."""
        for _ in range(_MOVES_MAX):
            if self.move():
                continue
            nearest = min((c.waits_for.until for p in self.phones for c in p.calls if c.waits_for), default=None)
            if nearest is None:
                return
            self.wait(max(nearest - self.now, timedelta(0)))
        raise Stuck(f"under way for ever: {[f.number for f in self.flights]}")

    @contextmanager
    def quiet(self) -> Iterator[None]:
        """Make the network a good one for a while."""
        before, self.odds = self.odds, QUIET
        try:
            yield
        finally:
            self.odds = before

    # the office and the operator

    def office(self, deed: Deed, *, at_once: bool = False) -> None:
        """Let the office do something: under way with everything else, or at once."""
        self._numbers += 1
        handling = self.backend.deed(deed, self.now)
        self.say(f"office #{self._numbers}: {deed}")
        flight = Flight(Request("office", {}, b""), None, None, handling, begun=self.now, number=self._numbers)
        self.flights.append(flight)
        for _ in range(_MOVES_MAX if at_once else 0):
            if flight not in self.flights:
                break
            self.move()

    def server_fell(self, why: str) -> None:
        """Drop what the server was doing; who waits for an answer learns that none comes. Answers that have left still arrive."""
        self.say(why)
        for flight in list(self.flights):
            if flight.at_work:
                self.flights.remove(flight)
                self._give_up(flight, why)
        self.see_truth()

    def see_truth(self) -> None:
        """Show the auditor how things stand on the server."""
        self.auditor.stands(self.backend.truth(self.now), self.now)

    def look(self) -> None:
        """Show the auditor everything."""
        self.see_truth()
        for phone in self.phones:
            self.see_phone(phone)

    def close(self) -> None:
        """End everything."""
        for phone in self.phones:
            phone.close()
        self.backend.close()

    def awake(self) -> Sequence[Phone]:
        """List the phones that work: enrolled and not wiped."""
        return [p for p in self.phones if p.install()[:2] == (True, False)]
