"""How queues, balances and movements are printed for a clerk, in English or Chinese. Reads what it is given; changes nothing."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from msgspec import Struct
from rich.table import Table
from rich.text import Text

from mobile_contract.errors import Language
from mobile_contract.schema.approval import Approval
from mobile_contract.schema.listing_masters import PartLine
from mobile_contract.schema.listing_stock import BalanceLine, MoveLine, PickQueue, QueueCounts, ReturnedJob
from mobile_contract.schema.material import IssueSlip, MaterialRequest, PricedLine
from mobile_contract.schema.reconciliation import ACTIONS, ExceptionKind, KindCount, StockException
from mobile_contract.schema.report import ReconciliationShown
from mobile_contract.schema.stock import StockLocation

# What is printed, by its English words.
CHINESE: Final = {
    "Queues": "待办队列", "Queue": "队列", "Waiting": "数量", "to approve": "待审批", "to pick": "待拣货", "to hand over": "待交接",
    "to receive back": "待退库", "exceptions": "异常", "Job": "工单", "Part": "物料", "Name": "名称", "Quantity": "数量", "Unit": "单位",
    "Place": "库位", "Reserved": "已预留", "Reorder at": "补货点", "Value": "金额", "Since": "时间", "By": "人员", "Amount": "金额",
    "Decides": "审批人", "State": "状态", "Where it lies": "存放位置", "Slip": "领料单", "Crew": "班组", "Still out": "未交接", "Kind": "类别",
    "Change": "变动", "Balance": "结存", "From → to": "来自 → 去向", "Serial, lot": "序列号/批次", "When": "时间", "Class": "类别",
    "Price": "售价", "Cost": "成本", "Barcode": "条码", "Exception": "异常", "Difference": "差异", "Figures": "明细", "Ends by": "处理方式",
    "Store": "仓库", "nothing": "无", "Nothing waits here.": "暂无待办。", "Nothing is here.": "没有库存。",
    "No movement.": "没有变动。", "issued": "发料", "on the form": "单据", "used": "已用", "returned": "已退", "written off": "报废",
    "missing": "缺少", "too many": "多出", "copies": "联", "open": "未发", "moves compared": "笔变动", "jobs": "张工单", "agree": "相符",
    "under way": "进行中", "found": "发现", "still open": "未处理", "short": "短缺", "over": "超用", "form_differs": "单据不符",
    "serial_mismatch": "序列号不符", "unknown_job": "工单不明", "taken_not_issued": "已领未发", "missing_signature": "缺少签名",
    "copy_missing": "缺联", "van_below_zero": "车辆负库存", "transfer_unconfirmed": "调拨未确认",
}  # fmt: skip

_WIDE: Final = 110
_VERY_WIDE: Final = 140
_PROSE: Final = frozenset(
    {"Name", "Figures", "Ends by", "Where it lies", "By", "Barcode", "When", "Since", "From → to", "Serial, lot"}
)


class View(Struct, frozen=True):
    """How to show things: the language, the IANA zone of times, what ids are called, and how many characters fit in a line."""

    language: Language
    zone: str
    names: dict[UUID, str] = {}
    width: int = 80

    def say(self, words: str) -> str:
        """Say some words in the language; those that the list does not have stay as they are."""
        return CHINESE.get(words, words) if self.language is Language.ZH else words

    def when(self, instant: datetime | None) -> str:
        """Say an instant in the zone."""
        return instant.astimezone(ZoneInfo(self.zone)).strftime("%Y-%m-%d %H:%M") if instant else "-"

    def called(self, id: UUID | None) -> str:
        """Say what something is called; the beginning of its id where that is not known."""
        return "-" if id is None else self.names.get(id, id.hex[:8])

    def table(self, *headings: str, title: str = "") -> Table:
        """Begin a table."""
        table = Table(title=self.say(title) or None, title_justify="left")
        for heading in headings:
            # Where there is room, codes and figures stay whole and prose gives way.
            whole = self.width >= _WIDE and heading not in _PROSE
            table.add_column(self.say(heading), overflow="fold", no_wrap=whole)
        return table


def number(value: Decimal | None) -> str:
    """Write a quantity or an amount without needless noughts."""
    if value is None:
        return "-"
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def queues(view: View, counts: QueueCounts) -> Table:
    """Lay out how much waits in each queue."""
    table = view.table("Queue", "Waiting", title="Queues")
    for field in QueueCounts.__struct_fields__:
        _row(table, view.say(field.replace("_", " ")), str(getattr(counts, field)))
    return table


def to_approve(view: View, items: Iterable[Approval]) -> Table:
    """Lay out what waits for a decision."""
    table = view.table("Since", "Job", "By", "Amount", "Decides")
    for item in items:
        decides = view.called(item.person_id) if item.person_id else str(item.role or "-")
        _row(table, view.when(item.asked_at), view.called(item.job_id), view.called(item.asked_by), f"{number(item.amount)} {item.currency}", decides)  # fmt: skip
    return table


def to_pick(view: View, page: PickQueue) -> Table:
    """Lay out what is to be fetched for which job, and where it lies."""
    table = view.table("Since", "Job", "State", "Part", "open", "Where it lies")
    for item in page.items:
        for position, line in enumerate(line for line in item.lines if still_open(line) > 0):
            lies = ", ".join(f"{s.location_code} {number(s.quantity)}" for s in page.stock if s.part_id == line.part_id)
            head = _head(view, item) if position == 0 else ("", "", "")
            _row(table, *head, view.called(line.part_id), number(still_open(line)), lies or "-")
    return table


def to_hand_over(view: View, items: Iterable[IssueSlip]) -> Table:
    """Lay out the slips that are out."""
    table = view.table("Since", "Slip", "Job", "Crew", "Part", "Still out")
    for item in items:
        for line in item.lines:
            out = line.quantity - line.received
            if out > 0:
                who = view.called(item.crew_id or item.person_id)
                _row(table, view.when(item.issued_at), item.number, view.called(item.job_id), who, view.called(line.part_id), number(out))  # fmt: skip
    return table


def to_receive_back(view: View, items: Iterable[ReturnedJob]) -> Table:
    """Lay out what crews gave back."""
    table = view.table("Since", "Job", "Part", "Quantity", "Serial, lot")
    for item in items:
        for line in item.lines:
            marks = " ".join(mark for mark in (line.serial, line.lot) if mark)
            _row(table, view.when(line.since), view.called(item.job_id), view.called(line.part_id), number(line.quantity), marks)  # fmt: skip
    return table


def exceptions(view: View, items: Iterable[StockException]) -> Table:
    """Lay out what does not agree, by its kind, with the figures it was judged by and how it may end."""
    table = view.table("Exception", "Kind", "Job", "Part", "Difference", "Figures", "Ends by")
    for item in sorted(items, key=lambda each: (each.kind, each.found_at)):
        ends = ", ".join(ACTIONS[ExceptionKind(item.kind)])
        _row(table, item.id.hex[:8], view.say(item.kind), view.called(item.job_id), view.called(item.part_id), number(item.difference), _figures(view, item), ends)  # fmt: skip
    return table


def reconciled(view: View, shown: ReconciliationShown) -> str:
    """Say in one line how a day was reconciled."""
    done = shown.reconciliation
    if done is None:
        return f"{shown.day}: -"
    counts = (
        (done.moves, "moves compared"),
        (done.jobs, "jobs"),
        (done.matched, "agree"),
        (done.under_way, "under way"),
    )
    told = ", ".join(f"{count} {view.say(words)}" for count, words in counts)
    left = _counted(view, shown.still_open) or view.say("nothing")
    found = _counted(view, done.found) or view.say("nothing")
    return f"{shown.day}: {told}. {view.say('found')}: {found}; {view.say('still open')}: {left}"


def balances(view: View, items: Iterable[BalanceLine]) -> Table:
    """Lay out what lies where."""
    items = list(items)
    with_value = any(item.value is not None for item in items)
    table = view.table(
        "Place", "Part", "Name", "Quantity", "Unit", "Reserved", "Reorder at", *(("Value",) if with_value else ())
    )
    for item in items:
        name = _name(view, item.part_name.en, item.part_name.zh)
        more = (number(item.value),) if with_value else ()
        _row(table, item.location_code, item.part_code, name, number(item.quantity), item.unit, number(item.reserved), number(item.reorder_point), *more)  # fmt: skip
    return table


def moves(view: View, items: Sequence[MoveLine]) -> Table:
    """Lay out movements, with their effect on the place asked for and the balance where it was told."""
    headings = ["When", "Kind", "Part", "Change" if any(i.change is not None for i in items) else "Quantity"]
    headings += ["Balance"] if any(i.balance is not None for i in items) else []
    headings += ["From → to", "Job", "Serial, lot", *(("By",) if view.width >= _VERY_WIDE else ())]
    table = view.table(*headings)
    for item in items:
        told = {
            "When": view.when(item.occurred_at),
            "Kind": str(item.kind),
            "Part": view.called(item.part_id),
            "Quantity": number(item.quantity),
            "Change": f"{item.change:+f}" if item.change is not None else "",
            "Balance": number(item.balance),
            "From → to": f"{view.called(item.from_location_id)} → {view.called(item.to_location_id)}",
            "Job": view.called(item.job_id),
            "Serial, lot": " ".join(mark for mark in (item.serial, item.lot) if mark),
            "By": view.called(item.actor_id),
        }
        _row(table, *(told[heading] for heading in headings))
    return table


def parts(view: View, items: Iterable[PartLine]) -> Table:
    """Lay out parts of the catalogue; what they cost where that is told."""
    table = view.table("Part", "Name", "Class", "Unit", "Price", "Cost", "Barcode")
    for item in items:
        name = _name(view, item.name.en, item.name.zh)
        _row(table, item.code, name, item.part_class, item.unit, number(item.price), number(item.unit_cost), " ".join(item.gtins))  # fmt: skip
    return table


def places(view: View, items: Iterable[StockLocation]) -> Table:
    """Lay out places."""
    table = view.table("Place", "Kind", "Name", "Store")
    for item in items:
        _row(table, item.code, item.kind, item.name, view.called(item.parent_id))
    return table


def still_open(line: PricedLine) -> Decimal:
    """Tell how much of a line is approved and not issued."""
    granted = line.quantity if line.approved is None else line.approved
    return max(Decimal(0), granted - line.issued)


def _head(view: View, item: MaterialRequest) -> tuple[str, str, str]:
    return view.when(item.requested_at), view.called(item.job_id), item.state


def _counted(view: View, counts: Iterable[KindCount]) -> str:
    return ", ".join(f"{each.count} {view.say(each.kind)}" for each in counts)


def _name(view: View, en: str, zh: str) -> str:
    return zh or en if view.language is Language.ZH else en


def _figures(view: View, item: StockException) -> str:
    told = {
        "issued": item.issued,
        "on the form": item.on_form,
        "used": item.used,
        "returned": item.returned,
        "written off": item.written_off or None,
    }
    figures = [f"{view.say(words)} {number(value)}" for words, value in told.items() if value is not None]
    if item.serials_missing:
        figures.append(f"{view.say('missing')} {' '.join(item.serials_missing)}")
    if item.serials_extra:
        figures.append(f"{view.say('too many')} {' '.join(item.serials_extra)}")
    if item.copies:
        figures.append(f"{view.say('copies')} {' '.join(map(str, item.copies))}")
    return ", ".join(figures)


def _row(table: Table, *cells: str) -> None:
    # As plain text: a name may hold what the terminal library takes for markup.
    table.add_row(*map(Text, cells))
