"""The page about security names tests that exist, and every test file of this folder has its place on it."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "explanation" / "security.md").read_text(encoding="utf-8")
NAMED = set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE))


def test_every_test_that_the_page_names_exists() -> None:
    missing = []
    for path, name in sorted(NAMED):
        tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
        functions = {n.name for n in tree.body if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)}
        if name not in functions:
            missing.append(f"{path}::{name}")
    assert missing == []
    assert len(NAMED) > 30


def test_every_file_of_this_folder_stands_on_the_page() -> None:
    files = {str(path.relative_to(ROOT)) for path in Path(__file__).parent.glob("test_*.py")} - {
        "tests/security/test_page.py"
    }
    assert files - {path for path, _ in NAMED} == set()
