"""The generated files of the contract that need the routes: what they hold, where they lie, whether they are up to date."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import mobile_contract
from api.app import bare_app
from api.openapi import openapi_document
from mobile_contract.emit.json_schema import as_text, contract_schema
from mobile_contract.emit.typescript import typescript_of
from mobile_contract.errors import ERRORS
from mobile_contract.registry import COMMANDS
from mobile_contract.version import CONTRACT

DIST = Path(mobile_contract.__file__).parent / "dist"


def generated() -> dict[Path, str]:
    """Generate every file anew: path to text."""
    schema, openapi = contract_schema(), openapi_document(bare_app())
    return {
        DIST / "schema.json": as_text(schema),
        DIST / "openapi.json": as_text(openapi),
        DIST / "ts" / "contract.ts": _typescript(schema, openapi),
    }


def outdated() -> list[Path]:
    """Name the files that differ from what the code says, or are missing."""
    return [path for path, text in generated().items() if not path.exists() or path.read_text(encoding="utf-8") != text]


def write() -> list[Path]:
    """Write the files that are outdated and name them."""
    changed = outdated()
    for path, text in generated().items():
        if path in changed:
            path.parent.mkdir(exist_ok=True, parents=True)
            path.write_text(text, encoding="utf-8")
    return changed


def _typescript(schema: Mapping[str, Any], openapi: Mapping[str, Any]) -> str:
    return typescript_of(
        {**schema["$defs"], **openapi["components"]["schemas"]},
        commands={name: line.type.__name__ for name, line in COMMANDS.items()},
        codes=tuple(sorted(ERRORS)),
        version=CONTRACT,
    )
