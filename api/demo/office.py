"""The office of a played day: people at the console who open, triage, dispatch, decide and clear the inbox, by the same commands.

Dispatch goes by the same ranking that the console shows. Never touches a table.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from api.demo.cast import OFFICE
from api.demo.draws import Chance
from api.demo.founding import Founded
from api.demo.handset import Handset, Ledger, Made
from api.demo.loopback import Loopback
from api.demo.people import CrewLine
from api.demo.virtual_time import VirtualClock
from api.enrolment import make_code
from api.organisations import operator_ask
from api.store import played, warehouse_lists
from api.store.played import JobLine
from geo.candidates import DispatchPolicy, Suggestion
from geo.street_graph import StreetGraphTravel
from geo.travel import SpeedTable
from jobs.context import Actor
from jobs.dispatching import suggest
from jobs.result import Refused
from mobile_contract.client import uuid7
from mobile_contract.schema.access import EnrolmentAsk
from mobile_contract.schema.base import Command
from mobile_contract.schema.decisions import AssignVisit
from mobile_contract.schema.listing_stock import PickQueue, PickQueueFilter
from mobile_contract.schema.material_commands import IssueLine, IssueParts
from mobile_contract.schema.outcome import ResolutionKind
from sync import quarantine
from sync.execute import run
from sync.outcomes import Answer
from sync.quarantine import Entry
from sync.resolving import Decision, resolve
from sync.transaction import org_transaction

DISPATCHER: Final = "dispatcher"
_ROLES: Final = {line.code: line.role for line in OFFICE}
_LONG_DAY: Final = DispatchPolicy(within_shift=False)
_CANDIDATES: Final = 40
_REQUESTS: Final = 50


class Sent(Struct, frozen=True):
    """A crew that was sent to a job: the suggestion taken, and the next best of another crew."""

    job_id: UUID
    visit_id: UUID
    crew: CrewLine
    suggestion: Suggestion
    next_best: Suggestion | None
    answer: Answer


class Office:
    """Everybody at the console; `lines` are the crews that they may send."""

    def __init__(
        self,
        loopback: Loopback,
        founded: Founded,
        lines: Sequence[CrewLine],
        *,
        clock: VirtualClock,
        ledger: Ledger,
        chance: Chance,
    ) -> None:
        self.loopback, self.founded, self.clock = loopback, founded, clock
        self._ledger, self._ids = ledger, chance.ids("office")
        city = founded.city
        self._travel = StreetGraphTravel(city.graph, SpeedTable(zone=founded.zone)) if city else None
        self._crews = {line.crew_id: line for line in lines}

    def actor(self, login: str) -> Actor:
        """Give somebody in the office as the server sees them."""
        return Actor(
            org_id=self.founded.org_id,
            person_id=self.founded.office[login],
            roles=frozenset({_ROLES[login]}),
        )

    def new_id(self) -> UUID:
        """Draw an id for something that a command makes."""
        return UUID(int=self._ids.getrandbits(128), version=4)

    def do(self, login: str, *commands: Command) -> tuple[Answer, ...]:
        """Send commands as somebody in the office, in one transaction; answers come in that order."""
        now, actor = self.clock.now(), self.actor(login)
        asks = [
            replace(operator_ask(actor.org_id, command, now=now), id=uuid7(now, self._ids), actor=actor)
            for command in commands
        ]
        for ask in asks:
            self._ledger.note(Made(ask.id, ask.name, login, now), field=False)
        services = self.loopback.services
        return self.loopback.call(run(services.pool, actor.org_id, asks, now=now, poke=services.poke))

    def suggestions(self, job_id: UUID) -> list[Suggestion]:
        """Rank who of the crews at hand could go to a job, best first, by travel along the city's streets where there is one; nobody fits: shifts may run long."""
        org_id, now = self.founded.org_id, self.clock.now()

        async def ask() -> list[Suggestion]:
            async with org_transaction(self.loopback.services.pool, org_id) as conn:
                for policy in (DispatchPolicy(), _LONG_DAY):
                    found = await suggest(
                        conn, org_id, job_id, now=now, limit=_CANDIDATES, travel=self._travel, policy=policy
                    )
                    if found and any(s.eligible and s.crew_id in self._crews for s in found):
                        return found
                return found or []

        return [s for s in self.loopback.call(ask()) if s.crew_id in self._crews]

    def send_nearest(self, job_id: UUID, *, but: frozenset[UUID] = frozenset()) -> Sent | None:
        """Take the best suggestion whose crew is not ruled out; None when nobody can go."""
        eligible = [s for s in self.suggestions(job_id) if s.eligible and s.crew_id not in but]
        if not eligible:
            return None
        best = eligible[0]
        assert best.crew_id is not None  # filtered above
        return self.send(job_id, best, next_best=next((s for s in eligible if s.crew_id != best.crew_id), None))

    def send(self, job_id: UUID, suggestion: Suggestion, *, next_best: Suggestion | None = None) -> Sent | None:
        """Send the crew of a suggestion; None when the server refuses it."""
        assert suggestion.crew_id is not None  # crews are sent, not persons
        visit_id = uuid7(self.clock.now(), self._ids)
        arrival = suggestion.arrival.expected_at if suggestion.arrival else None
        command = AssignVisit(
            job_id=job_id,
            visit_id=visit_id,
            crew_id=suggestion.crew_id,
            planned_start_at=arrival,
            only_if_open=True,
        )
        (answer,) = self.do(DISPATCHER, command)
        if not answer.took_effect:
            return None
        return Sent(job_id, visit_id, self._crews[suggestion.crew_id], suggestion, next_best, answer)

    def job(self, job_id: UUID) -> JobLine:
        """Look at a job. Raises LookupError for one that does not exist."""
        found = self.jobs([job_id])
        if not found:
            raise LookupError(f"there is no job {job_id}")
        return found[0]

    def jobs(self, job_ids: Sequence[UUID]) -> list[JobLine]:
        """Look at jobs, by number."""

        async def ask() -> list[JobLine]:
            async with org_transaction(self.loopback.services.pool, self.founded.org_id) as conn:
                return await played.jobs(conn, self.founded.org_id, job_ids)

        return self.loopback.call(ask())

    def waiting_approvals(self, job_ids: Sequence[UUID]) -> list[tuple[UUID, UUID, str]]:
        """List what waits for a decision on jobs: (job, approval, login of somebody who may decide)."""

        async def ask() -> list[tuple[UUID, UUID, str]]:
            async with org_transaction(self.loopback.services.pool, self.founded.org_id) as conn:
                return await played.waiting_approvals(conn, self.founded.org_id, job_ids)

        return self.loopback.call(ask())

    def to_issue(self) -> list[IssueParts]:
        """Say how to issue what is approved and open: each line from the place that has enough. What no place has is left alone."""

        async def ask() -> PickQueue:
            async with org_transaction(self.loopback.services.pool, self.founded.org_id) as conn:
                return await warehouse_lists.list_to_pick(conn, self.founded.org_id, PickQueueFilter(limit=_REQUESTS))

        queue = self.loopback.call(ask())
        found = []
        for request in queue.items:
            lines = tuple(
                IssueLine(line_no=line.line_no, quantity=line.quantity, bin_id=lying.location_id)
                for line in request.lines
                for lying in [s for s in queue.stock if s.part_id == line.part_id and s.quantity >= line.quantity][:1]
                if not line.issued
            )
            if lines:
                slip_id = uuid7(self.clock.now(), self._ids)
                found.append(IssueParts(job_id=request.job_id, request_id=request.id, slip_id=slip_id, lines=lines))
        return found

    def wrongly_dated(self, handset: Handset) -> tuple[datetime, datetime] | None:
        """Find the latest arrival at which a device's clock was far off: what it said, and what was booked; None where there is none."""
        install = handset.device.store.install()
        if install is None:
            return None
        device_id = install.device_id

        async def ask() -> tuple[datetime, datetime] | None:
            async with org_transaction(self.loopback.services.pool, self.founded.org_id) as conn:
                return await played.wrongly_dated(conn, self.founded.org_id, device_id)

        return self.loopback.call(ask())

    def inbox(self) -> list[Entry]:
        """List what waits in quarantine, oldest first."""

        async def ask() -> list[Entry]:
            async with org_transaction(self.loopback.services.pool, self.founded.org_id) as conn:
                return list(await quarantine.list_entries(conn, self.founded.org_id, limit=500))

        return self.loopback.call(ask())

    def resolve(self, entry: Entry, kind: ResolutionKind) -> str:
        """End a quarantine as the dispatcher; gives the code of the answer."""
        now, actor = self.clock.now(), self.actor(DISPATCHER)
        id = uuid7(now, self._ids)
        services = self.loopback.services
        decision = Decision(command_id=id, kind=kind)
        done = self.loopback.call(resolve(services.pool, actor, entry.entry_id, decision, now=now, poke=services.poke))
        if isinstance(done, Refused):
            return done.code
        if done.answer is not None:
            self._ledger.note(Made(id, done.answer.name, DISPATCHER, now), field=False)
            return done.answer.code
        return "ok"

    def enrolment_code(self, crew_id: UUID) -> str:
        """Make a one-time code for a crew's device."""
        ask = EnrolmentAsk(crew_id=crew_id)
        return self.loopback.call(make_code(self.loopback.services, self.actor(DISPATCHER), ask)).code
