-- Push in few round trips. Each function is VOLATILE PL/pgSQL on purpose: every statement in it takes a snapshot of its own, so what is read
-- after a lock is what the holder of the lock left. They run with the caller's rights: row-level security applies. A blank line after a
-- semicolon ends a statement.

-- Lock the device and tell everything that does not depend on what its commands say: its number and quotas, the persons of the sessions,
-- whether anything was answered before or is held, the organisation, and which (session, job) pairs were in scope since scope_since.
create or replace function sync_push_open(org uuid, device uuid, far_back bigint, since timestamptz, durable_until timestamptz,
  sessions uuid[], ns bigint[], ids uuid[], scope_sessions uuid[], scope_jobs uuid[], scope_since timestamptz)
returns table (last_n bigint, revoked boolean, shared boolean, put_aside bigint, earlier_at timestamptz, durable_n bigint,
  answered boolean, waiting boolean, name text, zone text, currency text, language text, people jsonb, in_scope int[])
language plpgsql volatile as $$
#variable_conflict use_column
begin
  perform 1 from sync_device d where d.org_id = $1 and d.device_id = $2 for update;
  return query
  select d.last_n, d.revoked_at is not null, d.person_id is null,
    (select coalesce(sum(octet_length(q.bytes)), 0)::int8 from sync_quarantine q
      where q.org_id = $1 and q.device_id = $2 and q.received_at > $4)
    + (select coalesce(sum(octet_length(u.bytes)), 0)::int8 from sync_unreadable u
      where u.org_id = $1 and u.device_id = $2 and u.received_at > $4),
    (select o.received_at from sync_outcome o where o.org_id = $1 and o.device_id = $2 and o.n = $3),
    case when $5 is not null then (select o.n from sync_outcome o
      where o.org_id = $1 and o.device_id = $2 and o.n <= d.last_n and o.decided_at <= $5 order by o.n desc limit 1) end,
    exists (select from sync_outcome o where o.org_id = $1 and o.command_id = any($8))
      or exists (select from sync_outcome o where o.org_id = $1 and o.device_id = $2 and o.n = any($7)),
    exists (select from sync_held h where h.org_id = $1),
    g.name, g.zone, g.currency, g.language,
    coalesce((select jsonb_agg(jsonb_build_object('session_id', s.session_id, 'person_id', s.person_id, 'roles', p.roles, 'active', p.active))
      from sync_session s join person p on p.org_id = $1 and p.id = s.person_id
      where s.org_id = $1 and s.device_id = $2 and s.session_id = any($6)), '[]'),
    array(select k.no::int from unnest($9, $10) with ordinality k(session_id, job_id, no)
      where exists (select from sync_session s
        -- `since` is a day ago: what is to begin does not count yet.
        join sync_scope c on c.org_id = $1 and c.person_id = s.person_id and c.from_at <= $4 + interval '1 day'
          and (c.to_at is null or c.to_at >= $11)
        join sync_member m on m.org_id = $1 and m.bucket = c.bucket
        where s.org_id = $1 and s.session_id = k.session_id and s.device_id = $2 and m.kind in ('job', 'open_job') and m.id = k.job_id))
  from sync_device d join organisation g on g.org_id = $1 where d.org_id = $1 and d.device_id = $2;
end
$$;

-- Lock documents in the order given and tell what they are and which buckets hold them. The memberships are read after the locks: whoever
-- changes them holds the lock. One look into the index per key: as a join the planner, before it has statistics, reads all documents.
create or replace function sync_lock_documents(org uuid, kinds text[], ids uuid[])
returns table (kind text, id uuid, ver bigint, h bigint, body bytea, buckets text[], hashes bigint[])
language plpgsql volatile as $$
#variable_conflict use_column
declare
  locked_kinds text[];
  locked_ids uuid[];
  vers bigint[];
  hs bigint[];
  bodies bytea[];
begin
  select array_agg(d.kind), array_agg(d.id), array_agg(d.ver), array_agg(d.h), array_agg(d.body)
  into locked_kinds, locked_ids, vers, hs, bodies
  from unnest($2, $3) k(kind, id) cross join lateral (select x.kind, x.id, x.ver, x.h, x.body from sync_doc x
    where x.org_id = $1 and x.kind = k.kind and x.id = k.id for update) d;
  return query
  select l.kind, l.id, l.ver, l.h, l.body, coalesce(m.buckets, '{}'), coalesce(m.hashes, '{}')
  from unnest(locked_kinds, locked_ids, vers, hs, bodies) l(kind, id, ver, h, body)
  cross join lateral (select array_agg(x.bucket order by x.bucket) buckets, array_agg(x.h order by x.bucket) hashes from sync_member x
    where x.org_id = $1 and x.kind = l.kind and x.id = l.id and not x.gone) m;
end
$$;

-- Write documents that are locked (old), documents that are new, and memberships, in this order. A new one that exists raises: somebody
-- else was first. The upserts name their index, so that no plan can read a whole table instead.
create or replace function sync_write_documents(org uuid,
  old_kinds text[], old_ids uuid[], old_vers bigint[], old_hashes bigint[], old_bodies bytea[],
  new_kinds text[], new_ids uuid[], new_vers bigint[], new_hashes bigint[], new_bodies bytea[],
  buckets text[], kinds text[], ids uuid[], hashes bigint[], gone boolean[])
returns void language plpgsql volatile as $$
#variable_conflict use_column
begin
  if cardinality($2) > 0 then
    insert into sync_doc as d (org_id, kind, id, ver, h, body) select $1, k.* from unnest($2, $3, $4, $5, $6) k
    on conflict (org_id, kind, id) do update set ver = excluded.ver, h = excluded.h, body = excluded.body;
  end if;
  if cardinality($7) > 0 then
    insert into sync_doc (org_id, kind, id, ver, h, body) select $1, k.* from unnest($7, $8, $9, $10, $11) k;
  end if;
  if cardinality($12) > 0 then
    insert into sync_member (org_id, bucket, kind, id, xid, h, gone)
    select $1, k.bucket, k.kind, k.id, pg_current_xact_id(), k.h, k.gone from unnest($12, $13, $14, $15, $16) k(bucket, kind, id, h, gone)
    on conflict (org_id, bucket, kind, id) do update set xid = excluded.xid, h = excluded.h, gone = excluded.gone;
  end if;
end
$$;

-- Lock vans in the order of their ids, then sum what they hold: two jobs cannot both see the last part.
create or replace function stock_balances(org uuid, locations uuid[], parts uuid[])
returns table (location_id uuid, part_id uuid, balance numeric)
language plpgsql volatile as $$
#variable_conflict use_column
begin
  perform 1 from stock_location l where l.org_id = $1 and l.id = any($2) order by l.id for update;
  return query
  select p.location_id, p.part_id,
    coalesce((select sum(m.quantity) from stock_move m
      where m.org_id = $1 and m.to_location_id = p.location_id and m.part_id = p.part_id), 0)
    - coalesce((select sum(m.quantity) from stock_move m
      where m.org_id = $1 and m.from_location_id = p.location_id and m.part_id = p.part_id), 0)
  from unnest($2, $3) p(location_id, part_id);
end
$$;

-- Every event has a number in its job: that index finds a job's events too.
drop index event_org_id_job_id_idx
