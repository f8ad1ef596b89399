"""What must hold: invariants of a state and of a step, and what a quiet network leads to. Knows the deeds, trusts no table.

`Broken` carries the number of the invariant of the protocol (I1 to I15) and what was seen.
"""

from functools import lru_cache

from msgspec.structs import replace

from tests.simulation.search import phone as phones
from tests.simulation.search import server as servers
from tests.simulation.search.scope import DOCUMENTS, LETTERS, PHONES, Scope
from tests.simulation.search.state import Phone, Server, Truth, World

ROUNDS = 6


class Broken(Exception):
    """An invariant does not hold."""

    def __init__(self, invariant: str, what: str) -> None:
        super().__init__(f"{invariant}: {what}")
        self.invariant = invariant


def check_step(scope: Scope, before: World, after: World) -> None:
    """Check one step. Raises Broken."""
    if after.server is not before.server:
        check_server(scope, after.server)
    for no in PHONES:
        if after.phones[no] is not before.phones[no]:
            _check_phone(scope, before, after, no)


@lru_cache(maxsize=200_000)
def check_server(scope: Scope, server: Server) -> None:
    """Check what is committed: each command once, in order, and the documents are what the deeds make them. Raises Broken."""
    if len(set(server.log)) < len(server.log):
        raise Broken("I1", f"a command took effect twice: {server.log}")
    for no in PHONES:
        own = [command for command in server.log if command in scope.commands_of(no)]
        if own != list(scope.commands_of(no)[: len(own)]):
            raise Broken("I2", f"commands of phone {no} took effect as {own}")
    homes = scope.homes(server.moved)
    for d in DOCUMENTS:
        body = servers.body_of(scope, server.log, d)
        if server.documents[d][1] != body:
            raise Broken("I5", f"document {LETTERS[d]} says {server.documents[d][1]} where the deeds are {body}")
        inside = tuple(row.bucket for row in server.rows if row.document == d and not row.gone)
        if inside != homes[d]:
            raise Broken("I5", f"document {LETTERS[d]} is in {inside}, it belongs to {homes[d]}")


def _check_phone(scope: Scope, before: World, after: World, no: int) -> None:
    old, new = before.phones[no], after.phones[no]
    if not after.restored:
        lost = [n for n in new.answered if scope.commands_of(no)[n - 1] not in after.server.log]
        if lost:
            raise Broken("I3", f"phone {no} has answers to {lost}, which the server does not know")
    if (new.cursor, new.members, new.bodies) == (old.cursor, old.members, old.bodies) and new.truth == old.truth:
        return
    if new.acked_n != new.truth.acked_n:
        raise Broken("I7", f"phone {no} is told acked_n {new.acked_n}, its documents have {new.truth.acked_n}")
    if shown(new) != (new.truth.members, new.truth.bodies):
        raise Broken("I6", f"phone {no} shows {shown(new)}, the snapshot of its cursor is {_told(new.truth)}")
    vers = {d: ver for d, ver, _ in old.bodies}
    back = [LETTERS[d] for d, ver, _ in new.bodies if ver < vers.get(d, 0)]
    if back and not after.restored:
        raise Broken("I8", f"versions of {back} go back on phone {no}")


def shown(phone: Phone) -> tuple[object, object]:
    """Give what a phone shows, without versions."""
    return phone.members, tuple((d, body) for d, _, body in phone.bodies)


def _told(truth: Truth) -> tuple[object, object]:
    return truth.members, truth.bodies


def check_quiet(scope: Scope, world: World, told: list[str]) -> None:
    """Let everything that is open end well, and both phones sync in turn until nothing moves; tell each step in `told`.

    Then the phones have to equal the server, and nothing may be lost. Raises Broken.
    """
    world = _ended(scope, world, told)
    for _ in range(ROUNDS):
        before = world
        for no in PHONES:
            world = _synced(scope, world, no, told)
        if world == before:
            break
    else:
        raise Broken("I15", "the phones never come to rest")
    for no in PHONES:
        _check_rested(scope, world, no)


def _check_rested(scope: Scope, world: World, no: int) -> None:
    server, mine, own = world.server, world.phones[no], scope.commands_of(no)
    truth = servers.truth_of(scope, server.log, server.moved, no)
    missing = [n for n, command in enumerate(own, 1) if command not in server.log]
    if missing:
        raise Broken("I13" if world.restored else "I3", f"what phone {no} did as {missing} is nowhere")
    if len(mine.answered) < len(own):
        raise Broken("I4", f"phone {no} never learns what became of some of its commands: {mine.answered}")
    if shown(mine) != (truth.members, truth.bodies):
        raise Broken("I5", f"phone {no} shows {shown(mine)}, the server has {_told(truth)}")
    if mine.bodies != tuple((d, *server.documents[d]) for d, _, _ in mine.bodies):
        raise Broken("I5", f"digests of phone {no} differ: {mine.bodies}, the server has {server.documents}")
    if mine.acked_n != len(own):
        raise Broken("I7", f"phone {no} is told acked_n {mine.acked_n} of {len(own)}")


def _ended(scope: Scope, world: World, told: list[str]) -> World:
    while world.server.open:
        locked = [tx for tx in world.server.open if tx.locked]
        if locked:
            _, world = next(servers.ends(scope, world, locked[0]))
        else:
            world = servers.locked(scope, world, world.server.open[0])
        check_server(scope, world.server)
    told.append("the network is quiet, and every open transaction commits")
    return world


def _synced(scope: Scope, world: World, no: int, told: list[str]) -> World:
    count = len(scope.commands_of(no))
    # What is on its way to a phone may as well never come: the phone asks again.
    world = phones.put(world, no, replace(world.phones[no], told=(), holes=(), page=None))
    for _ in range(2 * count + 2):
        first = servers.first_unanswered(scope, world, no)
        if first > count:
            break
        told.append(f"phone {no} hands in {first} to {count}, and takes the answer")
        world = _handed_in(scope, world, no, range(first, count + 1))
    else:
        raise Broken("I15", f"the queue of phone {no} does not empty: {first} is never answered")
    mine = world.phones[no]
    page = phones.arrived(scope, world, no, servers.page_for(scope, world, no))
    told.append(f"phone {no} asks for a page and applies it")
    after = phones.put(world, no, phones.applied(scope, mine, page))
    check_step(scope, world, after)
    return after


def _handed_in(scope: Scope, world: World, no: int, stretch: range) -> World:
    begun = servers.receive(scope, world, no, stretch)
    assert begun is not None
    world = _ended(scope, begun, [])
    mine = world.phones[no]
    for n in mine.holes:
        mine = phones.resumed(scope, mine, n)
    for n in mine.told:
        if n in stretch:
            mine = phones.answered(mine, n)
    after = phones.put(world, no, replace(mine, told=(), holes=()))
    check_step(scope, world, after)
    return after
