-- The first tables with their indexes and row-level security. A blank line after a semicolon ends a statement.

create table api_key (
  org_id UUID NOT NULL,
  key_id UUID NOT NULL,
  name TEXT NOT NULL,
  secret_hash BYTEA NOT NULL,
  scopes TEXT[] NOT NULL,
  made_by UUID,
  made_at TIMESTAMP WITH TIME ZONE NOT NULL,
  expires_at TIMESTAMP WITH TIME ZONE,
  revoked_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT api_key_pkey PRIMARY KEY (org_id, key_id)
);

comment on column api_key.scopes is 'command names, and `read`';

alter table api_key enable row level security;

create policy own_organisation on api_key using (org_id = current_setting('onsite.org')::uuid)
  with check (org_id = current_setting('onsite.org')::uuid);

create table contact (
  org_id UUID NOT NULL,
  id UUID NOT NULL,
  name TEXT NOT NULL,
  phone TEXT NOT NULL,
  language TEXT NOT NULL,
  site_id UUID,
  CONSTRAINT contact_pkey PRIMARY KEY (org_id, id)
);

CREATE INDEX contact_site_id_idx ON contact (org_id, site_id);

alter table contact enable row level security;

create policy own_organisation on contact using (org_id = current_setting('onsite.org')::uuid)
  with check (org_id = current_setting('onsite.org')::uuid);

create table crew (
  org_id UUID NOT NULL,
  id UUID NOT NULL,
  code TEXT NOT NULL,
  name TEXT NOT NULL,
  lead_id UUID,
  member_ids JSONB NOT NULL,
  district_ids JSONB NOT NULL,
  van_id UUID,
  active BOOLEAN NOT NULL,
  lon_deg DOUBLE PRECISION,
  lat_deg DOUBLE PRECISION,
  point geography(POINT,4326) GENERATED ALWAYS AS (st_setsrid(st_makepoint(lon_deg, lat_deg), 4326)::geography) STORED,
  CONSTRAINT crew_pkey PRIMARY KEY (org_id, id)
);

CREATE UNIQUE INDEX crew_code_idx ON crew (org_id, code);

alter table crew enable row level security;

create policy own_organisation on crew using (org_id = current_setting('onsite.org')::uuid)
  with check (org_id = current_setting('onsite.org')::uuid);

create table crew_member (
  org_id UUID NOT NULL,
  id UUID NOT NULL,
  crew_id UUID NOT NULL,
  person_id UUID NOT NULL,
  from_at TIMESTAMP WITH TIME ZONE NOT NULL,
  to_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT crew_member_pkey PRIMARY KEY (org_id, id)
);

CREATE INDEX crew_member_crew_id_from_at_idx ON crew_member (org_id, crew_id, from_at);

CREATE INDEX crew_member_person_id_from_at_idx ON crew_member (org_id, person_id, from_at);

alter table crew_member enable row level security;

create policy own_organisation on crew_member using (org_id = current_setting('onsite.org')::uuid)
  with check (org_id = current_setting('onsite.org')::uuid);

create table district (
  org_id UUID NOT NULL,
  id UUID NOT NULL,
  code TEXT NOT NULL,
  name JSONB NOT NULL,
  parent_id UUID,
  neighbour_ids JSONB DEFAULT '[]' NOT NULL,
  arrival_class TEXT NOT NULL,
  outline geography(MULTIPOLYGON,4326) NOT NULL,
  area_m2 DOUBLE PRECISION NOT NULL,
  CONSTRAINT district_pkey PRIMARY KEY (org_id, id)
);

CREATE UNIQUE INDEX district_org_id_code_key ON district (org_id, code);

CREATE INDEX district_outline_idx ON district USING gist (outline);

alter table district enable row level security;

create policy own_organisation on district using (org_id = current_setting('onsite.org')::uuid)
  with check (org_id = current_setting('onsite.org')::uuid);

create table duty (
  org_id UUID NOT NULL,
  id UUID NOT NULL,
  person_id UUID NOT NULL,
  from_at TIMESTAMP WITH TIME ZONE NOT NULL,
  to_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT duty_pkey PRIMARY KEY (org_id, id)
);

CREATE INDEX duty_from_at_idx ON duty (org_id, from_at);

alter table duty enable row level security;

create policy own_organisation on duty using (org_id = current_setting('onsite.org')::uuid)
  with check (org_id = current_setting('onsite.org')::uuid);

create table enrolment (
  org_id UUID NOT NULL,
  enrolment_id UUID NOT NULL,
  code_hash BYTEA NOT NULL,
  person_id UUID,
  crew_id UUID,
  made_by UUID,
  made_at TIMESTAMP WITH TIME ZONE NOT NULL,
  expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
  used_at TIMESTAMP WITH TIME ZONE,
  device_id UUID,
  CONSTRAINT enrolment_pkey PRIMARY KEY (org_id, enrolment_id),
  CONSTRAINT enrolment_for_one CHECK (num_nonnulls(person_id, crew_id) = 1)
);

CREATE UNIQUE INDEX enrolment_org_id_code_hash_key ON enrolment (org_id, code_hash);

comment on table enrolment is 'One-time codes by which a device becomes one of a person or a crew.';

alter table enrolment enable row level security;

create policy own_organisation on enrolment using (org_id = current_setting('onsite.org')::uuid)
  with check (org_id = current_setting('onsite.org')::uuid);

create table import_row (
  org_id UUID NOT NULL,
  noun TEXT NOT NULL,
  source TEXT NOT NULL,
  key TEXT NOT NULL,
  version INTEGER NOT NULL,
  content TEXT NOT NULL,
  imported_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT import_row_pkey PRIMARY KEY (org_id, noun, source, key)
);

