"""Sends what people did in the past, at the instants at which they did it: many commands in one transaction, through the same door. Plays nobody."""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID, uuid5

import asyncpg
import msgspec
from msgspec import Struct

from api.demo.cast import OFFICE
from api.demo.founding import Founded
from api.demo.people import CrewLine
from api.operator_error import OperatorError
from jobs.context import Actor, Occurrence
from mobile_contract.schema.base import Command
from mobile_contract.schema.people import Role
from sync.ask import Ask
from sync.execute import run

# A transaction stays well under a thousand documents.
CHUNK: Final = 120


class Act(Struct, frozen=True):
    """Somebody sends a command at an instant."""

    at: datetime
    by: Actor
    command: Command


class Cast(Struct, frozen=True):
    """Who may be named as the sender of an act."""

    founded: Founded

    def office(self, login: str) -> Actor:
        """Give somebody in the office."""
        roles = frozenset(line.role for line in OFFICE if line.code == login)
        return Actor(org_id=self.founded.org_id, person_id=self.founded.office[login], roles=roles)

    def lead(self, crew: CrewLine) -> Actor:
        """Give the lead of a crew."""
        roles = frozenset({Role.TECHNICIAN, Role.CREW_LEAD})
        return Actor(org_id=self.founded.org_id, person_id=crew.members[0], roles=roles)


class Books:
    """The way in for acts of the past. The same acts again change nothing: their ids follow from what they say."""

    def __init__(self, pool: asyncpg.Pool, org_id: UUID) -> None:
        self.pool, self.org_id = pool, org_id
        self.sent = 0

    async def send(self, acts: Iterable[Act]) -> None:
        """Send acts in the order of time. Raises OperatorError for one that does not take effect: the demo would be wrong."""
        ordered = sorted(acts, key=lambda act: act.at)
        for start in range(0, len(ordered), CHUNK):
            await self._send(ordered[start : start + CHUNK])

    async def _send(self, acts: Sequence[Act]) -> None:
        asks = [self._ask(act) for act in acts]
        for answer in await run(self.pool, self.org_id, asks, now=acts[-1].at):
            if not answer.took_effect:
                raise OperatorError(f"The demo's month was refused {answer.name}: {answer.code} {answer.detail}")
        self.sent += len(acts)

    def _ask(self, act: Act) -> Ask:
        args = msgspec.json.encode(act.command)
        digest = hashlib.sha256(args).digest()
        name = str(act.command.__struct_config__.tag)
        return Ask(
            id=uuid5(self.org_id, f"month/{name}/{act.at.isoformat()}/{digest.hex()}"),
            name=name,
            args=args,
            digest=digest,
            raw=args,
            actor=act.by,
            occurrence=Occurrence(at=act.at),
            received_at=act.at,
        )
