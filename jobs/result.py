"""What a handler answers: applied, merged, refused, or (for a fact) put aside. A value, never an exception."""

from msgspec import Struct


class Applied(Struct, frozen=True, kw_only=True):
    """It took effect (`unchanged`: it was so already); flags tell the dispatcher what to look at."""

    code: str = "ok"
    flags: tuple[str, ...] = ()


class Merged(Struct, frozen=True, kw_only=True):
    """It took effect in part; both values are kept and shown."""

    code: str = "edit_merged"
    detail: dict[str, str] = {}


class Refused(Struct, frozen=True):
    """A decision is refused; nothing changed. `detail` completes the message (who, what state)."""

    code: str
    detail: dict[str, str] = {}


class PutAside(Struct, frozen=True):
    """A fact that must not take effect goes whole into quarantine."""

    code: str
    detail: dict[str, str] = {}


Result = Applied | Merged | Refused | PutAside
