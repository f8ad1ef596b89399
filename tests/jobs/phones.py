"""Commands as a crew's phone hands them in: what cannot take effect goes to quarantine, since nobody waits for the answer."""

from datetime import datetime

import msgspec

from jobs.context import Via
from mobile_contract.schema.base import Command
from sync.execute import run
from sync.outcomes import Answer
from tests.arrange import NOW, Org, ask_of


async def from_phone(org: Org, *commands: Command, by: str = "amy", now: datetime = NOW) -> tuple[Answer, ...]:
    """Execute commands in one transaction as a person's phone sends them."""
    actor = msgspec.structs.replace(org.actor(by), via=Via.DEVICE, device_id=org.new_id())
    return await run(org.pool, org.id, [ask_of(c, actor, id=org.new_id(), now=now) for c in commands], now=now)
