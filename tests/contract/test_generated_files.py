"""The generated files say what the code says, every example is accepted, and the documents are valid themselves."""

import json
from typing import Any

import jsonschema_rs
import msgspec
import pytest

from api import contract_files
from mobile_contract.emit.examples import example_of
from mobile_contract.emit.json_schema import contract_schema
from mobile_contract.registry import COMMANDS, KINDS, decode_args
from mobile_contract.schema.base import Command, Document


@pytest.fixture(scope="module")
def openapi() -> dict[str, Any]:
    path = contract_files.DIST / "openapi.json"
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return document


def test_the_committed_files_are_those_that_the_code_generates() -> None:
    assert not contract_files.outdated(), "run `onsite contract emit` and commit what it writes"


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_the_example_of_a_command_decodes_strictly_and_fits_its_schema(name: str) -> None:
    kind = COMMANDS[name].type
    example = example_of(kind)
    assert isinstance(decode_args(name, msgspec.json.encode(example)), Command)
    schema = {**contract_schema(), "$ref": f"#/$defs/{kind.__name__}"}
    jsonschema_rs.validator_for(schema).validate(example)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_the_example_of_a_document_decodes_and_fits_its_schema(kind: str) -> None:
    document = KINDS[kind]
    example = example_of(document)
    assert isinstance(msgspec.json.decode(msgspec.json.encode(example), type=document), Document)
    schema = contract_schema()
    schema.update(schema["x-documents"][kind])
    jsonschema_rs.validator_for(schema).validate(example)


def test_every_command_is_an_operation_of_its_own_with_an_example(openapi: dict[str, Any]) -> None:
    for name, line in COMMANDS.items():
        operation = openapi["paths"][f"/api/v1/commands/{name}"]["post"]
        content = operation["requestBody"]["content"]["application/json"]
        assert content["schema"] == {"$ref": f"#/components/schemas/{line.type.__name__}"}
        assert isinstance(decode_args(name, msgspec.json.encode(content["example"])), Command)
        assert any(p["name"] == "Idempotency-Key" and p["required"] for p in operation["parameters"])


def test_every_operation_says_who_may_call_it_and_how_it_refuses(openapi: dict[str, Any]) -> None:
    ids = set()
    for path, methods in openapi["paths"].items():
        for method, operation in methods.items():
            assert operation["summary"] and operation["description"], path
            assert "security" in operation, path
            assert "default" in operation["responses"], path
            assert operation["operationId"] not in ids, (path, method)
            ids.add(operation["operationId"])


def test_every_reference_leads_somewhere(openapi: dict[str, Any]) -> None:
    def walk(value: Any) -> None:
        if isinstance(value, dict):
            target = value.get("$ref")
            if isinstance(target, str):
                found: Any = openapi
                for step in target.removeprefix("#/").split("/"):
                    found = found[step]
            for item in value.values():
                walk(item)
        elif isinstance(value, list):
            for item in value:
                walk(item)

    walk(openapi)


def test_a_union_names_its_discriminator(openapi: dict[str, Any]) -> None:
    defs = contract_schema()["$defs"]
    assert defs["Fact"]["discriminator"]["propertyName"] == "name"
    assert defs["Frame"]["discriminator"]["propertyName"] == "frame"
    assert defs["Decision"]["discriminator"]["mapping"]["claim_job"] == "#/$defs/ClaimJob"
    assert openapi["components"]["schemas"]["ClaimJob"]["properties"]["name"] == {"enum": ["claim_job"]}
