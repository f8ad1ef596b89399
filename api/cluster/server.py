"""Makes, starts and stops the private cluster. Never touches a server whose marker, data directory and pid do not agree."""

import contextlib
import fcntl
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

from api.cluster.packages import Binaries, Report, ensure_binaries
from api.cluster.place import APP_ROLE, DATABASE, OWNER_ROLE, SOCKET_NAME, SUPERUSER, Place, server_ids, server_user
from api.operator_error import OperatorError

START_TIMEOUT_S = 60
PORT = 5432
# Raised when a cluster made by an older version has to be prepared again; every step can be repeated.
PREPARED = 1

# Values for one machine of any size; the application's own limits are in its connections.
CONFIGURATION = """\
# Written by Onsite at each start: changes here are lost.
listen_addresses = ''
port = {port}
unix_socket_directories = '{socket_dir}'
unix_socket_permissions = 0700
cluster_name = 'onsite'
max_connections = 200
shared_buffers = 256MB
work_mem = 16MB
maintenance_work_mem = 128MB
effective_cache_size = 1GB
random_page_cost = 1.1
jit = off
default_toast_compression = lz4
max_prepared_transactions = 0
wal_level = replica
wal_compression = lz4
max_wal_size = 1GB
checkpoint_timeout = 15min
fsync = {fsync}
full_page_writes = {fsync}
timezone = 'UTC'
log_timezone = 'UTC'
logging_collector = on
log_directory = '{log}'
log_filename = 'postgresql-%a.log'
log_rotation_age = 1d
log_truncate_on_rotation = on
log_line_prefix = '%m [%p] %q%u@%d '
# Statements may be logged, what they were called with never: it holds names and addresses.
log_min_duration_statement = 1s
log_error_verbosity = terse
log_parameter_max_length = 0
log_parameter_max_length_on_error = 0
"""

PREPARATION = f"""\
do $$ begin
  if not exists (select from pg_roles where rolname = '{OWNER_ROLE}') then
    create role {OWNER_ROLE} login createdb;
  end if;
  if not exists (select from pg_roles where rolname = '{APP_ROLE}') then
    create role {APP_ROLE} login;
  end if;
end $$;
-- The owner may end the application's connections when it swaps a restored database in.
grant {APP_ROLE} to {OWNER_ROLE};
create extension if not exists postgis;
"""


class Marker(Struct, frozen=True):
    """What the marker file of a cluster of ours says."""

    state_dir: str
    major: int
    prepared: int = 0


class Status(Struct, frozen=True):
    """How the private cluster is."""

    state: Literal["absent", "down", "up"]
    home: Path
    major: int | None = None
    pid: int | None = None


def up(place: Place, report: Report = lambda _: None) -> bool:
    """Bring the cluster up: packages, data directory, server, roles, database. True when it was not up before.

    Repeating it is harmless and cheap, and so is doing it from several processes at once.
    Raises OperatorError when packages are missing that we may not install, or when the server does not start.
    """
    if _is_ready(place):
        return False
    with _locked(place):
        if _is_ready(place):
            return False
        marker = _marker(place)
        binaries = ensure_binaries(report, major=marker.major if marker else None)
        if marker is None:
            report("Creating the private cluster")
            marker = _create(place, binaries)
        if running_pid(place) is None:
            report("Starting the private cluster")
            _start(place, binaries)
        if marker.prepared != PREPARED:
            report("Preparing roles and database")
            _prepare(place)
            _write_marker(place, msgspec.structs.replace(marker, prepared=PREPARED))
    return True


def down(place: Place, *, mode: Literal["fast", "immediate"] = "fast") -> bool:
    """Stop the cluster; `immediate` is a crash. True when it was running."""
    if _marker(place) is None:
        return False
    with _locked(place):
        if running_pid(place) is None:
            return False
        _pg_ctl(place, installed_binaries(place), "stop", "--mode", mode, "--wait")
    return True


def remove(place: Place) -> bool:
    """Stop the cluster and delete all its files. True when there was one."""
    if _marker(place) is None:
        return False
    down(place, mode="immediate")
    shutil.rmtree(place.socket_dir, ignore_errors=True)
    shutil.rmtree(place.home)
    place.pointer.unlink(missing_ok=True)
    return True


