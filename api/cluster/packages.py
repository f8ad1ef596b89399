"""Debian's packages that the project needs from the system: found, and installed where we are root. Never removes one."""

import contextlib
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from msgspec import Struct

from api.operator_error import OperatorError

DEBIAN_SERVERS = Path("/usr/lib/postgresql")
DEBIAN_EXTENSIONS = Path("/usr/share/postgresql")
CREATECLUSTER = Path("/etc/postgresql-common/createcluster.d/onsite.conf")
POSTGRES_MAJOR_MIN = 15
APT_LOCK_WAIT_S = 300
APT_TIMEOUT_S = 1800

Report = Callable[[str], None]


class Binaries(Struct, frozen=True):
    """One installed PostgreSQL server with PostGIS."""

    major: int
    folder: Path

    def path(self, name: str) -> str:
        """Give the path of one of the server's programs."""
        return str(self.folder / name)


def find_binaries(major: int | None = None) -> Binaries | None:
    """Find the newest installed server that has PostGIS, or the one of `major`. None: there is none."""
    found = [b for b in (*_debian_servers(), *_server_on_path()) if major in (None, b.major)]
    return max(found, key=lambda b: b.major, default=None)


def ensure_binaries(report: Report, *, major: int | None = None) -> Binaries:
    """Find the server, or install it from Debian's packages when we are root.

    `report` is told what is being done. Raises OperatorError with the one thing to install when we cannot.
    """
    if (found := find_binaries(major)) is not None:
        return found
    if not can_install():
        wanted = major or _major_of_installed_server() or "<version>"
        raise OperatorError(
            "PostgreSQL with PostGIS is not installed. Install it as root "
            f"(Debian, Ubuntu: `apt-get install postgresql-{wanted} postgresql-{wanted}-postgis-3`), "
            "or name a server that has it in ONSITE_DATABASE_URL."
        )
    report("Refreshing the list of packages")
    run_apt("update")
    major = major or _major_of_installed_server() or _major_that_apt_offers()
    report(f"Installing PostgreSQL {major} with PostGIS")
    with _no_cluster_of_debians(major):
        install(f"postgresql-{major}", f"postgresql-{major}-postgis-3")
    if (found := find_binaries(major)) is None:
        raise OperatorError(f"postgresql-{major}-postgis-3 was installed, but its files are not in {DEBIAN_SERVERS}.")
    return found


def can_install() -> bool:
    """Tell whether we may install packages: root on a system with apt."""
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def install(*packages: str) -> None:
    """Install packages without their recommendations. Raises OperatorError with the end of apt's words."""
    run_apt("install", "--yes", "--no-install-recommends", *packages)


def run_apt(*arguments: str) -> None:
    """Run apt-get without questions; waits for another apt that holds the lock."""
    command = ["apt-get", "-q", "-o", f"DPkg::Lock::Timeout={APT_LOCK_WAIT_S}", "-o", "Dpkg::Options::=--force-confold"]
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}
    for attempt in range(3):
        done = subprocess.run(
            [*command, *arguments],
            env=environment,
            stdin=subprocess.DEVNULL,
            check=False,
            capture_output=True,
            text=True,
            timeout=APT_TIMEOUT_S,
        )
        # `update` has a lock of its own that the waiting option does not cover.
        if done.returncode == 0 or "Could not get lock" not in done.stderr or attempt == 2:
            break
        _wait_for_lists_lock()
    if done.returncode != 0:
        end = "\n".join((done.stdout + done.stderr).splitlines()[-15:])
        raise OperatorError(f"apt-get {' '.join(arguments)} failed:\n{end}\nMend this and start again.")


def _wait_for_lists_lock() -> None:
    """Wait until nobody holds apt's lists lock, by asking for that lock ourselves."""
    lock = "/var/lib/apt/lists/lock"
    if shutil.which("flock"):
        subprocess.run(
            ["flock", "--timeout", str(APT_LOCK_WAIT_S), "--fcntl", lock, "true"], check=False, capture_output=True
        )


def _debian_servers() -> Iterator[Binaries]:
    for folder in DEBIAN_SERVERS.glob("*/bin"):
        major = folder.parent.name
        control = DEBIAN_EXTENSIONS / major / "extension" / "postgis.control"
        if major.isdigit() and int(major) >= POSTGRES_MAJOR_MIN and (folder / "initdb").exists() and control.exists():
            yield Binaries(int(major), folder)


def _server_on_path() -> Iterator[Binaries]:
    """Find a server outside Debian's folders through pg_config, for other systems."""
    if (tool := shutil.which("pg_config")) is None:
        return
    folder, share, version = _ask(tool, "--bindir"), _ask(tool, "--sharedir"), _ask(tool, "--version")
    numbers = re.search(r"(\d+)", version)
    control = Path(share, "extension", "postgis.control")
    if numbers and int(numbers[1]) >= POSTGRES_MAJOR_MIN and Path(folder, "initdb").exists() and control.exists():
        yield Binaries(int(numbers[1]), Path(folder))


def _major_of_installed_server() -> int | None:
    majors = [int(f.parent.parent.name) for f in DEBIAN_SERVERS.glob("*/bin/initdb") if f.parent.parent.name.isdigit()]
    return max((m for m in majors if m >= POSTGRES_MAJOR_MIN), default=None)


def _major_that_apt_offers() -> int:
    found = re.search(r"Depends:.*?postgresql-(\d+)", _ask("apt-cache", "depends", "postgresql"))
    if found is None:
        raise OperatorError(
            "apt knows no package `postgresql`: add Debian's main archive to its sources and start again."
        )
    if int(found[1]) < POSTGRES_MAJOR_MIN:
        raise OperatorError(f"This system offers PostgreSQL {found[1]}; Onsite needs {POSTGRES_MAJOR_MIN} or newer.")
    return int(found[1])


@contextlib.contextmanager
def _no_cluster_of_debians(major: int) -> Iterator[None]:
    """Keep the package from making and starting a cluster of its own while it is installed.

    A drop-in file of ours says so and is gone afterwards, so later installations by the owner of the machine
    behave as they always did. Where a server is installed already, the package makes no cluster anyway.
    """
    if (DEBIAN_SERVERS / str(major) / "bin" / "initdb").exists() or CREATECLUSTER.exists():
        yield
        return
    CREATECLUSTER.parent.mkdir(parents=True, exist_ok=True)
    CREATECLUSTER.write_text("create_main_cluster = false\n", encoding="ascii")
    try:
        yield
    finally:
        CREATECLUSTER.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            CREATECLUSTER.parent.rmdir()


def _ask(*command: str) -> str:
    """Run a small query program and give what it printed; empty when it failed."""
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, timeout=60, env={**os.environ, "LC_ALL": "C"}
    )
    return done.stdout.strip() if done.returncode == 0 else ""


def first_program(names: Sequence[str]) -> str | None:
    """Give the path of the first program that is installed."""
    return next((path for name in names if (path := shutil.which(name))), None)
