"""For each command of the store about requests and forms: what has to be there, and arguments that would succeed for whoever may send it."""

from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING, Final
from uuid import UUID

from mobile_contract.schema import decisions as d
from mobile_contract.schema import facts as f
from mobile_contract.schema import material_commands as m
from mobile_contract.schema.base import Command
from mobile_contract.schema.material import ClassTolerance, MaterialRules
from mobile_contract.schema.people import Role
from mobile_contract.schema.stock import LocationKind, StockLocation
from mobile_contract.schema.stock_commands import OpenStock, PricedStockLine

if TYPE_CHECKING:
    from tests.security.scenes import Ground

Scene = Callable[["Ground"], Command]


def _store(g: "Ground", *codes: str) -> UUID:
    """Have a store that holds ten of some parts."""
    store = StockLocation(id=g.new(), code=g.code(), kind=LocationKind.STORE)
    lines = tuple(PricedStockLine(part_id=g.holder.parts[code], quantity=Decimal(10)) for code in codes)
    g.first(d.SaveStockLocation(location=store), OpenStock(opening_id=g.new(), location_id=store.id, lines=lines))
    return store.id


def _approved(g: "Ground") -> UUID:
    """Have a request of five units that an engineer has approved; gives the request."""
    approval = g.asked(Role.ENGINEER)
    g.first(d.Approve(job_id=g.job, approval_id=approval))
    asked = next(step for step in reversed(g.steps) if isinstance(step, f.RequestParts))
    return asked.request_id


def _reserve(g: "Ground") -> Command:
    store = _store(g, "unit")
    return m.ReserveParts(job_id=g.job, request_id=_approved(g), store_id=store)


def _pick(g: "Ground") -> Command:
    return m.PickParts(job_id=g.job, request_id=_approved(g))


def _issue(g: "Ground") -> Command:
    store = _store(g, "unit")
    return m.IssueParts(job_id=g.job, request_id=_approved(g), slip_id=g.new(), store_id=store)


def _substitute(g: "Ground") -> Command:
    request_id = _approved(g)
    return m.SubstitutePart(
        job_id=g.job, request_id=request_id, line_no=1, part_id=g.holder.parts["spare"], quantity=Decimal(1)
    )


def _close(g: "Ground") -> Command:
    return m.CloseRequest(job_id=g.job, request_id=_approved(g), reason="done")


def _take_back(g: "Ground") -> Command:
    store, unit, one = _store(g, "unit"), g.holder.parts["unit"], Decimal(1)
    # From a visit that nobody planned: whose van it is may not change within a batch.
    back = f.ReturnPart(job_id=g.job, visit_id=g.new(), move_id=g.new(), part_id=unit, quantity=one)
    g.ready().first(back)
    line = m.TakeBackLine(move_id=g.new(), part_id=unit, quantity=one)
    return m.TakeBackParts(job_id=g.job, store_id=store, lines=(line,))


def _take(g: "Ground") -> Command:
    line = f.TakenLine(part_id=g.holder.parts["clamp"], quantity=Decimal(1))
    return g.sent().fact(f.TakeParts, request_id=g.new(), lines=(line,))


def _hand_in(g: "Ground") -> Command:
    form = m.OpenForm(job_id=g.sent().job, form_id=g.new())
    g.first(form)
    return m.HandInCopy(job_id=g.job, form_id=form.form_id, copy_no=1)


def _rules(g: "Ground") -> Command:
    # Another class each time, so that each of them changes something.
    tolerance = ClassTolerance(part_class=g.code(), percent=Decimal(1))
    return m.SaveMaterialRules(rules=MaterialRules(id=g.new(), tolerances=(tolerance,)))


SCENES: Final[dict[str, Scene]] = {
    "take_parts": _take,
    "reserve_parts": _reserve,
    "pick_parts": _pick,
    "issue_parts": _issue,
    "substitute_part": _substitute,
    "close_request": _close,
    "take_back_parts": _take_back,
    "open_form": lambda g: m.OpenForm(job_id=g.sent().job, form_id=g.new()),
    "hand_in_copy": _hand_in,
    "save_material_rules": _rules,
}
