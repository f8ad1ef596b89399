"""Every safeguard of the protocol is switched off in turn, and the auditor must notice within a stated number of seeds.

A safeguard that PostgreSQL itself provides is modelled by what its absence does; the same is shown on the real database in `tests/lives`.
"""

from collections.abc import Mapping

import pytest
from msgspec import Struct

from tests.simulation import steps
from tests.simulation.backend import Return
from tests.simulation.model.faults import Fault
from tests.simulation.model.server import Server
from tests.simulation.run import STEPS, simulate


class Caught(Struct, frozen=True):
    """Within how many seeds, by which invariants, which steps are made more often since the fault needs them, and how the server comes back."""

    within: int
    by: str
    emphasis: Mapping[str, float] = {}
    way: Return | None = None


BACK = "I3 I4 I5 I6 I8 I9 I13 I16"
RETURNS = {"backup": 4, "come back": 6, "do": 2}
SAFEGUARDS: dict[Fault, Caught] = {
    Fault.NO_DOCUMENT_LOCK: Caught(30, "I5 I6 I8 I9", {"do": 3, "sync": 2, "assign": 2, "move": 4, "wait": 0.1}),
    Fault.ONE_CTE_WRITE: Caught(30, "I5 I6 I8 I9", {"do": 3, "sync": 2, "assign": 2, "move": 4, "wait": 0.1}),
    Fault.NO_LIFE_CHECK: Caught(20, BACK, RETURNS),
    Fault.LIFE_SURVIVES_CRASH: Caught(30, "I5 I6", {"crash": 10, "sync": 3, "end job": 4, "edit": 3}),
    Fault.LIFE_IN_DUMP: Caught(20, BACK, RETURNS, Return.DUMP),
    Fault.XIDS_IN_DUMP: Caught(30, "I5 I6 I16", RETURNS, Return.DUMP),
    Fault.LIFE_SURVIVES_PROMOTION: Caught(30, BACK, RETURNS, Return.FAILOVER),
    Fault.STANDBY_PULL: Caught(40, "I5 I6 I9", {"sync": 2}),
    Fault.FORK_UNNOTICED: Caught(20, "I3 I4 I7 I13 I15", {"clone": 6}),
    Fault.AUTHOR_IS_WHO_SENDS: Caught(10, "I1", {"change shift": 3}),
    Fault.SHIFT_STOPS_QUEUE: Caught(10, "I15 I4"),
    Fault.SCOPE_FROM_CURSOR: Caught(60, "I9 I10", {"move": 4, "stock": 3, "change shift": 4}),
    Fault.FLOOR_BY_HIGHEST_XID: Caught(40, "I5 I6 I11 I12", {"retain": 10, "end job": 5, "assign": 2, "open": 2}),
    Fault.N_NOT_CHECKED: Caught(20, "I1 I2 I7"),
    Fault.HOLES_ALLOWED: Caught(20, "I2 I3 I4 I7 I13", RETURNS),
    Fault.IDS_NOT_CHECKED: Caught(30, "I1 I4", {"clone": 6, "enrol forked": 3}),
    Fault.NO_SAVEPOINT: Caught(10, "I1"),
    Fault.OUTCOME_NOT_STORED: Caught(10, "I1 I3 I4"),
    Fault.ANSWER_BEFORE_COMMIT: Caught(10, "I3", {"crash": 2}),
    Fault.CURSOR_IS_HIGHEST_XID: Caught(30, "I5 I6"),
    Fault.DIGEST_IGNORED: Caught(20, "I5 I6", RETURNS),
    Fault.DURABLE_TOO_EARLY: Caught(20, "I3 I4 I13", RETURNS),
    Fault.VER_STARTS_AGAIN: Caught(20, "I5 I6 I8", {"resolve": 8, "do": 2, "sync": 2}),
    Fault.HELD_FOR_EVER: Caught(30, "I4", {"do": 3}),
    Fault.REDUCED_VIEW_IS_WHOLE: Caught(10, "I9"),
    Fault.CLOCK_BY_WALL: Caught(10, "I14"),
    Fault.POISON_STOPS_QUEUE: Caught(20, "I15 I4"),
    Fault.READS_ALL: Caught(20, "I16"),
    Fault.MOVE_TOUCHES_DOCUMENTS: Caught(40, "I16", {"move": 4, "do": 2, "open": 3, "assign": 2}),
}


def faulty(fault: Fault, way: Return | None) -> Server:
    server = Server(fault)
    if way is not None:
        server.can -= set(Return) - {way}
    return server


@pytest.mark.parametrize("fault", list(Fault), ids=lambda fault: fault.name.lower())
def test_the_auditor_notices_a_missing_safeguard(fault: Fault) -> None:
    caught = SAFEGUARDS[fault]
    for seed in range(caught.within):
        result = simulate(seed, lambda: faulty(fault, caught.way), steps.plan(seed, STEPS, caught.emphasis))
        if result.failed:
            print(f"{fault.name}: seed {seed}, {result.error[:200]}")
            assert result.invariant in caught.by.split(), result.error
            return
    raise AssertionError(f"a server that {fault.value} passed {caught.within} seeds")
