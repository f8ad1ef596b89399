"""The small world searched through: nothing breaks with all safeguards, something breaks without any one of them."""

from typing import Final

import pytest
from msgspec.structs import replace

from tests.simulation.search.__main__ import told
from tests.simulation.search.explore import explore
from tests.simulation.search.scope import (
    DOCUMENT_MOVES,
    PERSON_LEAVES,
    POISON,
    RESTORED,
    SCOPES,
    Order,
    Safeguard,
    Scope,
)

# Where the lack of a safeguard shows, and as which broken invariant.
LACKS: Final[dict[Safeguard, tuple[Scope, str]]] = {
    Safeguard.DOCUMENT_LOCK: (DOCUMENT_MOVES, "I5"),
    Safeguard.DEDUPE: (DOCUMENT_MOVES, "I1"),
    Safeguard.DEDUPE_BOUND: (DOCUMENT_MOVES, "I1"),
    Safeguard.HOLE_CHECK: (RESTORED, "I2"),
    Safeguard.OUTCOME_WITH_EFFECT: (DOCUMENT_MOVES, "I1"),
    Safeguard.ANSWER_AFTER_COMMIT: (DOCUMENT_MOVES, "I3"),
    Safeguard.POISON_ASIDE: (POISON, "I15"),
    Safeguard.SNAPSHOT_CURSOR: (DOCUMENT_MOVES, "I6"),
    Safeguard.LIFE_CHECK: (DOCUMENT_MOVES, "I6"),
    Safeguard.COMPARE_CONTENT: (DOCUMENT_MOVES, "I6"),
    Safeguard.DEL_ROWS: (DOCUMENT_MOVES, "I6"),
    Safeguard.GONE_IS_STAMPED: (DOCUMENT_MOVES, "I6"),
    Safeguard.ONE_SNAPSHOT: (DOCUMENT_MOVES, "I6"),
    Safeguard.ACKED_IN_SNAPSHOT: (DOCUMENT_MOVES, "I7"),
    Safeguard.PAGE_IS_ONE_TRANSACTION: (DOCUMENT_MOVES, "I6"),
    Safeguard.CURSOR_UNCHANGED: (DOCUMENT_MOVES, "I8"),
    Safeguard.RESUME_AFTER_LIFE: (RESTORED, "I13"),
    Safeguard.KEPT_UNTIL_DURABLE: (RESTORED, "I15"),
    Safeguard.ANSWER_OF_THIS_LIFE: (RESTORED, "I13"),
}


@pytest.mark.parametrize("name", SCOPES)
def test_every_reachable_state_is_sound_and_leads_to_rest(name: str) -> None:
    found = explore(SCOPES[name])
    print(told(found))
    assert found.counterexample is None, str(found.counterexample)
    assert found.exhausted
    assert found.states > 10_000


@pytest.mark.parametrize("safeguard", Safeguard, ids=lambda safeguard: safeguard.name.lower())
def test_without_one_safeguard_the_search_finds_how_it_breaks(safeguard: Safeguard) -> None:
    scope, invariant = LACKS[safeguard]
    found = explore(replace(scope, off=frozenset({safeguard})), states_max=60_000)
    print(told(found))
    assert found.counterexample is not None
    assert found.counterexample.invariant == invariant
    assert len(found.counterexample.steps) <= 12


@pytest.mark.parametrize("scope", [DOCUMENT_MOVES, PERSON_LEAVES])
def test_states_taken_for_one_hide_nothing(scope: Scope) -> None:
    small = replace(scope, orders=(Order(0, (0,)),), aborts=0, crashes=0)
    plain, joined = explore(replace(small, joined=False)), explore(small)
    assert plain.exhausted and joined.exhausted
    assert plain.counterexample is None and joined.counterexample is None
    assert joined.states < plain.states


def test_a_search_that_is_cut_short_says_so() -> None:
    found = explore(DOCUMENT_MOVES, states_max=100)
    assert not found.exhausted
    assert "CUT SHORT" in told(found)
