"""The statements by which a reconciliation sums a day's material, set-based: text only, run by `jobs.store.reconciling`.

Every `$1` is the organisation. A reversed move and its reversal count for nothing.
"""

from typing import Final

_IN_FORCE: Final = """m.reverses_id is null
  and not exists (select from stock_move r where r.org_id = $1 and r.reverses_id = m.id)"""

# A day of 100,000 moves is sorted and grouped in memory; only in the transaction that asks for it.
ROOM: Final = "set local work_mem = '64MB'"

MOVES: Final = "select count(*) from stock_move where org_id = $1 and occurred_at >= $2 and occurred_at < $3"

# $2 to $3 the day, $4 its name, $5 now: jobs whose material moved on the day, whose work ended on it, whose form is due since it began, or
# that was left open until then.
JOBS: Final = """
select job_id from stock_move where org_id = $1 and occurred_at >= $2 and occurred_at < $3 and job_id is not null
union select job_id from visit where org_id = $1 and ended_at >= $2 and ended_at < $3
union select id from job where org_id = $1 and closed_at >= $2 and closed_at < $3
union select id from job where org_id = $1 and cancelled_at >= $2 and cancelled_at < $3
union select job_id from repair_form where org_id = $1 and next_due_at >= $2 and next_due_at <= $5
union select job_id from stock_exception where org_id = $1 and state = 'open' and day <= $4 and job_id is not null
order by 1 limit $6"""


def _totals(which: str) -> str:
    """Sum the moves of some jobs by part; `which` picks the moves, $2 is the table of count differences, $3 the transit."""
    return f"""
a as (
  select m.job_id, m.part_id,
    coalesce(sum(m.quantity) filter (where m.kind = 'issued'), 0) issued,
    coalesce(sum(m.quantity) filter (where m.kind = 'received'), 0) received,
    coalesce(sum(m.quantity) filter (where m.kind = 'taken'), 0) taken,
    coalesce(sum(m.quantity) filter (where m.kind = 'used'), 0) used,
    coalesce(sum(m.quantity) filter (where m.kind = 'returned'), 0) returned,
    coalesce(sum(case when m.from_location_id = $2 then -m.quantity else m.quantity end)
      filter (where m.kind in ('scrapped', 'counted')), 0) written_off,
    coalesce(sum(case when m.to_location_id = $3 then m.quantity when m.from_location_id = $3 then -m.quantity end), 0) in_transit
  from stock_move m
  where m.org_id = $1 and {which} and {_IN_FORCE}
    and m.kind in ('issued', 'received', 'taken', 'used', 'returned', 'scrapped', 'counted')
  group by 1, 2),
t as (select *, issued + least(taken, greatest(0, received + taken - issued)) drawn, used + returned + written_off spent from a)"""


# Of a part on a job, `t`: which van has most of it left, which one most was used from, when first, and how much after the job was called off.
_BY_VAN: Final = f"""
lateral (
  select (array_agg(v.place_id order by v.came - v.went desc, v.place_id))[1] holder_id,
    (array_agg(v.place_id order by v.went desc, v.place_id))[1] spender_id, min(v.first_at) first_at, coalesce(sum(v.stray), 0) stray
  from (
    select case when m.kind in ('received', 'taken') or m.from_location_id = $2 then m.to_location_id else m.from_location_id end place_id,
      coalesce(sum(m.quantity) filter (where m.kind in ('received', 'taken')), 0) came,
      coalesce(sum(case when m.from_location_id = $2 then -m.quantity else m.quantity end)
        filter (where m.kind not in ('received', 'taken')), 0) went,
      min(m.occurred_at) filter (where m.kind = 'used') first_at,
      sum(m.quantity) filter (where m.kind = 'used' and m.occurred_at > j.cancelled_at) stray
    from stock_move m
    where m.org_id = $1 and m.job_id = t.job_id and m.part_id = t.part_id and {_IN_FORCE}
      and m.kind in ('received', 'taken', 'used', 'returned', 'scrapped', 'counted')
    group by 1) v
  where v.place_id <> $3) w"""

