"""The proof that a played day lost nothing: devices equal the server document by document, every command took effect once.

Compares what the devices hold in their files with what the server's tables hold; believes neither side's own word. Prints nothing.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

import asyncpg
from msgspec import Struct

from api.demo.handset import Handset, Ledger, Made
from api.demo.loopback import Loopback
from api.store import played
from api.store.played import ApprovalLine, Effects, Ended, JobLine, PutAsideLine, SentLine, SignatureLine
from geo.store.districts import districts_of
from mobile_contract.client import queue
from mobile_contract.client.pages import digests
from mobile_contract.digest import Digest, document_hash
from mobile_contract.schema.outcome import OutcomeStatus
from sync.transaction import org_transaction

QUIET_PULLS: Final = 2
SYNCS_MAX: Final = 12
_EFFECTIVE: Final = (OutcomeStatus.APPLIED, OutcomeStatus.MERGED)
_SHOWN_MAX: Final = 5


class DeviceLine(Struct, frozen=True, kw_only=True):
    """One device against the server; `faults` says in words what differs."""

    label: str
    buckets: int
    documents: int
    commands: int
    handed_in: int
    lost_answers: int
    deaths: int
    faults: tuple[str, ...]


class Proof(Struct, frozen=True, kw_only=True):
    """Everything that was looked at. `faults` is empty when the day was kept whole."""

    devices: tuple[DeviceLine, ...]
    commands: int
    sent_again: int
    outcomes: dict[str, int]
    codes: dict[str, int]
    flags: dict[str, int]
    misplaced: tuple[str, ...]
    faults: tuple[str, ...]
    jobs: tuple[JobLine, ...]
    sent: tuple[SentLine, ...]
    approvals: tuple[ApprovalLine, ...]
    signatures: tuple[SignatureLine, ...]
    put_aside: tuple[PutAsideLine, ...]

    @property
    def holds(self) -> bool:
        """Tell whether nothing is wrong."""
        return not self.faults


def settle(handset: Handset) -> list[str]:
    """Sync until two pulls in a row bring nothing, the digests compared; give in words what stood in the way."""
    quiet = 0
    for _ in range(SYNCS_MAX):
        report = handset.sync(check=True)
        if report is None or report.stopped:
            quiet = 0
            continue
        if report.repaired:
            return [f"repaired {', '.join(report.repaired)}: the device had not held what it should"]
        quiet = 0 if report.changes or report.pushed else quiet + 1
        if quiet == QUIET_PULLS:
            return []
    return ["it does not come to rest"]


def prove(loopback: Loopback, org_id: UUID, handsets: Sequence[Handset], ledger: Ledger, *, now: datetime) -> Proof:
    """Bring all devices to rest, then compare everything. Takes no part in what it looks at."""
    # All queues first: what one device hands in changes what another holds.
    for handset in handsets:
        handset.sync()
    unsettled = {handset.label: settle(handset) for handset in handsets}

    async def look() -> Proof:
        async with org_transaction(loopback.services.pool, org_id) as conn:
            lines = [await _device(conn, org_id, h, unsettled[h.label], now=now) for h in handsets]
            return await _sum_up(conn, org_id, lines, handsets, ledger=ledger)

    return loopback.call(look())


async def _device(
    conn: asyncpg.Connection, org_id: UUID, handset: Handset, unsettled: Sequence[str], *, now: datetime
) -> DeviceLine:
    """Compare one device with the server: scope, memberships, documents with version and bytes, digests, numbers, answers."""
    status, store = handset.device.status(), handset.device.store
    faults = list(unsettled)
    if status.install is None or status.person is None:
        raise LookupError(f"{handset.label} is not enrolled")
    scope = await played.scope(conn, org_id, status.person.person_id, now) | {f"dev/{status.install.device_id}"}
    rows = await played.held(conn, org_id, scope)
    theirs = {(r.kind, str(r.id)): (r.ver, r.body) for r in rows}
    ours = {
        (kind, id): (ver, bytes(body)) for kind, id, ver, body in store.rows("select kind, id, ver, body from document")
    }
    faults += _named("lacks", theirs.keys() - ours.keys()) + _named("holds too much:", ours.keys() - theirs.keys())
    faults += _named("differs in", {key for key in ours.keys() & theirs.keys() if ours[key] != theirs[key]})
    members = {(r.bucket, r.kind, str(r.id)) for r in rows}
    if {tuple(row) for row in store.rows("select bucket, kind, id from member")} != members:
        faults.append("memberships differ")
    mine = digests(store)
    if set(mine) != scope:
        faults.append(f"holds {len(mine)} buckets, not {len(scope)}")
    if {name: digest for name, digest in mine.items() if digest.count} != _digests(rows):
        faults.append("digests differ")
    if status.unsent:
        faults.append(f"{status.unsent} commands without an answer")
    last_n = await played.last_n(conn, org_id, status.install.device_id)
    if last_n != status.install.next_n - 1 or status.install.acked_n != last_n:
        faults.append(f"numbers differ: the server has {last_n}, the device made {status.install.next_n - 1}")
    kept = queue.kept(store)
    known = await played.ended(conn, org_id, [each.id for each in kept])
    faults += [
        f"believes that {each.name} {each.id} is {each.status}, the server says {_status(known.get(each.id))}"
        for each in kept
        if each.status != _status(known.get(each.id))
    ]
    traffic = handset.network.traffic
    return DeviceLine(
        label=handset.label,
        buckets=len(mine),
        documents=len(ours),
        commands=status.install.next_n - 1,
        handed_in=traffic.sent.total(),
        lost_answers=traffic.lost_answers,
        deaths=handset.deaths,
        faults=tuple(faults),
    )


async def _sum_up(
    conn: asyncpg.Connection,
    org_id: UUID,
    lines: Sequence[DeviceLine],
    handsets: Sequence[Handset],
    *,
    ledger: Ledger,
) -> Proof:
    made = [*ledger.field, *ledger.office]
    ids = [each.command_id for each in made]
    ended = await played.ended(conn, org_id, ids)
    effects = await played.effects(conn, org_id, ids)
    job_ids = await played.jobs_touched(conn, org_id, ids)
    jobs = await played.jobs(conn, org_id, job_ids)
    misplaced = await _misplaced(conn, org_id, jobs)
    faults = [f"{line.label}: {fault}" for line in lines for fault in line.faults]
    faults += _once(made, ended, effects)
    faults += [f"job {number} is not in the district that PostGIS says" for number in misplaced]
    flags = Counter(flag for each in ended.values() for flag in each.flags)
    return Proof(
        devices=tuple(lines),
        commands=len(made),
        sent_again=sum(1 for h in handsets for times in h.network.traffic.sent.values() if times > 1),
        outcomes=dict(Counter(each.status for each in ended.values()).most_common()),
        codes=dict(Counter(each.code for each in ended.values() if each.code not in ("ok", "unchanged")).most_common()),
        flags=dict(flags.most_common()),
        misplaced=tuple(misplaced),
        faults=tuple(faults),
        jobs=tuple(jobs),
        sent=tuple(await played.sent(conn, org_id, job_ids)),
        approvals=tuple(await played.approvals(conn, org_id, job_ids)),
        signatures=tuple(await played.signatures(conn, org_id, job_ids)),
        put_aside=tuple(await played.put_aside(conn, org_id, ids)),
    )


def _once(made: Sequence[Made], ended: dict[UUID, Ended], effects: dict[UUID, Effects]) -> list[str]:
    """Check that each command has one final outcome and the effect that goes with it, never more."""
    faults = [
        f"command {id} was made {times} times" for id, times in Counter(m.command_id for m in made).items() if times > 1
    ]
    for each in made:
        name = f"{each.name} {each.command_id} of {each.by}"
        outcome = ended.get(each.command_id)
        effect = effects.get(each.command_id, Effects(0, 0))
        if outcome is None:
            faults.append(f"{name} has no outcome")
            continue
        if outcome.status == OutcomeStatus.HELD:
            faults.append(f"{name} is still held")
        works = outcome.status in _EFFECTIVE and outcome.code != "unchanged"
        if not works and effect.deeds:
            faults.append(f"{name} ended as {outcome.status} {outcome.code} and yet had an effect")
        if works and each.is_fact and effect.deeds != 1:
            faults.append(f"{name} took effect {effect.deeds} times")
        if works and not each.is_fact and effect.repeats:
            faults.append(f"{name} did the same twice")
    return faults


async def _misplaced(conn: asyncpg.Connection, org_id: UUID, jobs: Sequence[JobLine]) -> list[str]:
    """Name the located jobs that are not in the district their point lies in; those that wait for triage have none yet."""
    located = [job for job in jobs if job.lon_deg is not None and job.state != "awaiting_triage"]
    points = [(job.lon_deg or 0.0, job.lat_deg or 0.0) for job in located]
    expected = await districts_of(conn, org_id, points)
    return [
        job.number for job, district in zip(located, expected, strict=True) if district not in (None, job.district_id)
    ]


def _digests(rows: Sequence[played.Held]) -> dict[str, Digest]:
    found: dict[str, Digest] = {}
    for row in rows:
        found[row.bucket] = found.get(row.bucket, Digest()).add(document_hash(row.kind, row.id, row.ver, row.body))
    return found


def _status(ended: Ended | None) -> str | None:
    return ended.status if ended else None


def _named(what: str, things: set[tuple[str, str]]) -> list[str]:
    if not things:
        return []
    first = ", ".join(sorted(" ".join(thing) for thing in things)[:_SHOWN_MAX])
    return [f"{what} {first}" + (f" and {len(things) - _SHOWN_MAX} more" if len(things) > _SHOWN_MAX else "")]
