"""The pages that are to be typed along work: their shell blocks run in order against a real server, and print what the page shows."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.cluster import Place
from tests.contract.pages import ROOT, blocks_of, missing, own_place, wrong_in

WITHIN_S = 700
PAGES = {"tutorial/first-sync.md": 10, "how-to/reconcile-a-day.md": 9, "how-to/issue-parts-and-the-paper-form.md": 10}
"""Each page with the number of blocks that it has at least."""


@pytest.fixture
def place() -> Iterator[Place]:
    """Give the place of a cluster that a page makes."""
    with own_place() as made:
        yield made


@pytest.mark.slow
@pytest.mark.skipif(not (shutil.which("curl") and shutil.which("jq")), reason="the pages need curl and jq")
@pytest.mark.parametrize("name", PAGES)
def test_every_block_of_a_page_runs_and_prints_what_the_page_shows(place: Place, tmp_path: Path, name: str) -> None:
    page = ROOT / "docs" / name
    assert len(blocks_of(page.read_text(encoding="utf-8"))) > PAGES[name]
    wrong = wrong_in(page, place, tmp_path, within_s=WITHIN_S)
    assert not wrong, "\n\n".join(wrong)


def test_a_line_that_is_not_printed_is_named() -> None:
    assert missing(("a … z", "c"), "a b  z\nb\nc\n") == []
    assert missing(("c", "a"), "a\nc\n") == ["a"]