comment on table import_row is 'What a source said last of each master row: saying the same again undoes no later edit.';

comment on column import_row.noun is 'sites, people, parts, districts; a job''s identity is its content';

comment on column import_row.content is 'SHA-256 of what the source said last';

alter table import_row enable row level security;

create policy own_organisation on import_row using (org_id = current_setting('onsite.org')::uuid)
  with check (org_id = current_setting('onsite.org')::uuid);

create table job (
  org_id UUID NOT NULL,
  id UUID NOT NULL,
  number TEXT NOT NULL,
  type TEXT NOT NULL,
  type_version INTEGER NOT NULL,
  state TEXT NOT NULL,
  title TEXT NOT NULL,
  description TEXT NOT NULL,
  priority TEXT NOT NULL,
  address TEXT NOT NULL,
  lon_deg DOUBLE PRECISION,
  lat_deg DOUBLE PRECISION,
  datum TEXT NOT NULL,
  district_id UUID,
  site_id UUID,
  contact_id UUID,
  required_skills JSONB NOT NULL,
  reported_at TIMESTAMP WITH TIME ZONE NOT NULL,
  opened_at TIMESTAMP WITH TIME ZONE NOT NULL,
  opened_by UUID,
  triaged_at TIMESTAMP WITH TIME ZONE,
  arrival_due_at TIMESTAMP WITH TIME ZONE,
  arrived_at TIMESTAMP WITH TIME ZONE,
  arrival_recorded_at TIMESTAMP WITH TIME ZONE,
  arrival_breached BOOLEAN NOT NULL,
  made_safe_at TIMESTAMP WITH TIME ZONE,
  held_for TEXT,
  held_until TIMESTAMP WITH TIME ZONE,
  cancelled_at TIMESTAMP WITH TIME ZONE,
  closed_at TIMESTAMP WITH TIME ZONE,
  reopened_at TIMESTAMP WITH TIME ZONE,
  reason TEXT NOT NULL,
  duplicate_of UUID,
  external_ref TEXT NOT NULL,
  found_on_site BOOLEAN NOT NULL,
  flags JSONB NOT NULL,
  conflicts JSONB NOT NULL,
  point geography(POINT,4326) GENERATED ALWAYS AS (st_setsrid(st_makepoint(lon_deg, lat_deg), 4326)::geography) STORED,
  CONSTRAINT job_pkey PRIMARY KEY (org_id, id)
);

CREATE INDEX job_arrival_due_at_id_idx ON job (org_id, arrival_due_at, id);

CREATE INDEX job_arrival_due_at_idx ON job (org_id, arrival_due_at) WHERE arrived_at is null;

CREATE INDEX job_cancelled_at_idx ON job (org_id, cancelled_at) WHERE cancelled_at is not null;

CREATE INDEX job_closed_at_idx ON job (org_id, closed_at) WHERE closed_at is not null;

CREATE INDEX job_contact_id_idx ON job (org_id, contact_id);

CREATE INDEX job_district_id_state_idx ON job (org_id, district_id, state);

CREATE INDEX job_external_ref_idx ON job (org_id, external_ref);

CREATE INDEX job_lon_deg_lat_deg_idx ON job (org_id, lon_deg, lat_deg);

CREATE INDEX job_number_idx ON job (org_id, number);

CREATE INDEX job_point_idx ON job USING gist (point);

CREATE INDEX job_reported_at_id_idx ON job (org_id, reported_at, id);

CREATE INDEX job_site_id_idx ON job (org_id, site_id);

CREATE INDEX job_state_id_idx ON job (org_id, state, id);

alter table job enable row level security;

create policy own_organisation on job using (org_id = current_setting('onsite.org')::uuid)
  with check (org_id = current_setting('onsite.org')::uuid);

create table job_type (
  org_id UUID NOT NULL,
  id UUID NOT NULL,
  code TEXT NOT NULL,
  version INTEGER NOT NULL,
  name JSONB NOT NULL,
  process TEXT NOT NULL,
  duration_min INTEGER NOT NULL,
  priority TEXT NOT NULL,
  required_skills JSONB NOT NULL,
  tasks JSONB NOT NULL,
  guards JSONB NOT NULL,
  arrival_limits JSONB NOT NULL,
  CONSTRAINT job_type_pkey PRIMARY KEY (org_id, id)
);

CREATE UNIQUE INDEX job_type_code_version_idx ON job_type (org_id, code, version);

alter table job_type enable row level security;

create policy own_organisation on job_type using (org_id = current_setting('onsite.org')::uuid)
  with check (org_id = current_setting('onsite.org')::uuid);

create table meter (
  org_id UUID NOT NULL,
  id UUID NOT NULL,
  site_id UUID NOT NULL,
  serial TEXT NOT NULL,
  medium TEXT NOT NULL,
  unit TEXT NOT NULL,
  dial_count INTEGER NOT NULL,
  multiplier NUMERIC,
  dn_mm INTEGER,
  last_value NUMERIC,
  last_read_at TIMESTAMP WITH TIME ZONE,
  usual_per_day NUMERIC,
  CONSTRAINT meter_pkey PRIMARY KEY (org_id, id)
);

CREATE INDEX meter_serial_idx ON meter (org_id, serial);

CREATE INDEX meter_site_id_idx ON meter (org_id, site_id);

alter table meter enable row level security;

create policy own_organisation on meter using (org_id = current_setting('onsite.org')::uuid)
  with check (org_id = current_setting('onsite.org')::uuid);

create table notice (
  org_id UUID NOT NULL,
  id UUID NOT NULL,
  person_id UUID NOT NULL,
  code TEXT NOT NULL,
  text JSONB NOT NULL,
  at TIMESTAMP WITH TIME ZONE NOT NULL,
  job_id UUID,
  command_id UUID,
  about TEXT NOT NULL,
  CONSTRAINT notice_pkey PRIMARY KEY (org_id, id)
);

