"""The packages we stand on: each pinned, needed, declared, and free to be used. What is known against them is asked by `make audit` alone.

Proves from the installed metadata, without a network: nothing in the lock is there for nothing, nothing is imported that we do not name,
every licence is one of those below. Proves nothing about flaws of a package, nor that its files are those its authors published.
"""

import ast
import json
import re
import sys
import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any, Final

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.security.audit import NOT_AUDITED, Audit, read_report

ROOT: Final = Path(__file__).resolve().parents[2]
OURS: Final = ("api", "sync", "jobs", "geo", "mobile_contract")
OTHERS: Final = ("tests", "benchmarks")
_PIN: Final = re.compile(r"([a-z0-9-]+)==([0-9][\w.+!-]*)(?: ; (.+))?")

# Packages that no module imports by name, and why we name them.
_UNIMPORTED: Final = {
    "httptools": "the server's parser: uvicorn takes it when it is there",
    "uvloop": "the server's event loop: uvicorn takes it when it is there",
    "tzdata": "zones for machines that have none",
    "cvttf-notosanscjk-regular": "a font, read as a file",
    "types-shapely": "types for mypy",
    "mypy": "a command of the Makefile",
    "ruff": "a command of the Makefile",
    "import-linter": "a command of tests/test_tidy.py",
    "pytest-asyncio": "a plugin of pytest",
    "pytest-xdist": "a plugin of pytest",
    "py-spy": "the profiler that benchmarks start",
}
# Permissive, or copyleft that ends at its own files. Not: GPL, AGPL, LGPL for what is linked in, SSPL, BUSL, anything unnamed; but for those below.
_FREE: Final = re.compile(
    r"\b(MIT|BSD|Apache|ISC|PSF|Python Software Foundation|Python-2\.0|MPL[ -]2\.0|Mozilla Public License 2\.0|Zlib|0BSD|CC0|Unlicense|"
    r"Unicode|NCSA|HPND|UPL)", re.IGNORECASE,
)  # fmt: skip
# Under the LGPL, and used as they come: whoever has the product may put another version in their place.
_REPLACEABLE: Final = {"fpdf2": "LGPL-3.0-only"}
_BOUND: Final = re.compile(
    r"\b(A?GPL|LGPL|GNU|SSPL|BUSL|Business Source|Commons Clause|proprietary|commercial)", re.IGNORECASE
)


def project() -> tuple[list[Requirement], list[Requirement]]:
    """Read what pyproject names: for running, for developing."""
    said = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    running, developing = said["dependencies"], said["optional-dependencies"]["dev"]
    return [Requirement(text) for text in running], [Requirement(text) for text in developing]


