-- As before, but that numbers of commands are looked for as a range.
--
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
      -- Numbers follow each other, and one too many found means looking closer. Asked for one by one, a plan made without statistics reads all
      -- outcomes of the device instead.
      or exists (select from sync_outcome o where o.org_id = $1 and o.device_id = $2 and o.n between (select min(x) from unnest($7) x) and (select max(x) from unnest($7) x)),
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
