"""The TypeScript of the contract says what its schemas say, and the compiler accepts every example that the server accepts."""

import json
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from api import contract_files
from mobile_contract.emit.examples import example_of
from mobile_contract.emit.typescript import typescript_of
from mobile_contract.registry import COMMANDS, KINDS

ROOT = Path(__file__).resolve().parents[2]


def emitted(schema: object) -> str:
    text = typescript_of({"Thing": schema}, commands={"do_thing": "Thing"}, codes=("ok", "bad"), version="1.0")
    return text.partition("/** Arguments")[0]


def test_what_is_not_required_is_optional_and_null_is_said() -> None:
    fields = {"id": {"type": "string"}, "at": {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None}}
    text = emitted({"type": "object", "properties": fields, "required": ["id"], "description": "A thing."})
    assert "/** A thing. */\nexport interface Thing {\n  id: string;\n  at?: string | null;\n}" in text


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"enum": ["a", "b"]}, 'export type Thing = "a" | "b";'),
        ({"type": "array", "items": {"enum": ["a", "b"]}}, 'export type Thing = ("a" | "b")[];'),
        ({"type": "array", "prefixItems": [{"type": "number"}, {"$ref": "#/$defs/Other"}]}, "= [number, Other];"),
        ({"type": "object", "additionalProperties": {"type": "integer"}}, "= Record<string, number>;"),
        ({"type": "object", "properties": {"a-b": {}}, "required": ["a-b"]}, '  "a-b": unknown;'),
        ({"type": "string", "description": "Ends */ here."}, "/** Ends * / here. */"),
    ],
)
def test_every_form_of_a_schema_has_one_in_typescript(schema: object, expected: str) -> None:
    assert expected in emitted(schema)


def test_a_form_that_nobody_thought_of_is_not_passed_over() -> None:
    with pytest.raises(ValueError, match="no TypeScript for complex"):
        emitted({"type": "complex"})


def test_the_compiler_accepts_every_example_and_refuses_what_is_not_in_the_contract(tmp_path: Path) -> None:
    contract = contract_files.DIST / "ts" / "contract.ts"
    lines = [f"import type * as c from {json.dumps(str(contract.with_suffix('')))};"]
    commands = {line.type.__name__: line.type for line in COMMANDS.values()}
    # A command and a document of one name: the command keeps it.
    documents = {
        f"{kind.__name__}Document" if kind.__name__ in commands else kind.__name__: kind for kind in KINDS.values()
    }
    for name, kind in (*commands.items(), *documents.items()):
        example = msgspec.json.encode(example_of(kind)).decode()
        lines.append(f"export const of{name}: c.{name} = {example};")
    lines.append("// @ts-expect-error: a field that the contract does not know")
    lines.append('export const wrong: c.ReleaseJob = { job_id: "", surprise: 1 };')
    lines.append("// @ts-expect-error: a command that the contract does not know")
    lines.append('export const unknown: keyof c.Commands = "teleport_crew";')
    (tmp_path / "examples.ts").write_text("\n".join(lines), encoding="utf-8")
    options = ["--noEmit", "--strict", "--module", "esnext", "--moduleResolution", "bundler", "--types", ""]
    compiler = [sys.executable, str(ROOT / "web" / "npm.py"), "exec", "--no", "--", "tsc", *options]
    done = subprocess.run(
        [*compiler, str(tmp_path / "examples.ts")], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-1000:]
