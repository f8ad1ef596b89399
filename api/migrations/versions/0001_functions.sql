-- The doors through row-level security: what has to be known before the organisation of a caller is proven, and what
-- each request asks about its caller in one round trip. Each gives the rows of the one key it is asked for, nothing else.
-- STABLE and SQL, so that a statement that calls one reads one snapshot. Owned by the owner of the tables; only the
-- application's role may call them. A blank line after a semicolon ends a statement.

create or replace function onsite_org_of(slug text) returns uuid
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
  select o.org_id from public.organisation o where o.slug = $1
$$;

create or replace function onsite_caller(org uuid, person uuid, sign_in uuid, now timestamptz)
returns table (roles jsonb, active boolean, must_change boolean, signed_in boolean)
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
  select p.roles, p.active, coalesce(c.must_change, false), s.sign_in_id is not null
  from public.person p
  left join public.credential c on c.org_id = p.org_id and c.person_id = p.id
  left join public.sign_in s on s.org_id = p.org_id and s.person_id = p.id and s.sign_in_id = $3
    and s.revoked_at is null and s.expires_at > $4
  where p.org_id = $1 and p.id = $2
$$;

create or replace function onsite_api_key(org uuid, key uuid, now timestamptz)
returns table (secret_hash bytea, scopes text[])
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
  select k.secret_hash, k.scopes from public.api_key k
  where k.org_id = $1 and k.key_id = $2 and k.revoked_at is null and (k.expires_at is null or k.expires_at > $3)
$$;

create or replace function onsite_device(org uuid, device uuid, session uuid)
returns table (name text, person_id uuid, crew_id uuid, secret_hash bytea, revoked_at timestamptz,
  session_person_id uuid, session_from_at timestamptz, session_to_at timestamptz, session_roles jsonb, session_active boolean)
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
  select d.name, d.person_id, d.crew_id, d.secret_hash, d.revoked_at, s.person_id, s.from_at, s.to_at, p.roles, p.active
  from public.sync_device d
  left join public.sync_session s on s.org_id = d.org_id and s.device_id = d.device_id and s.session_id = $3
  left join public.person p on p.org_id = s.org_id and p.id = s.person_id
  where d.org_id = $1 and d.device_id = $2
$$;

revoke execute on function onsite_org_of(text), onsite_caller(uuid, uuid, uuid, timestamptz),
  onsite_api_key(uuid, uuid, timestamptz), onsite_device(uuid, uuid, uuid) from public;

grant execute on function onsite_org_of(text), onsite_caller(uuid, uuid, uuid, timestamptz),
  onsite_api_key(uuid, uuid, timestamptz), onsite_device(uuid, uuid, uuid) to onsite_app;

-- The life of the database as far as cursors go; null where a new one must be made. PostgreSQL empties the unlogged
-- table by itself after a crash and on promotion; the three identities find a dump that carried the row along.
create or replace function sync_life_now() returns uuid
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
  select l.life from public.sync_life l
  where l.rel = 'public.sync_life'::regclass
    and l.db = (select d.oid from pg_database d where d.datname = current_database())
    and l.system = (select c.system_identifier from pg_control_system() c)
$$;

-- Which buckets a device holds at `now`, most urgent first: its own always, the person's while the device is live and, where a crew
-- shares it, the person is of that crew: who moves to another takes what is theirs along, and this phone stays behind. One
-- more than the limit of 64 is given, so that the caller sees that there are more. No door of its own: with the caller's rights, and
-- so plain that PostgreSQL merges it into the statement that asks.
create or replace function sync_scope_of(org uuid, device uuid, person uuid, now timestamptz)
returns table (bucket text, prio smallint) language sql stable as $$
  select 'dev/' || $2, 0::smallint
  union all (
    select s.bucket, min(s.prio) from public.sync_scope s
    where s.org_id = $1 and s.person_id = $3 and s.from_at <= $4 and (s.to_at is null or s.to_at > $4)
      and exists (select from public.sync_device d where d.org_id = $1 and d.device_id = $2 and d.revoked_at is null
        and (d.crew_id is null or exists (select from public.crew_member c where c.org_id = $1 and c.person_id = $3
          and c.crew_id = d.crew_id and c.from_at <= $4 and (c.to_at is null or c.to_at > $4))))
    group by s.bucket order by 2, 1 limit 64)