CREATE INDEX notice_person_id_at_idx ON notice (org_id, person_id, at);

alter table notice enable row level security;

create policy own_organisation on notice using (org_id = current_setting('onsite.org')::uuid)
  with check (org_id = current_setting('onsite.org')::uuid);

create table organisation (
  org_id UUID NOT NULL,
  slug TEXT NOT NULL,
  name TEXT NOT NULL,
  zone TEXT NOT NULL,
  currency TEXT NOT NULL,
  language TEXT NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT organisation_pkey PRIMARY KEY (org_id),
  CONSTRAINT organisation_slug_key UNIQUE (slug)
);

alter table organisation enable row level security;

create policy own_organisation on organisation using (org_id = current_setting('onsite.org')::uuid)
  with check (org_id = current_setting('onsite.org')::uuid);

create table part (
  org_id UUID NOT NULL,
  id UUID NOT NULL,
  code TEXT NOT NULL,
  name JSONB NOT NULL,
  unit TEXT NOT NULL,
  unit_cost NUMERIC NOT NULL,
  serialised BOOLEAN NOT NULL,
  active BOOLEAN NOT NULL,
  CONSTRAINT part_pkey PRIMARY KEY (org_id, id)
);

CREATE UNIQUE INDEX part_code_idx ON part (org_id, code);

alter table part enable row level security;

create policy own_organisation on part using (org_id = current_setting('onsite.org')::uuid)
  with check (org_id = current_setting('onsite.org')::uuid);

create table person (
  org_id UUID NOT NULL,
  id UUID NOT NULL,
  code TEXT NOT NULL,
  name TEXT NOT NULL,
  language TEXT NOT NULL,
  roles JSONB NOT NULL,
  skills JSONB NOT NULL,
  active BOOLEAN NOT NULL,
  lon_deg DOUBLE PRECISION,
  lat_deg DOUBLE PRECISION,
  point geography(POINT,4326) GENERATED ALWAYS AS (st_setsrid(st_makepoint(lon_deg, lat_deg), 4326)::geography) STORED,
  CONSTRAINT person_pkey PRIMARY KEY (org_id, id)
);

CREATE UNIQUE INDEX person_code_idx ON person (org_id, code);

alter table person enable row level security;

create policy own_organisation on person using (org_id = current_setting('onsite.org')::uuid)
  with check (org_id = current_setting('onsite.org')::uuid);

create table policy (
  org_id UUID NOT NULL,
  id UUID NOT NULL,
  code TEXT NOT NULL,
  version INTEGER NOT NULL,
  subject TEXT NOT NULL,
  currency TEXT NOT NULL,
  bands JSONB NOT NULL,
  working_hours JSONB NOT NULL,
  duty_chief_after_hours BOOLEAN NOT NULL,
  CONSTRAINT policy_pkey PRIMARY KEY (org_id, id)
);

CREATE INDEX policy_subject_version_idx ON policy (org_id, subject, version);

alter table policy enable row level security;

create policy own_organisation on policy using (org_id = current_setting('onsite.org')::uuid)
  with check (org_id = current_setting('onsite.org')::uuid);

create table position (
  org_id UUID NOT NULL,
  person_id UUID NOT NULL,
  device_id UUID,
  lon_deg DOUBLE PRECISION NOT NULL,
  lat_deg DOUBLE PRECISION NOT NULL,
  accuracy_m DOUBLE PRECISION,
  mock BOOLEAN DEFAULT false NOT NULL,
  at TIMESTAMP WITH TIME ZONE NOT NULL,
  received_at TIMESTAMP WITH TIME ZONE NOT NULL,
  point geography(POINT,4326) GENERATED ALWAYS AS (st_setsrid(st_makepoint(lon_deg, lat_deg), 4326)::geography) STORED,
  CONSTRAINT position_pkey PRIMARY KEY (org_id, person_id)
);

CREATE INDEX position_point_idx ON position USING gist (point);

comment on table position is 'The last known place of each person; the track is position_track.';

alter table position enable row level security;

create policy own_organisation on position using (org_id = current_setting('onsite.org')::uuid)
  with check (org_id = current_setting('onsite.org')::uuid);

create table position_track (
  org_id UUID NOT NULL,
  person_id UUID NOT NULL,
  at TIMESTAMP WITH TIME ZONE NOT NULL,
  lon_deg DOUBLE PRECISION NOT NULL,
  lat_deg DOUBLE PRECISION NOT NULL,
  accuracy_m DOUBLE PRECISION,
  CONSTRAINT position_track_pkey PRIMARY KEY (org_id, person_id, at)
);

alter table position_track enable row level security;

create policy own_organisation on position_track using (org_id = current_setting('onsite.org')::uuid)
  with check (org_id = current_setting('onsite.org')::uuid);

create table request (
  org_id UUID NOT NULL,
  id UUID NOT NULL,
  source TEXT NOT NULL,
  description TEXT NOT NULL,
  address TEXT NOT NULL,
  lon_deg DOUBLE PRECISION,
  lat_deg DOUBLE PRECISION,
  external_ref TEXT NOT NULL,
  contact_id UUID,
  job_id UUID,
  reported_at TIMESTAMP WITH TIME ZONE NOT NULL,
  point geography(POINT,4326) GENERATED ALWAYS AS (st_setsrid(st_makepoint(lon_deg, lat_deg), 4326)::geography) STORED,
  CONSTRAINT request_pkey PRIMARY KEY (org_id, id)
);

CREATE INDEX request_contact_id_idx ON request (org_id, contact_id);

CREATE INDEX request_external_ref_idx ON request (org_id, external_ref);

