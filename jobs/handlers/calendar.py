"""Work calendars: saved whole. What was asked before keeps what it was judged by."""

from msgspec.structs import replace

from jobs.context import Deed
from jobs.handlers.door import handles
from jobs.handlers.saving import save
from jobs.result import Refused, Result
from jobs.work import Work
from mobile_contract.rules.calendar import calendar_faults
from mobile_contract.schema.approval_commands import SaveCalendar
from mobile_contract.schema.place import Site


@handles(SaveCalendar)
def save_calendar(work: Work, command: SaveCalendar, deed: Deed) -> Result:
    """Save a work calendar; without a zone of its own it gets the organisation's, so that a phone needs to know no other."""
    faults = calendar_faults(command.calendar)
    if faults:
        return Refused("calendar_invalid", {"fault": faults[0]})
    calendar = replace(command.calendar, zone=command.calendar.zone or work.org.zone)
    return save(work, calendar, {f"site_ids/{id}": (Site, id) for id in calendar.site_ids})
