"""Which approval policy is in force where, and what makes one unusable. Pure; loads nothing and names nobody."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Protocol
from uuid import UUID

from mobile_contract.rules.calendar import hours_faults, is_zone
from mobile_contract.rules.exact import is_exact
from mobile_contract.schema.approval import ApproverRef, Band, Policy, Scope, Step, StepRule


class Place(Protocol):
    """What a policy's scope is compared with: `district_ids` are the job's district and those above it, the nearest first."""

    @property
    def site_id(self) -> UUID | None:
        """Name the job's site."""

    @property
    def job_type(self) -> str:
        """Name the job's type."""

    @property
    def district_ids(self) -> tuple[UUID, ...]:
        """Name the job's district and those above it."""


def policy_in_force(policies: Iterable[Policy], place: Place, *, subject: str, currency: str) -> Policy | None:
    """Find the policy of a subject and currency that fits a place most closely; None when none does.

    Of a code only the highest version counts. A policy that names the site beats one that names the job type, that beats one that names a
    district (the nearer the better), that beats one for all; then the higher version, then the higher code.
    """
    newest: dict[str, Policy] = {}
    for policy in policies:
        if (policy.subject, policy.currency) == (subject, currency):
            known = newest.get(policy.code)
            newest[policy.code] = policy if known is None or policy.version > known.version else known
    fitting = [(fit, p) for p in newest.values() if p.active and (fit := _fit(p.scope, place)) is not None]
    best = max(fitting, key=lambda each: (each[0], each[1].version, each[1].code), default=None)
    return best[1] if best else None


def steps_of(band: Band) -> tuple[Step, ...]:
    """Give a band's steps; a role alone is one step of that role."""
    return band.steps or (Step(approvers=(ApproverRef(role=band.role),)),)


def persons_in(policy: Policy) -> set[UUID]:
    """Name the persons whom a policy names."""
    named = {ref.person_id for band in policy.bands for step in band.steps for ref in step.approvers}
    named |= {policy.escalation.to.person_id} if policy.escalation is not None else set()
    return {id for id in named if id is not None}


def policy_faults(policy: Policy) -> list[str]:
    """List what keeps a policy from answering for every amount and instant; a usable one gives an empty list."""
    faults = [] if policy.version >= 1 else ["versions begin at 1"]
    amounts = [a for band in policy.bands for a in (band.above, band.up_to) if a is not None]
    if not all(is_exact(amount) and amount >= 0 for amount in amounts):
        return ["an amount is negative or not a number"]
    ends = [band.up_to for band in policy.bands]
    if not policy.bands or ends[-1] is not None or None in ends[:-1]:
        faults.append("the last band, and only the last, has no upper end")
    if [band.above for band in policy.bands] != [Decimal(0), *ends[:-1]]:
        faults.append("each band begins where the one before ends, the first at 0")
    if any(band.up_to is not None and band.up_to <= band.above for band in policy.bands):
        faults.append("a band ends above where it begins")
    if policy.zone is not None and not is_zone(policy.zone):
        faults.append(f"there is no time zone {policy.zone}")
    return [*faults, *hours_faults(policy.working_hours), *_approver_faults(policy)]


def _approver_faults(policy: Policy) -> list[str]:
    faults = []
    if any((band.role is None) is (not band.steps) for band in policy.bands):
        faults.append("a band names a role, or steps, and not both")
    steps = [step for band in policy.bands for step in band.steps]
    named = [ref for step in steps for ref in step.approvers]
    if policy.escalation is not None:
        named.append(policy.escalation.to)
    if not all(_is_one(ref) for ref in named):
        faults.append("an approver is a role, a person or a duty, which may name a role for when nobody is on it")
    if any(step.rule is StepRule.ALL_OF and len(set(step.approvers)) < len(step.approvers) for step in steps):
        faults.append("an approver is named twice in a step that all have to approve")
    return faults


def _is_one(ref: ApproverRef) -> bool:
    if ref.person_id is not None:
        return ref.role is None and ref.duty is None
    return ref.role is not None or ref.duty is not None


def _fit(scope: Scope | None, place: Place) -> tuple[Any, ...] | None:
    """Weigh how closely a scope fits; None where it does not."""
    if scope is None:
        return False, False, 0
    depth = len(place.district_ids)
    nearness = next((depth - steps for steps, id in enumerate(place.district_ids) if id in scope.district_ids), 0)
    wrong_site = bool(scope.site_ids) and place.site_id not in scope.site_ids
    wrong_type = bool(scope.job_types) and place.job_type not in scope.job_types
    if wrong_site or wrong_type or (scope.district_ids and not nearness):
        return None
    return bool(scope.site_ids), bool(scope.job_types), nearness