$$;

-- A pull in one statement, so in one snapshot. The first row is the head: the snapshot, the life, what is known of the device, the
-- buckets it may hold and the numbers of those whose changes are more than $11 bytes together. Then a row for each document that
-- moved since snapshot $6 in the buckets $7: `puts` are the numbers of the buckets that hold it now, `dels` of those that no longer
-- do. Of a bucket that is filled only up to a key ($8, $9), only that part is looked at. Nothing is followed in another life than $5.
-- PL/pgSQL keeps the plan, which takes longer to make (1.5 ms) than to run (0.2 ms); declared STABLE it reads the snapshot of the
-- statement that calls it, so that a page of several statements is of one snapshot. The plan must do for all parameters, so
-- sequential scans are off: else a pull without changes might read every document of a small table.
create or replace function sync_pull(org uuid, device uuid, person uuid, now timestamptz, known_life uuid, since pg_snapshot,
  held text[], upto_kinds text[], upto_ids uuid[], follow boolean, max_bytes bigint)
returns table (snapshot text, life uuid, acked_n bigint, seen_n bigint, want text[], oversize int[],
  puts int[], dels int[], kind text, id uuid, ver bigint, h bigint, body bytea)
language plpgsql stable security definer set search_path = pg_catalog, public, pg_temp set enable_seqscan = off
set plan_cache_mode = force_generic_plan as $$
#variable_conflict use_column
begin
  return query with head as materialized (
    select pg_current_snapshot()::text snapshot, (
      select l.life from public.sync_life l where l.rel = 'public.sync_life'::regclass
        and l.db = (select b.oid from pg_database b where b.datname = current_database())
        and l.system = (select c.system_identifier from pg_control_system() c)) life,
      (select d.last_n from public.sync_device d where d.org_id = $1 and d.device_id = $2) acked_n,
      (select s.seen_n from public.sync_device_seen s where s.org_id = $1 and s.device_id = $2) seen_n,
      array(select s.bucket from sync_scope_of($1, $2, $3, $4) s order by s.prio, s.bucket) want),
  moved as materialized (
    select b.no::int no, m.kind, m.id, m.gone, d.bytes
    from head join unnest($7, $8, $9) with ordinality b(bucket, upto_kind, upto_id, no)
      on $10 and head.life = $5 and b.bucket = any (head.want)
    cross join lateral (
      select l.kind, l.id, l.gone from public.sync_member l
      where l.org_id = $1 and l.bucket = b.bucket and l.xid >= pg_snapshot_xmin($6) and not pg_visible_in_snapshot(l.xid, $6)
        and (b.upto_kind is null or (l.kind, l.id) <= (b.upto_kind, b.upto_id))
      -- The order makes the index on xid the only sensible one; the primary key would do for a small bucket, and read all of a large one.
      order by l.xid) m
    -- `offset 0` keeps this a look-up by key for each row; the length of a body is known without reading it.
    left join lateral (
      select octet_length(x.body) bytes from public.sync_doc x
      where x.org_id = $1 and x.kind = m.kind and x.id = m.id and not m.gone offset 0) d on true),
  weighed as (
    select w.no, sum(w.bytes) over (order by w.bytes, w.no) upto
    from (select m.no, sum(160 + coalesce(m.bytes, 0)) bytes from moved m group by m.no) w),
  kept as (
    select m.kind, m.id, array_agg(m.no order by m.no) filter (where not m.gone) puts,
      array_agg(m.no order by m.no) filter (where m.gone) dels
    from moved m where m.no not in (select w.no from weighed w where w.upto > $11) group by m.kind, m.id)
  select s.snapshot, s.life, s.acked_n, s.seen_n, s.want, array(select w.no from weighed w where w.upto > $11 order by w.no),
    null::int[], null::int[], null::text, null::uuid, null::bigint, null::bigint, null::bytea
  from head s
  union all
  select null, null, null, null, null, null, k.puts, k.dels, k.kind, k.id, d.ver, d.h, d.body
  from kept k left join lateral (
    select x.ver, x.h, x.body from public.sync_doc x
    where x.org_id = $1 and x.kind = k.kind and x.id = k.id and k.puts is not null offset 0) d on true;
