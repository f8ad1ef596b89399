"""For each command of the board's inbox: who sends it, after what; for the comparison of snapshots and changes."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final

from mobile_contract.schema import decisions as d
from mobile_contract.schema.base import Command
from mobile_contract.schema.conflicts import Keep, SettleConflict

if TYPE_CHECKING:
    from tests.sync.test_pull_commands import World

Case = Callable[["World"], Awaitable[tuple[str | None, Command]]]


async def _settle_conflict(w: "World") -> tuple[str, Command]:
    edit = d.FieldEdit(was="somewhere", set="at the gate")
    await w.ok(d.EditJob(job_id=w.job_id, changes={"title": edit}), by="cal")
    return "dan", SettleConflict(job_id=w.job_id, field="title", keep=Keep.OFFERED)


CASES: Final[dict[str, Case]] = {"settle_conflict": _settle_conflict}
