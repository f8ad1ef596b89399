"""A year of real repairs: the located ones of 2013 dispatched by location, day by day, and worked by twelve crews with bad networks.

At the end every device must equal the server document by document and every command must have taken effect once. Prints the
figures; exit status 1 when the proof fails. `python -m benchmarks field-year --slice 100` plays a part.
"""

import argparse
import secrets
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from msgspec import Struct
from msgspec.structs import replace
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from api.console import complaints, console
from api.demo import stage as stages
from api.demo.crew import Crew, Habits
from api.demo.draws import Chance
from api.demo.founding import Founded
from api.demo.loopback import Loopback
from api.demo.network import ROUGH, Traffic
from api.demo.office import DISPATCHER
from api.demo.proof import Proof, prove
from api.demo.stage import Equipment, Stage
from api.demo.timeline import Doing
from api.demo.virtual_time import VirtualClock
from api.logs import configure_logs
from api.operator_error import OperatorError
from api.settings import Settings
from benchmarks import repair_crews
from benchmarks.repair_crews import Imported
from geo.backlog import dispatch_backlog
from geo.candidates import Assignment, DispatchPolicy
from geo.store import candidates
from geo.travel import GreatCircleTravel, SpeedTable
from jobs.dispatching import assignment_command
from mobile_contract.client.clocks import uuid7
from mobile_contract.schema.base import Command
from mobile_contract.schema.decisions import CloseJob
from mobile_contract.schema.job import JobState
from sync.transaction import org_transaction
from tests import databases

DATA: Final = Path(__file__).resolve().parents[2] / "shared" / "data"
ZONE: Final = ZoneInfo(repair_crews.ZONE)
FIRST: Final = date(2013, 1, 1)
DAYS: Final = 365
# Work follows the days, not the hours: the repairs have none.
POLICY: Final = DispatchPolicy(within_shift=False, stale_after_s=86_400.0)
HABITS: Final = Habits(
    look_every_min=180.0, dropout=0.35, dropout_min=(15.0, 300.0), death=0.03, reports_position=False
)
TICK: Final = timedelta(minutes=10)
MOST: Final = 10_000
# After the last report: what could not be finished, or nobody was let in for, is tried again on the days after.
DAYS_AFTER: Final = 6
# A crew that has nothing to do looks at its phone once a week.
LOOK_AT_ALL_ON: Final = 0

Advance = Callable[[int, int, str], None]


class Year(Struct, frozen=True, kw_only=True):
    """What to play. `slice_`: so many repairs instead of the whole year; `hands`: how many crews act at once."""

    data: Path = DATA
    slice_: int | None = None
    seed: int = 1
    hands: int = 12


class Figures(Struct, frozen=True, kw_only=True):
    """What was measured. Seconds are of the wall clock."""

    imported: Imported
    jobs: int
    dispatched: int
    nobody: int
    days: int
    visits: int
    closed: int
    traffic: Traffic
    deaths: int
    import_s: float
    field_s: float
    proof_s: float
    proof: Proof


def play_year(settings: Settings, year: Year, *, advance: Advance = lambda done, total, what: None) -> Figures:
    """Import, dispatch, work and prove, in a database of its own. Raises OperatorError without the data."""
    repair_crews.data_folder(year.data)
    quiet = replace(settings, log_level="error")
    configure_logs(quiet)
    clock = VirtualClock(datetime.combine(FIRST, datetime.min.time(), ZONE) - timedelta(hours=20))
    with tempfile.TemporaryDirectory(prefix="onsite-year-") as folder, Loopback(quiet, clock.now) as loopback:
        begun = time.perf_counter()
        founded, imported = _import(loopback, year, Path(folder), advance)
        import_s = time.perf_counter() - begun
        equipment = Equipment(
            folder=Path(folder),
            chance=Chance(year.seed, secrets.token_hex(8)),
            weather=ROUGH,
            habits=HABITS,
            hands=year.hands,
            tick=TICK,
        )
        with stages.set_up(loopback, founded, founded.crews, equipment, clock=clock) as stage:
            run = _Run(stage, advance)
            begun = time.perf_counter()
            run.play()
            field_s = time.perf_counter() - begun
            advance(0, 1, "comparing devices with the server")
            begun = time.perf_counter()
            stages.calm(stage.crews)
            proof = prove(loopback, founded.org_id, stage.handsets, stage.ledger, now=clock.now())
            return Figures(
                imported=imported,
                jobs=len(run.reported),
                dispatched=run.dispatched,
                nobody=run.nobody,
                days=run.days,
                visits=sum(crew.visits_done for crew in stage.crews),
                closed=run.closed,
                traffic=_total(handset.network.traffic for handset in stage.handsets),
                deaths=sum(handset.deaths for handset in stage.handsets),
                import_s=import_s,
                field_s=field_s,
                proof_s=time.perf_counter() - begun,
                proof=proof,
            )


