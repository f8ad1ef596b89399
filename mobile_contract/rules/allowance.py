"""Allowances for urgent parts: what is signed, whether the signature is the organisation's, and what may still be taken. Pure functions."""

from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final
from uuid import UUID

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from mobile_contract.rules.exact import total
from mobile_contract.schema.approval import Allowance
from mobile_contract.schema.job import Flag

_FORM: Final = "onsite allowance 1"


def terms_of(allowance: Allowance) -> bytes:
    """Write down what is signed: a name of the form, id, person, crew, ceiling, currency, from, to, key; UTF-8, joined by line feeds.

    Ids as text, the absent one empty; the ceiling in decimal without zeros at its end; instants in UTC with six digits of a second.
    """
    lines = (
        _FORM,
        allowance.id,
        allowance.person_id or "",
        allowance.crew_id or "",
        _plain(allowance.ceiling),
        allowance.currency,
        _instant(allowance.from_at),
        _instant(allowance.to_at),
        allowance.key_id,
    )
    return "\n".join(str(line) for line in lines).encode()


def sign(allowance: Allowance, seed: bytes) -> str:
    """Sign an allowance's terms with the organisation's Ed25519 seed (32 bytes); gives 128 hex digits. The same terms give the same."""
    return Ed25519PrivateKey.from_private_bytes(seed).sign(terms_of(allowance)).hex()


def public_key_of(seed: bytes) -> str:
    """Give the public key that goes with a seed, 64 hex digits."""
    return Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw().hex()


def is_genuine(allowance: Allowance, public_key: str) -> bool:
    """Tell whether the organisation with this public key (hex) signed exactly these terms. Never raises."""
    try:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key))
        key.verify(bytes.fromhex(allowance.signature), terms_of(allowance))
    except (InvalidSignature, ValueError):
        return False
    return True


def left_of(allowance: Allowance, own: Iterable[Decimal] = ()) -> Decimal:
    """Tell how much is left: the ceiling less what the server has counted and less what one's `own` phone took since; not below zero."""
    return max(Decimal(0), total([allowance.ceiling, -allowance.drawn, *(-amount for amount in own)]))


def taking_flags(
    allowance: Allowance | None, *, amount: Decimal, at: datetime, person_id: UUID | None, crew_ids: Iterable[UUID] = ()
) -> tuple[Flag, ...]:
    """Say what is odd about taking parts under an allowance; nothing gives an empty tuple, and then it may be taken.

    `at` is the corrected instant of the deed, `crew_ids` the taker's crews then.
    """
    if allowance is None or not _holds(allowance, person_id, crew_ids):
        return (Flag.ALLOWANCE_UNKNOWN,)
    withdrawn = allowance.withdrawn_at is not None and allowance.withdrawn_at <= at
    flags = {
        Flag.ALLOWANCE_EXPIRED: withdrawn or not allowance.from_at <= at < allowance.to_at,
        Flag.ALLOWANCE_EXCEEDED: total([allowance.drawn, amount]) > allowance.ceiling,
    }
    return tuple(flag for flag, holds in flags.items() if holds)


def _holds(allowance: Allowance, person_id: UUID | None, crew_ids: Iterable[UUID]) -> bool:
    if allowance.person_id is not None:
        return allowance.person_id == person_id
    return allowance.crew_id is not None and allowance.crew_id in set(crew_ids)


def _plain(amount: Decimal) -> str:
    return "0" if amount.is_zero() else format(amount.normalize(), "f")


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
