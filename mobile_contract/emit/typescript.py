"""TypeScript of the contract's shapes, made from their JSON Schema. Pure: gives text, writes no file.

What the schema does not require may be left out of an answer, and then means its default: such fields are optional here.
Bounds and patterns have no type in TypeScript; decimals and instants are text, as they are on the wire.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

_NAME: Final = re.compile(r"^[A-Za-z_$][\w$]*$", re.ASCII)
_PLAIN: Final[Mapping[str, str]] = {
    "string": "string",
    "integer": "number",
    "number": "number",
    "boolean": "boolean",
    "null": "null",
}
_HEAD: Final = "// Generated from the contract by `onsite contract emit`: change the Structs, not this file.\n"


def typescript_of(
    schemas: Mapping[str, Any], *, commands: Mapping[str, str], codes: tuple[str, ...], version: str
) -> str:
    """Write one declaration for each named schema, the commands by their names, and the codes of refusals.

    `commands` maps the name on the wire to the schema of its arguments. Raises ValueError for a schema that has no form here.
    """
    parts = [_HEAD, f"export const CONTRACT = {json.dumps(version)};\n"]
    parts += [_declaration(name, schemas[name]) for name in sorted(schemas)]
    lines = "".join(f"  {name}: {commands[name]};\n" for name in sorted(commands))
    comment = "/** Arguments of each command, by the name under which it is sent. */\n"
    parts.append(f"{comment}export interface Commands {{\n{lines}}}\n")
    parts.append("/** Codes of outcomes and refusals. */\nexport type Code =\n  | " + _union(codes, "\n  | ") + ";\n")
    return "\n".join(parts)


def _declaration(name: str, schema: Mapping[str, Any]) -> str:
    comment = _comment(schema)
    if schema.get("type") == "object" and "properties" in schema:
        return f"{comment}export interface {name} {{\n{''.join(_fields(schema))}}}\n"
    return f"{comment}export type {name} = {_type(schema)};\n"


def _fields(schema: Mapping[str, Any]) -> Iterator[str]:
    required = frozenset(schema.get("required", ()))
    for name, field in schema["properties"].items():
        key = name if _NAME.match(name) else json.dumps(name)
        yield f"  {key}{'' if name in required else '?'}: {_type(field)};\n"


def _type(schema: Mapping[str, Any]) -> str:
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "enum" in schema:
        return _union(tuple(schema["enum"]))
    if "const" in schema:
        return json.dumps(schema["const"])
    if "anyOf" in schema:
        return " | ".join(dict.fromkeys(_type(one) for one in schema["anyOf"]))
    kind = schema.get("type")
    if kind is None:
        return "unknown"
    if kind == "array":
        return _array(schema)
    if kind == "object":
        return f"Record<string, {_type(schema.get('additionalProperties', {}))}>"
    if kind not in _PLAIN:
        raise ValueError(f"no TypeScript for {kind}")
    return _PLAIN[kind]


def _array(schema: Mapping[str, Any]) -> str:
    if "prefixItems" in schema:
        return f"[{', '.join(_type(one) for one in schema['prefixItems'])}]"
    inner = _type(schema.get("items", {}))
    return f"({inner})[]" if "|" in inner else f"{inner}[]"


def _union(values: tuple[Any, ...], glue: str = " | ") -> str:
    return glue.join(json.dumps(value, ensure_ascii=False) for value in values)


def _comment(schema: Mapping[str, Any]) -> str:
    text = schema.get("description", "").replace("*/", "* /").strip()
    if not text:
        return ""
    lines = text.splitlines()
    if len(lines) == 1:
        return f"/** {lines[0]} */\n"
    inner = "".join(f" * {line}".rstrip() + "\n" for line in lines)
    return f"/**\n{inner} */\n"
