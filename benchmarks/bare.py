"""The floor of HTTP: a Litestar application whose one handler does nothing, served as the product is served."""

import sys
from typing import Final

import uvicorn
from litestar import Litestar, Response, get, post
from uvicorn.supervisors import Multiprocess

from api.server import allow_connections, server_config, spare_the_collector
from api.settings import load_settings

_NOTHING: Final = b""


@post("/", status_code=200)
async def nothing() -> Response[bytes]:
    """Answer nothing."""
    return Response(_NOTHING, media_type="application/x-ndjson")


@get("/")
async def ready() -> Response[bytes]:
    """Say that it serves."""
    return Response(_NOTHING, media_type="text/plain")


def application() -> Litestar:
    """Make the application."""
    spare_the_collector()
    return Litestar([nothing, ready], openapi_config=None, logging_config=None)


def main() -> None:
    """Serve on a port with a number of processes: `python -m benchmarks.bare 8000 2`."""
    settings, port, workers = load_settings(), int(sys.argv[1]), int(sys.argv[2])
    allow_connections()
    if workers == 1:
        uvicorn.Server(server_config(application(), settings, host="127.0.0.1", port=port)).run()
        return
    made = "benchmarks.bare:application"
    config = server_config(made, settings, host="127.0.0.1", port=port, workers=workers)
    Multiprocess(config, sockets=[config.bind_socket()]).run()


if __name__ == "__main__":
    main()
