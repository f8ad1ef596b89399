"""The three-way match on its own: what agrees, what does not and by how much, and that nothing else is found in whatever order it comes."""

import random
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from msgspec.structs import replace

from jobs.rules.reconcile import (
    Finding,
    JobPapers,
    JobPart,
    Loose,
    Material,
    Serial,
    Tolerance,
    Transfer,
    VanPart,
    Wanting,
    allot,
    reconcile,
)
from mobile_contract.schema.reconciliation import ExceptionKind as Kind

D = Decimal
MORNING = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
JOB, PART, VAN, OTHER_VAN, FORM = (UUID(int=n) for n in (1, 2, 3, 4, 5))
CABLE = Tolerance(percent=D(3), least=D("0.5"))


def part(**said: object) -> JobPart:
    """Make a part on the job; quantities are given as texts."""
    exact = {name: D(value) if isinstance(value, str) else value for name, value in said.items()}
    return JobPart(**{"job_id": JOB, "part_id": PART, "holder_id": VAN, "spender_id": VAN, **exact})  # type: ignore[arg-type]


def found(*parts: JobPart, ended: bool = True, vans: Iterable[VanPart] = ()) -> list[tuple[Kind, Decimal | None]]:
    papers = JobPapers(job_id=JOB, ended=ended)
    reckoned = reconcile(Material(parts=parts, papers=(papers,), vans=tuple(vans)))
    return [(finding.kind, finding.difference) for finding in reckoned.findings]


@pytest.mark.parametrize(
    ("moves", "expected"),
    [
        ({"issued": "5", "received": "5", "used": "5"}, []),
        ({"issued": "5", "received": "5", "used": "3", "returned": "2"}, []),
        ({"issued": "5", "received": "5", "used": "3", "returned": "1", "written_off": "1"}, []),
        ({"issued": "5", "received": "5", "used": "3", "returned": "1"}, [(Kind.SHORT, D(1))]),
        ({"issued": "5"}, [(Kind.SHORT, D(5))]),
        ({"issued": "5", "received": "5", "used": "6"}, [(Kind.OVER, D(1))]),
        ({"used": "2"}, [(Kind.OVER, D(2))]),
        ({"issued": "5", "received": "5", "used": "4.999999", "returned": "0"}, [(Kind.SHORT, D("0.000001"))]),
        ({}, []),
    ],
    ids=[
        "used",
        "partly returned",
        "written off",
        "short",
        "never received",
        "over",
        "never issued",
        "a hair",
        "nothing",
    ],
)
def test_what_was_drawn_is_used_given_back_or_missing(
    moves: dict[str, str], expected: list[tuple[Kind, Decimal]]
) -> None:
    assert found(part(**moves)) == expected


def test_nothing_is_short_while_the_job_goes_on() -> None:
    open_part = part(issued="5", received="5", used="1")
    assert found(open_part, ended=False) == []
    reckoned = reconcile(Material(parts=(open_part,), papers=(JobPapers(job_id=JOB, ended=False),)))
    assert (reckoned.matched, reckoned.under_way) == (0, 1)


def test_what_is_too_much_is_found_while_the_job_goes_on() -> None:
    assert found(part(issued="5", received="5", used="6"), ended=False) == [(Kind.OVER, D(1))]


@pytest.mark.parametrize(
    ("drawn", "spent", "expected"),
    [
        ("100", "97", []),
        ("100", "96.999", [(Kind.SHORT, D("3.001"))]),
        ("100", "103", []),
        ("100", "103.001", [(Kind.OVER, D("3.001"))]),
        ("10", "9.5", []),
        ("10", "9.499999", [(Kind.SHORT, D("0.500001"))]),
        ("0", "0.5", []),
    ],
)
def test_cable_is_allowed_a_share_of_its_metres_or_half_a_metre_edges_included(
    drawn: str, spent: str, expected: list[tuple[Kind, Decimal]]
) -> None:
    assert found(part(issued=drawn, received=drawn, used=spent, tolerance=CABLE)) == expected


def test_a_tolerance_is_exact_where_binary_fractions_are_not() -> None:
    assert Tolerance(percent=D("0.1")).of(D("3")) == D("0.003")
    assert Tolerance(percent=D("33.333333")).of(D("999999999999.999999")) == D("333333329999.99999966666667")


