"""The organisation at a glance, as the page at `/` shows it: counts, and of each list the few entries that want somebody. Owns shapes only."""

from uuid import UUID

from mobile_contract.schema.base import Code, Instant, Line, LocalText, Priority, Quantity
from mobile_contract.schema.job import Flag, JobState
from mobile_contract.schema.listing import Shown
from mobile_contract.schema.people import Role


class StateCount(Shown, frozen=True, kw_only=True, omit_defaults=False):
    """How many jobs are in a state, and how many of them are or were late to arrive at."""

    state: JobState
    jobs: int
    late: int


class ArrivalLine(Shown, frozen=True, kw_only=True):
    """An arrival that is due, or came late: when it was due, when it happened, and when the office learned of it."""

    job_id: UUID
    number: Code
    title: Line = ""
    state: JobState
    priority: Priority
    district: Code = "-"
    assignee: Line = ""
    due_at: Instant
    arrived_at: Instant | None = None
    recorded_at: Instant | None = None


class DeviceLag(Shown, frozen=True, kw_only=True):
    """A device: when it last fetched everything, and how many commands it said it had not sent when it was last heard."""

    device_id: UUID
    name: Line
    holder: Line = ""
    enrolled_at: Instant
    seen_at: Instant | None = None
    pulled_at: Instant | None = None
    unsent: int = 0


class QuarantineLine(Shown, frozen=True, kw_only=True):
    """A report that was put aside whole and waits for somebody to decide; `text` says the reason's code."""

    entry_id: UUID
    name: Code
    reason: Code
    text: LocalText | None = None
    received_at: Instant
    person: Line = ""
    device: Line = ""
    job_number: Line = ""


class HeldLine(Shown, frozen=True, kw_only=True):
    """A decision that waits for what it follows."""

    command_id: UUID
    name: Code
    person: Line = ""
    held_at: Instant
    expires_at: Instant


class ApprovalLine(Shown, frozen=True, kw_only=True):
    """An approval that waits for a role or a person."""

    approval_id: UUID
    job_number: Code
    subject: Code
    amount: Quantity
    currency: Code
    role: Role | None = None
    person: Line = ""
    asked_by: Line = ""
    asked_at: Instant
    after_hours: bool = False


class FlaggedLine(Shown, frozen=True, kw_only=True):
    """A job that the dispatcher should look at."""

    job_id: UUID
    number: Code
    title: Line = ""
    state: JobState
    flags: tuple[Flag, ...]


class LiveSummary(Shown, frozen=True, kw_only=True, omit_defaults=False):
    """The organisation now. Lists are cut to the few that come first; the counts are of all.

    States: all that are not closed; closed and cancelled since the day began in the organisation's zone. `due`: nobody has arrived and
    somebody should within two hours, or already; `late`: arrived too late, within a day. `silent`: devices that fetched nothing for half an hour.
    """

    organisation: Line
    zone: Line
    reported_today: int
    states: tuple[StateCount, ...]
    due_count: int
    overdue_count: int
    due: tuple[ArrivalLine, ...]
    late_count: int
    late: tuple[ArrivalLine, ...]
    device_count: int
    silent_count: int
    unsent_count: int
    devices: tuple[DeviceLag, ...]
    quarantine_count: int
    quarantine: tuple[QuarantineLine, ...]
    held_count: int
    held: tuple[HeldLine, ...]
    approval_count: int
    approvals: tuple[ApprovalLine, ...]
    flagged_count: int
    flagged: tuple[FlaggedLine, ...]
