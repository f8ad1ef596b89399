"""What goes with a person who leaves: sign-ins, resets, links and devices. The person itself is changed by the command alone."""

from api.enrolment import revoke_devices
from api.services import Services
from api.store import credentials, sign_ins
from jobs.context import Actor
from mobile_contract.registry import decode_args
from mobile_contract.schema.decisions import OffboardPerson
from sync.devices import devices_of_person
from sync.transaction import org_transaction


async def end_access(services: Services, actor: Actor, args: bytes) -> None:
    """End all access of the person named by an `offboard_person` command that took effect; doing it again changes nothing."""
    command = decode_args("offboard_person", args)
    assert isinstance(command, OffboardPerson)
    now = services.clock()
    async with org_transaction(services.pool, actor.org_id) as conn:
        await credentials.end_access(conn, actor.org_id, command.person_id, now=now)
        await sign_ins.revoke_person(conn, actor.org_id, command.person_id, because="offboarded", now=now)
        held = await devices_of_person(conn, actor.org_id, command.person_id)
    if held:
        await revoke_devices(services, actor, held)
