"""The port of push providers: what waking needs of one. Knows no protocol; nothing is decided by what a provider says but whether to keep an address."""

from datetime import datetime
from enum import StrEnum
from typing import Protocol

from msgspec import Struct

from mobile_contract.schema.waking import WakeProvider


class Address(Struct, frozen=True, kw_only=True):
    """Where a phone is reached, and the keys that what is sent there is sealed with. Whoever knows it can wake the phone: it is never logged."""

    endpoint: str
    p256dh: bytes
    auth: bytes

    def __repr__(self) -> str:
        return "Address()"


class AddressFault(Exception):
    """Nothing is ever sent to this address: the reason is told to the device."""


class Pushed(StrEnum):
    """What a provider did with a push. `gone`: the address is good for nothing any more; `failed`: it may work later."""

    SENT = "sent"
    GONE = "gone"
    REFUSED = "refused"
    FAILED = "failed"


class PushProvider(Protocol):
    """A way to reach a sleeping phone."""

    @property
    def provider(self) -> WakeProvider:
        """Name the way."""
        ...

    @property
    def key(self) -> str:
        """Give what a device needs to subscribe for this server."""
        ...

    def check(self, address: Address) -> None:
        """Refuse an address to which nothing is ever sent. Asks no network. Raises AddressFault."""
        ...

    async def push(self, address: Address, *, now: datetime) -> Pushed:
        """Send "look" and say what became of it, within seconds. Raises nothing for what an address or a provider does."""
        ...

    async def close(self) -> None:
        """Close the connections."""
        ...
