"""Situations that the network makes: a claim race, a crew gone for hours, an edit conflict, a stranger's fact, a wrong clock, a shift change."""

from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from uuid import UUID

from api.demo.conduct import Conduct
from api.demo.crew import Crew
from api.demo.office import DISPATCHER
from api.demo.script import Doing, Script
from geo.city_plan import CitySite
from mobile_contract.schema import decisions as d
from mobile_contract.schema import facts as f
from mobile_contract.schema.base import Position, Priority
from mobile_contract.schema.job import HoldReason, JobState
from mobile_contract.schema.outcome import ResolutionKind
from sync.quarantine import Entry


def claim_race(script: Script, first: Crew, second: Crew) -> Doing:
    """Two crews without a network claim one open job: the first to come back has it, the other is told who was faster."""
    lines = {line.crew_id: line for line in script.stage.founded.crews}
    shared = [c for c in lines[first.crew_id].district_codes if c in lines[second.crew_id].district_codes]
    job_id = script.open(script.site(shared[0] if shared else ""), "Leak at a hydrant")
    number = script.number(job_id)
    yield 2.0
    for crew in (first, second):
        crew.sync()
        crew.drop_out(14)
    yield 6.0
    visits = {crew.code: script.new_id() for crew in (first, second)}
    claims = {crew.code: crew.do(d.ClaimJob(job_id=job_id, visit_id=visits[crew.code])) for crew in (first, second)}
    script.say(
        "network", f"{first.name} and {second.name} are offline in the same district and both claim job {number}"
    )
    second.do(f.StartTravel(job_id=job_id, visit_id=visits[second.code]))
    yield 9.0
    for crew in (first, second):
        crew.offline_until = None
        # A lost answer or a dying app only means that the crew tries again.
        yield from script.waits_until(partial(_handed_in, crew), minutes=10, every=1.0)
    for crew in (first, second):
        outcome = _outcome(crew, claims[crew.code])
        if outcome == "ok":
            script.say(crew.name, "back in the network, has the job")
            continue
        script.say(crew.name, f"back in the network, is told: {outcome}; that it had set out is kept and flagged")
        visit_id = visits[crew.code]
        crew.do(f.CompleteVisit(job_id=job_id, visit_id=visit_id, result="turned_back", no_parts_used=True))


def gone_for_hours(script: Script) -> Doing:
    """A crew drops out with two jobs; one is cancelled, the other given away. What it did offline is kept, and flagged."""
    cancelled = script.open(script.site(), "Water in a cellar", priority=Priority.URGENT)
    dispatched = script.dispatch(cancelled)
    if dispatched is None:
        return
    crew, _ = dispatched
    crew.conducts[cancelled] = Conduct(work_min=50, note="pumped dry", signer="Mr Bauer")
    given_away = script.open(script.site(), "Leaking valve")
    second_id = script.new_id()
    script.send(DISPATCHER, d.AssignVisit(job_id=given_away, visit_id=second_id, crew_id=crew.crew_id))
    yield from script.waits_until(lambda: crew.busy_with == cancelled, minutes=150)
    crew.drop_out(170)
    script.say("network", f"{crew.name} drops out of the network on its way to job {script.number(cancelled)}")
    yield 25.0
    code = script.send(DISPATCHER, d.CancelJob(job_id=cancelled, reason="the customer's own plumber came"))
    script.say("office", f"Job {script.number(cancelled)} is cancelled ({code}); {crew.name} cannot know")
    _give_away(script, given_away, second_id, but=crew)
    yield 144.0
    unsent = crew.handset.device.status().unsent
    script.say("network", f"{crew.name} comes back after almost three hours, with {unsent} reports to hand in")
    yield 3.0
    yield from script.waits_until(lambda: _handed_in(crew), minutes=60)
    flags = ", ".join(script.office.job(cancelled).flags) or "none yet"
    script.say("inbox", f"Job {script.number(cancelled)}: the crew's work is kept, flags: {flags}")


def edit_conflict(script: Script) -> Doing:
    """Crew and dispatcher change the same field; the server's value stays, both are kept and shown."""
    site = script.site()
    job_id = script.open(site, "Cover sunk in")
    dispatched = script.dispatch(job_id)
    if dispatched is None:
        return
    crew, _ = dispatched
    yield from script.waits_until(lambda: crew.busy_with == job_id and crew.is_online, minutes=240)
    if not crew.holds(job_id):
        return
    crew.drop_out(20)
    crew.do(_edit(job_id, site.address, f"{site.address}, back yard"))
    yield 5.0
    script.send(DISPATCHER, _edit(job_id, site.address, f"{site.address}, gate 2"))
    yield 20.0
    yield from script.waits_until(lambda: _handed_in(crew), minutes=60)
    script.say(
        "inbox",
        f"Job {script.number(job_id)}: crew and dispatcher both changed the address; both values are kept and shown",
    )


