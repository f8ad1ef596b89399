"""The steps of the world: what may happen next, how often, and what each does. Every step takes its chance from the world's."""

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from random import Random
from typing import Final
from uuid import UUID

from msgspec import Struct

from mobile_contract import limits
from tests.simulation import fieldwork
from tests.simulation.backend import Assign, Cancel, Close, Edit, Move, OpenJob, Resolve, Return, Revoke, SavePart
from tests.simulation.phones import Phone, ProcessDied
from tests.simulation.world import START, WRITERS, World

_JOBS_MAX: Final = 12
_PHONES_MAX: Final = 6
_FUSE_MAX: Final = 90
_WORLD_LASTS: Final = timedelta(days=limits.COMMAND_MEMORY_DAYS - 60)


class Step(Struct, frozen=True):
    """A step of a plan: its name and the salt of its chance."""

    name: str
    salt: int


def plan(seed: int, steps: int, emphasis: Mapping[str, float] = {}) -> list[Step]:
    """Choose the steps of a seed; a longer plan begins with the shorter one.

    Each seed has likings of its own, so that some worlds crash often and others are moved about; `emphasis` multiplies weights.
    """
    chance = Random(f"plan {seed}")
    names = list(WEIGHTS)
    weights = [WEIGHTS[name] * chance.choice((0.3, 1, 1, 3)) * emphasis.get(name, 1) for name in names]
    return [Step(chance.choices(names, weights)[0], chance.getrandbits(32)) for _ in range(steps)]


def make(world: World, step: Step) -> None:
    """Make one step. One that the backend cannot make, or that has nothing to work on, changes nothing."""
    needs = _NEEDS.get(step.name)
    if needs is not None and needs not in world.backend.can:
        return
    world.chance.seed(step.salt)
    _STEPS[step.name](world)


# phones


def _one(world: World) -> Phone | None:
    phones = world.awake()
    return world.chance.choice(phones) if phones else None


def _with(act: Callable[[World, Phone], None]) -> Callable[[World], None]:
    def made(world: World) -> None:
        phone = _one(world)
        if phone is None:
            return
        try:
            act(world, phone)
        except ProcessDied:
            world.say(f"{phone.name} dies")
            world.kill_phone(phone)

    return made


def _do(world: World, phone: Phone) -> None:
    for _ in range(world.chance.choice((1, 1, 1, 2, 4))):
        fieldwork.do_something(world, phone)


def _sync(world: World, phone: Phone) -> None:
    # Now and then the app and its background worker sync at once.
    if len(phone.calls) >= (2 if world.chance.random() < 0.1 else 1):
        return
    check = world.chance.random() < 0.3
    world.begin_call(phone, "sync", lambda: phone.device.sync(check=check))


def _look(world: World, phone: Phone) -> None:
    notes = frozenset(id for kind, id in phone.device.shown() if kind == "note")
    world.auditor.shows(phone.name, phone.holdings(), notes)


def _fuse(world: World, phone: Phone) -> None:
    if phone.store.fuse is None:
        world.say(f"{phone.name} is going to die")
        phone.store.fuse = world.chance.randint(1, _FUSE_MAX)


def _reboot(world: World, phone: Phone) -> None:
    world.say(f"{phone.name} reboots")
    world.kill_phone(phone)
    phone.clock.reboot()


def _turn_clock(world: World, phone: Phone) -> None:
    most = world.chance.choice((60, 7200, 40 * 86_400))
    phone.clock.offset += timedelta(seconds=world.chance.uniform(-most, most))
    world.say(f"{phone.name} has its clock turned by up to {most} s")


def _partition(world: World, phone: Phone) -> None:
    phone.online = not phone.online
    world.say(f"{phone.name} is {'back' if phone.online else 'away'}")


def _change_shift(world: World, phone: Phone) -> None:
    people = phone.device.people()
    if people:
        person = world.chance.choice(people)
        world.say(f"{phone.name} is used by {person.name}")
        world.begin_call(phone, "use", lambda: phone.device.use(person.person_id))


