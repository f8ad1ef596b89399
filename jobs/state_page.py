"""Renders docs/states.md from the decision tables of visits, jobs and material requests. Never holds a rule of its own.

`python -m jobs.state_page` prints the page.
"""

import sys

from jobs.rules import job, visit
from jobs.rules.visit import Signal
from mobile_contract.rules.request_states import TABLE as REQUESTS
from mobile_contract.schema.job import VisitState

_VISITS = """\
# States of jobs, visits and material requests

Computed from what was recorded, never set by hand. The tables below are the ones that run (`jobs/rules/visit.py`, `jobs/rules/job.py`,
`mobile_contract/rules/request_states.py`).

## Visit

The state is the fold of the visit's events: facts in the order in which they happened (corrected time), decisions in the order in which
the server took them. Read a row as: in this state, this signal leads to that state. `·` the event is kept, the state stays; `⚑` so, and
the visit is flagged `out_of_order`. After a cancellation that took effect everything is kept and nothing moves the state;
a withdrawn visit reads on as one that is planned for nobody, so that what is reported from it late revives it.

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
_REQUESTS = """
## Material request

The first row that holds gives the state. What is to come of a line is what was approved of it, less what another part stands in for; lines
of which nothing is to come do not count. Issued, received, used and returned are sums of the moves, whatever order they were told in.

| | when | state |
|---|---|---|
"""


def state_page() -> str:
    """Render the page; the same text for the same tables."""
    states = list(VisitState)
    head = "| signal | " + " | ".join(states) + " |\n|---|" + "---|" * len(states) + "\n"
    rows = "".join(
        f"| {signal} | " + " | ".join(_cell(state, signal) for state in states) + " |\n" for signal in Signal
    )
    table = "".join(f"| {n} | {row.when} | `{row.state}` |\n" for n, row in enumerate(job.TABLE, start=1))
    requests = "".join(f"| {n} | {row.when} | `{row.state}` |\n" for n, row in enumerate(REQUESTS, start=1))
    return _VISITS + head + rows + _JOBS + table + _CLOSING + _REQUESTS + requests


def _cell(state: VisitState, signal: Signal) -> str:
    row = visit.step(state, signal)
    mark = " ⚑" if row.flagged else ""
    return (f"`{row.then}`" if row.then is not None else "·") + mark


if __name__ == "__main__":
    sys.stdout.write(state_page())
