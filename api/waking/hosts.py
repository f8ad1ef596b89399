"""To which hosts pushes go. Owns the guard against addresses that would make this server call into a network it can reach and the device cannot.

A device names where it is reached, so the name is believed only as far as the operator's list goes: a public push service by https on its
usual port, at an address that is public on the whole internet and stays the one that was checked; or an origin that the operator wrote out.
"""

import asyncio
import socket
from collections.abc import Sequence
from ipaddress import IPv6Address, IPv6Network, ip_address
from typing import Final
from urllib.parse import SplitResult, urlsplit

from msgspec import Struct

from api.waking.provider import AddressFault

RESOLVE_S: Final = 5.0
_HTTPS: Final = 443
_NAT64: Final = IPv6Network("64:ff9b::/96")


class Target(Struct, frozen=True):
    """Where a request goes: the address to connect to, and the name it is asked under (None: the address says it)."""

    url: str
    host: str | None = None


class Hosts:
    """The operator's list: names, `*.names`, `*` for any public host, and whole origins (`http://push.internal:8080`) of their own network."""

    def __init__(self, listed: str) -> None:
        entries = [entry.strip().lower().rstrip("/") for entry in listed.split(",") if entry.strip()]
        self._origins = frozenset(entry for entry in entries if "://" in entry)
        self._names = tuple(entry for entry in entries if "://" not in entry)

    def check(self, endpoint: str) -> SplitResult:
        """Read an endpoint that pushes may go to. Raises AddressFault with the reason."""
        if not endpoint.isascii() or not endpoint.isprintable() or " " in endpoint or "\\" in endpoint:
            raise AddressFault("The endpoint is not an address.")
        try:
            parts = urlsplit(endpoint)
            port, host = parts.port, (parts.hostname or "").lower()
        except ValueError:
            raise AddressFault("The endpoint is not an address.") from None
        if parts.username is not None or parts.password is not None or not host:
            raise AddressFault("The endpoint is not an address.")
        if origin_of(parts) in self._origins:
            return parts
        if parts.scheme != "https" or port not in (None, _HTTPS):
            raise AddressFault("The endpoint must be https on port 443.")
        if _is_literal(host) or "." not in host or not self._lists(host):
            raise AddressFault("The host of the endpoint is not one of this server's push services.")
        return parts

    async def target(self, endpoint: str) -> Target:
        """Find the address to connect to: resolved once, and public. Raises AddressFault; OSError, TimeoutError when no name server answers."""
        parts = self.check(endpoint)
        if origin_of(parts) in self._origins:
            return Target(endpoint)
        host = (parts.hostname or "").lower()
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(RESOLVE_S):
            found = await loop.getaddrinfo(host, _HTTPS, type=socket.SOCK_STREAM)
        addresses = [str(entry[4][0]) for entry in found]
        return Target(parts._replace(netloc=_netloc(public_one(addresses))).geturl(), host)

    def _lists(self, host: str) -> bool:
        return any(name in ("*", host) or (name.startswith("*.") and host.endswith(name[1:])) for name in self._names)


def origin_of(parts: SplitResult) -> str:
    """Give scheme, host and port of an address, as RFC 8292 names who a push is for."""
    netloc = parts.netloc.lower()
    return f"{parts.scheme}://{netloc.removesuffix(f':{_HTTPS}') if parts.scheme == 'https' else netloc}"


def public_one(addresses: Sequence[str]) -> str:
    """Pick an address. Raises AddressFault unless every one of them is public: a name that also leads inside is not trusted with the choice."""
    if not addresses or not all(_is_public(each) for each in addresses):
        raise AddressFault("The host of the endpoint is not on the public internet.")
    return addresses[0]


def _is_public(address: str) -> bool:
    found = ip_address(address.partition("%")[0])
    if isinstance(found, IPv6Address):
        # An address that carries another one inside leads wherever a gateway takes it.
        carries = found.ipv4_mapped or found.sixtofour or found.teredo or found in _NAT64
        return found.is_global and not found.is_multicast and not carries
    return found.is_global and not found.is_multicast


def _netloc(address: str) -> str:
    return f"[{address}]" if ":" in address else address


def _is_literal(host: str) -> bool:
    try:
        ip_address(host.strip("[]"))
    except ValueError:
        # "0x7f.1" and "2130706433" are addresses to a resolver: a name of a push service ends with letters.
        return not host.rpartition(".")[2].isalpha()
    return True
