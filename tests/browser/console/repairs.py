"""The real repairs of 2013, imported as an operator would; the marks of tests that need them. Owns no test."""

import csv
from datetime import datetime
from pathlib import Path
from typing import Final

import asyncpg
import pytest

from api.importing.engine import ImportOrder, import_file
from api.importing.fields import Noun
from api.importing.mapping import Mapping, read_mapping
from tests.api.office import give_login
from tests.api.serving import Site
from tests.arrange import Org
from tests.browser.scene import found

_ROOT: Final = Path(__file__).resolve().parents[3]
_DATA: Final = _ROOT.parent / "shared" / "data"
_REPAIRS: Final = _DATA / "water_main_leaks_2010_2013.csv"

NEEDS_REPAIRS: Final = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not _REPAIRS.exists(),
        reason=f"NOT TESTED ON REAL DATA: {_REPAIRS} is missing; put the repairs and the districts there",
    ),
]


async def repaired(site: Site, pool: asyncpg.Pool, seed: int, folder: Path, *, now: datetime) -> tuple[Org, int]:
    """Found an organisation with the districts and the repairs of 2013, by way of a folder; gives it and how many repairs there are."""
    org = await found(pool, seed, name="Los Angeles mains")
    await give_login(site, org, "dan")
    part = folder / _REPAIRS.name
    count = _only_2013(part)
    for noun, path in ((Noun.DISTRICTS, _DATA / "council_districts.geojson"), (Noun.JOBS, part)):
        mapping = Mapping()
        if noun is Noun.JOBS:
            mapping = read_mapping(_ROOT / "tests" / "api" / "importing" / "la_leaks.toml")
        report = await import_file(pool, ImportOrder(org_id=org.id, noun=noun, path=path, mapping=mapping), now=now)
        assert report.refused == 0
    return org, count


def _only_2013(path: Path) -> int:
    """Copy the repairs of the year and give how many there are."""
    with _REPAIRS.open(encoding="utf-8", newline="") as whole, path.open("w", encoding="utf-8", newline="") as part:
        reader = csv.DictReader(whole)
        writer = csv.DictWriter(part, reader.fieldnames or ())
        writer.writeheader()
        rows = [row for row in reader if row["reported_on"].endswith("-13")]
        writer.writerows(rows)
    return len(rows)
