"""The one route that changes the trade: `POST /api/v1/commands/{name}`. The same commands, the same door as a device's queue.

The Idempotency-Key is the command's id: sending again gives the same answer, another body under the same key is refused.
"""

import asyncio
from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

import structlog
from litestar import Request, Response, Router, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from api.auth import Caller, caller_of
from api.body import read_json
from api.describe import describe
from api.offboarding import LEAVING, run_leaving
from api.problems import UNREADABLE, ProblemError, invalid, language_of
from api.record import record_of
from api.services import Services
from geo.district_shapes import read_outline
from jobs.context import Occurrence
from mobile_contract.errors import ERRORS
from mobile_contract.limits import MIB
from mobile_contract.registry import COMMANDS, decode_args
from mobile_contract.schema.answer import CommandAnswer
from mobile_contract.schema.base import LocalText
from mobile_contract.schema.decisions import SaveDistrict
from mobile_contract.schema.outcome import OutcomeStatus
from sync.ask import Ask, digest_of
from sync.execute import HandlerFault, run
from sync.outcomes import Answer

AnyRequest = Request[Any, Any, Any]
BODY_BYTES: Final = 64 * 1024
# An outline of a district is a long text.
_LONG: Final[Mapping[str, int]] = {"save_district": 5 * MIB}
_DONE: Final = (OutcomeStatus.APPLIED, OutcomeStatus.MERGED)

log = structlog.get_logger()


@post(
    "/{name:str}",
    status_code=200,
    opt=describe(
        "Send a command",
        answer=CommandAnswer,
        keys_ok=True,
        problems=(
            "unknown_command",
            "idempotency_key_missing",
            "id_reused",
            "precondition_failed",
            "forbidden",
            "job_state",
        ),
    ),
)
async def send(
    request: AnyRequest, name: FromPath[str], services: NamedDependency[Services]
) -> Response[CommandAnswer]:
    """Send a command and wait for what becomes of it.

    200: it took effect (or had before). 202: a decision that waits for what it follows, or a report put aside for a person to
    look at. Anything else is a refusal that changed nothing.
    """
    caller = caller_of(request)
    _admit(caller, name)
    command_id = idempotency_key(request)
    record = record_of(request.scope)
    record.event, record.command_id = name, command_id
    args = await read_json(request, limit=_LONG.get(name, BODY_BYTES))
    # Read strictly before the door: over REST a report that cannot be read is refused, not put aside as a device's is.
    try:
        command = decode_args(name, args)
    except UNREADABLE as error:
        raise invalid(error) from None
    if isinstance(command, SaveDistrict) and caller.actor.roles & COMMANDS[name].office:
        # A large outline takes a second: beside the event loop, and the handler finds it read.
        await asyncio.to_thread(read_outline, command.code, command.name_en, command.outline_geojson)
    now = services.clock()
    ask = Ask(
        id=command_id,
        name=name,
        args=args,
        digest=digest_of(name, args),
        raw=args,
        actor=caller.actor,
        occurrence=Occurrence(at=now),
        received_at=now,
        expected_ver=_if_match(request),
    )
    try:
        if name in LEAVING:
            answer = await run_leaving(services, ask, now=now)
        else:
            (answer,) = await run(services.pool, caller.actor.org_id, [ask], now=now, poke=services.poke)
    except HandlerFault as fault:
        log.error("handler_fault", command=name, command_id=str(command_id), exc_info=fault.__cause__ or fault)
        raise ProblemError("server_fault") from None
    services.metrics.commands.labels(name, answer.status.value).inc()
    record.code = answer.code
    return respond(request, answer)


def _admit(caller: Caller, name: str) -> None:
    if name not in COMMANDS:
        raise ProblemError("unknown_command")
    if caller.scopes is not None and name not in caller.scopes:
        raise ProblemError("forbidden")


def idempotency_key(request: AnyRequest) -> UUID:
    """Read the Idempotency-Key, which is the command's id. Raises ProblemError (idempotency_key_missing)."""
    try:
        return UUID(request.headers.get("idempotency-key", "").strip('"'))
    except ValueError:
        raise ProblemError("idempotency_key_missing") from None


def _if_match(request: AnyRequest) -> int | None:
    text = request.headers.get("if-match", "").strip()
    if text in ("", "*"):
        return None
    # What follows the version in an ETag tells apart what is shown beside the job.
    number = text.removeprefix("W/").strip('"').partition("-")[0]
    if not (number.isascii() and number.isdecimal() and len(number) < 19):
        raise ProblemError("malformed", LocalText(en='If-Match takes an ETag such as "12".', zh='If-Match 形如 "12"。'))
    return int(number)


def respond(request: AnyRequest, answer: Answer) -> Response[CommandAnswer]:
    """Answer with what became of a command: 200, 202 while it waits, a problem when it was refused."""
    if answer.status is OutcomeStatus.REJECTED:
        code = answer.code if answer.code in ERRORS else "internal"
        raise ProblemError(code, about=answer.detail)
    entry = ERRORS.get(answer.code, ERRORS["ok"])
    body = CommandAnswer(
        command_id=answer.command_id,
        status=answer.status,
        code=answer.code,
        title=entry.text(language_of(request.headers.get("accept-language"))),
        flags=answer.flags,
        detail=answer.detail,
        repeated=answer.repeated,
    )
    return Response(body, status_code=200 if answer.status in _DONE else 202, headers={"Vary": "Accept-Language"})


router = Router("/api/v1/commands", route_handlers=[send], tags=["commands"])
