"""Handlers of what a crew reports about its trip: travel, arrival, work, made safe, not ours, no access, completion. Nothing is refused."""

from jobs.context import Deed
from jobs.event import EventName
from jobs.handlers.door import handles
from jobs.recording import report
from jobs.requests import with_prices
from jobs.result import Result
from jobs.work import Work
from mobile_contract.schema.facts import (
    ArriveOnSite,
    CompleteVisit,
    MakeSafe,
    PauseWork,
    ReportNoAccess,
    ReportNotOurs,
    ResumeWork,
    StartTravel,
    StartWork,
)


@handles(StartTravel)
def start_travel(work: Work, command: StartTravel, deed: Deed) -> Result:
    """Book that the crew set out."""
    return report(work, command, deed, EventName.TRAVEL_STARTED)


@handles(ArriveOnSite)
def arrive_on_site(work: Work, command: ArriveOnSite, deed: Deed) -> Result:
    """Book the arrival; the earliest one stops the arrival clock of the job, whenever the office learns of it."""
    return report(work, command, deed, EventName.ARRIVED)


@handles(StartWork)
def start_work(work: Work, command: StartWork, deed: Deed) -> Result:
    """Book that work began; before the customer had signed what it costs is flagged."""
    return with_prices(work, command.job_id, report(work, command, deed, EventName.WORK_STARTED))


@handles(PauseWork)
def pause_work(work: Work, command: PauseWork, deed: Deed) -> Result:
    """Book an interruption."""
    return report(work, command, deed, EventName.WORK_PAUSED, detail={"reason": command.reason})


@handles(ResumeWork)
def resume_work(work: Work, command: ResumeWork, deed: Deed) -> Result:
    """Book that work went on."""
    return report(work, command, deed, EventName.WORK_RESUMED)


@handles(MakeSafe)
def make_safe(work: Work, command: MakeSafe, deed: Deed) -> Result:
    """Book that the danger is over; the visit goes on."""
    return report(work, command, deed, EventName.MADE_SAFE, detail={"note": command.note})


@handles(ReportNotOurs)
def report_not_ours(work: Work, command: ReportNotOurs, deed: Deed) -> Result:
    """Book that the trouble is somebody else's; the crew stays until the right one comes, so the visit goes on, flagged."""
    return report(work, command, deed, EventName.FOUND_NOT_OURS, detail={"owner": command.owner, "note": command.note})


@handles(ReportNoAccess)
def report_no_access(work: Work, command: ReportNoAccess, deed: Deed) -> Result:
    """Book that nobody let the crew in; the visit ends and the job waits for another."""
    return report(work, command, deed, EventName.NO_ACCESS, detail={"reason": command.reason})


@handles(CompleteVisit)
def complete_visit(work: Work, command: CompleteVisit, deed: Deed) -> Result:
    """Book the end of the visit; what the job's type still misses flags it `incomplete`."""
    detail = {
        "result": command.result,
        "follow_up": command.follow_up,
        "no_parts_used": command.no_parts_used,
        "note": command.note,
    }
    return report(work, command, deed, EventName.VISIT_COMPLETED, detail=detail)
