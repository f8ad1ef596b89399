"""What a scanned barcode says: article, serial, lot, quantity. Reads GS1 (element strings, Digital Link, EAN and UPC) with biip; looks nothing up."""

import re
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from mobile_contract.rules.exact import is_quantity

if TYPE_CHECKING:
    from biip.gs1_element_strings import GS1ElementString

# What scanners without a group separator send in its place.
_SEPARATORS: Final = ("\u241d", "<GS>", "{GS}")
_PRINTED: Final = re.compile(r"\(\d{2,4}\)")
_ARTICLE: Final = ("01", "02")
_COUNTS: Final = ("30", "37")
# Net length, weight, area or volume of the trade item, in the unit of the identifier.
_MEASURED: Final = re.compile(r"31[0-6]\d")


class Scanned(Struct, frozen=True, kw_only=True):
    """What a barcode says. `gtin` has 14 digits; without one `text` may still be a code of ours. `quantity`: pieces, or the item's measure."""

    text: str
    gtin: str = ""
    serial: str = ""
    lot: str = ""
    quantity: Decimal | None = None
    expires_on: date | None = None


def read_barcode(text: str) -> Scanned:
    """Read a barcode as a scanner sends it, as it is printed with brackets, or as a Digital Link.

    What is no GS1 comes back as text alone, so does an article's number whose check digit is wrong.
    """
    # Imported at the first scan: no worker needs its tables of telephone and currency codes to start.
    import biip
    from biip.gs1_messages import GS1Message

    plain = text.strip()
    for mark in _SEPARATORS:
        plain = plain.replace(mark, "\x1d")
    try:
        if _PRINTED.match(plain):
            return _of(plain, GS1Message.parse_hri(plain).element_strings)
        found = biip.parse(plain)
    except (biip.BiipException, ValueError):
        return Scanned(text=plain)
    if found.gs1_digital_link_uri is not None:
        return _of(plain, found.gs1_digital_link_uri.element_strings)
    message = found.gs1_message
    # Many a code of ours happens to begin like an identifier: without a mark of the symbology only a message about an article is one.
    if message is not None and (found.symbology_identifier is not None or _article(message.element_strings)):
        return _of(plain, message.element_strings)
    return Scanned(text=plain, gtin=found.gtin.as_gtin_14() if found.gtin is not None else "")


def gtin14(text: str) -> str | None:
    """Write an article's number (GTIN-8, 12, 13 or 14) with 14 digits; None for what is none or has a wrong check digit."""
    import biip
    from biip.gtin import Gtin

    try:
        return Gtin.parse(text.strip()).as_gtin_14()
    except (biip.BiipException, ValueError):
        return None


def spellings(gtin: str) -> list[str]:
    """List how a number of 14 digits may be written in a catalogue: as it is, and with fewer leading zeros, down to 8 digits."""
    short = gtin.lstrip("0")
    return [gtin[14 - length :] for length in (14, 13, 12, 8) if length >= len(short)]


def _of(text: str, elements: "Iterable[GS1ElementString]") -> Scanned:
    by_identifier = {element.ai.ai: element for element in reversed(list(elements))}
    lot, serial, expiry = (by_identifier.get(ai) for ai in ("10", "21", "17"))
    return Scanned(
        text=text,
        gtin=_article(by_identifier.values()),
        serial=serial.value if serial else "",
        lot=lot.value if lot else "",
        quantity=_quantity(by_identifier.values()),
        expires_on=expiry.date if expiry else None,
    )


def _article(elements: "Iterable[GS1ElementString]") -> str:
    found = {e.ai.ai: e.gtin for e in elements if e.gtin is not None}
    return next((found[ai].as_gtin_14() for ai in _ARTICLE if ai in found), "")


def _quantity(elements: "Iterable[GS1ElementString]") -> Decimal | None:
    for element in elements:
        counted = Decimal(element.value) if element.ai.ai in _COUNTS else None
        measured = element.decimal if _MEASURED.fullmatch(element.ai.ai) else None
        number = counted if counted is not None else measured
        if number is not None and is_quantity(number):
            return number
    return None
