"""What the server may do next: begin, lock, commit or lose a transaction, answer a pull, crash, be restored. Checks nothing.

A request may come twice, late and in any order: handing in any stretch of the queue that the phone could ever have sent is always possible.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from msgspec.structs import replace

from tests.simulation.search.scope import DOCUMENTS, LETTERS, PHONES, Safeguard, Scope
from tests.simulation.search.state import Computed, Cursor, Page, Phone, Row, Server, Truth, Tx, World

# Results of pure functions that are kept: far more than a search of the usual size asks for.
_REMEMBERED: Final = 200_000

Step = tuple[str, World]
"""What happened, in words, and the state after it."""


def first_state(scope: Scope) -> World:
    """Give the state in which everything begins: empty documents in their buckets, phones that hold nothing."""
    rows = tuple(Row(bucket, document, 0, False) for document in DOCUMENTS for bucket in scope.home[document])
    return World(
        Server(rows=tuple(sorted(rows, key=_key))), (Phone(), Phone()), scope.aborts, scope.crashes, scope.restores
    )


def steps(scope: Scope, world: World) -> Iterator[Step]:
    """Give everything that the server may do next."""
    server = world.server
    for phone in PHONES:
        yield from _begin(scope, world, phone)
    if scope.moves and not server.moved and all(tx.phone is not None for tx in server.open):
        yield (
            "the dispatcher's move begins",
            replace(world, server=_opened(scope, server, Tx(server.next_xid, None, ()))),
        )
    for tx in server.open:
        yield from _go_on(scope, world, tx)
        if world.aborts:
            dead = replace(server, open=_without(server.open, tx))
            yield f"{_name(tx)} dies", replace(world, server=dead, aborts=world.aborts - 1)
    if world.crashes:
        yield "the database crashes: a new life", crashed(world)
    if world.restores:
        yield "the database is restored from its first backup: a new life", restored(scope, world)


def first_unanswered(scope: Scope, world: World, phone: int) -> int:
    """Give the number from which a phone sends; one beyond its last when everything is answered."""
    answered = world.phones[phone].answered
    return next(
        (n for n in range(1, len(scope.commands_of(phone)) + 1) if n not in answered), len(scope.commands_of(phone)) + 1
    )


def receive(scope: Scope, world: World, phone: int, stretch: range) -> World | None:
    """Take in a stretch of a phone's queue: begin its transaction, answer what is known, or refuse a hole. None: it has to wait."""
    server, mine = world.server, world.phones[phone]
    if any(tx.phone == phone for tx in server.open):
        return None
    taken = server.taken[phone]
    if stretch[0] > taken + 1 and scope.has(Safeguard.HOLE_CHECK):
        return _with_phone(world, phone, replace(mine, holes=_added(mine.holes, (taken + 1,))))
    fresh = tuple(n for n in stretch if _is_fresh(scope, n, taken))
    commands = scope.commands_of(phone)
    poison = [n for n in fresh if scope.orders[commands[n - 1]].poison]
    if poison and not scope.has(Safeguard.POISON_ASIDE):
        return world
    if poison:
        # The chunk raises and is redone command by command: the answer covers a prefix.
        fresh = fresh[:1]
    told = tuple(n for n in stretch if n <= taken and n not in fresh and n not in mine.answered)
    if fresh and not scope.has(Safeguard.ANSWER_AFTER_COMMIT):
        told += fresh
    world = _with_phone(world, phone, replace(mine, told=_added(mine.told, told)))
    return replace(world, server=_opened(scope, server, Tx(server.next_xid, phone, fresh))) if fresh else world


def _begin(scope: Scope, world: World, phone: int) -> Iterator[Step]:
    count = len(scope.commands_of(phone))
    for first in range(1, min(first_unanswered(scope, world, phone), count) + 1):
        for last in range(first, count + 1):
            after = receive(scope, world, phone, range(first, last + 1))
            if after is not None and after != world:
                yield f"phone {phone} hands in {first} to {last}", after


def _is_fresh(scope: Scope, n: int, taken: int) -> bool:
    if not scope.has(Safeguard.DEDUPE):
        return True
    return n > taken if scope.has(Safeguard.DEDUPE_BOUND) else n >= taken


def _opened(scope: Scope, server: Server, tx: Tx) -> Server:
    if not scope.has(Safeguard.DOCUMENT_LOCK):
        tx = replace(tx, computed=_computed(scope, server, tx))
    return replace(server, next_xid=server.next_xid + 1, open=(*server.open, tx))


