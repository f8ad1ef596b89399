"""Who may decide in whose place: chains of delegations, bounded, and harmless where they run in a circle. Pure functions."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from msgspec import Struct

from mobile_contract.limits import DELEGATION_CHAIN
from mobile_contract.schema.approval import Delegation
from mobile_contract.schema.people import Role


class Matter(Struct, frozen=True, kw_only=True):
    """What is to be decided: its subject, the amount that the policy saw, when it is decided, and who asked."""

    subject: str
    amount: Decimal
    at: datetime
    asked_by: UUID | None = None


class Lent(Struct, frozen=True):
    """In whose place somebody may decide, and the roles which that one lends."""

    person_id: UUID
    roles: frozenset[Role]


def holds(delegation: Delegation, matter: Matter) -> bool:
    """Tell whether a delegation covers a matter. One from whoever asked does not: nobody has their own approved in their name."""
    return (
        delegation.from_at <= matter.at < delegation.to_at
        and (not delegation.subjects or matter.subject in delegation.subjects)
        and (delegation.ceiling is None or matter.amount <= delegation.ceiling)
        and delegation.from_id != matter.asked_by
    )


def lent_to(person_id: UUID, delegations: Iterable[Delegation], matter: Matter) -> list[Lent]:
    """List in whose places a person may decide, the nearest first, at most `DELEGATION_CHAIN` delegations away."""
    known = [d for d in delegations if holds(d, matter)]
    found: list[Lent] = []
    seen, ends = {person_id}, [person_id]
    for _ in range(DELEGATION_CHAIN):
        links = sorted((d for d in known if d.to_id in ends and d.from_id not in seen), key=lambda d: d.id)
        found += [Lent(d.from_id, frozenset(d.roles)) for d in links]
        ends = [d.from_id for d in links]
        seen.update(ends)
    return found


def stands_in(
    person_id: UUID | None, role: Role | None, delegations: Iterable[Delegation], matter: Matter
) -> list[UUID]:
    """List who may decide in the place of a person, or of whoever has the role; by id. The asker is left out."""
    known = [d for d in delegations if holds(d, matter)]
    links = [d for d in known if (d.from_id == person_id if person_id is not None else role in d.roles)]
    found: set[UUID] = set()
    for _ in range(DELEGATION_CHAIN):
        ends = {d.to_id for d in links} - found
        found |= ends
        links = [d for d in known if d.from_id in ends]
    return sorted(id for id in found if id not in (matter.asked_by, person_id))


def delegation_fault(new: Delegation, others: Iterable[Delegation]) -> str | None:
    """Say why a delegation may not be: `delegation_circle` or `delegation_too_long`; None when it may.

    Only delegations that hold at one time with it can be passed on; whatever their subjects and ceilings, since both may change.
    """
    known = [d for d in others if d.id != new.id and d.from_at < new.to_at and new.from_at < d.to_at]
    before = _steps(new.from_id, [(d.to_id, d.from_id) for d in known])
    after = _steps(new.to_id, [(d.from_id, d.to_id) for d in known])
    if new.from_id == new.to_id or new.to_id in before:
        return "delegation_circle"
    longest = max(before.values(), default=0) + 1 + max(after.values(), default=0)
    return "delegation_too_long" if longest > DELEGATION_CHAIN else None


def _steps(start: UUID, links: list[tuple[UUID, UUID]]) -> dict[UUID, int]:
    """Count the links of the longest way from a person to each who can be reached; there is no circle in what was saved.

    Counting stops past the bound, so that a circle that came about all the same ends too.
    """
    found: dict[UUID, int] = {}
    ends = {start}
    for step in range(1, DELEGATION_CHAIN + 2):
        ends = {to for begin, to in links if begin in ends}
        found.update(dict.fromkeys(ends, step))
    return found
