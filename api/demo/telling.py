"""How a played day is told: one short line per happening with the local time, then the proof as tables. Decides nothing."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from api.demo.hours import Hours
from api.demo.proof import Proof
from api.store.played import ApprovalLine, JobLine

_COLOURS = {
    "office": "cyan",
    "customer": "magenta",
    "network": "yellow",
    "inbox": "red",
    "approval": "blue",
}
_ROWS = 14


class Teller:
    """Tells what happens. Without a console it only counts."""

    def __init__(self, hours: Hours, console: Console | None = None) -> None:
        self._hours, self._console = hours, console
        self.told: list[tuple[datetime, str, str]] = []

    def say(self, at: datetime, who: str, what: str) -> None:
        """Tell one happening: who it concerns, and what it was."""
        self.told.append((at, who, what))
        if self._console is not None:
            line = Text(f"{self._hours.local(at)}  ", style="dim")
            line.append(f"{who:<12}", style=_COLOURS.get(who, "green")).append(what)
            self._console.print(line, soft_wrap=False)


def proof_tables(proof: Proof, hours: Hours) -> RenderableType:
    """Lay the proof out: devices, outcomes, arrivals, approvals, signatures, and what is wrong."""
    verdict = (
        Text("The proof holds: every device equals the server, every command took effect once.", style="bold green")
        if proof.holds
        else Text("\n".join(("THE PROOF FAILS", *proof.faults[:_ROWS])), style="bold red")
    )
    return Group(_devices(proof), _sums(proof), _arrivals(proof, hours), _approvals(proof), _signatures(proof), verdict)


def _devices(proof: Proof) -> Table:
    table = _table(
        "Devices against the server",
        "Device",
        "Buckets",
        "Documents",
        "Commands",
        "Handed in",
        "Answers lost",
        "Killed",
        "Equal",
    )
    for line in proof.devices:
        numbers = (line.buckets, line.documents, line.commands, line.handed_in, line.lost_answers, line.deaths)
        equal = Text("no: " + line.faults[0], style="red") if line.faults else Text("yes", style="green")
        table.add_row(line.label, *map(str, numbers), equal)
    return table


def _sums(proof: Proof) -> Table:
    table = _table("What became of everything", "", "")
    table.show_header = False
    reach = {"own": 0, "neighbouring": 0, "other": 0}
    for line in proof.sent:
        reach[line.reach] += 1
    located = sum(1 for job in proof.jobs if job.district_id is not None)
    rows = (
        (
            "commands",
            f"{proof.commands}, of which {proof.sent_again} were handed in more than once and took effect once",
        ),
        ("outcomes", _counted(proof.outcomes)),
        ("refusals and notes", _counted(proof.codes)),
        ("flags", _counted(proof.flags)),
        (
            "by location",
            f"{located} of {len(proof.jobs)} jobs in the district that PostGIS says; crews sent: {_counted(reach)}",
        ),
        ("quarantine", _counted_by(f"{line.reason} → {line.resolution or 'waits'}" for line in proof.put_aside)),
        ("states of jobs", _counted_by(job.state for job in proof.jobs)),
    )
    for row in rows:
        table.add_row(*row)
    return table


def _arrivals(proof: Proof, hours: Hours) -> Table:
    arrived = [job for job in proof.jobs if job.arrived_at is not None]
    breached = sum(job.arrival_breached for job in arrived)
    table = _table(
        f"Arrivals: {len(arrived)}, late {breached}; when it happened, and when the office learned of it",
        "Job", "District", "What", "Due", "Arrived", "Learned", "",
    )  # fmt: skip
    for job in sorted(arrived, key=lambda job: (-_delay_s(job), job.number))[:_ROWS]:
        times = [hours.local(t) if t else "-" for t in (job.arrival_due_at, job.arrived_at, job.arrival_recorded_at)]
        late = Text("late", style="red") if job.arrival_breached else Text("in time", style="green")
        table.add_row(job.number, job.district_code or "-", job.title or job.type, *times, late)
    return table


def _approvals(proof: Proof) -> Table:
    table = _table(
        "Parts asked for, and who had to decide", "Job", "Amount of the day", "Approver", "Decision", "Policy"
    )
    for line in proof.approvals:
        decision = Text(f"{line.state} by {line.decided_by}" if line.decided_by else line.state)
        policy = f"{line.policy_code} v{line.policy_version}"
        table.add_row(line.number, f"{line.amount} {line.currency}", _approver(line), decision, policy)
    return table


def _signatures(proof: Proof) -> Table:
    signed = sum(1 for line in proof.signatures if line.signer)
    table = _table(f"Signatures: {signed} signed, {len(proof.signatures) - signed} refused", "Job", "Reason", "Witness")
    for line in proof.signatures:
        if line.refused_reason:
            table.add_row(line.number, line.refused_reason, line.witness)
    return table


def _approver(line: ApprovalLine) -> str:
    return f"{line.approver_code or line.role}" + (" (after hours)" if line.after_hours else "")


def _delay_s(job: JobLine) -> float:
    if job.arrived_at is None or job.arrival_recorded_at is None:
        return 0.0
    return (job.arrival_recorded_at - job.arrived_at).total_seconds()


def _table(title: str, *headings: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in headings:
        table.add_column(heading, overflow="fold")
    return table


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items() if count) or "none"


def _counted_by(names: Iterable[str]) -> str:
    return _counted(dict(Counter(names).most_common()))
