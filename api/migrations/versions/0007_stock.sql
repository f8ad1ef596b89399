-- The ledger: what a place holds of a part is kept beside the moves; lots, transfers, counts, loans.

-- A kind that is none of the ledger's was a store under another name.
update stock_location set kind = 'store' where kind not in ('supplier', 'store', 'bin', 'transit', 'van', 'job', 'customer', 'returned',
  'repair_shop', 'scrap', 'loan', 'count_difference');

alter table stock_location add column parent_id uuid, add column site_id uuid, add column active boolean not null default true;

alter table stock_move add column lot text not null default '', add column unit text, add column currency text, add column slip_id uuid,
  add column line_no integer, add column transfer_id uuid, add column count_id uuid, add column loan_id uuid, add column reverses_id uuid,
  add column reason text not null default '', add column command_id uuid;

-- What a place held of a part at an instant, and what moved there since.
create index stock_move_from_location_id_part_id_occurred_at_idx on stock_move (org_id, from_location_id, part_id, occurred_at);

create index stock_move_to_location_id_part_id_occurred_at_idx on stock_move (org_id, to_location_id, part_id, occurred_at);

drop index stock_move_from_location_id_part_id_idx;

drop index stock_move_to_location_id_part_id_idx;

create index stock_move_transfer_id_idx on stock_move (org_id, transfer_id) where transfer_id is not null;

create index stock_move_count_id_idx on stock_move (org_id, count_id) where count_id is not null;

create index stock_move_reverses_id_idx on stock_move (org_id, reverses_id) where reverses_id is not null;

create index stock_move_part_id_serial_idx on stock_move (org_id, part_id, serial) where serial <> '';

create table stock_level (
  org_id uuid not null,
  id uuid not null,
  location_id uuid not null,
  part_id uuid not null,
  quantity numeric not null,
  reserved numeric not null,
  reorder_point numeric,
  reorder_quantity numeric,
  counted_at timestamp with time zone,
  constraint stock_level_pkey primary key (org_id, id)
) with (fillfactor = 80);

create unique index stock_level_location_id_part_id_idx on stock_level (org_id, location_id, part_id);

create index stock_level_part_id_idx on stock_level (org_id, part_id);

alter table stock_level enable row level security;

create policy own_organisation on stock_level using (org_id = current_setting('onsite.org')::uuid)
  with check (org_id = current_setting('onsite.org')::uuid);

create table stock_transfer (
  org_id uuid not null,
  id uuid not null,
  state text not null,
  from_location_id uuid,
  to_location_id uuid,
  arrived_location_id uuid,
  lines jsonb not null,
  shipped_at timestamp with time zone,
  shipped_by uuid,
  confirmed_at timestamp with time zone,
  confirmed_by uuid,
  reason text not null,
  constraint stock_transfer_pkey primary key (org_id, id)
);

create index stock_transfer_state_id_idx on stock_transfer (org_id, state, id);

create index stock_transfer_from_location_id_idx on stock_transfer (org_id, from_location_id);

create index stock_transfer_to_location_id_idx on stock_transfer (org_id, to_location_id);

create index stock_transfer_arrived_location_id_idx on stock_transfer (org_id, arrived_location_id);

alter table stock_transfer enable row level security;

create policy own_organisation on stock_transfer using (org_id = current_setting('onsite.org')::uuid)
  with check (org_id = current_setting('onsite.org')::uuid);

create table stock_count (
  org_id uuid not null,
  id uuid not null,
  location_id uuid not null,
  mode text not null,
  as_of timestamp with time zone not null,
  lines jsonb not null,
  counted_by uuid,
  recorded_at timestamp with time zone not null,
  note text not null,
  constraint stock_count_pkey primary key (org_id, id)
);

create index stock_count_location_id_as_of_idx on stock_count (org_id, location_id, as_of);

alter table stock_count enable row level security;

create policy own_organisation on stock_count using (org_id = current_setting('onsite.org')::uuid)
  with check (org_id = current_setting('onsite.org')::uuid);

create table stock_loan (
  org_id uuid not null,
  id uuid not null,
  location_id uuid not null,
  part_id uuid not null,
  quantity numeric not null,
  returned numeric not null,
  serial text not null,
  lot text not null,
  borrower text not null,
  person_id uuid,
  deposit numeric not null,
  overnight_charge numeric not null,
  charge numeric not null,
  deposit_returned numeric not null,
  currency text not null,
  lent_at timestamp with time zone not null,
  due_at timestamp with time zone,
  returned_at timestamp with time zone,
  constraint stock_loan_pkey primary key (org_id, id)
);

