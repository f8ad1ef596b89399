"""Delegations: who decides in whose place for a time. A circle or too long a chain is refused here, and harmless where it came about all the same."""

from msgspec.structs import replace

from jobs.approval_names import FOLLOWED_AT_ONCE
from jobs.context import Deed, Via
from jobs.handlers.door import handles
from jobs.handlers.saving import reference_fault, save
from jobs.result import Applied, Refused, Result
from jobs.work import Work
from mobile_contract.rules.deciding import addressed
from mobile_contract.rules.delegation import delegation_fault
from mobile_contract.schema.approval import Approval, ApprovalState, Delegation
from mobile_contract.schema.approval_commands import FollowDelegation, SaveDelegation
from mobile_contract.schema.people import Person, Role


@handles(SaveDelegation)
def save_delegation(work: Work, command: SaveDelegation, deed: Deed) -> Result:
    """Save a delegation; it counts from its first instant, and what waits is shown to the other when the timer follows it.

    Whom it is from and to stays for good. The roles that it lends are those which the person has.
    """
    given = command.delegation
    fault = reference_fault(work, {"from_id": (Person, given.from_id), "to_id": (Person, given.to_id)})
    if fault is not None:
        return fault
    if deed.actor.via is not Via.OPERATOR and Role.ADMIN not in deed.actor.roles and given.from_id != deed.person_id:
        return Refused("delegation_not_yours")
    if given.to_at <= given.from_at:
        return Refused("span_invalid", {"field": "to_at"})
    known = work.get(Delegation, given.id)
    if known is not None and (known.from_id, known.to_id) != (given.from_id, given.to_id):
        return Refused("id_reused", {"field": "id"})
    lender, taker = work.get(Person, given.from_id), work.get(Person, given.to_id)
    if lender is None or taker is None or not (lender.active and taker.active):
        return Refused("person_inactive")
    code = delegation_fault(given, work.all(Delegation))
    if code is not None:
        return Refused(code)
    lent = replace(given, roles=lender.roles, in_force=known.in_force if known else False)
    if known == lent:
        return Applied(code="unchanged")
    # The timer follows what is not as it says: one that was changed has to be followed, also when it is over by that.
    over = known is not None and not given.from_at <= deed.received_at < given.to_at
    return save(work, replace(lent, in_force=over))


@handles(FollowDelegation)
def follow_delegation(work: Work, command: FollowDelegation, deed: Deed) -> Result:
    """Show what waits to whoever may decide it since the delegation began, changed or ended, and no longer to who may not.

    Where there is more than one transaction takes, the delegation stays as one that is to be followed, and the timer comes again.
    """
    delegation, now = work.get(Delegation, command.delegation_id), deed.received_at
    if delegation is None:
        return Refused("unknown_reference", {"field": "delegation_id"})
    known, shown = work.all(Delegation), work.all(Approval)
    if len(shown) < FOLLOWED_AT_ONCE:
        work.put(replace(delegation, in_force=delegation.from_at <= now < delegation.to_at))
    for approval in shown:
        if approval.state is ApprovalState.WAITING and (fresh := addressed(approval, known, now)) != approval:
            work.put(fresh)
    return Applied()
