"""Material requests, issue slips and forms brought up to what was decided and what moved. Decides nothing and books nothing.

Whoever puts a move, a decision, a signature or a start of work on a job calls this afterwards; the order in which they came in leaves no trace.
"""

from uuid import UUID

from msgspec.structs import replace

from jobs.material_rules import rules_id, shipped_rules
from jobs.result import Applied, Result
from jobs.work import Work
from mobile_contract.rules.material import in_force, lines_of_job, slip_with_receipts, with_decision
from mobile_contract.rules.price import accepted_at, first_use, price_flags
from mobile_contract.rules.repair_form import with_draws
from mobile_contract.rules.request_states import with_lines
from mobile_contract.schema.approval import Approval
from mobile_contract.schema.job import Flag, Signature, Visit
from mobile_contract.schema.material import IssueSlip, MaterialRequest, MaterialRules, RepairForm
from mobile_contract.schema.stock import MoveKind, StockMove

_DRAWN = frozenset({MoveKind.ISSUED, MoveKind.TAKEN})


def rules_of(work: Work) -> MaterialRules:
    """Give the organisation's rules of material; the shipped ones where it saved none."""
    return work.get(MaterialRules, rules_id(work.org.org_id)) or shipped_rules(work.org.org_id)


def store_of(work: Work, named: UUID | None, request: MaterialRequest | None = None) -> UUID | None:
    """Name the store of a command: the one it names, else where the request's parts are set aside, else the organisation's default one."""
    if named is not None:
        return named
    if request is not None and request.store_id is not None:
        return request.store_id
    return rules_of(work).default_store_id


def approval_decided(work: Work, approval: Approval) -> None:
    """Take over what was decided about a material request; does nothing for an approval of something else.

    `approval` is as it is now and was put.
    """
    request = work.get(MaterialRequest, approval.subject_id)
    if request is None:
        return
    _put(work, request, with_decision(request, approval))
    refold(work, request.job_id)


def refold(work: Work, job_id: UUID) -> tuple[Flag, ...]:
    """Bring a job's requests, slips and forms up to its moves and decisions; the work must hold all that belongs to the job.

    Gives the flags about prices that hold.
    """
    moves, slips = work.of_job(StockMove, job_id), work.of_job(IssueSlip, job_id)
    requests = work.of_job(MaterialRequest, job_id)
    lines, effective = lines_of_job(requests, moves, slips), in_force(moves)
    for request in requests:
        folded = with_lines(request, lines[request.id], work.get(Approval, request.approval_id))
        _put(work, request, replace(folded, first_used_at=first_use(folded, effective)))
    for slip in slips:
        siblings = [other for other in slips if other.request_id == slip.request_id]
        _put(work, slip, slip_with_receipts(slip, siblings, moves))
    drawn = any(move.kind in _DRAWN for move in effective)
    for form in work.of_job(RepairForm, job_id):
        _put(work, form, with_draws(form, drawn=drawn))
    return mark_prices(work, job_id)


def mark_prices(work: Work, job_id: UUID) -> tuple[Flag, ...]:
    """Bring a job's requests and visits up to what the customer signed and when work began; gives the flags that hold.

    Needs the job's requests, signatures and visits, but not its moves: it changes no quantity.
    """
    signatures, visits = work.of_job(Signature, job_id), work.of_job(Visit, job_id)
    before_work = rules_of(work).price_before_work
    raised: set[Flag] = set()
    for request in work.of_job(MaterialRequest, job_id):
        signed = replace(request, price_accepted_at=accepted_at(request, signatures))
        flags = price_flags(signed, visits, before_work=before_work)
        raised |= set(flags)
        others = set(request.flags) - {Flag.PRICE_NOT_ACCEPTED}
        _put(work, request, replace(signed, flags=tuple(sorted({*others, *flags}))))
    for visit in visits:
        worked = Flag.PRICE_NOT_ACCEPTED in raised and visit.work_started_at is not None
        marked = {*(set(visit.flags) - {Flag.PRICE_NOT_ACCEPTED}), *((Flag.PRICE_NOT_ACCEPTED,) if worked else ())}
        _put(work, visit, replace(visit, flags=tuple(sorted(marked))))
    return tuple(sorted(raised))


def with_prices(work: Work, job_id: UUID, result: Result) -> Result:
    """Bring prices up to a report that was booked, and answer with their flags too."""
    if not isinstance(result, Applied) or result.code != "ok":
        return result
    return Applied(flags=tuple(sorted({*result.flags, *mark_prices(work, job_id)})))


def _put(
    work: Work,
    before: MaterialRequest | IssueSlip | RepairForm | Visit,
    now: MaterialRequest | IssueSlip | RepairForm | Visit,
) -> None:
    if now != before:
        work.put(now)
