-- What retention needs: how far each bucket has forgotten, and how old transaction ids are. A blank line after a semicolon ends a statement.

create table sync_floor (
  org_id UUID NOT NULL,
  bucket TEXT COLLATE "C" NOT NULL,
  life UUID NOT NULL,
  floor XID8 NOT NULL,
  CONSTRAINT sync_floor_pkey PRIMARY KEY (org_id, bucket)
);

CREATE INDEX sync_floor_org_id_floor_idx ON sync_floor (org_id, floor);

comment on table sync_floor is 'Ended memberships of a bucket are removed below this transaction id: an older cursor of the same life is sent the bucket anew.';

alter table sync_floor enable row level security;

create policy own_organisation on sync_floor using (org_id = current_setting('onsite.org')::uuid)
  with check (org_id = current_setting('onsite.org')::uuid);

create table sync_mark (
  org_id UUID NOT NULL,
  at TIMESTAMP WITH TIME ZONE NOT NULL,
  xid XID8 NOT NULL,
  system BIGINT NOT NULL,
  CONSTRAINT sync_mark_pkey PRIMARY KEY (org_id, at)
);

comment on table sync_mark is 'How old transaction ids are: each transaction below xid had ended at that instant, on the server with that system identifier.';

alter table sync_mark enable row level security;

create policy own_organisation on sync_mark using (org_id = current_setting('onsite.org')::uuid)
  with check (org_id = current_setting('onsite.org')::uuid);

create index sync_member_org_id_xid_idx on sync_member (org_id, xid) where gone;

create index sync_outcome_org_id_received_at_idx on sync_outcome (org_id, received_at);

-- A pull in one statement, so in one snapshot. The first row is the head: the snapshot, the life, what is known of the device, the
-- buckets it may hold and in `oversize` the numbers of those to be sent anew: their changes are more than $11 bytes together, or
-- memberships that ended after snapshot $6 are no longer known. Then a row for each document that moved since that snapshot in the
-- buckets $7: `puts` are the numbers of the buckets that hold it now, `dels` of those that no longer do. Of a bucket that is filled only
-- up to a key ($8, $9), only that part is looked at. Nothing is followed in another life than $5, and no floor of another counts.
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
  -- One look into the index on floor: for a cursor of the last weeks it finds nothing, however many buckets the organisation has.
  raised as materialized (
    select f.bucket from (
      select x.bucket, x.life from public.sync_floor x
      where x.org_id = $1 and x.floor > pg_snapshot_xmin($6) order by x.floor) f
    where f.life = $5),
  held as materialized (
    select b.no::int no, b.bucket, b.upto_kind, b.upto_id, b.bucket in (select r.bucket from raised r) forgotten
    from head join unnest($7, $8, $9) with ordinality b(bucket, upto_kind, upto_id, no)
      on $10 and head.life = $5 and b.bucket = any (head.want)),
  moved as materialized (
    select b.no, m.kind, m.id, m.gone, d.bytes
    from held b cross join lateral (
      select l.kind, l.id, l.gone from public.sync_member l
      where not b.forgotten and l.org_id = $1 and l.bucket = b.bucket
        and l.xid >= pg_snapshot_xmin($6) and not pg_visible_in_snapshot(l.xid, $6)
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
  anew as materialized (
    select w.no from weighed w where w.upto > $11 union all select b.no from held b where b.forgotten),
  kept as (
    select m.kind, m.id, array_agg(m.no order by m.no) filter (where not m.gone) puts,
      array_agg(m.no order by m.no) filter (where m.gone) dels
    from moved m where m.no not in (select a.no from anew a) group by m.kind, m.id)
  select s.snapshot, s.life, s.acked_n, s.seen_n, s.want, array(select a.no from anew a order by a.no),
    null::int[], null::int[], null::text, null::uuid, null::bigint, null::bigint, null::bytea
  from head s
  union all
  select null, null, null, null, null, null, k.puts, k.dels, k.kind, k.id, d.ver, d.h, d.body
  from kept k left join lateral (
    select x.ver, x.h, x.body from public.sync_doc x
    where x.org_id = $1 and x.kind = k.kind and x.id = k.id and k.puts is not null offset 0) d on true;
end
$$;
