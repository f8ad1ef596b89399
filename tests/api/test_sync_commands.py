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


def test_help_shows_examples() -> None:
    for command in ("verify", "rebuild"):
        assert "Example: onsite sync" in CliRunner().invoke(build(), ["sync", command, "--help"]).output
