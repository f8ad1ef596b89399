-- `sync_pull` as before, but that nothing is walked through that is not sent: a catalogue is read as it lies only within a kind, and the members of
-- a bucket in the order of the primary key.
--
-- A page in one statement, so in one snapshot: nothing is decided twice, and no document is decoded on its way out.
--
-- Who: the `device` that has the secret with this hash, opened by the `session`. `refused` says what was wrong, and then nothing else is said.
-- Without a hash the caller has proven the device, and names the person. A session that is over still fetches what its person holds now:
-- a crew that changes shift without a network finds its jobs. On a crew's device that ends after 14 days, and at once when the person
-- leaves the crew; a revoked device holds its own bucket alone.
--
-- Where from: the device holds the buckets `whole` at the snapshot `since` of the life `known_life`, and of the bucket `part` what comes up
-- to a key; the buckets `waiting` are to be sent anew. Without `since` nothing is followed: `whole` is held as it is now.
--
-- What comes back: the first row is the head. `want`: the buckets the device may hold, most urgent first. `names`: those that it holds or is
-- to get, as frames count them from 0; the first `kept` are followed, the others filled one after the other. Null: as before, and nothing
-- moved. `again`: those to be filled anew. `left_out`: so many would be more than `max_scope` documents; `documents`: how many it will hold,
-- where that was counted. Then rows of frames as they leave, `lines` of them. What does not fit on the page is `cut`: the number of the bucket
-- that has more, counted from the first that is filled, and the last key that is sent of it.
--
-- A bucket is filled anew when it has forgotten what ended since, or its changes are too many for `delta_bytes`. Bodies are weighed beforehand
-- where there are more than 500 changes, or `weighed` asks for it: else the caller sees it by `moved_bytes` and asks again.
-- `mend`: the documents in these ranges of the bucket come too.
--
-- PL/pgSQL keeps the plans, which take longer to make than to run; declared STABLE it reads the snapshot of the statement that calls it.
-- The plans must do for all parameters, so sequential scans are off: else a pull without changes might read every document of a small table.
create or replace function sync_pull(org uuid, device uuid, secret bytea, session uuid, person uuid, now timestamptz,
  known_life uuid, since pg_snapshot, whole text[], part text, upto_kind text, upto_id uuid, waiting text[], filling boolean,
  weighed boolean, mend text, ranges int[], max_documents int, min_documents int, max_bytes int, delta_bytes int, max_scope int)
returns table (refused text, snapshot text, life uuid, acked_n bigint, seen_n bigint, want text[], names text[], kept int, again text[],
  left_out int, documents bigint, cut int, last_kind text, last_id uuid, moved_bytes bigint, lines int, frames bytea)
language plpgsql stable security definer set search_path = pg_catalog, public, pg_temp set enable_seqscan = off
set enable_sort = off set enable_incremental_sort = off set plan_cache_mode = force_generic_plan as $$
#variable_conflict use_column
declare
  known record;
  held text[];
  forgotten text[] := '{}';
  candidates text[];
  begun text[] := '{}';
  beginning text;
  counted bigint;
  nos int[];
  kinds text[];
  ids uuid[];
  gones boolean[];
  spots int[];
  turns int[];
  marks text[];
  moved int := 0;
  room int;
  edge int;
  n int;
  listed bigint;
  alone boolean := false;
