-- Board: which jobs and visits changed since a snapshot, told by the transaction that wrote them last, as `sync_member` tells it for
-- phones. What was there before counts as written by the first transaction of all. A blank line after a semicolon ends a statement.

alter table job add column changed xid8 not null default '3';

alter table job alter column changed set default pg_current_xact_id();

alter table visit add column changed xid8 not null default '3';

alter table visit alter column changed set default pg_current_xact_id();

CREATE INDEX job_changed_idx ON job (org_id, changed);

CREATE INDEX visit_changed_idx ON visit (org_id, changed);

CREATE INDEX job_id_idx ON job (org_id, id) WHERE conflicts <> '[]';

create or replace function onsite_note_change() returns trigger language plpgsql as $$
begin
  new.changed := pg_current_xact_id();
  return new;
end
$$;

create trigger note_change before update on job for each row execute function onsite_note_change();

create trigger note_change before update on visit for each row execute function onsite_note_change();

-- After a logical restore rows carry transaction ids of another server, some of them from this one's future: those would be news for ever.
-- In the blocks from $1 up to $2 they become news of this transaction: no board is older than the life that begins after it.
create or replace function board_settle(from_block bigint, to_block bigint) returns bigint
language sql volatile security definer set search_path = pg_catalog, public, pg_temp as $$
  with jobs as (
    update public.job set changed = changed
    where ctid >= ('(' || $1 || ',0)')::tid and ctid < ('(' || $2 || ',0)')::tid and changed >= pg_snapshot_xmax(pg_current_snapshot())
    returning 1),
  visits as (
    update public.visit set changed = changed
    where ctid >= ('(' || $1 || ',0)')::tid and ctid < ('(' || $2 || ',0)')::tid and changed >= pg_snapshot_xmax(pg_current_snapshot())
    returning 1)
  select (select count(*) from jobs) + (select count(*) from visits)
$$;

revoke execute on function board_settle(bigint, bigint) from public;

grant execute on function board_settle(bigint, bigint) to onsite_app;