end
$$;

-- Documents of the buckets $2, one bucket after the other by key, the first from after ($3, $4): at most $5 of them and $6 bytes, but
-- one at least. A last row with `cut` names the bucket that has more; it is no document of the page.
create or replace function sync_fill(org uuid, buckets text[], after_kind text, after_id uuid, max_documents int, max_bytes bigint)
returns table (no int, kind text, id uuid, ver bigint, h bigint, body bytea, cut boolean)
language sql stable security definer set search_path = pg_catalog, public, pg_temp set enable_seqscan = off as $$
  with listed as materialized (
    select b.no::int no, m.kind, m.id
    from unnest($2) with ordinality b(bucket, no) cross join lateral (
      select l.kind, l.id from public.sync_member l
      where l.org_id = $1 and l.bucket = b.bucket and not l.gone
        and (l.kind, l.id) > (case when b.no = 1 then $3 else '' end, case when b.no = 1 then $4 else '00000000-0000-0000-0000-000000000000' end)
      order by l.kind, l.id limit $5 + 1) m
    order by b.no, m.kind, m.id limit $5 + 1),
  weighed as (
    select l.no, l.kind, l.id, d.ver, d.h, d.body, row_number() over page place,
      sum(160 + coalesce(octet_length(d.body), 0)) over page upto
    from listed l left join lateral (
      select x.ver, x.h, x.body from public.sync_doc x where x.org_id = $1 and x.kind = l.kind and x.id = l.id offset 0) d on true
    window page as (order by l.no, l.kind, l.id)),
  judged as (
    select w.*, w.place > 1 and (w.place > $5 or w.upto > $6) beyond from weighed w)
  select j.no, j.kind, j.id, j.ver, j.h, case when not j.beyond then j.body end, j.beyond
  from judged j where not j.beyond or j.place = (select min(n.place) from judged n where n.beyond)
  order by j.place
$$;

-- Count and XOR of each bucket's hashes, counting no further than $3 (null: all): by number, empty buckets too.
create or replace function sync_digests(org uuid, buckets text[], max_documents int)
returns table (no int, n bigint, x bigint)
language sql stable security definer set search_path = pg_catalog, public, pg_temp set enable_seqscan = off as $$
  select b.no::int, count(m.h), coalesce(bit_xor(m.h), 0)
  from unnest($2) with ordinality b(bucket, no) left join lateral (
    select l.h from public.sync_member l where l.org_id = $1 and l.bucket = b.bucket and not l.gone limit $3) m on true
  group by b.no order by b.no
$$;

-- The same for each range of one bucket: a document's range is the last byte of its id.
create or replace function sync_range_sums(org uuid, bucket text)
returns table (r int, n bigint, x bigint)
language sql stable security definer set search_path = pg_catalog, public, pg_temp set enable_seqscan = off as $$
  select get_byte(uuid_send(l.id), 15), count(*), bit_xor(l.h)
  from public.sync_member l where l.org_id = $1 and l.bucket = $2 and not l.gone group by 1 order by 1
$$;

-- The documents of some ranges of one bucket, by key; beyond $4 bytes they come without a body.
create or replace function sync_ranges(org uuid, bucket text, ranges int[], max_bytes bigint)
returns table (kind text, id uuid, ver bigint, h bigint, body bytea)
language sql stable security definer set search_path = pg_catalog, public, pg_temp set enable_seqscan = off as $$
  select w.kind, w.id, w.ver, w.h, case when w.upto <= $4 then w.body end
  from (
    select d.kind, d.id, d.ver, d.h, d.body, sum(160 + octet_length(d.body)) over (order by d.kind, d.id) upto
    from public.sync_member l join public.sync_doc d on d.org_id = $1 and d.kind = l.kind and d.id = l.id and d.body is not null
    where l.org_id = $1 and l.bucket = $2 and not l.gone and get_byte(uuid_send(l.id), 15) = any ($3)) w
  order by w.kind, w.id
