"""Places: districts, sites, usage points, meters and the contacts there. Longitude before latitude, WGS 84."""

from uuid import UUID

from mobile_contract.schema.base import Code, Datum, Document, Instant, LatDeg, Line, LocalText, LonDeg, Quantity


class District(Document, frozen=True, kw_only=True):
    """A polygon of responsibility in a tree; its outline stays on the server."""

    code: Code
    name: LocalText
    parent_id: UUID | None = None
    neighbour_ids: tuple[UUID, ...] = ()
    arrival_class: Code = "town"


class Site(Document, frozen=True, kw_only=True):
    """A premise where work happens. Without a point it belongs to no district."""

    code: Code
    name: Line = ""
    address: Line = ""
    lon_deg: LonDeg | None = None
    lat_deg: LatDeg | None = None
    datum: Datum = Datum.WGS84
    district_id: UUID | None = None


class UsagePoint(Document, frozen=True, kw_only=True):
    """The point of a site at which supply is metered."""

    site_id: UUID
    code: Code
    medium: Code = "water"
    meter_id: UUID | None = None


class Meter(Document, frozen=True, kw_only=True):
    """A meter: the last reading belongs to it, for checks on the phone.

    `dn_mm` is the nominal diameter, `usual_per_day` what is usually used, in units of the register.
    """

    site_id: UUID
    serial: Code
    medium: Code = "water"
    unit: Code = "m3"
    dial_count: int = 5
    multiplier: Quantity | None = None
    dn_mm: int | None = None
    last_value: Quantity | None = None
    last_read_at: Instant | None = None
    usual_per_day: Quantity | None = None


class Contact(Document, frozen=True, kw_only=True):
    """A customer's contact; sent only to those who hold a visit there."""

    name: Line
    phone: Line = ""
    language: Code = "en"
    site_id: UUID | None = None
