"""The append-only record of what happened. An event is never changed; the state of a visit is the fold of its events."""

from enum import StrEnum
from typing import Any
from uuid import UUID

from mobile_contract.schema.base import Document, Instant


class EventName(StrEnum):
    """What happened, in the past tense."""

    # As text: an Enum\'s own hash is a call into Python, and a batch makes ten thousands.
    __hash__ = str.__hash__

    JOB_OPENED = "job_opened"
    JOB_TRIAGED = "job_triaged"
    JOB_EDITED = "job_edited"
    JOB_HELD = "job_held"
    JOB_RELEASED = "job_released"
    JOB_CANCELLED = "job_cancelled"
    JOB_CLOSED = "job_closed"
    JOB_REOPENED = "job_reopened"
    JOB_LINKED = "job_linked"
    CONFLICT_SETTLED = "conflict_settled"
    REQUEST_LINKED = "request_linked"
    VISIT_PLANNED = "visit_planned"
    VISIT_ASSIGNED = "visit_assigned"
    VISIT_CLAIMED = "visit_claimed"
    VISIT_ACCEPTED = "visit_accepted"
    VISIT_DECLINED = "visit_declined"
    VISIT_CANCELLED = "visit_cancelled"
    VISIT_LOCKED = "visit_locked"
    VISIT_FOUND = "visit_found"
    TRAVEL_STARTED = "travel_started"
    ARRIVED = "arrived"
    WORK_STARTED = "work_started"
    WORK_PAUSED = "work_paused"
    WORK_RESUMED = "work_resumed"
    MADE_SAFE = "made_safe"
    FOUND_NOT_OURS = "found_not_ours"
    NO_ACCESS = "no_access"
    NOTE_ADDED = "note_added"
    PHOTO_ADDED = "photo_added"
    CHECKLIST_ANSWERED = "checklist_answered"
    VISIT_COMPLETED = "visit_completed"
    METER_READ = "meter_read"
    PARTS_REQUESTED = "parts_requested"
    APPROVAL_ASKED = "approval_asked"
    STEP_APPROVED = "step_approved"
    APPROVAL_ESCALATED = "approval_escalated"
    REQUEST_APPROVED = "request_approved"
    REQUEST_REJECTED = "request_rejected"
    PART_RECEIVED = "part_received"
    PART_USED = "part_used"
    PART_RETURNED = "part_returned"
    STOCK_CORRECTED = "stock_corrected"
    PARTS_TAKEN = "parts_taken"
    PARTS_RESERVED = "parts_reserved"
    PARTS_PICKED = "parts_picked"
    PARTS_ISSUED = "parts_issued"
    PART_SUBSTITUTED = "part_substituted"
    PARTS_TAKEN_BACK = "parts_taken_back"
    REQUEST_CLOSED = "request_closed"
    FORM_OPENED = "form_opened"
    COPY_HANDED_IN = "copy_handed_in"
    SIGNATURE_CAPTURED = "signature_captured"


class Event(Document, frozen=True, kw_only=True):
    """One event of a job. `occurred_at` is corrected device time within [`not_before`, `not_after`]; `raw_at` is what the device's clock said."""

    job_id: UUID
    visit_id: UUID | None = None
    seq: int
    name: EventName
    occurred_at: Instant
    not_before: Instant | None = None
    not_after: Instant | None = None
    raw_at: Instant | None = None
    clock: str = "server"
    received_at: Instant
    command_id: UUID
    actor_id: UUID | None = None
    device_id: UUID | None = None
    lon_deg: float | None = None
    lat_deg: float | None = None
    accuracy_m: float | None = None
    detail: dict[str, Any] = {}
    previous_hash: str = ""
    hash: str = ""
