"""The synthetic city's street graph and addresses as files that other parts read: the planner, imports, spreadsheets. Never writes a file."""

from __future__ import annotations

import csv
import io
from typing import Final

import msgspec

from geo.city_plan import City
from geo.street_graph import StreetGraph

_COLUMNS: Final = ("code", "kind", "address", "address_zh", "district_code", "lon_deg", "lat_deg")


def street_graph_json(city: City) -> bytes:
    """Write the street graph: nodes and directed edges, as `read_street_graph` reads them."""
    return msgspec.json.encode(city.graph) + b"\n"


def read_street_graph(body: bytes) -> StreetGraph:
    """Read a street graph. Raises msgspec.MsgspecError for anything else."""
    return msgspec.json.decode(body, type=StreetGraph)


def addresses_csv(city: City) -> bytes:
    """Write the addresses as CSV (UTF-8, WGS 84), a line each, in the order of their codes."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for site in city.sites:
        place = (site.point.lon_deg, site.point.lat_deg)
        writer.writerow((site.code, site.kind, site.address, site.address_zh, site.district_code, *place))
    return out.getvalue().encode()
