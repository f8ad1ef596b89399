"""Which decimals can be counted with. Owns the limits of quantities and money; a number beyond them is a slip, not a quantity."""

from collections.abc import Iterable
from decimal import Context, Decimal, localcontext
from typing import Final

DIGITS_BEFORE: Final = 12
DIGITS_AFTER: Final = 6
# Room for a product of two such numbers and a sum of thousands of them, so that no digit is ever rounded away.
_EXACT: Final = Context(prec=60)


def is_exact(value: Decimal) -> bool:
    """Tell whether a number is finite, below 10^12 in size and has at most 6 decimal places."""
    if not value.is_finite():
        return False
    if value.is_zero():
        return True
    return value.adjusted() < DIGITS_BEFORE and int(value.normalize(_EXACT).as_tuple().exponent) >= -DIGITS_AFTER


def is_quantity(value: Decimal) -> bool:
    """Tell whether a number can be a quantity of material: exact and above zero."""
    return is_exact(value) and value > 0


def total(values: Iterable[Decimal]) -> Decimal:
    """Add exactly; nothing gives zero."""
    with localcontext(_EXACT):
        return sum(values, Decimal(0))


def product(left: Decimal, right: Decimal) -> Decimal:
    """Multiply exactly."""
    with localcontext(_EXACT):
        return left * right


def plain(value: Decimal) -> str:
    """Write a number with all its digits, without an exponent and without zeros at its end."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
