"""The weekly material report, one statement that sums the uses of a week; and how a day was reconciled. Reads only."""

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID

import asyncpg
import msgspec

from api.problems import ProblemError
from jobs.exception_names import reconciliation_id
from jobs.loading import load_organisation
from jobs.store import rows
from jobs.store.reconciling import bounds
from jobs.store.rows import Want
from mobile_contract.limits import REPORT_LINES
from mobile_contract.rules.calendar import local_day
from mobile_contract.rules.exact import total
from mobile_contract.schema.base import LocalText
from mobile_contract.schema.problem import FieldError
from mobile_contract.schema.reconciliation import ExceptionKind, KindCount, Reconciliation
from mobile_contract.schema.report import (
    MaterialLine,
    MaterialReport,
    MaterialReportFilter,
    MaterialSum,
    ReconciliationShown,
)

_TO_SUNDAY: Final = timedelta(days=6)
# A use belongs to the crew of its visit, else to the crew whose van it came from.
_LINES: Final = """
with u as (
  select m.part_id, j.type job_type, coalesce(v.crew_id, (
      select c.id from crew c where c.org_id = $1 and c.van_id = m.from_location_id order by c.id limit 1)) crew_id,
    count(*) uses, sum(m.quantity) quantity, sum(m.quantity * m.unit_cost) cost
  from stock_move m join job j on j.org_id = $1 and j.id = m.job_id
  left join visit v on v.org_id = $1 and v.id = m.visit_id
  where m.org_id = $1 and m.occurred_at >= $2 and m.occurred_at < $3 and m.kind = 'used' and m.reverses_id is null
    and not exists (select from stock_move r where r.org_id = $1 and r.reverses_id = m.id)
    and ($4::text is null or j.type = $4)
  group by 1, 2, 3)
select u.part_id, p.code part_code, p.name::text part_name, p.part_class, p.unit, u.crew_id, coalesce(c.name, '') crew, u.job_type,
  u.uses, u.quantity, u.cost
from u join part p on p.org_id = $1 and p.id = u.part_id left join crew c on c.org_id = $1 and c.id = u.crew_id
where ($5::uuid is null or u.crew_id = $5) and ($6::text is null or p.part_class = $6)
order by p.code, c.code nulls last, u.job_type, u.part_id, u.crew_id limit $7"""
_STILL_OPEN: Final = """
select kind, count(*) from stock_exception where org_id = $1 and day = $2 and state = 'open' group by 1 order by 1"""


async def material_report(
    conn: asyncpg.Connection, org_id: UUID, asked: MaterialReportFilter, *, now: datetime
) -> MaterialReport:
    """Report the material used in a week. Raises ProblemError for a week that no year has, and for more lines than a report may have."""
    org = await load_organisation(conn, org_id)
    monday = _monday(asked.week) if asked.week is not None else _monday_of(local_day(now, org.zone))
    sunday = monday + _TO_SUNDAY
    start, end = bounds(monday, org.zone)[0], bounds(sunday, org.zone)[1]
    rows = await conn.fetch(_LINES, org_id, start, end, asked.job_type, asked.crew, asked.part_class, REPORT_LINES + 1)
    if len(rows) > REPORT_LINES:
        raise ProblemError("report_too_large", about={"lines": str(REPORT_LINES)})
    lines = [_line(row) for row in rows]
    year, week, _ = monday.isocalendar()
    return MaterialReport(
        week=f"{year}-W{week:02}",
        from_day=monday,
        to_day=sunday,
        currency=org.currency,
        lines=tuple(lines),
        by_part=_sums(lines, lambda line: line.part_code, with_quantity=True),
        by_class=_sums(lines, lambda line: line.part_class),
        by_crew=_sums(lines, lambda line: line.crew),
        by_job_type=_sums(lines, lambda line: line.job_type),
        cost=total(line.cost for line in lines),
    )


async def reconciliation_of(conn: asyncpg.Connection, org_id: UUID, day: date) -> ReconciliationShown:
    """Show how a day stands."""
    found = await rows.load(conn, org_id, [Want("reconciliation", "id", (reconciliation_id(org_id, day),))])
    counted = await conn.fetch(_STILL_OPEN, org_id, day)
    return ReconciliationShown(
        day=day,
        reconciliation=next((item.document for item in found if isinstance(item.document, Reconciliation)), None),
        still_open=tuple(KindCount(kind=ExceptionKind(row["kind"]), count=row["count"]) for row in counted),
    )


def _line(row: asyncpg.Record) -> MaterialLine:
    said = dict(row)
    said["part_name"] = msgspec.json.decode(said["part_name"], type=LocalText)
    return MaterialLine(**said)


def _sums(
    lines: Sequence[MaterialLine], key: Callable[[MaterialLine], str], *, with_quantity: bool = False
) -> tuple[MaterialSum, ...]:
    """Sum up what has the same key, the most expensive first."""
    together: dict[str, list[MaterialLine]] = {}
    for line in lines:
        together.setdefault(key(line), []).append(line)
    made = [
        MaterialSum(
            key=name,
            quantity=total(line.quantity for line in those) if with_quantity else None,
            cost=total(line.cost for line in those),
        )
        for name, those in together.items()
    ]
    return tuple(sorted(made, key=lambda each: (-each.cost, each.key)))


def _monday_of(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _monday(week: str) -> date:
    try:
        return date.fromisocalendar(int(week[:4]), int(week[6:]), 1)
    except ValueError:
        raise ProblemError("invalid", errors=(FieldError(field="$.week", message="no year has this week"),)) from None
