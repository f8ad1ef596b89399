"""How each command about requests and forms is made in a world that lives through all commands: who sends it, after what has to go before."""

from decimal import Decimal
from typing import Any
from uuid import UUID

from mobile_contract.rules.ladder import approval_id
from mobile_contract.schema import decisions as d
from mobile_contract.schema import facts as f
from mobile_contract.schema import material_commands as m
from mobile_contract.schema.base import Command, LocalText
from mobile_contract.schema.material import MaterialRules, Part, RequestLine
from mobile_contract.schema.stock import LocationKind, StockLocation
from mobile_contract.schema.stock_commands import PricedStockLine, ReceiveStock
from tests.arrange import Assigned
from tests.sync.stock_cases import Case, World

CASES: dict[str, Case] = {}


def case(making: Case) -> Case:
    """Register the case of the function's name."""
    CASES[making.__name__] = making
    return making


async def _part(w: World, **more: Any) -> UUID:
    part = Part(
        id=w.org.new_id(), code=f"p-{w.org.new_id().hex[:8]}", name=LocalText(en="Part"), unit_cost=Decimal(1), **more
    )
    await w.ok(d.SavePart(part=part), by="wes")
    return part.id


async def _store(w: World, *parts: UUID) -> UUID:
    id = w.org.new_id()
    await w.ok(
        d.SaveStockLocation(location=StockLocation(id=id, code=f"m-{id.hex[:8]}", kind=LocationKind.STORE)), by="wes"
    )
    lines = tuple(PricedStockLine(part_id=part_id, quantity=Decimal(9)) for part_id in parts)
    await w.ok(ReceiveStock(receipt_id=w.org.new_id(), location_id=id, lines=lines), by="wes")
    return id


async def _approved(w: World, part_id: UUID) -> tuple[Assigned, UUID]:
    """Have two of a part approved for a job of its own."""
    job, request_id = await w.org.assigned_job(), w.org.new_id()
    line = RequestLine(part_id=part_id, quantity=Decimal(2))
    await w.ok(f.RequestParts(job_id=job.job_id, visit_id=job.visit_id, request_id=request_id, lines=(line,)))
    await w.ok(d.Approve(job_id=job.job_id, approval_id=approval_id(request_id)), by="eve")
    return job, request_id


async def _at_store(w: World) -> dict[str, Any]:
    """Name an approved request and a store that has what it asks for."""
    part_id = w.org.parts["clamp"]
    job, request_id = await _approved(w, part_id)
    return {"job_id": job.job_id, "request_id": request_id, "store_id": await _store(w, part_id)}


@case
async def take_parts(w: World) -> tuple[str, Command]:
    job = await w.org.assigned_job()
    line = f.TakenLine(part_id=w.org.parts["clamp"], quantity=Decimal(1))
    return "amy", f.TakeParts(job_id=job.job_id, visit_id=job.visit_id, request_id=w.org.new_id(), lines=(line,))


@case
async def reserve_parts(w: World) -> tuple[str, Command]:
    return "wes", m.ReserveParts(**await _at_store(w))


@case
async def pick_parts(w: World) -> tuple[str, Command]:
    at = await _at_store(w)
    await w.ok(m.ReserveParts(**at), by="wes")
    return "wes", m.PickParts(job_id=at["job_id"], request_id=at["request_id"])


@case
async def issue_parts(w: World) -> tuple[str, Command]:
    return "wes", m.IssueParts(**await _at_store(w), slip_id=w.org.new_id(), crew_id=w.org.crews["alpha"])


@case
async def substitute_part(w: World) -> tuple[str, Command]:
    other = await _part(w)
    job, request_id = await _approved(w, await _part(w, substitutes=(other,)))
    instead: dict[str, Any] = {"line_no": 1, "part_id": other, "quantity": Decimal(1)}
    return "wes", m.SubstitutePart(job_id=job.job_id, request_id=request_id, **instead)


@case
async def close_request(w: World) -> tuple[str, Command]:
    at = await _at_store(w)
    return "wes", m.CloseRequest(job_id=at["job_id"], request_id=at["request_id"], reason="found another way")


@case
async def take_back_parts(w: World) -> tuple[str, Command]:
    part_id, job = w.org.parts["clamp"], await w.org.assigned_job()
    piece: dict[str, Any] = {"move_id": w.org.new_id(), "part_id": part_id, "quantity": Decimal(1)}
    await w.ok(f.ReturnPart(job_id=job.job_id, visit_id=job.visit_id, **piece))
    line = m.TakeBackLine(move_id=w.org.new_id(), part_id=part_id, quantity=Decimal(1))
    return "wes", m.TakeBackParts(job_id=job.job_id, store_id=await _store(w, part_id), lines=(line,))


async def _form(w: World) -> m.OpenForm:
    job = await w.org.assigned_job()
    return m.OpenForm(job_id=job.job_id, visit_id=job.visit_id, form_id=w.org.new_id())


@case
async def open_form(w: World) -> tuple[str, Command]:
    return "dan", await _form(w)


@case
async def hand_in_copy(w: World) -> tuple[str, Command]:
    form = await _form(w)
    await w.ok(form, by="dan")
    return "dan", m.HandInCopy(job_id=form.job_id, form_id=form.form_id, copy_no=1, handed_by=w.org.people["amy"])


@case
async def save_material_rules(w: World) -> tuple[str, Command]:
    store = await _store(w, w.org.parts["clamp"])
    return "ada", m.SaveMaterialRules(rules=MaterialRules(id=w.org.new_id(), default_store_id=store))
