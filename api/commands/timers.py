"""`onsite timers`: the work by the clock, in a process of its own. Answers no request."""

import asyncio
import contextlib
import signal
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add this command to the command line."""
    app.command(name="timers", help=timers.__doc__)(timers)


def timers(
    once: Annotated[bool, typer.Option("--once", help="Run every timer once and end, whoever leads.")] = False,
) -> None:
    """Do the work by the clock until told to stop (SIGINT, SIGTERM). Of several such processes one works and the others wait.

    Examples: onsite timers, or onsite timers --once from cron.
    """
    from api.logs import configure_logs
    from api.settings import load_settings

    settings = load_settings()
    configure_logs(settings)

    async def work() -> None:
        from api.app import open_services
        from api.metrics import Metrics
        from api.services import system_clock
        from api.timers import TIMERS, fire, timing

        async with open_services(settings, Metrics(), system_clock) as services:
            if once:
                for timer in TIMERS:
                    await fire(services, timer)
                return
            stop = asyncio.Event()
            loop = asyncio.get_running_loop()
            for number in (signal.SIGINT, signal.SIGTERM):
                with contextlib.suppress(NotImplementedError):
                    loop.add_signal_handler(number, stop.set)
            async with timing(services):
                await stop.wait()

    asyncio.run(work())
