"""People as devices see them: persons, roles, crews. Credentials are never part of a document."""

from enum import StrEnum
from typing import Final
from uuid import UUID

from mobile_contract.schema.base import Code, Document, Instant, LatDeg, Line, LonDeg, Skill


class Role(StrEnum):
    """What a person or an integration may be; `may` maps roles to commands."""

    TECHNICIAN = "technician"
    CREW_LEAD = "crew_lead"
    DISPATCHER = "dispatcher"
    ENGINEER = "engineer"
    MANAGER = "manager"
    DEPUTY_GM = "deputy_gm"
    DUTY_CHIEF = "duty_chief"
    WAREHOUSE = "warehouse"
    CALLBACK = "callback"
    AUDITOR = "auditor"
    ADMIN = "admin"
    INTEGRATION = "integration"


FIELD_ROLES: Final = frozenset({Role.TECHNICIAN, Role.CREW_LEAD})


class Person(Document, frozen=True, kw_only=True):
    """A member of the organisation; `lon_deg`, `lat_deg` are the place the person starts the day from."""

    code: Code
    name: Line
    language: Code = "en"
    roles: tuple[Role, ...] = ()
    skills: tuple[Skill, ...] = ()
    active: bool = True
    lon_deg: LonDeg | None = None
    lat_deg: LatDeg | None = None


class Crew(Document, frozen=True, kw_only=True):
    """A team that takes visits together. `member_ids` are today's members; the dated membership stays on the server."""

    code: Code
    name: Line
    lead_id: UUID | None = None
    member_ids: tuple[UUID, ...] = ()
    district_ids: tuple[UUID, ...] = ()
    van_id: UUID | None = None
    active: bool = True
    lon_deg: LonDeg | None = None
    lat_deg: LatDeg | None = None


class CrewMember(Document, frozen=True, kw_only=True):
    """A person's membership of a crew from an instant to an instant (open end: none)."""

    crew_id: UUID
    person_id: UUID
    from_at: Instant
    to_at: Instant | None = None


class Shift(Document, frozen=True, kw_only=True):
    """Working time of a person."""

    person_id: UUID
    from_at: Instant
    to_at: Instant


class Duty(Document, frozen=True, kw_only=True):
    """A line of a duty roster: who is duty chief (or whatever the roster is for) when.

    `saved_by` is set by the server: who put them there, and so is not decided for by them. Left out for an administrator's line, and for
    one that is older than this field.
    """

    person_id: UUID
    from_at: Instant
    to_at: Instant
    roster: Code = "duty_chief"
    saved_by: UUID | None = None
