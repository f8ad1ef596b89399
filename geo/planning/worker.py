"""The solver's process: reads tasks from its input, writes answers to its output, ends with its input.

Started by `geo.planning.solver_process` as a program of its own, since VROOM holds the interpreter lock while it solves.
A frame is its length in four little-endian bytes and then a message.
"""

from __future__ import annotations

import os
import struct
import sys
from importlib import import_module
from typing import BinaryIO, Final

from geo.planning.solver_task import ENCODER, TASKS, Method, SolverAnswer, SolverTask

LENGTH: Final = struct.Struct("<I")
_MODULES: Final = {Method.VROOM: "geo.planning.vroom_search", Method.PYVRP: "geo.planning.pyvrp_search"}


def main() -> None:
    """Answer tasks until the input ends."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    # A solver that prints must not write into the answers.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    tasks = sys.stdin.buffer
    while (frame := _read(tasks)) is not None:
        answer = ENCODER.encode(_answer(TASKS.decode(frame)))
        answers.write(LENGTH.pack(len(answer)) + answer)
        answers.flush()


def _answer(task: SolverTask) -> SolverAnswer:
    try:
        answer: SolverAnswer = import_module(_MODULES[task.method]).solve(task)
    except ModuleNotFoundError as absent:
        return SolverAnswer(fault=f"{task.method} is not installed: {absent.name}")
    except Exception as problem:
        # Whatever the solver does not like, the planner goes on without it and says so.
        return SolverAnswer(fault=f"{task.method}: {type(problem).__name__}: {problem}"[:300])
    return answer


def _read(tasks: BinaryIO) -> bytes | None:
    head = tasks.read(LENGTH.size)
    if len(head) < LENGTH.size:
        return None
    return tasks.read(LENGTH.unpack(head)[0])


if __name__ == "__main__":
    main()
