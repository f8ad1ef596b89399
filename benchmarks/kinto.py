"""Kinto with its PostgreSQL backend on the same cluster, under gunicorn with as many workers as we have. Fed by COPY, asked by its API."""

import asyncio
import base64
import contextlib
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import asyncpg
import msgspec

from benchmarks import peers, phone
from benchmarks.catalogue import KINTO
from benchmarks.corpus import Sample
from benchmarks.field import Queue
from benchmarks.ground import Ground
from benchmarks.peers import BATCH, Absent
from benchmarks.phone import Walk, raw_request
from benchmarks.serving import Server, environment, free_port, serving

PAGE: Final = 2_000
RECORDS: Final = "/v1/buckets/field/collections/{collection}/records"
_EPOCH: Final = datetime(2026, 3, 2, tzinfo=UTC)
_SETTLE_S: Final = 120
# Threads per worker: 32 callers find one each.
_THREADS: Final = 16
_SETTINGS: Final = """
[app:main]
use = egg:kinto
kinto.storage_backend = kinto.core.storage.postgresql
kinto.storage_url = {url}
kinto.permission_backend = kinto.core.permission.postgresql
kinto.permission_url = {url}
kinto.cache_backend = kinto.core.cache.memory
kinto.storage_pool_size = {threads}
kinto.permission_pool_size = {threads}
kinto.batch_max_requests = {batch}
kinto.userid_hmac_secret = the same in every run of the benchmarks
kinto.bucket_create_principals = system.Authenticated
multiauth.policies = basicauth

[loggers]
keys = root, kinto
[handlers]
keys = console
[formatters]
keys = plain
[logger_root]
level = WARNING
handlers = console
[logger_kinto]
level = INFO
handlers = console
qualname = kinto
propagate = 0
[handler_console]
class = StreamHandler
args = (sys.stderr,)
formatter = plain
[formatter_plain]
format = %(message)s
"""


class Kinto:
    """A running Kinto with documents."""

    name = KINTO

    def __init__(self, server: Server, total: int) -> None:
        self.server, self._total = server, total

    def walk(self) -> Walk:
        """Give the requests that fetch every document, page by page as Kinto names the pages."""
        requests, documents, wire = [], 0, 0
        path: str | None = f"{RECORDS.format(collection='stage')}?_limit={PAGE}&_sort=last_modified"
        while path is not None:
            requests.append(_get(path, 0))
            status, headers, body = phone.ask(self.server.port, requests[-1])
            found = _records(status, phone.unpacked(headers, body))
            documents, wire = documents + len(found), wire + len(body)
            following = headers.get("next-page")
            parts = urlsplit(following) if following else None
            path = f"{parts.path}?{parts.query}" if parts else None
        if documents != self._total:
            raise ValueError(f"Kinto gave {documents} of {self._total} documents")
        return Walk(tuple(requests), documents, wire, "")

    def changes(self, since: int, caller: int) -> bytes:
        """Write the request for what changed since a time."""
        return _get(f"{RECORDS.format(collection='stage')}?_since={_times(self._total)[since]}", caller)

    def check(self, since: int, wanted: int) -> None:
        """Insist that a request brings as many documents as it is named after. Raises ValueError."""
        status, headers, body = phone.ask(self.server.port, self.changes(since, 1))
        if len(_records(status, phone.unpacked(headers, body))) != wanted:
            raise ValueError(f"Kinto does not give {wanted} changes")

    def push(self, queue: Queue, number: int) -> Sequence[bytes]:
        """Write batches that put a record for each command, under its id; each device into a collection of its own."""
        requests = []
        for start in range(0, len(queue.cmds), BATCH):
            commands = [msgspec.json.decode(cmd) for cmd in queue.cmds[start : start + BATCH]]
            records = RECORDS.format(collection=f"facts-{number}")
            body = {
                "defaults": {"method": "PUT"},
                "requests": [{"path": f"{records}/{command['id']}", "body": {"data": command}} for command in commands],
            }
            requests.append(raw_request("/v1/batch", msgspec.json.encode(body), _headers(number)))
        return requests

    def check_push(self, answer: tuple[int, Any, bytes]) -> None:
        """Insist that a batch was stored. Raises ValueError."""
        status, headers, body = answer
        said = msgspec.json.decode(phone.unpacked(headers, body))
        if status != 200 or any(each["status"] not in (200, 201) for each in said["responses"]):
            raise ValueError(f"Kinto refused a batch: {status} {str(said)[:300]}")

    def morning(self, number: int) -> bytes:
        """Write the request for a device's own collection."""
        return _get(RECORDS.format(collection=f"crew-{number}"), number)


