"""`onsite import` as the operator runs it: what it prints, what it writes, how it ends."""

import os
import subprocess
import sys
from pathlib import Path

import asyncpg

from api.importing.fields import Noun
from api.settings import Settings
from tests.arrange import Org


def onsite(settings: Settings, *args: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ONSITE_")}
    environment |= {
        "ONSITE_STATE_DIR": str(settings.state_dir),
        "ONSITE_DATABASE_URL": settings.database_url,
        "ONSITE_OWNER_DATABASE_URL": settings.owner_database_url,
        "ONSITE_SECRET": settings.secret,
        "COLUMNS": "200",
    }
    return subprocess.run(
        [sys.executable, "-c", "from api.cli import main; main()", *args],
        capture_output=True, text=True, check=False, timeout=120, env=environment,
    )  # fmt: skip


async def slug_of(owner: asyncpg.Connection, org: Org) -> str:
    return str(await owner.fetchval("select slug from organisation where org_id = $1", org.id))


async def test_an_import_says_what_it_did_and_writes_the_report(
    settings: Settings, works: Org, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    rows = [f"L-{n},repair,,,extra" for n in range(25)]
    (tmp_path / "leaks.csv").write_text("id,type,lon,lat,note\n" + "\n".join([*rows, "L-99,nope,1,2,x"]) + "\n")
    report = tmp_path / "flagged.csv"
    args = (
        "import",
        "jobs",
        str(tmp_path / "leaks.csv"),
        "--org",
        await slug_of(owner, works),
        "--report",
        str(report),
    )
    trial = onsite(settings, *args, "--dry-run")
    assert "25 would be made" in trial.stdout
    done = onsite(settings, *args)
    assert done.returncode == 1, done.stderr
    assert "26 rows of leaks.csv (CSV, utf-8)" in done.stdout
    assert "columns not read: note" in done.stdout
    assert "jobs: 25 made, 0 changed, 0 as they were, 1 refused; 25 rows flagged" in done.stdout
    assert "0 are in a district and 25 await triage" in done.stdout
    assert "and 6 more; --report FILE writes them all" in done.stdout
    assert len(report.read_text("utf-8-sig").splitlines()) == 27
    again = onsite(settings, *args)
    assert "jobs: 0 made, 0 changed, 25 as they were, 1 refused" in again.stdout


async def test_what_the_operator_can_mend_is_said_before_anything_is_written(
    settings: Settings, works: Org, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    slug = await slug_of(owner, works)
    file = tmp_path / "a.csv"
    file.write_text("leak\n1\n")
    for args, said in (
        (("jobs", str(file), "--org", slug), "no column says what job_type is"),
        (("jobs", str(file), "--org", "nobody"), "There is no organisation `nobody`"),
        (("jobs", str(tmp_path / "b.csv"), "--org", slug), "No such file"),
        (("jobs", str(file), "--org", slug, "--mapping", str(tmp_path / "m.toml")), "cannot be read"),
        (("jobs", str(file), "--org", slug, "--report", str(tmp_path / "no" / "r.csv")), "no folder"),
    ):
        done = onsite(settings, "import", *args)
        assert (done.returncode, said in " ".join(done.stderr.split())) == (2, True), done.stderr
        assert "Traceback" not in done.stderr


def test_help_names_every_noun(settings: Settings) -> None:
    done = onsite(settings, "import", "--help")
    assert done.returncode == 0
    assert all(noun in done.stdout for noun in Noun)
