-- The doors through row-level security: what has to be known before the organisation of a caller is proven, and what
-- each request asks about its caller in one round trip. Each gives the rows of the one key it is asked for, nothing else.
-- STABLE and SQL, so that a statement that calls one reads one snapshot. Owned by the owner of the tables; only the
-- application's role may call them. A blank line after a semicolon ends a statement.

create or replace function onsite_org_of(slug text) returns uuid
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
  select o.org_id from public.organisation o where o.slug = $1
$$;

create or replace function onsite_caller(org uuid, person uuid, sign_in uuid, now timestamptz)
returns table (roles jsonb, active boolean, must_change boolean, signed_in boolean)
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
  select p.roles, p.active, coalesce(c.must_change, false), s.sign_in_id is not null
  from public.person p
  left join public.credential c on c.org_id = p.org_id and c.person_id = p.id
  left join public.sign_in s on s.org_id = p.org_id and s.person_id = p.id and s.sign_in_id = $3
    and s.revoked_at is null and s.expires_at > $4
  where p.org_id = $1 and p.id = $2
$$;

create or replace function onsite_api_key(org uuid, key uuid, now timestamptz)
returns table (secret_hash bytea, scopes text[])
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
  select k.secret_hash, k.scopes from public.api_key k
  where k.org_id = $1 and k.key_id = $2 and k.revoked_at is null and (k.expires_at is null or k.expires_at > $3)
$$;

create or replace function onsite_device(org uuid, device uuid, session uuid)
returns table (name text, person_id uuid, crew_id uuid, secret_hash bytea, revoked_at timestamptz,
  session_person_id uuid, session_from_at timestamptz, session_to_at timestamptz, session_roles jsonb, session_active boolean)
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
  select d.name, d.person_id, d.crew_id, d.secret_hash, d.revoked_at, s.person_id, s.from_at, s.to_at, p.roles, p.active
  from public.sync_device d
  left join public.sync_session s on s.org_id = d.org_id and s.device_id = d.device_id and s.session_id = $3
  left join public.person p on p.org_id = s.org_id and p.id = s.person_id
  where d.org_id = $1 and d.device_id = $2
$$;

revoke execute on function onsite_org_of(text), onsite_caller(uuid, uuid, uuid, timestamptz),
  onsite_api_key(uuid, uuid, timestamptz), onsite_device(uuid, uuid, uuid) from public;

grant execute on function onsite_org_of(text), onsite_caller(uuid, uuid, uuid, timestamptz),
  onsite_api_key(uuid, uuid, timestamptz), onsite_device(uuid, uuid, uuid) to onsite_app;
