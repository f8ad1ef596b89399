"""Routes for machines that watch the server: alive, ready, metrics. Shows nothing of an organisation."""

import asyncio
import hmac
from typing import Any, Final

import asyncpg
from litestar import Request, Response, Router, get
from litestar.di import NamedDependency

from api.describe import public
from api.metrics import MEDIA_TYPE
from api.migrations import latest_revision
from api.problems import ProblemError
from api.services import Services
from mobile_contract.schema.answer import Health
from mobile_contract.schema.base import LocalText
from mobile_contract.version import CONTRACT

READY_WITHIN_S: Final = 3.0
_LOOPBACK: Final = ("127.0.0.1", "::1")
_REVISION: Final = "select version_num from public.alembic_version limit 1"


@get("/health/live", opt=public("Say that the process is alive", answer=Health))
async def live() -> Health:
    """Answer as long as the process does."""
    return Health(status="live", contract=CONTRACT)


@get("/health/ready", opt=public("Say that requests can be served", answer=Health, problems=("not_ready",)))
async def ready(services: NamedDependency[Services]) -> Health:
    """Answer 200 when the database is reachable and at the program's revision, else 503."""
    try:
        async with asyncio.timeout(READY_WITHIN_S):
            revision = await services.pool.fetchval(_REVISION)
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
        raise ProblemError("not_ready", LocalText(en="The database does not answer.", zh="数据库无响应。")) from None
    if revision != latest_revision():
        raise ProblemError("not_ready", LocalText(en="Migrations are missing.", zh="数据库尚未迁移。"))
    return Health(status="ready", revision=revision, contract=CONTRACT)


@get("/metrics", opt=public("Prometheus metrics", hidden=True))
async def metrics(request: Request[Any, Any, Any], services: NamedDependency[Services]) -> Response[bytes]:
    """Write the metrics: for the bearer of `metrics_token`, or without one for callers on this machine, but not in production."""
    token = services.settings.metrics_token
    if token:
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        if not hmac.compare_digest(given.encode(), token.encode()):
            raise ProblemError("unauthenticated")
    elif services.settings.production or request.client is None or request.client.host not in _LOOPBACK:
        # Behind a proxy on the same machine the whole world comes from loopback.
        raise ProblemError("forbidden")
    await services.metrics.gauges.refresh(services.pool, now=services.clock())
    return Response(services.metrics.page(), media_type=MEDIA_TYPE)


router = Router("/", route_handlers=[live, ready, metrics], tags=["health"])
