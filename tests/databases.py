"""Databases for tests: one private cluster of their own, a migrated template, a copy for each session. Never mocks."""

import asyncio
import contextlib
import fcntl
import hashlib
import os
import secrets
import shutil
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec

from api import cluster
from api.cluster import APP_ROLE, OWNER_ROLE, Place
from api.migrations import migrate
from api.settings import Settings, load_settings

# Processes that run parts of one test run side by side have a cluster each: what one holds open would delay what others may read.
STATE = cluster.checkout_folder() / ".onsite" / "tests" / os.environ.get("PYTEST_XDIST_WORKER", "")
TEMPLATE = "onsite_template"
COPY = "onsite_copy"


@contextlib.contextmanager
def running_cluster() -> Iterator[Place]:
    """Run the tests' cluster while any test session needs it; the last one to leave stops it."""
    place = Place(STATE, fsync=False)
    STATE.mkdir(parents=True, exist_ok=True)
    with (STATE / "sessions.lock").open("a") as sessions:
        fcntl.flock(sessions, fcntl.LOCK_SH)
        cluster.up(place)
        try:
            yield place
        finally:
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(sessions, fcntl.LOCK_EX | fcntl.LOCK_NB)
                cluster.down(place)


@contextlib.contextmanager
def own_cluster() -> Iterator[Settings]:
    """Run a cluster that nobody else uses, with a migrated database, for tests that crash the server."""
    place = Place(STATE / f"own-{os.getpid()}-{secrets.token_hex(3)}")
    settings = settings_for(place)
    cluster.up(place)
    try:
        in_a_thread(migrate(settings))
        yield settings
    finally:
        cluster.remove(place)
        shutil.rmtree(place.state_dir)


@contextlib.contextmanager
def migrated_copy(place: Place) -> Iterator[Settings]:
    """Give the settings of a new database, copied from the migrated template and dropped in the end."""
    name = f"{COPY}_{os.getpid()}_{secrets.token_hex(3)}"
    template = ensure_template(place)
    cluster.superuser_sql(place, f"create database {name} template {template} owner {OWNER_ROLE}")
    try:
        yield settings_for(place, name)
    finally:
        cluster.superuser_sql(place, f"drop database if exists {name} with (force)")


def settings_for(place: Place, database: str = cluster.DATABASE) -> Settings:
    """Give settings for one database of a cluster; nothing of the developer's environment gets in."""
    settings = load_settings(
        {
            "ONSITE_STATE_DIR": str(place.state_dir),
            "ONSITE_DATABASE_URL": place.url(APP_ROLE, database),
            "ONSITE_OWNER_DATABASE_URL": place.url(OWNER_ROLE, database),
            "ONSITE_SECRET": "a secret for tests, the same in every session",
        }
    )
    return msgspec.structs.replace(settings, cluster_fsync=place.fsync)


def ensure_template(place: Place) -> str:
    """Give the name of the template for the migrations as they are now, building it when it is missing."""
    name = f"{TEMPLATE}_{_migrations_digest()}"
    with (STATE / "template.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        known = cluster.superuser_sql(place, "select datname from pg_database").split()
        if name in known:
            return name
        for old in known:
            if old.startswith(TEMPLATE) or (old.startswith(COPY) and not _is_alive(int(old.split("_")[2]))):
                cluster.superuser_sql(place, f"drop database if exists {old} with (force)")
        draft = f"{TEMPLATE}_draft"
        cluster.superuser_sql(place, f"create database {draft} owner {OWNER_ROLE}")
        in_a_thread(migrate(settings_for(place, draft)))
        cluster.superuser_sql(place, f"alter database {draft} rename to {name}")
    return name


def in_a_thread(work: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine to its end in a loop of its own, whether or not this thread has a running one."""
    with ThreadPoolExecutor(max_workers=1) as threads:
        return threads.submit(asyncio.run, work).result()


def _migrations_digest() -> str:
    folder = cluster.checkout_folder() / "api" / "migrations"
    digest = hashlib.sha256()
    for path in sorted([*folder.glob("*.py"), *folder.glob("versions/*.py"), *folder.glob("versions/*.sql")]):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:12]


def _is_alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()
