"""Policy files that become approval policies of an organisation. Sends `save_policy`; never writes past it."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Final
from uuid import UUID

import asyncpg
import msgspec
from msgspec import Struct

from api.operator_error import OperatorError
from api.organisations import operator_ask
from jobs.loading import load_organisation
from jobs.policies import Codes, PolicyFile, UnknownCode, codes_in, policy_of, read_policy
from mobile_contract.errors import ERRORS
from mobile_contract.schema.decisions import SavePolicy
from sync.execute import Poke, execute, no_listeners
from sync.transaction import org_transaction

FILES_MAX: Final = 200
_BYTES_MAX: Final = 256 * 1024
_BY_CODE: Final = "select code, id from {table} where org_id = $1 and code = any($2) order by code limit 1000"


class Fate(StrEnum):
    """What became of a file."""

    LOADED = "loaded"
    UNCHANGED = "as it was"


class LoadedPolicy(Struct, frozen=True):
    """A file, the policy that it states, and what became of it."""

    path: Path
    code: str
    version: int
    subject: str
    fate: Fate


class _Undone(Exception):
    """Rolls a dry run back."""


def policy_files(path: Path) -> list[Path]:
    """List a file, or the `.toml` files of a folder by name. Raises OperatorError when there is none, or far too many."""
    found = sorted(path.glob("*.toml")) if path.is_dir() else [path]
    if not found or not all(file.is_file() for file in found):
        raise OperatorError(f"there is no policy file at {path}; a policy is a .toml file, or a folder of them.")
    if len(found) > FILES_MAX:
        raise OperatorError(f"{path} holds {len(found):,} files; at most {FILES_MAX} are loaded at once.")
    return found


async def import_policies(
    pool: asyncpg.Pool,
    org_id: UUID,
    paths: Sequence[Path],
    *,
    now: datetime,
    dry_run: bool = False,
    poke: Poke = no_listeners,
) -> list[LoadedPolicy]:
    """Load policy files in one transaction: all of them, or none with an OperatorError that names the file and what to do.

    A version that is there with the same content is left as it is; with other content it is refused, since decisions name it.
    """
    files = [(path, _read(path)) for path in paths]
    done: list[LoadedPolicy] = []
    touched: frozenset[str] = frozenset()
    try:
        async with org_transaction(pool, org_id) as conn:
            currency = (await load_organisation(conn, org_id)).currency
            codes = await _codes(conn, org_id, [file for _, file in files])
            for path, file in files:
                fate, touched_now = await _save(conn, org_id, path, _Stated(file, currency, codes, now))
                touched |= touched_now
                done.append(LoadedPolicy(path, file.code, file.version, file.subject, fate))
            if dry_run:
                raise _Undone
    except _Undone:
        return done
    poke(org_id, touched)
    return done


class _Stated(Struct, frozen=True):
    """A file with what it is read by."""

    file: PolicyFile
    currency: str
    codes: Codes
    now: datetime


async def _save(conn: asyncpg.Connection, org_id: UUID, path: Path, stated: _Stated) -> tuple[Fate, frozenset[str]]:
    try:
        policy = policy_of(stated.file, org_id, stated.currency, stated.codes)
    except UnknownCode as error:
        raise OperatorError(f"{path.name}: {error.args[0]}; import it first, or correct the file.") from None
    executed = await execute(
        conn, org_id, [operator_ask(org_id, SavePolicy(policy=policy), now=stated.now)], now=stated.now
    )
    (answer,) = executed.answers
    if not answer.took_effect:
        what = f" ({answer.detail['fault']})" if "fault" in answer.detail else ""
        hint = " Raise its version." if answer.code == "version_exists" else ""
        raise OperatorError(f"{path.name}: {ERRORS[answer.code].en}{what}{hint}")
    return (Fate.UNCHANGED if answer.code == "unchanged" else Fate.LOADED), executed.touched


async def _codes(conn: asyncpg.Connection, org_id: UUID, files: Sequence[PolicyFile]) -> Codes:
    people, sites, districts = (set[str]().union(*named) for named in zip(*map(codes_in, files), strict=True))
    found: dict[str, dict[str, UUID]] = {}
    for table, asked in (("person", people), ("site", sites), ("district", districts)):
        rows = await conn.fetch(_BY_CODE.format(table=table), org_id, sorted(asked))
        found[table] = {row["code"]: row["id"] for row in rows}
    return Codes(people=found["person"], sites=found["site"], districts=found["district"])


def _read(path: Path) -> PolicyFile:
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise OperatorError(f"{path} cannot be read: {error.strerror}.") from error
    if len(raw) > _BYTES_MAX:
        raise OperatorError(f"{path.name} is larger than any policy: {len(raw):,} bytes.")
    try:
        return read_policy(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise OperatorError(f"{path.name} is no policy: {error}.") from None
