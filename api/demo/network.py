"""The network between a device and the server as crews know it: gone for hours, cut in mid-answer, and phones that die in the middle.

Wraps the real transport; what fails is drawn from a seed. Counts what it did. Never changes what is said.
"""

import random
from collections import Counter
from collections.abc import Mapping
from typing import Final
from uuid import UUID

import msgspec
from msgspec import Struct

from mobile_contract.client import HttpTransport, Response, Unreachable
from mobile_contract.client.exchange import PUSH_PATH


class Killed(BaseException):
    """The app was killed here; what is on disk is all that is left of it."""


class Weather(Struct, frozen=True, kw_only=True):
    """How often what goes wrong, per request: lost on the way there, its answer lost, the app killed before or after the answer."""

    lost_request: float = 0.0
    lost_answer: float = 0.0
    killed: float = 0.0


FAIR: Final = Weather()
ROUGH: Final = Weather(lost_request=0.03, lost_answer=0.06, killed=0.02)


class Traffic(Struct, kw_only=True):
    """What a device's network has seen; `sent` counts how often each command was handed in."""

    requests: int = 0
    pushes: int = 0
    pulls: int = 0
    bytes_up: int = 0
    bytes_down: int = 0
    lost_requests: int = 0
    lost_answers: int = 0
    kills: int = 0
    sent: Counter[UUID] = msgspec.field(default_factory=Counter)


class _Cmd(Struct):
    id: UUID


class _Frame(Struct):
    cmd: _Cmd


class _Batch(Struct):
    commands: tuple[_Frame, ...] = ()


_BATCH: Final = msgspec.json.Decoder(_Batch)


class Network:
    """A transport that is up or down and, while up, as bad as its weather."""

    def __init__(self, url: str, source: random.Random) -> None:
        self._http = HttpTransport(url)
        self._random = source
        self.up = True
        self.weather = FAIR
        self.lose_next_answer = False
        self.kill_next_answer = False
        self.traffic = Traffic()

    def post(self, path: str, body: bytes, headers: Mapping[str, str], timeout_s: float) -> Response:
        """Send a body unless the network is down. Raises Unreachable, and Killed where the app dies."""
        if not self.up:
            raise Unreachable("no network")
        drawn = self._random.random()
        if drawn < self.weather.lost_request:
            self.traffic.lost_requests += 1
            raise Unreachable("the request was lost")
        if self._random.random() < self.weather.killed / 2:
            self._kill()
        self._count(path, body)
        answer = self._http.post(path, body, headers, timeout_s)
        self.traffic.bytes_down += len(answer.body)
        if self.kill_next_answer or self._random.random() < self.weather.killed / 2:
            self.kill_next_answer = False
            self._kill()
        if self.lose_next_answer or self._random.random() < self.weather.lost_answer:
            self.lose_next_answer = False
            self.traffic.lost_answers += 1
            raise Unreachable("the answer was lost")
        return answer

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _kill(self) -> None:
        self.traffic.kills += 1
        raise Killed

    def _count(self, path: str, body: bytes) -> None:
        self.traffic.requests += 1
        self.traffic.bytes_up += len(body)
        if path == PUSH_PATH:
            self.traffic.pushes += 1
            self.traffic.sent.update(frame.cmd.id for frame in _BATCH.decode(body).commands)
        else:
            self.traffic.pulls += 1
