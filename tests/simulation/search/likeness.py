"""States that differ in nothing that can ever matter are one state. Gives the one that stands for all of them.

Why each is allowed, with every safeguard in place (`applies` says which missing one forbids it):
- Transaction ids only say which snapshots saw them. Committed ones seen by the same cursors are alike, and so is the order of open ones.
- A cursor of another life is compared and never followed: all such cursors are alike.
- The order in which commands of different phones took effect matters to nothing; that of one phone's was checked when they committed.
- What a phone should hold was checked when its page was applied, and so was its `acked_n`, by which no step goes.
"""

from functools import lru_cache
from typing import Final

from msgspec.structs import replace

from tests.simulation.search.scope import Safeguard, Scope
from tests.simulation.search.state import Cursor, Phone, Server, Truth, World

_FORBIDDEN_BY: Final = frozenset(
    {Safeguard.SNAPSHOT_CURSOR, Safeguard.LIFE_CHECK, Safeguard.GONE_IS_STAMPED, Safeguard.DEDUPE, Safeguard.DEDUPE_BOUND,
     Safeguard.OUTCOME_WITH_EFFECT, Safeguard.PAGE_IS_ONE_TRANSACTION}
)  # fmt: skip
_NO_TRUTH: Final = Truth((), (), 0)
_ELSEWHERE: Final = Cursor(-1, 0, (), ())
# Ids of open transactions, by phone; the dispatcher's is the third. Committed ones are below.
_OPEN: Final = {0: 1001, 1: 1002, None: 1003}
_NEXT: Final = 1004


def applies(scope: Scope) -> bool:
    """Tell whether states of a scope may be joined."""
    return scope.joined and not scope.off & _FORBIDDEN_BY


def representative(scope: Scope, world: World) -> World:
    """Give the state that stands for all that are like this one."""
    one, two = world.phones
    server, (a, b, c, d) = _renamed(scope, world.server, (one.cursor, two.cursor, _on_its_way(one), _on_its_way(two)))
    return replace(world, server=server, phones=(_phone(one, a, c), _phone(two, b, d)))


def _on_its_way(phone: Phone) -> Cursor | None:
    return None if phone.page is None else phone.page.cursor


def _phone(phone: Phone, cursor: Cursor | None, coming: Cursor | None) -> Phone:
    page = phone.page
    if page is not None and coming is not None:
        page = replace(page, asked=cursor if page.asked == phone.cursor else _ELSEWHERE, cursor=coming)
    return replace(phone, cursor=cursor, page=page, acked_n=0, truth=_NO_TRUTH)


@lru_cache(maxsize=200_000)
def _renamed(
    scope: Scope, server: Server, cursors: tuple[Cursor | None, ...]
) -> tuple[Server, tuple[Cursor | None, ...]]:
    lives = [cursor for cursor in cursors if cursor is not None and cursor.life == server.life]
    names: dict[int, int] = {tx.xid: _OPEN[tx.phone] for tx in server.open}
    for row in server.rows:
        if row.xid not in names:
            names[row.xid] = sum(1 << i for i, cursor in enumerate(lives) if not cursor.saw(row.xid))
    alike = replace(
        server,
        next_xid=_NEXT,
        flushed=0,
        log=tuple(sorted(server.log, key=lambda command: scope.orders[command].phone)),
        rows=tuple(replace(row, xid=names[row.xid]) for row in server.rows),
        open=tuple(sorted((replace(tx, xid=names[tx.xid]) for tx in server.open), key=lambda tx: tx.xid)),
    )
    return alike, tuple(None if cursor is None else _cursor(cursor, server, names) for cursor in cursors)


def _cursor(cursor: Cursor, server: Server, names: dict[int, int]) -> Cursor:
    if cursor.life != server.life:
        return replace(cursor, life=0, xmax=0, open=())
    unseen = {name for xid, name in names.items() if not cursor.saw(xid)}
    return replace(cursor, xmax=_NEXT, open=tuple(sorted(unseen)))
