"""The process that serves: uvicorn around the application. Owns listening and stopping, no request."""

import os
import shutil
import tempfile
from typing import Final

import uvicorn
from litestar import Litestar

from api.app import create_app
from api.logs import configure_logs
from api.metrics import MULTIPROCESS_FOLDER
from api.settings import Settings, load_settings

# A long poll or a live stream may hold a connection longer than this: it is cut, and the client comes again.
STOP_WITHIN_S: Final = 15
KEEP_ALIVE_S: Final = 75
HEADER_BYTES: Final = 32 * 1024


def serve(settings: Settings, *, host: str, port: int, workers: int = 1, timers: bool = False) -> None:
    """Serve until a signal says stop. With several workers each is a process that reads the settings anew, and none does the `timers`."""
    configure_logs(settings)
    if workers == 1:
        uvicorn.Server(server_config(create_app(settings, timers=timers), settings, host=host, port=port)).run()
        return
    shared = tempfile.mkdtemp(prefix="onsite-metrics-")
    os.environ[MULTIPROCESS_FOLDER] = shared
    try:
        uvicorn.run(
            "api.server:from_environment",
            factory=True,
            host=host,
            port=port,
            workers=workers,
            log_config=None,
            access_log=False,
            server_header=False,
            forwarded_allow_ips=settings.trusted_proxies,
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=STOP_WITHIN_S,
            h11_max_incomplete_event_size=HEADER_BYTES,
        )
    finally:
        shutil.rmtree(shared, ignore_errors=True)


def server_config(app: Litestar, settings: Settings, *, host: str, port: int) -> uvicorn.Config:
    """Give uvicorn's configuration for one process; tests serve by it too."""
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        server_header=False,
        forwarded_allow_ips=settings.trusted_proxies,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=STOP_WITHIN_S,
        h11_max_incomplete_event_size=HEADER_BYTES,
        lifespan="on",
    )


def from_environment() -> Litestar:
    """Make the application of one worker process from the environment."""
    settings = load_settings()
    configure_logs(settings)
    return create_app(settings)
