"""What a phone may do next: take an answer, ask for a page, apply it, die in the middle of it. Checks nothing.

A phone keeps nothing in memory between two steps, so dying between them is the same as never getting the next answer.
"""

from collections.abc import Iterator
from typing import Final

from msgspec.structs import replace

from tests.simulation.search.scope import PHONES, Safeguard, Scope
from tests.simulation.search.server import Step, page_for, snapshot
from tests.simulation.search.state import Page, Phone, World

_OF_PAGES: Final = frozenset(
    {Safeguard.ONE_SNAPSHOT, Safeguard.ACKED_IN_SNAPSHOT, Safeguard.CURSOR_UNCHANGED, Safeguard.PAGE_IS_ONE_TRANSACTION,
     Safeguard.ANSWER_OF_THIS_LIFE, Safeguard.RESUME_AFTER_LIFE}
)  # fmt: skip


def steps(scope: Scope, world: World) -> Iterator[Step]:
    """Give everything that the phones may do next."""
    for no in PHONES:
        mine = world.phones[no]
        for n in mine.told:
            if n not in mine.answered:
                yield f"phone {no} takes the answer to {n}", put(world, no, answered(mine, n))
        for n in mine.holes:
            after = resumed(scope, mine, n)
            if after != mine:
                yield f"phone {no} is told that {n} is missing", put(world, no, after)
        yield from _pulls(scope, world, no)


def _pulls(scope: Scope, world: World, no: int) -> Iterator[Step]:
    mine, page = world.phones[no], page_for(scope, world, no)
    news = mine.cursor != page.cursor or page.whole or page.puts or page.dels
    if _at_once(scope):
        if news:
            yield f"phone {no} asks for a page and applies it", put(world, no, applied(scope, mine, page))
        return
    if news and page != mine.page:
        yield f"phone {no} asks for a page", put(world, no, replace(mine, page=page))
    if news and mine.page is not None:
        faster = replace(applied(scope, mine, page), page=mine.page)
        yield f"another process of phone {no} asks for a page and applies it", put(world, no, faster)
    if mine.page is not None:
        yield from _with_page(scope, world, no, mine.page)


def _at_once(scope: Scope) -> bool:
    # While a page is on its way its phone can only take answers. Whether these come before it or after it, the phone ends the same, or as
    # if some had not come yet: a page of another life only takes back what it does not know of.
    return scope.joined and not scope.off & _OF_PAGES


def _with_page(scope: Scope, world: World, no: int, page: Page) -> Iterator[Step]:
    mine = world.phones[no]
    now = arrived(scope, world, no, page)
    yield f"phone {no} applies the page", put(world, no, applied(scope, mine, now))
    if not scope.has(Safeguard.CURSOR_UNCHANGED):
        twice = replace(applied(scope, mine, now), page=page)
        yield f"phone {no} applies the page, which will come again", put(world, no, twice)
    if scope.has(Safeguard.PAGE_IS_ONE_TRANSACTION):
        yield f"phone {no} dies while it applies the page", put(world, no, replace(mine, page=None))
    else:
        after = applied(scope, mine, now)
        half = replace(mine, members=after.members, bodies=after.bodies, page=None)
        yield f"phone {no} dies while it applies the page", put(world, no, half)


def put(world: World, no: int, phone: Phone) -> World:
    """Give the world with a phone changed."""
    return replace(world, phones=(phone, world.phones[1]) if no == 0 else (world.phones[0], phone))


def answered(phone: Phone, n: int) -> Phone:
    """Store the answer to one command."""
    told = tuple(k for k in phone.told if k != n)
    return replace(phone, answered=tuple(sorted({*phone.answered, n})), last_n=max(phone.last_n, n), told=told)


def resumed(scope: Scope, phone: Phone, n: int) -> Phone:
    """Send again from `n`: the server has lost what came after, or never had it."""
    again = () if scope.has(Safeguard.KEPT_UNTIL_DURABLE) else phone.answered
    return replace(phone, answered=tuple(k for k in phone.answered if k < n or k in again), last_n=n - 1)


def arrived(scope: Scope, world: World, no: int, page: Page) -> Page:
    """Give a page as the server would have sent it without a safeguard: parts of it from a later snapshot than its rows."""
    if not scope.has(Safeguard.ONE_SNAPSHOT):
        page = replace(page, cursor=snapshot(scope, world.server, page.cursor.buckets))
    if not scope.has(Safeguard.ACKED_IN_SNAPSHOT):
        page = replace(page, acked_n=world.server.taken[no])
    return page


def applied(scope: Scope, phone: Phone, page: Page) -> Phone:
    """Apply a page as the reference device does. A page that was asked for at another cursor changes nothing."""
    if scope.has(Safeguard.CURSOR_UNCHANGED) and page.asked != phone.cursor:
        return replace(phone, page=None)
    kept = {(b, d) for b, d in phone.members if b in page.cursor.buckets and b not in page.whole}
    bodies = {d: (d, ver, body) for d, ver, body in phone.bodies}
    for d, ver, body, buckets in page.puts:
        bodies[d] = (d, ver, body)
        kept.update((b, d) for b in buckets)
    members = kept - set(page.dels)
    inside = {d for _, d in members}
    after = replace(
        phone,
        cursor=page.cursor,
        members=tuple(sorted(members)),
        bodies=tuple(bodies[d] for d in sorted(inside)),
        acked_n=page.acked_n,
        page=None,
        truth=page.truth,
    )
    if phone.cursor is not None and phone.cursor.life == page.cursor.life:
        return replace(after, last_n=max(phone.last_n, page.acked_n))
    if scope.has(Safeguard.ANSWER_OF_THIS_LIFE):
        after = replace(after, told=(), holes=())
    if page.acked_n < phone.last_n and scope.has(Safeguard.RESUME_AFTER_LIFE):
        return resumed(scope, after, page.acked_n + 1)
    return replace(after, last_n=max(phone.last_n, page.acked_n))
