"""The end of a world: the network heals, time passes, and everything that was under way has to come to rest."""

from datetime import timedelta
from typing import Final

from tests.simulation.auditor import Violation
from tests.simulation.world import World

_ROUNDS: Final = 12
_HOURS: Final = 12


def come_to_rest(world: World) -> None:
    """Let a quiet network do its work and show the auditor what all ends with."""
    with world.quiet():
        for phone in world.phones:
            phone.online, phone.store.fuse = True, None
        world.say("the network is quiet")
        world.drain()
        _until_nothing_changes(world)
        # What is held is refused after five days.
        world.wait(timedelta(days=6))
        world.backend.tick(world.now)
        world.see_truth()
        _until_nothing_changes(world)
        if any(phone.rotten for phone in world.phones):
            _mend(world)
            _until_nothing_changes(world)
        world.look()
        for phone in world.awake():
            world.auditor.ended(phone.name, phone.holdings())
        world.auditor.i13_nothing_lost(world.auditor.truth)


def _until_nothing_changes(world: World) -> None:
    for _ in range(_ROUNDS):
        before = world.auditor.truth
        for phone in world.awake():
            if phone.install()[2]:
                world.enrol(phone)
                world.drain()
            world.begin_call(phone, "sync", lambda phone=phone: phone.device.sync(check=True))
            world.drain()
        world.see_truth()
        after = world.auditor.truth
        resting = not any(p.install()[2] for p in world.awake())
        if resting and (before.buckets, before.outcomes) == (after.buckets, after.outcomes):
            return
    raise Violation("I15", "the quiet world does not come to rest")


def _mend(world: World) -> None:
    """Give phones that forgot something the hours in which every bucket is compared once."""
    for _ in range(_HOURS):
        world.wait(timedelta(hours=1))
        for phone in world.awake():
            if phone.rotten:
                world.begin_call(phone, "sync", lambda phone=phone: phone.device.sync(check=True))
                world.drain()
    for phone in world.phones:
        phone.rotten = False
