-- What the reconciliation found and how it was resolved. Which jobs a day touched is asked by the instants of moves and of ends of visits.
create table stock_exception (
  org_id uuid not null,
  id uuid not null,
  kind text not null,
  state text not null,
  day date not null,
  job_id uuid,
  part_id uuid,
  location_id uuid,
  subject_id uuid,
  issued numeric,
  on_form numeric,
  used numeric,
  returned numeric,
  written_off numeric,
  difference numeric,
  in_transit numeric,
  serials_missing jsonb not null,
  serials_extra jsonb not null,
  copies jsonb not null,
  found_at timestamp with time zone not null,
  changed_at timestamp with time zone,
  settled_at timestamp with time zone,
  resolutions jsonb not null,
  constraint stock_exception_pkey primary key (org_id, id)
);

create index stock_exception_state_id_idx on stock_exception (org_id, state, id);

create index stock_exception_day_idx on stock_exception (org_id, day);

create index stock_exception_job_id_idx on stock_exception (org_id, job_id);

alter table stock_exception enable row level security;

create policy own_organisation on stock_exception using (org_id = current_setting('onsite.org')::uuid)
  with check (org_id = current_setting('onsite.org')::uuid);

create table reconciliation (
  org_id uuid not null,
  id uuid not null,
  day date not null,
  reconciled_at timestamp with time zone not null,
  reconciled_by uuid,
  moves integer not null,
  jobs integer not null,
  matched integer not null,
  under_way integer not null,
  found jsonb not null,
  constraint reconciliation_pkey primary key (org_id, id)
);

create index reconciliation_day_idx on reconciliation (org_id, day);

alter table reconciliation enable row level security;

create policy own_organisation on reconciliation using (org_id = current_setting('onsite.org')::uuid)
  with check (org_id = current_setting('onsite.org')::uuid);

grant select, insert, update, delete on stock_exception, reconciliation to onsite_app;

create index stock_move_occurred_at_idx on stock_move (org_id, occurred_at);

create index visit_ended_at_idx on visit (org_id, ended_at) where ended_at is not null;
