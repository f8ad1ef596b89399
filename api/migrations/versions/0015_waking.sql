-- Waking: where a sleeping phone is reached; storms. A blank line after a semicolon ends a statement.

create table storm (
  org_id UUID NOT NULL,
  id UUID NOT NULL,
  level INTEGER NOT NULL,
  district_ids JSONB NOT NULL,
  note TEXT NOT NULL,
  declared_at TIMESTAMP WITH TIME ZONE NOT NULL,
  declared_by UUID,
  changed_at TIMESTAMP WITH TIME ZONE,
  ended_at TIMESTAMP WITH TIME ZONE,
  ended_by UUID,
  CONSTRAINT storm_pkey PRIMARY KEY (org_id, id)
);

CREATE INDEX storm_level_declared_at_idx ON storm (org_id, level, declared_at) WHERE ended_at is null;

alter table storm enable row level security;

create policy own_organisation on storm using (org_id = current_setting('onsite.org')::uuid)
  with check (org_id = current_setting('onsite.org')::uuid);

create table device_waking (
  org_id UUID NOT NULL,
  device_id UUID NOT NULL,
  provider TEXT NOT NULL,
  endpoint TEXT NOT NULL,
  p256dh BYTEA NOT NULL,
  auth BYTEA NOT NULL,
  since TIMESTAMP WITH TIME ZONE NOT NULL,
  expires_at TIMESTAMP WITH TIME ZONE,
  woken_at TIMESTAMP WITH TIME ZONE,
  called_at TIMESTAMP WITH TIME ZONE,
  tries INTEGER DEFAULT 0 NOT NULL,
  CONSTRAINT device_waking_pkey PRIMARY KEY (org_id, device_id),
  CONSTRAINT device_waking_org_id_fkey FOREIGN KEY (org_id, device_id) REFERENCES sync_device (org_id, device_id) ON DELETE CASCADE
);

comment on table device_waking is 'Where a sleeping phone is reached; no row: it cannot be woken. called_at: of the visit it was last woken for, tries: how often since.';

alter table device_waking enable row level security;

create policy own_organisation on device_waking using (org_id = current_setting('onsite.org')::uuid)
  with check (org_id = current_setting('onsite.org')::uuid);