class _Run:
    """The year, day by day: what was reported is dispatched in the morning, worked, and closed the next morning."""

    def __init__(self, stage: Stage, advance: Advance) -> None:
        self.stage, self._advance = stage, advance
        self._pool, self._org_id = stage.loopback.services.pool, stage.founded.org_id
        self._travel = GreatCircleTravel(SpeedTable(zone=repair_crews.ZONE))
        self._ids = stage.chance.ids("dispatch")
        self._open: set[UUID] = set()
        self._at_work: set[str] = set()
        self._sent: set[UUID | None] = set()
        self.dispatched = self.nobody = self.days = self.closed = 0
        begin = datetime.combine(FIRST, datetime.min.time(), ZONE)
        found = repair_crews.located(self._pool, self._org_id, begin, begin + timedelta(days=DAYS), most=MOST)
        self.reported = dict(stage.loopback.call(found))

    def play(self) -> None:
        """Play every day on which something was reported, or is still to be done."""
        by_day: dict[date, list[UUID]] = defaultdict(list)
        for job_id, reported_at in self.reported.items():
            by_day[reported_at.astimezone(ZONE).date()].append(job_id)
        if not by_day:
            return
        last = max(by_day) + timedelta(days=DAYS_AFTER)
        waiting: list[UUID] = []
        done, day = 0, min(by_day)
        while day <= last:
            waiting += by_day.get(day, [])
            if waiting or self._open:
                self.days += 1
                waiting = self._morning(day, waiting)
                self._work(day)
            done += len(by_day.get(day, []))
            self._advance(done, len(self.reported), f"{day:%d %b %Y}")
            day += timedelta(days=1)
        self._look_after()

    def _morning(self, day: date, waiting: list[UUID]) -> list[UUID]:
        """Close what is done, then dispatch what waits by location; gives the jobs that nobody could go to."""
        self.stage.clock.move_to(_at(day, 7))
        ready = self._look_after()
        jobs = [*dict.fromkeys([*ready, *waiting])]
        dispatched = self.stage.loopback.call(self._plan(jobs))
        if dispatched:
            commands: list[Command] = [
                assignment_command(each, uuid7(self.stage.clock.now(), self._ids)) for each in dispatched
            ]
            answers = self.stage.office.do(DISPATCHER, *commands)
            sent = {each.job_id for each, answer in zip(dispatched, answers, strict=True) if answer.took_effect}
        else:
            sent = set()
        self._sent = {each.crew_id for each in dispatched if each.job_id in sent}
        self.dispatched += len(sent)
        self._open |= sent
        left = [job_id for job_id in jobs if job_id not in sent]
        self.nobody += len(left)
        return left

    def _work(self, day: date) -> None:
        """Let the crews that have something to do live through the day; a begun visit is finished, however late it is."""
        working = [
            crew
            for crew in self.stage.crews
            if crew.code in self._at_work or crew.crew_id in self._sent or day.weekday() == LOOK_AT_ALL_ON
        ]
        for number, crew in enumerate(working):
            begin = _at(day, 7) + timedelta(minutes=5 + number)
            self.stage.timeline.add(begin, _day_of(crew, _at(day, 16)))
        self.stage.timeline.run(_at(day, 7) + timedelta(hours=23))
        self._at_work = {crew.code for crew in working if crew.next_assignment() or crew.handset.device.status().unsent}

    def _look_after(self) -> list[UUID]:
        """Close what is completed or cannot be; gives what waits for another visit."""
        jobs = self.stage.office.jobs(sorted(self._open))
        over = [job.id for job in jobs if job.state in (JobState.COMPLETED, JobState.CANNOT_COMPLETE)]
        if over:
            self.stage.office.do(DISPATCHER, *(CloseJob(job_id=id, reason="checked") for id in over))
            self.closed += len(over)
        again = [job.id for job in jobs if job.state == JobState.READY]
        self._open -= {*over, *again}
        return again

    async def _plan(self, jobs: Sequence[UUID]) -> tuple[Assignment, ...]:
        """Give each job to a crew by the ranking that suggests: own district and its neighbours, travel, load."""
        now = self.stage.clock.now()
        async with org_transaction(self._pool, self._org_id) as conn:
            found = [await candidates.for_job(conn, self._org_id, job_id, now=now) for job_id in jobs]
            crews = await candidates.everybody(conn, self._org_id, now=now)
        needs = [each[0] for each in found if each is not None]
        return dispatch_backlog(needs, crews, self._travel, now=now, policy=POLICY).assignments


def _day_of(crew: Crew, until: datetime) -> Doing:
    """Live through a day, and go home as soon as there is nothing to do."""
    crew.sync()
    while crew.clock.now() < until:
        found = crew.next_assignment()
        if found is None:
            if crew.is_online:
                return
            yield crew.habits.look_every_min
            crew.sync()
            continue
        yield from crew.work_on(found)


