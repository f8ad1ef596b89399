-- Pages as a row per document: `sync_page` and `sync_pages` in place of `sync_pull` and `sync_pulls`, which stay for the processes of the release before.
--
-- A document as it leaves, its body byte for byte; `head` is what is the same for all of its kind and buckets. Plain, so that it is merged into what
-- asks. Who asks reads UTF-8, as the database does: `textsend` then copies.
create or replace function sync_frame(head text, id uuid, ver bigint, h bigint, body bytea) returns bytea language sql stable as $$
  select textsend($1 || $2 || '","ver":' || $3 || ',"h":"' || encode(int8send($4), 'hex') || '","body":') || $5 || '\x7d0a'
$$;

create or replace function sync_frame_head(marks text, kind text) returns text language sql stable as $$
  select '{"frame":"put","b":[' || $1 || '],"kind":' || to_json($2) || ',"id":"'
$$;

create or replace function sync_frame_gone(marks text, kind text, id uuid) returns bytea language sql stable as $$
  select textsend('{"frame":"del","b":[' || $1 || '],"kind":' || to_json($2) || ',"id":"' || $3 || E'"}\n')
$$;

-- What every page tells about itself, as JSON that is left open; without a life, a new one must begin.
create or replace function sync_about(life uuid, acked_n bigint, seen_n bigint, want text[]) returns text language sql stable as $$
  select '{"snapshot":"' || pg_current_snapshot() || '","life":' || coalesce('"' || $1 || '"', 'null') || ',"acked_n":' || coalesce($2, 0)
    || ',"seen_n":' || coalesce($3, 0) || ',"want":' || array_to_json($4)
$$;

-- What moved in buckets since a snapshot, where it is little: its frames in one piece, `lines` of them. Otherwise `moved` is more than 200, or `large`
-- says that a document is: then it is for `sync_page` to say what of them fits a page. Plain, so that it is merged into what asks; where it is not
-- `wanted`, nothing is looked at.
create or replace function sync_moved(wanted boolean, org uuid, buckets text[], since pg_snapshot)
returns table (moved bigint, large boolean, lines bigint, frames bytea) language sql stable as $$
  select coalesce(sum(e.times), 0)::bigint, bool_or(octet_length(d.body) > 8192), count(*) filter (where e.gone or d.body is not null),
    string_agg(case when e.gone then public.sync_frame_gone(e.marks, e.kind, e.id)
      when octet_length(d.body) <= 8192 then public.sync_frame(public.sync_frame_head(e.marks, e.kind), e.id, d.ver, d.h, d.body) end, ''::bytea)
  from (
    select string_agg((l.no - 1)::text, ',') marks, l.kind, l.id, l.gone, count(*) times
    from (
      select h.no, m.kind, m.id, m.gone from unnest($3) with ordinality h(bucket, no) cross join lateral (
        select x.kind, x.id, x.gone from public.sync_member x
        where x.org_id = $2 and x.bucket = h.bucket and x.xid >= pg_snapshot_xmin($4) and not pg_visible_in_snapshot(x.xid, $4)
        -- The order makes the index on xid the only sensible one.
        order by x.xid) m
      where $1 limit 201) l
    group by l.kind, l.id, l.gone) e
  -- `offset 0` keeps this a look-up by key for each row.
  left join lateral (
    select x.ver, x.h, x.body from public.sync_doc x
    where x.org_id = $2 and x.kind = e.kind and x.id = e.id and not e.gone offset 0) d on true
