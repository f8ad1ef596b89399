-- Requests from asking to closing, issue slips, forms in three copies, the rules of an organisation. What exists keeps its meaning: a
-- catalogue without numbers of GS1, of the general class and without a price; requests that nobody took, closed or signed.
alter table part
  add column gtins jsonb not null default '[]',
  add column part_class text not null default 'general',
  add column price numeric,
  add column lot_tracked boolean not null default false,
  add column substitutes jsonb not null default '[]';

alter table material_request
  add column allowance_id uuid,
  add column taken_at timestamptz,
  add column store_id uuid,
  add column price_accepted_at timestamptz,
  add column first_used_at timestamptz,
  add column closed_at timestamptz,
  add column closed_by uuid,
  add column reason text not null default '',
  add column flags jsonb not null default '[]';

create index material_request_state_id_idx on material_request (org_id, state, id);

create table issue_slip (
  org_id uuid not null,
  id uuid not null,
  number text not null,
  job_id uuid not null,
  request_id uuid not null,
  store_id uuid not null,
  crew_id uuid,
  person_id uuid,
  form_id uuid,
  lines jsonb not null,
  issued_at timestamptz not null,
  issued_by uuid,
  received_at timestamptz,
  constraint issue_slip_pkey primary key (org_id, id),
  constraint issue_slip_org_id_job_id_fkey foreign key (org_id, job_id) references job (org_id, id)
);

create index issue_slip_number_idx on issue_slip (org_id, number);

create index issue_slip_org_id_job_id_idx on issue_slip (org_id, job_id);

alter table issue_slip enable row level security;

create policy own_organisation on issue_slip using (org_id = current_setting('onsite.org')::uuid)
  with check (org_id = current_setting('onsite.org')::uuid);

create table repair_form (
  org_id uuid not null,
  id uuid not null,
  number text not null,
  job_id uuid not null,
  visit_id uuid,
  shift text not null,
  opened_at timestamptz not null,
  opened_by uuid,
  material_drawn boolean not null,
  copies jsonb not null,
  next_due_at timestamptz,
  constraint repair_form_pkey primary key (org_id, id),
  constraint repair_form_org_id_job_id_fkey foreign key (org_id, job_id) references job (org_id, id)
);

create index repair_form_number_idx on repair_form (org_id, number);

create index repair_form_org_id_job_id_idx on repair_form (org_id, job_id);

create index repair_form_next_due_at_id_idx on repair_form (org_id, next_due_at, id) where next_due_at is not null;

alter table repair_form enable row level security;

create policy own_organisation on repair_form using (org_id = current_setting('onsite.org')::uuid)
  with check (org_id = current_setting('onsite.org')::uuid);

create table material_rules (
  org_id uuid not null,
  id uuid not null,
  price_before_work boolean not null,
  default_store_id uuid,
  tolerances jsonb not null,
  form_dues jsonb not null,
  constraint material_rules_pkey primary key (org_id, id)
);

alter table material_rules enable row level security;

create policy own_organisation on material_rules using (org_id = current_setting('onsite.org')::uuid)
  with check (org_id = current_setting('onsite.org')::uuid);
