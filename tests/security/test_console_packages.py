"""The console's packages: pinned exactly, named without the place they came from, of licences that we may ship, none that the lock does not hold."""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest

WEB: Final = Path(__file__).resolve().parents[2] / "web"
_EXACT: Final = re.compile(r"^\d+\.\d+\.\d+$")
_INTEGRITY: Final = re.compile(r"^sha512-[A-Za-z0-9+/]{86}==$")
# Shipped to browsers: nothing that asks for more than its notice.
SHIPPED: Final = {"MIT", "ISC", "BSD-2-Clause", "BSD-3-Clause", "Apache-2.0", "0BSD", "CC0-1.0", "Zlib"}
# Tools of the build and the tests stay on the machine that builds.
TOOLS: Final = SHIPPED | {"MPL-2.0", "Python-2.0", "BlueOak-1.0.0", "CC-BY-4.0"}
# Packages whose `license` is missing or says another word for what their licence file says.
_KNOWN: Final[dict[str, str]] = {"@mapbox/jsonlint-lines-primitives": "MIT"}


@cache
def lock() -> dict[str, Any]:
    """Read the lock: every package by its folder, without the project itself."""
    found: dict[str, Any] = json.loads((WEB / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    return {folder: said for folder, said in found.items() if folder}


def test_what_is_asked_for_is_pinned_exactly() -> None:
    asked = json.loads((WEB / "package.json").read_text(encoding="utf-8"))
    pins = {**asked["dependencies"], **asked["devDependencies"], **asked.get("overrides", {})}
    assert [name for name, version in pins.items() if not _EXACT.match(version)] == []
    held = {folder.removeprefix("node_modules/"): said["version"] for folder, said in lock().items()}
    assert {name: held.get(name) for name in pins} == pins


def test_every_package_of_the_lock_is_named_by_its_hash_and_not_by_a_place() -> None:
    assert [folder for folder, said in lock().items() if not _INTEGRITY.match(said.get("integrity", ""))] == []
    assert [folder for folder, said in lock().items() if "resolved" in said or "link" in said] == []


@pytest.mark.parametrize("folder", sorted(lock()))
def test_its_licence_lets_us_ship_it(folder: str) -> None:
    said = lock()[folder]
    licence = _KNOWN.get(folder.removeprefix("node_modules/"), said.get("license", ""))
    # Of alternatives one that suits is enough.
    alternatives = set(licence.strip("()").split(" OR "))
    assert alternatives & (TOOLS if said.get("dev") else SHIPPED), licence


def test_no_package_runs_scripts_of_its_own_when_it_is_installed() -> None:
    assert [
        folder for folder, said in lock().items() if said.get("hasInstallScript") and not said.get("optional")
    ] == []