$$;

-- Which of some buckets (organisation and name, by number) changed since a snapshot; the first row is the snapshot to ask from next.
create or replace function sync_touched(orgs uuid[], buckets text[], since pg_snapshot)
returns table (snapshot text, no int)
language sql stable security definer set search_path = pg_catalog, public, pg_temp set enable_seqscan = off as $$
  select pg_current_snapshot()::text, null::int
  union all
  select null, b.no::int from unnest($1, $2) with ordinality b(org, bucket, no)
  where (
    select true from public.sync_member l where l.org_id = b.org and l.bucket = b.bucket
      and l.xid >= pg_snapshot_xmin($3) and not pg_visible_in_snapshot(l.xid, $3) order by l.xid limit 1)
$$;

-- After a logical restore memberships carry transaction ids of another server, some of them from this one's future: those would be
-- sent again with every pull until it gets there. In the blocks from $1 up to $2 they become the first id of all. Runs only before
-- a new life is made, and no cursor is older than that, so settling a row that a writer has just committed skips nothing either.
create or replace function sync_settle(from_block bigint, to_block bigint) returns bigint
language sql volatile security definer set search_path = pg_catalog, public, pg_temp as $$
  with settled as (
    update public.sync_member set xid = '3'
    where ctid >= ('(' || $1 || ',0)')::tid and ctid < ('(' || $2 || ',0)')::tid and xid >= pg_snapshot_xmax(pg_current_snapshot())
    returning 1)
  select count(*) from settled
$$;

revoke execute on function sync_life_now(), sync_scope_of(uuid, uuid, uuid, timestamptz),
  sync_pull(uuid, uuid, uuid, timestamptz, uuid, pg_snapshot, text[], text[], uuid[], boolean, bigint),
  sync_fill(uuid, text[], text, uuid, int, bigint), sync_digests(uuid, text[], int), sync_range_sums(uuid, text),
  sync_ranges(uuid, text, int[], bigint), sync_touched(uuid[], text[], pg_snapshot), sync_settle(bigint, bigint) from public;

grant execute on function sync_life_now(), sync_scope_of(uuid, uuid, uuid, timestamptz),
  sync_pull(uuid, uuid, uuid, timestamptz, uuid, pg_snapshot, text[], text[], uuid[], boolean, bigint),
  sync_fill(uuid, text[], text, uuid, int, bigint), sync_digests(uuid, text[], int), sync_range_sums(uuid, text),
  sync_ranges(uuid, text, int[], bigint), sync_touched(uuid[], text[], pg_snapshot), sync_settle(bigint, bigint) to onsite_app;

-- The organisations, for timers that go through all of them: ids alone, a page at a time.
create or replace function onsite_org_ids(after uuid, max_rows int) returns setof uuid
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
  select o.org_id from public.organisation o where o.org_id > $1 order by o.org_id limit $2
$$;

-- Figures of the whole server for its metrics: sums over all organisations, nothing of any one of them.
create or replace function onsite_gauges(now timestamptz)
returns table (held bigint, quarantine bigint, overdue bigint, unsent bigint, device_lag_s float8, transaction_span bigint)
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
  select (select count(*) from public.sync_held),
    (select count(*) from public.sync_quarantine q where q.resolution is null),
    (select count(*) from public.job j where j.arrived_at is null and j.arrival_due_at < $1
      and j.state in ('draft', 'awaiting_triage', 'ready', 'scheduled', 'in_progress', 'on_hold')),
    coalesce(sum(s.unsent), 0), coalesce(max(extract(epoch from $1 - s.pulled_at)), 0)::float8,
    (select pg_snapshot_xmax(x)::text::bigint - pg_snapshot_xmin(x)::text::bigint from pg_current_snapshot() x)
  from public.sync_device d join public.sync_device_seen s on s.org_id = d.org_id and s.device_id = d.device_id
  where d.revoked_at is null
$$;

revoke execute on function onsite_org_ids(uuid, int), onsite_gauges(timestamptz) from public;

grant execute on function onsite_org_ids(uuid, int), onsite_gauges(timestamptz) to onsite_app;
