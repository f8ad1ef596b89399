"""Passwords: argon2id, off the event loop and a few at a time. Never logs, never stores."""

import asyncio
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from api.problems import ProblemError, busy
from mobile_contract.schema.base import LocalText

T = TypeVar("T")

# Each hash takes 64 MiB and a core for some 50 ms: more at once would starve the requests beside them.
AT_ONCE: Final = 2
# Callers beyond this wait too long to be people: they are told to come again.
WAITING_MAX: Final = 64
_DISTINCT_CHARACTERS_MIN: Final = 5


class Passwords:
    """Hashes and checks passwords with bounded memory and processor time."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher()
        self._threads = ThreadPoolExecutor(max_workers=AT_ONCE, thread_name_prefix="argon2")
        self._waiting = 0
        # What an unknown login is checked against, so that it takes as long as a known one.
        self._nobody = self._hasher.hash("nobody has this password")

    async def hash(self, password: str) -> str:
        """Hash a password with a random salt. Raises ProblemError (busy) when too many wait."""
        return await self._run(lambda: self._hasher.hash(_normal(password)))

    async def check(self, password_hash: str | None, password: str) -> bool:
        """Compare a password with a hash; without a hash it takes as long and is wrong. Raises ProblemError (busy)."""

        def verify() -> bool:
            try:
                return (
                    self._hasher.verify(password_hash or self._nobody, _normal(password)) and password_hash is not None
                )
            except (VerificationError, InvalidHashError):
                return False

        return await self._run(verify)

    def is_outdated(self, password_hash: str) -> bool:
        """Tell whether a hash was made with other parameters than today's."""
        return self._hasher.check_needs_rehash(password_hash)

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _run(self, work: Callable[[], T]) -> T:
        if self._waiting >= WAITING_MAX:
            raise busy()
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._waiting -= 1


def normal_login(login: str) -> str:
    """Write a login as it is stored and compared: NFKC, case folded, without spaces around it."""
    return unicodedata.normalize("NFKC", login).strip().casefold()


def refuse_weak(password: str, login: str) -> None:
    """Refuse a new password that names the login or hardly varies. Raises ProblemError (password_weak)."""
    folded = _normal(password).casefold()
    if len(set(folded)) < _DISTINCT_CHARACTERS_MIN or (len(login) >= 3 and login in folded):
        raise ProblemError(
            "password_weak",
            LocalText(
                en="Use 12 or more characters that vary and do not contain the login.",
                zh="请使用 12 个以上多样的字符，且不要包含登录名。",
            ),
        )


def _normal(password: str) -> str:
    return unicodedata.normalize("NFKC", password)
