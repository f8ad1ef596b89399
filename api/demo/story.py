"""The day's script: which situation begins when, drawn from a seed, and the last hour before the page is looked at. Plays it on a stage."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from api.demo import situations_field as field
from api.demo import situations_office as office
from api.demo import stage as stages
from api.demo.conduct import Wanted
from api.demo.crew import Crew
from api.demo.hours import Hours
from api.demo.proof import Proof, prove
from api.demo.script import Doing, Script
from api.demo.stage import Stage
from api.demo.telling import Teller
from mobile_contract.schema.base import Priority
from mobile_contract.schema.decisions import OpenJob
from mobile_contract.schema.outcome import ResolutionKind

# A day's everyday reports for each crew.
REPORTS_PER_CREW: Final = 2.0
KEPT_OPEN: Final = 6
_LAST_HOUR: Final = timedelta(minutes=42)
_WINDING_UP: Final = timedelta(minutes=30)


def play(stage: Stage, hours: Hours, teller: Teller) -> Proof:
    """Play the day and prove it. The clock stands at the day's end afterwards."""
    script = Script(stage, hours, teller)
    crews = stage.crews
    teller.say(
        stage.clock.now(),
        "office",
        f"{len(crews)} crews begin their day with {len(crews)} phones, seed {stage.chance.seed}",
    )
    _enter(script, hours)
    stage.timeline.run(hours.end - _LAST_HOUR)
    for minutes, urgent in ((0.0, False), (14.0, True), (26.0, False), (33.0, False)):
        script.at(hours.end - _LAST_HOUR + timedelta(minutes=minutes), _late_report(script, urgent=urgent))
    stage.timeline.run(hours.end)
    stages.calm(crews)
    _clear_inbox(script)
    teller.say(
        stage.clock.now(), "network", "everybody is in the network again; all devices are compared with the server"
    )
    proof = prove(stage.loopback, stage.founded.org_id, stage.handsets, stage.ledger, now=stage.clock.now())
    _evening(script)
    return proof


def _evening(script: Script) -> None:
    """Leave the dispatcher something to do: reports that come in after the proof, one of them from a caller who named no place."""
    for priority in (Priority.URGENT, Priority.NORMAL, Priority.NORMAL, Priority.NORMAL):
        script.open(script.site(), priority=priority)
    unplaced = OpenJob(
        job_id=script.new_id(), job_type="repair", title="Caller hung up, by the mill", reported_at=script.clock.now()
    )
    code = script.send("callback", unplaced)
    assert code == "ok", code
    script.say("customer", "A caller hangs up before naming the street: the job awaits triage")


def _clear_inbox(script: Script) -> None:
    """Hand everything in, decide and hand out what it asks for, and end what still waits in quarantine, so that nothing stays held."""
    for crew in script.stage.crews:
        crew.sync()
    for routine in (script.decides_approvals(), script.issues_parts()):
        next(routine)
    mine = {made.command_id for made in script.stage.ledger.field}
    for entry in script.office.inbox():
        if entry.command_id in mine:
            code = script.office.resolve(entry, ResolutionKind.APPLIED)
            if code != "ok":
                script.office.resolve(entry, ResolutionKind.DISCARDED)
            script.say("inbox", f"The dispatcher ends what still waits: {entry.name}, {entry.reason}")


def _enter(script: Script, hours: Hours) -> None:
    """Put the day into the agenda."""
    crews = script.stage.crews
    racers = (crews[0], crews[1]) if len(crews) > 1 else (crews[0], crews[0])
    evening = hours.end - _LAST_HOUR - _WINDING_UP
    for number, crew in enumerate(crews):
        begin = hours.at(8, 32) if crew in racers and len(crews) > 1 else hours.at(8, number % 10)
        script.stage.timeline.add(begin, crew.day(evening))
    for when, situation in _situations(script, hours).items():
        script.at(when, situation)
    for when in _times(script, hours, round(REPORTS_PER_CREW * len(crews))):
        script.at(when, office.ordinary_report(script))
    script.at(hours.at(8, 3), script.decides_approvals())
    script.at(hours.at(8, 4), script.issues_parts())
    script.at(hours.at(9, 10), script.looks_at_open_jobs())
    script.at(hours.at(10), script.closes_what_is_done(keep=KEPT_OPEN))


def _situations(script: Script, hours: Hours) -> dict[datetime, Doing]:
    crews = script.stage.crews

    def pick(number: int) -> Crew:
        return crews[number % len(crews)]

    clamp, coupling, valve = (Wanted(code, Decimal(1)) for code in ("clamp-200", "coupling-100", "valve-25"))
    racers = frozenset(crew.crew_id for crew in crews[:2]) if len(crews) > 2 else frozenset()
    found: dict[datetime, Doing] = {
        hours.at(8, 2): office.parts(script, (valve,), amount="16.50", but=racers),
        hours.at(8, 40): office.burst_pipe(script),
        hours.at(9, 5): office.parts(script, (coupling,), amount="33.60"),
        hours.at(9, 15): field.gone_for_hours(script),
        hours.at(9, 40): office.no_access(script),
        hours.at(10, 5): office.meter_exchange(script),
        hours.at(10, 15): office.parts(script, (clamp,), amount="68.50"),
        hours.at(10, 30): field.wrong_clock(script, pick(3)),
        hours.at(10, 50): office.not_ours(script),
        hours.at(11, 20): office.parts(script, (Wanted("valve-100", Decimal(1)),), amount="245.00"),
        hours.at(11, 40): field.edit_conflict(script),
        hours.at(12, 10): office.refused_signature(script),
        hours.at(12, 30): field.shift_change(script, pick(5)),
        hours.at(12, 50): field.found_on_site(script, pick(2)),
        hours.at(13, 30): field.killed_app(script, pick(4)),
    }
    if len(crews) > 1:
        found[hours.at(8, 5)] = field.claim_race(script, crews[0], crews[1])
        found[hours.at(13, 0)] = field.strangers_fact(script, pick(6), pick(9) if len(crews) > 4 else pick(7))
    return found


def _times(script: Script, hours: Hours, count: int) -> list[datetime]:
    first, last = hours.at(8, 45), hours.at(15, 30)
    return [first + (last - first) * script.random.random() for _ in range(count)]


def _late_report(script: Script, *, urgent: bool) -> Doing:
    """A report of the last hour: the crew is on its way, or there, when the page is looked at; the due time is near."""
    priority = Priority.URGENT if urgent else Priority.NORMAL
    job_id = script.open(script.site(), "", priority=priority)
    dispatched = script.dispatch(job_id)
    if dispatched is None:
        return
    crew, _ = dispatched
    yield 2.0
    crew.sync()
    found = crew.next_assignment()
    if found is None or crew.busy_with is not None:
        return
    script.stage.timeline.add(script.clock.now(), crew.work_on(found))
    script.say(crew.name, f"sets out for job {found.job.number}")
