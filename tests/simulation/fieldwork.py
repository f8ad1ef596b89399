"""What people do on their phones: commands of every nature on the jobs they see, some that follow others, and some that are poison."""

from decimal import Decimal
from random import Random
from typing import Final
from uuid import UUID

import msgspec

from mobile_contract.client import DeviceRefusal
from mobile_contract.client.queue import Draft, add
from mobile_contract.schema import decisions as d
from mobile_contract.schema import facts as f
from mobile_contract.schema.base import Command
from mobile_contract.schema.job import HoldReason
from tests.simulation.backend import POISON
from tests.simulation.phones import Phone
from tests.simulation.world import World

_HARMED: Final = (b'{"id": "broken', b"\xff\xfe\x00", b"[1, 2", b'{"id":1}', b'"text"', b'{"name":"no_such_command"}')


def do_something(world: World, phone: Phone) -> None:
    """Queue one command on a phone; the process may die over it."""
    chance = world.chance
    try:
        if chance.random() < 0.03:
            _queue_harmed(world, phone)
        else:
            command = _choose(world, phone)
            phone.device.do(command, after=_after(phone, chance))
            world.say(f"{phone.name} does {type(command).__name__}")
    except DeviceRefusal as refusal:
        world.say(f"{phone.name} refuses: {refusal.code}")
    finally:
        world.see_phone(phone)


def _after(phone: Phone, chance: Random) -> tuple[UUID, ...] | None:
    if chance.random() < 0.85:
        return None
    known = [UUID(id) for (id,) in phone.store.rows("select id from command order by n desc limit 3")]
    strange = UUID(int=chance.getrandbits(128), version=4)
    return (chance.choice([*known, strange]),)


def _queue_harmed(world: World, phone: Phone) -> None:
    """Put bytes into the queue that no server can read, as a fault of the phone's memory does."""
    session = phone.store.row("select session_id from install")
    if session is None or session[0] is None:
        return
    cmd = world.chance.choice(_HARMED)
    draft = Draft(
        id=phone.device.new_id(),
        session_id=UUID(session[0]),
        name="harmed",
        job_id=None,
        cmd=cmd,
        made_at=phone.clock.wall(),
    )
    with phone.store.transaction():
        add(phone.store, draft)
    world.say(f"{phone.name} queues {cmd!r}")


def _choose(world: World, phone: Phone) -> Command:
    chance = world.chance
    jobs = [UUID(id) for (id,) in phone.store.rows("select id from document where kind = 'job' order by id")]
    offers = [UUID(id) for (id,) in phone.store.rows("select id from document where kind = 'open_job' order by id")]
    if offers and chance.random() < 0.35:
        return d.ClaimJob(job_id=chance.choice(offers), visit_id=world.new_id())
    known = [job.job_id for job in world.opened]
    if not jobs or chance.random() < 0.05:
        if known and chance.random() < 0.5:
            return _fact(world, phone, chance.choice(known))
        return f.ReportJob(job_id=world.new_id(), job_type="leak", title=f"found {chance.randrange(1000)}")
    job_id = chance.choice(jobs)
    return _decision(world, phone, job_id) if chance.random() < 0.3 else _fact(world, phone, job_id)


def _fact(world: World, phone: Phone, job_id: UUID) -> Command:
    chance = world.chance
    visits = [UUID(id) for id, job in _visits(phone) if job == str(job_id)]
    visit_id = chance.choice(visits) if visits else world.new_id()
    kind = chance.choice(("note", "note", "part", "part", "state", "poison"))
    if kind == "note" or (kind == "poison" and chance.random() < 0.6):
        text = f"note {chance.randrange(10_000)}"
        return f.AddNote(job_id=job_id, visit_id=visit_id, note_id=world.new_id(), text=text)
    if kind == "poison":
        return f.AddNote(job_id=job_id, visit_id=visit_id, note_id=world.new_id(), text=POISON)
    if kind == "part":
        part_id, quantity = chance.choice(world.setting.parts), chance.randint(1, 3)
        move_id = world.new_id()
        return f.UsePart(job_id=job_id, visit_id=visit_id, move_id=move_id, part_id=part_id, quantity=Decimal(quantity))
    state = chance.choice((f.StartTravel, f.ArriveOnSite, f.StartWork, f.CompleteVisit))
    return state(job_id=job_id, visit_id=visit_id)


def _decision(world: World, phone: Phone, job_id: UUID) -> Command:
    chance = world.chance
    visits = [UUID(id) for id, job in _visits(phone) if job == str(job_id)]
    choice = chance.choice(("hold", "release", "edit", "accept"))
    if choice == "accept" and visits:
        return d.AcceptVisit(job_id=job_id, visit_id=chance.choice(visits), plan_version=chance.randint(1, 2))
    if choice == "hold":
        return d.HoldJob(job_id=job_id, reason=HoldReason.PARTS)
    if choice == "release":
        return d.ReleaseJob(job_id=job_id)
    change = d.FieldEdit(was=world.titles.get(job_id, ""), set=f"mine {chance.randrange(100)}")
    return d.EditJob(job_id=job_id, changes={"title": change})


def _visits(phone: Phone) -> list[tuple[str, str]]:
    rows = phone.store.rows("select id, body from document where kind = 'visit' order by id")
    return [(id, msgspec.json.decode(body)["job_id"]) for id, body in rows]
