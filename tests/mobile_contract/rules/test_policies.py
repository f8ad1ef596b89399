"""Which policy is in force: versions, scopes from the organisation down to the site; and what makes one unusable."""

from decimal import Decimal
from uuid import UUID, uuid4

import msgspec
import pytest
from msgspec import Struct

from jobs.policies import shipped_policies
from mobile_contract.rules.policies import policy_faults, policy_in_force
from mobile_contract.schema.approval import (
    ApproverRef,
    Band,
    Escalation,
    Policy,
    Scope,
    Step,
    StepRule,
    WorkingHours,
)
from mobile_contract.schema.people import Role

(R1,) = (policy for policy in shipped_policies(UUID(int=1), "CNY") if policy.code == "repair_parts")
SITE, CITY, WARD, STREET = (UUID(int=n) for n in range(11, 15))


class Where(Struct, frozen=True, kw_only=True):
    """A place: by default at the site, in the street of the ward of the city."""

    site_id: UUID | None = SITE
    job_type: str = "repair"
    district_ids: tuple[UUID, ...] = (STREET, WARD, CITY)


def policy(code: str, *, version: int = 1, scope: Scope | None = None, **fields: object) -> Policy:
    made = msgspec.structs.replace(R1, id=uuid4(), code=code, version=version, scope=scope)
    return msgspec.structs.replace(made, **fields)


def chosen(*policies: Policy, where: Where | None = None) -> str | None:
    for order in (policies, policies[::-1]):
        found = policy_in_force(order, where or Where(), subject="material_request", currency="CNY")
    return found.code if found else None


def test_the_highest_version_of_the_subject_and_currency_is_in_force() -> None:
    others = (policy("relief", version=7, subject="relief"), policy("dollars", version=8, currency="USD"))
    known = (policy("R1"), policy("R2", version=2), *others)
    assert chosen(*known) == "R2"
    assert policy_in_force(known, Where(), subject="material_request", currency="EUR") is None


def test_of_a_code_only_the_highest_version_counts_even_where_it_fits_no_longer() -> None:
    wide, narrow = policy("R1"), policy("R1", version=2, scope=Scope(site_ids=(uuid4(),)))
    assert chosen(wide, narrow) is None


def test_a_version_that_is_not_active_withdraws_its_code() -> None:
    assert chosen(policy("R1"), policy("R1", version=2, active=False), policy("all")) == "all"


def test_a_policy_that_names_the_site_beats_all_others() -> None:
    site = policy("site", scope=Scope(site_ids=(SITE,)))
    job_type = policy("type", version=5, scope=Scope(job_types=("repair",), district_ids=(STREET,)))
    assert chosen(site, job_type, policy("all", version=9)) == "site"
    assert chosen(site, job_type, where=Where(site_id=None)) == "type"


def test_a_policy_that_names_the_job_type_beats_one_that_names_a_district() -> None:
    job_type = policy("type", scope=Scope(job_types=("repair",)))
    district = policy("district", version=5, scope=Scope(district_ids=(STREET,)))
    assert chosen(job_type, district) == "type"
    assert chosen(job_type, district, where=Where(job_type="survey")) == "district"


def test_a_district_holds_for_those_below_it_and_the_nearest_one_wins() -> None:
    city, ward = (
        policy("city", version=9, scope=Scope(district_ids=(CITY,))),
        policy("ward", scope=Scope(district_ids=(WARD,))),
    )
    assert chosen(city, ward) == "ward"
    assert chosen(city, ward, where=Where(district_ids=(CITY,))) == "city"
    assert chosen(city, ward, where=Where(district_ids=())) is None


def test_every_list_of_a_scope_has_to_fit() -> None:
    both = policy("both", scope=Scope(site_ids=(SITE,), job_types=("survey",)))
    assert chosen(both, policy("all")) == "all"
    assert chosen(both, policy("all"), where=Where(job_type="survey")) == "both"


def band(above: str, up_to: str | None, role: Role | None = Role.ENGINEER, *steps: Step) -> Band:
    return Band(above=Decimal(above), up_to=None if up_to is None else Decimal(up_to), role=role, steps=steps)


@pytest.mark.parametrize(
    "bands",
    [
        (),
        (band("0", "50"),),
        (band("1", None),),
        (band("0", "50"), band("60", None)),
        (band("0", None), band("50", None)),
        (band("0", "0"), band("0", None)),
        (band("NaN", None),),
        (band("0", None, None),),
        (band("0", None, Role.ENGINEER, Step(approvers=(ApproverRef(role=Role.MANAGER),))),),
    ],
)
def test_a_ladder_with_a_gap_an_overlap_a_lid_or_nobody_is_faulty(bands: tuple[Band, ...]) -> None:
    assert policy_faults(msgspec.structs.replace(R1, bands=bands))


@pytest.mark.parametrize(
    "ref",
    [
        ApproverRef(),
        ApproverRef(role=Role.MANAGER, person_id=SITE),
        ApproverRef(duty="duty_chief", person_id=SITE),
    ],
)
def test_an_approver_is_a_role_or_a_person_or_a_duty(ref: ApproverRef) -> None:
    assert policy_faults(msgspec.structs.replace(R1, bands=(band("0", None, None, Step(approvers=(ref,))),)))
    assert policy_faults(msgspec.structs.replace(R1, escalation=Escalation(after_min=1, to=ref)))


def test_all_of_the_same_twice_could_never_be_complete() -> None:
    twice = Step(approvers=(ApproverRef(role=Role.MANAGER),) * 2, rule=StepRule.ALL_OF)
    assert policy_faults(msgspec.structs.replace(R1, bands=(band("0", None, None, twice),)))


def test_the_shipped_ladder_has_no_fault_and_backward_hours_or_an_unknown_zone_are_some() -> None:
    assert policy_faults(R1) == []
    night = (WorkingHours(weekday=1, from_min=1320, to_min=360),)
    assert policy_faults(msgspec.structs.replace(R1, working_hours=night))
    assert policy_faults(msgspec.structs.replace(R1, zone="Mars/Olympus"))
