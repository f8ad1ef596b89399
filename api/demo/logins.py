"""The demo's logins on this machine: one password, made once, kept in the state folder for its owner's eyes. Never leaves the machine."""

import os
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from api.organisations import one_time_password

FILE: Final = "demo.json"


class Keys(Struct, frozen=True, kw_only=True):
    """What is kept: the organisation, the password of all its logins, and whether its day was played."""

    slug: str
    password: str
    logins: tuple[str, ...] = ()
    played: bool = False


def fresh(slug: str) -> Keys:
    """Make a password for an organisation's logins."""
    return Keys(slug=slug, password=one_time_password())


def read(state_dir: Path) -> Keys | None:
    """Read what is kept; None where nothing is, or nothing that can be read."""
    try:
        return msgspec.json.decode((state_dir / FILE).read_bytes(), type=Keys)
    except (FileNotFoundError, msgspec.MsgspecError):
        return None


def write(state_dir: Path, keys: Keys) -> Path:
    """Keep it in a file that only its owner may read; replaced as a whole."""
    path, draft = state_dir / FILE, state_dir / f"{FILE}.{os.getpid()}"
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(keys), indent=2) + b"\n")
    draft.replace(path)
    return path
