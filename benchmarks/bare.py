"""The floor of HTTP: a Litestar application whose one handler does nothing, served as the product is served."""

import sys
from typing import Final

from litestar import Litestar, Response, get, post

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
    return Litestar([nothing, ready], openapi_config=None, logging_config=None)


def main() -> None:
    """Serve on a port with a number of processes: `python -m benchmarks.bare 8000 2`."""
    import uvicorn

    from api.server import KEEP_ALIVE_S, STOP_WITHIN_S

    port, workers = int(sys.argv[1]), int(sys.argv[2])
    uvicorn.run(
        "benchmarks.bare:application",
        factory=True,
        host="127.0.0.1",
        port=port,
        workers=workers,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=STOP_WITHIN_S,
    )


if __name__ == "__main__":
    main()
