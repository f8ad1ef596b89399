"""Allowances for urgent parts: granted with the organisation's signature, withdrawn. What is taken under one is counted by `jobs.approving`."""

from decimal import Decimal

from msgspec.structs import replace

from jobs.context import Deed
from jobs.handlers.door import handles
from jobs.handlers.saving import reference_fault
from jobs.result import Applied, Refused, Result
from jobs.work import Work
from mobile_contract.rules.allowance import public_key_of, sign
from mobile_contract.rules.exact import is_quantity
from mobile_contract.schema.approval import Allowance, SigningKey
from mobile_contract.schema.approval_commands import GrantAllowance, WithdrawAllowance
from mobile_contract.schema.people import Crew, Person

_UNSIGNED = "0" * 128


@handles(GrantAllowance)
def grant_allowance(work: Work, command: GrantAllowance, deed: Deed) -> Result:
    """Grant and sign an allowance. It never changes: another ceiling or another time is another allowance."""
    if (command.person_id is None) is (command.crew_id is None):
        return Refused("nobody_named")
    if command.person_id is not None and command.person_id == deed.person_id:
        return Refused("allowance_own")
    if not is_quantity(command.ceiling):
        return Refused("number_invalid", {"field": "ceiling"})
    if command.to_at <= command.from_at:
        return Refused("span_invalid", {"field": "to_at"})
    fault = reference_fault(work, {"person_id": (Person, command.person_id), "crew_id": (Crew, command.crew_id)})
    if fault is not None:
        return fault
    key = work.key
    assert key is not None  # loaded for every batch that grants one
    allowance = Allowance(
        id=command.allowance_id,
        person_id=command.person_id,
        crew_id=command.crew_id,
        ceiling=command.ceiling,
        currency=work.org.currency,
        from_at=command.from_at,
        to_at=command.to_at,
        granted_by=deed.person_id,
        granted_at=deed.received_at,
        key_id=key.id,
        signature=_UNSIGNED,
        drawn=Decimal(0),
    )
    allowance = replace(allowance, signature=sign(allowance, key.seed))
    known = work.get(Allowance, allowance.id)
    if known is not None:
        return Applied(code="unchanged") if known.signature == allowance.signature else Refused("allowance_exists")
    work.put(allowance)
    if work.get(SigningKey, key.id) is None:
        work.put(SigningKey(id=key.id, public_key=public_key_of(key.seed), made_at=key.made_at))
    return Applied()


@handles(WithdrawAllowance)
def withdraw_allowance(work: Work, command: WithdrawAllowance, deed: Deed) -> Result:
    """End an allowance now; a phone without a network learns of it when it syncs."""
    allowance = work.get(Allowance, command.allowance_id)
    if allowance is None:
        return Refused("unknown_reference", {"field": "allowance_id"})
    if allowance.withdrawn_at is not None:
        return Applied(code="unchanged")
    work.put(replace(allowance, withdrawn_at=deed.received_at))
    return Applied()