def serials(drawn: str, spent: str) -> tuple[Serial, ...]:
    names = [*drawn.split(), *spent.split()]
    return tuple(
        Serial(serial=name, drawn=D(drawn.split().count(name)), spent=D(spent.split().count(name)))
        for name in dict.fromkeys(names)
    )


def meter(drawn: str, spent: str, **said: object) -> JobPart:
    count = {"issued": str(len(drawn.split())), "received": str(len(drawn.split())), "used": str(len(spent.split()))}
    return part(**{**count, "serialised": True, "serials": serials(drawn, spent), **said})


@pytest.mark.parametrize(
    ("drawn", "spent", "expected"),
    [
        ("A B", "B A", []),
        ("A", "B", [(Kind.SERIAL_MISMATCH, D(1))]),
        ("A B", "A", [(Kind.SHORT, D(1))]),
        ("A", "A B", [(Kind.OVER, D(1))]),
        ("A B C", "X", [(Kind.SERIAL_MISMATCH, D(1)), (Kind.SHORT, D(2))]),
        ("A", "X Y", [(Kind.OVER, D(1)), (Kind.SERIAL_MISMATCH, D(1))]),
        ("A", "A A", [(Kind.OVER, D(1))]),
    ],
    ids=["same", "another", "one left", "one more", "another and two left", "another and one more", "used twice"],
)
def test_meters_are_compared_serial_by_serial(drawn: str, spent: str, expected: list[tuple[Kind, Decimal]]) -> None:
    assert found(meter(drawn, spent)) == expected


def test_a_serial_that_was_not_said_is_another_serial() -> None:
    blank = part(issued="1", received="1", used="1", serialised=True)
    known = replace(blank, serials=(Serial(serial="A", drawn=D(1)), Serial(serial="", spent=D(1))))
    assert found(known) == [(Kind.SERIAL_MISMATCH, D(1))]


def test_a_mismatch_names_both_serials() -> None:
    reckoned = reconcile(Material(parts=(meter("A B", "B X"),), papers=(JobPapers(job_id=JOB, ended=True),)))
    (finding,) = reckoned.findings
    assert (finding.serials_missing, finding.serials_extra) == (("A",), ("X",))


def test_a_meter_that_the_van_carried_anyway_is_no_mismatch_and_the_issued_one_is_left() -> None:
    assert found(meter("A", "X", own_serials=frozenset({"X"}))) == [(Kind.SHORT, D(1))]
    assert found(meter("", "X", own_serials=frozenset({"X"}))) == []


def test_no_tolerance_applies_to_serials() -> None:
    assert found(meter("A B", "A", tolerance=Tolerance(least=D(5)))) == [(Kind.SHORT, D(1))]


def test_what_was_taken_under_an_allowance_is_to_be_issued_and_nothing_else() -> None:
    assert found(part(taken="2", used="2")) == [(Kind.TAKEN_NOT_ISSUED, D(2))]
    assert found(part(taken="2", issued="2", used="2")) == []
    assert found(part(taken="2", issued="1", used="2")) == [(Kind.TAKEN_NOT_ISSUED, D(1))]
    assert found(part(taken="2", issued="3", received="3", used="5")) == [(Kind.TAKEN_NOT_ISSUED, D(2))]
    assert found(part(taken="2", used="1")) == [(Kind.SHORT, D(1)), (Kind.TAKEN_NOT_ISSUED, D(2))]


def test_a_use_after_the_job_was_called_off_belongs_elsewhere_and_is_not_over_too() -> None:
    assert found(part(used="2", stray="2")) == [(Kind.UNKNOWN_JOB, D(2))]
    assert found(part(used="3", stray="2")) == [(Kind.OVER, D(1)), (Kind.UNKNOWN_JOB, D(2))]
    assert found(meter("", "X", stray="1")) == [(Kind.UNKNOWN_JOB, D(1))]


