"""The page about states shows the tables that run."""

from pathlib import Path

from jobs.state_page import state_page


def test_the_page_in_docs_is_the_one_that_the_tables_give() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "states.md").read_text("utf-8")
    assert page == state_page(), "run `make docs`"
