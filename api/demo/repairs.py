"""One repair of the demo's month, from the report to the filed form, as acts of everybody who has a hand in it. Draws nothing, sends nothing."""

import hashlib
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID, uuid5

from msgspec import Struct

from api.demo.books import Act, Cast
from api.demo.catalogue import Item, part_id
from api.demo.people import CrewLine
from api.demo.shelves import Shelves
from geo.city_plan import CitySite
from mobile_contract.schema import decisions as d
from mobile_contract.schema import facts as f
from mobile_contract.schema import material_commands as m
from mobile_contract.schema.base import Command, LocalText
from mobile_contract.schema.job import ArrivalLimit, Guards, JobType
from mobile_contract.schema.material import RequestLine

CALL_OUT: Final = "call_out"
_MIN: Final = timedelta(minutes=1)
_NOTHING: Final = Decimal(0)


class Draw(Struct, frozen=True, kw_only=True):
    """A part drawn for a repair: how much was issued, used and given back. Serials of pieces that have them, as issued and as used."""

    item: Item
    issued: Decimal
    used: Decimal
    returned: Decimal = _NOTHING
    serials: tuple[str, ...] = ()
    used_serials: tuple[str, ...] = ()


class Repair(Struct, frozen=True, kw_only=True):
    """What happens on one job. `carried`: what the crew used of its van's own stock. `called_off`: cancelled before the crew used that."""

    id: UUID
    title: str
    site: CitySite
    crew: CrewLine
    begin: datetime
    draws: tuple[Draw, ...] = ()
    carried: tuple[tuple[str, Decimal], ...] = ()
    signed: bool = True
    called_off: bool = False
    kept_open: bool = False

    def named(self, what: str) -> UUID:
        """Name something that belongs to the repair."""
        return uuid5(self.id, what)

    @property
    def visit_id(self) -> UUID:
        """Name the one visit."""
        return self.named("visit")

    def after(self, minutes: float) -> datetime:
        """Give the instant some minutes after the report."""
        return self.begin + minutes * _MIN


class Hands(Struct, frozen=True):
    """Who does what, where things lie, and what sites are called."""

    cast: Cast
    shelves: Shelves
    sites: dict[str, UUID]


def job_type(org_id: UUID) -> JobType:
    """Make the template of a call-out: material is declared, the customer signs, and that is all."""
    return JobType(
        id=uuid5(org_id, f"job_type/{CALL_OUT}/1"),
        code=CALL_OUT,
        version=1,
        name=LocalText(en="Call-out", zh="上门维修"),
        process="R1",
        guards=Guards(parts_declared=True, signature=True),
        arrival_limits=(ArrivalLimit(minutes=45),),
    )


def reported(r: Repair, hands: Hands) -> Iterator[Act]:
    """Open the job and send the crew."""
    opened = d.OpenJob(
        job_id=r.id,
        job_type=CALL_OUT,
        title=r.title,
        address=r.site.address,
        lon_deg=r.site.point.lon_deg,
        lat_deg=r.site.point.lat_deg,
        site_id=hands.sites[r.site.code],
        reported_at=r.begin,
    )
    yield Act(r.begin, hands.cast.office("callback"), opened)
    assigned = d.AssignVisit(job_id=r.id, visit_id=r.visit_id, crew_id=r.crew.crew_id)
    yield Act(r.after(3), hands.cast.office("dispatcher"), assigned)


def begun(r: Repair, hands: Hands) -> Iterator[Act]:
    """Travel, arrive, begin, open the form and ask for parts."""
    yield _fact(r, hands, 6, f.StartTravel)
    yield _fact(r, hands, 24, f.ArriveOnSite)
    yield _fact(r, hands, 28, f.StartWork)
    if r.called_off:
        cancelled = d.CancelJob(job_id=r.id, reason="the caller found the stop valve")
        yield Act(r.after(35), hands.cast.office("dispatcher"), cancelled)
    if not r.draws:
        return
    opened = m.OpenForm(job_id=r.id, form_id=r.named("form"), visit_id=r.visit_id)
    yield Act(r.after(30), hands.cast.office("dispatcher"), opened)
    lines = tuple(RequestLine(part_id=_part(hands, draw), quantity=draw.issued) for draw in r.draws)
    yield _fact(r, hands, 55, f.RequestParts, request_id=r.named("request"), lines=lines)


