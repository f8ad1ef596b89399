"""Who may send which command on whose job: written down by hand, beside the registry and never made from it. A new command needs a line here.

Roles are letters: A administrator, D dispatcher, M manager, G deputy general manager, C duty chief, E engineer, W warehouse, B callback,
I integration, U auditor; in the field T technician, L crew lead. A pattern gives the code for each column, for those named by the line as
office and as field, and for everybody else.
"""

from typing import Final

from msgspec import Struct

from mobile_contract.schema.people import Role

LETTERS: Final = {
    "A": Role.ADMIN,
    "D": Role.DISPATCHER,
    "M": Role.MANAGER,
    "G": Role.DEPUTY_GM,
    "C": Role.DUTY_CHIEF,
    "E": Role.ENGINEER,
    "W": Role.WAREHOUSE,
    "B": Role.CALLBACK,
    "I": Role.INTEGRATION,
    "U": Role.AUDITOR,
    "T": Role.TECHNICIAN,
    "L": Role.CREW_LEAD,
}
COLUMNS: Final = ("own", "crew", "other", "foreign")
"""Whose it is: the caller's own visit, that of the caller's crew, that of another crew; or everything named is another organisation's."""


class Pattern(Struct, frozen=True):
    """The code of each column for the office named, the field named, and everybody else. `-`: nobody is of that group."""

    office: tuple[str, ...]
    field: tuple[str, ...]
    rest: tuple[str, ...]


class Expected(Struct, frozen=True):
    """The line of a command. `console_only`: the office named may do so signed in, not on a phone."""

    office: frozenset[Role]
    field: frozenset[Role]
    pattern: Pattern
    console_only: bool = False

    def code(self, role: Role, column: str, *, on_phone: bool) -> str:
        """Give the code with which the command is answered; `ok`: it takes effect."""
        at = COLUMNS.index(column)
        if role in self.office and not (on_phone and self.console_only):
            return self.pattern.office[at]
        return self.pattern.field[at] if role in self.field else self.pattern.rest[at]


def _pattern(office: str, field: str, rest: str) -> Pattern:
    return Pattern(tuple(office.split()), tuple(field.split()), tuple(rest.split()))


#                own       crew      other         foreign
FACT = _pattern(
    "ok        ok        ok            unknown_job",
    "ok        ok        out_of_scope  out_of_scope",
    "forbidden forbidden out_of_scope  out_of_scope",
)
# The same, with a part, a meter or a line of the checklist that it names too.
FACT_ON = _pattern(
    "ok        ok        ok            unknown_reference",
    "ok        ok        out_of_scope  out_of_scope",
    "forbidden forbidden out_of_scope  out_of_scope",
)
# Whoever finds a job on site is asked about no scope: there was no job before. An id of somebody else's is only an id here.
FOUND = _pattern("ok ok ok ok", "ok ok ok ok", "forbidden forbidden forbidden forbidden")
ON_JOB = _pattern(
    "ok        ok        ok            unknown_job",
    "ok        ok        not_assigned  not_assigned",
    "forbidden forbidden forbidden     forbidden",
)
# An administrator at the console is asked for no scope, and may no more for that.
CLAIM = _pattern(
    "forbidden forbidden forbidden     forbidden",
    "ok        ok        out_of_scope  out_of_scope",
    "forbidden forbidden out_of_scope  out_of_scope",
)
# `other` waits for another role of the ladder.
DECIDE = _pattern("ok ok not_the_approver unknown_job", "- - - -", "forbidden forbidden forbidden forbidden")
REFERS = _pattern("ok ok ok unknown_reference", "- - - -", "forbidden forbidden forbidden forbidden")
# A report that belongs to no job: whoever is out there may make it, whatever the van.
OF_VAN = _pattern("ok ok ok unknown_reference", "ok ok ok unknown_reference", "forbidden forbidden forbidden forbidden")
# The timer's alone.
NOBODY = _pattern("- - - -", "- - - -", "forbidden forbidden forbidden forbidden")
# Names nothing but itself: with an id that another organisation uses too it makes a row of its own.
ALONE = _pattern("ok ok ok ok", "- - - -", "forbidden forbidden forbidden forbidden")


def _line(office: str, field: str, pattern: Pattern, *, console_only: bool = False) -> Expected:
    return Expected(
        frozenset(LETTERS[letter] for letter in office),
        frozenset(LETTERS[letter] for letter in field),
        pattern,
        console_only,
    )


def _fact(pattern: Pattern = FACT) -> Expected:
    return _line("A", "TL", pattern, console_only=True)


