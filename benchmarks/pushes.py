"""Scenarios of handing in: one device, and many at once; ours, and raw asyncpg writing the same rows in the same transactions."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Final
from uuid import UUID

from api.database import owner_connection
from api.settings import Settings
from benchmarks import capture, field, phone
from benchmarks.field import Field, Queue
from benchmarks.floor import Floor, Task, Transaction
from benchmarks.ground import Ground
from benchmarks.http_load import Http
from benchmarks.load import Load
from benchmarks.measures import Label, Sample, of_outcome, of_ran
from benchmarks.peers import BATCH, Peer
from benchmarks.plan import Plan
from benchmarks.rounds import Measure

ONE, MANY = "push_1", "push_many"
TEMPLATE: Final = "pushes"
_LIMIT_S: Final = 300.0
_OUTCOMES: Final = "select status || ' ' || code said, count(*) n from sync_outcome where org_id = $1 and device_id = any($2) group by 1 limit 100"


def arrange(settings: Settings, plan: Plan) -> Field:
    """Arrange crews, jobs and queues in a database that is then copied."""
    return field.arrange_field(
        settings, plan.rounds + 1, commands=plan.commands, devices=plan.devices, commands_each=plan.commands_each
    )


def queues(field_: Field, scenario: str, number: int) -> Sequence[Queue]:
    """Give the queues of a round; the first one warms up what is measured from the second one on."""
    return [field_.alone[number]] if scenario == ONE else field_.together[number]


def learn(settings: Settings, http: Http, port: int, field_: Field) -> dict[UUID, list[Transaction]]:
    """Push the first round to a server of a copy with triggers; gives the rows written by device.

    Raises ValueError when a command did not take effect: what is measured has to be work.
    """
    first = [*queues(field_, ONE, 0), *queues(field_, MANY, 0)]
    for queue in first:
        outcome = http.driver.run(Load(port=port, scripts=[queue.requests], seconds=_LIMIT_S, once=True))
        if outcome.failures:
            raise ValueError(f"a push was answered {outcome.statuses}")
    devices = [queue.device_id for queue in first]
    said = asyncio.run(_outcomes(settings, field_.org_id, devices))
    wanted = sum(queue.commands for queue in first)
    if said != {"applied ok": wanted}:
        raise ValueError(f"of {wanted} commands there are outcomes {said}")
    return capture.transactions(settings, devices)


async def _outcomes(settings: Settings, org_id: UUID, devices: Sequence[UUID]) -> dict[str, int]:
    async with owner_connection(settings) as conn:
        return dict(Counter({row["said"]: row["n"] for row in await conn.fetch(_OUTCOMES, org_id, devices)}))


class Ours:
    """The queues, pushed to a running server."""

    def __init__(self, http: Http, field_: Field, port: int) -> None:
        self._http, self._field, self._port = http, field_, port

    def warm_up(self) -> None:
        """Push the first round: connections are opened, statements prepared."""
        for scenario in (ONE, MANY):
            given = queues(self._field, scenario, 0)
            self._http.driver.run(
                Load(port=self._port, scripts=[q.requests for q in given], seconds=_LIMIT_S, once=True)
            )

    def measure(self, scenario: str, name: str) -> Measure:
        """Push: commands per second."""

        def measure(number: int) -> Sample:
            given = queues(self._field, scenario, number + 1)
            load = Load(port=self._port, scripts=[q.requests for q in given], seconds=_LIMIT_S, once=True)
            outcome = self._http.driver.run(load)
            commands = sum(q.commands for q in given)
            return of_outcome(Label(scenario, name, number), commands / outcome.elapsed_s, outcome, units=commands)

        return measure


class Raw:
    """The floor: the rows of the first round, on a fresh copy each time."""

    def __init__(self, ground: Ground, floor: Floor, field_: Field, rows: dict[UUID, list[Transaction]]) -> None:
        self._ground, self._floor, self._field, self._rows = ground, floor, field_, rows

    def measure(self, scenario: str, name: str) -> Measure:
        """Write the rows: commands per second, were they commands."""
        given = queues(self._field, scenario, 0)

        def measure(number: int) -> Sample:
            database = f"floor_{scenario}_{number}"
            settings = self._ground.copy(database, of=TEMPLATE)
            scripts = [self._rows[queue.device_id] for queue in given]
            ran = self._floor.run(Task(dsn=settings.owner_database_url, scripts=scripts, seconds=_LIMIT_S, once=True))
            self._ground.drop(database)
            commands = sum(queue.commands for queue in given)
            return of_ran(Label(scenario, name, number), commands / ran.elapsed_s, ran, units=commands)

        return measure


def of_peer(http: Http, field_: Field, scenario: str, peer: Peer) -> Measure:
    """Hand the same commands to a peer, a record each, in batches that are a transaction: records per second.

    A batch is begun until the time is over: what a peer stores does not depend on what came before.
    """

    def measure(number: int) -> Sample:
        given = queues(field_, scenario, number + 1)
        scripts = [peer.push(queue, caller) for caller, queue in enumerate(given)]
        if number == 0:
            for script in scripts[:1]:
                peer.check_push(phone.ask(peer.server.port, script[0]))
            scripts[0] = scripts[0][1:] or scripts[0]
        load = Load(port=peer.server.port, scripts=scripts, seconds=http.plan.push_limit_s, once=True)
        outcome = http.driver.run(load)
        records = outcome.answers * BATCH
        return of_outcome(Label(scenario, peer.name, number), records / outcome.elapsed_s, outcome, units=records)

    return measure
