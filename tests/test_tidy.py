"""The house rules that no linter knows: sizes, names, who may import what, where the clock may be read."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LAYERS = ("api", "sync", "jobs", "geo", "mobile_contract")
FOLDERS = {*LAYERS, "tests", "web", "benchmarks", "docs"}
MODULE_LINES_MAX = 450
FUNCTION_LINES_MAX = 60
BANNED_MODULES = {"util", "utils", "helper", "helpers", "common", "manager", "data", "info", "misc"}
# Migrations are lists of statements: their length follows the tables.
LONG_BY_NATURE = ("api/migrations/versions/", "mobile_contract/dist/")
# The words are put together, so that this file does not break its own rule.
UNFINISHED = re.compile(r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "XX" + "X")) + r")\b")
REGISTRIES = re.compile(
    "|".join(
        ("py" + r"pi\.org", "python" + r"hosted\.org", "npm" + r"js\.(org|com)", r"(deb|security)\.deb" + r"ian\.org")
    )
)
# Folders of one machine or one person; what Debian itself fixes (/etc, /usr, /var/lib) is no such thing.
MACHINE_PATHS = re.compile(r"(?<![\w.~:/\-])/(?:home|root|Users|work|opt|mnt)/[\w.\-]+")
CLOCKS = {"now", "utcnow", "today", "time", "time_ns"}


@cache
def tracked() -> tuple[str, ...]:
    """Name every tracked file, and every new one that is not ignored."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    return tuple(name for name in listed.stdout.decode().split("\0") if name and (ROOT / name).is_file())


def texts() -> Iterator[tuple[str, str]]:
    """Yield (name, text) of each tracked text file."""
    for name in tracked():
        raw = (ROOT / name).read_bytes()
        if b"\0" not in raw[:8000]:
            yield name, raw.decode("utf-8")


def modules(*folders: str) -> Iterator[tuple[str, ast.Module]]:
    """Yield (name, syntax tree) of each Python file under the given top folders."""
    for name in tracked():
        if name.endswith(".py") and name.split("/")[0] in folders:
            yield name, parsed(name)


@cache
def parsed(name: str) -> ast.Module:
    return ast.parse((ROOT / name).read_text(encoding="utf-8"), name)


def imports(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module


def importers(package: str, *folders: str) -> list[str]:
    """Name the modules that import a package."""
    return [name for name, tree in modules(*folders) if any(i.split(".")[0] == package for i in imports(tree))]


def calls(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield (line, dotted name) of each call."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield node.lineno, ast.unparse(node.func)


def test_top_folders_are_the_ones_of_the_architecture() -> None:
    folders = {name.split("/")[0] for name in tracked() if "/" in name}
    assert {f for f in folders if not f.startswith(".")} <= FOLDERS


def test_modules_and_functions_stay_readable() -> None:
    too_long = []
    for name, tree in modules(*LAYERS, "tests", "benchmarks"):
        if name.startswith(LONG_BY_NATURE):
            continue
        lines = len((ROOT / name).read_text(encoding="utf-8").splitlines())
        if lines > MODULE_LINES_MAX:
            too_long.append(f"{name}: {lines} lines")
        too_long += [
            f"{name}:{node.lineno} {node.name}: {node.end_lineno - node.lineno + 1} lines"
            for node in ast.walk(tree)
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            and node.end_lineno is not None
            and node.end_lineno - node.lineno + 1 > FUNCTION_LINES_MAX
        ]
    assert too_long == []


def test_every_module_says_what_it_owns() -> None:
    assert [name for name, tree in modules(*LAYERS, "tests", "benchmarks") if not ast.get_docstring(tree)] == []


def test_no_module_has_a_name_that_says_nothing() -> None:
    names = [n for n in tracked() if n.startswith(tuple(f"{f}/" for f in (*LAYERS, "tests", "benchmarks", "web")))]
    assert [n for n in names if BANNED_MODULES & {part.split(".")[0] for part in n.split("/")}] == []


def test_nothing_is_left_unfinished() -> None:
    assert [name for name, text in texts() if UNFINISHED.search(text)] == []


def test_no_file_names_a_registry_or_a_folder_of_one_machine() -> None:
    found = []
    for name, text in texts():
        for number, line in enumerate(text.splitlines(), 1):
            if REGISTRIES.search(line) or MACHINE_PATHS.search(line):
                found.append(f"{name}:{number}: {line.strip()[:100]}")
    assert found == []


def test_the_web_framework_stays_in_api() -> None:
    assert importers("litestar", *(layer for layer in LAYERS if layer != "api")) == []


def test_the_scheduler_stays_in_the_timers() -> None:
    assert [name for name in importers("apscheduler", *LAYERS) if name != "api/timers.py"] == []


def test_the_contract_and_the_rules_know_no_database() -> None:
    closed = ("mobile_contract/", "jobs/rules/")
    for package in ("sqlalchemy", "asyncpg", "geoalchemy2"):
        assert [name for name in importers(package, *LAYERS) if name.startswith(closed)] == []


def test_rules_are_pure() -> None:
    banned = {"asyncio", "os", "pathlib", "socket", "subprocess", "time", "random", "secrets", "logging", "httpx"}
    impure = [
        f"{name}: {imported}"
        for name, tree in modules("jobs")
        if name.startswith("jobs/rules/")
        for imported in imports(tree)
        if imported.split(".")[0] in banned
    ]
    impure += [
        f"{name}:{node.lineno}: async"
        for name, tree in modules("jobs")
        if name.startswith("jobs/rules/")
        for node in ast.walk(tree)
        if isinstance(node, ast.AsyncFunctionDef | ast.Await)
    ]
    assert impure == []


def test_below_the_ways_in_nobody_reads_the_clock() -> None:
    reads = [
        f"{name}:{line}: {call}"
        for name, tree in modules("jobs", "sync", "geo")
        for line, call in calls(tree)
        if call.split(".")[-1] in CLOCKS and call.split(".")[0] in ("datetime", "date", "time", "dt")
    ]
    assert reads == []


def test_tests_wait_for_conditions_and_not_for_time() -> None:
    sleeps = [
        f"{name}:{line}"
        for name, tree in modules("tests")
        for line, call in calls(tree)
        if call in ("time.sleep", "asyncio.sleep", "sleep", "anyio.sleep") and name != "tests/waiting.py"
    ]
    assert sleeps == []


@pytest.mark.parametrize("document", ["README.md", "docs/settings.md", "docs/how-to/backup-and-restore.md"])
def test_links_in_documents_lead_somewhere(document: str) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    links = re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", text)
    assert [link for link in links if not ((ROOT / document).parent / link).exists()] == []


def test_import_layers_hold() -> None:
    # In a process of its own: it sets logging up anew, and everything that has a logger already would be silent from then on.
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout
