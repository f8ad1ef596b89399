"""The generated files of the contract that need the routes: what they hold, where they lie, whether they are up to date."""

from pathlib import Path

import mobile_contract
from api.app import bare_app
from api.openapi import openapi_document
from mobile_contract.emit.json_schema import as_text, contract_schema

DIST = Path(mobile_contract.__file__).parent / "dist"


def generated() -> dict[Path, str]:
    """Generate every file anew: path to text."""
    return {
        DIST / "schema.json": as_text(contract_schema()),
        DIST / "openapi.json": as_text(openapi_document(bare_app())),
    }


def outdated() -> list[Path]:
    """Name the files that differ from what the code says, or are missing."""
    return [path for path, text in generated().items() if not path.exists() or path.read_text(encoding="utf-8") != text]


def write() -> list[Path]:
    """Write the files that are outdated and name them."""
    changed = outdated()
    DIST.mkdir(exist_ok=True)
    for path, text in generated().items():
        if path in changed:
            path.write_text(text, encoding="utf-8")
    return changed
