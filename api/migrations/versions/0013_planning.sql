-- Planning: locks of visits, proposals. A blank line after a semicolon ends a statement.

alter table visit add column lock JSONB;

-- What is not over: a few of the visits of years.
CREATE INDEX visit_planned_start_at_idx ON visit (org_id, planned_start_at)
  WHERE state in ('tentative', 'scheduled', 'dispatched', 'accepted', 'en_route', 'on_site', 'working', 'paused');

alter table job_type add column setup_min INTEGER NOT NULL DEFAULT 0, add column crews INTEGER NOT NULL DEFAULT 1,
  add column second_skills JSONB NOT NULL DEFAULT '[]';

create table planning_rules (
  org_id UUID NOT NULL,
  id UUID NOT NULL,
  freeze_min INTEGER NOT NULL,
  told_shift_min INTEGER NOT NULL,
  most_changed_percent INTEGER NOT NULL,
  break_grace_min INTEGER NOT NULL,
  store_handling_min INTEGER NOT NULL,
  breaks JSONB NOT NULL,
  store_hours JSONB NOT NULL,
  CONSTRAINT planning_rules_pkey PRIMARY KEY (org_id, id)
);

alter table planning_rules enable row level security;

create policy own_organisation on planning_rules using (org_id = current_setting('onsite.org')::uuid)
  with check (org_id = current_setting('onsite.org')::uuid);

grant select, insert, update, delete on planning_rules to onsite_app;

create table plan_proposal (
  org_id UUID NOT NULL,
  id UUID NOT NULL,
  kind TEXT NOT NULL,
  made_at TIMESTAMP WITH TIME ZONE NOT NULL,
  made_by UUID,
  expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
  body BYTEA NOT NULL,
  basis BYTEA,
  committed_at TIMESTAMP WITH TIME ZONE,
  commit_key UUID,
  commit_digest BYTEA,
  commit_answer BYTEA,
  CONSTRAINT plan_proposal_pkey PRIMARY KEY (org_id, id)
);

comment on table plan_proposal is 'Proposals of the planner as they were made; one that nobody committed goes soon after it expired.';

comment on column plan_proposal.basis is 'The problem and the plan, for explanations; null: too large to keep.';

CREATE INDEX plan_proposal_org_id_expires_at_idx ON plan_proposal (org_id, expires_at);

CREATE UNIQUE INDEX plan_proposal_org_id_commit_key_key ON plan_proposal (org_id, commit_key) WHERE commit_key is not null;

alter table plan_proposal enable row level security;

create policy own_organisation on plan_proposal using (org_id = current_setting('onsite.org')::uuid)
  with check (org_id = current_setting('onsite.org')::uuid);

grant select, insert, update, delete on plan_proposal to onsite_app;
