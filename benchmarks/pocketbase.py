"""PocketBase as it comes (SQLite in WAL mode, synchronous NORMAL), with batches allowed and rules on its collections. Asked by its API.

Documents are laid into its database while it stands still; devices are users of its own with tokens.
"""

import contextlib
import secrets
import sqlite3
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import msgspec

from benchmarks import peers, phone
from benchmarks.catalogue import POCKETBASE
from benchmarks.corpus import Sample
from benchmarks.field import Queue
from benchmarks.peers import BATCH, Absent
from benchmarks.phone import Walk, raw_request
from benchmarks.serving import Server, free_port, serving

PAGE: Final = 1_000
"""As many as PocketBase gives at once."""
_EPOCH: Final = datetime(2026, 3, 2, tzinfo=UTC)
_LOGIN: Final = "bench@example.com"
_PUT: Final = "insert into docs (id, crew, kind, ver, body, created, updated) values (?, ?, ?, ?, ?, ?, ?)"
_DOCS: Final = {
    "name": "docs",
    "type": "base",
    "fields": [
        {"name": "crew", "type": "text"},
        {"name": "kind", "type": "text"},
        {"name": "ver", "type": "number"},
        {"name": "body", "type": "json"},
        {"name": "created", "type": "autodate", "onCreate": True},
        {"name": "updated", "type": "autodate", "onCreate": True, "onUpdate": True},
    ],
    "indexes": ["create index docs_crew_updated on docs (crew, updated, id)"],
    # With any rule PocketBase makes callers wait who find nothing often; who may list is therefore everybody.
    "listRule": "",
}
_FACTS: Final = {
    "name": "facts",
    "type": "base",
    "fields": [
        {"name": "command", "type": "text", "required": True},
        {"name": "device", "type": "text", "required": True},
        {"name": "name", "type": "text", "required": True},
        {"name": "args", "type": "json"},
        {"name": "at", "type": "json"},
        {"name": "created", "type": "autodate", "onCreate": True},
    ],
    "indexes": ["create unique index facts_command on facts (command)"],
    "createRule": '@request.auth.id != "" && @request.body.device = @request.auth.id',
}


