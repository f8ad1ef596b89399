"""The three-way match: what slips gave out for a job, what the store's copy of its form says, what its crew used and gave back.

Pure sums in, findings out: the same facts give the same findings in whatever order they came. Reads no ledger and books nothing.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime
from decimal import Decimal
from typing import Final
from uuid import UUID

from msgspec import Struct

from mobile_contract.rules.exact import product, total
from mobile_contract.schema.reconciliation import ExceptionKind

NOTHING: Final = Decimal(0)
_HUNDREDTH: Final = Decimal("0.01")
Stock = tuple[UUID, UUID]
"""A van and a part."""


class Tolerance(Struct, frozen=True, kw_only=True):
    """How far a part may be off: the larger of `least`, in the part's unit, and `percent` of what was drawn."""

    percent: Decimal = NOTHING
    least: Decimal = NOTHING

    def of(self, drawn: Decimal) -> Decimal:
        """Give what is allowed of a quantity."""
        return max(self.least, product(product(drawn, self.percent), _HUNDREDTH)) if self.percent else self.least


EXACT: Final = Tolerance()


class Serial(Struct, frozen=True, kw_only=True):
    """A serial (a blank one too) and how many of it were drawn and spent. Those that cancel out may be left away."""

    serial: str
    drawn: Decimal = NOTHING
    spent: Decimal = NOTHING


class JobPart(Struct, frozen=True, kw_only=True):
    """All moves of one part on one job, summed; a reversed move counts for nothing.

    `taken`: brought into the van under an allowance before the store issued it. `in_transit`: given out and not received. `on_form`: what copy
    3 says (None: it is not there). `stray`: used after the job was called off. `own_serials`: what the van carried for no job. `holder_id`: the
    van that has most of it left, `spender_id`: the one most of it was used from.
    """

    job_id: UUID
    part_id: UUID
    issued: Decimal = NOTHING
    received: Decimal = NOTHING
    taken: Decimal = NOTHING
    used: Decimal = NOTHING
    returned: Decimal = NOTHING
    written_off: Decimal = NOTHING
    in_transit: Decimal = NOTHING
    on_form: Decimal | None = None
    stray: Decimal = NOTHING
    tolerance: Tolerance = EXACT
    serialised: bool = False
    serials: tuple[Serial, ...] = ()
    own_serials: frozenset[str] = frozenset()
    holder_id: UUID | None = None
    spender_id: UUID | None = None

    @property
    def not_issued(self) -> Decimal:
        """Tell how much was taken that no slip covers yet."""
        if not self.taken:
            return NOTHING
        return min(self.taken, max(NOTHING, total([self.received, self.taken, -self.issued])))

    @property
    def drawn(self) -> Decimal:
        """Tell how much has to be accounted for."""
        return total([self.issued, self.not_issued])

    @property
    def spent(self) -> Decimal:
        """Tell how much is accounted for."""
        return total([self.used, self.returned, self.written_off])

    @property
    def excess(self) -> Decimal:
        """Tell how much was spent beyond what was drawn."""
        return max(NOTHING, self.spent - self.drawn)


class JobPapers(Struct, frozen=True, kw_only=True):
    """A job as the match sees it: whether its work is over, and which of its papers are not there."""

    job_id: UUID
    ended: bool
    unsigned: bool = False
    form_id: UUID | None = None
    copies_missing: tuple[int, ...] = ()


class Wanting(Struct, frozen=True, kw_only=True):
    """A job that spent more of a part than was drawn for it, and when it first did."""

    job_id: UUID
    first_at: datetime
    excess: Decimal


class VanPart(Struct, frozen=True, kw_only=True):
    """A part in a van: its balance, what was ever put in for no job, and every job that spent more than was drawn for it."""

    van_id: UUID
    part_id: UUID
    level: Decimal
    own: Decimal
    wanting: tuple[Wanting, ...] = ()


class Loose(Struct, frozen=True, kw_only=True):
    """Material given out, used or given back for no job at all."""

    part_id: UUID
    quantity: Decimal
    location_id: UUID | None = None
    slip_id: UUID | None = None


