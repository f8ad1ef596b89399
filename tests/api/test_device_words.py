"""Words on a command line become commands: parts by code, vans by code, and what a wrong word is answered with."""

from decimal import Decimal
from itertools import count
from uuid import UUID

import pytest
from rich.console import Console

from api.device_view import van_table
from api.device_words import build_command, read_pairs
from api.operator_error import OperatorError
from mobile_contract.rules.stock import level_id
from mobile_contract.schema import facts as f
from mobile_contract.schema import field_stock as t
from mobile_contract.schema.base import Command, Document, LocalText, Priority
from mobile_contract.schema.job import Job, JobState, Visit, VisitState
from mobile_contract.schema.material import Part
from mobile_contract.schema.stock import LocationKind, StockLevel, StockLocation
from tests.arrange import NOW

JOB, VISIT, CLAMP, METER, VAN, OTHER = (UUID(int=i) for i in range(1, 7))


def documents() -> dict[tuple[str, UUID], Document]:
    clamp = Part(id=CLAMP, code="clamp", name=LocalText(en="Clamp"), unit_cost=Decimal(1))
    meter = Part(id=METER, code="meter", name=LocalText(en="Meter"), unit_cost=Decimal(9), serialised=True)
    job = Job(
        id=JOB, number="J-1", type="repair", type_version=1, state=JobState.SCHEDULED, priority=Priority.NORMAL, reported_at=NOW, opened_at=NOW
    )  # fmt: skip
    visit = Visit(id=VISIT, job_id=JOB, state=VisitState.ON_SITE)
    van = StockLocation(id=VAN, code="van-1", kind=LocationKind.VAN)
    other = StockLocation(id=OTHER, code="van-2", kind=LocationKind.VAN)
    held = StockLevel(id=level_id(VAN, CLAMP), location_id=VAN, part_id=CLAMP, quantity=Decimal("-2"))
    kinds = (("part", clamp), ("part", meter), ("job", job), ("visit", visit), ("stock_location", van))
    return {(kind, d.id): d for kind, d in (*kinds, ("stock_location", other), ("stock_level", held))}


def built(name: str, *words: str, job: str = "") -> Command:
    numbers = count(0x100)
    return build_command(name, read_pairs(words), documents(), new_id=lambda: UUID(int=next(numbers)), job=job)


def test_parts_are_asked_for_by_code() -> None:
    command = built("request_parts", "parts=clamp:3,meter:1", job="J-1")
    assert isinstance(command, f.RequestParts)
    assert (command.job_id, command.visit_id) == (JOB, VISIT)
    assert [(x.part_id, x.quantity) for x in command.lines] == [(CLAMP, Decimal(3)), (METER, Decimal(1))]


def test_a_use_names_no_request_unless_it_is_told_one() -> None:
    command = built("use_part", "part=clamp", "quantity=2.5", job="J-1")
    assert isinstance(command, f.UsePart)
    assert (command.request_id, command.quantity) == (None, Decimal("2.5"))


def test_serials_go_where_the_command_keeps_them() -> None:
    taken = built("take_parts", "parts=meter:1:M-7", job="J-1")
    handed = built("hand_over_parts", "to=van-2", "parts=meter:1:M-7")
    assert isinstance(taken, f.TakeParts)
    assert isinstance(handed, t.HandOverParts)
    assert taken.lines[0].serials == ("M-7",)
    assert (handed.to_location_id, handed.lines[0].serial) == (OTHER, "M-7")


def test_a_count_needs_nothing_but_what_was_there() -> None:
    command = built("count_van", "parts=clamp:0")
    assert isinstance(command, t.CountVan)
    assert [x.quantity for x in command.lines] == [Decimal(0)]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("parts=clamp",), "write parts=clamp:3"),
        (("parts=clmp:1",), "knows no part 'clmp'; there are clamp"),
        (("to=van-9", "parts=clamp:1"), "knows no stock location 'van-9'; there are van-"),
    ],
)
def test_a_wrong_word_is_answered_with_what_to_write(words: tuple[str, ...], said: str) -> None:
    with pytest.raises(OperatorError, match=said):
        built("hand_over_parts", *words)


def test_what_a_van_holds_is_shown_by_part() -> None:
    console = Console(width=100, record=True)
    console.print(van_table(documents()))
    text = console.export_text()
    assert [word for word in ("van-1", "clamp", "-2", "pcs") if word not in text] == []
