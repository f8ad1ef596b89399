"""What can be imported of each noun: our fields, what they hold and what they are called in files. Never reads a file."""

from enum import StrEnum
from typing import Final

from msgspec import Struct

from mobile_contract.schema.base import Datum, Priority
from mobile_contract.schema.people import Role


class Noun(StrEnum):
    """What a file holds, one per row."""

    DISTRICTS = "districts"
    PEOPLE = "people"
    PARTS = "parts"
    SITES = "sites"
    JOBS = "jobs"


class Holds(StrEnum):
    """What a field holds and so how its text is read."""

    CODE = "a code of 80 characters at most"
    LINE = "a line of text"
    PROSE = "text"
    NUMBER = "a decimal number"
    INSTANT = "a date or a date with a time"
    TRUTH = "yes or no"
    CHOICE = "one of a few words"
    CODES = "codes with ; between"
    ROLES = "roles with ; between"
    SKILLS = "skills as code:level:expiry with ; between"
    DEGREES = "degrees"
    OUTLINE = "a polygon as GeoJSON or WKT"


class Field(Struct, frozen=True, kw_only=True):
    """A field of ours. `also` are other names under which a column is taken for it without a mapping."""

    name: str
    holds: Holds
    required: bool = False
    choices: tuple[str, ...] = ()
    also: tuple[str, ...] = ()


def _point() -> tuple[Field, ...]:
    return (
        Field(name="lon_deg", holds=Holds.DEGREES, also=("lon", "lng", "longitude", "经度", "geometry.lon")),
        Field(name="lat_deg", holds=Holds.DEGREES, also=("lat", "latitude", "纬度", "geometry.lat")),
        Field(name="datum", holds=Holds.CHOICE, choices=tuple(Datum)),
    )


FIELDS: Final[dict[Noun, tuple[Field, ...]]] = {
    Noun.DISTRICTS: (
        Field(name="code", holds=Holds.CODE, required=True, also=("编号",)),
        Field(name="name_en", holds=Holds.LINE, also=("name",)),
        Field(name="name_zh", holds=Holds.LINE, also=("名称",)),
        Field(name="parent_code", holds=Holds.CODE, also=("parent",)),
        Field(name="arrival_class", holds=Holds.CODE),
        Field(name="outline", holds=Holds.OUTLINE, also=("wkt", "geojson")),
    ),
    Noun.PEOPLE: (
        Field(name="code", holds=Holds.CODE, required=True, also=("工号",)),
        Field(name="name", holds=Holds.LINE, required=True, also=("姓名",)),
        Field(name="language", holds=Holds.CODE),
        Field(name="roles", holds=Holds.ROLES, choices=tuple(Role), also=("role",)),
        Field(name="skills", holds=Holds.SKILLS),
        Field(name="active", holds=Holds.TRUTH),
        Field(name="login", holds=Holds.LINE),
        Field(name="crew_code", holds=Holds.CODE, also=("crew", "班组")),
        Field(name="crew_name", holds=Holds.LINE),
        Field(name="crew_lead", holds=Holds.TRUTH),
        Field(name="crew_districts", holds=Holds.CODES),
        *_point(),
    ),
    Noun.PARTS: (
        Field(name="code", holds=Holds.CODE, required=True, also=("编号",)),
        Field(name="name_en", holds=Holds.LINE, also=("name",)),
        Field(name="name_zh", holds=Holds.LINE, also=("名称",)),
        Field(name="unit", holds=Holds.CODE, also=("单位",)),
        Field(name="unit_cost", holds=Holds.NUMBER, required=True, also=("price", "单价")),
        Field(name="serialised", holds=Holds.TRUTH),
        Field(name="active", holds=Holds.TRUTH),
    ),
    Noun.SITES: (
        Field(name="code", holds=Holds.CODE, required=True, also=("编号",)),
        Field(name="name", holds=Holds.LINE, also=("名称",)),
        Field(name="address", holds=Holds.LINE, also=("地址",)),
        *_point(),
    ),
    Noun.JOBS: (
        Field(name="external_ref", holds=Holds.LINE, also=("id", "reference")),
        Field(name="job_type", holds=Holds.CODE, required=True, also=("type",)),
        Field(name="number", holds=Holds.CODE),
        Field(name="title", holds=Holds.LINE),
        Field(name="description", holds=Holds.PROSE, also=("remarks",)),
        Field(name="priority", holds=Holds.CHOICE, choices=tuple(Priority)),
        Field(name="address", holds=Holds.LINE, also=("地址",)),
        Field(name="site_code", holds=Holds.CODE, also=("site",)),
        Field(name="reported_at", holds=Holds.INSTANT, also=("reported_on", "date")),
        Field(name="contact_name", holds=Holds.LINE, also=("contact",)),
        Field(name="contact_phone", holds=Holds.LINE, also=("phone",)),
        Field(name="contact_language", holds=Holds.CODE),
        Field(name="request_source", holds=Holds.CODE),
        *_point(),
    ),
}
KEY_FIELD: Final[dict[Noun, str]] = {noun: "external_ref" if noun is Noun.JOBS else "code" for noun in Noun}


def field_of(noun: Noun, name: str) -> Field | None:
    """Find a field by its name; None when the noun has none of that name."""
    return next((field for field in FIELDS[noun] if field.name == name), None)
