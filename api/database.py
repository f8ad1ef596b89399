"""Connections to PostgreSQL: the application's pool and the owner's single connections. Never holds SQL of the trade.

The pool always acts as `onsite_app`, which owns nothing, so row-level security applies to it. Where the URL logs in as
another role (one managed login that owns the tables), each connection takes on `onsite_app` from its first byte.

A connection of the pool is for transactions only: no session `SET`, no session advisory lock, no `LISTEN`. Nothing is
therefore reset when it returns, which saves a round trip each time.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import msgspec

from api.cluster.place import APP_ROLE
from api.operator_error import OperatorError
from api.settings import Settings, login_role

CONNECT_TIMEOUT_S = 10.0
# The first byte of jsonb's binary form is its version.
JSONB_VERSION = b"\x01"


async def open_pool(settings: Settings, *, size_max: int | None = None) -> asyncpg.Pool:
    """Open the application's pool; jsonb arrives and leaves as plain Python values.

    Raises OperatorError when the server does not answer or does not let the login act as `onsite_app`.
    """
    try:
        return await _BoundedPool(settings, size_max=size_max or settings.pool_size_max)
    except (OSError, asyncpg.PostgresError, TimeoutError) as error:
        raise _connection_refused(error, settings) from error


async def connect_as_app(settings: Settings) -> asyncpg.Connection:
    """Open one connection with the application's rights outside the pool, for listeners and leader locks."""
    try:
        connection = await asyncpg.connect(
            settings.database_url, timeout=CONNECT_TIMEOUT_S, server_settings=_application_settings(settings)
        )
    except (OSError, asyncpg.PostgresError, TimeoutError) as error:
        raise _connection_refused(error, settings) from error
    await _speak_json(connection)
    return connection


@asynccontextmanager
async def owner_connection(settings: Settings, *, database: str | None = None) -> AsyncIterator[asyncpg.Connection]:
    """Open a connection as the role that owns the tables: row-level security does not apply to it.

    For migrations, verification, restore and tests; never for requests. Waits 5 s for a lock at most.
    """
    try:
        connection = await asyncpg.connect(
            settings.owner_database_url,
            database=database,
            timeout=CONNECT_TIMEOUT_S,
            server_settings={"application_name": "onsite owner", "lock_timeout": "5000", "timezone": "UTC"},
        )
    except (OSError, asyncpg.PostgresError, TimeoutError) as error:
        raise _connection_refused(error, settings) from error
    try:
        await _speak_json(connection)
        yield connection
    finally:
        await connection.close()


class _BoundedPool(asyncpg.Pool):  # type: ignore[misc]
    """A pool in which nobody waits for a free connection longer than `pool_wait_s`: then TimeoutError, which the edge answers with 503."""

    def __init__(self, settings: Settings, *, size_max: int) -> None:
        size_min = min(settings.pool_size_min, size_max)
        # What asyncpg.create_pool passes on, which makes no pool of another class.
        super().__init__(
            settings.database_url,
            connection_class=asyncpg.Connection,
            record_class=asyncpg.Record,
            init_size=size_min,
            min_size=size_min,
            max_size=size_max,
            max_queries=50_000,
            max_inactive_connection_lifetime=300.0,
            connect=None,
            setup=None,
            init=_speak_json,
            reset=_keep_session,
            loop=None,
            timeout=CONNECT_TIMEOUT_S,
            server_settings=_application_settings(settings),
        )
        self._wait_s = settings.pool_wait_s

    def acquire(self, *, timeout: float | None = None) -> Any:
        # Nobody waits for one that is free; a time limit would cost a task.
        wait_s = self._wait_s if self.get_idle_size() == 0 else None
        return super().acquire(timeout=wait_s if timeout is None else timeout)


def _application_settings(settings: Settings) -> dict[str, str]:
    chosen = {
        "application_name": "onsite",
        "timezone": "UTC",
        "statement_timeout": _milliseconds(settings.statement_timeout_s),
        "lock_timeout": _milliseconds(settings.lock_timeout_s),
        "idle_in_transaction_session_timeout": _milliseconds(settings.idle_in_transaction_timeout_s),
        # Compiling costs more than it saves on statements as short as ours.
        "jit": "off",
    }
    if login_role(settings.database_url) != APP_ROLE:
        chosen["role"] = APP_ROLE
    return chosen


def _milliseconds(seconds: float) -> str:
    return str(round(seconds * 1000))


async def _speak_json(connection: asyncpg.Connection) -> None:
    await connection.set_type_codec(
        "jsonb", schema="pg_catalog", format="binary", encoder=_encode_jsonb, decoder=_decode_jsonb
    )


def _encode_jsonb(value: object) -> bytes:
    return JSONB_VERSION + msgspec.json.encode(value)


def _decode_jsonb(raw: bytes) -> Any:
    return msgspec.json.decode(memoryview(raw)[1:])


async def _keep_session(connection: asyncpg.Connection) -> None:
    """Reset nothing: asyncpg has rolled back an open transaction before it asks."""


def _connection_refused(error: Exception, settings: Settings) -> OperatorError:
    if settings.uses_private_cluster and isinstance(error, OSError):
        return OperatorError("The private cluster is not running: start it with `onsite db up`.")
    if isinstance(error, asyncpg.InvalidParameterValueError | asyncpg.InsufficientPrivilegeError):
        return OperatorError(
            f"The database does not let this login act as {APP_ROLE} ({error}). "
            "Run `onsite db migrate` with ONSITE_OWNER_DATABASE_URL first."
        )
    return OperatorError(f"The database does not answer ({type(error).__name__}: {error}). Check ONSITE_DATABASE_URL.")