def optional() -> set[str]:
    """Name the packages that an operator may add: code that imports one says so where it is absent."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    return names_of(Requirement(text) for name, texts in extras.items() if name != "dev" for text in texts)


@cache
def lock() -> dict[str, str]:
    """Read the lock: the version of each package that this machine needs."""
    pins = {}
    for line in (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines():
        match = _PIN.fullmatch(line)
        assert match is not None, f"not an exact pin: {line}"
        assert match[1] not in pins, f"named twice: {line}"
        if match[3] is None or Requirement(f"x; {match[3]}").marker.evaluate():  # type: ignore[union-attr]
            pins[match[1]] = match[2]
    return pins


def closure(wanted: Iterable[Requirement]) -> set[str]:
    """Follow requirements through the installed metadata; AssertionError where the lock has another version than is asked for."""
    found: set[tuple[str, str]] = set()
    left = [(requirement, extra) for requirement in wanted for extra in ("", *requirement.extras)]
    while left:
        requirement, extra = left.pop()
        name = canonicalize_name(requirement.name)
        if (name, extra) in found or (requirement.marker and not requirement.marker.evaluate({"extra": ""})):
            continue
        found.add((name, extra))
        assert name in lock(), f"{name} is needed and not in the lock"
        assert requirement.specifier.contains(lock()[name], prereleases=True), (
            f"{name}: {requirement} against {lock()[name]}"
        )
        for text in metadata.requires(name) or ():
            needed = Requirement(text)
            if needed.marker is None or needed.marker.evaluate({"extra": extra}):
                plain = Requirement(str(needed).partition(";")[0])
                left += [(plain, inner) for inner in ("", *needed.extras)]
    return {name for name, _ in found}


@cache
def imported(folders: tuple[str, ...]) -> dict[str, str]:
    """Name the foreign packages that modules import, each with one module that does."""
    found: dict[str, str] = {}
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
                if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                    names = [node.module]
                for name in names:
                    found.setdefault(name.partition(".")[0], str(path.relative_to(ROOT)))
    return {name: path for name, path in found.items() if name not in {*sys.stdlib_module_names, *OURS, *OTHERS}}


@cache
def installed() -> Mapping[str, list[str]]:
    """Read which packages every installed module comes from."""
    return metadata.packages_distributions()


def distributions(module: str) -> set[str]:
    """Name the packages that a module comes from."""
    return {canonicalize_name(name) for name in installed().get(module, ())}


def names_of(requirements: Iterable[Requirement]) -> set[str]:
    return {canonicalize_name(requirement.name) for requirement in requirements}


def test_every_package_of_the_lock_is_pinned_and_installed_as_it_says() -> None:
    assert {name: metadata.version(name) for name in lock()} == lock()


def test_the_lock_holds_what_is_needed_and_nothing_else() -> None:
    running, developing = project()
    assert closure([*running, *developing]) == set(lock())


def test_what_runs_needs_nothing_that_is_only_for_developing() -> None:
    running, developing = project()
    declared = names_of(running)
    for module, path in imported(OURS).items():
        found = distributions(module) or {canonicalize_name(module)}
        assert found & (declared | optional()), f"{path} imports {module}, which no dependency for running names"
    assert not declared & names_of(developing)


def test_what_tests_and_benchmarks_import_is_declared() -> None:
    declared = names_of([*project()[0], *project()[1]])
    missing = {m: path for m, path in imported(OTHERS).items() if not distributions(m) & declared}
    assert missing == {}


def test_nothing_is_declared_for_nothing() -> None:
    running, developing = project()
    used = {name for module in imported((*OURS, *OTHERS)) for name in distributions(module)}
    ours = {name for module in imported(OURS) for name in distributions(module)}
    assert names_of(running) - ours - set(_UNIMPORTED) == set()
    assert names_of(developing) - used - set(_UNIMPORTED) == set()
    assert set(_UNIMPORTED) <= names_of([*running, *developing])
    assert set(_UNIMPORTED) & ours == set()


def licence_of(name: str) -> str:
    """Read a package's licence as its metadata has it: the expression, else the classifiers, else the first line of the text."""
    about = metadata.metadata(name)
    classifiers = [
        c.rpartition("::")[2].strip() for c in about.get_all("Classifier") or () if c.startswith("License ::")
    ]
    said = [*(about.get_all("License-Expression") or ()), " OR ".join(classifiers), *(about.get_all("License") or ())]
    return next((text.strip().partition("\n")[0] for text in said if text.strip()), "")


def test_every_licence_lets_us_use_the_package() -> None:
    unclear = {}
    for name in lock():
        licence = licence_of(name)
        free = bool(_FREE.search(licence)) and not _BOUND.search(licence)
        if not free:
            unclear[name] = licence
    assert unclear == _REPLACEABLE


def told(*packages: dict[str, Any]) -> Audit:
    return read_report(json.dumps({"dependencies": packages, "fixes": []}))


def test_an_audit_that_asked_nobody_is_no_all_clear() -> None:
    """What pip-audit answers where the advisory service is out of reach: no flaw found, and nothing looked at."""
    skipped = {
        "name": "alembic",
        "skip_reason": "Dependency not found on PyPI and could not be audited: alembic (1.20.1)",
    }
    fine: dict[str, Any] = {"name": "msgspec", "version": "0.22.0", "vulns": []}
    flawed = {"name": "x", "version": "1", "vulns": [{"id": "PYSEC-1", "fix_versions": ["2"], "description": "bad"}]}
    assert told(skipped, skipped).status == NOT_AUDITED and "NOT AUDITED" in told(skipped).text
    assert told(fine, skipped).status == NOT_AUDITED and "alembic" in told(fine, skipped).text
    assert (told(fine).status, told(fine, fine).text) == (0, "2 packages asked about: nothing is known against them.")
    assert told(flawed, skipped).status == 1 and "PYSEC-1" in told(flawed).text and "2" in told(flawed).text
    assert read_report("").status == NOT_AUDITED and read_report("[]").status == NOT_AUDITED
    assert told().status == NOT_AUDITED


def test_no_requirement_goes_past_the_registry() -> None:
    running, developing = project()
    assert [str(requirement) for requirement in (*running, *developing) if requirement.url] == []
    floating = [str(requirement) for requirement in running if not requirement.specifier]
    assert floating == []