def status(place: Place) -> Status:
    """Tell how the cluster is, without changing anything."""
    marker = _marker(place)
    if marker is None:
        return Status("absent", place.home)
    pid = running_pid(place)
    return Status("down" if pid is None else "up", place.home, marker.major, pid)


def running_pid(place: Place) -> int | None:
    """Give the pid of our server; None when it does not run.

    Raises OperatorError when the pid file names another data directory or a process that is no PostgreSQL of ours.
    """
    try:
        lines = (place.data / "postmaster.pid").read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return None
    if len(lines) < 2:
        return None
    pid = abs(int(lines[0]))
    if Path(lines[1]).resolve() != place.data.resolve():
        raise OperatorError(f"{place.data}/postmaster.pid names another data directory, {lines[1]}: leaving it alone.")
    return pid if _is_server_process(pid, place) else None


def installed_binaries(place: Place) -> Binaries:
    """Give the programs of the version that made the cluster. Raises OperatorError when they are gone."""
    marker = _marker(place)
    return ensure_binaries(lambda _: None, major=marker.major if marker else None)


def run_as_server_user(command: Sequence[str], *, stdin: str = "", timeout_s: int = 600) -> str:
    """Run a program as the user that runs the server and give its output. Raises OperatorError with what it said."""
    user = server_user()
    identity = {} if user is None else {"user": user, "group": server_ids()[1], "extra_groups": []}
    environment = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C", "TZ": "UTC"}
    done = subprocess.run(
        command,
        input=stdin,
        check=False,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        cwd="/",
        env=environment,
        **identity,  # type: ignore[call-overload]
    )
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip()
        raise OperatorError(f"{Path(command[0]).name} failed:\n{said}")
    return str(done.stdout)


def superuser_sql(place: Place, sql: str, *, database: str = "postgres") -> str:
    """Run statements as the cluster's superuser, stopping at the first error; give what they returned, unaligned."""
    psql = installed_binaries(place).path("psql")
    url = place.url(SUPERUSER, database)
    return run_as_server_user([psql, "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", url, "-f", "-"], stdin=sql)


def _is_ready(place: Place) -> bool:
    marker = _marker(place)
    return marker is not None and marker.prepared == PREPARED and running_pid(place) is not None and _answers(place)


def _answers(place: Place) -> bool:
    """Tell whether the server has opened its socket and finished starting."""
    try:
        pid_file = (place.data / "postmaster.pid").read_text(encoding="utf-8").splitlines()
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(5)
            client.connect(str(place.socket_dir / SOCKET_NAME))
    except OSError:
        return False
    return len(pid_file) >= 8 and pid_file[7].strip() == "ready"


def _is_server_process(pid: int, place: Place) -> bool:
    try:
        working_folder = os.readlink(f"/proc/{pid}/cwd")
    except FileNotFoundError:
        if Path("/proc/self").exists():
            return False
        return _is_alive(pid)
    except PermissionError as error:
        raise OperatorError(
            f"The cluster in {place.home} is run by another user: use the same one ({error})."
        ) from None
    # The server works inside its data directory, so a pid that was reused by another program is told apart.
    return Path(working_folder) == place.data.resolve()


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _create(place: Place, binaries: Binaries) -> Marker:
    if place.data.exists():
        raise OperatorError(f"{place.data} exists, but was not made by Onsite (no {place.marker.name}): move it away.")
    uid, gid = server_ids()
    for folder in (place.home, place.log):
        folder.mkdir(parents=True, exist_ok=True)
        os.chown(folder, uid, gid)
        folder.chmod(0o700)
    if place.home == place.system_home:
        # Passing through is enough; the cluster's own folder stays closed.
        place.home.parent.chmod(0o755)
        place.pointer.write_text(f"{place.home}\n", encoding="utf-8")
    draft = place.home / "data.new"
    shutil.rmtree(draft, ignore_errors=True)
    run_as_server_user(
        [
            *(binaries.path("initdb"), "--pgdata", str(draft), "--username", SUPERUSER, "--encoding", "UTF8"),
            *("--locale", "C.UTF-8" if _has_utf8_locale() else "C", "--auth-local", "trust", "--auth-host", "reject"),
            *("--data-checksums", "--no-sync", "--no-instructions"),
        ]
    )
    with (draft / "postgresql.conf").open("a", encoding="utf-8") as file:
        file.write("\ninclude = 'onsite.conf'\n")
    draft.rename(place.data)
    marker = Marker(str(place.state_dir), binaries.major)
    _write_marker(place, marker)
    return marker


