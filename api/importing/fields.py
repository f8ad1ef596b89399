"""What can be imported of each noun: our fields, what they hold and what they are called in files. Never reads a file."""

from enum import StrEnum
from typing import Final

from msgspec import Struct

from mobile_contract.schema.base import Datum, Priority
from mobile_contract.schema.people import Role
from mobile_contract.schema.stock import LocationKind


class Noun(StrEnum):
    """What a file holds, one per row."""

    DISTRICTS = "districts"
    PEOPLE = "people"
    PARTS = "parts"
    LOCATIONS = "locations"
    STOCK = "stock"
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


# Suppliers, transit and the like are every organisation's own; a van comes with its crew too.
_PLACES: Final = tuple(
    LocationKind(kind).value for kind in ("store", "bin", "van", "repair_shop", "scrap", "loan", "supplier")
)


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
        Field(name="sale_price", holds=Holds.NUMBER, also=("list_price", "售价")),
        Field(name="part_class", holds=Holds.CODE, also=("class", "category", "类别")),
        Field(name="gtins", holds=Holds.CODES, also=("gtin", "ean", "barcode", "条码")),
        Field(name="substitutes", holds=Holds.CODES, also=("替代品",)),
        Field(name="serialised", holds=Holds.TRUTH),
        Field(name="lot_tracked", holds=Holds.TRUTH),
        Field(name="active", holds=Holds.TRUTH),
    ),
    Noun.LOCATIONS: (
        Field(name="code", holds=Holds.CODE, required=True, also=("编号", "库位")),
        Field(name="name", holds=Holds.LINE, also=("名称",)),
        Field(name="kind", holds=Holds.CHOICE, choices=_PLACES, also=("类型",)),
        Field(name="parent_code", holds=Holds.CODE, also=("store", "parent", "仓库")),
        Field(name="active", holds=Holds.TRUTH),
    ),
    Noun.STOCK: (
        Field(name="location_code", holds=Holds.CODE, required=True, also=("location", "bin", "库位")),
        Field(name="part_code", holds=Holds.CODE, required=True, also=("part", "code", "编号")),
        Field(name="quantity", holds=Holds.NUMBER, required=True, also=("qty", "on_hand", "数量")),
        Field(name="lot", holds=Holds.LINE, also=("batch", "批次")),
        Field(name="serial", holds=Holds.LINE, also=("serial_number", "序列号")),
        Field(name="unit_cost", holds=Holds.NUMBER, also=("cost", "单价")),
        Field(name="as_of", holds=Holds.INSTANT, also=("date", "日期")),
        Field(name="reference", holds=Holds.LINE, also=("document", "单号")),
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
KEY_FIELDS: Final[dict[Noun, tuple[str, ...]]] = {
    **dict.fromkeys(Noun, ("code",)),
    Noun.JOBS: ("external_ref",),
    Noun.STOCK: ("location_code", "part_code", "lot", "serial"),
}
"""By what a row of each noun is known."""


def field_of(noun: Noun, name: str) -> Field | None:
    """Find a field by its name; None when the noun has none of that name."""
    return next((field for field in FIELDS[noun] if field.name == name), None)
