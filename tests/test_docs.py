"""The documents say what there is: links, commands and their options, addresses, settings, metrics, make targets, generated tables."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from api.app import bare_app
from api.cli import build
from api.metrics import Metrics
from api.settings import describe
from mobile_contract.emit import protocol_tables

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(path.relative_to(ROOT).as_posix() for path in [ROOT / "README.md", *DOCS.rglob("*.md")])
_FENCED = re.compile(r"^```.*?\n(.*?)^```", re.DOTALL | re.MULTILINE)
_INLINE = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"\]\((?!https?:|mailto:)([^)\s]+)\)")
_COMMAND = re.compile(r"(?<![\w./-])onsite((?: [a-z][a-z-]*)+)([^|;&`\n]*)")
# `$1` stands for any address in a shell function.
_ADDRESS = re.compile(r"/(?:api|sync)/v1(?!/\$1)[\w/{}<>$.…-]*|/web/[\w/]+|/health/\w+|(?<![\w.])/metrics\b")
_SETTING = re.compile(r"\bONSITE_[A-Z_]+\b")
_TARGET = re.compile(r"(?<!\w)make ([a-z]+(?: [a-z]+)*)")
_METRIC = re.compile(r"`(onsite_[a-z_]+)`")
# Roles of the database, a channel of its, a cookie: not metrics, though they are called alike.
_NO_METRICS = {"onsite_app", "onsite_owner", "onsite_refresh", "onsite_poke"}


@cache
def text_of(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


@cache
def code_of(page: str) -> tuple[str, ...]:
    """Give the code of a page, in blocks and in lines."""
    text = text_of(page)
    return (*_FENCED.findall(text), *_INLINE.findall(_FENCED.sub("", text)))


def anchors(page: Path) -> set[str]:
    """Give the anchors that a page's headings make."""
    headings = re.findall(r"^#+ (.+)$", _FENCED.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_somewhere(page: str) -> None:
    broken = []
    for link in _LINK.findall(_FENCED.sub("", text_of(page))):
        name, _, anchor = link.partition("#")
        target = (ROOT / page).parent / name if name else ROOT / page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


@pytest.mark.parametrize("page", PAGES)
def test_every_command_named_is_one_and_has_these_options(page: str) -> None:
    wrong = []
    for code in code_of(page):
        for words, rest in _COMMAND.findall(code):
            wrong += [f"onsite{words}: {fault}" for fault in faults_of(words.split(), rest)]
    assert wrong == []


def test_a_wrong_command_line_is_named() -> None:
    assert list(faults_of(["sync", "verify"], " --org demo")) == []
    assert list(faults_of(["sync", "polish"], "")) == ["no command polish"]
    assert list(faults_of(["sync", "verify"], " --deep")) == ["no option --deep"]


def faults_of(words: list[str], rest: str) -> Iterator[str]:
    """Say what is wrong with a command line: a command or an option that there is not."""
    command = command_line()
    for word in words:
        nouns = getattr(command, "commands", None)
        if nouns is None:
            break
        if word not in nouns:
            yield f"no command {word}"
            return
        command = nouns[word]
    known = {option for parameter in command.params for option in parameter.opts}
    # After an argument come options all the same; what stands in quotes is no option.
    for option in re.findall(r"(?<!\S)--[a-z-]+", re.sub(r"'[^']*'|\"[^\"]*\"", "", rest)):
        if option not in known and option != "--help":
            yield f"no option {option}"


@cache
def command_line() -> Any:
    return get_command(build())


@cache
def routes() -> tuple[re.Pattern[str], ...]:
    paths = {route.path for route in bare_app().routes}
    return tuple(re.compile(re.sub(r"\\?\{[^}]*\}", "[^/]+", re.escape(path)) + "/?") for path in paths)


@pytest.mark.parametrize("page", PAGES)
def test_every_address_named_is_served(page: str) -> None:
    named = {found.rstrip(".") for code in code_of(page) for found in _ADDRESS.findall(code)}
    unknown = [each for each in sorted(named) if not any(route.fullmatch(each) for route in routes())]
    # The foot of many addresses, where a page speaks of them together.
    assert [each for each in unknown if each.rstrip("/") not in ("/api/v1", "/sync/v1")] == []


@pytest.mark.parametrize("page", PAGES)
def test_every_setting_named_is_one(page: str) -> None:
    known = {name for name, _, _, _ in describe()}
    assert sorted(set(_SETTING.findall(text_of(page))) - known - {"ONSITE_"}) == []


@pytest.mark.parametrize("page", PAGES)
def test_every_make_target_named_is_one(page: str) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = {name for code in code_of(page) for names in _TARGET.findall(code) for name in names.split()}
    assert sorted(named - targets) == []


def test_operations_lists_the_metrics_that_there_are_and_no_others() -> None:
    served = {family.name for family in Metrics().registry.collect()} | {"onsite_pool_connections"}
    served = {
        f"{name}_total" if name in ("onsite_requests", "onsite_commands", "onsite_wakes") else name for name in served
    }
    listed = set(_METRIC.findall(text_of("docs/operations.md"))) - _NO_METRICS
    assert listed == served


def test_the_tables_of_the_protocol_are_made_from_what_runs() -> None:
    page = text_of("docs/reference/protocol.md")
    assert protocol_tables.render(page) == page, "run `make docs`"


def test_the_index_names_every_page() -> None:
    index = text_of("docs/README.md")
    linked = {((DOCS / link.partition("#")[0]).resolve()) for link in _LINK.findall(index)}
    decisions = DOCS / "decisions"
    pages = [ROOT / page for page in PAGES if page.startswith("docs/") and page != "docs/README.md"]
    missing = [page.name for page in pages if page.parent != decisions and page.resolve() not in linked]
    assert missing == []
    assert decisions.resolve() in linked
