"""The real server on a free port of this machine, in a thread of this process, at the player's time. Owns starting and stopping it."""

import asyncio
import threading
import time
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, Final, Self, TypeVar

import uvicorn
from litestar import Litestar

from api.app import create_app
from api.operator_error import OperatorError
from api.server import server_config
from api.services import Clock, Services
from api.settings import Settings

T = TypeVar("T")
START_S: Final = 30.0
STOP_S: Final = 30.0


class Loopback:
    """A server to play against. Blocking calls come from other threads; `call` runs a coroutine where the server runs."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings = settings
        self._app: Litestar = create_app(settings, clock=clock)
        self._config = server_config(self._app, settings, host="127.0.0.1", port=0)
        self._server = uvicorn.Server(self._config)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._serve, name="loopback server", daemon=True)

    def __enter__(self) -> Self:
        """Start; returns when requests are answered. Raises OperatorError when the server does not come up."""
        self._thread.start()
        deadline = time.monotonic() + START_S
        while not self._server.started and self._thread.is_alive() and time.monotonic() < deadline:
            self._thread.join(0.01)
        if not self._server.started:
            self._stop()
            if isinstance(self._failure, OperatorError):
                raise self._failure
            raise OperatorError("The server did not start on a free port of 127.0.0.1; its log says why.")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop; requests under way are finished first."""
        self._stop()

    @property
    def url(self) -> str:
        """Give the address, without a slash at its end."""
        port = self._server.servers[0].sockets[0].getsockname()[1]
        return f"http://127.0.0.1:{port}"

    @property
    def services(self) -> Services:
        """Give what the server's routes work with."""
        services: Services = self._app.state.services
        return services

    def call(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine in the server's loop and wait for its result."""
        assert self._loop is not None  # entered
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def _serve(self) -> None:
        async def serve() -> None:
            self._loop = asyncio.get_running_loop()
            await self._server.serve()

        try:
            with asyncio.Runner(loop_factory=self._config.get_loop_factory()) as runner:
                runner.run(serve())
        # uvicorn ends the process's thread by SystemExit when its start-up fails.
        except BaseException as failure:
            self._failure = failure

    def _stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(STOP_S)