create index stock_loan_due_at_id_idx on stock_loan (org_id, due_at, id);

alter table stock_loan enable row level security;

create policy own_organisation on stock_loan using (org_id = current_setting('onsite.org')::uuid)
  with check (org_id = current_setting('onsite.org')::uuid);

-- The id of a level: the first 16 bytes of SHA-256 over both ids, marked as a UUID of version 8 (mobile_contract.rules.stock.level_id).
create function stock_level_id(location uuid, part uuid) returns uuid language sql immutable parallel safe as $$
  select encode(set_byte(set_byte(h, 6, (get_byte(h, 6) & 15) | 128), 8, (get_byte(h, 8) & 63) | 128), 'hex')::uuid
  from (select substring(sha256(uuid_send($1) || uuid_send($2)) for 16) h) s
$$;

insert into stock_level (org_id, id, location_id, part_id, quantity, reserved)
select m.org_id, stock_level_id(m.location_id, m.part_id), m.location_id, m.part_id, sum(m.quantity), 0 from (
  select org_id, to_location_id location_id, part_id, quantity from stock_move
  union all select org_id, from_location_id, part_id, -quantity from stock_move) m
join stock_location l on l.org_id = m.org_id and l.id = m.location_id and l.kind in ('store', 'bin', 'van', 'repair_shop')
group by m.org_id, m.location_id, m.part_id;

drop function stock_balances(uuid, uuid[], uuid[]);

-- Lock levels in the order of their ids, then tell them and what of their past may matter. VOLATILE on purpose: each statement takes a
-- snapshot of its own, so what is read after a lock is what the holder of the lock left. `since`: the earliest instant at which something is
-- booked there; `folded`: the moves since then are asked too. A level that is no row yet is held by its name, and the row of its location is
-- held against a change of the crew that has the van: `crews` tells who has it. Everything is looked up by a key, so a plan made for any
-- values does, and it must not be one that reads a whole table because the table was small when it was made.
create function stock_levels(org uuid, ids uuid[], locations uuid[], parts uuid[], since timestamptz[], folded boolean[])
returns table (location_id uuid, part_id uuid, level text, counts text, later text, crews uuid[])
language plpgsql volatile set plan_cache_mode = force_generic_plan set enable_seqscan = off as $$
#variable_conflict use_column
declare
  missing uuid[];
  one uuid;
begin
  perform 1 from stock_level l where l.org_id = $1 and l.id = any($2) order by l.id for update;
  missing := array(select k.id from unnest($2) k(id)
    where not exists (select from stock_level l where l.org_id = $1 and l.id = k.id) order by k.id);
  if missing <> '{}' then
    foreach one in array missing loop
      perform pg_advisory_xact_lock(hashtextextended('stock_level/' || one, 0));
    end loop;
    perform 1 from stock_level l where l.org_id = $1 and l.id = any(missing) order by l.id for update;
    perform 1 from stock_location l where l.org_id = $1 and l.id = any($3) order by l.id for share;
  end if;
  return query
  select k.location_id, k.part_id, row_to_json(l)::text,
    case when l.counted_at >= k.since then coalesce((
      select json_agg(json_build_array(c.as_of, c.id))::text from stock_count c
      where c.org_id = $1 and c.location_id = k.location_id and c.as_of >= k.since
        and c.lines @> jsonb_build_array(jsonb_build_object('part_id', k.part_id))), '[]') else '[]' end,
    case when k.folded then coalesce((
      select json_agg(json_build_array(m.occurred_at, m.count_id, m.quantity))::text from (
        select i.occurred_at, i.count_id, i.quantity from stock_move i
        where i.org_id = $1 and i.to_location_id = k.location_id and i.part_id = k.part_id and i.occurred_at >= k.since
        union all select o.occurred_at, o.count_id, -o.quantity from stock_move o
        where o.org_id = $1 and o.from_location_id = k.location_id and o.part_id = k.part_id and o.occurred_at >= k.since) m), '[]')
      else '[]' end,
    case when l.id is null then array(select c.id from crew c where c.org_id = $1 and c.van_id = k.location_id order by c.id)
      else '{}' end
  from unnest($2, $3, $4, $5, $6) k(id, location_id, part_id, since, folded)
  left join stock_level l on l.org_id = $1 and l.id = k.id;
end
$$