LINES: Final[dict[str, Expected]] = {
    "report_job": _fact(FOUND),
    "start_travel": _fact(),
    "arrive_on_site": _fact(),
    "start_work": _fact(),
    "pause_work": _fact(),
    "resume_work": _fact(),
    "make_safe": _fact(),
    "report_not_ours": _fact(),
    "report_no_access": _fact(),
    "add_note": _fact(),
    "add_photo": _fact(),
    "answer_checklist": _fact(FACT_ON),
    "complete_visit": _fact(),
    "read_meter": _fact(FACT_ON),
    "request_parts": _fact(FACT_ON),
    "receive_part": _fact(FACT_ON),
    "use_part": _fact(FACT_ON),
    "return_part": _fact(FACT_ON),
    "capture_signature": _fact(),
    "register_request": _line("ADMGCEBI", "", ON_JOB),
    "link_request": _line("ADMGCEBI", "", REFERS),
    "open_job": _line("ADMGCEBI", "", REFERS),
    "triage_job": _line("ADMGC", "", ON_JOB),
    "edit_job": _line("ADMGCEBI", "TL", ON_JOB),
    "settle_conflict": _line("ADMGC", "", ON_JOB),
    "mark_duplicate": _line("ADMGC", "", ON_JOB),
    "plan_visit": _line("ADMGC", "", ON_JOB),
    "assign_visit": _line("ADMGC", "", ON_JOB),
    "reassign_visit": _line("ADMGC", "", ON_JOB),
    "save_planning_rules": _line("AMG", "", ALONE),
    "lock_visit": _line("ADMGC", "", ON_JOB),
    "withdraw_visit": _line("ADMGC", "", ON_JOB),
    "swap_visits": _line("ADMGC", "", ON_JOB),
    "claim_job": _line("A", "TL", CLAIM, console_only=True),
    "accept_visit": _line("", "TL", ON_JOB),
    "decline_visit": _line("", "TL", ON_JOB),
    "hold_job": _line("ADMGC", "TL", ON_JOB),
    "release_job": _line("ADMGC", "TL", ON_JOB),
    "cancel_job": _line("ADMGC", "", ON_JOB),
    "close_job": _line("ADMGC", "", ON_JOB),
    "reopen_job": _line("ADMGCB", "", ON_JOB),
    # Whoever the approval names, or lends it to: anybody but who only looks, and machines.
    "approve": _line("ADMGCEWBTL", "", DECIDE),
    "reject": _line("ADMGCEWBTL", "", DECIDE),
    "ask_approval": _line("ADMGCEBI", "TL", ON_JOB),
    "escalate_approval": _line("", "", NOBODY),
    "save_calendar": _line("A", "", ALONE),
    "save_delegation": _line("ADMGCEWBTL", "", REFERS),
    "follow_delegation": _line("", "", NOBODY),
    "grant_allowance": _line("AMG", "", REFERS),
    "withdraw_allowance": _line("AMG", "", REFERS),
    "save_site": _line("ADMGCI", "", ALONE),
    "save_contact": _line("ADMGCBI", "", REFERS),
    "save_usage_point": _line("AI", "", REFERS),
    "save_meter": _line("AI", "", REFERS),
    "save_person": _line("A", "", ALONE),
    "offboard_person": _line("A", "", REFERS),
    "save_crew": _line("A", "", REFERS),
    "save_crew_member": _line("ADM", "", REFERS),
    "save_shift": _line("ADM", "", REFERS),
    "save_duty": _line("ADM", "", REFERS),
    "save_part": _line("AWI", "", ALONE),
    "save_policy": _line("A", "", ALONE),
    "save_stock_location": _line("AW", "", ALONE),
    "receive_stock": _line("AW", "", REFERS),
    "open_stock": _line("AW", "", REFERS),
    "move_stock": _line("AW", "", REFERS),
    "ship_transfer": _line("AW", "", REFERS),
    "confirm_transfer": _line("AW", "", REFERS),
    "scrap_stock": _line("AW", "", REFERS),
    "send_to_repair": _line("AW", "", REFERS),
    "take_from_repair": _line("AW", "", REFERS),
    "lend_stock": _line("AW", "", REFERS),
    "take_back_loan": _line("AW", "", REFERS),
    "reverse_move": _line("AW", "", REFERS),
    "count_stock": _line("AW", "", REFERS),
    "set_reorder_point": _line("AW", "", REFERS),
    "reconcile_day": _line("AWM", "", ALONE),
    "resolve_exception": _line("AWM", "", REFERS),
    "hand_over_parts": _fact(OF_VAN),
    "take_over_parts": _fact(OF_VAN),
    "count_van": _fact(OF_VAN),
    "take_parts": _fact(FACT_ON),
    "reserve_parts": _line("AW", "", ON_JOB),
    "pick_parts": _line("AW", "", ON_JOB),
    "issue_parts": _line("AW", "", ON_JOB),
    "substitute_part": _line("AW", "", ON_JOB),
    "close_request": _line("ADMGCW", "", ON_JOB),
    "take_back_parts": _line("AW", "", ON_JOB),
    "open_form": _line("ADMGCEBIW", "", ON_JOB),
    "hand_in_copy": _line("ADMGCEBIW", "", ON_JOB),
    "save_material_rules": _line("A", "", ALONE),
    "declare_storm": _line("ADMGC", "", REFERS),
    "end_storm": _line("ADMGC", "", REFERS),
    "load_job_type": _line("A", "", ALONE),
    "save_district": _line("AI", "", REFERS),
}