def strangers_fact(script: Script, crew: Crew, stranger: Crew) -> Doing:
    """A note on a job that was never the crew's goes to quarantine; what depends on it is held until the dispatcher decides."""
    theirs = script.open(_away_from(script, crew), "Leak behind the school")
    mine = script.open(script.site(), "Meter shaft under water")
    script.send(DISPATCHER, d.AssignVisit(job_id=theirs, visit_id=script.new_id(), crew_id=stranger.crew_id))
    script.send(DISPATCHER, d.AssignVisit(job_id=mine, visit_id=script.new_id(), crew_id=crew.crew_id))
    yield from script.waits_until(lambda: crew.holds(mine), minutes=60)
    note = crew.do(
        f.AddNote(
            job_id=theirs, visit_id=script.new_id(), note_id=script.new_id(), text="saw the leak in passing, it grows"
        )
    )
    hold = d.HoldJob(job_id=mine, reason=HoldReason.OTHER_PARTY, note="same main as the leak behind the school")
    held = crew.handset.do(hold, after=(note,))
    yield from script.waits_until(lambda: _handed_in(crew), minutes=150)
    entries = [entry for entry in script.office.inbox() if entry.command_id == note]
    script.say(
        "inbox", f"{crew.name} notes something on a job that was never its own: quarantine ({_reasons(entries)})"
    )
    script.say(
        crew.name, f"its wish to hold job {script.number(mine)} waits for that: {_outcome(crew, held) or 'held'}"
    )
    yield 35.0
    for entry in entries:
        code = script.office.resolve(entry, ResolutionKind.APPLIED)
        script.say("inbox", f"The dispatcher applies the note by hand, in its author's name and at its time: {code}")
    state = script.office.job(mine).state
    script.say("office", f"Job {script.number(mine)} is {state} now that the wish is decided")
    yield 45.0
    if script.office.job(mine).state == JobState.ON_HOLD:
        script.send(DISPATCHER, d.ReleaseJob(job_id=mine))


def found_on_site(script: Script, crew: Crew) -> Doing:
    """A crew finds another leak; it awaits triage and is sent out like any other."""
    place = script.site().point
    job_id = script.new_id()
    here = Position(lon_deg=place.lon_deg, lat_deg=place.lat_deg, accuracy_m=20)
    crew.do(f.ReportJob(job_id=job_id, job_type="repair", title="Wet patch, found in passing", position=here))
    script.jobs.append(job_id)
    yield from script.waits_until(lambda: _handed_in(crew), minutes=180)
    found = script.office.jobs([job_id])
    if not found:
        return
    script.say(crew.name, f"reports a leak found in passing: job {found[0].number} awaits triage")
    yield 6.0
    script.send(DISPATCHER, d.TriageJob(job_id=job_id, priority=Priority.NORMAL))
    script.dispatch(job_id)


def wrong_clock(script: Script, crew: Crew) -> Doing:
    """A phone whose user set the clock three hours ahead; the server corrects by the anchor and keeps both times."""
    crew.handset.clock.wrong_by = timedelta(hours=3, minutes=7)
    script.say(
        crew.name, "somebody set the phone's clock three hours ahead; arrivals are corrected, both times are kept"
    )
    wrong = script.office.wrongly_dated
    yield from script.waits_until(lambda: wrong(crew.handset) is not None, minutes=290, every=10)
    found = wrong(crew.handset)
    if found is not None:
        said, booked = (script.hours.local(at) for at in found)
        script.say("network", f"{crew.name}'s phone said {said} at an arrival; it is booked at {booked}")
    crew.handset.clock.wrong_by = timedelta()


def shift_change(script: Script, crew: Crew) -> Doing:
    """The second technician takes the phone over without a network; each report keeps its author."""
    line = next(line for line in script.stage.founded.crews if line.crew_id == crew.crew_id)
    crew.handset.device.use(line.members[1])
    script.say(crew.name, f"{line.names[1]} takes the phone over from {line.names[0]}, queue and all")
    yield 0.0


def killed_app(script: Script, crew: Crew) -> Doing:
    """The app dies between the server's commit and its answer."""
    crew.handset.network.kill_next_answer = True
    yield from script.waits_until(lambda: not crew.handset.network.kill_next_answer, minutes=120)
    script.say(
        "network", f"{crew.name}'s app was killed before it read the answer; nothing is lost, nothing happens twice"
    )


def _give_away(script: Script, job_id: UUID, visit_id: UUID, *, but: Crew) -> None:
    best = [s for s in script.office.suggestions(job_id) if s.eligible and s.crew_id not in (None, but.crew_id)]
    if not best or best[0].crew_id is None:
        return
    command = d.ReassignVisit(job_id=job_id, visit_id=visit_id, plan_version=1, crew_id=best[0].crew_id)
    code = script.send(DISPATCHER, command)
    name = script.crews[best[0].crew_id].name
    script.say("office", f"Job {script.number(job_id)} goes from {but.name} to {name} ({code})")


def _away_from(script: Script, crew: Crew) -> CitySite:
    line = next(line for line in script.stage.founded.crews if line.crew_id == crew.crew_id)
    return script.site_outside(line.district_codes)


def _edit(job_id: UUID, was: str, new: str) -> d.EditJob:
    return d.EditJob(job_id=job_id, changes={"address": d.FieldEdit(was=was, set=new)})


def _handed_in(crew: Crew) -> bool:
    if crew.is_online and crew.handset.device.status().unsent:
        crew.sync()
    return crew.handset.device.status().unsent == 0


def _outcome(crew: Crew, command_id: UUID) -> str:
    kept = {each.id: each for each in crew.handset.device.status().commands}
    return kept[command_id].code or "" if command_id in kept else ""


def _reasons(entries: Sequence[Entry]) -> str:
    return ", ".join(entry.reason for entry in entries) or "none"
