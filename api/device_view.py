"""How a device's state is printed: tables and lines for a terminal. Reads what it is given; changes nothing."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
from rich.table import Table
from rich.text import Text

from mobile_contract.client.device import Status
from mobile_contract.client.exchange import SyncReport
from mobile_contract.client.queue import Queued
from mobile_contract.digest import to_hex
from mobile_contract.errors import ERRORS
from mobile_contract.schema.base import Document
from mobile_contract.schema.job import Job, JobState, OpenJob, Visit
from mobile_contract.schema.material import Part
from mobile_contract.schema.outcome import OutcomeStatus
from mobile_contract.schema.stock import LocationKind, StockLevel, StockLocation

Documents = Mapping[tuple[str, UUID], Document]
_OVER: Final = {JobState.COMPLETED, JobState.CLOSED, JobState.CANCELLED, JobState.CANNOT_COMPLETE}
_URGENCY: Final = {"emergency": 0, "urgent": 1, "normal": 2, "low": 3}
_COLOURS: Final = {
    None: "yellow",
    OutcomeStatus.HELD: "yellow",
    OutcomeStatus.REJECTED: "red",
    OutcomeStatus.QUARANTINED: "red",
}


def jobs_table(shown: Documents, commands: list[Queued], *, zone: str, over: bool = False) -> Table:
    """Lay out the jobs a device holds, most urgent first, with what has not reached the office yet. `over`: finished ones too.

    Times are in `zone`, an IANA name. Raises ZoneInfoNotFoundError for one this machine does not know.
    """
    table = Table(title="Jobs on this device", title_justify="left", caption="* waits to be sent or decided")
    for heading in ("Job", "State", "Visit", "Priority", "Due", "What", "Where"):
        table.add_column(heading, overflow="fold")
    waiting = {each.job_id for each in commands if not each.final}
    jobs = [d for d in shown.values() if isinstance(d, Job) and (over or d.state not in _OVER)]
    for job in sorted(
        jobs, key=lambda job: (_URGENCY[job.priority], job.arrival_due_at or job.reported_at, job.number)
    ):
        visits = sorted(
            (v for v in shown.values() if isinstance(v, Visit) and v.job_id == job.id),
            key=lambda visit: (visit.ended_at is not None, visit.id),
        )
        star = "*" if job.id in waiting else ""
        words = (
            job.number + star,
            job.state,
            visits[0].state if visits else "",
            job.priority,
            _short(job.arrival_due_at, zone),
        )
        table.add_row(*map(Text, (*words, job.title or job.type, job.address)))
    for offer in sorted((d for d in shown.values() if isinstance(d, OpenJob)), key=lambda offer: offer.number):
        due, what = _short(offer.arrival_due_at, zone), offer.title or offer.type
        row = (offer.number, "open to claim", "", offer.priority, due, what, offer.address)
        table.add_row(*map(Text, row), style="dim")
    return table


def van_table(shown: Documents) -> Table:
    """Lay out what the vans that a device knows hold, by part; own reports that wait are in it."""
    table = Table(title="Parts in the van", title_justify="left")
    for heading in ("Van", "Part", "Name"):
        table.add_column(heading, overflow="fold")
    table.add_column("Quantity", justify="right")
    table.add_column("Unit")
    vans = {d.id: d.code for d in shown.values() if isinstance(d, StockLocation) and d.kind is LocationKind.VAN}
    rows = []
    for level in (d for d in shown.values() if isinstance(d, StockLevel) and d.quantity):
        part = shown.get(("part", level.part_id))
        code, name, unit = (
            (part.code, part.name.en, part.unit) if isinstance(part, Part) else (str(level.part_id), "", "")
        )
        rows.append((vans.get(level.location_id, str(level.location_id)), code, name, f"{level.quantity:f}", unit))
    for row in sorted(rows):
        table.add_row(*map(Text, row), style="red" if row[3].startswith("-") else None)
    return table


def effect_lines(before: Documents, after: Documents) -> list[str]:
    """Tell in lines what a command changes on this device, field by field. Nothing visible gives an empty list."""
    lines = []
    for key in sorted({*before, *after}, key=str):
        old, new = before.get(key), after.get(key)
        if old == new:
            continue
        name = f"{key[0]} {getattr(new or old, 'number', '') or key[1]}"
        if new is None:
            lines.append(f"{name}: no longer shown")
            continue
        was = msgspec.to_builtins(old) if old is not None else {}
        now = msgspec.to_builtins(new)
        changed = [
            f"{field} {was.get(field, '-')} → {now.get(field, '-')}" for field in now if now[field] != was.get(field)
        ]
        lines.append(f"{name}: " + ("new" if old is None else ", ".join(changed)))
    return lines


def status_table(status: Status) -> Table:
    """Lay out how a device stands; times in the organisation's zone, of a device without one in UTC."""
    table = Table.grid(padding=(0, 2))
    install = status.install
    zone = install.zone if install else "UTC"
    if status.tombstone is not None:
        table.add_row("wiped", f"{_short(status.tombstone.at, zone)}: {ERRORS[status.tombstone.reason].en}")
    if install is None:
        table.add_row("device", "not enrolled")
        return table
    table.add_row("device", Text(f"{install.name} ({install.device_id})"))
    table.add_row("server", install.url)
    table.add_row(
        "working",
        Text(f"{status.person.name} until {_short(status.person.to_at, zone)}" if status.person else "nobody"),
    )
    table.add_row("unsent", Text(str(status.unsent), style="yellow" if status.unsent else ""))
    table.add_row("last sync", _short(install.pulled_at, zone) or "never")
    table.add_row("numbers", f"next {install.next_n}, shown {install.acked_n}, durable {install.durable_n or '-'}")
    if install.forked:
        table.add_row("[red]enrol again[/red]", ERRORS["device_forked"].en)
    if install.upgrade:
        table.add_row("[red]update the app[/red]", ERRORS["upgrade_required"].en)
    for bucket, digest in status.digests.items():
        table.add_row("holds", f"{bucket}: {digest.count} documents, {to_hex(digest.xor)}")
    return table


def commands_table(commands: list[Queued], *, zone: str) -> Table:
    """Lay out the commands a device keeps, with what became of them; times in `zone`, an IANA name."""
    table = Table(title="Commands kept on this device", title_justify="left")
    for heading in ("n", "Command", "Made", "Outcome", "Code", "Flags"):
        table.add_column(heading)
    for each in commands:
        outcome = Text(each.status or "not sent", style=_COLOURS.get(each.status, "green"))
        table.add_row(str(each.n), each.name, _short(each.made_at, zone), outcome, each.code or "", each.flags)
    return table


def report_line(report: SyncReport) -> str:
    """Say in one line what a sync did."""
    parts = [
        f"{report.settled} of {report.pushed} sent commands answered",
        f"{report.changes} changes in {report.pages} pages",
    ]
    parts += [f"{report.resets} buckets anew"] if report.resets else []
    parts += [f"repaired {', '.join(report.repaired)}"] if report.repaired else []
    parts += [f"warned of {', '.join(report.warnings)}"] if report.warnings else []
    return "; ".join(parts) + "."


def _short(at: datetime | None, zone: str) -> str:
    return at.astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M") if at is not None else ""