def issued(r: Repair, hands: Hands) -> Iterator[Act]:
    """Fetch and hand out what was approved; copy 3 of the form stays in the store."""
    if not r.draws:
        return
    request_id, store = r.named("request"), hands.cast.office("warehouse")
    yield Act(r.after(66), store, m.PickParts(job_id=r.id, request_id=request_id))
    lines = tuple(
        m.IssueLine(
            line_no=number,
            quantity=draw.issued,
            lot=draw.item.lot,
            serials=draw.serials,
            bin_id=None if (place := hands.shelves.place_of(draw.item.code)) == hands.shelves.store_id else place,
        )
        for number, draw in enumerate(r.draws, start=1)
    )
    slip = m.IssueParts(
        job_id=r.id,
        request_id=request_id,
        slip_id=r.named("slip"),
        store_id=hands.shelves.store_id,
        crew_id=r.crew.crew_id,
        lines=lines,
        form_id=r.named("form"),
        copy_kept=True,
    )
    yield Act(r.after(74), store, slip)


def received(r: Repair, hands: Hands) -> Iterator[Act]:
    """Scan what came into the van."""
    for number, draw in enumerate(r.draws, start=1):
        beside = {"request_id": r.named("request"), "slip_id": r.named("slip"), "line_no": number, "scanned": True}
        yield _moved(
            r, hands, 90 + number, kind=f.ReceivePart, draw=draw, quantity=draw.issued, serials=draw.serials, **beside
        )


def worked(r: Repair, hands: Hands) -> Iterator[Act]:
    """Build in, give back, have it signed, and end the visit."""
    for number, draw in enumerate(r.draws, start=1):
        beside = {"request_id": r.named("request"), "line_no": number}
        serials = draw.used_serials or draw.serials
        yield _moved(r, hands, 100 + number, kind=f.UsePart, draw=draw, quantity=draw.used, serials=serials, **beside)
        if draw.returned:
            yield _moved(r, hands, 110 + number, kind=f.ReturnPart, draw=draw, quantity=draw.returned, **beside)
    for code, quantity in r.carried:
        said = {"part_id": part_id(hands.shelves.org_id, code), "quantity": quantity, "move_id": r.named(f"own/{code}")}
        yield _fact(r, hands, 108, f.UsePart, **said)
    if r.called_off:
        return
    if r.signed:
        yield _signature(r, hands)
    yield _fact(r, hands, 122, f.CompleteVisit, no_parts_used=not (r.draws or r.carried))


def filed(r: Repair, hands: Hands) -> Iterator[Act]:
    """Bring the copies of the form to where they go, take back what was not used, and close the job."""
    if r.called_off:
        return
    if r.draws:
        for copy_no, keeper in ((1, "dispatcher"), (2, "engineer")):
            copy = m.HandInCopy(job_id=r.id, form_id=r.named("form"), copy_no=copy_no, handed_by=r.crew.members[0])
            yield Act(r.after(130 + copy_no), hands.cast.office(keeper), copy)
    back = tuple(_taken_back(r, hands))
    if back:
        command = m.TakeBackParts(job_id=r.id, store_id=hands.shelves.store_id, lines=back)
        yield Act(r.after(136), hands.cast.office("warehouse"), command)
    if not r.kept_open:
        closed = d.CloseJob(job_id=r.id, reason="checked")
        yield Act(r.after(140), hands.cast.office("dispatcher"), closed)


def _taken_back(r: Repair, hands: Hands) -> Iterator[m.TakeBackLine]:
    for number, draw in enumerate(r.draws, start=1):
        if draw.returned:
            yield m.TakeBackLine(
                move_id=r.named(f"back/{number}"),
                part_id=_part(hands, draw),
                quantity=draw.returned,
                lot=draw.item.lot,
            )


def _part(hands: Hands, draw: Draw) -> UUID:
    return part_id(hands.shelves.org_id, draw.item.code)


def _fact(r: Repair, hands: Hands, minutes: float, kind: type[Command], **said: Any) -> Act:
    return Act(r.after(minutes), hands.cast.lead(r.crew), kind(job_id=r.id, visit_id=r.visit_id, **said))


def _moved(r: Repair, hands: Hands, minutes: float, *, kind: type[Command], draw: Draw, **said: Any) -> Act:
    move_id = r.named(f"{kind.__struct_config__.tag}/{said['line_no']}")
    given = {"move_id": move_id, "part_id": _part(hands, draw), "lot": draw.item.lot, **said}
    return _fact(r, hands, minutes, kind, **given)


def _signature(r: Repair, hands: Hands) -> Act:
    stroke = tuple(f.StrokePoint(x=8.0 * i, y=40.0 + (i * 7 % 11), t_ms=30 * i) for i in range(12))
    said = {
        "signature_id": r.named("signature"),
        "shown_sha256": hashlib.sha256(r.id.bytes).hexdigest(),
        "signer": "Customer",
        "strokes": (stroke,),
    }
    return _fact(r, hands, 120, f.CaptureSignature, **said)
