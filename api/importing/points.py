"""Where a row is: reads its coordinates and says what is wrong with them. Owns no conversion: `geo.coordinates` does."""

from msgspec import Struct

from api.importing.notes import Note
from api.importing.plans import Importing
from api.importing.values import MappedRow
from geo.coordinates import NULL_ISLAND, LonLat, read_point
from mobile_contract.schema.base import Datum


class RowPoint(Struct, frozen=True, kw_only=True):
    """The point of a row. `lon_deg`, `lat_deg` are as the file has them, in `datum`; `wgs84` is the same place; None: the row has none."""

    datum: Datum
    lon_deg: float | None = None
    lat_deg: float | None = None
    wgs84: LonLat | None = None
    notes: tuple[Note, ...] = ()


def point_of(row: MappedRow, importing: Importing) -> RowPoint:
    """Read the point of a row; a row without a usable one gets a note that says why."""
    datum = Datum(row.text("datum")) if row.text("datum") else importing.datum
    lon, lat, shown = row.values.get("lon_deg"), row.values.get("lat_deg"), said_point(row)
    if row.unreadable & {"lon_deg", "lat_deg"}:
        return RowPoint(datum=datum, notes=(row.flag("coordinates_unreadable", shown),))
    if not isinstance(lon, float) and not isinstance(lat, float):
        return RowPoint(datum=datum, notes=(row.flag("coordinates_missing"),))
    if not isinstance(lon, float) or not isinstance(lat, float):
        return RowPoint(datum=datum, notes=(row.flag("coordinates_half", shown),))
    checked = read_point(lon, lat, datum, expected=importing.area)
    flags = tuple(row.flag(code, shown) for code in checked.flags)
    if checked.point is None:
        return RowPoint(datum=datum, notes=(row.flag(checked.refusal or "coordinates_unreadable", shown), *flags))
    if NULL_ISLAND in checked.flags:
        return RowPoint(datum=datum, notes=flags)
    return RowPoint(datum=datum, lon_deg=lon, lat_deg=lat, wgs84=checked.point, notes=flags)


def said_point(row: MappedRow) -> str:
    """Say the coordinates of a row as the file has them, for people."""
    said = ((name, row.values.get(f"{name}_deg")) for name in ("lon", "lat"))
    return ", ".join(f"{name} {value if value is not None else '-'}" for name, value in said)
