"""Situations that begin in the office or with a customer: the burst, the second report, parts, no access, not ours, refusals. Each is a doing."""

from decimal import Decimal
from uuid import UUID

from api.demo.conduct import Conduct, Wanted
from api.demo.office import DISPATCHER
from api.demo.script import Doing, Script
from mobile_contract.schema import decisions as d
from mobile_contract.schema.base import Priority
from mobile_contract.schema.job import JobState


def burst_pipe(script: Script) -> Doing:
    """A burst without coordinates: triage finds the place, the nearest crew goes, makes safe first, the second report is linked."""
    site, job_id = script.site(kind="house"), script.new_id()
    report = d.RegisterRequest(
        request_id=script.new_id(),
        description="Water shoots out of the pavement",
        address=site.address,
        contact=d.ContactDetails(contact_id=script.new_id(), name="Ms Dupont", phone="555 0100"),
        reported_at=script.clock.now(),
        job_id=job_id,
        job_type="repair",
    )
    script.send("callback", report)
    script.jobs.append(job_id)
    number = script.number(job_id)
    script.say(
        "customer",
        f"Ms Dupont: water shoots out of the pavement at {site.address}. Job {number} has no place: it awaits triage",
    )
    yield 3.0
    triage = d.TriageJob(
        job_id=job_id, priority=Priority.EMERGENCY, lon_deg=site.point.lon_deg, lat_deg=site.point.lat_deg
    )
    script.send(DISPATCHER, triage)
    job = script.office.job(job_id)
    script.say("office", f"Job {number} placed on the map: district {job.district_code}, emergency, state {job.state}")
    yield 1.0
    dispatched = script.dispatch(job_id)
    if dispatched is not None:
        crew, _ = dispatched
        parts = (Wanted("clamp-150", Decimal(1)), Wanted("gasket-150", Decimal(2)))
        crew.conducts[job_id] = Conduct(work_min=70, make_safe="main valve closed", parts=parts, signer="Ms Dupont")
        crew.handset.network.lose_next_answer = True
    yield 9.0
    second = script.new_id()
    script.send(
        "callback", d.RegisterRequest(request_id=second, description="Street under water", address=site.address)
    )
    script.send(DISPATCHER, d.LinkRequest(request_id=second, job_id=job_id))
    script.say("office", f"A second report of the same burst is linked to job {number}: no second crew")
    if dispatched is not None:
        yield from script.waits_until(lambda: script.office.job(job_id).state == JobState.IN_PROGRESS, minutes=60)
        yield from script.waits_until(lambda: script.office.job(job_id).arrived_at is not None, minutes=60)
        script.say(
            dispatched[0].name,
            f"on site at job {number}, stops the water first; an answer of the server was lost on the way",
        )


def parts(script: Script, wanted: tuple[Wanted, ...], *, amount: str, but: frozenset[UUID] = frozenset()) -> Doing:
    """A repair that needs parts: the ladder names who decides. Crews in `but` have other things to do."""
    job_id = script.open(script.site(), f"Repair that takes parts of {amount} CNY", priority=Priority.URGENT)
    for crew in script.stage.crews:
        crew.conducts[job_id] = Conduct(work_min=24, parts=wanted, urgent_parts=True, signer="Site manager")
    script.dispatch(job_id, but=but)
    yield 0.0


def no_access(script: Script) -> Doing:
    """Nobody opens; the office rebooks the same job for later."""
    job_id = script.open(script.site(kind="apartments"), "Dripping house connection")
    for crew in script.stage.crews:
        crew.conducts[job_id] = Conduct(no_access="nobody opened, card left")
    dispatched = script.dispatch(job_id)
    yield from script.waits_until(lambda: _no_longer(script, job_id, JobState.SCHEDULED), minutes=120)
    yield from script.waits_until(lambda: script.office.job(job_id).state == JobState.READY, minutes=120)
    for crew in script.stage.crews:
        crew.conducts[job_id] = Conduct(work_min=30, signer="Mr Ito")
    if dispatched is not None:
        script.say(dispatched[0].name, f"job {script.number(job_id)}: nobody opened the door")
    yield 60.0
    if script.office.job(job_id).state == JobState.READY:
        script.say("office", f"The customer of job {script.number(job_id)} was called and rebooked")
        script.dispatch(job_id)


def not_ours(script: Script) -> Doing:
    """The trouble is the district heating's; the crew says so, keeps people safe and stays until they come."""
    job_id = script.open(script.site(kind="shop"), "Hot water in the gutter")
    for crew in script.stage.crews:
        crew.conducts[job_id] = Conduct(not_ours="City heating")
    dispatched = script.dispatch(job_id)
    yield from script.waits_until(lambda: "not_ours" in script.office.job(job_id).flags, minutes=180)
    if dispatched is not None:
        script.say(
            dispatched[0].name,
            f"job {script.number(job_id)} is not ours: City heating is called, the crew stays till they come",
        )


def refused_signature(script: Script) -> Doing:
    """The customer will not sign; the reason and a witness stand in."""
    job_id = script.open(script.site(kind="apartments"), "Leak under the sink")
    for crew in script.stage.crews:
        crew.conducts[job_id] = Conduct(
            work_min=25, refuses_to_sign="disputes whose pipe it is", witness="Caretaker Mr Grant"
        )
    dispatched = script.dispatch(job_id)
    yield from script.waits_until(lambda: script.office.job(job_id).state == JobState.COMPLETED, minutes=240)
    if dispatched is not None:
        script.say(
            dispatched[0].name,
            f"job {script.number(job_id)}: the customer refuses to sign, the caretaker is the witness",
        )


def meter_exchange(script: Script) -> Doing:
    """A meter is exchanged; the first reading is typed wrong, which the server doubts."""
    job_id = script.open(script.site(kind="house"), "Exchange of an expired meter", job_type="meter_exchange")
    for crew in script.stage.crews:
        crew.conducts[job_id] = Conduct(
            work_min=35, misreads=True, signer="Mrs Haddad", parts=(Wanted("seal", Decimal(2)),)
        )
    script.dispatch(job_id)
    yield from script.waits_until(lambda: "reading_implausible" in script.office.job(job_id).flags, minutes=300)
    if "reading_implausible" in script.office.job(job_id).flags:
        script.say(
            "inbox", f"Job {script.number(job_id)}: a reading can hardly be true; it is kept, flagged and read again"
        )


def ordinary_report(script: Script) -> Doing:
    """An everyday report: opened and sent at once."""
    script.dispatch(script.open(script.site()))
    yield 0.0


def _no_longer(script: Script, job_id: UUID, state: JobState) -> bool:
    return script.office.job(job_id).state != state