def _clone(world: World, phone: Phone) -> None:
    if len(world.phones) < _PHONES_MAX and not phone.calls:
        twin = phone.clone(f"phone {len(world.phones)}")
        world.phones.append(twin)
        world.say(f"{phone.name} is cloned as {twin.name}")
        world.auditor.cloned(phone.name, twin.name)
        world.see_phone(twin)


def _enrol_forked(world: World, phone: Phone) -> None:
    if phone.install()[2] and not phone.calls:
        world.enrol(phone)


def _rot(world: World, phone: Phone) -> None:
    if phone.calls:
        return
    rows = phone.store.rows("select bucket, kind, id from member where kind in ('note', 'job', 'part', 'van')")
    if rows:
        bucket, kind, id = world.chance.choice(rows)
        world.say(f"{phone.name} forgets {kind} {id} of {bucket}")
        phone.rotten = True
        phone.store.run("delete from member where bucket = ? and kind = ? and id = ?", (bucket, kind, id))
        world.see_phone(phone)


# the office


def _jobs(world: World) -> list[UUID]:
    return [job.job_id for job in world.opened]


def _open(world: World) -> None:
    if len(world.opened) >= _JOBS_MAX:
        return
    job_id = world.new_id()
    district = world.chance.choice(world.setting.districts)
    job = OpenJob(job_id, f"job {len(world.opened)}", f"canary-{job_id.hex[:12]}", district)
    world.opened.append(job)
    world.auditor.opens(job)
    world.office(job, at_once=world.chance.random() < 0.5)


def _assign(world: World) -> None:
    jobs = _jobs(world)
    if not jobs:
        return _open(world)
    job_id = world.chance.choice(jobs)
    visits = world.visits.setdefault(job_id, [])
    again = visits and world.chance.random() < 0.6
    visit_id = world.chance.choice(visits) if again else world.new_id()
    if not again:
        visits.append(visit_id)
    if world.chance.random() < 0.75:
        deed = Assign(job_id, visit_id, crew_id=world.chance.choice(world.setting.crews))
    else:
        deed = Assign(job_id, visit_id, person_id=world.chance.choice(world.setting.persons).id)
    return world.office(deed)


def _edit(world: World) -> None:
    if jobs := _jobs(world):
        job_id = world.chance.choice(jobs)
        title = f"title {world.chance.randrange(1000)}"
        world.office(Edit(job_id, world.titles.get(job_id, ""), title))
        world.titles[job_id] = title


def _end_job(world: World) -> None:
    if jobs := _jobs(world):
        deed = world.chance.choice((Cancel, Close))
        world.office(deed(world.chance.choice(jobs)))


def _move(world: World) -> None:
    person = world.chance.choice(world.setting.persons)
    world.office(Move(person.id, world.chance.choice((*world.setting.crews, *world.setting.crews, None))))


def _revoke(world: World) -> None:
    phone = _one(world)
    device_id = phone.holdings().device_id if phone else None
    if device_id is not None and len(world.awake()) > 2:
        world.auditor.revoked(device_id)
        world.office(Revoke(device_id))


def _stock(world: World) -> None:
    for _ in range(world.chance.choice((1, 1, 2, 8))):
        known = world.setting.parts
        fresh = UUID(int=world.chance.getrandbits(6) << 64 | world.chance.getrandbits(3), version=4)
        part_id = world.chance.choice(known) if world.chance.random() < 0.4 else fresh
        world.office(SavePart(part_id, f"part {world.chance.randrange(1000)}"))


def _resolve(world: World) -> None:
    waiting = world.auditor.in_quarantine()
    if waiting:
        command_id = world.chance.choice(waiting)
        world.office(Resolve(command_id, world.new_id(), world.chance.choice(("applied", "discarded"))))


# time and the server


def _go_on(world: World) -> None:
    for _ in range(world.chance.randint(1, 12)):
        if not world.move():
            break


def _drain(world: World) -> None:
    world.drain()