# $4 jobs, $5 jobs and $6 parts side by side whose serials do not cancel out. Only what may not agree comes: what is drawn and spent to the last
# bit, on a job that was not called off, agrees by any rule and is counted. What the store's copies say are the lines of slips on forms whose
# third copy is there; a job without such a form is not asked. One row at least, whose `job_id` is null when everything agrees.
PARTS: Final = f"""
with {_totals("m.job_id = any($4)")},
f as (
  select s.job_id, (l ->> 'part_id')::uuid part_id, sum((l ->> 'quantity')::numeric) quantity
  from issue_slip s join repair_form r on r.org_id = $1 and r.id = s.form_id, jsonb_array_elements(s.lines) l
  where s.org_id = $1 and s.job_id = any($4)
    and exists (select from jsonb_array_elements(r.copies) c where c ->> 'copy_no' = '3' and c ->> 'handed_at' is not null)
  group by 1, 2),
c as (
  select t.*, j.cancelled_at, case when k.job_id is not null then coalesce(f.quantity, 0) end on_form,
    t.drawn <> t.spent or t.drawn <> t.issued or j.cancelled_at is not null
      or coalesce(k.job_id is not null and coalesce(f.quantity, 0) <> t.issued, false)
      or (t.job_id, t.part_id) in (select * from unnest($5::uuid[], $6::uuid[])) doubtful
  from t join job j on j.org_id = $1 and j.id = t.job_id
  left join (select distinct job_id from f) k on k.job_id = t.job_id
  left join f on f.job_id = t.job_id and f.part_id = t.part_id)
select n.agreeing, d.* from (select count(*) agreeing from c where not doubtful) n left join (
  select t.job_id, t.part_id, t.issued, t.received, t.taken, t.used, t.returned, t.written_off, t.in_transit, t.on_form,
    w.stray, w.holder_id, w.spender_id, part.part_class, part.serialised
  from c t join part on part.org_id = $1 and part.id = t.part_id, lateral (select t.cancelled_at) j, {_BY_VAN}
  where t.doubtful) d on true
order by d.job_id, d.part_id"""

# $2 the table of count differences, $3 jobs. Only serials that do not cancel out: a meter that was issued and used needs no second look.
SERIALS: Final = f"""
select job_id, part_id, serial, drawn, spent from (
  select m.job_id, m.part_id, m.serial,
    greatest(coalesce(sum(m.quantity) filter (where m.kind = 'issued'), 0),
      coalesce(sum(m.quantity) filter (where m.kind = 'taken'), 0)) drawn,
    coalesce(sum(case when m.from_location_id = $2 then -m.quantity else m.quantity end)
      filter (where m.kind in ('used', 'returned', 'scrapped', 'counted')), 0) spent
  from stock_move m join part on part.org_id = $1 and part.id = m.part_id and part.serialised
  where m.org_id = $1 and m.job_id = any($3) and {_IN_FORCE}
    and m.kind in ('issued', 'taken', 'used', 'returned', 'scrapped', 'counted')
  group by 1, 2, 3) s
where drawn <> spent order by 1, 2, 3"""

# $2 vans and $3 parts side by side: the serials that a van was given for no job.
OWN_SERIALS: Final = f"""
select p.van_id, p.part_id, m.serial from unnest($2::uuid[], $3::uuid[]) p(van_id, part_id)
join stock_move m on m.org_id = $1 and m.part_id = p.part_id and p.van_id in (m.to_location_id, m.from_location_id)
where m.job_id is null and {_IN_FORCE} group by 1, 2, 3
having sum(case when m.to_location_id = p.van_id then m.quantity else -m.quantity end) > 0 order by 1, 2, 3"""

# $2 jobs, $3 now, $4 those of them that are asked for anyhow; of the others only those whose papers miss something.
PAPERS: Final = f"""
with f as (
  select f.job_id, (array_agg(f.id order by f.opened_at, f.id))[1] form_id,
    array_agg(distinct (c ->> 'copy_no')::int) filter (where c ->> 'handed_at' is null and (c ->> 'due_at')::timestamptz <= $3) missing
  from repair_form f, jsonb_array_elements(f.copies) c where f.org_id = $1 and f.job_id = any($2) group by 1),
p as (
  select j.id job_id, j.state in ('completed', 'closed', 'cannot_complete', 'cancelled') ended, f.form_id, coalesce(f.missing, '{{}}') missing,
    j.state in ('completed', 'closed') and (f.form_id is not null or coalesce((t.guards ->> 'signature')::boolean, false))
      and not exists (select from signature s where s.org_id = $1 and s.job_id = j.id and s.purpose = 'completion')
      and exists (select from stock_move m where m.org_id = $1 and m.job_id = j.id and m.kind = 'used' and {_IN_FORCE}) unsigned
  from job j left join job_type t on t.org_id = $1 and t.code = j.type and t.version = j.type_version left join f on f.job_id = j.id
  where j.org_id = $1 and j.id = any($2))
select job_id, ended, unsigned, form_id, missing from p
where unsigned or missing <> '{{}}' or job_id = any($4) order by job_id"""