@pytest.mark.parametrize(
    ("on_form", "expected"),
    [("5", []), ("4", [(Kind.FORM_DIFFERS, D(1))]), ("6", [(Kind.FORM_DIFFERS, D(1))]), (None, [])],
)
def test_copy_three_has_to_say_what_the_slips_say(on_form: str | None, expected: list[tuple[Kind, Decimal]]) -> None:
    whole = part(issued="5", received="5", used="5", on_form=on_form)
    assert found(whole) == expected
    assert found(whole, ended=False) == []


def van(level: str, own: str, *wanting: Wanting) -> VanPart:
    return VanPart(van_id=VAN, part_id=PART, level=D(level), own=D(own), wanting=wanting)


def wanting(job: int, excess: str, minutes: int = 0) -> Wanting:
    return Wanting(job_id=UUID(int=job), first_at=MORNING + timedelta(minutes=minutes), excess=D(excess))


def test_what_the_van_carried_for_no_job_may_be_used_on_any() -> None:
    used = part(used="2")
    assert found(used, vans=[van("1", "3", wanting(1, "2"))]) == []
    assert found(used, vans=[van("-1", "1", wanting(1, "2"))]) == [(Kind.OVER, D(1))]
    assert found(used, vans=[van("-2", "-1", wanting(1, "2"))]) == [(Kind.OVER, D(2))]


def test_whoever_used_van_stock_first_had_it_first() -> None:
    early, late, tied = wanting(9, "2", 0), wanting(1, "2", 5), wanting(2, "1", 5)
    for order in ((early, late, tied), (tied, late, early)):
        assert allot(van("0", "3", *order)) == {UUID(int=9): D(2), UUID(int=1): D(1), UUID(int=2): D(0)}


def test_a_van_below_zero_is_found_once() -> None:
    assert found(vans=[van("-2", "0")]) == [(Kind.VAN_BELOW_ZERO, D(2))]
    # The job's own excess says why already.
    assert found(part(used="2"), vans=[van("-2", "0", wanting(1, "2"))]) == [(Kind.OVER, D(2))]
    both = found(part(used="2"), vans=[van("-5", "0", wanting(1, "2"))])
    assert both == [(Kind.VAN_BELOW_ZERO, D(3)), (Kind.OVER, D(2))]


def test_the_van_to_look_at_is_the_one_that_should_have_it_or_the_one_that_gave_it() -> None:
    short = part(issued="2", received="2", holder_id=VAN, spender_id=OTHER_VAN)
    over = part(issued="1", received="1", used="2", holder_id=VAN, spender_id=OTHER_VAN)
    for each, place in ((short, VAN), (over, OTHER_VAN)):
        (finding,) = reconcile(Material(parts=(each,), papers=(JobPapers(job_id=JOB, ended=True),))).findings
        assert finding.location_id == place


@pytest.mark.parametrize(
    ("papers", "expected"),
    [
        (JobPapers(job_id=JOB, ended=True), []),
        (JobPapers(job_id=JOB, ended=True, unsigned=True), [Kind.MISSING_SIGNATURE]),
        (JobPapers(job_id=JOB, ended=False, unsigned=True), []),
        (JobPapers(job_id=JOB, ended=False, form_id=FORM, copies_missing=(3, 1)), [Kind.COPY_MISSING]),
    ],
    ids=["complete", "unsigned", "not over", "copies"],
)
def test_papers_that_are_not_there(papers: JobPapers, expected: list[Kind]) -> None:
    findings = reconcile(Material(papers=(papers,))).findings
    assert [finding.kind for finding in findings] == expected
    assert all(finding.subject_id == papers.form_id for finding in findings)


def test_copies_come_sorted() -> None:
    (finding,) = reconcile(
        Material(papers=(JobPapers(job_id=JOB, ended=True, form_id=FORM, copies_missing=(3, 1)),))
    ).findings
    assert finding.copies == (1, 3)


def test_material_for_no_job_is_summed_by_part_place_and_slip() -> None:
    out = Loose(part_id=PART, quantity=D(2), location_id=VAN, slip_id=FORM)
    reckoned = reconcile(Material(loose=(out, out, replace(out, location_id=OTHER_VAN), replace(out, slip_id=None))))
    assert sorted(f.difference or D(0) for f in reckoned.findings) == [D(2), D(2), D(4)]
    assert reconcile(Material(loose=(out, replace(out, quantity=D(-2))))).findings == ()


