-- Approval: policies with scopes, steps and escalation; work calendars; delegations; allowances signed by a key of the organisation. What
-- waits already gets its one step, so that nobody has to ask anew. A blank line after a semicolon ends a statement.

alter table duty add column roster TEXT NOT NULL DEFAULT 'duty_chief';

alter table policy
  add column scope JSONB,
  add column calendar TEXT,
  add column zone TEXT,
  add column after_hours_duty TEXT NOT NULL DEFAULT 'duty_chief',
  add column escalation JSONB,
  add column active BOOLEAN NOT NULL DEFAULT true;

-- Phones know the organisation's zone by its policies.
update policy p set zone = o.zone from organisation o where o.org_id = p.org_id;

alter table approval
  add column own_amount NUMERIC,
  add column steps JSONB NOT NULL DEFAULT '[]',
  add column step INTEGER NOT NULL DEFAULT 0,
  add column acting_for_id UUID,
  add column lines JSONB NOT NULL DEFAULT '[]',
  add column after_the_fact BOOLEAN NOT NULL DEFAULT false,
  add column allowance_id UUID,
  add column escalate_at TIMESTAMP WITH TIME ZONE,
  add column escalated_at TIMESTAMP WITH TIME ZONE,
  add column inboxes JSONB NOT NULL DEFAULT '[]';

update approval a set own_amount = r.amount from material_request r where r.org_id = a.org_id and r.id = a.subject_id;

update approval set
  steps = jsonb_build_array(jsonb_build_object('rule', 'any_of', 'decisions', '[]'::jsonb, 'approvers', jsonb_build_array(
    case when person_id is null then jsonb_build_object('role', role) else jsonb_build_object('person_id', person_id) end))),
  inboxes = jsonb_build_array(case when person_id is null then 'role/' || role else 'me/' || person_id end)
where state = 'waiting';

CREATE INDEX approval_escalate_at_idx ON approval (org_id, escalate_at) WHERE state = 'waiting' and escalate_at is not null;

create table work_calendar (
  org_id UUID NOT NULL,
  id UUID NOT NULL,
  code TEXT NOT NULL,
  name JSONB NOT NULL,
  zone TEXT,
  site_ids JSONB NOT NULL,
  hours JSONB NOT NULL,
  days JSONB NOT NULL,
  CONSTRAINT work_calendar_pkey PRIMARY KEY (org_id, id)
);

CREATE UNIQUE INDEX work_calendar_code_idx ON work_calendar (org_id, code);

alter table work_calendar enable row level security;

create policy own_organisation on work_calendar using (org_id = current_setting('onsite.org')::uuid)
  with check (org_id = current_setting('onsite.org')::uuid);

create table delegation (
  org_id UUID NOT NULL,
  id UUID NOT NULL,
  from_id UUID NOT NULL,
  to_id UUID NOT NULL,
  from_at TIMESTAMP WITH TIME ZONE NOT NULL,
  to_at TIMESTAMP WITH TIME ZONE NOT NULL,
  subjects JSONB NOT NULL,
  ceiling NUMERIC,
  reason TEXT NOT NULL,
  roles JSONB NOT NULL,
  in_force BOOLEAN NOT NULL,
  CONSTRAINT delegation_pkey PRIMARY KEY (org_id, id)
);

CREATE INDEX delegation_to_at_idx ON delegation (org_id, to_at);

alter table delegation enable row level security;

create policy own_organisation on delegation using (org_id = current_setting('onsite.org')::uuid)
  with check (org_id = current_setting('onsite.org')::uuid);

create table allowance (
  org_id UUID NOT NULL,
  id UUID NOT NULL,
  person_id UUID,
  crew_id UUID,
  ceiling NUMERIC NOT NULL,
  currency TEXT NOT NULL,
  from_at TIMESTAMP WITH TIME ZONE NOT NULL,
  to_at TIMESTAMP WITH TIME ZONE NOT NULL,
  granted_by UUID,
  granted_at TIMESTAMP WITH TIME ZONE NOT NULL,
  key_id UUID NOT NULL,
  signature TEXT NOT NULL,
  drawn NUMERIC NOT NULL,
  withdrawn_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT allowance_pkey PRIMARY KEY (org_id, id)
);

CREATE INDEX allowance_person_id_to_at_idx ON allowance (org_id, person_id, to_at);

alter table allowance enable row level security;

create policy own_organisation on allowance using (org_id = current_setting('onsite.org')::uuid)
  with check (org_id = current_setting('onsite.org')::uuid);

create table signing_key (
  org_id UUID NOT NULL,
  id UUID NOT NULL,
  public_key TEXT NOT NULL,
  made_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT signing_key_pkey PRIMARY KEY (org_id, id)
);

alter table signing_key enable row level security;

create policy own_organisation on signing_key using (org_id = current_setting('onsite.org')::uuid)
  with check (org_id = current_setting('onsite.org')::uuid);

create table signing_secret (
  org_id UUID NOT NULL,
  key_id UUID NOT NULL,
  seed BYTEA NOT NULL,
  made_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT signing_secret_pkey PRIMARY KEY (org_id, key_id)
);

alter table signing_secret enable row level security;

create policy own_organisation on signing_secret using (org_id = current_setting('onsite.org')::uuid)
  with check (org_id = current_setting('onsite.org')::uuid);
