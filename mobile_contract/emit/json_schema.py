"""JSON Schema of everything in the contract: documents, commands, messages, access. Pure: gives values, writes no file.

The Structs are the only definition; what msgspec cannot say of them (a decimal's form, a tag that may be left out where the
name is known) is added here, for the schema and the OpenAPI document alike.
"""

import inspect
import operator
from collections.abc import Iterable, Mapping
from functools import reduce
from typing import Any, Final

import msgspec

from mobile_contract.registry import COMMANDS, KINDS, Nature
from mobile_contract.schema import access, answer, messages, problem
from mobile_contract.version import CONTRACT

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
DECIMAL_PATTERN: Final = r"^-?[0-9]{1,12}(\.[0-9]{1,6})?$"

MESSAGES: Final[tuple[type[msgspec.Struct], ...]] = (
    messages.PullAsk,
    messages.Begin,
    messages.Put,
    messages.Del,
    messages.Mend,
    messages.End,
    messages.RepairAsk,
    messages.PushAsk,
    messages.CommandEnvelope,
    messages.PushAnswer,
)
ACCESS: Final[tuple[type[msgspec.Struct], ...]] = (
    access.LoginAsk,
    access.Tokens,
    access.RefreshAsk,
    access.PasswordAsk,
    access.PasswordResetAsk,
    access.EnrolAsk,
    access.EnrolAnswer,
    access.SessionsAnswer,
    answer.CommandAnswer,
    problem.Problem,
)


def _commands(nature: Nature) -> Any:
    return reduce(operator.or_, (line.type for line in COMMANDS.values() if line.nature is nature))


UNIONS: Final[Mapping[str, Any]] = {
    "Fact": _commands(Nature.FACT),
    "Decision": _commands(Nature.DECISION),
    "Frame": messages.Frame,
}


def schema_of(types: Iterable[Any], ref_template: str = "#/$defs/{name}") -> tuple[list[Any], dict[str, Any]]:
    """Give the schema of each type and the named schemas they refer to, by name. Raises ValueError when two types share a name."""
    found, components = _named(*msgspec.json.schema_components(types, schema_hook=_hook, ref_template=ref_template))
    for line in COMMANDS.values():
        # The address or the envelope names the command: the tag may be left out of its arguments.
        if line.type.__name__ in components:
            required = components[line.type.__name__].get("required", [])
            if "name" in required:
                required.remove("name")
    return [_refined(one) for one in found], {name: _refined(components[name]) for name in sorted(components)}


def contract_schema() -> dict[str, Any]:
    """Give the contract as one JSON Schema: every Struct under `$defs`, and which of them are documents, commands, messages."""
    documents = {kind: KINDS[kind] for kind in sorted(KINDS)}
    commands = {name: COMMANDS[name] for name in sorted(COMMANDS)}
    types = [*documents.values(), *(line.type for line in commands.values()), *MESSAGES, *ACCESS]
    refs, defs = schema_of([*types, *UNIONS.values()])
    by_type = dict(zip(types, refs, strict=False))
    unions = dict(zip(UNIONS, refs[len(types) :], strict=True))
    return {
        "$schema": DIALECT,
        "$id": f"urn:onsite:contract:{CONTRACT}",
        "title": "The contract between phones and server",
        "x-documents": {kind: by_type[document] for kind, document in documents.items()},
        "x-commands": {
            name: {"nature": line.nature.value, "args": by_type[line.type]} for name, line in commands.items()
        },
        "x-messages": {message.__name__: by_type[message] for message in MESSAGES},
        "$defs": {**defs, **unions},
    }


def as_text(content: Any) -> str:
    """Write a generated file: JSON in the order given, two spaces, unicode as it is, a newline at the end."""
    return msgspec.json.format(msgspec.json.encode(content), indent=2).decode() + "\n"


def _named(found: Any, components: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
    """Give short names where msgspec writes a module before one: a command keeps its name, its namesake is called a document."""
    text = msgspec.json.encode((found, components)).decode()
    for qualified in (name for name in components if "." in name):
        module, _, short = qualified.rpartition(".")
        is_command = module.rpartition(".")[2] in ("decisions", "facts")
        text = text.replace(qualified, short if is_command else f"{short}Document")
    refs, renamed = msgspec.json.decode(text)
    if len(renamed) != len(components):
        raise ValueError("two types of the contract share a name")
    return refs, renamed


def _hook(kind: type) -> dict[str, Any]:
    raise NotImplementedError(f"no schema for {kind}")


def _refined(schema: Any) -> Any:
    """Say of every decimal how it is written, and take the indent of our code out of descriptions."""
    if isinstance(schema, list):
        return [_refined(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    refined = {name: _refined(value) for name, value in schema.items()}
    if refined.get("format") == "decimal":
        refined["pattern"] = DECIMAL_PATTERN
    if isinstance(refined.get("description"), str):
        refined["description"] = inspect.cleandoc(refined["description"])
    return refined