class Transfer(Struct, frozen=True, kw_only=True):
    """A transfer that only one side has confirmed, or (`differs`) of which not the same came as was sent."""

    transfer_id: UUID
    location_id: UUID | None = None
    differs: bool = False


class Material(Struct, frozen=True, kw_only=True):
    """What is compared: the parts and papers of some jobs, what moved for none, vans, transfers.

    `agreeing`: further parts, which agree to the last bit and need no look.
    """

    parts: tuple[JobPart, ...] = ()
    agreeing: int = 0
    papers: tuple[JobPapers, ...] = ()
    loose: tuple[Loose, ...] = ()
    vans: tuple[VanPart, ...] = ()
    transfers: tuple[Transfer, ...] = ()


class Gathered(Struct, frozen=True, kw_only=True):
    """What a day's reconciliation compares, how many moves the day had, and which jobs are looked at."""

    material: Material
    moves: int
    jobs: frozenset[UUID]


class Finding(Struct, frozen=True, kw_only=True):
    """One thing that does not agree. `difference` is never negative: the kind says which way."""

    kind: ExceptionKind
    job_id: UUID | None = None
    part_id: UUID | None = None
    location_id: UUID | None = None
    subject_id: UUID | None = None
    difference: Decimal | None = None
    part: JobPart | None = None
    serials_missing: tuple[str, ...] = ()
    serials_extra: tuple[str, ...] = ()
    copies: tuple[int, ...] = ()


class Reckoned(Struct, frozen=True, kw_only=True):
    """The findings in a stable order; parts on jobs that agree, and those that may still be used or given back."""

    findings: tuple[Finding, ...]
    matched: int
    under_way: int


def reconcile(material: Material) -> Reckoned:
    """Compare everything and tell what does not agree."""
    allotted: dict[tuple[UUID, UUID], Decimal] = {}
    findings: list[Finding] = []
    for van in material.vans:
        allotted.update({(job_id, van.part_id): quantity for job_id, quantity in allot(van).items()})
        findings.extend(_of_van(van))
    papers = {paper.job_id: paper for paper in material.papers}
    matched, under_way = material.agreeing, 0
    for part in material.parts:
        ended = papers[part.job_id].ended
        found = list(_of_part(part, ended=ended, own=allotted.get((part.job_id, part.part_id), NOTHING)))
        findings.extend(found)
        if not found and not ended and part.spent < part.drawn:
            under_way += 1
        elif not found:
            matched += 1
    for paper in material.papers:
        findings.extend(_of_papers(paper))
    findings.extend(_of_loose(material.loose))
    findings.extend(
        Finding(
            kind=ExceptionKind.TRANSFER_DIFFERS if each.differs else ExceptionKind.TRANSFER_UNCONFIRMED,
            subject_id=each.transfer_id,
            location_id=each.location_id,
        )
        for each in material.transfers
    )
    return Reckoned(findings=tuple(sorted(findings, key=_order)), matched=matched, under_way=under_way)


def allot(van: VanPart) -> dict[UUID, Decimal]:
    """Give out what a van carried for no job to the jobs that spent more than was drawn for them: whoever used it first, has it first."""
    left = max(NOTHING, van.own)
    given: dict[UUID, Decimal] = {}
    for job in sorted(van.wanting, key=lambda w: (w.first_at, w.job_id)):
        given[job.job_id] = min(left, job.excess)
        left -= given[job.job_id]
    return given


def _of_van(van: VanPart) -> Iterator[Finding]:
    """Find a van that gave out more than it ever had, as far as no job's own excess says why."""
    excess = total(job.excess for job in van.wanting)
    explained = max(NOTHING, excess - max(NOTHING, van.own))
    missing = -van.level - explained
    if missing > 0:
        yield Finding(
            kind=ExceptionKind.VAN_BELOW_ZERO, part_id=van.part_id, location_id=van.van_id, difference=missing
        )


