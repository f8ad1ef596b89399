"""The conversation with the server: push, pull, compare, repair. Every step is request, answer, one local transaction.

Nothing here remembers anything between two steps but what the store holds, so the process may die after any of them.
Nothing blocks: a push that is refused does not stop the pull, one command that cannot be read does not stop the others.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Final

import msgspec
from msgspec import Struct

from mobile_contract import limits
from mobile_contract.client import pages, queue
from mobile_contract.client.clocks import Clock, sample
from mobile_contract.client.store import Install, Store
from mobile_contract.client.transport import Answered, Caller, Later, Refused
from mobile_contract.ranges import sums_to_wire
from mobile_contract.schema.access import SessionsAnswer
from mobile_contract.schema.clock import CitedAnchor
from mobile_contract.schema.messages import PullAsk, PushAnswer, PushAsk, RepairAsk
from mobile_contract.schema.outcome import DeviceState

PUSH_PATH: Final = "/sync/v1/push"
PULL_PATH: Final = "/sync/v1/pull"
REPAIR_PATH: Final = "/sync/v1/repair"
SESSIONS_PATH: Final = "/sync/v1/sessions"

CHECK_EVERY: Final = timedelta(hours=1)
RENEW_SESSIONS_EVERY: Final = timedelta(hours=6)
_ROUNDS: Final = 4
_PAGES: Final = 1_000
_STUMBLES: Final = 3
_TOO_MUCH: Final = frozenset({"batch_unreadable", "batch_too_large", "body_too_large"})
# After these, asking for documents as well would only be refused again.
_FATAL: Final = frozenset({"unreachable", "unauthenticated", "upgrade_required"})


class SyncReport(Struct, kw_only=True):
    """What a sync did. `stopped` is "" when all went well, else the code that ended it or the push: nothing is lost by it."""

    pushed: int = 0
    settled: int = 0
    pages: int = 0
    changes: int = 0
    resets: int = 0
    repaired: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    wiped: bool = False
    stopped: str = ""
    reason: str = ""
    retry_after_s: float | None = None


class Nothing(Struct, frozen=True):
    """A request without content."""


class Exchange:
    """Keeps a device and its server in step."""

    def __init__(self, store: Store, caller: Caller, clock: Clock) -> None:
        self._store, self._caller, self._clock = store, caller, clock

    def sync(self, *, wait_s: int = 0, check: bool = False) -> SyncReport:
        """Hand in the queue, bring the documents up to date, repair what differs. Never raises for what the network does."""
        report = SyncReport()
        if self._attempt(report, lambda: self._rounds(report, wait_s, check=check)):
            if report.stopped not in _FATAL:
                self._attempt(report, self._renew_sessions)
        elif report.stopped == "session_unknown" and self._attempt(report, lambda: self._renew_sessions(lost=True)):
            report.stopped, report.reason = "", ""
            self._attempt(report, lambda: self._rounds(report, 0, check=check))
        return report

    def _rounds(self, report: SyncReport, wait_s: int, *, check: bool) -> None:
        for _ in range(_ROUNDS):
            handed_in = self._attempt(report, lambda: self.push(report))
            if report.stopped in _FATAL:
                return
            self.pull(report, wait_s=wait_s, check=check)
            wait_s = 0
            # A pull can find that the server lives again from a backup: then there is something to hand in again.
            if not handed_in or queue.unsent(self._store) == 0:
                break
        self._wipe_if_told(report)

    def _attempt(self, report: SyncReport, step: Callable[[], None]) -> bool:
        try:
            step()
        except Later as later:
            report.stopped, report.reason, report.retry_after_s = later.code, str(later), later.retry_after_s
        except Refused as refusal:
            report.stopped, report.reason = refusal.code, str(refusal)
            if refusal.status == 426:
                with self._store.transaction():
                    self._store.update_install(upgrade=1)
        except (pages.PageBroken, msgspec.MsgspecError) as error:
            report.stopped, report.reason = "answer_unreadable", str(error)
        else:
            return True
        return False

    def push(self, report: SyncReport) -> None:
        """Hand in everything that has no answer yet, at most 200 commands at once. Raises Later or Refused."""
        most, stumbles = limits.PUSH_COMMANDS, 0
        overlap = True
        while batch := queue.next_batch(self._store, most, overlap=overlap):
            commands, skips = queue.frames(batch)
            asked = self._install()
            ask = PushAsk(sent=sample(self._store, self._clock), commands=commands, skips=skips)
            try:
                answer = msgspec.json.decode(self._call(PUSH_PATH, ask).body, type=PushAnswer)
            except Refused as refusal:
                most = self._after_refusal(refusal, batch)
                # After a hole the number before it may be a clone's as well.
                overlap = refusal.code == "sequence_hole"
                stumbles += refusal.code == "sequence_hole"
                if stumbles > _STUMBLES:
                    raise
                continue
            report.pushed += sum(each.status is None for each in batch)
            settled, misread = self._take(answer, batch, asked)
            report.settled += settled
            if settled == 0 and misread == 0 and not overlap:
                raise Later("no_progress", "the server answers for none of the commands it was sent")
            most, overlap = min(most * 2, limits.PUSH_COMMANDS), False

    def _take(self, answer: PushAnswer, batch: list[queue.Queued], asked: Install) -> tuple[int, int]:
        with self._store.transaction():
            install = self._install()
            if (install.device_id, install.life) != (asked.device_id, asked.life):
                # Meanwhile another process found another life of the server, or enrolled anew: what was answered may be lost since, and
                # is handed in again by whoever found it.
                raise Later("answer_too_late", "the answer is of an earlier life of the server")
            settled = queue.answered(self._store, answer.outcomes)
            misread = queue.skip_misread(self._store, batch, answer.outcomes)
            self._store.update_install(last_n=max(install.last_n, answer.last_n))
            if answer.durable_n is not None:
                self._store.update_install(durable_n=answer.durable_n)
            # By the server's time: whoever sets the phone's clock forward makes it forget nothing.
            queue.acknowledge(self._store, answer.last_n, answer.server_time)
            queue.forget(self._store, answer.server_time)
        return settled, misread

    def _after_refusal(self, refusal: Refused, batch: list[queue.Queued]) -> int:
        # Gives how many commands to send next; raises when sending again is no use.
        if refusal.code == "sequence_hole":
            expected = refusal.problem.about.get("expected_n", "")
            if not expected.isdecimal() or int(expected) < 1:
                raise refusal
            with self._store.transaction():
                queue.resume_at(self._store, int(expected))
            return len(batch)
        if refusal.code == "device_forked":
            with self._store.transaction():
                self._store.update_install(forked=1)
            raise refusal
        if refusal.code not in _TOO_MUCH:
            raise refusal
        if len(batch) > 1:
            return len(batch) // 2
        if batch[0].skipped:
            raise refusal
        with self._store.transaction():
            queue.skip(self._store, batch[0].id)
        return 1

    def pull(self, report: SyncReport, *, wait_s: int = 0, check: bool = False) -> None:
        """Fetch and apply pages until there are no more; compare where the server asks; repair. Raises Later, Refused or PageBroken."""
        checked_at = self._install().checked_at
        check = check or checked_at is None or abs(self._clock.wall() - checked_at) >= CHECK_EVERY
        differ: set[str] = set()
        applied = self._pull_page(report, wait_s=wait_s, check=check)
        for _ in range(_PAGES):
            differ.update(applied.differ)
            if not (applied.compare or applied.more or applied.stale):
                break
            applied = self._pull_page(report, compare=applied.compare, check=check)
        for bucket in sorted(differ):
            self._repair(report, bucket)

    def _pull_page(
        self, report: SyncReport, *, compare: bool = False, wait_s: int = 0, check: bool = False
    ) -> pages.Applied:
        install = self._install()
        ours = {name: digest.to_wire() for name, digest in pages.digests(self._store).items()} if compare else None
        ask = PullAsk(
            cursor=install.cursor,
            digests=ours,
            check=check,
            seen_n=queue.seen_n(self._store),
            unsent=queue.unsent(self._store),
            wait_s=wait_s,
        )
        return self._apply(report, install, self._call(PULL_PATH, ask, wait_s=wait_s), compared=compare)

    def _repair(self, report: SyncReport, bucket: str) -> None:
        install = self._install()
        ask = RepairAsk(cursor=install.cursor, bucket=bucket, sums=sums_to_wire(pages.sums(self._store, bucket)))
        applied = self._apply(report, install, self._call(REPAIR_PATH, ask))
        report.repaired += (bucket,)
        for _ in range(_PAGES):
            if not (applied.compare or applied.more or applied.stale):
                return
            applied = self._pull_page(report, compare=applied.compare)

    def _apply(
        self, report: SyncReport, install: Install, answered: Answered, *, compared: bool = False
    ) -> pages.Applied:
        page = pages.read_page(answered.body)
        anchor = CitedAnchor(
            token=page.begin.anchor,
            mono_ms=answered.mono_ms,
            boot=self._clock.boot(),
            round_trip_ms=answered.round_trip_ms,
        )
        applied = pages.PageApplier(self._store, install, self._clock.wall()).apply(page, anchor, compared=compared)
        report.pages += 1
        report.changes += applied.changes
        report.resets += applied.resets
        report.warnings = page.end.warnings or report.warnings
        return applied

    def _renew_sessions(self, *, lost: bool = False) -> None:
        # `lost`: the server knows the session at work no more, as after a restore.
        install = self._store.install()
        now = self._clock.wall()
        recent = install is None or (install.sessions_at and abs(now - install.sessions_at) < RENEW_SESSIONS_EVERY)
        if install is None or (recent and not lost):
            return
        answer = msgspec.json.decode(self._call(SESSIONS_PATH, Nothing()).body, type=SessionsAnswer)
        with self._store.transaction():
            if lost:
                self._replace_lost(install, answer)
            self._store.keep_sessions(answer.sessions)
            self._store.update_install(sessions_at=now, zone=answer.zone)
            self._go_on_working(answer)

    def _replace_lost(self, install: Install, answer: SessionsAnswer) -> None:
        # The person works on in the session that is known now, and so does what was queued. Without one the phone asks who works.
        current = next((s for s in self._store.sessions() if s.session_id == install.session_id), None)
        if current is None:
            return
        known = [s for s in answer.sessions if s.person_id == current.person_id]
        begun = [s for s in known if s.from_at <= answer.server_time] or known
        fresh = max(begun, key=lambda s: s.to_at).session_id if begun else None
        if fresh != current.session_id:
            self._store.run("delete from session where id = ?", (str(current.session_id),))
            self._store.update_install(session_id=fresh)
            if fresh is not None:
                queue.move_to_session(self._store, current.session_id, fresh)

    def _go_on_working(self, answer: SessionsAnswer) -> None:
        # The person works on: without the session that takes over, the phone would go blank when its own one ends. A
        # session that begins after that is another shift, and its person opens it.
        at_work = self._install().session_id
        current = next((s for s in self._store.sessions() if s.session_id == at_work), None)
        if current is None:
            return
        begun = min(current.to_at, answer.server_time)
        longer = [
            s
            for s in answer.sessions
            if s.person_id == current.person_id and s.from_at <= begun and s.to_at > current.to_at
        ]
        if longer:
            self._store.update_install(session_id=max(longer, key=lambda s: s.to_at).session_id)

    def _wipe_if_told(self, report: SyncReport) -> None:
        row = self._store.row(
            "select body from document where kind = 'device' and id = ?", (str(self._install().device_id),)
        )
        if row is None or not msgspec.json.decode(row[0], type=DeviceState).wipe:
            return
        # What the crew did is handed in first; only then may it go.
        if queue.unsent(self._store) == 0:
            self._store.wipe("device_revoked", self._clock.wall())
            report.wiped = True

    def _call(self, path: str, ask: Struct, *, wait_s: int = 0) -> Answered:
        install = self._install()
        return self._caller.call(path, ask, token=install.token, session=install.session_id, wait_s=wait_s)

    def _install(self) -> Install:
        install = self._store.install()
        if install is None:
            raise Later("unauthenticated", "this device is not enrolled")
        return install
