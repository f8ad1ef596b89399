"""The moment at which a process is told to stop: who waits for news is let go at once, and workers whose supervisor died stop too.

Owns no request and no exit: the server around the application finishes what is under way and ends.
"""

import asyncio
import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Final

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


@contextlib.contextmanager
def stopping(let_go: Callable[[], None]) -> Iterator[None]:
    """Call `let_go` in this loop when a signal says stop, after the server's own handler; outside the main thread never."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    before = {number: signal.getsignal(number) for number in SIGNALS}

    def stop(number: int, frame: FrameType | None) -> None:
        handler = before[signal.Signals(number)]
        if callable(handler):
            handler(number, frame)
        loop.call_soon_threadsafe(let_go)

    for number in SIGNALS:
        signal.signal(number, stop)
    supervisor = multiprocessing.parent_process()
    if supervisor is not None:
        # Killed, it tells nobody: its workers would hold the port for ever, and no new ones could be started.
        loop.add_reader(supervisor.sentinel, _stop_without_supervisor, loop, supervisor.sentinel)
    try:
        yield
    finally:
        if supervisor is not None:
            loop.remove_reader(supervisor.sentinel)
        for number, handler in before.items():
            signal.signal(number, handler)


def end_quietly() -> None:
    """Let a process that has stopped as it was told end with code 0: the server repeats the signal once it has finished."""
    for number in SIGNALS:
        signal.signal(number, _end)


def _end(number: int, frame: FrameType | None) -> None:
    raise SystemExit(0)


def _stop_without_supervisor(loop: asyncio.AbstractEventLoop, sentinel: int) -> None:
    loop.remove_reader(sentinel)
    os.kill(os.getpid(), signal.SIGTERM)
