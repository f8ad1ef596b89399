"""The queue of commands: numbered without a gap, kept byte for byte, kept until the server's copy would survive a disaster.

A command's life: added (no status) → answered (a status) → shown by documents (`n <= acked_n`) → durable → forgotten.
Only an answer **that names the command's own id** settles it: a number alone could have been taken by a cloned phone.
What is not settled is sent again, as often as it takes; the server knows a command by its id.
Functions that write run inside the caller's transaction.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import msgspec
from msgspec import Raw, Struct

from mobile_contract import limits
from mobile_contract.client.store import Store, plain
from mobile_contract.digest import command_digest
from mobile_contract.registry import COMMANDS, Nature
from mobile_contract.schema.messages import OutcomeBrief, PushCommand, Skip
from mobile_contract.schema.outcome import Outcome, OutcomeStatus

# What the frame around one command takes in a request, at most.
_FRAME_BYTES: Final = 160


class Queued(Struct, frozen=True, kw_only=True):
    """A command on this device. `status` None: the server has not answered yet; `skipped`: it cannot read the bytes."""

    id: UUID
    n: int
    session_id: UUID
    name: str
    job_id: UUID | None
    cmd: bytes
    made_at: datetime
    skipped: bool
    status: OutcomeStatus | None
    code: str | None
    flags: str
    acked_at: datetime | None

    @property
    def final(self) -> bool:
        """Tell whether nothing more will become of it."""
        return self.status not in (None, OutcomeStatus.HELD)


_COLUMNS: Final = ", ".join(Queued.__struct_fields__)


class Draft(Struct, frozen=True, kw_only=True):
    """A command about to be queued; its number comes from the queue."""

    id: UUID
    session_id: UUID
    name: str
    job_id: UUID | None
    cmd: bytes
    made_at: datetime


def add(store: Store, draft: Draft) -> int:
    """Queue a command and give its number."""
    row = store.row("select next_n from install")
    assert row is not None
    n = int(row[0])
    store.run(
        "insert into command (id, n, session_id, name, job_id, cmd, made_at) values (?, ?, ?, ?, ?, ?, ?)",
        [*map(plain, (draft.id, n, draft.session_id, draft.name, draft.job_id, draft.cmd, draft.made_at))],
    )
    store.update_install(next_n=n + 1)
    return n


def kept(store: Store) -> list[Queued]:
    """List every command that is still kept, in order."""
    return _read(store, "1")


def numbered(store: Store, n: int) -> Queued:
    """Give the command of a number. Raises LookupError when there is none."""
    found = _read(store, "n = ?", bound=n)
    if not found:
        raise LookupError(f"no command {n}")
    return found[0]


def unsent(store: Store) -> int:
    """Count the commands that the server has not answered."""
    row = store.row("select count(*) from command where status is null")
    return int(row[0]) if row else 0


def shown_on_top(store: Store) -> list[Queued]:
    """List the commands whose effect the documents do not have yet, in order: not answered, held, or not yet pulled."""
    return _read(store, "status is null or status = 'held' or n > (select acked_n from install)")


def last_undecided(store: Store, job_id: UUID) -> UUID | None:
    """Name the latest own decision on a job that is not final: what follows it must wait for it. None when there is none."""
    decisions = [name for name, line in COMMANDS.items() if line.nature is Nature.DECISION]
    marks = ", ".join("?" * len(decisions))
    row = store.row(
        "select id from command where job_id = ? and (status is null or status = 'held')"
        f" and name in ({marks}) order by n desc limit 1",
        (str(job_id), *decisions),
    )
    return UUID(row[0]) if row else None


def next_batch(store: Store, most: int, *, overlap: bool = False) -> list[Queued]:
    """Take what to send next: from the first command without an answer, consecutive, within the limits of one request.

    With `overlap` it begins with the last answered command before that one, if it is still kept: by its bytes the server tells
    whether that number was lost in a restore and taken by a clone since.
    """
    before = 1 if overlap else 0
    batch: list[Queued] = []
    bytes_left = limits.PUSH_BYTES
    for queued in _read(
        store,
        f"n >= (select min(n) - {before} from command where status is null)",
        min(most + before, limits.PUSH_COMMANDS),
    ):
        bytes_left -= len(queued.cmd) + _FRAME_BYTES
        if batch and (queued.n != batch[-1].n + 1 or bytes_left < 0):
            break
        batch.append(queued)
    # What was answered may leave no room for what was not.
    return batch if any(each.status is None for each in batch) or not overlap else next_batch(store, most)


def frames(batch: Iterable[Queued]) -> tuple[tuple[PushCommand, ...], tuple[Skip, ...]]:
    """Write a batch as the messages of a push; the bytes of `cmd` go out as they were queued."""
    commands: list[PushCommand] = []
    skips: list[Skip] = []
    for each in batch:
        if each.skipped:
            skips.append(Skip(n=each.n, id=each.id, sha256=command_digest(each.cmd).hex()))
        else:
            commands.append(PushCommand(n=each.n, session=each.session_id, cmd=Raw(each.cmd)))
    return tuple(commands), tuple(skips)


def answered(store: Store, outcomes: Iterable[OutcomeBrief]) -> int:
    """Take the answers to a push; give how many commands got their first one. A final answer is never taken back."""
    settled = 0
    for brief in outcomes:
        row = store.row("select status from command where id = ?", (str(brief.id),))
        settled += row is not None and row[0] is None
        store.run(
            "update command set status = ?, code = ? where id = ? and (status is null or status = 'held')",
            (brief.status, brief.code, str(brief.id)),
        )
    return settled


def learned(store: Store, outcome: Outcome) -> None:
    """Take an outcome that came as a document: it also tells what became of a held command, and the flags."""
    store.run(
        "update command set status = ?, code = ?, flags = ? where id = ?",
        (outcome.status, outcome.code, ", ".join(outcome.flags), str(outcome.id)),
    )


def skip(store: Store, id: UUID) -> None:
    """Replace a command by a note that it could not be read. Stored before it is sent: the choice must survive a crash."""
    store.run("update command set skipped = 1 where id = ?", (str(id),))


def skip_misread(store: Store, batch: Iterable[Queued], outcomes: Iterable[OutcomeBrief]) -> int:
    """Replace commands that the server took under another id by a note; give how many.

    Their bytes were harmed so that the id in them is gone or another one. The note names the right one, and the same digest, so
    that the server answers it with what it stored; without it such a command would be sent for ever.
    """
    named = {brief.n: brief.id for brief in outcomes}
    misread = [each for each in batch if not each.skipped and named.get(each.n, each.id) != each.id]
    for each in misread:
        skip(store, each.id)
    return len(misread)


def resume_at(store: Store, n: int) -> None:
    """Send again from `n`, the number the server expects: it lost what came after, or never had it.

    Everything kept from there on is unanswered again and numbered without a gap; ids and bytes stay, so that
    nothing takes effect twice.
    """
    again = _read(store, "n >= ?", bound=n)
    store.run(
        "update command set status = null, code = null, flags = '', acked_at = null, n = -n where n >= ?",
        (n,),
    )
    store.run_many("update command set n = ? where id = ?", ((n + i, str(each.id)) for i, each in enumerate(again)))
    store.update_install(last_n=n - 1, next_n=n + len(again))
    # A number that is given anew is not durable yet.
    store.run("update install set durable_n = min(durable_n, ?)", (n - 1,))


def ask_again(store: Store, acked_n: int) -> None:
    """Send the last answered command once more, after the server began another life.

    Its number may have been lost with the old life and taken since by a clone of this phone: then `acked_n` looks right, the command
    is gone, and only its bytes tell (`device_forked`).
    """
    store.run(
        "update command set status = null, code = null where n = (select max(n) from command where status is not null and n <= ?)",
        (acked_n,),
    )


def move_to_new_identity(store: Store, sessions: dict[UUID, UUID]) -> None:
    """Number everything that is kept from 1 for a device that was enrolled anew; `sessions` maps old sessions to new ones."""
    resume_at(store, 1)
    for old, new in sessions.items():
        move_to_session(store, old, new)


def move_to_session(store: Store, old: UUID, new: UUID) -> None:
    """Count what is kept as done in another session of the same person. The session is no part of a command's bytes."""
    store.run("update command set session_id = ? where session_id = ?", (str(new), str(old)))


