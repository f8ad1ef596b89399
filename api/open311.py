"""Open311 GeoReport v2: what citizens' apps and city portals report becomes a request and its job, by the command `register_request`.

Owns the words of the format, as JSON and XML. A service is a job type; a key offers those that its scopes name (`open311:repair`), all of
them with `open311`. Only requests that came this way are shown, and nothing of who reported them.
"""

import hashlib
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid5
from xml.etree import ElementTree

import msgspec
from litestar import Response

from api.auth import OPEN311_SCOPE, Caller
from api.problems import ProblemError
from api.services import Services
from api.store import open311 as stored
from api.store.open311 import Reported, Service, Sought
from jobs.context import Occurrence
from mobile_contract.errors import ERRORS, Language
from mobile_contract.schema.base import LocalText
from mobile_contract.schema.decisions import RegisterRequest
from mobile_contract.schema.outcome import OutcomeStatus
from sync.ask import Ask
from sync.execute import run
from sync.transaction import org_transaction

PATH: Final = "/open311/v2"
PAGE: Final = 1_000
_COMMAND: Final = "register_request"
_SPAN: Final = timedelta(days=90)
# An app that heard no answer sends again; the same words an hour later are another report.
_SAME_WITHIN: Final = timedelta(hours=1)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_CLOSED: Final = frozenset({"completed", "closed", "cannot_complete", "cancelled"})
# What XML 1.0 cannot carry at all.
_NOT_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_STATES: Final[Mapping[str, LocalText]] = {
    "draft": LocalText(en="Received", zh="已受理"),
    "awaiting_triage": LocalText(en="Received", zh="已受理"),
    "ready": LocalText(en="Waiting for a crew", zh="等待派工"),
    "scheduled": LocalText(en="A crew has been assigned", zh="已派班组"),
    "in_progress": LocalText(en="Work is under way", zh="正在处理"),
    "on_hold": LocalText(en="Work is interrupted", zh="暂停处理"),
    "completed": LocalText(en="Done", zh="已完成"),
    "closed": LocalText(en="Done and checked", zh="已完成并核查"),
    "cannot_complete": LocalText(en="It could not be done", zh="无法完成"),
    "cancelled": LocalText(en="Cancelled", zh="已取消"),
}
_WRONG: Final[Mapping[str, LocalText]] = {
    "jurisdiction": LocalText(en="jurisdiction_id was not found", zh="找不到 jurisdiction_id"),
    "service": LocalText(en="service_code was not found", zh="找不到 service_code"),
    "no_service": LocalText(en="service_code was not provided", zh="缺少 service_code"),
    "place": LocalText(
        en="a location is needed: lat and long, address_string or address_id",
        zh="需要位置：lat 与 long、address_string 或 address_id",
    ),
    "request": LocalText(en="service_request_id was not found", zh="找不到 service_request_id"),
    "dates": LocalText(
        en="start_date and end_date take the form 2026-01-31T08:00:00Z and span 90 days at most",
        zh="start_date 与 end_date 形如 2026-01-31T08:00:00Z，间隔不超过 90 天",
    ),
    "status": LocalText(en="status is open or closed", zh="status 只能是 open 或 closed"),
    "field": LocalText(en="a field is too long or out of range", zh="某个字段过长或超出范围"),
}

Row = dict[str, Any]


class WrongAskError(Exception):
    """A refusal in the words of the format: a status, and which text."""

    def __init__(self, status: int, what: str) -> None:
        super().__init__(what)
        self.status = status
        self.text = _WRONG[what]


def offered(caller: Caller) -> tuple[str, ...] | None:
    """Name the job types that a caller may report; None: all of them."""
    if caller.scopes is None or OPEN311_SCOPE in caller.scopes:
        return None
    prefix = OPEN311_SCOPE + ":"
    return tuple(sorted(scope.removeprefix(prefix) for scope in caller.scopes if scope.startswith(prefix)))


async def list_services(services: Services, caller: Caller, said: Mapping[str, str], language: Language) -> list[Row]:
    """List the services on offer."""
    async with org_transaction(services.pool, caller.actor.org_id) as conn:
        await _check_jurisdiction(conn, caller, said)
        found = await stored.services(conn, caller.actor.org_id, offered(caller))
    return [_service(each, language) for each in found]


async def define_service(services: Services, caller: Caller, code: str, said: Mapping[str, str]) -> Row:
    """Define a service: none asks for more than GeoReport itself. Raises WrongAskError (404)."""
    async with org_transaction(services.pool, caller.actor.org_id) as conn:
        await _check_jurisdiction(conn, caller, said)
        await _service_on_offer(conn, caller, code, status=404)
    return {"service_code": code, "attributes": []}


