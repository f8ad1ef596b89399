"""Who approves how much: the ladder of an approval policy. Pure, so that a phone's answer equals the server's.

That holds for equal inputs; a phone's answer is provisional all the same, since it cannot see what others asked offline.
"""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from msgspec import Struct

from mobile_contract.rules.calendar import is_working_time, local_day
from mobile_contract.rules.exact import is_exact, product, total
from mobile_contract.schema.approval import Policy
from mobile_contract.schema.material import MaterialRequest, PricedLine, RequestState
from mobile_contract.schema.people import Duty, Role

MATERIAL_REQUEST = "material_request"
# Without a ladder nobody below the last of the shipped one may decide about money.
ROLE_WITHOUT_POLICY = Role.DEPUTY_GM


class Approver(Struct, frozen=True, kw_only=True):
    """Who decides: a role, or the one person the duty roster names."""

    role: Role | None = None
    person_id: UUID | None = None
    after_hours: bool = False


class Asking(Struct, frozen=True, kw_only=True):
    """What is asked: the day's total in the policy's currency, the corrected instant, the organisation's IANA zone, who asks."""

    day_total: Decimal
    at: datetime
    zone: str
    asked_by: UUID | None = None


def policy_in_force(policies: Iterable[Policy], *, subject: str, currency: str) -> Policy | None:
    """Find the policy of a subject and currency with the highest version, then the highest code; None when there is none."""
    known = [p for p in policies if p.subject == subject and p.currency == currency]
    return max(known, key=lambda p: (p.version, p.code), default=None)


def amount_of(lines: Iterable[PricedLine]) -> Decimal:
    """Price what is asked, exactly."""
    return total(product(line.quantity, line.unit_cost) for line in lines)


def day_total(amount: Decimal, others: Iterable[MaterialRequest], *, at: datetime, zone: str) -> Decimal:
    """Add to an amount what the job's other requests of the local day ask, so that splitting dodges nothing.

    Rejected ones count no longer: nothing was given on them.
    """
    day = local_day(at, zone)
    return total(
        [
            amount,
            *(
                other.amount
                for other in others
                if other.state is not RequestState.REJECTED and local_day(other.requested_at, zone) == day
            ),
        ]
    )


def approver(policy: Policy | None, duties: Iterable[Duty], asking: Asking) -> Approver:
    """Name who decides: the band's role in working time; after hours, whatever the amount, the duty chief on the roster.

    With nobody on the roster, or only the one who asks, it is the role of duty chief. Without a policy it is the
    deputy general manager.
    """
    if policy is None:
        return Approver(role=ROLE_WITHOUT_POLICY)
    if policy.duty_chief_after_hours and not is_working_time(policy.working_hours, at=asking.at, zone=asking.zone):
        chief = _duty_chief(duties, asking)
        return Approver(role=Role.DUTY_CHIEF if chief is None else None, person_id=chief, after_hours=True)
    return Approver(role=_band_role(policy, asking.day_total))


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
    if any(hours.from_min >= hours.to_min for hours in policy.working_hours):
        faults.append("working hours end after they begin; a night is two rows")
    return faults


def _band_role(policy: Policy, amount: Decimal) -> Role:
    # An amount of nothing belongs to no band `(above, up_to]`: the lowest one looks at it.
    return next(
        (band.role for band in policy.bands if band.up_to is None or amount <= band.up_to), policy.bands[-1].role
    )


def _duty_chief(duties: Iterable[Duty], asking: Asking) -> UUID | None:
    """Find who is on duty: the line that began last, then the highest id. Nobody approves their own, so never who asks."""
    on_duty = [d for d in duties if d.from_at <= asking.at < d.to_at and d.person_id != asking.asked_by]
    chief = max(on_duty, key=lambda d: (d.from_at, d.id), default=None)
    return chief.person_id if chief else None
