-- Trackers: apps of other makers that report where one person is. A blank line after a semicolon ends a statement.

create table tracker (
  org_id UUID NOT NULL,
  tracker_id UUID NOT NULL,
  name TEXT NOT NULL,
  person_id UUID NOT NULL,
  secret_hash BYTEA NOT NULL,
  made_by UUID,
  made_at TIMESTAMP WITH TIME ZONE NOT NULL,
  seen_at TIMESTAMP WITH TIME ZONE,
  revoked_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT tracker_pkey PRIMARY KEY (org_id, tracker_id),
  CONSTRAINT tracker_org_id_fkey FOREIGN KEY (org_id, person_id) REFERENCES person (org_id, id)
);

comment on table tracker is 'An app of another maker that may report where one person is, and nothing else.';

CREATE INDEX tracker_org_id_person_id_idx ON tracker (org_id, person_id);

alter table tracker enable row level security;

create policy own_organisation on tracker using (org_id = current_setting('onsite.org')::uuid)
  with check (org_id = current_setting('onsite.org')::uuid);

-- The row of the one tracker that is asked for, before its organisation is proven; nothing of one that is revoked, or whose person has left.
create or replace function onsite_tracker(org uuid, tracker uuid)
returns table (person_id uuid, secret_hash bytea, seen_at timestamptz)
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
  select t.person_id, t.secret_hash, t.seen_at from public.tracker t
  join public.person p on p.org_id = t.org_id and p.id = t.person_id and p.active
  where t.org_id = $1 and t.tracker_id = $2 and t.revoked_at is null
$$;

revoke execute on function onsite_tracker(uuid, uuid) from public;

grant execute on function onsite_tracker(uuid, uuid) to onsite_app;