# $2 to $3 the day, $4 its name. Vans that gave something out on the day and have less than nothing of it, or that were left open until then.
BELOW_ZERO: Final = """
select l.location_id van_id, l.part_id from stock_level l
join stock_location p on p.org_id = $1 and p.id = l.location_id and p.kind = 'van'
where l.org_id = $1 and l.quantity < 0 and (
  exists (select from stock_move m where m.org_id = $1 and m.from_location_id = l.location_id and m.part_id = l.part_id
    and m.occurred_at >= $2 and m.occurred_at < $3)
  or exists (select from stock_exception e where e.org_id = $1 and e.kind = 'van_below_zero' and e.state = 'open' and e.day <= $4
    and e.location_id = l.location_id and e.part_id = l.part_id))
order by 1, 2 limit 10000"""

# $2 vans and $3 parts side by side: what each van has, and what it was ever given for no job at all.
VANS: Final = f"""
select p.van_id, p.part_id, coalesce(l.quantity, 0) level, coalesce((
  select sum(e.quantity) from (
    select m.quantity from stock_move m
    where m.org_id = $1 and m.to_location_id = p.van_id and m.part_id = p.part_id and m.job_id is null and {_IN_FORCE}
    union all select -m.quantity from stock_move m
    where m.org_id = $1 and m.from_location_id = p.van_id and m.part_id = p.part_id and m.job_id is null and {_IN_FORCE}) e), 0) own
from unnest($2::uuid[], $3::uuid[]) p(van_id, part_id)
left join stock_level l on l.org_id = $1 and l.location_id = p.van_id and l.part_id = p.part_id order by 1, 2"""

_FROM_VANS: Final = """(m.job_id, m.part_id) in (
    select u.job_id, u.part_id from unnest($4::uuid[], $5::uuid[]) o(van_id, part_id)
    join stock_move u on u.org_id = $1 and u.from_location_id = o.van_id and u.part_id = o.part_id where u.job_id is not null)"""

# $4 vans and $5 parts side by side: every job ever that spent more of the part than was drawn for it, most of it from that van.
WANTING: Final = f"""
with {_totals(_FROM_VANS)}
select w.spender_id van_id, t.part_id, t.job_id, w.first_at, t.spent - t.drawn excess
from t join job j on j.org_id = $1 and j.id = t.job_id, {_BY_VAN}
where t.spent > t.drawn and w.first_at is not null
  and (w.spender_id, t.part_id) in (select o.van_id, o.part_id from unnest($4::uuid[], $5::uuid[]) o(van_id, part_id))
order by 1, 2, 3"""

# $2 to $3 the day. Material given out, used or given back for no job.
LOOSE: Final = f"""
select m.part_id, case when m.kind in ('used', 'returned') then m.from_location_id else m.to_location_id end location_id,
  m.slip_id, sum(m.quantity) quantity
from stock_move m
where m.org_id = $1 and m.occurred_at >= $2 and m.occurred_at < $3 and m.job_id is null and {_IN_FORCE}
  and m.kind in ('issued', 'received', 'taken', 'used', 'returned')
group by 1, 2, 3 order by 1, 2, 3"""

# $2 to $3 the day. What was under way before it and still is; what was confirmed on it and differs. The night between is for the road.
TRANSFERS: Final = """
select id, coalesce(arrived_location_id, to_location_id) location_id, state = 'differs' differs from stock_transfer
where org_id = $1 and (state in ('shipped', 'taken') and coalesce(shipped_at, confirmed_at) < $2
  or state = 'differs' and greatest(shipped_at, confirmed_at) >= $2 and greatest(shipped_at, confirmed_at) < $3)
order by 1 limit 10000"""