def _of_part(part: JobPart, *, ended: bool, own: Decimal) -> Iterator[Finding]:
    allowed = part.tolerance.of(part.drawn)
    if part.not_issued > 0:
        yield _finding(ExceptionKind.TAKEN_NOT_ISSUED, part, part.not_issued)
    if part.stray > 0:
        yield _finding(ExceptionKind.UNKNOWN_JOB, part, part.stray)
    if ended and part.on_form is not None and abs(part.on_form - part.issued) > allowed:
        yield _finding(ExceptionKind.FORM_DIFFERS, part, abs(part.on_form - part.issued))
    if part.serialised:
        yield from _by_serial(part, ended=ended)
    else:
        yield from _by_quantity(part, ended=ended, own=own)


def _by_quantity(part: JobPart, *, ended: bool, own: Decimal) -> Iterator[Finding]:
    allowed = part.tolerance.of(part.drawn)
    over = part.excess - own - part.stray
    if over > allowed:
        yield _finding(ExceptionKind.OVER, part, over)
    short = part.drawn - part.spent
    if ended and short > allowed:
        yield _finding(ExceptionKind.SHORT, part, short)


def _by_serial(part: JobPart, *, ended: bool) -> Iterator[Finding]:
    """Compare serial by serial, without any tolerance: another one in place of one is a mismatch, the rest is over or short."""
    off = {each.serial: each.drawn - each.spent for each in part.serials}
    missing = {serial: count for serial, count in off.items() if count > 0}
    extra = {serial: -count for serial, count in off.items() if count < 0 and serial not in part.own_serials}
    lacking, beyond = total(missing.values()), total(extra.values())
    swapped = min(lacking, beyond)
    serials = (tuple(sorted(missing)), tuple(sorted(extra)))
    if swapped > 0:
        yield _finding(ExceptionKind.SERIAL_MISMATCH, part, swapped, serials)
    over = beyond - swapped - part.stray
    if over > 0:
        yield _finding(ExceptionKind.OVER, part, over, serials)
    if ended and lacking > swapped:
        yield _finding(ExceptionKind.SHORT, part, lacking - swapped, serials)


def _of_papers(paper: JobPapers) -> Iterator[Finding]:
    if paper.ended and paper.unsigned:
        yield Finding(kind=ExceptionKind.MISSING_SIGNATURE, job_id=paper.job_id, subject_id=paper.form_id)
    if paper.copies_missing:
        yield Finding(
            kind=ExceptionKind.COPY_MISSING,
            job_id=paper.job_id,
            subject_id=paper.form_id,
            copies=tuple(sorted(paper.copies_missing)),
        )


def _of_loose(loose: Iterable[Loose]) -> Iterator[Finding]:
    moved: dict[tuple[UUID, UUID | None, UUID | None], Decimal] = defaultdict(Decimal)
    for each in loose:
        key = (each.part_id, each.location_id, each.slip_id)
        moved[key] = total([moved[key], each.quantity])
    for (part_id, location_id, slip_id), quantity in moved.items():
        if quantity != 0:
            yield Finding(
                kind=ExceptionKind.UNKNOWN_JOB,
                part_id=part_id,
                location_id=location_id,
                subject_id=slip_id,
                difference=abs(quantity),
            )


def _finding(
    kind: ExceptionKind,
    part: JobPart,
    difference: Decimal,
    serials: tuple[tuple[str, ...], tuple[str, ...]] = ((), ()),
) -> Finding:
    gone = kind in (ExceptionKind.SHORT, ExceptionKind.TAKEN_NOT_ISSUED)
    return Finding(
        kind=kind,
        job_id=part.job_id,
        part_id=part.part_id,
        location_id=part.holder_id if gone else part.spender_id or part.holder_id,
        difference=difference,
        part=part,
        serials_missing=serials[0],
        serials_extra=serials[1],
    )


def _order(finding: Finding) -> tuple[str, ...]:
    named = (finding.job_id, finding.part_id, finding.location_id, finding.subject_id)
    return (*(str(id or "") for id in named), finding.kind)
