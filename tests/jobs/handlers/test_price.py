"""The price that a customer signs before work: what is hashed, when it counts, what is flagged, the switch of the organisation."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from mobile_contract.rules.price import price_of, price_sha256, price_shown
from mobile_contract.schema import facts as f
from mobile_contract.schema.job import Flag, Visit
from mobile_contract.schema.material import MaterialRequest
from tests.arrange import NOW, Org
from tests.jobs import stored
from tests.jobs.material_scene import Scene, scene

MINUTE = timedelta(minutes=1)
STROKES = ((f.StrokePoint(x=0, y=0), f.StrokePoint(x=1, y=1), f.StrokePoint(x=2, y=0)),)


@pytest.fixture
async def at(org: Org) -> Scene:
    """Give a store with parts and a job."""
    return await scene(org)


async def chargeable(at: Scene, *, now: datetime = NOW) -> MaterialRequest:
    request_id = await at.asked(
        at.line("clamp", 2, chargeable=True, price=Decimal("18.50")), at.line("pump", 1), now=now
    )
    return await at.request(request_id)


async def sign(at: Scene, shown: str | None, *, now: datetime, **more: Any) -> None:
    fields = {"signer": "Lin", "strokes": STROKES, **more}
    signature = at.fact(f.CaptureSignature, signature_id=at.org.new_id(), purpose="price", shown_sha256=shown, **fields)
    await at.org.ok(signature, by="amy", now=now)


async def start(at: Scene, *, now: datetime) -> tuple[str, ...]:
    return (await at.told(at.fact(f.StartWork), by="amy", now=now)).flags


async def flags(at: Scene, request_id: UUID) -> tuple[tuple[Flag, ...], bool]:
    visit = await stored.one(at.org, Visit, at.job.visit_id)
    return (await at.request(request_id)).flags, Flag.PRICE_NOT_ACCEPTED in visit.flags


async def test_what_is_shown_is_the_lines_that_the_customer_pays_for_and_their_sum(at: Scene) -> None:
    request = await chargeable(at)
    assert price_of(request) == Decimal(37)
    assert price_shown(request).decode() == (
        f'{{"currency":"CNY","lines":[[1,"{at.org.parts["clamp"]}","2","18.5"]],"request_id":"{request.id}","total":"37"}}'
    )


async def test_the_price_of_the_catalogue_is_meant_where_none_was_shown(at: Scene) -> None:
    await at.catalogue("tap", price=Decimal("9.90"))
    request = await at.request(await at.asked(at.line("tap", 1, chargeable=True), at.line("tap", 1)))
    assert [line.price for line in request.lines] == [Decimal("9.90"), None]


async def test_a_price_signed_before_work_is_accepted(at: Scene) -> None:
    request = await chargeable(at)
    await sign(at, price_sha256(request), now=NOW + MINUTE)
    assert await start(at, now=NOW + 2 * MINUTE) == ()
    assert await flags(at, request.id) == ((), False)
    assert (await at.request(request.id)).price_accepted_at == NOW + MINUTE


async def test_work_without_a_signed_price_is_flagged(at: Scene) -> None:
    request = await chargeable(at)
    assert Flag.PRICE_NOT_ACCEPTED in await start(at, now=NOW + MINUTE)
    assert await flags(at, request.id) == ((Flag.PRICE_NOT_ACCEPTED,), True)


async def test_a_price_signed_after_work_began_stays_flagged(at: Scene) -> None:
    request = await chargeable(at)
    await start(at, now=NOW + MINUTE)
    await sign(at, price_sha256(request), now=NOW + 2 * MINUTE)
    assert await flags(at, request.id) == ((Flag.PRICE_NOT_ACCEPTED,), True)


async def test_a_signature_that_is_reported_late_counts_from_when_it_was_given(at: Scene) -> None:
    request = await chargeable(at)
    await start(at, now=NOW + 2 * MINUTE)
    await sign(at, price_sha256(request), now=NOW + MINUTE)
    assert await flags(at, request.id) == ((), False)


@pytest.mark.parametrize(
    "fields",
    [
        {"refused_reason": "too dear", "witness": "Wu", "strokes": ()},
        {"strokes": ()},
        {"strokes": ((f.StrokePoint(x=0, y=0), f.StrokePoint(x=1, y=1)),)},
        {"signer": ""},
    ],
    ids=["refused", "empty pad", "two points", "nobody"],
)
async def test_a_refusal_or_an_empty_pad_accepts_no_price(at: Scene, fields: dict[str, Any]) -> None:
    request = await chargeable(at)
    await sign(at, price_sha256(request), now=NOW + MINUTE, **fields)
    assert Flag.PRICE_NOT_ACCEPTED in await start(at, now=NOW + 2 * MINUTE)


async def test_a_signature_over_something_else_accepts_no_price(at: Scene) -> None:
    await chargeable(at)
    await sign(at, "0" * 64, now=NOW + MINUTE)
    assert Flag.PRICE_NOT_ACCEPTED in await start(at, now=NOW + 2 * MINUTE)


async def test_parts_that_turn_out_to_be_needed_during_work_are_signed_for_before_they_are_used(at: Scene) -> None:
    await start(at, now=NOW)
    request = await chargeable(at, now=NOW + MINUTE)
    assert await flags(at, request.id) == ((), False)
    await sign(at, price_sha256(request), now=NOW + 2 * MINUTE)
    used = await at.told(at.moving(f.UsePart, "clamp", 1), by="amy", now=NOW + 3 * MINUTE)
    assert Flag.PRICE_NOT_ACCEPTED not in used.flags
    earlier = await at.told(at.moving(f.UsePart, "clamp", 1), by="amy", now=NOW + MINUTE)
    assert Flag.PRICE_NOT_ACCEPTED in earlier.flags
    assert (await at.request(request.id)).first_used_at == NOW + MINUTE


async def test_an_organisation_may_do_without_a_signed_price(at: Scene) -> None:
    await at.rules(price_before_work=False)
    request = await chargeable(at)
    assert await start(at, now=NOW + MINUTE) == ()
    assert await flags(at, request.id) == ((), False)


async def test_parts_that_cost_the_customer_nothing_need_no_signature(at: Scene) -> None:
    await at.asked(at.line("clamp", 1))
    assert await start(at, now=NOW + MINUTE) == ()