def _go_on(scope: Scope, world: World, tx: Tx) -> Iterator[Step]:
    documents = _touched(scope, tx)
    names = ", ".join(LETTERS[d] for d in documents) or "nothing"
    free = not any(other.locked and set(_touched(scope, other)) & set(documents) for other in world.server.open)
    if tx.locked:
        for how, after in ends(scope, world, tx):
            yield f"{_name(tx)} commits{how}", after
    elif scope.joined and scope.has(Safeguard.DOCUMENT_LOCK):
        # What a transaction computed under its locks is what it would compute at its end: as if it took them only then.
        done = locked(scope, world, tx)
        for how, after in ends(scope, done, next(o for o in done.server.open if o.xid == tx.xid)):
            yield f"{_name(tx)} locks and writes {names}, and commits{how}", after
    elif free:
        yield f"{_name(tx)} locks and writes {names}", locked(scope, world, tx)


def locked(scope: Scope, world: World, tx: Tx) -> World:
    """Lock the documents of a transaction and compute them."""
    server = world.server
    computed = tx.computed if not scope.has(Safeguard.DOCUMENT_LOCK) else _computed(scope, server, tx)
    after = replace(tx, locked=True, computed=computed)
    return replace(world, server=replace(server, open=tuple(after if o == tx else o for o in server.open)))


def ends(scope: Scope, world: World, tx: Tx) -> Iterator[Step]:
    """Commit a transaction. Where the outcome is stored apart from the effect, the server may die in between."""
    server = world.server
    commands = tuple(scope.commands_of(tx.phone)[n - 1] for n in tx.taken) if tx.phone is not None else ()
    after = replace(
        server,
        flushed=max(server.flushed, tx.xid),
        log=(*server.log, *commands),
        moved=server.moved or tx.phone is None,
        documents=_stored(server, tx),
        rows=_stamped(scope, server, tx),
        open=_without(server.open, tx),
    )
    if tx.phone is None:
        yield "", replace(world, server=after)
        return
    mine = world.phones[tx.phone]
    known = _with_phone(world, tx.phone, replace(mine, told=_added(mine.told, tx.taken)))
    numbered = tuple(max((n, *tx.taken)) if phone == tx.phone else n for phone, n in enumerate(server.taken))
    yield "", replace(known, server=replace(after, taken=(numbered[0], numbered[1])))
    if not scope.has(Safeguard.OUTCOME_WITH_EFFECT):
        yield ", and the server dies before it stores the outcome", replace(world, server=after)


def crashed(world: World) -> World:
    """Kill the database and start it: open transactions are gone, their ids may be given out again."""
    server = world.server
    after = replace(server, life=server.life + 1, next_xid=server.flushed + 1, open=())
    return replace(world, server=after, crashes=world.crashes - 1)


def restored(scope: Scope, world: World) -> World:
    """Put back the database as it was in the beginning."""
    server = replace(first_state(scope).server, life=world.server.life + 1)
    return replace(world, server=server, restores=world.restores - 1, restored=True)


def page_for(scope: Scope, world: World, phone: int) -> Page:
    """Answer a pull in the state of now."""
    mine = world.phones[phone]
    return _page(
        scope, world.server, phone, replace(mine, answered=(), last_n=0, acked_n=0, told=(), holes=(), page=None)
    )


@lru_cache(maxsize=_REMEMBERED)
def _page(scope: Scope, server: Server, no: int, mine: Phone) -> Page:
    wanted, before = scope.wanted(no, server.moved), mine.cursor
    cursor = snapshot(scope, server, wanted)
    followed = before is not None and (before.life == server.life or not scope.has(Safeguard.LIFE_CHECK))
    if before is None:
        whole = wanted
    elif followed:
        whole = tuple(b for b in wanted if b not in before.buckets)
    else:
        whole = tuple(b for b in wanted if scope.has(Safeguard.COMPARE_CONTENT) and _digest(server, b) != held(mine, b))
    puts: dict[int, list[str]] = {}
    dels: list[tuple[str, int]] = []
    for row in server.rows:
        moved = followed and before is not None and row.bucket in before.buckets and not before.saw(row.xid)
        if row.bucket in wanted and (row.bucket in whole or moved):
            if not row.gone:
                puts.setdefault(row.document, []).append(row.bucket)
            elif scope.has(Safeguard.DEL_ROWS):
                dels.append((row.bucket, row.document))
    return Page(
        asked=before,
        cursor=cursor,
        acked_n=server.taken[no],
        whole=whole,
        puts=tuple((d, *server.documents[d], tuple(buckets)) for d, buckets in sorted(puts.items())),
        dels=tuple(dels),
        truth=truth_of(scope, server.log, server.moved, no),
    )