@contextlib.contextmanager
def running(
    ground: Ground, crews: Mapping[str, Sequence[Sample]], folder: Path, *, workers: int, devices: int
) -> Iterator[Kinto]:
    """Run Kinto with the documents of crews (`stage` those of the stage), each in a collection of its own.

    Raises Absent, RuntimeError or ValueError when it does not work.
    """
    gunicorn, url = peers.program("gunicorn"), ground.empty("kinto")
    settings = folder / "kinto.ini"
    settings.write_text(_SETTINGS.format(url=url, threads=_THREADS, batch=BATCH), encoding="utf-8")
    done = subprocess.run(
        [peers.program("kinto"), "migrate", "--ini", str(settings)],
        check=False,
        capture_output=True,
        text=True,
        timeout=_SETTLE_S,
    )
    if done.returncode != 0:
        raise Absent(f"Kinto cannot make its tables: {done.stderr.strip()[-400:]}")
    asyncio.run(_feed(url, crews))
    port = free_port()
    command = [gunicorn, "--paste", str(settings), "--workers", str(workers), "--threads", str(_THREADS)]
    command += ["--keep-alive", "75", "--bind", f"127.0.0.1:{port}", "--backlog", "2048"]
    environ = environment(ground.settings)
    with serving(command, port=port, ready="/v1/__heartbeat__", log=folder / "kinto.log", environ=environ) as server:
        _make(server, [*crews, *(f"facts-{number}" for number in range(devices + 1))])
        yield Kinto(server, len(crews.get("stage", ())))


async def _feed(url: str, crews: Mapping[str, Sequence[Sample]]) -> None:
    conn = await asyncpg.connect(url)
    try:
        await conn.execute("alter table objects disable trigger user")
        for crew, documents in crews.items():
            await _put(conn, crew, documents)
        await conn.execute("alter table objects enable trigger user")
        await conn.execute("vacuum analyze")
    finally:
        await conn.close()


async def _put(conn: asyncpg.Connection, collection: str, documents: Sequence[Sample]) -> None:
    """Put records into a collection as Kinto would store them, a millisecond apart."""
    parent = f"/buckets/field/collections/{collection}"
    await conn.copy_records_to_table(
        "objects",
        records=(
            (
                str(each.id),
                parent,
                "record",
                (_EPOCH + timedelta(milliseconds=number)).replace(tzinfo=None),
                _data(each),
                False,
            )
            for number, each in enumerate(documents)
        ),
        columns=["id", "parent_id", "resource_name", "last_modified", "data", "deleted"],
    )


def _data(document: Sample) -> str:
    return f'{{"kind":"{document.kind}","ver":{document.ver},"body":{document.body.decode()}}}'


def _times(total: int) -> tuple[int, int, int]:
    """Give the times (milliseconds) before the last 100 documents, before the last 10, and after all."""
    last = round(_EPOCH.timestamp() * 1000) + total - 1
    return last - 100, last - 10, last


def _make(server: Server, collections: Sequence[str]) -> None:
    """Make a bucket that everybody may read and write, and its collections."""
    everybody = ["system.Authenticated"]
    body = {"permissions": {"read": everybody, "write": everybody}}
    paths = ["/v1/buckets/field", *(f"/v1/buckets/field/collections/{name}" for name in collections)]
    for path in paths:
        request = raw_request(path, msgspec.json.encode(body), _headers(0), method="PUT")
        status, _, answer = phone.ask(server.port, request)
        if status not in (200, 201):
            raise ValueError(f"Kinto refused {path}: {status} {answer[:300]!r}")


def _get(path: str, caller: int) -> bytes:
    return raw_request(path, b"", _headers(caller), method="GET")


def _headers(caller: int) -> dict[str, str]:
    login = base64.b64encode(f"device-{caller}:secret".encode()).decode()
    return {"Authorization": f"Basic {login}", "Accept-Encoding": phone.AS_PHONES}


def _records(status: int, body: bytes) -> list[Any]:
    if status != 200:
        raise ValueError(f"Kinto answered {status}: {body[:300]!r}")
    found: list[Any] = msgspec.json.decode(body)["data"]
    return found