def _wait(world: World) -> None:
    choices: Iterable[timedelta] = (
        timedelta(seconds=world.chance.uniform(1, 40)),
        timedelta(minutes=world.chance.uniform(1, 90)),
        timedelta(hours=world.chance.uniform(1, 30)),
        timedelta(days=world.chance.uniform(1, 9)),
    )
    world.wait(world.chance.choices(list(choices), (6, 4, 2, 1))[0])


def _tick(world: World) -> None:
    world.say("timers")
    world.backend.tick(world.now)
    world.see_truth()


def _retain(world: World) -> None:
    # Long enough for what is gone to be forgotten, and short of what makes a queue too old. No world lasts as long as commands are
    # remembered: the auditor asks for the outcome of everything that ever took effect.
    left = _WORLD_LASTS - (world.now - START)
    world.wait(max(timedelta(0), min(left, timedelta(days=world.chance.choice((1, 40, 91))))))
    removed = world.backend.retain(world.now)
    world.say(f"retention removed {removed} rows")
    world.auditor.retained(removed)
    world.see_truth()


def _crash(world: World) -> None:
    world.backend.crash(world.now)
    world.server_fell("the server crashes")


def _restart(world: World) -> None:
    world.backend.restart(world.now)
    world.server_fell("the server restarts")


def _backup(world: World) -> None:
    # What was decided long before it was committed would be called durable and be in no backup of its time.
    world.work_off()
    world.backups.append((world.backend.backup(world.now), world.now))
    world.say(f"backup {world.backups[-1][0]}")


def _come_back(world: World) -> None:
    # As old a backup as the operator promises to have: what is called durable is in it. A command is decided before its commit, as long as a transaction may last.
    lag = timedelta(days=13) if world.setting.lag_s is None else timedelta(seconds=world.setting.lag_s) - WRITERS
    usable = [backup for backup, at in world.backups if world.now - at < lag]
    ways = [way for way in Return if way.value in world.backend.can]
    if not usable or not ways:
        return
    backup, how = usable[world.chance.randrange(len(usable))], world.chance.choice(ways)
    world.backups = [each for each in world.backups if each[0] <= backup]
    world.backend.come_back(backup, how, world.now)
    world.auditor.came_back(how)
    world.server_fell(f"the server comes back by {how.value} of backup {backup}")


_STEPS: Final[dict[str, Callable[[World], None]]] = {
    "go on": _go_on,
    "drain": _drain,
    "do": _with(_do),
    "sync": _with(_sync),
    "look": _with(_look),
    "fuse": _with(_fuse),
    "reboot": _with(_reboot),
    "turn clock": _with(_turn_clock),
    "partition": _with(_partition),
    "change shift": _with(_change_shift),
    "clone": _with(_clone),
    "enrol forked": _with(_enrol_forked),
    "rot": _with(_rot),
    "open": _open,
    "assign": _assign,
    "edit": _edit,
    "end job": _end_job,
    "move": _move,
    "revoke": _revoke,
    "stock": _stock,
    "resolve": _resolve,
    "wait": _wait,
    "tick": _tick,
    "retain": _retain,
    "crash": _crash,
    "restart": _restart,
    "backup": _backup,
    "come back": _come_back,
}

WEIGHTS: Final[dict[str, float]] = {
    "go on": 26,
    "drain": 3,
    "do": 14,
    "sync": 16,
    "look": 3,
    "fuse": 2,
    "reboot": 1,
    "turn clock": 1.5,
    "partition": 1.5,
    "change shift": 2,
    "clone": 0.5,
    "enrol forked": 1,
    "rot": 0.4,
    "open": 4,
    "assign": 7,
    "edit": 4,
    "end job": 1.5,
    "move": 2,
    "revoke": 0.3,
    "stock": 3,
    "resolve": 1.5,
    "wait": 3,
    "tick": 1.5,
    "retain": 0.7,
    "crash": 1,
    "restart": 0.5,
    "backup": 2,
    "come back": 0.9,
}

_NEEDS: Final[dict[str, str]] = {
    "retain": "retain",
    "crash": "crash",
    "restart": "restart",
    "backup": "backup",
    "come back": "backup",
}