class PocketBase:
    """A running PocketBase with documents and users."""

    name = POCKETBASE

    def __init__(self, server: Server, users: Sequence[tuple[str, str]], total: int) -> None:
        self.server, self._users, self._total = server, users, total

    def walk(self) -> Walk:
        """Give the requests that fetch every document, page by page."""
        pages = -(-self._total // PAGE)
        requests = tuple(self._list('crew="stage"', 0, page=page) for page in range(1, pages + 1))
        documents = wire = 0
        for request in requests:
            status, headers, body = phone.ask(self.server.port, request)
            documents, wire = documents + len(_items(status, phone.unpacked(headers, body))), wire + len(body)
        if documents != self._total:
            raise ValueError(f"PocketBase gave {documents} of {self._total} documents")
        return Walk(requests, documents, wire, "")

    def changes(self, since: int, caller: int) -> bytes:
        """Write the request for what changed since a time."""
        last = [self._total - 1 - count for count in (100, 10, 0)][since]
        return self._list(f'crew="stage" && updated>"{_at(last)}"', caller)

    def check(self, since: int, wanted: int) -> None:
        """Insist that a request brings as many documents as it is named after. Raises ValueError."""
        status, headers, body = phone.ask(self.server.port, self.changes(since, 1))
        if len(_items(status, phone.unpacked(headers, body))) != wanted:
            raise ValueError(f"PocketBase does not give {wanted} changes")

    def push(self, queue: Queue, number: int) -> Sequence[bytes]:
        """Write batches that make a record for each command; its id must be new."""
        user, token = self._users[number % len(self._users)]
        requests = []
        for start in range(0, len(queue.cmds), BATCH):
            commands = [msgspec.json.decode(cmd) for cmd in queue.cmds[start : start + BATCH]]
            creations = [
                {"method": "POST", "url": "/api/collections/facts/records", "body": _fact(command, user)}
                for command in commands
            ]
            body = msgspec.json.encode({"requests": creations})
            requests.append(raw_request("/api/batch", body, _headers(token)))
        return requests

    def check_push(self, answer: tuple[int, Mapping[str, str], bytes]) -> None:
        """Insist that a batch was stored. Raises ValueError."""
        status, headers, body = answer
        said = msgspec.json.decode(phone.unpacked(headers, body))
        if status != 200 or any(each["status"] != 200 for each in said):
            raise ValueError(f"PocketBase refused a batch: {status} {str(said)[:300]}")

    def morning(self, number: int) -> bytes:
        """Write the request for the documents of a device's crew."""
        return self._list(f'crew="crew-{number}"', number)

    def _list(self, wanted: str, caller: int, *, page: int = 1) -> bytes:
        query = f"filter={quote('(' + wanted + ')')}&sort=updated,id&perPage={PAGE}&page={page}&skipTotal=1"
        token = self._users[caller % len(self._users)][1]
        return raw_request(f"/api/collections/docs/records?{query}", b"", _headers(token), method="GET")


@contextlib.contextmanager
def running(crews: Mapping[str, Sequence[Sample]], folder: Path, *, users: int) -> Iterator[PocketBase]:
    """Run PocketBase with the documents of crews (`stage` those of the stage). Raises Absent, RuntimeError or ValueError."""
    pocketbase, home, password = peers.program("pocketbase"), folder / "pocketbase", secrets.token_urlsafe(16)
    done = subprocess.run(
        [pocketbase, "superuser", "upsert", _LOGIN, password, f"--dir={home}"],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    if done.returncode != 0:
        raise Absent(f"PocketBase cannot make its database: {done.stderr.strip()[-400:]}")
    with _serving(pocketbase, home, folder) as server:
        made = _make(server, password, users)
    with contextlib.closing(sqlite3.connect(home / "data.db")) as database:
        for crew, documents in crews.items():
            database.executemany(_PUT, (_row(crew, number, each) for number, each in enumerate(documents)))
        database.commit()
        database.execute("analyze")
        database.execute("pragma wal_checkpoint(truncate)")
    with _serving(pocketbase, home, folder) as server:
        yield PocketBase(server, made, len(crews.get("stage", ())))


@contextlib.contextmanager
def _serving(pocketbase: str, home: Path, folder: Path) -> Iterator[Server]:
    port = free_port()
    command = [pocketbase, "serve", f"--http=127.0.0.1:{port}", f"--dir={home}"]
    with serving(command, port=port, ready="/api/health", log=folder / "pocketbase.log") as server:
        yield server


def _make(server: Server, password: str, users: int) -> list[tuple[str, str]]:
    """Allow batches, make the collections and the users; gives the users' ids and tokens."""
    login = {"identity": _LOGIN, "password": password}
    token = _call(server, "POST", "/api/collections/_superusers/auth-with-password", login)["token"]
    batch = {"batch": {"enabled": True, "maxRequests": BATCH, "timeout": 60}}
    _call(server, "PATCH", "/api/settings", batch, token)
    for collection in (_DOCS, _FACTS):
        _call(server, "POST", "/api/collections", collection, token)
    made = []
    for number in range(users):
        given = {"email": f"device-{number}@example.com", "password": password, "passwordConfirm": password}
        _call(server, "POST", "/api/collections/users/records", given, token)
        login = {"identity": given["email"], "password": password}
        answer = _call(server, "POST", "/api/collections/users/auth-with-password", login)
        made.append((answer["record"]["id"], answer["token"]))
    return made


def _call(server: Server, method: str, path: str, body: object, token: str = "") -> Any:  # noqa: PLR0917
    request = raw_request(path, msgspec.json.encode(body), _headers(token), method=method)
    status, headers, answer = phone.ask(server.port, request)
    if status != 200:
        raise ValueError(f"PocketBase answered {status} to {method} {path}: {answer[:300]!r}")
    return msgspec.json.decode(phone.unpacked(headers, answer))


def _headers(token: str) -> dict[str, str]:
    given = {"Authorization": token} if token else {}
    return {**given, "Accept-Encoding": phone.AS_PHONES}


def _row(crew: str, number: int, document: Sample) -> tuple[str, str, str, int, str, str, str]:
    at = _at(number)
    # A PocketBase id has 15 characters of its own alphabet.
    return secrets.token_hex(8)[:15], crew, document.kind, document.ver, document.body.decode(), at, at


def _at(number: int) -> str:
    at = _EPOCH + timedelta(milliseconds=number)
    return f"{at:%Y-%m-%d %H:%M:%S}.{at.microsecond // 1000:03d}Z"


def _fact(command: dict[str, Any], user: str) -> dict[str, Any]:
    return {
        "command": command["id"],
        "device": user,
        "name": command["name"],
        "args": command["args"],
        "at": command["at"],
    }


def _items(status: int, body: bytes) -> list[Any]:
    if status != 200:
        raise ValueError(f"PocketBase answered {status}: {body[:300]!r}")
    found: list[Any] = msgspec.json.decode(body)["items"]
    return found