CREATE INDEX request_job_id_idx ON request (org_id, job_id);

alter table request enable row level security;

create policy own_organisation on request using (org_id = current_setting('onsite.org')::uuid)
  with check (org_id = current_setting('onsite.org')::uuid);

create table shift (
  org_id UUID NOT NULL,
  id UUID NOT NULL,
  person_id UUID NOT NULL,
  from_at TIMESTAMP WITH TIME ZONE NOT NULL,
  to_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT shift_pkey PRIMARY KEY (org_id, id)
);

CREATE INDEX shift_person_id_from_at_idx ON shift (org_id, person_id, from_at);

alter table shift enable row level security;

create policy own_organisation on shift using (org_id = current_setting('onsite.org')::uuid)
  with check (org_id = current_setting('onsite.org')::uuid);

create table site (
  org_id UUID NOT NULL,
  id UUID NOT NULL,
  code TEXT NOT NULL,
  name TEXT NOT NULL,
  address TEXT NOT NULL,
  lon_deg DOUBLE PRECISION,
  lat_deg DOUBLE PRECISION,
  datum TEXT NOT NULL,
  district_id UUID,
  point geography(POINT,4326) GENERATED ALWAYS AS (st_setsrid(st_makepoint(lon_deg, lat_deg), 4326)::geography) STORED,
  CONSTRAINT site_pkey PRIMARY KEY (org_id, id)
);

CREATE UNIQUE INDEX site_code_idx ON site (org_id, code);

CREATE INDEX site_lon_deg_lat_deg_idx ON site (org_id, lon_deg, lat_deg);

CREATE INDEX site_point_idx ON site USING gist (point);

alter table site enable row level security;

create policy own_organisation on site using (org_id = current_setting('onsite.org')::uuid)
  with check (org_id = current_setting('onsite.org')::uuid);

create table stock_location (
  org_id UUID NOT NULL,
  id UUID NOT NULL,
  code TEXT NOT NULL,
  kind TEXT NOT NULL,
  name TEXT NOT NULL,
  CONSTRAINT stock_location_pkey PRIMARY KEY (org_id, id)
);

alter table stock_location enable row level security;

create policy own_organisation on stock_location using (org_id = current_setting('onsite.org')::uuid)
  with check (org_id = current_setting('onsite.org')::uuid);

create table sync_device (
  org_id UUID NOT NULL,
  device_id UUID NOT NULL,
  name TEXT NOT NULL,
  person_id UUID,
  crew_id UUID,
  secret_hash BYTEA NOT NULL,
  last_n BIGINT DEFAULT 0 NOT NULL,
  enrolled_at TIMESTAMP WITH TIME ZONE NOT NULL,
  revoked_at TIMESTAMP WITH TIME ZONE,
  revoked_by UUID,
  CONSTRAINT sync_device_pkey PRIMARY KEY (org_id, device_id)
);

alter table sync_device enable row level security;

create policy own_organisation on sync_device using (org_id = current_setting('onsite.org')::uuid)
  with check (org_id = current_setting('onsite.org')::uuid);

create table sync_device_seen (
  org_id UUID NOT NULL,
  device_id UUID NOT NULL,
  seen_at TIMESTAMP WITH TIME ZONE NOT NULL,
  pulled_at TIMESTAMP WITH TIME ZONE,
  unsent INTEGER DEFAULT 0 NOT NULL,
  seen_n BIGINT DEFAULT 0 NOT NULL,
  app TEXT DEFAULT '' NOT NULL,
  CONSTRAINT sync_device_seen_pkey PRIMARY KEY (org_id, device_id)
);

comment on table sync_device_seen is 'Telemetry in a table of its own, written in batches outside the commands'' transactions.';

alter table sync_device_seen enable row level security;

create policy own_organisation on sync_device_seen using (org_id = current_setting('onsite.org')::uuid)
  with check (org_id = current_setting('onsite.org')::uuid);

create table sync_doc (
  org_id UUID NOT NULL,
  kind TEXT COLLATE "C" NOT NULL,
  id UUID NOT NULL,
  ver BIGINT NOT NULL,
  h BIGINT NOT NULL,
  body BYTEA,
  CONSTRAINT sync_doc_pkey PRIMARY KEY (org_id, kind, id)
)
 WITH (fillfactor = 85, autovacuum_vacuum_scale_factor = 0.02);

comment on column sync_doc.body is 'null: deleted; the row keeps ver, so that ver never restarts';

alter table sync_doc enable row level security;

create policy own_organisation on sync_doc using (org_id = current_setting('onsite.org')::uuid)
  with check (org_id = current_setting('onsite.org')::uuid);

create table sync_held (
  org_id UUID NOT NULL,
  command_id UUID NOT NULL,
  after UUID[] NOT NULL,
  actor JSONB NOT NULL,
  envelope BYTEA NOT NULL,
  occurrence JSONB NOT NULL,
  held_at TIMESTAMP WITH TIME ZONE NOT NULL,
  expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT sync_held_pkey PRIMARY KEY (org_id, command_id)
);

CREATE INDEX sync_held_after_idx ON sync_held USING gin (after);

CREATE INDEX sync_held_org_id_expires_at_idx ON sync_held (org_id, expires_at);

alter table sync_held enable row level security;

create policy own_organisation on sync_held using (org_id = current_setting('onsite.org')::uuid)
  with check (org_id = current_setting('onsite.org')::uuid);

create unlogged table sync_life (
  one BOOLEAN DEFAULT true NOT NULL,
  life UUID DEFAULT gen_random_uuid() NOT NULL,
  system BIGINT,
  db OID,
  rel OID,
  CONSTRAINT sync_life_pkey PRIMARY KEY (one),
  CONSTRAINT sync_life_one CHECK (one)
);

