"""Where plans are made and explained in a process that serves: threads, a solver's process, travel times. Owns their lives.

The solver's process starts with the first plan that wants it and ends with the application. One plan is made at a time: more would take the
cores from those who serve. Organisations take turns. Knows nothing of an organisation but that it waits.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, TypeVar
from uuid import UUID

import httpx
import msgspec

from api.operator_error import OperatorError
from api.problems import busy
from api.settings import Settings
from geo.city_tables import read_street_graph
from geo.planning.routing import Solver
from geo.planning.solver_process import SolverProcess
from geo.street_graph import StreetGraph, StreetGraphTravel
from geo.travel import GreatCircleTravel, SpeedTable, TravelTimes
from geo.travel_http import OsrmTable, ServerTravel, ValhallaMatrix
from mobile_contract.schema.base import LocalText

T = TypeVar("T")
WAITING_MAX: Final = 32
"""Plans, or explanations, of all organisations together that are being made or wait."""
OF_ONE_MAX: Final = 2
"""Plans of one organisation: one is being made or next in line, one waits for that."""
EXPLAINED_MAX: Final = 8
"""Explanations of one organisation that are being made or wait."""
FILE: Final = "street_graph.json"
_ANSWER_S: Final = 5.0
# Those who serve come first.
_NICENESS: Final = 5


class _Line:
    """A thread that does one piece of work at a time. Of each organisation one piece at most stands in line, so that nobody waits for all of another's."""

    def __init__(self, name: str, *, of_one: int, full: LocalText) -> None:
        """Take at most `of_one` pieces of an organisation; `full` is what those are told who are sent away."""
        self._of_one, self._full = of_one, full
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)
        self._asking: Counter[UUID] = Counter()
        self._turns: dict[UUID, asyncio.Lock] = {}

    async def do(self, org_id: UUID, work: Callable[[], T]) -> T:
        """Do a piece of work in its turn. Raises ProblemError (busy) when too much waits."""
        if self._asking[org_id] >= self._of_one or self._asking.total() >= WAITING_MAX:
            raise busy(self._full)
        self._asking[org_id] += 1
        turn = self._turns.setdefault(org_id, asyncio.Lock())
        try:
            async with turn:
                return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        finally:
            self._asking[org_id] -= 1
            if not self._asking[org_id]:
                del self._asking[org_id], self._turns[org_id]

    def close(self) -> None:
        """End the thread; nothing that waits is begun."""
        self._thread.shutdown(wait=False, cancel_futures=True)


class PlanningDesk:
    """Makes and explains plans off the event loop, one at a time, with a solver and travel times."""

    def __init__(self, settings: Settings) -> None:
        """Look whether a street graph that is asked for by name is there; it is read with the first plan. Raises OperatorError."""
        self._settings = settings
        self._file = Path(settings.street_graph).expanduser() if settings.street_graph else settings.state_dir / FILE
        self._wanted = settings.travel == "street_graph" or bool(settings.street_graph)
        if self._wanted and not self._file.is_file():
            raise OperatorError(
                f"There is no street graph at {self._file}: `onsite city make` writes one, or set ONSITE_TRAVEL."
            )
        self._solver = SolverProcess(niceness=_NICENESS)
        self._plans = _Line(
            "planning", of_one=OF_ONE_MAX, full=LocalText(en="Other plans are being made.", zh="正在生成其他方案。")
        )
        self._explained = _Line(
            "explaining",
            of_one=EXPLAINED_MAX,
            full=LocalText(en="Other visits are being explained.", zh="正在解释其他任务。"),
        )
        self._travel: dict[str, TravelTimes] = {}
        self._graph: StreetGraph | None = None
        self._client: httpx.Client | None = None

    async def plan(self, org_id: UUID, work: Callable[[TravelTimes, Solver], T], *, zone: str) -> T:
        """Do a piece of planning with travel times of a zone and the solver. Raises ProblemError (busy) when too many wait."""
        return await self._plans.do(org_id, lambda: work(self._times(zone), self._solver))

    async def explain(self, org_id: UUID, work: Callable[[], T]) -> T:
        """Make an explanation, which waits for no plan. Raises ProblemError (busy) when too many wait."""
        return await self._explained.do(org_id, work)

    @property
    def solver_pid(self) -> int | None:
        """Give the id of the solver's process; None while there is none."""
        return self._solver.pid

    def close(self) -> None:
        """End the solver's process and the thread; a plan that is being made is not waited for."""
        self._plans.close()
        self._explained.close()
        self._solver.close()
        if self._client is not None:
            self._client.close()

    def _times(self, zone: str) -> TravelTimes:
        if zone not in self._travel:
            self._travel[zone] = self._made(SpeedTable(zone=zone))
        return self._travel[zone]

    def _made(self, speeds: SpeedTable) -> TravelTimes:
        settings = self._settings
        embedded: TravelTimes = GreatCircleTravel(speeds)
        if settings.travel != "great_circle" and (self._wanted or self._file.is_file()):
            embedded = StreetGraphTravel(self._streets(), speeds)
        if settings.travel not in ("osrm", "valhalla"):
            return embedded
        if self._client is None:
            self._client = httpx.Client(base_url=settings.travel_url.rstrip("/"), timeout=_ANSWER_S)
        server = OsrmTable(self._client, speeds=speeds) if settings.travel == "osrm" else ValhallaMatrix(self._client)
        return ServerTravel(server, speeds=speeds, fallback=embedded)

    def _streets(self) -> StreetGraph:
        if self._graph is None:
            try:
                self._graph = read_street_graph(self._file.read_bytes())
            except (OSError, msgspec.MsgspecError) as error:
                raise OperatorError(
                    f"{self._file} is no street graph ({error}): `onsite city make` writes one, or set ONSITE_TRAVEL."
                ) from error
        return self._graph
