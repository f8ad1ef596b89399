"""`onsite import policies` and `onsite calendar make` at the command line, as the how-to has them."""

import asyncio
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from api.cli import build
from api.database import open_pool, owner_connection
from api.settings import Settings
from tests.arrange import organisation

LADDER = """
code = "relief"
version = 1
subject = "relief"

[[bands]]
above = "0"
role = "manager"
"""


async def some_organisation(settings: Settings) -> str:
    """Make an organisation; gives its slug."""
    pool = await open_pool(settings, size_max=2)
    org = await organisation(pool, 11)
    await pool.close()
    async with owner_connection(settings) as owner:
        slug: str = await owner.fetchval("select slug from organisation where org_id = $1", org.id)
    return slug


def onsite(*words: str) -> Result:
    return CliRunner().invoke(build(), list(words))


def test_a_folder_of_ladders_and_a_calendar_are_loaded_shown_and_left_as_they_were(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("api.settings.load_settings", lambda: settings)
    slug = asyncio.run(some_organisation(settings))
    (tmp_path / "relief.toml").write_text(LADDER, encoding="utf-8")
    for options, said in (("--dry-run", "would be loaded"), ("", "loaded"), ("", "as it was")):
        done = onsite("import", "policies", str(tmp_path), "--org", slug, *options.split())
        assert done.exit_code == 0, done.output
        assert said in done.output
        assert "relief.toml" in done.output
    (tmp_path / "broken.toml").write_text(LADDER.replace("manager", "pope"), encoding="utf-8")
    broken = onsite("import", "policies", str(tmp_path), "--org", slug)
    assert broken.exit_code == 1
    assert "broken.toml is no policy" in str(broken.exception)
    for said in ("made", "as it was"):
        made = onsite("calendar", "make", "--country", "cn", "--years", "2026", "--org", slug)
        assert made.exit_code == 0, made.output
        assert f"work: {said}" in made.output
    assert "2026-10-10" in made.output
    assert "worked" in made.output
