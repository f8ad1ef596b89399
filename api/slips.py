"""What an issue slip and a repair form in three copies look like on paper. Owns the words in both languages; reads nothing, shows no cost."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

from msgspec import Struct

from mobile_contract.rules.codes import form_code, slip_code
from mobile_contract.rules.exact import plain, product, total
from mobile_contract.schema.material import CopyHolder, IssueSlip, MaterialRequest, RepairForm

_CODES_END_MM: Final = 84.0
_PLACES: Final = {
    CopyHolder.CREW: "Crew 班组",
    CopyHolder.SERVICE_DESK: "Service desk 客服台",
    CopyHolder.DUTY_ROOM: "Engineering duty room 工程值班室",
    CopyHolder.STORE: "Store 仓库",
}


class Goods(Struct, frozen=True, kw_only=True):
    """What a part is called on paper."""

    code: str
    name: str
    unit: str


class Around(Struct, frozen=True, kw_only=True):
    """What stands around: the organisation and its zone, the job, names by id as text, parts by id as text."""

    organisation: str
    zone: str
    job_number: str
    address: str
    title: str
    reported_at: datetime | None
    arrived_at: datetime | None
    names: dict[str, str]
    goods: dict[str, Goods]

    def name(self, id: object) -> str:
        """Say what an id is called; nothing where it is unknown."""
        return self.names.get(str(id), "")

    def time(self, at: datetime | None) -> str:
        """Write an instant as the clock on the wall shows it."""
        return f"{at.astimezone(ZoneInfo(self.zone)):%Y-%m-%d %H:%M}" if at is not None else ""


def slip_pdf(slip: IssueSlip, around: Around) -> bytes:
    """Draw an issue slip with its QR code (`rules.codes.slip_code`) and its number as Code 128."""
    # Imported where paper is drawn, in a thread: its library of fonts and pictures is the dearest import there is.
    from api.paper import Paper

    paper = Paper(f"Issue slip {slip.number}", slip.issued_at)
    paper.page(f"Issue slip 领料单  {slip.number}", around.organisation)
    paper.codes(slip_code(slip), slip.number)
    taker = " · ".join(name for name in (around.name(slip.crew_id), around.name(slip.person_id)) if name)
    paper.fields(
        [
            ("Job 工单", around.job_number),
            ("Address 地址", around.address),
            ("Store 仓库", around.name(slip.store_id)),
            ("Issued 发料时间", around.time(slip.issued_at)),
            ("Issued by 发料人", around.name(slip.issued_by)),
            ("Taken by 领料人", taker),
            ("Form 维修单", around.name(slip.form_id)),
        ]
    )
    paper.below(_CODES_END_MM)
    heads = ("#", "Part 物料", "Quantity 数量", "Lot 批次", "Serials 序列号", "From 库位")
    rows = []
    for position, line in enumerate(slip.lines, start=1):
        goods = around.goods[str(line.part_id)]
        rows.append(
            (
                str(position),
                f"{goods.code}\n{goods.name}",
                f"{plain(line.quantity)} {goods.unit}",
                line.lot,
                ", ".join(line.serials),
                around.name(line.from_location_id),
            )
        )
    paper.table(heads, (5, 34, 15, 12, 22, 14), rows)
    paper.note("Scan the code when the parts are in the van. 材料装车后请扫码收料。")
    paper.sign(("Issued by 发料人签字", "Received by 收料人签字"))
    return paper.pdf()


def form_pdf(form: RepairForm, requests: Iterable[MaterialRequest], around: Around) -> bytes:
    """Draw a repair form: one page for each copy, alike but for where it goes, until when, and the code that is scanned there."""
    from api.paper import Paper

    asked = list(requests)
    paper = Paper(f"Repair form {form.number}", form.opened_at)
    for copy in form.copies:
        paper.page(f"Repair form 维修单  {form.number}", around.organisation)
        paper.codes(form_code(form, copy.copy_no), form.number)
        keeper = _PLACES[copy.goes_to]
        drawn = "" if copy.goes_to is not CopyHolder.STORE else "  (when material was drawn 领料时)"
        paper.fields(
            [
                ("Copy 联次", f"{copy.copy_no} of 3  第 {copy.copy_no} 联（共 3 联）"),
                ("For 送交", f"{keeper}{drawn}"),
                ("Due 截止", around.time(copy.due_at)),
                ("Shift 班次", form.shift),
                ("Job 工单", around.job_number),
                ("Address 地址", around.address),
                ("Trouble 报修内容", around.title),
                ("Reported 报修时间", around.time(around.reported_at)),
                ("Arrived 到场时间", around.time(around.arrived_at)),
            ]
        )
        paper.below(_CODES_END_MM)
        paper.table(
            ("#", "Part 物料", "Quantity 数量", "Price 单价", "Sum 金额"), (5, 45, 17, 17, 17), _used(asked, around)
        )
        paper.note("Price signed before work. 施工前客户确认价格。")
        paper.sign(("Customer, price 客户确认价格", "Technician 维修人员", "Customer, work done 客户验收"))
    return paper.pdf()


def _used(requests: list[MaterialRequest], around: Around) -> list[tuple[str, ...]]:
    """List what was asked for on the job; prices are the customer's."""
    rows: list[tuple[str, ...]] = []
    sums: list[Decimal] = []
    currency = ""
    for request in requests:
        for line in request.lines:
            goods = around.goods[str(line.part_id)]
            price = line.price if line.chargeable else None
            cost = product(line.quantity, price) if price is not None else None
            sums += [cost] if cost is not None else []
            currency = request.currency
            rows.append(
                (
                    str(len(rows) + 1),
                    f"{goods.code}\n{goods.name}",
                    f"{plain(line.quantity)} {goods.unit}",
                    _money(price, ""),
                    _money(cost, ""),
                )
            )
    # Lines to write on: what is used is often known only on site.
    rows += [(str(n), " \n ", "", "", "") for n in range(len(rows) + 1, 7)]
    return [*rows, ("", "Total 合计", "", "", _money(total(sums) if sums else None, currency))]


def _money(value: Decimal | None, currency: str) -> str:
    """Write an amount with two decimals, or with as many as it has."""
    if value is None:
        return ""
    whole, _, cents = plain(value).partition(".")
    return f"{whole}.{cents:0<2} {currency}".strip()
