"""Where the private cluster of a checkout lives: folders, socket, owner, URLs. Never starts or writes anything.

The usual place is `.onsite/cluster`. PostgreSQL refuses to run as root, so a checkout of root's has its cluster run by
the user `postgres`; where that user cannot reach the checkout (a closed home), the cluster lives in the system's state
folder, found again through a pointer file.
"""

import hashlib
import os
import pwd
import stat
from pathlib import Path
from urllib.parse import quote

from msgspec import Struct

OWNER_ROLE = "onsite_owner"
APP_ROLE = "onsite_app"
SUPERUSER = "postgres"
DATABASE = "onsite"
SYSTEM_STATE = Path("/var/lib/onsite")
# sun_path holds 108 bytes with its closing zero, and the server appends its own file name to the folder.
SOCKET_PATH_BYTES_MAX = 107
SOCKET_NAME = ".s.PGSQL.5432"


class Place(Struct, frozen=True):
    """The private cluster that belongs to one state folder."""

    state_dir: Path
    fsync: bool = True

    @property
    def pointer(self) -> Path:
        """Give the file that names the cluster's folder when it is not in the state folder."""
        return self.state_dir / "cluster.path"

    @property
    def lock(self) -> Path:
        """Give the file that is locked while the cluster is made, started or stopped."""
        return self.state_dir / "cluster.lock"

    @property
    def home(self) -> Path:
        """Give the cluster's folder, the same before it is made as after."""
        try:
            return Path(self.pointer.read_text(encoding="utf-8").strip())
        except FileNotFoundError:
            reachable = server_user() is None or is_open_to_others(self.state_dir)
            return self.state_dir / "cluster" if reachable else self.system_home

    @property
    def system_home(self) -> Path:
        """Give the folder in the system's state folder that belongs to this state folder alone."""
        return SYSTEM_STATE / self.digest

    @property
    def digest(self) -> str:
        """Give 12 hex digits that tell this state folder from every other on the machine."""
        return hashlib.sha256(os.fsencode(self.state_dir.absolute())).hexdigest()[:12]

    @property
    def marker(self) -> Path:
        """Give the file that proves that the cluster was made by us."""
        return self.home / "onsite-cluster.json"

    @property
    def data(self) -> Path:
        """Give the data directory of PostgreSQL."""
        return self.home / "data"

    @property
    def log(self) -> Path:
        """Give the folder of the server's log files."""
        return self.home / "log"

    @property
    def socket_dir(self) -> Path:
        """Give the folder of the Unix socket; short enough whatever the checkout's path is."""
        inside = self.home / "run"
        if len(os.fsencode(inside / SOCKET_NAME)) <= SOCKET_PATH_BYTES_MAX:
            return inside
        if os.geteuid() == 0:
            return self.system_home / "run"
        return Path("/tmp") / f"onsite-{os.geteuid()}-{self.digest}"  # noqa: S108 - short everywhere; made closed, and checked

    def url(self, role: str, database: str = DATABASE) -> str:
        """Give the URL under which a role reaches a database of the cluster."""
        return f"postgresql://{role}@/{database}?host={quote(str(self.socket_dir), safe='/')}"


def checkout_folder() -> Path:
    """Give the folder of the checkout, or the current folder when the packages are installed elsewhere."""
    beside_packages = Path(__file__).resolve().parents[2]
    return beside_packages if (beside_packages / "pyproject.toml").is_file() else Path.cwd()


def is_open_to_others(folder: Path) -> bool:
    """Tell whether any user may pass through the folder and all above it; those that do not exist yet count as open."""
    resolved = folder.resolve()
    return all(step.stat().st_mode & stat.S_IXOTH for step in (resolved, *resolved.parents) if step.exists())


def server_user() -> str | None:
    """Give the user that must run the server: `postgres` when we are root, None for ourselves."""
    return SUPERUSER if os.geteuid() == 0 else None


def server_ids() -> tuple[int, int]:
    """Give user and group id of the server's processes; KeyError while the system has no such user."""
    if (user := server_user()) is None:
        return os.geteuid(), os.getegid()
    entry = pwd.getpwnam(user)
    return entry.pw_uid, entry.pw_gid
