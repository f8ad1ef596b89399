"""What a customer is shown before work that costs something, and whether it was signed. Pure, so that phone and server hash the same bytes."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from hashlib import sha256

import msgspec

from mobile_contract.rules.exact import plain, product, total
from mobile_contract.schema.job import Flag, Signature, Visit
from mobile_contract.schema.material import MaterialRequest, PricedLine
from mobile_contract.schema.stock import MoveKind, StockMove

PRICE = "price"


def charged(request: MaterialRequest) -> tuple[PricedLine, ...]:
    """List the lines that the customer pays for, as they were asked: a substitute comes at the price of what it stands in for."""
    return tuple(
        line for line in request.lines if line.chargeable and line.price is not None and not line.substitute_for
    )


def price_of(request: MaterialRequest) -> Decimal:
    """Add up what the customer pays, in the request's currency."""
    return total(product(line.quantity, line.price or Decimal(0)) for line in charged(request))


def price_shown(request: MaterialRequest) -> bytes:
    """Write what is shown: JSON without spaces, keys sorted, decimals as text without needless zeros.

    `{"currency", "lines": [[line_no, part_id, quantity, price] …], "request_id", "total"}`, the lines in their order.
    """
    lines = [
        [line.line_no, str(line.part_id), plain(line.quantity), plain(line.price or Decimal(0))]
        for line in charged(request)
    ]
    shown = {
        "currency": request.currency,
        "lines": lines,
        "request_id": str(request.id),
        "total": plain(price_of(request)),
    }
    return msgspec.json.encode(shown, order="sorted")


def price_sha256(request: MaterialRequest) -> str:
    """Hash what is shown; the signature with the purpose `price` names it."""
    return sha256(price_shown(request)).hexdigest()


def accepted_at(request: MaterialRequest, signatures: Iterable[Signature]) -> datetime | None:
    """Tell when the customer first signed exactly this price; None while nobody did. A refusal and an empty pad accept nothing."""
    if not charged(request):
        return None
    shown = price_sha256(request)
    return min(
        (
            s.signed_at
            for s in signatures
            if s.purpose == PRICE
            and s.shown_sha256 == shown
            and s.signer
            and not s.refused_reason
            and Flag.INCOMPLETE not in s.flags
        ),
        default=None,
    )


def work_began_at(request: MaterialRequest, visits: Iterable[Visit]) -> datetime | None:
    """Tell when the work that a request is for began: the first start of work since it was asked, or the first use of what is charged.

    Work that was under way already, when something more turned out to be needed, does not count as begun without the price.
    """
    starts = [v.work_started_at for v in visits if v.work_started_at is not None]
    since = [at for at in starts if at >= request.requested_at]
    return min([*since, *([request.first_used_at] if request.first_used_at is not None else [])], default=None)


def price_flags(request: MaterialRequest, visits: Iterable[Visit], *, before_work: bool) -> tuple[Flag, ...]:
    """Name the flags of a request's price: work without it, where the organisation wants it signed first; whenever either was reported."""
    began = work_began_at(request, visits)
    if not before_work or not charged(request) or began is None:
        return ()
    accepted = request.price_accepted_at
    return (Flag.PRICE_NOT_ACCEPTED,) if accepted is None or began < accepted else ()


def first_use(request: MaterialRequest, moves: Iterable[StockMove]) -> datetime | None:
    """Tell when a part of the lines that the customer pays for was first used on the job; `moves` are the job's that are in force."""
    parts = {line.part_id for line in charged(request)}
    return min((m.occurred_at for m in moves if m.kind is MoveKind.USED and m.part_id in parts), default=None)
