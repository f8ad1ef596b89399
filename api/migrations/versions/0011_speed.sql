-- Pages of several devices that follow the buckets they hold, in one statement, so in one snapshot: what a statement costs by itself is shared.
-- Each device proves itself, by the hash of its secret, and names its own organisation: no ask sees anything of another one. A device for which
-- little has moved, in buckets that it goes on holding, is answered here, by the same look-ups as `sync_pull` makes; any other page is that
-- function's.
--
-- Arrays have an element per ask; `wholes` are arrays of buckets as text. What comes back: per ask (`no`, from 1) the rows of `sync_pull`. Once the
-- frames of the statement are more than `enough` bytes, the asks that are left are refused as `later`: they are to be asked alone.
create or replace function sync_pulls(orgs uuid[], devices uuid[], secrets bytea[], sessions uuid[], now timestamptz, lives uuid[], sinces text[],
  wholes text[], enough int, max_documents int, min_documents int, max_bytes int, delta_bytes int, max_scope int)
returns table (no int, refused text, snapshot text, life uuid, acked_n bigint, seen_n bigint, want text[], names text[], kept int, again text[],
  left_out int, documents bigint, cut int, last_kind text, last_id uuid, moved_bytes bigint, lines int, frames bytea)
language plpgsql stable security definer set search_path = pg_catalog, public, pg_temp set enable_seqscan = off
set enable_sort = off set plan_cache_mode = force_generic_plan as $$
#variable_conflict use_column
declare
  life_now uuid := (select l.life from public.sync_life l
    where l.rel = 'public.sync_life'::regclass and l.db = public.sync_database() and l.system = public.sync_system());
  snapshot_now text := pg_current_snapshot()::text;
  asked record;
  sent int := 0;
  -- Beyond so many changes the general way is as good, and says what of them fits a page.
  few constant int := 200;
begin
  for asked in
    select q.*, m.moved, f.lines found, f.frames written
    from (
      select a.no, a.org, a.device, a.secret, a.session, a.life, a.since::pg_snapshot since, a.whole::text[] whole, k.last_n, k.seen_n,
        -- Null where `sync_pull` may refuse, or another life has begun.
        case when k.last_n is not null and a.life = life_now and (a.session is null or not k.live or k.session_person is not null) then
          array['dev/' || a.device] || case when k.live and (k.crew_id is null or exists (select from public.crew_member c
              where c.org_id = a.org and c.person_id = k.opener and c.crew_id = k.crew_id and c.from_at <= $5 and (c.to_at is null or c.to_at > $5)))
            then array(select s.bucket from public.sync_scope s
              where s.org_id = a.org and s.person_id = k.opener and s.from_at <= $5 and (s.to_at is null or s.to_at > $5)
              group by s.bucket order by min(s.prio), s.bucket limit 64) else '{}' end end want
      from unnest($1, $2, $3, $4, $6, $7, $8) with ordinality a(org, device, secret, session, life, since, whole, no)
      left join lateral (
        select d.crew_id, d.revoked_at is null live, d.last_n, e.seen_n, s.person_id session_person,
          case when s.person_id is not distinct from d.person_id or s.to_at + interval '14 days' >= $5 then s.person_id end opener
        from public.sync_device d
        left join public.sync_device_seen e on e.org_id = d.org_id and e.device_id = d.device_id
        left join public.sync_session s on s.org_id = d.org_id and s.session_id = a.session and s.device_id = d.device_id
        where d.org_id = a.org and d.device_id = a.device and d.secret_hash = a.secret offset 0) k on true
      offset 0) q
    -- Where buckets come or go, or one has forgotten what ended, nothing is looked for: `moved` is null.
    left join lateral (
      select count(*) moved, array_agg(g.marks) marks, array_agg(g.kind) kinds, array_agg(g.id) ids, array_agg(g.gone) gones
      from (
        select string_agg((h.no - 1)::text, ',') marks, l.kind, l.id, l.gone
        from unnest(q.whole) with ordinality h(bucket, no) cross join lateral (
          select x.kind, x.id, x.gone from public.sync_member x
          where x.org_id = q.org and x.bucket = h.bucket and x.xid >= pg_snapshot_xmin(q.since) and not pg_visible_in_snapshot(x.xid, q.since)
          -- The order makes the index on xid the only sensible one.
          order by x.xid limit few + 1) l
        group by l.kind, l.id, l.gone) g) m
      on q.want <@ q.whole and q.whole <@ q.want
        and not exists (select from public.sync_floor x where x.org_id = q.org and x.floor > pg_snapshot_xmin(q.since))
    left join lateral (
      select count(*) filter (where e.gone or d.body is not null)::int lines, string_agg(
        case when e.gone then convert_to('{"frame":"del","b":[' || e.marks || '],"kind":' || to_json(e.kind) || ',"id":"' || e.id || E'"}\n', 'UTF8')
          else public.sync_put(e.marks, e.kind, e.id, d.ver, d.h, d.body) end, ''::bytea) frames
      from unnest(m.marks, m.kinds, m.ids, m.gones) e(marks, kind, id, gone) left join lateral (
        select x.ver, x.h, x.body from public.sync_doc x
        where x.org_id = q.org and x.kind = e.kind and x.id = e.id and not e.gone offset 0) d on true) f
      on m.moved between 1 and few
  loop
    if asked.moved <= few and (asked.moved = 0 or octet_length(asked.written) <= enough) then
      no := asked.no;
      refused := null;
      snapshot := snapshot_now;
      life := life_now;
      acked_n := asked.last_n;
      seen_n := asked.seen_n;
      want := asked.want;
      names := case when asked.moved > 0 then asked.whole end;
      kept := cardinality(names);
      again := null;
      left_out := null;
      documents := null;
      cut := null;
      moved_bytes := null;
      lines := asked.found;
      frames := asked.written;
      sent := sent + coalesce(octet_length(frames), 0);
      return next;
    elsif sent > enough then
      no := asked.no;
      refused := 'later';
      return next;
    else
      -- Without a hash `sync_pull` would believe its caller.
      for no, refused, snapshot, life, acked_n, seen_n, want, names, kept, again, left_out, documents, cut, last_kind, last_id, moved_bytes, lines, frames in
        select asked.no, p.* from public.sync_pull(asked.org, asked.device, coalesce(asked.secret, '\x00'), asked.session, null, $5, asked.life, asked.since,
          asked.whole, null, null, null, '{}', true, false, null, null, $10, $11, $12, $13, $14) p
      loop
        sent := sent + coalesce(octet_length(frames), 0);
        return next;
      end loop;
    end if;
  end loop;
end
$$;

revoke execute on function sync_pulls(uuid[], uuid[], bytea[], uuid[], timestamptz, uuid[], text[], text[], int, int, int, int, int, int) from public;

grant execute on function sync_pulls(uuid[], uuid[], bytea[], uuid[], timestamptz, uuid[], text[], text[], int, int, int, int, int, int) to onsite_app;
