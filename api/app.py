"""The application: wires settings, database and routes together. Owns no route and no rule.

A new noun is a module in `api/routes/` with a `router`, added to ROUTERS. Its handlers take `services`, `actor` (or `device`)
as named dependencies, read bodies by `api.body`, refuse by `api.problems.ProblemError`, and say who may call them and what
they read and answer by `opt=describe(...)`: without that they are for signed-in persons and missing in the API reference.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext, suppress

import asyncpg
from litestar import Litestar, Router
from litestar.datastructures import State
from litestar.di import Provide
from litestar.exceptions import HTTPException

from api.auth import authenticate, provide_actor, provide_device
from api.database import connect_as_app, open_pool
from api.envelope import Envelope
from api.flood import Flood
from api.ledger import Ledger
from api.live import telling, telling_console
from api.metrics import Metrics
from api.oidc import Oidc
from api.operator_error import OperatorError
from api.passwords import Passwords
from api.planning_desk import PlanningDesk
from api.problems import on_exception
from api.routes import (
    approvals,
    auth,
    board,
    commands,
    conflicts,
    devices,
    dispatch,
    districts,
    docs,
    features,
    ground,
    health,
    jobs,
    live,
    masters,
    open311,
    papers,
    parts,
    people,
    plans,
    pull,
    push,
    reports,
    requests,
    sites,
    staff,
    stock,
    storm,
    tiles,
    trackers,
    undo,
    visits,
    waking,
    warehouse,
    web,
)
from api.services import Clock, Services, system_clock
from api.settings import Settings
from api.shortcut import PATH, PullShortcut
from api.stopping import stopping
from api.timers import timing
from api.waking.waker import Waker
from api.waking.web_push import push_provider
from sync.keyring import make_keyring
from sync.life import Standby, ensure_life
from sync.overruns import Overruns
from sync.pokes import Pokes
from sync.seen import forget_seen
from sync.telemetry import Telemetry
from sync.waiting import Waiting

ROUTERS: Sequence[Router] = (
    health.router,
    auth.router,
    people.router,
    devices.router,
    devices.device_router,
    waking.router,
    waking.device_router,
    commands.router,
    undo.router,
    pull.router,
    push.router,
    push.inbox_router,
    docs.router,
    jobs.router,
    board.router,
    conflicts.router,
    requests.router,
    visits.router,
    staff.router,
    districts.router,
    sites.router,
    approvals.router,
    papers.router,
    parts.router,
    masters.router,
    stock.router,
    warehouse.router,
    reports.router,
    dispatch.router,
    plans.router,
    storm.router,
    live.router,
    ground.router,
    tiles.router,
    features.router,
    open311.router,
    trackers.router,
    trackers.intake_router,
    web.router,
)


def create_app(
    settings: Settings, *, clock: Clock = system_clock, timers: bool = False, serving: bool = False
) -> Litestar:
    """Make the application; its database pool opens when it starts and closes when it ends.

    With `timers` it also does the work by the clock; `serving`: it is the process's own, and heeds the signals that stop it.
    """
    metrics = Metrics()
    ledger = Ledger(metrics)
    shortcut = PullShortcut(ledger, hsts=settings.production)

    @asynccontextmanager
    async def lifespan(app: Litestar) -> AsyncIterator[None]:
        async with open_services(settings, metrics, clock) as services:
            app.state.services = services
            shortcut.open(services)
            with stopping(services.pokes.let_go) if serving else nullcontext():
                async with timing(services) if timers else nullcontext():
                    yield

    app = bare_app(lifespan)
    # Around the router, not in it: what the router itself refuses has to pass through it too.
    app.asgi_handler = Envelope(app.asgi_handler, ledger, hsts=settings.production)
    app.state.shortcuts = {PATH.encode(): shortcut}
    return app


def bare_app(*lifespans: Callable[[Litestar], AbstractAsyncContextManager[None]]) -> Litestar:
    """Make the application's routes alone: enough to describe it, not to serve."""
    return Litestar(
        route_handlers=list(ROUTERS),
        lifespan=list(lifespans),
        guards=[authenticate],
        dependencies={
            "services": Provide(_services, sync_to_thread=False),
            "actor": Provide(provide_actor, sync_to_thread=False),
            "device": Provide(provide_device, sync_to_thread=False),
        },
        exception_handlers={HTTPException: on_exception, Exception: on_exception},
        # Ours knows the discriminators of the contract: api.openapi.
        openapi_config=None,
        logging_config=None,
        debug=False,
    )


@asynccontextmanager
async def open_services(settings: Settings, metrics: Metrics, clock: Clock) -> AsyncIterator[Services]:
    """Open what routes work with, and close it in the end."""
    pool = await open_pool(settings)
    oidc = Oidc(settings.oidc_issuer, settings.oidc_audience, settings.oidc_jwks_url) if settings.oidc_issuer else None
    passwords = Passwords()
    planning = PlanningDesk(settings)
    metrics.watch_pool(pool)
    try:
        previous = settings.secret_previous.encode() or None
        # After a restore this takes a while: better now than in the first device's pull.
        with suppress(Standby, asyncpg.PostgresError):
            await ensure_life(pool)
        async with (
            Pokes(pool, lambda: _listener(settings)).running() as pokes,
            Telemetry().running(pool) as telemetry,
            Waker(pool, push_provider(settings), clock=clock, counted=metrics.wakes).running() as waker,
        ):
            yield Services(
                settings=settings,
                pool=pool,
                keyring=make_keyring(settings.secret.encode(), previous),
                passwords=passwords,
                oidc=oidc,
                metrics=metrics,
                clock=clock,
                poke=telling(telling_console(pokes), waker.hear),
                pokes=pokes,
                waiting=Waiting(pokes, clock=clock, forget=forget_seen),
                telemetry=telemetry,
                flood=Flood(),
                waker=waker,
                overruns=Overruns(),
                planning=planning,
            )
    finally:
        passwords.close()
        planning.close()
        if oidc is not None:
            await oidc.close()
        await pool.close()


async def _listener(settings: Settings) -> asyncpg.Connection:
    try:
        return await connect_as_app(settings)
    except OperatorError as error:
        raise ConnectionError(str(error)) from error


def _services(state: State) -> Services:
    services: Services = state.services
    return services
