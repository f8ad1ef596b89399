"""Routes of Open311 GeoReport v2, as JSON and XML. The work is `api.open311`; who calls is proven by an API key, as everywhere."""

from collections.abc import Awaitable, Callable
from typing import Any, Final
from urllib.parse import parse_qsl
from uuid import UUID

from litestar import Response, Router, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from api import open311
from api.auth import OPEN311_SCOPE, caller_of, prove_key_in_form
from api.body import read_bytes
from api.describe import describe
from api.problems import ProblemError, language_of
from api.reading import AnyRequest, require_reader
from api.routes.auth import address_of
from api.services import Services
from mobile_contract.errors import Language
from mobile_contract.limits import KIB
from mobile_contract.schema.base import LocalText

_SCOPES: Final = (OPEN311_SCOPE, OPEN311_SCOPE + ":")
_FORM: Final = "application/x-www-form-urlencoded"
_BODY_BYTES: Final = 64 * KIB
_FIELDS_MAX: Final = 100


def _described(summary: str, **said: Any) -> dict[str, Any]:
    # Another's format: its reference is the standard's, and its answers are JSON and XML alike.
    return describe(summary, hidden=True, plain_key=True, scopes=_SCOPES, **said)


@get(["/services.json", "/services.xml"], opt=_described("GeoReport: services"))
async def services_on_offer(request: AnyRequest, services: NamedDependency[Services]) -> Response[bytes]:
    """List what may be reported."""

    async def work(language: Language) -> Any:
        return await open311.list_services(services, caller_of(request), _query(request), language)

    return await _answer(request, work, root="services", item="service")


@get("/services/{file:str}", opt=_described("GeoReport: service definition"))
async def definition(request: AnyRequest, file: FromPath[str], services: NamedDependency[Services]) -> Response[bytes]:
    """Define a service: `<code>.json` or `<code>.xml`."""

    async def work(language: Language) -> Any:
        return await open311.define_service(services, caller_of(request), _stem(file), _query(request))

    return await _answer(request, work, root="service_definition")


@get(["/requests.json", "/requests.xml"], opt=_described("GeoReport: requests"))
async def requests(request: AnyRequest, services: NamedDependency[Services]) -> Response[bytes]:
    """List requests that were reported this way."""

    async def work(language: Language) -> Any:
        return await open311.list_requests(services, caller_of(request), _query(request), language)

    return await _answer(request, work, root="service_requests", item="request")


@get("/requests/{file:str}", opt=_described("GeoReport: request"))
async def show(request: AnyRequest, file: FromPath[str], services: NamedDependency[Services]) -> Response[bytes]:
    """Show one request: `<id>.json` or `<id>.xml`."""

    async def work(language: Language) -> Any:
        said = {**_query(request), "service_request_id": _stem(file) or "-"}
        return await open311.show_request(services, caller_of(request), said, language)

    return await _answer(request, work, root="service_requests", item="request")


@post(
    ["/requests.json", "/requests.xml"],
    status_code=200,
    opt=_described("GeoReport: report", key_in_form=True),
)
async def report(request: AnyRequest, services: NamedDependency[Services]) -> Response[bytes]:
    """Report something: a form. It becomes a request and its job; sent twice, it is one."""
    services.flood.admit(address_of(request), now=services.clock())
    said = {**_query(request), **await _form(request)}
    await prove_key_in_form(request, request.route_handler, said.get("api_key", ""))

    async def work(language: Language) -> Any:
        key = _idempotency_key(request)
        return await open311.report(services, caller_of(request), said, key=key, language=language)

    return await _answer(request, work, root="service_requests", item="request", reads=False)


async def _answer(
    request: AnyRequest,
    work: Callable[[Language], Awaitable[Any]],
    *,
    root: str,
    item: str = "",
    reads: bool = True,
) -> Response[bytes]:
    """Do the work and write its answer, or its refusal, as the address ends: `.json` or `.xml`."""
    path = request.url.path
    if not path.endswith((".json", ".xml")):
        raise ProblemError("not_found")
    as_xml = path.endswith(".xml")
    language = language_of(request.headers.get("accept-language"))
    if reads:
        require_reader(caller_of(request).actor)
    try:
        return open311.answer(await work(language), root=root, item=item, as_xml=as_xml)
    except open311.WrongAskError as error:
        return open311.answer_wrong(error, as_xml=as_xml, language=language)


async def _form(request: AnyRequest) -> dict[str, str]:
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != _FORM:
        raise ProblemError("unsupported_media_type", LocalText(en=f"Send {_FORM}.", zh=f"请发送 {_FORM}。"))
    body = await read_bytes(request, limit=_BODY_BYTES)
    try:
        said = dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=_FIELDS_MAX))
    except ValueError:
        raise ProblemError("malformed") from None
    return _without_nul(said)


def _query(request: AnyRequest) -> dict[str, str]:
    return _without_nul({name: str(value) for name, value in request.query_params.items()})


def _without_nul(said: dict[str, str]) -> dict[str, str]:
    if any("\0" in text for text in said.values()):
        raise ProblemError("malformed")
    return said


def _stem(file: str) -> str:
    return file.rpartition(".")[0]


def _idempotency_key(request: AnyRequest) -> str:
    text = request.headers.get("idempotency-key", "").strip('"')
    try:
        return str(UUID(text)) if text else ""
    except ValueError:
        raise ProblemError("idempotency_key_missing") from None


router = Router(open311.PATH, route_handlers=[services_on_offer, definition, requests, show, report], tags=["map"])