create table sync_member (
  org_id UUID NOT NULL,
  bucket TEXT COLLATE "C" NOT NULL,
  kind TEXT COLLATE "C" NOT NULL,
  id UUID NOT NULL,
  xid xid8 DEFAULT pg_current_xact_id() NOT NULL,
  h BIGINT NOT NULL,
  gone BOOLEAN DEFAULT false NOT NULL,
  CONSTRAINT sync_member_pkey PRIMARY KEY (org_id, bucket, kind, id)
)
 WITH (fillfactor = 90, autovacuum_vacuum_scale_factor = 0.02);

CREATE INDEX sync_member_org_id_bucket_xid_idx ON sync_member (org_id, bucket, xid);

CREATE INDEX sync_member_org_id_kind_id_idx ON sync_member (org_id, kind, id);

alter table sync_member enable row level security;

create policy own_organisation on sync_member using (org_id = current_setting('onsite.org')::uuid)
  with check (org_id = current_setting('onsite.org')::uuid);

create table sync_outcome (
  org_id UUID NOT NULL,
  command_id UUID NOT NULL,
  device_id UUID,
  n BIGINT,
  digest BYTEA NOT NULL,
  name TEXT NOT NULL,
  status TEXT NOT NULL,
  code TEXT NOT NULL,
  flags JSONB DEFAULT '[]' NOT NULL,
  detail JSONB DEFAULT '{}' NOT NULL,
  actor_id UUID,
  job_id UUID,
  cause UUID,
  received_at TIMESTAMP WITH TIME ZONE NOT NULL,
  decided_at TIMESTAMP WITH TIME ZONE NOT NULL,
  resolution JSONB,
  CONSTRAINT sync_outcome_pkey PRIMARY KEY (org_id, command_id)
);

CREATE UNIQUE INDEX sync_outcome_org_id_cause_key ON sync_outcome (org_id, cause) WHERE cause is not null and status in ('applied', 'merged');

CREATE UNIQUE INDEX sync_outcome_org_id_device_id_n_key ON sync_outcome (org_id, device_id, n) WHERE n is not null;

alter table sync_outcome enable row level security;

create policy own_organisation on sync_outcome using (org_id = current_setting('onsite.org')::uuid)
  with check (org_id = current_setting('onsite.org')::uuid);

create table sync_quarantine (
  org_id UUID NOT NULL,
  entry_id UUID NOT NULL,
  command_id UUID,
  device_id UUID,
  session_id UUID,
  person_id UUID,
  n BIGINT,
  name TEXT NOT NULL,
  job_id UUID,
  reason TEXT NOT NULL,
  detail TEXT DEFAULT '' NOT NULL,
  bytes BYTEA NOT NULL,
  digest BYTEA NOT NULL,
  occurrence JSONB,
  received_at TIMESTAMP WITH TIME ZONE NOT NULL,
  resolution TEXT,
  resolved_by UUID,
  resolved_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT sync_quarantine_pkey PRIMARY KEY (org_id, entry_id)
);

CREATE INDEX sync_quarantine_org_id_command_id_idx ON sync_quarantine (org_id, command_id);

CREATE INDEX sync_quarantine_org_id_device_id_idx ON sync_quarantine (org_id, device_id, received_at);

CREATE INDEX sync_quarantine_org_id_received_at_idx ON sync_quarantine (org_id, received_at, entry_id) WHERE resolution is null;

comment on table sync_quarantine is 'What could not be applied, whole; a row leaves the inbox by a resolution, never by deletion.';

alter table sync_quarantine enable row level security;

create policy own_organisation on sync_quarantine using (org_id = current_setting('onsite.org')::uuid)
  with check (org_id = current_setting('onsite.org')::uuid);

create table sync_scope (
  org_id UUID NOT NULL,
  person_id UUID NOT NULL,
  bucket TEXT COLLATE "C" NOT NULL,
  cause UUID NOT NULL,
  from_at TIMESTAMP WITH TIME ZONE NOT NULL,
  to_at TIMESTAMP WITH TIME ZONE,
  prio SMALLINT NOT NULL,
  CONSTRAINT sync_scope_pkey PRIMARY KEY (org_id, person_id, bucket, cause, from_at)
);

comment on table sync_scope is 'Who holds and held which buckets; a row that has ended is the history.';

alter table sync_scope enable row level security;

create policy own_organisation on sync_scope using (org_id = current_setting('onsite.org')::uuid)
  with check (org_id = current_setting('onsite.org')::uuid);

create table sync_session (
  org_id UUID NOT NULL,
  session_id UUID NOT NULL,
  device_id UUID NOT NULL,
  person_id UUID NOT NULL,
  from_at TIMESTAMP WITH TIME ZONE NOT NULL,
  to_at TIMESTAMP WITH TIME ZONE NOT NULL,
  issued_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT sync_session_pkey PRIMARY KEY (org_id, session_id)
);

CREATE INDEX sync_session_org_id_device_id_idx ON sync_session (org_id, device_id);

alter table sync_session enable row level security;

create policy own_organisation on sync_session using (org_id = current_setting('onsite.org')::uuid)
  with check (org_id = current_setting('onsite.org')::uuid);

create table sync_unreadable (
  org_id UUID NOT NULL,
  device_id UUID NOT NULL,
  sha256 BYTEA NOT NULL,
  bytes BYTEA NOT NULL,
  received_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT sync_unreadable_pkey PRIMARY KEY (org_id, device_id, sha256)
);

comment on table sync_unreadable is 'Batches whose envelope could not be read, by hash.';

alter table sync_unreadable enable row level security;

create policy own_organisation on sync_unreadable using (org_id = current_setting('onsite.org')::uuid)
  with check (org_id = current_setting('onsite.org')::uuid);

