"""Bounded waiting on a condition; the only place in the tests where time is allowed to pass. Never a fixed pause."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar, overload

T = TypeVar("T")
STEP_S = 0.02


@overload
async def until(condition: Callable[[], Awaitable[T]], *, timeout_s: float = 10.0) -> T: ...
@overload
async def until(condition: Callable[[], T | Awaitable[T]], *, timeout_s: float = 10.0) -> T: ...
async def until(condition: Callable[[], T | Awaitable[T]], *, timeout_s: float = 10.0) -> T:
    """Ask again and again until the answer is true, and give it; AssertionError after `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    while True:
        answer = condition()
        value: T = await answer if inspect.isawaitable(answer) else answer
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout_s} s: {inspect.getsource(condition).strip()[:200]}")
        await asyncio.sleep(STEP_S)