@pytest.mark.parametrize(
    ("differs", "kind"),
    [(False, Kind.TRANSFER_UNCONFIRMED), (True, Kind.TRANSFER_DIFFERS)],
    ids=["one side", "differs"],
)
def test_a_transfer_that_one_side_has_not_confirmed_or_that_came_otherwise(*, differs: bool, kind: Kind) -> None:
    transfer = Transfer(transfer_id=FORM, location_id=VAN, differs=differs)
    (finding,) = reconcile(Material(transfers=(transfer,))).findings
    assert (finding.kind, finding.subject_id, finding.location_id) == (kind, FORM, VAN)


def test_agreeing_parts_are_counted() -> None:
    fine, wrong = part(issued="1", received="1", used="1"), part(part_id=VAN, issued="1")
    reckoned = reconcile(Material(parts=(fine, wrong), agreeing=7, papers=(JobPapers(job_id=JOB, ended=True),)))
    assert (reckoned.matched, reckoned.under_way, len(reckoned.findings)) == (8, 0, 1)


class Drawing:
    """A day drawn from a seed: jobs that agree, and discrepancies put into some of them; `wrong` is what has to be found."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.parts: list[JobPart] = []
        self.papers: list[JobPapers] = []
        self.loose: list[Loose] = []
        self.vans: list[VanPart] = []
        self.transfers: list[Transfer] = []
        self.wrong: list[tuple[Kind, UUID | None, UUID | None, Decimal | None]] = []
        for _ in range(self.random.randint(1, 25)):
            self._job()
        for _ in range(self.random.randint(0, 4)):
            self._beside()

    def id(self) -> UUID:
        return UUID(int=self.random.getrandbits(128))

    def quantity(self, most: int = 20) -> Decimal:
        return D(self.random.randint(1, most * 100)).scaleb(-2)

    @property
    def material(self) -> Material:
        for each in (self.parts, self.papers, self.loose, self.vans, self.transfers):
            self.random.shuffle(each)
        return Material(
            parts=tuple(self.parts),
            papers=tuple(self.papers),
            loose=tuple(self.loose),
            vans=tuple(self.vans),
            transfers=tuple(self.transfers),
        )

    def _job(self) -> None:
        job_id, ended = self.id(), self.random.random() < 0.8
        unsigned, copies = self.random.random() < 0.2, self.random.choice([(), (), (), (3,), (1, 3)])
        self.papers.append(JobPapers(job_id=job_id, ended=ended, unsigned=unsigned, copies_missing=copies))
        if ended and unsigned:
            self.wrong.append((Kind.MISSING_SIGNATURE, job_id, None, None))
        if copies:
            self.wrong.append((Kind.COPY_MISSING, job_id, None, None))
        for _ in range(self.random.randint(0, 4)):
            self.random.choice((self._pieces, self._metres, self._meters, self._from_van, self._taken))(job_id, ended)

    def _agreed(self, job_id: UUID) -> JobPart:
        """Draw a part of which everything is accounted for."""
        used, returned, lost = (self.quantity() * self.random.randint(0, 1) for _ in range(3))
        drawn = used + returned + lost
        return JobPart(
            job_id=job_id,
            part_id=self.id(),
            issued=drawn,
            received=drawn,
            used=used,
            returned=returned,
            written_off=lost,
        )

    def _pieces(self, job_id: UUID, ended: bool) -> None:
        fine, off = self._agreed(job_id), self.quantity(3)
        kind = self.random.choice([None, None, Kind.SHORT, Kind.OVER, Kind.FORM_DIFFERS, Kind.UNKNOWN_JOB])
        match kind:
            case Kind.SHORT:
                fine = replace(fine, issued=fine.issued + off, received=fine.received + off * self.random.randint(0, 1))
            case Kind.OVER:
                fine = replace(fine, used=fine.used + off)
            case Kind.UNKNOWN_JOB:
                fine = replace(fine, used=fine.used + off, stray=off)
            case Kind.FORM_DIFFERS:
                fine = replace(fine, on_form=fine.issued + off)
            case _:
                fine = replace(fine, on_form=fine.issued)
        self.parts.append(fine)
        if kind is not None and (ended or kind in (Kind.OVER, Kind.UNKNOWN_JOB)):
            self.wrong.append((kind, job_id, fine.part_id, off))

    def _metres(self, job_id: UUID, ended: bool) -> None:
        fine = replace(self._agreed(job_id), tolerance=Tolerance(percent=D(5), least=D("0.3")))
        allowed = fine.tolerance.of(fine.issued)
        beyond = self.random.choice([D(0), D(0), D("0.01")])
        self.parts.append(replace(fine, used=fine.used + allowed + beyond))
        if beyond:
            self.wrong.append((Kind.OVER, job_id, fine.part_id, allowed + beyond))

    def _meters(self, job_id: UUID, ended: bool) -> None:
        known = [f"M-{self.random.getrandbits(40):010x}" for _ in range(self.random.randint(1, 5))]
        spent, kind = list(known), self.random.choice([None, None, Kind.SHORT, Kind.OVER, Kind.SERIAL_MISMATCH])
        if kind in (Kind.SHORT, Kind.SERIAL_MISMATCH):
            spent.pop(self.random.randrange(len(spent)))
        if kind in (Kind.OVER, Kind.SERIAL_MISMATCH):
            spent.append("another")
        names = [*dict.fromkeys([*known, *spent])]
        self.random.shuffle(names)
        each = tuple(Serial(serial=n, drawn=D(known.count(n)), spent=D(spent.count(n))) for n in names)
        count = D(len(known))
        made = JobPart(
            job_id=job_id,
            part_id=self.id(),
            issued=count,
            received=count,
            used=D(len(spent)),
            serialised=True,
            serials=each,
        )
        self.parts.append(made)
        if kind is not None and (ended or kind is not Kind.SHORT):
            self.wrong.append((kind, job_id, made.part_id, D(1)))

    def _from_van(self, job_id: UUID, ended: bool) -> None:
        """Use van stock: as much as there is, or more."""
        fine, own, more = self._agreed(job_id), self.quantity(), self.random.choice([D(0), self.quantity(2)])
        van_id = self.id()
        self.parts.append(replace(fine, used=fine.used + own + more, spender_id=van_id))
        wants = (Wanting(job_id=job_id, first_at=MORNING, excess=own + more),)
        self.vans.append(VanPart(van_id=van_id, part_id=fine.part_id, level=-more, own=own, wanting=wants))
        if more:
            self.wrong.append((Kind.OVER, job_id, fine.part_id, more))

    def _taken(self, job_id: UUID, ended: bool) -> None:
        fine, taken = self._agreed(job_id), self.quantity()
        issued = self.random.choice([taken, D(0)])
        fine = replace(fine, taken=taken, used=fine.used + taken, issued=fine.issued + issued)
        self.parts.append(fine)
        if not issued:
            self.wrong.append((Kind.TAKEN_NOT_ISSUED, job_id, fine.part_id, taken))

    def _beside(self) -> None:
        id, quantity = self.id(), self.quantity()
        match self.random.randint(0, 2):
            case 0:
                self.loose.append(Loose(part_id=id, quantity=quantity, location_id=VAN))
                self.wrong.append((Kind.UNKNOWN_JOB, None, id, quantity))
            case 1:
                self.transfers.append(Transfer(transfer_id=id, location_id=VAN))
                self.wrong.append((Kind.TRANSFER_UNCONFIRMED, None, None, None))
            case _:
                level = self.random.choice([quantity, D(0), -quantity])
                self.vans.append(VanPart(van_id=VAN, part_id=id, level=level, own=D(0)))
                if level < 0:
                    self.wrong.append((Kind.VAN_BELOW_ZERO, None, id, quantity))


def told(finding: Finding) -> tuple[Kind, UUID | None, UUID | None, Decimal | None]:
    return finding.kind, finding.job_id, finding.part_id, finding.difference


def test_every_discrepancy_is_found_and_nothing_else_in_whatever_order_it_comes(seed: int) -> None:
    for number in range(400):
        drawing = Drawing(seed + number)
        first = reconcile(drawing.material)
        assert sorted(map(str, map(told, first.findings))) == sorted(map(str, drawing.wrong)), seed + number
        assert first.matched + first.under_way <= len(drawing.parts), seed + number
        assert reconcile(drawing.material) == first, seed + number
