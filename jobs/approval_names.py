"""What commands about approval name beyond their plain references: rosters, delegations, whoever a policy names, what waits. Decides nothing."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

import asyncpg

from jobs.context import Deed
from jobs.naming import Names, those
from jobs.signing import load_key
from jobs.store import rows
from jobs.store.rows import Want
from jobs.work import Work
from mobile_contract.rules.deciding import addressed
from mobile_contract.rules.ladder import approval_id
from mobile_contract.schema.approval import Approval, Delegation
from mobile_contract.schema.approval_commands import (
    AskApproval,
    EscalateApproval,
    FollowDelegation,
    GrantAllowance,
    SaveCalendar,
    SaveDelegation,
    WithdrawAllowance,
)
from mobile_contract.schema.base import Command
from mobile_contract.schema.decisions import Approve, OffboardPerson, Reject, SavePerson, SavePolicy
from mobile_contract.schema.facts import RequestParts, TakeParts

ASKING = (RequestParts, TakeParts, AskApproval)
"""Commands that ask the ladder."""

_DECIDING = (Approve, Reject, EscalateApproval)
_ALLOWED = (TakeParts, GrantAllowance, WithdrawAllowance)
# What waits and can be shown to another is not everything that belongs to its job.
_OF_APPROVALS_ALONE = (FollowDelegation,)

# Who is on duty when something is asked ($2 to $3), delegations that are not over, whoever policies name, the districts above a job's.
_AROUND = """
with recursive up as (
  select d.id, d.parent_id, 1 depth from job j join district d on d.org_id = $1 and d.id = j.district_id where j.org_id = $1 and j.id = any($5)
  union select d.id, d.parent_id, up.depth + 1 from up join district d on d.org_id = $1 and d.id = up.parent_id where up.depth < 20)