begin
  select d.person_id, d.crew_id, d.revoked_at is null live, d.last_n, e.seen_n, s.person_id session_person, s.to_at into known
  from public.sync_device d
  left join public.sync_device_seen e on e.org_id = $1 and e.device_id = $2
  left join public.sync_session s on s.org_id = $1 and s.session_id = $4 and s.device_id = $2
  where d.org_id = $1 and d.device_id = $2 and ($3 is null or d.secret_hash = $3);
  if secret is not null then
    if not found then
      refused := 'device';
    elsif session is not null and known.live and known.session_person is null then
      refused := 'session';
    end if;
    if refused is not null then
      return next;
      return;
    end if;
    person := case when known.session_person is not distinct from known.person_id or known.to_at + interval '14 days' >= now
      then known.session_person end;
  end if;
  snapshot := pg_current_snapshot()::text;
  acked_n := known.last_n;
  seen_n := known.seen_n;
  select l.life into life from public.sync_life l
  where l.rel = 'public.sync_life'::regclass and l.db = public.sync_database() and l.system = public.sync_system();
  want := array['dev/' || device];
  -- Where a crew shares the device, the person has to be of that crew: who moves to another takes what is theirs along, and this phone
  -- stays behind. One more than 64 is given, so that the caller sees that there are more.
  if known.live and (known.crew_id is null or exists (select from public.crew_member c where c.org_id = $1 and c.person_id = $5
      and c.crew_id = known.crew_id and c.from_at <= $6 and (c.to_at is null or c.to_at > $6))) then
    want := want || array(select s.bucket from public.sync_scope s
      where s.org_id = $1 and s.person_id = $5 and s.from_at <= $6 and (s.to_at is null or s.to_at > $6)
      group by s.bucket order by min(s.prio), s.bucket limit 64);
  end if;
  if since is not null and life is distinct from known_life or since is null and not filling then
    return next;
    return;
  end if;
  again := waiting;
  held := case when part is null then whole else whole || part end;
  if since is not null then
    -- One look into the index on floor: for a cursor of the last weeks it finds nothing, however many buckets the organisation has.
    forgotten := array(select f.bucket from (
        select x.bucket, x.life from public.sync_floor x
        where x.org_id = $1 and x.floor > pg_snapshot_xmin($8) order by x.floor) f
      where f.life = $7 and f.bucket = any (held));
    again := again || forgotten;
    select array_agg(m.no), array_agg(m.kind), array_agg(m.id), array_agg(m.gone), count(*) into nos, kinds, ids, gones, moved
    from (
      select h.no, l.kind, l.id, l.gone from unnest(held) with ordinality h(bucket, no) cross join lateral (
        select x.kind, x.id, x.gone from public.sync_member x
        where x.org_id = $1 and x.bucket = h.bucket and x.xid >= pg_snapshot_xmin($8) and not pg_visible_in_snapshot(x.xid, $8)
          and (h.bucket is distinct from $10 or (x.kind, x.id) <= ($11, $12))
        -- The order makes the index on xid the only sensible one; the primary key would do for a small bucket, and read all of a large one.
        order by x.xid) l
      where h.bucket = any (want[:64]) and h.bucket <> all (forgotten)) m;
  end if;
  if moved = 0 and mend is null and part is null and again = '{}' and want <@ whole and whole <@ want then
    return next;
    return;
  end if;
  if weighed or moved > 500 then
    again := again || array(select held[w.no] from (
        select b.no, sum(b.bytes) over (order by b.bytes, b.no) upto from (
          select m.no, sum(160 + coalesce(d.bytes, 0)) bytes
          from unnest(nos, kinds, ids, gones) m(no, kind, id, gone) left join lateral (
            select octet_length(x.body) bytes from public.sync_doc x
            where x.org_id = $1 and x.kind = m.kind and x.id = m.id and not m.gone offset 0) d on true
          group by m.no) b) w
      where w.upto > delta_bytes);
  end if;
  names := array(select w.bucket from unnest(whole) with ordinality w(bucket, no)
    where w.bucket = any (want[:64]) and w.bucket <> all (again) order by w.no);
  kept := cardinality(names);
  -- A bucket that is begun is finished before the next one begins.
  candidates := array(select w.bucket from unnest(want[:64]) with ordinality w(bucket, no)
    where w.bucket <> all (names) order by w.bucket is distinct from part or w.bucket = any (again), w.no);
  left_out := 0;
  if filling then
    begun := array(select c.bucket from unnest(candidates) with ordinality c(bucket, no)
      where c.bucket <> all (held) and c.bucket <> all (waiting) order by c.no);
  end if;
  -- What is held already stays, whatever it has grown to.
  if begun <> '{}' then
    documents := (select count(*) from unnest(names || candidates) c(bucket) cross join lateral (
        select from public.sync_member x where x.org_id = $1 and x.bucket = c.bucket and not x.gone limit max_scope + 1) l
      where c.bucket <> all (begun));
    foreach beginning in array begun loop
      counted := (select count(*) from (
        select from public.sync_member x where x.org_id = $1 and x.bucket = beginning and not x.gone limit max_scope + 1) l);
      if documents + counted > max_scope then
        candidates := array_remove(candidates, beginning);
        left_out := left_out + 1;
      else
        documents := documents + counted;
      end if;
    end loop;
  end if;
  names := names || candidates;
  spots := array(select case when h.bucket <> all (again) then array_position(names, h.bucket) - 1 end
    from unnest(held) with ordinality h(bucket, no) order by h.no);
  if moved > 0 then
    moved := (select count(spots[n.no]) from unnest(nos) n(no));
  end if;
  room := greatest(min_documents, max_documents - moved);
  -- What moved comes first, then bucket after bucket by key.
  select array_agg(e.turn), array_agg(e.no::text), array_agg(e.kind), array_agg(e.id), array_agg(e.gone), bit_xor(e.h), count(*)
  into turns, marks, kinds, ids, gones, listed, n
  from (
    select 0 turn, spots[m.no] no, m.kind, m.id, m.gone, 0::bigint h from unnest(nos, kinds, ids, gones) m(no, kind, id, gone)
    where spots[m.no] is not null
    union all (
      select c.turn::int, kept + c.turn::int - 1, l.kind, l.id, false, l.h
      from unnest(case when filling then candidates end) with ordinality c(bucket, turn) cross join lateral (
        select x.kind, x.id, x.h from public.sync_member x
        -- Only the primary key gives this order: written with `bucket = c.bucket`, the index on (kind, id) would do too, through all buckets.
        where x.org_id = $1 and x.bucket <= c.bucket and not x.gone and (x.bucket, x.kind, x.id) > (c.bucket,
          case when c.bucket = part and c.bucket <> all (again) then upto_kind else '' end,
          case when c.bucket = part and c.bucket <> all (again) then upto_id else '00000000-0000-0000-0000-000000000000' end)
        order by x.bucket, x.kind, x.id limit room + 1) l
      order by c.turn, l.kind, l.id limit room + 1)
    union all
    select 1, array_position(names, mend) - 1, x.kind, x.id, false, 0 from public.sync_member x
    where mend is not null and x.org_id = $1 and x.bucket = mend and not x.gone and get_byte(uuid_send(x.id), 15) = any (ranges)
    order by 1, 3, 4) e;
  -- A document comes once, however many buckets it is in: where one comes twice, it has to be known first how far the page goes.
  if turns[1] < turns[n] or moved > 1 then
    if exists (select from unnest(kinds, ids, gones) e(kind, id, gone) group by e.kind, e.id, e.gone having count(*) > 1) then
      edge := (select min(w.place) from (
        select e.place, sum(160 + coalesce(octet_length(d.body), 0)) over (order by e.place rows unbounded preceding) upto
        from unnest(kinds, ids) with ordinality e(kind, id, place) left join lateral (
          select x.body from public.sync_doc x where x.org_id = $1 and x.kind = e.kind and x.id = e.id offset 0) d on true) w
        where w.place > moved + 1 and (w.place > moved + room or w.upto > max_bytes));
      cut := turns[edge] - 1;
      if turns[edge] = turns[edge - 1] then
        last_kind := kinds[edge - 1];
        last_id := ids[edge - 1];
      end if;
      select array_agg(e.marks), array_agg(e.kind), array_agg(e.id), array_agg(e.gone) into marks, kinds, ids, gones from (
        select string_agg(distinct u.mark, ',') marks, u.kind, u.id, u.gone
        from unnest(marks, kinds, ids, gones) with ordinality u(mark, kind, id, gone, place)
        where edge is null or u.place < edge group by u.kind, u.id, u.gone) e;
      room := 1000000000;
      max_bytes := 2147483647;
    end if;
  end if;
  return next;
  -- A catalogue is alone between its keys: then it is read as it lies, and not looked up one by one. That it is the same documents, their
  -- count and digest say, as they say it of a device.
  -- Of one kind: the index ends a range of ids where it ends, but one of (kind, id) only with the organisation's documents.
  if moved = 0 and mend is null and turns[1] = turns[n] and kinds[1] = kinds[n] and n > 100 then
    alone := (select count(*) = n and bit_xor(d.h) = listed from (
      select x.h from public.sync_doc x
      where x.org_id = $1 and x.kind = kinds[1] and x.id >= ids[1] and x.id <= ids[n] and x.body is not null
      order by x.id limit n + 1) d);
  end if;
  -- In pieces: getting megabytes at once from the system takes the server longer than writing them.
  if alone then
    return query select null, null, null::uuid, null::bigint, null::bigint, null::text[], null::text[], null::int, null::text[], null::int,
      null::bigint, case when bool_or(w.beyond) then turns[min(w.place)] - 1 end,
      case when bool_or(w.beyond) and turns[min(w.place)] = turns[min(w.place) - 1] then kinds[min(w.place) - 1] end,
      case when bool_or(w.beyond) and turns[min(w.place)] = turns[min(w.place) - 1] then ids[min(w.place) - 1] end,
      null::bigint, count(*) filter (where not w.beyond)::int,
      string_agg(case when not w.beyond then public.sync_put(marks[1], w.kind, w.id, w.ver, w.h, w.body) end, ''::bytea)
    from (
      select p.*, p.place > 1 and (p.place > room or p.upto > max_bytes) beyond from (
        select x.kind, x.id, x.ver, x.h, x.body, row_number() over page place, sum(160 + octet_length(x.body)) over page upto
        from public.sync_doc x
        where x.org_id = $1 and x.kind = kinds[1] and x.id >= ids[1] and x.id <= ids[n] and x.body is not null
        window page as (order by x.id rows unbounded preceding)) p) w
    group by case when w.beyond then -1 else w.place >> 6 end;
    return;
  end if;
  return query select null, null, null::uuid, null::bigint, null::bigint, null::text[], null::text[], null::int, null::text[], null::int,
      null::bigint, case when bool_or(w.beyond) then turns[min(w.place)] - 1 end,
      case when bool_or(w.beyond) and turns[min(w.place)] = turns[min(w.place) - 1] then kinds[min(w.place) - 1] end,
      case when bool_or(w.beyond) and turns[min(w.place)] = turns[min(w.place) - 1] then ids[min(w.place) - 1] end,
      sum(160 + coalesce(octet_length(w.body), 0)) filter (where w.place <= moved),
      count(*) filter (where not w.beyond and (w.gone or w.body is not null))::int,
      string_agg(case when w.beyond then null
        when w.gone then convert_to('{"frame":"del","b":[' || w.mark || '],"kind":' || to_json(w.kind) || ',"id":"' || w.id || E'"}\n', 'UTF8')
        else public.sync_put(w.mark, w.kind, w.id, w.ver, w.h, w.body) end, ''::bytea)
    from (
      select p.*, p.place > moved + 1 and (p.place > moved + room or p.upto > max_bytes) beyond from (
        select e.mark, e.kind, e.id, e.gone, e.place, d.ver, d.h, d.body,
          sum(160 + coalesce(octet_length(d.body), 0)) over (order by e.place rows unbounded preceding) upto
        from unnest(marks, kinds, ids, gones) with ordinality e(mark, kind, id, gone, place)
        -- `offset 0` keeps this a look-up by key for each row.
        left join lateral (
          select x.ver, x.h, x.body from public.sync_doc x
          where x.org_id = $1 and x.kind = e.kind and x.id = e.id and not e.gone offset 0) d on true) p) w
    group by case when w.beyond then -1 else w.place >> 6 end;
end
$$;

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
