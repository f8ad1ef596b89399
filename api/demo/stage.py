"""The stage of a played day: server, office, crews with enrolled devices, the clock, the agenda. Sets up and clears away; plays nothing."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from msgspec import Struct

from api.demo import founding
from api.demo.crew import Crew, Habits
from api.demo.draws import Chance
from api.demo.founding import Founded
from api.demo.handset import Handset, Ledger
from api.demo.loopback import Loopback
from api.demo.network import Network, Weather
from api.demo.office import Office
from api.demo.people import CrewLine
from api.demo.timeline import Timeline
from api.demo.virtual_time import VirtualClock
from api.enrolment import ENROL
from api.store import throttle
from sync.transaction import org_transaction

# One-time codes are limited to a few in half a minute, in the player's time too.
ENROL_EVERY: Final = timedelta(seconds=30)


class Stage(Struct, frozen=True):
    """Everything a story works with."""

    loopback: Loopback
    founded: Founded
    clock: VirtualClock
    timeline: Timeline
    ledger: Ledger
    office: Office
    crews: tuple[Crew, ...]
    chance: Chance

    @property
    def handsets(self) -> tuple[Handset, ...]:
        """List the devices, in the order of crews."""
        return tuple(crew.handset for crew in self.crews)


class Equipment(Struct, frozen=True, kw_only=True):
    """How the crews are equipped: where device files lie, how bad the network is, how crews live, how many act at once."""

    folder: Path
    chance: Chance
    weather: Weather
    habits: Habits = Habits()
    hands: int = 1
    tick: timedelta = timedelta()


@contextmanager
def set_up(
    loopback: Loopback, founded: Founded, lines: Sequence[CrewLine], equipment: Equipment, *, clock: VirtualClock
) -> Iterator[Stage]:
    """Enrol a device for each crew and bring it up to date in fair weather; put the devices away in the end.

    Every half minute one device enrols; the lead of each crew works with it.
    """
    chance, ledger = equipment.chance, Ledger()
    office = Office(loopback, founded, lines, clock=clock, ledger=ledger, chance=chance)
    timeline = Timeline(clock, hands=equipment.hands, tick=equipment.tick)
    crews: list[Crew] = []
    loopback.call(_begin_afresh(loopback, founded))
    try:
        for line in lines:
            crews.append(_equipped(loopback, office, line, equipment, clock=clock, ledger=ledger))
            crews[-1].parts = founded.parts
            clock.move_to(clock.now() + ENROL_EVERY)
        for crew in crews:
            crew.handset.network.weather = equipment.weather
            crew.habits = equipment.habits
        yield Stage(loopback, founded, clock, timeline, ledger, office, tuple(crews), chance)
    finally:
        for crew in crews:
            crew.handset.close()


def calm(crews: Sequence[Crew]) -> None:
    """Give every crew a good network, and its app a long life."""
    for crew in crews:
        crew.handset.network.weather = Weather()
        crew.handset.network.up = True
        crew.offline_until = None
        crew.habits = Habits(dropout=0, death=0)
        crew.handset.spare()


def roster(loopback: Loopback, founded: Founded, lines: Sequence[CrewLine], morning: datetime, *, days: int) -> None:
    """Put crews on shift from a morning on, for some days."""
    commands = founding.roster_of(founded, lines, morning, days=days)
    loopback.call(founding.give(loopback.services.pool, founded.org_id, commands, now=loopback.services.clock()))


async def _begin_afresh(loopback: Loopback, founded: Founded) -> None:
    """Forget how many enrolled lately: the clock of a day that is played again stands before the last one's."""
    async with org_transaction(loopback.services.pool, founded.org_id) as conn:
        await throttle.forget(conn, founded.org_id, ENROL.key("127.0.0.1"))


def _equipped(
    loopback: Loopback,
    office: Office,
    line: CrewLine,
    equipment: Equipment,
    *,
    clock: VirtualClock,
    ledger: Ledger,
) -> Crew:
    chance = equipment.chance
    network = Network(loopback.url, chance.drawn(f"network/{line.code}"))
    path = equipment.folder / f"{line.code}.sqlite3"
    handset = Handset(line.name, path, network, clock=clock, ledger=ledger, chance=chance)
    handset.enrol(office.enrolment_code(line.crew_id))
    handset.device.use(line.members[0])
    handset.sync()
    source = chance.drawn(f"crew/{line.code}")
    return Crew(line.code, line.crew_id, handset, clock=clock, source=source, base=line.base)
