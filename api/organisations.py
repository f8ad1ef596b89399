"""Making an organisation with what it begins with, and finding what the operator names. For the command line, not for requests.

The owner of the machine needs no login: what is done here is done as an operator.
"""

import hashlib
import re
import secrets
from datetime import datetime
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import asyncpg
import msgspec
from msgspec import Struct
from uuid_utils.compat import uuid7

from api.database import owner_connection
from api.operator_error import OperatorError
from api.passwords import Passwords, normal_login
from api.settings import Settings
from api.store import credentials
from api.store.imports import slugs
from jobs import job_types
from jobs.context import Actor, Occurrence, Via
from jobs.material_rules import shipped_rules
from jobs.policies import shipped_policies
from mobile_contract.schema.base import Command
from mobile_contract.schema.decisions import LoadJobType, SavePerson, SavePolicy
from mobile_contract.schema.material_commands import SaveMaterialRules
from mobile_contract.schema.people import Person, Role
from sync.ask import Ask
from sync.execute import execute
from sync.transaction import org_transaction

_SLUG: Final = re.compile(r"[a-z0-9](?:-?[a-z0-9])+")
_ADD = """
insert into organisation (org_id, slug, name, zone, currency, language, created_at) values ($1, $2, $3, $4, $5, $6, $7)"""


class NewOrganisation(Struct, frozen=True, kw_only=True):
    """An organisation to be made. `zone` is an IANA name, `currency` an ISO 4217 code, `language` en or zh."""

    slug: str
    name: str
    zone: str
    currency: str = "EUR"
    language: str = "en"
    admin_login: str = "admin"


class FirstAdministrator(Struct, frozen=True):
    """Who may now sign in, with the password that is shown this once."""

    org_id: UUID
    person_id: UUID
    login: str
    password: str

    def __repr__(self) -> str:
        return f"FirstAdministrator({self.org_id}, {self.person_id})"


async def create(pool: asyncpg.Pool, new: NewOrganisation, *, now: datetime) -> FirstAdministrator:
    """Make an organisation, its first administrator, the shipped job types and policies. Raises OperatorError when the slug is taken or a value is wrong."""
    _check(new)
    org_id, person_id = uuid7(), uuid7()
    password, login = one_time_password(), normal_login(new.admin_login)
    passwords = Passwords()
    try:
        password_hash = await passwords.hash(password)
    finally:
        passwords.close()
    person = Person(id=person_id, code="admin", name=new.admin_login, language=new.language, roles=(Role.ADMIN,))
    credential = credentials.NewCredential(
        person_id=person_id, login=login, password_hash=password_hash, must_change=True
    )
    # One transaction: an organisation that nobody can sign in to must not be left behind.
    try:
        async with org_transaction(pool, org_id) as conn:
            await conn.execute(_ADD, org_id, new.slug, new.name, new.zone, new.currency, new.language, now)
            asks = [operator_ask(org_id, command, now=now) for command in first_commands(org_id, person, new.currency)]
            for answer in (await execute(conn, org_id, asks, now=now)).answers:
                if answer.code != "ok":
                    raise OperatorError(f"{answer.name} was refused: {answer.code}.")
            await credentials.set_credential(conn, org_id, credential, now=now)
    except asyncpg.UniqueViolationError:
        raise OperatorError(
            f"There is an organisation `{new.slug}` already. Choose another slug, or give its administrator a new "
            f"password: onsite person reset-password --org {new.slug} --login {new.admin_login}"
        ) from None
    return FirstAdministrator(org_id, person_id, login, password)


def first_commands(org_id: UUID, administrator: Person, currency: str) -> list[Command]:
    """Give what a new organisation begins with: its administrator, the shipped job types, approval policies and rules of material."""
    return [
        SavePerson(person=administrator),
        *(LoadJobType(job_type=job_type) for job_type in job_types.shipped(org_id)),
        *(SavePolicy(policy=policy) for policy in shipped_policies(org_id, currency)),
        SaveMaterialRules(rules=shipped_rules(org_id)),
    ]


def operator_ask(org_id: UUID, command: Command, *, now: datetime) -> Ask:
    """Make a command that the operator of the machine sends; it has an id of its own."""
    args = msgspec.json.encode(command)
    return Ask(
        id=uuid7(),
        name=str(command.__struct_config__.tag),
        args=args,
        digest=hashlib.sha256(args).digest(),
        raw=args,
        actor=Actor(org_id=org_id, roles=frozenset({Role.ADMIN}), via=Via.OPERATOR),
        occurrence=Occurrence(at=now),
        received_at=now,
    )


async def find(pool: asyncpg.Pool, slug: str) -> UUID:
    """Find an organisation by its slug. Raises OperatorError."""
    org_id = await credentials.org_of_slug(pool, slug)
    if org_id is None:
        raise OperatorError(
            f"There is no organisation `{slug}`. Make it: onsite org create --slug {slug} --name NAME --zone ZONE"
        )
    return org_id


async def only_slug(settings: Settings) -> str:
    """Name the only organisation there is. Raises OperatorError when there is none or more than one."""
    async with owner_connection(settings) as owner:
        found = await slugs(owner)
    if not found:
        raise OperatorError("There is no organisation yet: onsite org create --slug SLUG --name NAME --zone ZONE")
    if len(found) > 1:
        raise OperatorError(f"Say which organisation with --org: {', '.join(found)}.")
    return found[0]


async def find_login(pool: asyncpg.Pool, org_id: UUID, login: str) -> UUID:
    """Find the person who has a login. Raises OperatorError."""
    async with org_transaction(pool, org_id) as conn:
        known = await credentials.by_login(conn, org_id, normal_login(login))
    if known is None:
        raise OperatorError(f"Nobody in this organisation has the login `{login}`.")
    return known.person_id


def one_time_password() -> str:
    """Make a password that people can type: five groups of four, 99 bits."""
    alphabet = "abcdefghjkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(alphabet) for _ in range(4)) for _ in range(5))


def _check(new: NewOrganisation) -> None:
    if not (2 <= len(new.slug) <= 40 and _SLUG.fullmatch(new.slug)):
        raise OperatorError(f"The slug `{new.slug}` must be 2 to 40 lower-case letters, digits and single hyphens.")
    try:
        ZoneInfo(new.zone)
    except (ZoneInfoNotFoundError, ValueError):
        raise OperatorError(f"The zone `{new.zone}` is no IANA zone; an example is Europe/Berlin.") from None
    if not re.fullmatch(r"[A-Z]{3}", new.currency):
        raise OperatorError(f"The currency `{new.currency}` is no ISO 4217 code; an example is CNY.")
    if new.language not in ("en", "zh"):
        raise OperatorError("The language is en or zh.")
    if not new.name.strip() or not normal_login(new.admin_login):
        raise OperatorError("Name the organisation and its administrator.")
