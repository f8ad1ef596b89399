"""`onsite sync verify` and `rebuild` at the command line: what they print and how they end."""

import asyncio
import re

import pytest
from typer.testing import CliRunner

from api.cli import build
from api.database import open_pool, owner_connection
from api.settings import Settings
from tests.arrange import organisation


async def damaged_organisation(settings: Settings) -> str:
    """Make an organisation in which one document is wrong; gives its slug."""
    pool = await open_pool(settings, size_max=2)
    org = await organisation(pool, 7)
    await pool.close()
    async with owner_connection(settings) as owner:
        await owner.execute(
            "update sync_doc set body = '{}' where org_id = $1 and kind = 'site' and id = $2", org.id, org.site
        )
        slug: str = await owner.fetchval("select slug from organisation where org_id = $1", org.id)
    return slug


def test_verify_reports_drift_with_status_1_and_rebuild_mends_it(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.settings.load_settings", lambda: settings)
    slug = asyncio.run(damaged_organisation(settings))
    run, app = CliRunner(), build()
    found = run.invoke(app, ["sync", "verify", "--org", slug])
    assert found.exit_code == 1, found.output
    assert re.search(r"body\s+│\s+site", found.output)
    assert "onsite sync rebuild" in found.output
    mended = run.invoke(app, ["sync", "rebuild", "--org", slug])
    assert mended.exit_code == 0, mended.output
    clean = run.invoke(app, ["sync", "verify", "--org", slug])
    assert (clean.exit_code, "no differences" in clean.output) == (0, True)


def test_an_unknown_organisation_is_said_to_be_unknown(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.settings.load_settings", lambda: settings)
    asked = CliRunner().invoke(build(), ["sync", "verify", "--org", "nobody"])
    assert asked.exit_code == 1
    assert "nobody" in str(asked.exception)


def test_retain_counts_and_removes_what_is_due(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.upkeep.load_settings", lambda: settings)
    slug = asyncio.run(organisation_with_an_old_track(settings))
    run, app = CliRunner(), build()
    for options, found in (("--dry-run", 1), ("--dry-run", 1), ("--now", 1), ("--dry-run", 0)):
        done = run.invoke(app, ["sync", "retain", options, "--org", slug])
        assert done.exit_code == 0, done.output
        assert re.search(rf"positions\s+│\s+{found}\b", done.output), done.output


async def organisation_with_an_old_track(settings: Settings) -> str:
    """Make an organisation that knows where somebody was long ago; gives its slug."""
    pool = await open_pool(settings, size_max=2)
    org = await organisation(pool, 11)
    await pool.close()
    async with owner_connection(settings) as owner:
        await owner.execute(
            "insert into position_track (org_id, person_id, at, lon_deg, lat_deg) values ($1, $2, '2020-01-01', 1, 2)",
            *(org.id, org.people["amy"]),
        )
        await owner.execute(
            "insert into position (org_id, person_id, lon_deg, lat_deg, at, received_at) values ($1, $2, 1, 2, now(), now())",
            *(org.id, org.people["amy"]),
        )
        slug: str = await owner.fetchval("select slug from organisation where org_id = $1", org.id)
    return slug


def test_rewrite_mends_nothing_that_is_right_and_says_what_a_kind_is(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.upkeep.load_settings", lambda: settings)
    slug = asyncio.run(organisation_with_an_old_track(settings))
    run, app = CliRunner(), build()
    done = run.invoke(app, ["sync", "rewrite", "--org", slug])
    assert done.exit_code == 0, done.output
    assert re.search(r"looked at \d\d+ documents, wrote 0 anew", done.output)
    for wrong, told in (("--kind=jobs", "usage_point"), ("--after=7", "is no id")):
        refused = run.invoke(app, ["sync", "rewrite", wrong])
        assert refused.exit_code == 1
        assert told in str(refused.exception)


def test_help_shows_examples() -> None:
    for command in ("verify", "rebuild", "retain", "rewrite"):
        text = CliRunner().invoke(build(), ["sync", command, "--help"]).output
        assert re.search(r"Examples?: onsite sync", text), command