def acknowledge(store: Store, n: int, now: datetime) -> None:
    """Note when the server was first known to have everything up to `n`."""
    store.run(
        "update command set acked_at = ? where n <= ? and acked_at is null and status is not null", (plain(now), n)
    )


def seen_n(store: Store) -> int:
    """Give the highest number up to which this device knows every final outcome: the server may drop those documents."""
    row = store.row(
        "select coalesce((select min(n) - 1 from command where status is null or status = 'held'), acked_n) from install"
    )
    acked = store.row("select acked_n from install")
    return min(int(row[0]), int(acked[0])) if row and acked else 0


def forget(store: Store, now: datetime) -> None:
    """Let go of commands that are final, shown by documents and durable.

    Where the server names no durable number they stay 14 days, and so do those that ended in any other way than
    `applied`: their author may want to know why.
    """
    store.run(
        "delete from command where status not in ('held') and n <= (select acked_n from install)"
        " and (acked_at < ? or (status = 'applied' and n <= (select coalesce(durable_n, 0) from install)))",
        (plain(now - timedelta(days=limits.DURABLE_DAYS)),),
    )


def _read(store: Store, where: str, most: int = -1, *, bound: int | None = None) -> list[Queued]:
    values: tuple[object, ...] = (most,) if bound is None else (bound, most)
    rows = store.rows(f"select {_COLUMNS} from command where {where} order by n limit ?", values)
    return [
        msgspec.convert(dict(zip(Queued.__struct_fields__, row, strict=True)), Queued, strict=False) for row in rows
    ]
