"""The benchmark of reconciliation, with a tiny ledger: it finds what it put in, and its table says so. No figure is judged."""

import msgspec

from benchmarks import material, page


def test_a_tiny_ledger_is_reconciled_and_told() -> None:
    told: list[str] = []
    found = material.measure(1, told.append, [(100, 150)])
    (size,) = found.sizes
    assert told == ["100 jobs of a ledger of 150"]
    assert (size.moves, size.ledger, size.found, size.seeded) == (390, 585, 2, 2)
    assert min(*size.first_s, *size.again_s, *size.floor_s) > 0
    assert "2 of 2" in material.table(found)
    assert page.put(page.PAGE.read_text(encoding="utf-8"), material.SECTION, material.table(found))


def test_the_figures_of_the_page_are_those_of_the_last_run() -> None:
    kept = msgspec.json.decode(material.RESULTS.read_bytes(), type=material.Results)
    assert material.table(kept) in page.PAGE.read_text(encoding="utf-8")
