"""The process that serves: uvicorn around the application. Owns listening and stopping, no request."""

import gc
import os
import shutil
import tempfile
from typing import Final

import uvicorn
from litestar import Litestar
from uvicorn.supervisors import Multiprocess

from api.app import create_app
from api.http_protocol import PatientConfig
from api.logs import configure_logs
from api.metrics import MULTIPROCESS_FOLDER
from api.settings import Settings, load_settings
from api.stopping import end_quietly

# Long polls and streams are let go at once; a request that takes longer than this is cut, and the client comes again.
STOP_WITHIN_S: Final = 15
KEEP_ALIVE_S: Final = 75
# A worker that does not answer its supervisor is replaced. On a busy machine it takes a while until it can.
WORKER_ANSWERS_WITHIN_S: Final = 30
FILES: Final = 65_536
COLLECT_AFTER: Final = 20_000
"""How many objects more than were let go bring the collector on."""


def serve(settings: Settings, *, host: str, port: int, workers: int = 1, timers: bool = False) -> None:
    """Serve until a signal says stop. With several workers each is a process that reads the settings anew, and none does the `timers`."""
    configure_logs(settings)
    allow_connections()
    if workers == 1:
        end_quietly()
        app = create_app(settings, timers=timers, serving=True)
        spare_the_collector()
        uvicorn.Server(server_config(app, settings, host=host, port=port)).run()
        return
    shared = tempfile.mkdtemp(prefix="onsite-metrics-")
    os.environ[MULTIPROCESS_FOLDER] = shared
    try:
        config = server_config("api.server:from_environment", settings, host=host, port=port, workers=workers)
        Multiprocess(config, sockets=[config.bind_socket()]).run()
    finally:
        shutil.rmtree(shared, ignore_errors=True)


def server_config(app: Litestar | str, settings: Settings, *, host: str, port: int, workers: int = 1) -> PatientConfig:
    """Give uvicorn's configuration of an application, or of a name under which each worker finds what makes one; tests serve by it too."""
    return PatientConfig(
        app,
        factory=isinstance(app, str),
        workers=workers,
        patience_s=settings.patience_s,
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        server_header=False,
        forwarded_allow_ips=settings.trusted_proxies,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=STOP_WITHIN_S,
        timeout_worker_healthcheck=WORKER_ANSWERS_WITHIN_S,
        lifespan="on",
    )


def allow_connections() -> None:
    """Let the process, and the workers that it starts, have as many connections as the machine allows it to ask for.

    Many systems begin with 1,024 files for each process: a quarter of the listeners that one may have.
    """
    try:
        import resource
    except ImportError:
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES if hard == resource.RLIM_INFINITY else min(hard, FILES)
    if soft not in (resource.RLIM_INFINITY, wanted) and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def from_environment() -> Litestar:
    """Make the application of one worker process from the environment."""
    settings = load_settings()
    configure_logs(settings)
    app = create_app(settings, serving=True)
    spare_the_collector()
    return app


def spare_the_collector() -> None:
    """Tell the garbage collector that what start-up has made stays, and to look at the rest less often.

    A pushed batch makes some ten thousand objects that live as long as it does: by the default the collector goes through them a dozen
    times and finds nothing.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER, 20, 20)