create table throttle (
  org_id UUID NOT NULL,
  key BYTEA NOT NULL,
  free_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT throttle_pkey PRIMARY KEY (org_id, key)
);

CREATE INDEX throttle_org_id_free_at_idx ON throttle (org_id, free_at);

comment on table throttle is 'Rate limits shared by all processes: one instant per key (the theoretical arrival time of GCRA).';

comment on column throttle.key is 'SHA-256 over what is limited: nothing personal is kept';

alter table throttle enable row level security;

create policy own_organisation on throttle using (org_id = current_setting('onsite.org')::uuid)
  with check (org_id = current_setting('onsite.org')::uuid);

create table usage_point (
  org_id UUID NOT NULL,
  id UUID NOT NULL,
  site_id UUID NOT NULL,
  code TEXT NOT NULL,
  medium TEXT NOT NULL,
  meter_id UUID,
  CONSTRAINT usage_point_pkey PRIMARY KEY (org_id, id)
);

CREATE INDEX usage_point_site_id_idx ON usage_point (org_id, site_id);

alter table usage_point enable row level security;

create policy own_organisation on usage_point using (org_id = current_setting('onsite.org')::uuid)
  with check (org_id = current_setting('onsite.org')::uuid);

create table approval (
  org_id UUID NOT NULL,
  id UUID NOT NULL,
  job_id UUID NOT NULL,
  subject TEXT NOT NULL,
  subject_id UUID NOT NULL,
  state TEXT NOT NULL,
  role TEXT,
  person_id UUID,
  after_hours BOOLEAN NOT NULL,
  amount NUMERIC NOT NULL,
  currency TEXT NOT NULL,
  policy_code TEXT NOT NULL,
  policy_version INTEGER NOT NULL,
  asked_by UUID,
  asked_at TIMESTAMP WITH TIME ZONE NOT NULL,
  decided_by UUID,
  decided_at TIMESTAMP WITH TIME ZONE,
  reason TEXT NOT NULL,
  CONSTRAINT approval_pkey PRIMARY KEY (org_id, id),
  CONSTRAINT approval_org_id_job_id_fkey FOREIGN KEY(org_id, job_id) REFERENCES job (org_id, id)
);

CREATE INDEX approval_org_id_job_id_idx ON approval (org_id, job_id);

CREATE INDEX approval_state_role_idx ON approval (org_id, state, role);

alter table approval enable row level security;

create policy own_organisation on approval using (org_id = current_setting('onsite.org')::uuid)
  with check (org_id = current_setting('onsite.org')::uuid);

create table credential (
  org_id UUID NOT NULL,
  person_id UUID NOT NULL,
  login TEXT NOT NULL,
  password_hash TEXT,
  must_change BOOLEAN DEFAULT false NOT NULL,
  failed_count INTEGER DEFAULT 0 NOT NULL,
  failed_at TIMESTAMP WITH TIME ZONE,
  changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT credential_pkey PRIMARY KEY (org_id, person_id),
  CONSTRAINT credential_org_id_person_id_fkey FOREIGN KEY(org_id, person_id) REFERENCES person (org_id, id)
);

CREATE UNIQUE INDEX credential_org_id_login_key ON credential (org_id, login);

comment on column credential.login is 'lower case, NFKC';

comment on column credential.password_hash is 'argon2id; null: signs in by OIDC only';

alter table credential enable row level security;

create policy own_organisation on credential using (org_id = current_setting('onsite.org')::uuid)
  with check (org_id = current_setting('onsite.org')::uuid);

create table event (
  org_id UUID NOT NULL,
  id UUID NOT NULL,
  job_id UUID NOT NULL,
  visit_id UUID,
  seq INTEGER NOT NULL,
  name TEXT NOT NULL,
  occurred_at TIMESTAMP WITH TIME ZONE NOT NULL,
  not_before TIMESTAMP WITH TIME ZONE,
  not_after TIMESTAMP WITH TIME ZONE,
  raw_at TIMESTAMP WITH TIME ZONE,
  clock TEXT NOT NULL,
  received_at TIMESTAMP WITH TIME ZONE NOT NULL,
  command_id UUID NOT NULL,
  actor_id UUID,
  device_id UUID,
  lon_deg DOUBLE PRECISION,
  lat_deg DOUBLE PRECISION,
  accuracy_m DOUBLE PRECISION,
  detail JSONB NOT NULL,
  previous_hash TEXT NOT NULL,
  hash TEXT NOT NULL,
  CONSTRAINT event_pkey PRIMARY KEY (org_id, id),
  CONSTRAINT event_org_id_job_id_fkey FOREIGN KEY(org_id, job_id) REFERENCES job (org_id, id)
);

CREATE UNIQUE INDEX event_job_id_seq_idx ON event (org_id, job_id, seq);

CREATE INDEX event_org_id_job_id_idx ON event (org_id, job_id);

alter table event enable row level security;

create policy own_organisation on event using (org_id = current_setting('onsite.org')::uuid)
  with check (org_id = current_setting('onsite.org')::uuid);

create table material_request (
  org_id UUID NOT NULL,
  id UUID NOT NULL,
  job_id UUID NOT NULL,
  visit_id UUID,
  state TEXT NOT NULL,
  lines JSONB NOT NULL,
  amount NUMERIC NOT NULL,
  day_total NUMERIC NOT NULL,
  currency TEXT NOT NULL,
  requested_by UUID,
  requested_at TIMESTAMP WITH TIME ZONE NOT NULL,
  urgent BOOLEAN NOT NULL,
  approval_id UUID,
  CONSTRAINT material_request_pkey PRIMARY KEY (org_id, id),
  CONSTRAINT material_request_org_id_job_id_fkey FOREIGN KEY(org_id, job_id) REFERENCES job (org_id, id)
);

