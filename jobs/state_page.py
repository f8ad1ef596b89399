"""Renders docs/states.md from the decision tables of visits and jobs. Never holds a rule of its own.

`python -m jobs.state_page` prints the page.
"""

import sys

from jobs.rules import job, visit
from jobs.rules.visit import Signal
from mobile_contract.schema.job import VisitState

_VISITS = """\
# States of jobs and visits

Computed from what was recorded, never set by hand. The tables below are the ones that run (`jobs/rules/visit.py`, `jobs/rules/job.py`).

## Visit

The state is the fold of the visit's events: facts in the order in which they happened (corrected time), decisions in the order in which
the server took them. Read a row as: in this state, this signal leads to that state. `·` the event is kept, the state stays; `⚑` so, and
the visit is flagged `out_of_order`. After a cancellation that took effect everything is kept and nothing moves the state.

"""
_JOBS = """
## Job

The first row that holds gives the state.

| | when | state |
|---|---|---|
"""
_CLOSING = """
A visit that ended before the job was reopened no longer counts for "the latest visit". A visit whose result is not `done`, or that found the
trouble not ours, did not do the work.
"""


def state_page() -> str:
    """Render the page; the same text for the same tables."""
    states = list(VisitState)
    head = "| signal | " + " | ".join(states) + " |\n|---|" + "---|" * len(states) + "\n"
    rows = "".join(
        f"| {signal} | " + " | ".join(_cell(state, signal) for state in states) + " |\n" for signal in Signal
    )
    table = "".join(f"| {n} | {row.when} | `{row.state}` |\n" for n, row in enumerate(job.TABLE, start=1))
    return _VISITS + head + rows + _JOBS + table + _CLOSING


def _cell(state: VisitState, signal: Signal) -> str:
    row = visit.step(state, signal)
    mark = " ⚑" if row.flagged else ""
    return (f"`{row.then}`" if row.then is not None else "·") + mark


if __name__ == "__main__":
    sys.stdout.write(state_page())
