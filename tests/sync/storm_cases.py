"""For each command of a storm: who sends it, after what; for the comparison of snapshots and changes."""

from typing import TYPE_CHECKING, Final

from mobile_contract.schema.base import Command
from mobile_contract.schema.storm import DeclareStorm, EndStorm
from tests.sync.board_cases import Case

if TYPE_CHECKING:
    from tests.sync.test_pull_commands import World


async def _declare_storm(w: "World") -> tuple[str, Command]:
    return "dan", DeclareStorm(storm_id=w.org.new_id(), level=2, district_ids=(w.org.districts["east"],))


async def _end_storm(w: "World") -> tuple[str, Command]:
    declared = DeclareStorm(storm_id=w.org.new_id(), level=1, district_ids=(w.org.districts["west"],))
    await w.ok(declared, by="dan")
    return "dan", EndStorm(storm_id=declared.storm_id)


CASES: Final[dict[str, Case]] = {"declare_storm": _declare_storm, "end_storm": _end_storm}