CREATE INDEX material_request_org_id_job_id_idx ON material_request (org_id, job_id);

alter table material_request enable row level security;

create policy own_organisation on material_request using (org_id = current_setting('onsite.org')::uuid)
  with check (org_id = current_setting('onsite.org')::uuid);

create table note (
  org_id UUID NOT NULL,
  id UUID NOT NULL,
  job_id UUID NOT NULL,
  visit_id UUID,
  text TEXT NOT NULL,
  written_at TIMESTAMP WITH TIME ZONE NOT NULL,
  written_by UUID,
  CONSTRAINT note_pkey PRIMARY KEY (org_id, id),
  CONSTRAINT note_org_id_job_id_fkey FOREIGN KEY(org_id, job_id) REFERENCES job (org_id, id)
);

CREATE INDEX note_org_id_job_id_idx ON note (org_id, job_id);

alter table note enable row level security;

create policy own_organisation on note using (org_id = current_setting('onsite.org')::uuid)
  with check (org_id = current_setting('onsite.org')::uuid);

create table oidc_subject (
  org_id UUID NOT NULL,
  issuer TEXT NOT NULL,
  subject TEXT NOT NULL,
  person_id UUID NOT NULL,
  linked_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT oidc_subject_pkey PRIMARY KEY (org_id, issuer, subject),
  CONSTRAINT oidc_subject_org_id_person_id_fkey FOREIGN KEY(org_id, person_id) REFERENCES person (org_id, id)
);

comment on table oidc_subject is 'Which person a subject of an identity provider is; made at the first token whose verified e-mail is a login.';

alter table oidc_subject enable row level security;

create policy own_organisation on oidc_subject using (org_id = current_setting('onsite.org')::uuid)
  with check (org_id = current_setting('onsite.org')::uuid);

create table photo (
  org_id UUID NOT NULL,
  id UUID NOT NULL,
  job_id UUID NOT NULL,
  visit_id UUID,
  purpose TEXT NOT NULL,
  sha256 TEXT NOT NULL,
  size_bytes INTEGER NOT NULL,
  media_type TEXT NOT NULL,
  taken_at TIMESTAMP WITH TIME ZONE NOT NULL,
  taken_by UUID,
  CONSTRAINT photo_pkey PRIMARY KEY (org_id, id),
  CONSTRAINT photo_org_id_job_id_fkey FOREIGN KEY(org_id, job_id) REFERENCES job (org_id, id)
);

CREATE INDEX photo_org_id_job_id_idx ON photo (org_id, job_id);

alter table photo enable row level security;

create policy own_organisation on photo using (org_id = current_setting('onsite.org')::uuid)
  with check (org_id = current_setting('onsite.org')::uuid);

create table reading (
  org_id UUID NOT NULL,
  id UUID NOT NULL,
  job_id UUID NOT NULL,
  visit_id UUID,
  meter_id UUID NOT NULL,
  purpose TEXT NOT NULL,
  value NUMERIC NOT NULL,
  typed_serial TEXT NOT NULL,
  photo_sha256 TEXT,
  read_at TIMESTAMP WITH TIME ZONE NOT NULL,
  read_by UUID,
  flags JSONB NOT NULL,
  CONSTRAINT reading_pkey PRIMARY KEY (org_id, id),
  CONSTRAINT reading_org_id_job_id_fkey FOREIGN KEY(org_id, job_id) REFERENCES job (org_id, id)
);

CREATE INDEX reading_org_id_job_id_idx ON reading (org_id, job_id);

alter table reading enable row level security;

create policy own_organisation on reading using (org_id = current_setting('onsite.org')::uuid)
  with check (org_id = current_setting('onsite.org')::uuid);

create table reset_token (
  org_id UUID NOT NULL,
  token_id UUID NOT NULL,
  person_id UUID NOT NULL,
  secret_hash BYTEA NOT NULL,
  issued_by UUID,
  issued_at TIMESTAMP WITH TIME ZONE NOT NULL,
  expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
  used_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT reset_token_pkey PRIMARY KEY (org_id, token_id),
  CONSTRAINT reset_token_org_id_person_id_fkey FOREIGN KEY(org_id, person_id) REFERENCES person (org_id, id)
);

CREATE INDEX reset_token_org_id_person_id_idx ON reset_token (org_id, person_id);

alter table reset_token enable row level security;

create policy own_organisation on reset_token using (org_id = current_setting('onsite.org')::uuid)
  with check (org_id = current_setting('onsite.org')::uuid);

create table sign_in (
  org_id UUID NOT NULL,
  sign_in_id UUID NOT NULL,
  person_id UUID NOT NULL,
  started_at TIMESTAMP WITH TIME ZONE NOT NULL,
  expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
  revoked_at TIMESTAMP WITH TIME ZONE,
  revoked_because TEXT,
  CONSTRAINT sign_in_pkey PRIMARY KEY (org_id, sign_in_id),
  CONSTRAINT sign_in_org_id_person_id_fkey FOREIGN KEY(org_id, person_id) REFERENCES person (org_id, id)
);

CREATE INDEX sign_in_org_id_expires_at_idx ON sign_in (org_id, expires_at);

CREATE INDEX sign_in_org_id_person_id_idx ON sign_in (org_id, person_id);

comment on table sign_in is 'A family of refresh tokens: revoking it ends all of them and the access tokens made from them.';

comment on column sign_in.revoked_because is 'logout, token_reused, password_changed, offboarded';

alter table sign_in enable row level security;

create policy own_organisation on sign_in using (org_id = current_setting('onsite.org')::uuid)
  with check (org_id = current_setting('onsite.org')::uuid);

