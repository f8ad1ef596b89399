"""The statements by which a reconciliation sums a day's material, set-based: text only, run by `jobs.store.reconciling`.

Every `$1` is the organisation. A reversed move and its reversal count for nothing.
"""

from typing import Final

_IN_FORCE: Final = """m.reverses_id is null
  and not exists (select from stock_move r where r.org_id = $1 and r.reverses_id = m.id)"""

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


def _sums(which: str) -> str:
    """Sum the moves of some jobs and parts, first by van, so that it is known which van should have what is left.

    $2 is the table of count differences, $3 the transit; `which` picks the moves.
    """
    return f"""
v as (
  select m.job_id, m.part_id,
    case when m.kind in ('received', 'taken') or m.from_location_id = $2 then m.to_location_id
      when m.kind <> 'issued' then m.from_location_id end place_id,
    coalesce(sum(m.quantity) filter (where m.kind = 'issued'), 0) issued,
    coalesce(sum(m.quantity) filter (where m.kind = 'received'), 0) received,
    coalesce(sum(m.quantity) filter (where m.kind = 'taken'), 0) taken,
    coalesce(sum(m.quantity) filter (where m.kind = 'used'), 0) used,
    coalesce(sum(m.quantity) filter (where m.kind = 'returned'), 0) returned,
    coalesce(sum(case when m.from_location_id = $2 then -m.quantity else m.quantity end)
      filter (where m.kind in ('scrapped', 'counted')), 0) written_off,
    coalesce(sum(case when m.to_location_id = $3 then m.quantity when m.from_location_id = $3 then -m.quantity end), 0) in_transit,
    coalesce(sum(m.quantity) filter (where m.kind = 'used' and m.occurred_at > j.cancelled_at), 0) stray,
    min(m.occurred_at) filter (where m.kind = 'used') first_at
  from stock_move m join job j on j.org_id = $1 and j.id = m.job_id
  where m.org_id = $1 and {which} and {_IN_FORCE}
    and m.kind in ('issued', 'received', 'taken', 'used', 'returned', 'scrapped', 'counted')
  group by 1, 2, 3),
p as (
  select job_id, part_id, sum(issued) issued, sum(received) received, sum(taken) taken, sum(used) used, sum(returned) returned,
    sum(written_off) written_off, sum(in_transit) in_transit, sum(stray) stray, min(first_at) first_at,
    (array_agg(place_id order by received + taken - used - returned - written_off desc, place_id)
      filter (where place_id is not null and place_id <> $3))[1] holder_id,
    (array_agg(place_id order by used + returned + written_off desc, place_id)
      filter (where place_id is not null and place_id <> $3))[1] spender_id
  from v group by job_id, part_id)"""


# $4 jobs.
PARTS: Final = f"""
with {_sums("m.job_id = any($4)")}
select job_id, part_id, issued, received, taken, used, returned, written_off, in_transit, stray, holder_id, spender_id,
  part.part_class, part.serialised
from p join part on part.org_id = $1 and part.id = p.part_id order by job_id, part_id"""

# $2 jobs. What the store's copies say: the lines of slips on forms whose third copy is there. A job without such a form is not asked.
ON_FORMS: Final = """
select s.job_id, (l ->> 'part_id')::uuid part_id, sum((l ->> 'quantity')::numeric) quantity
from issue_slip s join repair_form f on f.org_id = $1 and f.id = s.form_id, jsonb_array_elements(s.lines) l
where s.org_id = $1 and s.job_id = any($2)
  and exists (select from jsonb_array_elements(f.copies) c where c ->> 'copy_no' = '3' and c ->> 'handed_at' is not null)
group by 1, 2 order by 1, 2"""

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

# $2 jobs, $3 now.
PAPERS: Final = """
select j.id job_id, j.state in ('completed', 'closed', 'cannot_complete', 'cancelled') ended,
  j.state in ('completed', 'closed') and (f.id is not null or coalesce((t.guards ->> 'signature')::boolean, false))
    and not exists (select from signature s where s.org_id = $1 and s.job_id = j.id and s.purpose = 'completion') unsigned,
  f.id form_id, coalesce(f.missing, '{}') missing
from job j left join job_type t on t.org_id = $1 and t.code = j.type and t.version = j.type_version
left join lateral (
  select (array_agg(f.id order by f.opened_at, f.id))[1] id,
    array_agg(distinct (c ->> 'copy_no')::int) filter (where c ->> 'handed_at' is null and (c ->> 'due_at')::timestamptz <= $3) missing
  from repair_form f, jsonb_array_elements(f.copies) c where f.org_id = $1 and f.job_id = j.id) f on true
where j.org_id = $1 and j.id = any($2) order by j.id"""

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
with {_sums(_FROM_VANS)},
x as (select *, used + returned + written_off - issued - least(taken, greatest(0, received + taken - issued)) excess from p)
select spender_id van_id, part_id, job_id, first_at, excess
from x where excess > 0 and first_at is not null
  and (spender_id, part_id) in (select o.van_id, o.part_id from unnest($4::uuid[], $5::uuid[]) o(van_id, part_id))
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