$$;

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
-- What comes back: rows of one `frame` each as they leave, what moved first, `moved` of them. Then one row that tells `about` the page, as JSON; where
-- little moved and nothing else comes, it has all frames in one piece, `lines` of them.
-- `want`: the buckets the device may hold, most urgent first. `names`: those that it holds or is to get, as frames count them from 0; the first
-- `kept` are followed, the others filled one after the other. Without names: as before, and nothing moved. `again`: those to be filled anew.
-- `left_out`: so many would be more than `max_scope` documents; `documents`: how many it will hold, where that was counted. What does not
-- fit on the page is `cut`: the number of the bucket that has more, counted from the first that is filled, and the `last` key that is sent of it.
--
-- A bucket is filled anew when it has forgotten what ended since, or its changes are too many for `delta_bytes`. Bodies are weighed beforehand
-- where there are more than 500 changes, or `weighed` asks for it: else the caller sees what moved and asks again.
-- `mend`: the documents in these ranges of the bucket come too.
--
-- PL/pgSQL keeps the plans, which take longer to make than to run; declared STABLE it reads the snapshot of the statement that calls it.
-- The plans must do for all parameters, so sequential scans are off: else a pull without changes might read every document of a small table.
create or replace function sync_page(org uuid, device uuid, secret bytea, session uuid, person uuid, now timestamptz,
  known_life uuid, since pg_snapshot, whole text[], part text, upto_kind text, upto_id uuid, waiting text[], filling boolean,
  weighed boolean, mend text, ranges int[], max_documents int, min_documents int, max_bytes int, delta_bytes int, max_scope int)
returns table (about text, frame bytea)
language plpgsql stable security definer set search_path = pg_catalog, public, pg_temp set enable_seqscan = off
set enable_sort = off set enable_incremental_sort = off set plan_cache_mode = force_generic_plan as $$
#variable_conflict use_column
declare
  known record;
  little record;
  life uuid;
  want text[];
  names text[];
  kept int;
  again text[];
  held text[];
  forgotten text[] := '{}';
  candidates text[];
  begun text[] := '{}';
  beginning text;
  left_out int := 0;
  documents bigint;
  counted bigint;
  nos int[];
  turns int[];
  marks text[];
  kinds text[];
  ids uuid[];
  gones boolean[];
  spots int[];
  moved int := 0;
  room int;
  edge int;
  n int;
  -- The documents of one kind in one bucket that fill a page: how many of `filled` they are, and the XOR of their `h`.
  lot record;
  lots int := 0;
  lot_turns int[];
  lot_kinds text[];
  lot_ns int[];
  lot_sums bigint[];
  filled uuid[] := '{}';
  place int := 0;
  after_kind text;
  after_id uuid;
  weight bigint;
  used bigint := 0;
  alone boolean;
  head text;
  cut int;
  last_kind text;
  last_id uuid;