create table signature (
  org_id UUID NOT NULL,
  id UUID NOT NULL,
  job_id UUID NOT NULL,
  visit_id UUID,
  purpose TEXT NOT NULL,
  signer TEXT NOT NULL,
  relation TEXT NOT NULL,
  shown_sha256 TEXT,
  refused_reason TEXT NOT NULL,
  witness TEXT NOT NULL,
  strokes_sha256 TEXT,
  signed_at TIMESTAMP WITH TIME ZONE NOT NULL,
  captured_by UUID,
  flags JSONB NOT NULL,
  CONSTRAINT signature_pkey PRIMARY KEY (org_id, id),
  CONSTRAINT signature_org_id_job_id_fkey FOREIGN KEY(org_id, job_id) REFERENCES job (org_id, id)
);

CREATE INDEX signature_org_id_job_id_idx ON signature (org_id, job_id);

alter table signature enable row level security;

create policy own_organisation on signature using (org_id = current_setting('onsite.org')::uuid)
  with check (org_id = current_setting('onsite.org')::uuid);

create table stock_move (
  org_id UUID NOT NULL,
  id UUID NOT NULL,
  part_id UUID NOT NULL,
  quantity NUMERIC NOT NULL,
  kind TEXT NOT NULL,
  from_location_id UUID NOT NULL,
  to_location_id UUID NOT NULL,
  job_id UUID,
  visit_id UUID,
  request_id UUID,
  serial TEXT NOT NULL,
  unit_cost NUMERIC NOT NULL,
  occurred_at TIMESTAMP WITH TIME ZONE NOT NULL,
  recorded_at TIMESTAMP WITH TIME ZONE NOT NULL,
  actor_id UUID,
  CONSTRAINT stock_move_pkey PRIMARY KEY (org_id, id),
  CONSTRAINT stock_move_org_id_job_id_fkey FOREIGN KEY(org_id, job_id) REFERENCES job (org_id, id)
);

CREATE INDEX stock_move_from_location_id_part_id_idx ON stock_move (org_id, from_location_id, part_id);

CREATE INDEX stock_move_org_id_job_id_idx ON stock_move (org_id, job_id);

CREATE INDEX stock_move_to_location_id_part_id_idx ON stock_move (org_id, to_location_id, part_id);

alter table stock_move enable row level security;

create policy own_organisation on stock_move using (org_id = current_setting('onsite.org')::uuid)
  with check (org_id = current_setting('onsite.org')::uuid);

create table task (
  org_id UUID NOT NULL,
  id UUID NOT NULL,
  job_id UUID NOT NULL,
  code TEXT NOT NULL,
  label JSONB NOT NULL,
  answer_kind TEXT NOT NULL,
  choices JSONB NOT NULL,
  mandatory BOOLEAN NOT NULL,
  sort INTEGER NOT NULL,
  answer TEXT,
  answered_at TIMESTAMP WITH TIME ZONE,
  answered_by UUID,
  CONSTRAINT task_pkey PRIMARY KEY (org_id, id),
  CONSTRAINT task_org_id_job_id_fkey FOREIGN KEY(org_id, job_id) REFERENCES job (org_id, id)
);

CREATE INDEX task_org_id_job_id_idx ON task (org_id, job_id);

alter table task enable row level security;

create policy own_organisation on task using (org_id = current_setting('onsite.org')::uuid)
  with check (org_id = current_setting('onsite.org')::uuid);

create table visit (
  org_id UUID NOT NULL,
  id UUID NOT NULL,
  job_id UUID NOT NULL,
  state TEXT NOT NULL,
  person_id UUID,
  crew_id UUID,
  plan_version INTEGER NOT NULL,
  planned_start_at TIMESTAMP WITH TIME ZONE,
  planned_end_at TIMESTAMP WITH TIME ZONE,
  dispatched_at TIMESTAMP WITH TIME ZONE,
  travel_started_at TIMESTAMP WITH TIME ZONE,
  arrived_at TIMESTAMP WITH TIME ZONE,
  arrival_recorded_at TIMESTAMP WITH TIME ZONE,
  work_started_at TIMESTAMP WITH TIME ZONE,
  made_safe_at TIMESTAMP WITH TIME ZONE,
  ended_at TIMESTAMP WITH TIME ZONE,
  reason TEXT NOT NULL,
  flags JSONB NOT NULL,
  CONSTRAINT visit_pkey PRIMARY KEY (org_id, id),
  CONSTRAINT visit_org_id_job_id_fkey FOREIGN KEY(org_id, job_id) REFERENCES job (org_id, id)
);

CREATE INDEX visit_crew_id_state_idx ON visit (org_id, crew_id, state);

CREATE INDEX visit_org_id_job_id_idx ON visit (org_id, job_id);

CREATE INDEX visit_person_id_state_idx ON visit (org_id, person_id, state);

alter table visit enable row level security;

create policy own_organisation on visit using (org_id = current_setting('onsite.org')::uuid)
  with check (org_id = current_setting('onsite.org')::uuid);

create table refresh_token (
  org_id UUID NOT NULL,
  token_id UUID NOT NULL,
  sign_in_id UUID NOT NULL,
  secret_hash BYTEA NOT NULL,
  issued_at TIMESTAMP WITH TIME ZONE NOT NULL,
  used_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT refresh_token_pkey PRIMARY KEY (org_id, token_id),
  CONSTRAINT refresh_token_org_id_sign_in_id_fkey FOREIGN KEY(org_id, sign_in_id) REFERENCES sign_in (org_id, sign_in_id) ON DELETE cascade
);

CREATE INDEX refresh_token_org_id_sign_in_id_idx ON refresh_token (org_id, sign_in_id);

alter table refresh_token enable row level security;

create policy own_organisation on refresh_token using (org_id = current_setting('onsite.org')::uuid)
  with check (org_id = current_setting('onsite.org')::uuid);