async def list_requests(services: Services, caller: Caller, said: Mapping[str, str], language: Language) -> list[Row]:
    """List requests, newest first, 1,000 at most: those named, or those of a time (the last 90 days), service and status."""
    sought = _sought(said, caller, now=services.clock())
    async with org_transaction(services.pool, caller.actor.org_id) as conn:
        await _check_jurisdiction(conn, caller, said)
        found = await stored.requests(conn, caller.actor.org_id, sought, limit=PAGE)
    return [_request(each, language) for each in found]


async def show_request(services: Services, caller: Caller, said: Mapping[str, str], language: Language) -> list[Row]:
    """Show the one request that is named. Raises WrongAskError (404)."""
    found = await list_requests(services, caller, said, language)
    if not found:
        raise WrongAskError(404, "request")
    return found


async def report(
    services: Services, caller: Caller, said: Mapping[str, str], *, key: str, language: Language
) -> list[Row]:
    """Register a request with its job and give its id. The same again, by its Idempotency-Key or its content within an hour, gives the same id.

    Raises WrongAskError (400, 404), ProblemError for a caller that may not, or another content under a used key.
    """
    org_id, now = caller.actor.org_id, services.clock()
    content = {name: value for name, value in sorted(said.items()) if name != "api_key"}
    about = f"{caller.key_id or caller.actor.person_id}\0" + (key or _digest(content))
    hour = int(now.timestamp() // _SAME_WITHIN.total_seconds())
    ids = [uuid5(org_id, about)] if key else [uuid5(org_id, f"{about}\0{h}") for h in (hour, hour - 1)]
    command = _command(said, ids[0], language)
    async with org_transaction(services.pool, org_id) as conn:
        await _check_jurisdiction(conn, caller, said)
        await _service_on_offer(conn, caller, str(command.job_type), status=400)
        known = None if key else await stored.known_since(conn, org_id, ids, now - _SAME_WITHIN)
    if known is None:
        await _register(services, caller, command, now=now)
    notice = LocalText(en="Keep this number to ask what has become of it.", zh="请保存此编号以便查询进展。")
    return [
        {
            "service_request_id": str(known or command.request_id),
            "service_notice": _say(notice, language),
            "account_id": None,
        }
    ]


def answer(rows: Row | list[Row], *, root: str, item: str = "", as_xml: bool, status: int = 200) -> Response[bytes]:
    """Write an answer as JSON or XML; `item` is the element of a row in a list."""
    headers = {"Vary": "Accept-Language, Authorization"}
    if not as_xml:
        return Response(msgspec.json.encode(rows), status_code=status, media_type="application/json", headers=headers)
    top = ElementTree.Element(root)
    for row in rows if isinstance(rows, list) else [rows]:
        _fill(ElementTree.SubElement(top, item) if isinstance(rows, list) else top, row)
    body = ElementTree.tostring(top, encoding="utf-8", xml_declaration=True)
    return Response(body, status_code=status, media_type="text/xml", headers=headers)


def answer_wrong(error: WrongAskError, *, as_xml: bool, language: Language) -> Response[bytes]:
    """Write a refusal in the words of the format."""
    row = {"code": error.status, "description": _say(error.text, language)}
    return answer([row], root="errors", item="error", as_xml=as_xml, status=error.status)


async def _register(services: Services, caller: Caller, command: RegisterRequest, *, now: datetime) -> None:
    fields = msgspec.to_builtins(command)
    del fields["name"]
    args = msgspec.json.encode(fields)
    ask = Ask(
        id=uuid5(command.request_id, "command"),
        name=_COMMAND,
        args=args,
        digest=hashlib.sha256(_COMMAND.encode() + b"\0" + args).digest(),
        raw=args,
        actor=caller.actor,
        occurrence=Occurrence(at=now),
        received_at=now,
    )
    (done,) = await run(services.pool, caller.actor.org_id, [ask], now=now, poke=services.poke)
    services.metrics.commands.labels(_COMMAND, done.status.value).inc()
    if done.status is OutcomeStatus.REJECTED:
        raise ProblemError(done.code if done.code in ERRORS else "internal", about=done.detail)


def _command(said: Mapping[str, str], id: UUID, language: Language) -> RegisterRequest:
    """Make the command. Raises WrongAskError (400) for what is missing or does not fit."""
    if not said.get("service_code"):
        raise WrongAskError(400, "no_service")
    placed = bool(said.get("lat") and said.get("long"))
    address = said.get("address_string") or said.get("address_id", "")
    if not placed and not address:
        raise WrongAskError(400, "place")
    media = said.get("media_url", "")
    fields: dict[str, Any] = {
        "request_id": id,
        "job_id": uuid5(id, "job"),
        "job_type": said["service_code"],
        "source": stored.SOURCE,
        "description": "\n\n".join(filter(None, (said.get("description", ""), media))),
        "address": address,
    }
    if placed:
        fields |= {"lon_deg": said["long"], "lat_deg": said["lat"]}
    contact = _contact(said, id, language)
    if contact is not None:
        fields["contact"] = contact
    try:
        return msgspec.convert(fields, RegisterRequest, strict=False)
    except msgspec.ValidationError:
        raise WrongAskError(400, "field") from None


def _contact(said: Mapping[str, str], id: UUID, language: Language) -> Row | None:
    """Give whom to ask back: the telephone number, else the e-mail address, is how to reach them."""
    name = " ".join(filter(None, (said.get("first_name"), said.get("last_name"))))
    reach = said.get("phone") or said.get("email", "")
    if not name and not reach:
        return None
    return {"contact_id": uuid5(id, "contact"), "name": name or reach, "phone": reach, "language": language.value}


def _sought(said: Mapping[str, str], caller: Caller, *, now: datetime) -> Sought:
    """Read which requests are sought; named ones override everything else."""
    on_offer = offered(caller)
    if said.get("service_request_id"):
        return Sought(ids=[id for id in map(_uuid, said["service_request_id"].split(",")) if id], services=on_offer)
    first, last = _instant(said.get("start_date", "")), _instant(said.get("end_date", ""))
    if first is not None and last is not None and not timedelta(0) <= last - first <= _SPAN:
        raise WrongAskError(400, "dates")
    statuses = set(filter(None, said.get("status", "").split(",")))
    if not statuses <= {"open", "closed"}:
        raise WrongAskError(400, "status")
    codes = [code for code in said.get("service_code", "").split(",") if code]
    if codes and on_offer is not None:
        codes = [code for code in codes if code in on_offer]
        on_offer = tuple(codes)
    return Sought(
        services=codes if codes else on_offer,
        from_at=first or max(_EPOCH, (last or now) - _SPAN),
        before=last,
        open=("open" in statuses) if len(statuses) == 1 else None,
    )


async def _check_jurisdiction(conn: Any, caller: Caller, said: Mapping[str, str]) -> None:
    named = said.get("jurisdiction_id")
    if named and named != await stored.slug_of(conn, caller.actor.org_id):
        raise WrongAskError(404, "jurisdiction")


async def _service_on_offer(conn: Any, caller: Caller, code: str, *, status: int) -> None:
    on_offer = offered(caller)
    known = on_offer is None or code in on_offer
    if not known or not await stored.services(conn, caller.actor.org_id, [code]):
        raise WrongAskError(status, "service")


def _service(service: Service, language: Language) -> Row:
    name = _say(service.name, language)
    return {
        "service_code": service.code,
        "service_name": name,
        "description": name,
        "metadata": False,
        "type": "realtime",
        "keywords": service.code,
        "group": service.process,
    }


def _request(found: Reported, language: Language) -> Row:
    name = found.service_name
    return {
        "service_request_id": str(found.id),
        "status": "closed" if found.state in _CLOSED else "open",
        "status_notes": _say(_STATES[found.state], language),
        "service_name": _say(name, language) if name is not None else found.service_code,
        "service_code": found.service_code,
        "description": found.description,
        "agency_responsible": None,
        "service_notice": None,
        "requested_datetime": _written(found.reported_at),
        "updated_datetime": _written(found.updated_at),
        "expected_datetime": _written(found.expected_at),
        "address": found.address,
        "address_id": None,
        "zipcode": None,
        "lat": found.lat_deg,
        "long": found.lon_deg,
        "media_url": None,
    }


def _fill(element: ElementTree.Element, row: Row) -> None:
    for name, value in row.items():
        child = ElementTree.SubElement(element, name)
        if value is not None and not isinstance(value, list):
            child.text = _NOT_XML.sub("", str(value).lower() if isinstance(value, bool) else str(value))


def _digest(content: Mapping[str, str]) -> str:
    return hashlib.sha256(msgspec.json.encode(content)).hexdigest()


def _written(at: datetime | None) -> str | None:
    return None if at is None else at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _say(text: LocalText, language: Language) -> str:
    return (text.zh if language is Language.ZH else "") or text.en


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text.strip())
    except ValueError:
        return None


def _instant(text: str) -> datetime | None:
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
        return max(_EPOCH, at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        raise WrongAskError(400, "dates") from None
