"""Tables of docs/reference/protocol.md, made from the Structs and tables that run. Pure, but for the file that `main` rewrites.

A table stands between `<!-- made: NAME ARGUMENT -->` and `<!-- end -->`; what is between is replaced, the rest is left alone.
"""

import inspect
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import NODEFAULT, Struct

from mobile_contract import limits
from mobile_contract.errors import ERRORS
from mobile_contract.registry import COMMANDS, KINDS, Nature
from mobile_contract.schema import access, base, clock, messages, outcome, problem

_SECTION: Final = re.compile(r"(<!-- made: (\w+) ?([\w.]*) -->\n).*?(<!-- end -->)", re.DOTALL)
_SCALARS: Final = {
    "UUIDType": "UUID",
    "DateTimeType": "instant",
    "DecimalType": "decimal, as a string",
    "BoolType": "true or false",
    "RawType": "any JSON",
    "NoneType": "null",
    "AnyType": "any JSON",
}
_LIMITS: Final = {
    "PUSH_COMMANDS": "commands and skips of one push",
    "PUSH_BYTES": "bytes of all `cmd` of one push",
    "COMMAND_BYTES": "bytes of one `cmd`; a larger one is put aside",
    "PUSH_CHUNK": "commands that share a transaction on the server",
    "PUSH_BODY_BYTES": "body of a push, after decompression",
    "QUARANTINE_COMMANDS_PER_DAY": "commands of a device in 24 hours, then `quota_exceeded`",
    "QUARANTINE_BYTES_PER_DAY": "bytes of a device put aside in 24 hours, then `quota_exceeded`",
    "POSITIONS": "positions of one batch",
    "POSITIONS_BODY_BYTES": "body of a batch of positions",
    "AFTER_CHAIN": "commands named by `after`, and length of a chain of held decisions",
    "HELD_DAYS": "days a decision is held, then `dependency_expired`",
    "PAGE_BYTES": "a page, about",
    "PAGE_DOCUMENTS": "documents of a page that fills buckets",
    "PULL_BODY_BYTES": "body of a pull",
    "SCOPE_BUCKETS": "buckets of a device",
    "SCOPE_DOCUMENTS": "documents of a device; a bucket that would pass it is left out",
    "SCOPE_WARN_SHARE": "share of the two limits above from which `warnings` has `scope_near_limit`",
    "WAIT_S": "seconds of `wait_s` that count",
    "DIGEST_DOCUMENTS": "documents of a touched bucket up to which `check` gives its digest",
    "CURSOR_BYTES": "a cursor",
    "BUCKET_NAME_CHARS": "characters of a bucket's name",
    "KIND_NAME_CHARS": "characters of a kind",
    "REPAIR_RANGES": "ranges of a bucket",
    "REPAIR_BODY_BYTES": "body of a repair",
    "ANCHORS_KEPT": "anchors that a device keeps",
    "ANCHOR_TOKEN_CHARS": "characters of an anchor",
    "MONO_DRIFT_PPM": "drift of a phone's monotonic clock that is still called honest, in millionths",
    "COMMAND_MEMORY_DAYS": "days that ids and digests of commands are remembered; the oldest time that a clock may name",
    "SCOPE_MEMORY_DAYS": "days after which a fact on a job that left the scope is put aside",
    "DELEGATION_CHAIN": "delegations in a row by which a decision may be passed on",
    "REPORT_LINES": "lines of one report of material, else `report_too_large`",
    "DURABLE_DAYS": "days that a device keeps acknowledged commands where the server names no `durable_n`",
}
_MODULES: Final = (messages, clock, access, outcome, base, problem)


def render(page: str) -> str:
    """Give a page with every table made anew. Raises LookupError for a table or message that there is not."""
    return _SECTION.sub(lambda m: f"{m[1]}{_TABLES[m[2]](m[3])}{m[4]}", page)


def fields_table(name: str) -> str:
    """Describe a message: its text, then a line per field. Raises LookupError for a message that there is not."""
    struct = _struct(name)
    config = struct.__struct_config__
    lines = [f"| `{config.tag_field}` | `{config.tag}` | |"] if config.tag_field else []
    lines += [f"| `{field.encode_name}` | {_type(field.type)} | {_default(field)} |" for field in _fields(struct)]
    return f"**`{name}`** {_text(struct)}\n\n" + _table("field", "type", "if left out", rows=lines)


def array_table(name: str) -> str:
    """Describe a message that is written as an array: its text and the places in order."""
    struct = _struct(name)
    fields = _fields(struct)
    return f"**`{name}`** {_text(struct)} Places: " + ", ".join(f"{f.name} ({_type(f.type)})" for f in fields) + ".\n"


def commands_table(nature: str) -> str:
    """List the commands of one nature: who may send them, and what they say."""
    rows = [
        f"| `{line.name}` | {_roles(line.office)} | {_roles(line.field)} | {_first_sentence(line.type)} |"
        for line in COMMANDS.values()
        if line.nature is Nature(nature)
    ]
    return _table("command", "office", "field, where the job is theirs", "what it says", rows=rows)


