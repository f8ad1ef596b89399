"""What goes with a person who leaves: sign-ins, resets, links and devices. The person itself is changed by the command alone."""

from typing import Final
from uuid import UUID

from api.enrolment import revoke_devices
from api.services import Services
from api.store import credentials, enrolments, sign_ins
from jobs.context import Actor
from mobile_contract.registry import decode_args
from mobile_contract.schema.decisions import OffboardPerson, SavePerson
from mobile_contract.schema.people import Person
from sync.devices import devices_of_person
from sync.transaction import org_transaction

LEAVING: Final = ("offboard_person", "save_person")


async def end_access(services: Services, actor: Actor, name: str, args: bytes) -> None:
    """End all access of the person whom a command that took effect makes leave, if it does; doing it again changes nothing."""
    person_id = _who_leaves(name, args)
    if person_id is None:
        return
    now = services.clock()
    async with org_transaction(services.pool, actor.org_id) as conn:
        if await enrolments.person_roles(conn, actor.org_id, person_id) is not None:
            # The command came again after the person had been taken back.
            return
        await credentials.end_access(conn, actor.org_id, person_id, now=now)
        await sign_ins.revoke_person(conn, actor.org_id, person_id, because="offboarded", now=now)
        held = await devices_of_person(conn, actor.org_id, person_id)
    if held:
        await revoke_devices(services, actor, held)


def _who_leaves(name: str, args: bytes) -> UUID | None:
    match decode_args(name, args):
        case OffboardPerson(person_id=person_id) | SavePerson(person=Person(id=person_id, active=False)):
            return person_id
    return None
