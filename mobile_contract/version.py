"""The contract's version, as every call names it in the header `Onsite-Contract`. A minor version only adds."""

from typing import Final

MAJOR: Final = 1
MINOR: Final = 0
CONTRACT: Final = f"{MAJOR}.{MINOR}"