def kinds_table(_: str) -> str:
    """List the kinds of documents."""
    return _table("kind", "what it is", rows=[f"| `{kind}` | {_first_sentence(k)} |" for kind, k in KINDS.items()])


def errors_table(_: str) -> str:
    """List the codes with the status they have at the REST edge and their texts."""
    rows = [f"| `{code}` | {entry.status} | {entry.en} | {entry.zh} |" for code, entry in ERRORS.items()]
    return _table("code", "HTTP", "English", "中文", rows=rows)


def limits_table(_: str) -> str:
    """List the limits. Raises KeyError for one that nobody has put into words."""
    names = [name for name in vars(limits) if name.isupper() and name not in ("KIB", "MIB")]
    rows = [f"| `{name}` | {_number(getattr(limits, name))} | {_LIMITS[name]} |" for name in names]
    return _table("limit", "value", "of what", rows=rows)


_TABLES: Final[dict[str, Callable[[str], str]]] = {
    "fields": fields_table,
    "array": array_table,
    "commands": commands_table,
    "kinds": kinds_table,
    "errors": errors_table,
    "limits": limits_table,
}


def main(arguments: list[str]) -> int:
    """Rewrite the tables of the page named. Gives the exit code."""
    path = Path(arguments[0])
    path.write_text(render(path.read_text(encoding="utf-8")), encoding="utf-8")
    return 0


def _struct(name: str) -> type[Struct]:
    for module in _MODULES:
        if hasattr(module, name):
            found: type[Struct] = getattr(module, name)
            return found
    raise LookupError(f"no message {name}")


def _fields(struct: type[Struct]) -> tuple[msgspec.inspect.Field, ...]:
    kind = msgspec.inspect.type_info(struct)
    assert isinstance(kind, msgspec.inspect.StructType)
    return kind.fields


def _table(*head: str, rows: list[str]) -> str:
    return "\n".join([f"| {' | '.join(head)} |", "|" + "---|" * len(head), *rows]) + "\n"


def _text(struct: type) -> str:
    return " ".join(inspect.cleandoc(struct.__doc__ or "").split())


def _first_sentence(struct: type) -> str:
    return re.split(r"(?<=\.)\s", _text(struct), maxsplit=1)[0]


def _roles(roles: frozenset[Any]) -> str:
    return ", ".join(sorted(roles)) or "–"


def _number(value: float) -> str:
    for unit, name in ((limits.MIB, "MiB"), (limits.KIB, "KiB")):
        if isinstance(value, int) and value >= unit and value % unit == 0:
            return f"{value // unit} {name}"
    return f"{value:,}"


def _default(field: msgspec.inspect.Field) -> str:
    if field.required:
        return "required"
    if field.default_factory is not NODEFAULT:
        return f"`{msgspec.json.encode(field.default_factory()).decode()}`"
    # msgspec tells of no default where it is UNSET.
    return "not said" if field.default is NODEFAULT else f"`{msgspec.json.encode(field.default).decode()}`"


def _type(kind: Any) -> str:
    """Name a type as a reader of JSON would."""
    return ", or ".join(dict.fromkeys(_names(kind)))


def _names(kind: Any) -> Iterator[str]:
    match kind:
        case msgspec.inspect.Metadata():
            yield from _names(kind.type)
        case msgspec.inspect.UnionType():
            for each in kind.types:
                yield from _names(each)
        case msgspec.inspect.VarTupleType() | msgspec.inspect.ListType() | msgspec.inspect.CollectionType():
            yield f"list of {_type(kind.item_type)}{_bounds(kind, 'of them')}"
        case msgspec.inspect.DictType():
            yield f"map to {_type(kind.value_type)}"
        case msgspec.inspect.StructType():
            yield f"`{kind.cls.__name__}`"
        case msgspec.inspect.EnumType():
            yield ", ".join(f"`{each.value}`" for each in kind.cls)
        case msgspec.inspect.IntType():
            yield f"integer{_bounds(kind)}"
        case msgspec.inspect.FloatType():
            yield f"number{_bounds(kind)}"
        case msgspec.inspect.StrType():
            yield f"text{_bounds(kind, 'characters')}"
        case _:
            yield _SCALARS[type(kind).__name__]


def _bounds(kind: Any, unit: str = "") -> str:
    if getattr(kind, "pattern", None):
        return f" `{kind.pattern}`"
    low = next((n for n in (getattr(kind, "ge", None), getattr(kind, "min_length", None)) if n is not None), None)
    high = next((n for n in (getattr(kind, "le", None), getattr(kind, "max_length", None)) if n is not None), None)
    if high is not None:
        return f" ({low or 0:,} to {high:,}{unit and ' '}{unit})"
    return f" (from {low:,})" if low else ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
