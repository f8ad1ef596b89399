"""What a scanner sends is read for what it says, and no more is read into it."""

from datetime import date
from decimal import Decimal

import pytest

from api.barcodes import Scanned, gtin14, read_barcode, spellings

GTIN = "09521234543213"


def said(text: str) -> tuple[str, str, str]:
    found = read_barcode(text)
    return found.gtin, found.serial, found.lot


@pytest.mark.parametrize(
    "text",
    [
        "9521234543213",
        "]E09521234543213",
        "(01)09521234543213",
        "0109521234543213",
        "]C10109521234543213",
        "https://id.gs1.org/01/09521234543213",
    ],
)
def test_an_article_is_the_same_however_it_is_printed(text: str) -> None:
    assert said(text) == (GTIN, "", "")


@pytest.mark.parametrize(
    "text",
    [
        "(01)09521234543213(21)SN-1(10)L7",
        "]C1010952123454321321SN-1\x1d10L7",
        "]d2010952123454321321SN-1\x1d10L7",
        "010952123454321321SN-1<GS>10L7",
        "https://id.gs1.org/01/09521234543213/10/L7/21/SN-1",
    ],
)
def test_serial_and_lot_come_along(text: str) -> None:
    assert said(text) == (GTIN, "SN-1", "L7")


def test_counts_measures_and_expiry_come_along() -> None:
    assert read_barcode("(01)09521234543213(37)12").quantity == Decimal(12)
    assert read_barcode("(01)09521234543213(3112)000123").quantity == Decimal("1.23")
    assert read_barcode("(01)09521234543213(17)270131").expires_on == date(2027, 1, 31)


def test_short_numbers_are_the_same_article_as_their_long_spelling() -> None:
    assert read_barcode("96385074").gtin == "00000096385074"
    assert read_barcode("036000291452").gtin == "00036000291452"
    assert spellings("00036000291452") == ["00036000291452", "0036000291452", "036000291452"]
    assert spellings(GTIN) == [GTIN, GTIN[1:]]
    assert all(gtin14(text) == "00000096385074" for text in spellings("00000096385074"))


@pytest.mark.parametrize(
    "text",
    ["clamp-100", "10ABC", "21-valve", "9521234543210", "(01)09521234543210", "(99)x(", "", "]Q3x", "(01)09521234543213(17)271300"],
)  # fmt: skip
def test_what_is_no_good_gs1_stays_a_text(text: str) -> None:
    assert read_barcode(text) == Scanned(text=text)


def test_a_marked_message_without_an_article_still_says_its_lot() -> None:
    assert said("]C110ABC") == ("", "", "ABC")


@pytest.mark.parametrize("text", ["9521234543210", "abc", "", "95212345432133333"])
def test_a_number_with_a_wrong_check_digit_is_no_article(text: str) -> None:
    assert gtin14(text) is None