select 'duty' kind, id from duty where org_id = $1 and from_at <= $3 and to_at > $2
union select 'person', person_id from duty where org_id = $1 and from_at <= $3 and to_at > $2
union select 'delegation', id from delegation where org_id = $1 and to_at > $4
union select 'person', (named #>> '{}')::uuid from policy p cross join lateral
  jsonb_path_query(jsonb_build_array(p.bands, p.escalation), '$.**.person_id') named where p.org_id = $1 and jsonb_typeof(named) = 'string'
union select 'district', id from up
order by 1, 2 limit 5000"""
_DELEGATIONS = "select id from delegation where org_id = $1 and to_at > $2 order by id limit 5000"
# Two delegations that would close a circle together must see each other, and there is no row yet that both could lock.
_LOCK_DELEGATIONS = "select pg_advisory_xact_lock(hashtextextended('delegations/' || $1::uuid, 0))"
# What waits for somebody who has delegated: for the person, for a role that is lent, and what the other one was shown before.
_WAITING = """
select a.id from approval a
where a.org_id = $1 and a.state = 'waiting' and exists (select from delegation d where d.org_id = $1 and d.id = any($2)
  and (a.inboxes ? ('me/' || d.from_id) or a.inboxes ? ('me/' || d.to_id)
    or exists (select from jsonb_array_elements_text(d.roles) r(role) where a.inboxes ? ('role/' || r.role))))
order by a.asked_at, a.id limit 20000"""
FOLLOWED_AT_ONCE: Final = 300
"""Approvals that following delegations rewrites in one transaction, which locks their jobs."""
_OF_PERSON = """
select id from delegation where org_id = $1 and (from_id = any($2) or to_id = any($2)) and to_at > $3 order by id limit 1000"""


async def name_approvers(
    conn: asyncpg.Connection, org_id: UUID, names: Names, batch: Sequence[tuple[Command, Deed]]
) -> None:
    """Name what the batch's commands about approval depend on, before anything is locked; whoever may have to decide does not leave meanwhile."""
    _name_plainly(names, batch)
    asked = those(batch, *ASKING, EscalateApproval)
    decided = those(batch, *_DECIDING, SaveDelegation, FollowDelegation)
    if those(batch, SaveDelegation, FollowDelegation):
        await conn.execute(_LOCK_DELEGATIONS, org_id)
    if asked:
        at = [deed.received_at if type(c) is EscalateApproval else deed.occurrence.at for c, deed in asked]
        now = min(deed.received_at for _, deed in batch)
        jobs = sorted({id for command, _ in asked if (id := getattr(command, "job_id", None)) is not None})
        for row in await conn.fetch(_AROUND, org_id, min(at), max(at), now, jobs):
            names.ids.setdefault(row["kind"], set()).add(row["id"])
            if row["kind"] == "person":
                names.given.add(row["id"])
    elif decided:
        now = min(
            [deed.received_at for _, deed in batch] + [c.delegation.from_at for c, _ in those(batch, SaveDelegation)]
        )
        found = await conn.fetch(_DELEGATIONS, org_id, now)
        names.ids.setdefault("delegation", set()).update(row["id"] for row in found)
    followed = [command.delegation_id for command, _ in those(batch, FollowDelegation)]
    if followed:
        known = tuple(sorted({*names.ids.get("delegation", ()), *followed}))
        now = min(deed.received_at for _, deed in batch)
        for approval in await _astray(conn, org_id, (followed, known), now=now):
            names.ids.setdefault("job", set()).add(approval.job_id)
            names.ids.setdefault("approval", set()).add(approval.id)
    people = [c.person.id for c, _ in those(batch, SavePerson)] + [c.person_id for c, _ in those(batch, OffboardPerson)]
    if people:
        now = min(deed.received_at for _, deed in batch)
        own = {row["id"] for row in await conn.fetch(_OF_PERSON, org_id, people, now)}
        names.saved.setdefault("delegation", set()).update(own)
        # What waited for whoever leaves may be shown to the delegates of another.
        known = await conn.fetch(_DELEGATIONS, org_id, now)
        names.ids.setdefault("delegation", set()).update(own, (row["id"] for row in known))


def kinds_for_approval(batch: Sequence[tuple[Command, Deed]]) -> list[str]:
    """Name the kinds of which the batch has to see everything."""
    if those(batch, *ASKING, *_DECIDING):
        return ["policy", "work_calendar"]
    return ["work_calendar"] if those(batch, SaveCalendar) else []


def only_follows(batch: Sequence[tuple[Command, Deed]]) -> bool:
    """Tell whether of the jobs that the batch locks nothing is needed but the approvals that it names."""
    return bool(batch) and all(type(command) in _OF_APPROVALS_ALONE for command, _ in batch)


async def load_for_approval(conn: asyncpg.Connection, work: Work, batch: Sequence[tuple[Command, Deed]]) -> None:
    """Load the key with which allowances are signed, made with the first of them."""
    granted = [deed.received_at for _, deed in those(batch, GrantAllowance)]
    if granted:
        work.key = await load_key(conn, work.org.org_id, now=min(granted))
        work.adopt(await rows.load(conn, work.org.org_id, [Want("signing_key", "id", (work.key.id,))]))


async def _astray(
    conn: asyncpg.Connection, org_id: UUID, delegations: tuple[Sequence[UUID], tuple[UUID, ...]], *, now: datetime
) -> list[Approval]:
    """Read which approvals are shown to others than they should be by the followed of the known delegations: the oldest, a transaction's worth.

    What is right already is passed over, so that following again goes on where it stopped.
    """
    followed, known = delegations
    stored = await rows.load(conn, org_id, [Want("delegation", "id", known)])
    lent = [row.document for row in stored if isinstance(row.document, Delegation)]
    waiting = [row["id"] for row in await conn.fetch(_WAITING, org_id, followed)]
    found: list[Approval] = []
    for begin in range(0, len(waiting), FOLLOWED_AT_ONCE):
        ids = tuple(waiting[begin : begin + FOLLOWED_AT_ONCE])
        page = [row.document for row in await rows.load(conn, org_id, [Want("approval", "id", ids)])]
        found += [each for each in page if isinstance(each, Approval) and addressed(each, lent, now) != each]
        if len(found) >= FOLLOWED_AT_ONCE:
            break
    return found[:FOLLOWED_AT_ONCE]


def _name_plainly(names: Names, batch: Sequence[tuple[Command, Deed]]) -> None:
    """Name what stands in the commands themselves."""
    for command, _ in those(batch, *_ALLOWED):
        allowance_id = getattr(command, "allowance_id", None)
        if allowance_id is not None:
            names.saved.setdefault("allowance", set()).add(allowance_id)
    # What was asked under the id before, on whatever job.
    asked = [c.subject_id for c, _ in those(batch, AskApproval)]
    asked += [
        *(c.request_id for c, _ in those(batch, RequestParts)),
        *(c.request_id for c, _ in those(batch, TakeParts)),
    ]
    if asked:
        names.ids.setdefault("approval", set()).update(approval_id(id) for id in asked)
    for delegated, _ in those(batch, SaveDelegation):
        pair = {delegated.delegation.from_id, delegated.delegation.to_id}
        names.ids.setdefault("person", set()).update(pair)
        names.given |= pair
    for followed, _ in those(batch, FollowDelegation):
        names.saved.setdefault("delegation", set()).add(followed.delegation_id)
    for saved, _ in those(batch, SaveCalendar):
        names.ids.setdefault("site", set()).update(saved.calendar.site_ids)
    for policy, _ in those(batch, SavePolicy):
        scope = policy.policy.scope
        if scope is not None:
            names.ids.setdefault("site", set()).update(scope.site_ids)
            names.ids.setdefault("district", set()).update(scope.district_ids)
