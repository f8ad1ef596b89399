"""A solver in a process of its own, with a hard limit: whoever does not answer in time is killed, by the handle it was started with.

Owns the process. Never solves anything in its own.
"""

from __future__ import annotations

import os
import select
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Final

from geo.planning.solver_task import ANSWERS, ENCODER, SolverAnswer, SolverTask
from geo.planning.worker import LENGTH

# Starting Python and importing a solver, on a machine with other work.
START_S: Final = 30.0
# What a solver may take beyond its own limit before it counts as stuck.
GRACE_S: Final = 3.0
_ROOT: Final = Path(__file__).resolve().parents[2]


class SolverProcess:
    """One process, one task at a time; it is started with the first task and again after it was killed."""

    def __init__(self, *, start_s: float = START_S, grace_s: float = GRACE_S, niceness: int = 0) -> None:
        self._start_s = start_s
        self._grace_s = grace_s
        self._niceness = niceness
        self._process: subprocess.Popen[bytes] | None = None
        self._warm = False
        self._turn = threading.Lock()
        self._closed = False

    def __enter__(self) -> SolverProcess:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def pid(self) -> int | None:
        """Give the id of the process; None while there is none."""
        return None if self._process is None else self._process.pid

    def solve(self, task: SolverTask) -> SolverAnswer:
        """Send a task and wait for its answer; past the limit the process is killed and `fault` says so."""
        with self._turn:
            if self._closed:
                return SolverAnswer(fault="the solver is closed")
            process = self._started()
            allowed_s = task.limit_s + self._grace_s + (0.0 if self._warm else self._start_s)
            try:
                frame = self._exchange(process, ENCODER.encode(task), time.monotonic() + allowed_s)
            except TimeoutError:
                self._kill()
                return SolverAnswer(fault=f"{task.method} did not answer within {allowed_s:.0f} s and was stopped")
            except (OSError, EOFError):
                self._kill()
                return SolverAnswer(fault=f"the process of {task.method} ended")
            self._warm = True
            return ANSWERS.decode(frame)

    def close(self) -> None:
        """End the process for good: it reads the end of its input, and is killed where it is stuck or at a task."""
        self._closed = True
        busy = self._process if self._turn.locked() else None
        if busy is not None:
            # Whoever waits for the task reads the end of the answers.
            busy.kill()
        with self._turn:
            if self._process is None:
                return
            if self._process.stdin is not None:
                self._process.stdin.close()
            try:
                self._process.wait(timeout=1.0)
            except subprocess.TimeoutExpired:
                self._process.kill()
            self._kill()

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self._kill()
            niceness = self._niceness
            code = f"import os; os.nice({niceness}); from geo.planning.worker import main; main()"
            # The solvers' own threads would take the cores from those who serve.
            env = {**_environment(), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
            self._process = subprocess.Popen(
                [sys.executable, "-c", code],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                bufsize=0,
                cwd=_ROOT,
                env=env,
            )
        return self._process

    def _exchange(self, process: subprocess.Popen[bytes], task: bytes, until: float) -> bytes:
        if process.stdin is None or process.stdout is None:
            raise EOFError
        out, back = process.stdin.fileno(), process.stdout.fileno()
        left = memoryview(LENGTH.pack(len(task)) + task)
        while left:
            # A pipe takes 4 KiB at least when it says that it is ready.
            _wait(until, write=out)
            left = left[os.write(out, left[:4096]) :]
        size = LENGTH.unpack(_read(back, LENGTH.size, until))[0]
        return _read(back, size, until)

    def _kill(self) -> None:
        process, self._process, self._warm = self._process, None, False
        if process is None:
            return
        if process.poll() is None:
            process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()


def _environment() -> dict[str, str]:
    """Give the environment without what only those who serve need: no address or password of a database."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("ONSITE_", "DATABASE_", "PG"))}


def _wait(until: float, *, read: int | None = None, write: int | None = None) -> None:
    left_s = until - time.monotonic()
    poll = select.poll()
    if read is not None:
        poll.register(read, select.POLLIN | select.POLLHUP)
    if write is not None:
        poll.register(write, select.POLLOUT | select.POLLERR)
    if left_s <= 0 or not poll.poll(left_s * 1000):
        raise TimeoutError


def _read(pipe: int, size: int, until: float) -> bytes:
    got = bytearray()
    while len(got) < size:
        _wait(until, read=pipe)
        chunk = os.read(pipe, size - len(got))
        if not chunk:
            raise EOFError
        got += chunk
    return bytes(got)
