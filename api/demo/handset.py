"""A reference device in a crew's hands: enrolled, worked with, killed and started again from its file. Plays nobody: `crew` does.

Every command it makes goes into the ledger, by which the proof asks what became of it.
"""

import sqlite3
import threading
from collections.abc import Collection, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final
from uuid import UUID

import msgspec
from msgspec import Struct

from api.demo.draws import Chance
from api.demo.network import Killed, Network
from api.demo.virtual_time import HandsetClock, VirtualClock
from mobile_contract.client import Device, Pace, Store, SyncReport, Unreachable, uuid7
from mobile_contract.client.optimistic import Key
from mobile_contract.registry import COMMANDS, Nature
from mobile_contract.schema.base import Command, Document, Position
from mobile_contract.schema.messages import PositionsAsk
from mobile_contract.version import CONTRACT

PACE: Final = Pace(tries=2, base_s=0.01, timeout_s=30)
APP: Final = "onsite-reference 1.0"
POSITIONS_PATH: Final = "/sync/v1/positions"
# A sync passes some hundreds of statements; a command about eight.
_STATEMENTS_MAX: Final = 400


class Made(Struct, frozen=True):
    """A command that somebody made: who (a device's label, or a role of the office) and when it was true."""

    command_id: UUID
    name: str
    by: str
    at: datetime

    @property
    def is_fact(self) -> bool:
        """Tell whether it reports."""
        return COMMANDS[self.name].nature is Nature.FACT


class Ledger:
    """Everything that was asked for, by devices and by the office, in the order in which it was made."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.field: list[Made] = []
        self.office: list[Made] = []

    def note(self, made: Made, *, field: bool) -> None:
        """Write a command down."""
        with self._lock:
            (self.field if field else self.office).append(made)


class _MortalStore(Store):
    """A store whose process dies when `statements_left` have run."""

    statements_left: int | None = None

    def run(self, sql: str, values: Sequence[object] = ()) -> sqlite3.Cursor:
        """Run one statement, or die before it."""
        if self.statements_left is not None:
            if self.statements_left <= 0:
                self.statements_left = None
                raise Killed
            self.statements_left -= 1
        return super().run(sql, values)


class Handset:
    """One phone. Its device lives as long as its process; the file stays."""

    def __init__(
        self, label: str, path: Path, network: Network, *, clock: VirtualClock, ledger: Ledger, chance: Chance
    ) -> None:
        self.label, self.network = label, network
        self._path, self._true, self._ledger = path, clock, ledger
        self._random, self._ids = chance.drawn(label), chance.ids(label)
        self.clock = HandsetClock(clock, f"{label}/{chance.play}")
        self.deaths = 0
        self._next_id: UUID | None = None
        self._store, self.device = self._opened()

    def enrol(self, code: str) -> UUID:
        """Enrol with a one-time code; give the device's id."""
        return self.device.enrol(code, self.label, app=APP).device_id

    def do(self, command: Command, *, after: tuple[UUID, ...] | None = None) -> UUID:
        """Queue a command and give its id. An app that dies over it is started again, and the crew repeats what is not there."""
        id = self._next_id = uuid7(self._true.now(), self._ids)
        for _ in range(3):
            try:
                self.device.do(command, after=after)
                break
            except Killed:
                self.reborn()
                if self._store.row("select 1 from command where id = ?", (str(id),)):
                    break
        made = Made(id, str(command.__struct_config__.tag), self.label, self._true.now())
        self._ledger.note(made, field=True)
        return id

    def sync(self, *, check: bool = False) -> SyncReport | None:
        """Sync once, whatever comes of it; None when the app died in the middle of it and was started again."""
        try:
            return self.device.sync(check=check)
        except Killed:
            self.reborn()
            return None

    def shown(self, kinds: Collection[str]) -> dict[Key, Document]:
        """Give what the crew sees, of some kinds."""
        return self.device.shown(kinds)

    def die_soon(self) -> None:
        """Let the process die at some statement of what it does next."""
        self._store.statements_left = self._random.randrange(_STATEMENTS_MAX)

    def new_id(self) -> UUID:
        """Draw an id for something that a command makes."""
        return UUID(int=self._ids.getrandbits(128), version=4)

    def spare(self) -> None:
        """Let the process live."""
        self._store.statements_left = None

    def reborn(self) -> None:
        """Start the app again: nothing is left but what is on disk."""
        self.deaths += 1
        self._store.close()
        self._store, self.device = self._opened()

    def report_position(self, lon_deg: float, lat_deg: float) -> bool:
        """Report where the crew is, WGS 84; a report that does not arrive is lost."""
        install = self._store.install()
        if install is None or not self.network.up:
            return False
        ask = PositionsAsk(
            positions=(Position(lon_deg=lon_deg, lat_deg=lat_deg, accuracy_m=12.0, at=self._true.now()),)
        )
        headers = {
            "Onsite-Contract": CONTRACT,
            "Authorization": f"Bearer {install.token}",
            "Onsite-Session": str(install.session_id),
        }
        try:
            answer = self.network.post(POSITIONS_PATH, msgspec.json.encode(ask), headers, PACE.timeout_s)
        except Killed:
            self.reborn()
            return False
        except Unreachable:
            return False
        return answer.status == 200

    def close(self) -> None:
        """Put the phone away; its file stays."""
        self._store.close()
        self.network.close()

    def _opened(self) -> tuple[_MortalStore, Device]:
        store = _MortalStore(self._path)
        device = Device(store, self.network, clock=self.clock, source=self._random, new_id=self._drawn_id, pace=PACE)
        return store, device

    def _drawn_id(self) -> UUID:
        assert self._next_id is not None  # set by `do`
        return self._next_id
