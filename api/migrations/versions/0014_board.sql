-- Board: which jobs and visits changed since a snapshot, told by the transaction that wrote them last, as `sync_member` tells it for
-- phones. What was there before counts as written by the first transaction of all. A blank line after a semicolon ends a statement.

alter table job add column changed xid8 not null default '3';

alter table job alter column changed set default pg_current_xact_id();

alter table visit add column changed xid8 not null default '3';

alter table visit alter column changed set default pg_current_xact_id();

CREATE INDEX job_changed_idx ON job (org_id, changed);

CREATE INDEX visit_changed_idx ON visit (org_id, changed);

create or replace function onsite_note_change() returns trigger language plpgsql as $$
begin
  new.changed := pg_current_xact_id();
  return new;
end
$$;

create trigger note_change before update on job for each row execute function onsite_note_change();

create trigger note_change before update on visit for each row execute function onsite_note_change();