def _has_utf8_locale() -> bool:
    listed = (
        subprocess.run(["locale", "-a"], check=False, capture_output=True, text=True).stdout.lower()
        if shutil.which("locale")
        else ""
    )
    return "c.utf8" in listed or "c.utf-8" in listed


def _start(place: Place, binaries: Binaries) -> None:
    uid, gid = server_ids()
    _make_socket_folder(place.socket_dir, uid, gid)
    place.log.mkdir(exist_ok=True)
    configuration = CONFIGURATION.format(
        port=PORT, socket_dir=place.socket_dir, log=place.log, fsync="on" if place.fsync else "off"
    )
    _write_owned(place.data / "onsite.conf", configuration)
    try:
        _pg_ctl(
            place, binaries, "start", "--wait", "--timeout", str(START_TIMEOUT_S), "--log", str(place.log / "start.log")
        )
    except OperatorError as error:
        with contextlib.suppress(OSError):
            end = (place.log / "start.log").read_text(encoding="utf-8", errors="replace").splitlines()[-10:]
            raise OperatorError(
                f"The private cluster did not start; its log is in {place.log}:\n" + "\n".join(end)
            ) from error
        raise


def _make_socket_folder(folder: Path, uid: int, gid: int) -> None:
    """Make the socket's folder; whoever can enter it can log in, so it must be closed and nobody else's."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
        os.chown(folder, uid, gid)
    found = folder.lstat()
    if found.st_uid != uid or found.st_mode & 0o077 or folder.is_symlink():
        raise OperatorError(
            f"{folder} must be a folder that only the database's user can enter: remove it and start again."
        )


def _prepare(place: Place) -> None:
    # Databases are made from template1 by the owner, who may not create the extension itself.
    superuser_sql(place, PREPARATION, database="template1")
    if not superuser_sql(place, f"select 1 from pg_database where datname = '{DATABASE}'"):
        superuser_sql(place, f"create database {DATABASE} owner {OWNER_ROLE}")


def _pg_ctl(place: Place, binaries: Binaries, *arguments: str) -> None:
    run_as_server_user([binaries.path("pg_ctl"), "--pgdata", str(place.data), "--silent", *arguments])


def _marker(place: Place) -> Marker | None:
    try:
        return msgspec.json.decode(place.marker.read_bytes(), type=Marker)
    except FileNotFoundError:
        return None
    except PermissionError:
        raise OperatorError(
            f"The private cluster in {place.home} belongs to another user: use the user that made it."
        ) from None


def _write_marker(place: Place, marker: Marker) -> None:
    _write_owned(place.marker, msgspec.json.encode(marker).decode() + "\n")


def _write_owned(path: Path, text: str) -> None:
    draft = path.with_name(path.name + ".new")
    draft.write_text(text, encoding="utf-8")
    os.chown(draft, *server_ids())
    draft.rename(path)


@contextlib.contextmanager
def _locked(place: Place) -> Iterator[None]:
    """Keep other processes of this checkout from making, starting or stopping the cluster at the same time."""
    place.state_dir.mkdir(parents=True, exist_ok=True)
    with place.lock.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def wait_until_up(place: Place, *, timeout_s: float = START_TIMEOUT_S) -> None:
    """Wait until the server answers, for instance after a crash that restarts it. Raises OperatorError at the end."""
    deadline = time.monotonic() + timeout_s
    while not _answers(place):
        if time.monotonic() > deadline:
            raise OperatorError(
                f"The private cluster did not answer within {timeout_s:.0f} s; its log is in {place.log}."
            )
        time.sleep(0.05)
