"""Allowances for urgent parts: what is signed, whether the signature is the organisation's, and what may still be taken. Pure functions."""

from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final
from uuid import UUID

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from msgspec import Struct

from mobile_contract.rules.exact import total
from mobile_contract.schema.approval import Allowance, SigningKey
from mobile_contract.schema.job import Flag

_FORM: Final = "onsite allowance 1"


class Taking(Struct, frozen=True, kw_only=True):
    """Parts of an amount that somebody wants to take now."""

    amount: Decimal
    at: datetime
    person_id: UUID | None
    crew_ids: frozenset[UUID] = frozenset()


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


def left_of(allowance: Allowance) -> Decimal:
    """Tell how much is left of the ceiling; not below zero. On a phone `drawn` has its own takings too, which the server has not counted yet."""
    return max(Decimal(0), total([allowance.ceiling, -allowance.drawn]))


def covering(allowances: Iterable[Allowance], keys: Iterable[SigningKey], taking: Taking) -> Allowance | None:
    """Find the allowance under which parts may be taken: genuine, the taker's, in time, and with enough left. Of several the one that ends first."""
    known = {key.id: key.public_key for key in keys}
    fitting = [
        allowance
        for allowance in allowances
        if allowance.key_id in known
        and is_genuine(allowance, known[allowance.key_id])
        and not taking_flags(
            allowance, amount=taking.amount, at=taking.at, person_id=taking.person_id, crew_ids=taking.crew_ids
        )
    ]
    return min(fitting, key=lambda allowance: (allowance.to_at, allowance.id), default=None)


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
