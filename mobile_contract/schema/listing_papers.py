"""What the list of repair forms asks and shows. Owns shapes only."""

from mobile_contract.schema.base import Code
from mobile_contract.schema.listing import Cursor, PageOf, Shown
from mobile_contract.schema.material import RepairForm


class FormFilter(PageOf, frozen=True, kw_only=True):
    """Which forms with a copy that is still out. `overdue`: only those of which one should have been handed in by now."""

    overdue: bool = False
    shift: Code | None = None


class FormPage(Shown, frozen=True, kw_only=True):
    """A page of forms, the one that is due first before all others; `names` are the numbers of their jobs."""

    items: tuple[RepairForm, ...]
    names: dict[str, str] = {}
    next: Cursor | None = None