begin
  select d.person_id, d.crew_id, d.revoked_at is null live, d.last_n, e.seen_n, s.person_id session_person, s.to_at into known
  from public.sync_device d
  left join public.sync_device_seen e on e.org_id = $1 and e.device_id = $2
  left join public.sync_session s on s.org_id = $1 and s.session_id = $4 and s.device_id = $2
  where d.org_id = $1 and d.device_id = $2 and ($3 is null or d.secret_hash = $3);
  if secret is not null then
    if not found then
      about := '{"refused":"device"}';
    elsif session is not null and known.live and known.session_person is null then
      about := '{"refused":"session"}';
    end if;
    if about is not null then
      return next;
      return;
    end if;
    person := case when known.session_person is not distinct from known.person_id or known.to_at + interval '14 days' >= now
      then known.session_person end;
  end if;
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
  about := public.sync_about(life, known.last_n, known.seen_n, want);
  if since is not null and life is distinct from known_life or since is null and not filling then
    about := about || '}';
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
    if part is null and mend is null and not weighed and again = '{}' and want <@ whole and whole <@ want then
      if not exists (select from unnest(whole) h(bucket) cross join lateral (
          select from public.sync_member x
          where x.org_id = $1 and x.bucket = h.bucket and x.xid >= pg_snapshot_xmin($8) and not pg_visible_in_snapshot(x.xid, $8)
          order by x.xid limit 1) m) then
        about := about || '}';
        return next;
        return;
      end if;
      select m.moved, m.large, m.lines, m.frames into little from public.sync_moved(true, $1, $9, $8) m;
      if little.moved <= 200 and little.large is not true then
        about := about || ',"names":' || array_to_json(whole) || ',"kept":' || cardinality(whole) || ',"moved":1,"lines":' || little.lines || '}';
        frame := little.frames;
        return next;
        return;
      end if;
    end if;
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
    about := about || '}';
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
  if filling then
    begun := array(select c.bucket from unnest(candidates) with ordinality c(bucket, no)
      where c.bucket <> all (held) and c.bucket <> all (waiting) order by c.no);
  end if;
  -- What has ended counts here too, so it is at least as many: where that is far from the limit, nobody needs to know more.
  if begun <> '{}' then
    documents := (select count(*) from unnest(names || candidates) c(bucket) cross join lateral (
      select from public.sync_member x where x.org_id = $1 and x.bucket = c.bucket limit max_scope + 1) l);
  end if;
  -- What is held already stays, whatever it has grown to.
  if documents > max_scope / 2 then
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
  if moved > 0 then
    spots := array(select case when h.bucket <> all (again) then array_position(names, h.bucket) - 1 end
      from unnest(held) with ordinality h(bucket, no) order by h.no);
    moved := (select count(spots[m.no]) from unnest(nos) m(no));
  end if;
  room := greatest(min_documents, max_documents - moved);
  -- Each bucket that is filled is walked through once, in the order of its keys.
  if mend is null then
    for turn in 1 .. case when filling then cardinality(candidates) else 0 end loop
      beginning := candidates[turn];
      after_kind := '';
      after_id := '00000000-0000-0000-0000-000000000000';
      if beginning = part and beginning <> all (again) then
        after_kind := upto_kind;
        after_id := upto_id;
      end if;
      -- The ids come in the order of the index: the groups are wanted in that order too and sorting is off, so they are cut from the walk through
      -- the index as it goes. Said within `array_agg`, the order would be a sort for each group.
      for lot in
        select l.kind, array_agg(l.id) ids, bit_xor(l.h) h, count(*)::int n from (
          select x.bucket, x.kind, x.id, x.h from public.sync_member x
          -- Only the primary key gives this order: written with `bucket = beginning`, the index on (kind, id) would do too, through all buckets.
          where x.org_id = $1 and x.bucket <= beginning and not x.gone and (x.bucket, x.kind, x.id) > (beginning, after_kind, after_id)
          order by x.bucket, x.kind, x.id limit room - cardinality(filled)) l
        group by l.bucket, l.kind order by l.bucket, l.kind
      loop
        lots := lots + 1;
        lot_turns[lots] := turn;
        lot_kinds[lots] := lot.kind;
        lot_ns[lots] := lot.n;
        lot_sums[lots] := lot.h;
        filled := filled || lot.ids;
        last_kind := lot.kind;
        last_id := lot.ids[lot.n];
      end loop;
      if cardinality(filled) >= room then
        if lot_turns[lots] = turn then
          after_kind := last_kind;
          after_id := last_id;
        end if;
        if exists (select from (
            select from public.sync_member x
            where x.org_id = $1 and x.bucket <= beginning and not x.gone and (x.bucket, x.kind, x.id) > (beginning, after_kind, after_id)
            order by x.bucket, x.kind, x.id limit 1) l) then
          cut := turn - 1;
          exit;
        end if;
      end if;
    end loop;
    if cut is null or lot_turns[lots] <= cut then
      last_kind := null;
      last_id := null;
    end if;
  end if;
  -- A document comes once, however many buckets it is in.
  if mend is not null or (lot_turns[1] < lot_turns[lots] or moved > 0 and lots > 0) and exists (
      select from (
        select e.id from unnest(filled) e(id)
        union all
        select distinct m.id from unnest(nos, ids) m(no, id) where moved > 0 and spots[m.no] is not null) e
      group by e.id having count(*) > 1) then
    cut := null;
    last_kind := null;
    last_id := null;
    lots := 0;
    -- What moved comes first, then bucket after bucket by key.
    select array_agg(e.turn), array_agg(e.no::text), array_agg(e.kind), array_agg(e.id), array_agg(e.gone), count(*)
    into turns, marks, kinds, ids, gones, n
    from (
      select 0 turn, spots[m.no] no, m.kind, m.id, m.gone from unnest(nos, kinds, ids, gones) m(no, kind, id, gone)
      where moved > 0 and spots[m.no] is not null
      union all (
        select c.turn::int, kept + c.turn::int - 1, l.kind, l.id, false
        from unnest(case when filling then candidates end) with ordinality c(bucket, turn) cross join lateral (
          select x.kind, x.id from public.sync_member x
          where x.org_id = $1 and x.bucket <= c.bucket and not x.gone and (x.bucket, x.kind, x.id) > (c.bucket,
            case when c.bucket = part and c.bucket <> all (again) then upto_kind else '' end,
            case when c.bucket = part and c.bucket <> all (again) then upto_id else '00000000-0000-0000-0000-000000000000' end)
          order by x.bucket, x.kind, x.id limit room + 1) l
        order by c.turn, l.kind, l.id limit room + 1)
      union all
      select 1, array_position(names, mend) - 1, x.kind, x.id, false from public.sync_member x
      where mend is not null and x.org_id = $1 and x.bucket = mend and not x.gone and get_byte(uuid_send(x.id), 15) = any (ranges)
      order by 1, 3, 4) e;
    if n > moved then
      edge := (select min(w.place) from (
        select e.place, sum(160 + coalesce(d.bytes, 0)) over (order by e.place rows unbounded preceding) upto
        from unnest(kinds, ids, gones) with ordinality e(kind, id, gone, place) left join lateral (
          select octet_length(x.body) bytes from public.sync_doc x
          where x.org_id = $1 and x.kind = e.kind and x.id = e.id and not e.gone offset 0) d on true) w
        where w.place > moved + 1 and (w.place > moved + room or w.upto > max_bytes));
      if edge is not null then
        cut := turns[edge] - 1;
        if turns[edge] = turns[edge - 1] then
          last_kind := kinds[edge - 1];
          last_id := ids[edge - 1];
        end if;
        marks := marks[:edge - 1];
        kinds := kinds[:edge - 1];
        ids := ids[:edge - 1];
        gones := gones[:edge - 1];
      end if;
    end if;
    if (turns[1] < turns[n] or moved > 1)
        and exists (select from unnest(kinds, ids, gones) e(kind, id, gone) group by e.kind, e.id, e.gone having count(*) > 1) then
      select array_agg(e.marks), array_agg(e.kind), array_agg(e.id), array_agg(e.gone), count(*) filter (where e.place <= moved)
      into marks, kinds, ids, gones, moved
      from (
        select string_agg(distinct u.mark, ',') marks, u.kind, u.id, u.gone, min(u.place) place
        from unnest(marks, kinds, ids, gones) with ordinality u(mark, kind, id, gone, place)
        group by u.kind, u.id, u.gone order by 5) e;
    end if;
    return query select null::text, case when e.gone then public.sync_frame_gone(e.mark, e.kind, e.id)
        else public.sync_frame(public.sync_frame_head(e.mark, e.kind), e.id, d.ver, d.h, d.body) end
      from unnest(marks, kinds, ids, gones) e(mark, kind, id, gone)
      left join lateral (
        select x.ver, x.h, x.body from public.sync_doc x
        where x.org_id = $1 and x.kind = e.kind and x.id = e.id and not e.gone offset 0) d on true
      where e.gone or d.body is not null;
  elsif moved > 0 then
    if lots > 0 then
      used := (select sum(160 + coalesce(d.bytes, 0)) from unnest(nos, kinds, ids, gones) m(no, kind, id, gone) left join lateral (
        select octet_length(x.body) bytes from public.sync_doc x
        where x.org_id = $1 and x.kind = m.kind and x.id = m.id and not m.gone offset 0) d on true
        where spots[m.no] is not null);
    end if;
    return query select null::text, case when e.gone then public.sync_frame_gone(e.mark, e.kind, e.id)
        else public.sync_frame(public.sync_frame_head(e.mark, e.kind), e.id, d.ver, d.h, d.body) end
      from (
        select string_agg(spots[m.no]::text, ',') mark, m.kind, m.id, m.gone from unnest(nos, kinds, ids, gones) m(no, kind, id, gone)
        where spots[m.no] is not null group by m.kind, m.id, m.gone) e
      left join lateral (
        select x.ver, x.h, x.body from public.sync_doc x
        where x.org_id = $1 and x.kind = e.kind and x.id = e.id and not e.gone offset 0) d on true
      where e.gone or d.body is not null;
    moved := (select count(*) from (
      select from unnest(nos, kinds, ids, gones) m(no, kind, id, gone) where spots[m.no] is not null group by m.kind, m.id, m.gone) e);
  end if;
  for lot_no in 1 .. lots loop
    n := lot_ns[lot_no];
    alone := false;
    -- A catalogue is alone between its keys: then it is read as it lies, and not looked up one by one. That it is the same documents, their
    -- count and digest say, as they say it of a device.
    -- Of one kind: the index ends a range of ids where it ends, but one of (kind, id) only with the organisation's documents.
    if n > 100 then
      select count(*) = n and bit_xor(d.h) = lot_sums[lot_no], sum(160 + d.bytes) into alone, weight from (
        select x.h, octet_length(x.body) bytes from public.sync_doc x
        where x.org_id = $1 and x.kind = lot_kinds[lot_no] and x.id >= filled[place + 1] and x.id <= filled[place + n] and x.body is not null
        order by x.id limit n + 1) d;
    end if;
    if not alone then
      weight := (select sum(160 + coalesce(d.bytes, 0)) from unnest(filled[place + 1 : place + n]) e(id) left join lateral (
        select octet_length(x.body) bytes from public.sync_doc x
        where x.org_id = $1 and x.kind = lot_kinds[lot_no] and x.id = e.id offset 0) d on true);
    end if;
    used := used + weight;
    if used > max_bytes then
      -- A page brings one document, however large.
      edge := (select min(w.place) from (
        select place + e.no place, used - weight + sum(160 + coalesce(d.bytes, 0)) over (order by e.no rows unbounded preceding) upto
        from unnest(filled[place + 1 : place + n]) with ordinality e(id, no) left join lateral (
          select octet_length(x.body) bytes from public.sync_doc x
          where x.org_id = $1 and x.kind = lot_kinds[lot_no] and x.id = e.id offset 0) d on true) w
        where w.place > 1 and w.upto > max_bytes);
      if edge is not null then
        n := edge - 1 - place;
        cut := lot_turns[lot_no] - 1;
        last_kind := case when n > 0 then lot_kinds[lot_no] when lot_turns[lot_no - 1] = lot_turns[lot_no] then lot_kinds[lot_no - 1] end;
        last_id := case when last_kind is not null then filled[edge - 1] end;
      end if;
    end if;
    head := public.sync_frame_head((kept + lot_turns[lot_no] - 1)::text, lot_kinds[lot_no]);
    if alone and n > 0 then
      return query select null::text, public.sync_frame(head, x.id, x.ver, x.h, x.body) from public.sync_doc x
        where x.org_id = $1 and x.kind = lot_kinds[lot_no] and x.id >= filled[place + 1] and x.id <= filled[place + n] and x.body is not null
        order by x.id;
    else
      return query select null::text, public.sync_frame(head, e.id, d.ver, d.h, d.body) from unnest(filled[place + 1 : place + n]) e(id)
        cross join lateral (
          select x.ver, x.h, x.body from public.sync_doc x
          where x.org_id = $1 and x.kind = lot_kinds[lot_no] and x.id = e.id and x.body is not null offset 0) d;
    end if;
    exit when used > max_bytes and edge is not null;
    place := place + n;
  end loop;
  about := about || ',' || ltrim(json_build_object('names', names, 'kept', kept, 'again', again, 'left_out', left_out,
    'documents', documents, 'cut', cut, 'last', case when last_kind is not null then json_build_array(last_kind, last_id) end, 'moved', moved)::text, '{');
  frame := null;
  return next;