def _import(loopback: Loopback, year: Year, folder: Path, advance: Advance) -> tuple[Founded, Imported]:
    """Make the organisation and import: the whole file, or the slice's rows."""
    pool, now = loopback.services.pool, loopback.services.clock()
    path = repair_crews.repairs_file(year.data, folder, year.slice_)
    advance(0, 1, "districts and crews")
    slug = f"year-{secrets.token_hex(4)}"
    founded = loopback.call(repair_crews.make(pool, slug, year.data, now=now))
    imported = loopback.call(
        repair_crews.bring_in(
            pool, founded.org_id, path, now=now, progress=lambda done, total: advance(done, total, "importing repairs")
        )
    )
    return founded, imported


def _total(all_: Iterable[Traffic]) -> Traffic:
    total = Traffic()
    for each in all_:
        for name in Traffic.__struct_fields__:
            if name != "sent":
                setattr(total, name, getattr(total, name) + getattr(each, name))
        total.sent.update(each.sent)
    return total


def _at(day: date, hour: int) -> datetime:
    return datetime.combine(day, datetime.min.time(), ZONE) + timedelta(hours=hour)


def figures_table(figures: Figures) -> Table:
    """Lay the figures out, with the proof's verdict."""
    proof, traffic = figures.proof, figures.traffic
    commands = sum(line.commands for line in proof.devices)
    table = Table("", "", title="A year of repairs", title_justify="left", show_header=False, box=None)
    rows = {
        "imported": f"{figures.imported.jobs:,} repairs in {figures.imported.districts} districts, "
        f"{figures.imported.waiting:,} await triage ({figures.imported.unlocated:,} without coordinates), {figures.import_s:.0f} s",
        "located repairs of 2013": f"{figures.jobs:,} on {figures.days} days; {figures.dispatched:,} dispatches, "
        f"{figures.nobody:,} times nobody was free, {figures.closed:,} jobs closed",
        "crews sent": _counted([line.reach for line in proof.sent]) + " district",
        "visits": f"{figures.visits:,}",
        "commands of devices": f"{commands:,}, {proof.sent_again:,} handed in more than once; of everybody {proof.commands:,}",
        "outcomes": ", ".join(f"{count:,} {name}" for name, count in proof.outcomes.items()),
        "flags": ", ".join(f"{count:,} {name}" for name, count in proof.flags.items()) or "none",
        "requests": f"{traffic.requests:,}: {traffic.pushes:,} pushes, {traffic.pulls:,} others; "
        f"{traffic.bytes_up / 1e6:.1f} MB up, {traffic.bytes_down / 1e6:.1f} MB down (before compression)",
        "lost": f"{traffic.lost_requests:,} requests, {traffic.lost_answers:,} answers",
        "apps killed": f"{figures.deaths:,}",
        "wall time": f"{figures.field_s:.0f} s in the field, {figures.proof_s:.0f} s to prove",
        "rates": f"{commands / figures.field_s:.0f} commands/s, {traffic.requests / figures.field_s:.0f} requests/s, "
        f"{figures.visits / figures.field_s:.1f} visits/s",
        "devices": f"{sum(not line.faults for line in proof.devices)} of {len(proof.devices)} equal the server, "
        f"{sum(line.documents for line in proof.devices):,} documents compared",
        "proof": "[green]holds[/green]" if proof.holds else "[red]FAILS: " + "; ".join(proof.faults[:3]) + "[/red]",
    }
    for name, value in rows.items():
        table.add_row(name, value)
    return table


def _counted(names: Sequence[str]) -> str:
    return ", ".join(f"{names.count(name):,} {name}" for name in sorted(set(names))) or "none"


def main(arguments: Sequence[str] | None = None) -> int:
    """Play the year in a database that is dropped afterwards, and print the figures; gives the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks field-year", description=__doc__)
    parser.add_argument(
        "--slice", type=int, dest="slice_", metavar="N", help="only the first N located repairs of 2013"
    )
    parser.add_argument("--seed", type=int, default=1, help="another seed is another year of networks (default 1)")
    parser.add_argument("--hands", type=int, default=12, help="how many crews act at once (default 12)")
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the real data")
    given = parser.parse_args(arguments)
    year = Year(data=given.data, slice_=given.slice_, seed=given.seed, hands=given.hands)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    try:
        repair_crews.data_folder(year.data)
        with (
            databases.running_cluster() as place,
            databases.migrated_copy(place) as settings,
            Progress(*columns, console=complaints, transient=True) as bar,
        ):
            task = bar.add_task("beginning", total=None)
            figures = play_year(
                settings,
                year,
                advance=lambda done, total, what: bar.update(task, completed=done, total=total, description=what),
            )
    except OperatorError as error:
        complaints.print(f"field_year: {error}", style="red", markup=False)
        return 2
    console.print(figures_table(figures))
    return 0 if figures.proof.holds else 1


if __name__ == "__main__":
    sys.exit(main())
