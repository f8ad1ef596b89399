"""The search from the command line: which scopes, how much goes wrong, which safeguard is missing. Prints what it saw, or how it breaks."""

import argparse
import sys

from msgspec.structs import replace

from tests.simulation.search.explore import Found, explore
from tests.simulation.search.scope import SCOPES, Safeguard

_EXAMPLES = """
examples:
  python -m tests.simulation.search                                   what `make test` searches, about half a minute
  python -m tests.simulation.search document --restores 1             everything at once: half a million states, some minutes
  python -m tests.simulation.search person --aborts 2 --crashes 2     a bigger scope
  python -m tests.simulation.search restored --without hole_check     how it breaks without a safeguard
  python -m tests.simulation.search document --plain --aborts 0 --crashes 0   nothing taken for one
"""


def main() -> int:
    """Search the scopes named; 0 when every search was exhaustive and found nothing."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.simulation.search",
        description="Go through every state that a few commands on two phones can reach, and check each.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "scopes", nargs="*", metavar="scope", help=f"one or more of: {', '.join(SCOPES)} (default: all)"
    )
    parser.add_argument("--aborts", type=int, help="transactions that die of themselves")
    parser.add_argument("--crashes", type=int, help="crashes of the database")
    parser.add_argument("--restores", type=int, help="restores of the first backup")
    parser.add_argument("--plain", action="store_true", help="take no two states for one: slow, for small scopes")
    parser.add_argument("--states", type=int, help="stop after about so many states")
    names = ", ".join(safeguard.name.lower() for safeguard in Safeguard)
    parser.add_argument("--without", action="append", default=[], metavar="SAFEGUARD", help=f"switch one off: {names}")
    asked = parser.parse_args()
    unknown = [name for name in asked.scopes if name not in SCOPES]
    missing = [name for name in asked.without if name.upper() not in Safeguard.__members__]
    if unknown or missing:
        parser.error(f"unknown: {', '.join([*unknown, *missing])}; see --help")
    budgets = {n: getattr(asked, n) for n in ("aborts", "crashes", "restores") if getattr(asked, n) is not None}
    off = frozenset(Safeguard[name.upper()] for name in asked.without)
    sound = True
    for name in asked.scopes or SCOPES:
        found = explore(replace(SCOPES[name], joined=not asked.plain, off=off, **budgets), states_max=asked.states)
        print(told(found), flush=True)
        sound = sound and found.exhausted and found.counterexample is None
    return 0 if sound else 1


def told(found: Found) -> str:
    """Say what a search saw."""
    seen = f"{found.states:,} states, {found.steps:,} steps, {found.quiets:,} ways to rest, depth {found.depth}, {found.seconds:.1f} s"
    if found.counterexample is not None:
        missing = "".join(f"\n  without: {safeguard}" for safeguard in sorted(found.scope.off))
        return f"{found.scope.name}: BROKEN after {seen}{missing}\n{found.counterexample}"
    return f"{found.scope.name}: {seen}, {'exhaustive' if found.exhausted else 'CUT SHORT: not exhaustive'}"


if __name__ == "__main__":
    sys.exit(main())