def snapshot(scope: Scope, server: Server, wanted: tuple[str, ...]) -> Cursor:
    """Give the cursor of now."""
    if scope.has(Safeguard.SNAPSHOT_CURSOR):
        return Cursor(server.life, server.next_xid, tuple(tx.xid for tx in server.open), wanted)
    return Cursor(server.life, max((row.xid for row in server.rows), default=0) + 1, (), wanted)


@lru_cache(maxsize=_REMEMBERED)
def truth_of(scope: Scope, log: tuple[int, ...], moved: bool, phone: int) -> Truth:
    """Tell what a phone ought to hold, from the committed deeds alone."""
    wanted, homes = scope.wanted(phone, moved), scope.homes(moved)
    members = sorted((b, d) for d in DOCUMENTS for b in homes[d] if b in wanted)
    own = scope.commands_of(phone)
    return Truth(
        members=tuple(members),
        bodies=tuple((d, body_of(scope, log, d)) for d in sorted({d for _, d in members})),
        acked_n=max((own.index(command) + 1 for command in log if command in own), default=0),
    )


@lru_cache(maxsize=_REMEMBERED)
def body_of(scope: Scope, log: tuple[int, ...], document: int) -> tuple[int, ...]:
    """Project a document: the commands that changed it, in any order that all can compute."""
    return tuple(sorted(c for c in log if document in scope.orders[c].touches and not scope.orders[c].poison))


def held(phone: Phone, bucket: str) -> tuple[tuple[int, int, tuple[int, ...]], ...]:
    """Give what a phone holds of a bucket, which is what its digest says."""
    inside = {d for b, d in phone.members if b == bucket}
    return tuple(each for each in phone.bodies if each[0] in inside)


def _digest(server: Server, bucket: str) -> tuple[tuple[int, int, tuple[int, ...]], ...]:
    inside = {row.document for row in server.rows if row.bucket == bucket and not row.gone}
    return tuple((d, *server.documents[d]) for d in DOCUMENTS if d in inside)


def _name(tx: Tx) -> str:
    return "the move" if tx.phone is None else f"the transaction of phone {tx.phone}"


def _touched(scope: Scope, tx: Tx) -> tuple[int, ...]:
    if tx.phone is None:
        return tuple(d for d in DOCUMENTS if scope.home[d] != scope.home_after[d])
    orders = [scope.orders[scope.commands_of(tx.phone)[n - 1]] for n in tx.taken]
    return tuple(sorted({d for order in orders if not order.poison for d in order.touches}))


def _computed(scope: Scope, server: Server, tx: Tx) -> tuple[Computed, ...]:
    own = tuple(scope.commands_of(tx.phone)[n - 1] for n in tx.taken) if tx.phone is not None else ()
    homes = scope.homes(server.moved or tx.phone is None)
    return tuple(Computed(d, body_of(scope, (*server.log, *own), d), homes[d]) for d in _touched(scope, tx))


def _stored(server: Server, tx: Tx) -> tuple[tuple[int, tuple[int, ...]], ...]:
    documents = list(server.documents)
    for each in tx.computed:
        ver, body = documents[each.document]
        if body != each.body:
            documents[each.document] = (ver + 1, each.body)
    return tuple(documents)


def _stamped(scope: Scope, server: Server, tx: Tx) -> tuple[Row, ...]:
    rows = {(row.bucket, row.document): row for row in server.rows}
    for each in tx.computed:
        fresh = server.documents[each.document][1] != each.body
        for (bucket, document), row in list(rows.items()):
            if document == each.document and bucket not in each.buckets and not row.gone:
                xid = tx.xid if scope.has(Safeguard.GONE_IS_STAMPED) else row.xid
                rows[bucket, document] = Row(bucket, document, xid, True)
        for bucket in each.buckets:
            known = rows.get((bucket, each.document))
            if known is None or known.gone or fresh:
                rows[bucket, each.document] = Row(bucket, each.document, tx.xid, False)
    return tuple(sorted(rows.values(), key=_key))


def _key(row: Row) -> tuple[str, int]:
    return row.bucket, row.document


def _without(open_: tuple[Tx, ...], tx: Tx) -> tuple[Tx, ...]:
    return tuple(other for other in open_ if other is not tx)


def _added(known: tuple[int, ...], more: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(sorted({*known, *more}))


def _with_phone(world: World, phone: int, after: Phone) -> World:
    return replace(world, phones=(after, world.phones[1]) if phone == 0 else (world.phones[0], after))