end
$$;

-- Pages of several devices that follow the buckets they hold, in one statement, so in one snapshot: what a statement costs by itself is shared.
-- Each device proves itself, by the hash of its secret, and names its own organisation: no ask sees anything of another one.
--
-- Arrays have an element per ask; `wholes` are arrays of buckets as text. What comes back, per ask (`no`, from 1): what `sync_page` tells about a
-- page, and its frames in one piece, `lines` of them. An ask without a row is to be made alone: where buckets come or go or have forgotten what
-- ended, where another life has begun, where much has moved or a document is large, or the frames given before it are more than `enough` bytes.
create or replace function sync_pages(orgs uuid[], devices uuid[], secrets bytea[], sessions uuid[], now timestamptz, lives uuid[], sinces text[],
  wholes text[], enough int)
returns table (no int, about text, frames bytea)
language plpgsql stable security definer set search_path = pg_catalog, public, pg_temp set enable_seqscan = off
set enable_sort = off set plan_cache_mode = force_generic_plan as $$
#variable_conflict use_column
begin
  return query
  select w.no, case w.wrong when 1 then '{"refused":"device"}' when 2 then '{"refused":"session"}' else w.about || case when w.moved > 0
    then ',"names":' || array_to_json(w.whole) || ',"kept":' || cardinality(w.whole) || ',"lines":' || w.lines || '}' else '}' end end, w.frames
  from (
    select q.no::int no, q.wrong, q.plain, q.whole, m.moved, m.large, m.lines, m.frames, public.sync_about(q.life, q.last_n, q.seen_n, q.want) about,
      -- Only what is given counts: what its device reads alone takes nothing from those behind it.
      sum(case when m.moved <= 200 and m.large is not true then octet_length(m.frames) end)
        over (order by q.no rows between unbounded preceding and 1 preceding) before
    from (
      -- Who is refused is not plain, and so nothing of the buckets is looked at.
      select p.*, p.wrong = 0 and p.want <@ p.whole and p.whole <@ p.want
        and not exists (select from public.sync_floor x where x.org_id = p.org and x.floor > pg_snapshot_xmin(p.since)) plain
      from (
        select a.no, a.org, a.since::pg_snapshot since, a.whole::text[] whole, a.life, k.last_n, k.seen_n,
          case when k.last_n is null then 1 when a.session is not null and k.live and k.session_person is null then 2 else 0 end wrong,
          -- Null where another life has begun.
          case when a.life = (select l.life from public.sync_life l
              where l.rel = 'public.sync_life'::regclass and l.db = public.sync_database() and l.system = public.sync_system()) then
            array['dev/' || a.device] || case when k.live and (k.crew_id is null or (select true from public.crew_member c
                where c.org_id = a.org and c.person_id = k.opener and c.crew_id = k.crew_id and c.from_at <= $5 and (c.to_at is null or c.to_at > $5)
                limit 1))
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
        offset 0) p
      offset 0) q
    cross join lateral public.sync_moved(q.plain, q.org, q.whole, q.since) m) w
  where w.wrong > 0 or w.plain and w.moved <= 200 and w.large is not true and (w.moved = 0 or coalesce(w.before, 0) <= enough);
end
$$;

revoke execute on function sync_moved(boolean, uuid, text[], pg_snapshot), sync_frame(text, uuid, bigint, bigint, bytea), sync_frame_head(text, text), sync_frame_gone(text, text, uuid),
  sync_about(uuid, bigint, bigint, text[]),
  sync_page(uuid, uuid, bytea, uuid, uuid, timestamptz, uuid, pg_snapshot, text[], text, text, uuid, text[], boolean, boolean, text, int[], int, int, int, int, int),
  sync_pages(uuid[], uuid[], bytea[], uuid[], timestamptz, uuid[], text[], text[], int) from public;

grant execute on function
  sync_page(uuid, uuid, bytea, uuid, uuid, timestamptz, uuid, pg_snapshot, text[], text, text, uuid, text[], boolean, boolean, text, int[], int, int, int, int, int),
  sync_pages(uuid[], uuid[], bytea[], uuid[], timestamptz, uuid[], text[], text[], int) to onsite_app;
