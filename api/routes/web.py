"""Routes of the page at `/` and of the console: their files, and their sign-in. Knows no data of an organisation.

A page keeps its access token in memory and never sees the refresh token, which is in a cookie that scripts cannot read and that the
browser sends to `/web/session` alone, and only from the page itself.
"""

from typing import Any, Final
from urllib.parse import urlsplit

from litestar import Response, Router, delete, get, post
from litestar.datastructures import Cookie
from litestar.di import NamedDependency
from litestar.params import FromPath

from api import sign_in
from api.body import read_struct
from api.describe import public
from api.pages import INDEX, Page, console_pages, live_pages
from api.problems import ProblemError
from api.reading import AnyRequest, conditional
from api.record import record_of
from api.routes.auth import address_of
from api.services import Services
from mobile_contract.schema.access import LoginAsk, PageTokens, RefreshAsk, Tokens
from mobile_contract.schema.base import LocalText

COOKIE: Final = "onsite_refresh"
_PATH: Final = "/web/session"
_IMMUTABLE: Final = "public, max-age=31536000, immutable"
_NOT_BUILT: Final = LocalText(
    en="The console is not built here: `make console` does it.", zh="控制台尚未构建：请运行 `make console`。"
)


@get("/", opt=public("The live page", hidden=True))
async def index(request: AnyRequest) -> Response[bytes]:
    """Give the page."""
    return _file(request, INDEX)


@get("/live/{name:str}", opt=public("Files of the live page", hidden=True))
async def file(request: AnyRequest, name: FromPath[str]) -> Response[bytes]:
    """Give a file of the page."""
    return _file(request, name)


@get("/console", opt=public("The console", hidden=True))
async def console(request: AnyRequest, services: NamedDependency[Services]) -> Response[bytes]:
    """Give the console's page."""
    return _console_file(request, services, INDEX)


@get("/console/{name:str}", opt=public("Files of the console", hidden=True))
async def console_file(
    request: AnyRequest, services: NamedDependency[Services], name: FromPath[str]
) -> Response[bytes]:
    """Give a file of the console."""
    return _console_file(request, services, name)


@get("/console/assets/{name:str}", opt=public("Scripts and styles of the console", hidden=True))
async def console_asset(
    request: AnyRequest, services: NamedDependency[Services], name: FromPath[str]
) -> Response[bytes]:
    """Give a script or a style sheet, whose name changes with what is in it."""
    return _console_file(request, services, f"assets/{name}")


@post(_PATH, status_code=200, opt=public("Sign in to the page", hidden=True))
async def begin(request: AnyRequest, services: NamedDependency[Services]) -> Response[PageTokens]:
    """Sign in by password."""
    _require_same_origin(request)
    services.flood.admit(address_of(request), now=services.clock())
    tokens = await sign_in.login(services, await read_struct(request, LoginAsk), address_of(request))
    return _answer(request, services, tokens)


@post(f"{_PATH}/refresh", status_code=200, opt=public("Renew the page's access", hidden=True))
async def renew(request: AnyRequest, services: NamedDependency[Services]) -> Response[PageTokens]:
    """Exchange the cookie for a new access token and a new cookie."""
    _require_same_origin(request)
    services.flood.admit(address_of(request), now=services.clock())
    text = request.cookies.get(COOKIE, "")
    if not 0 < len(text) <= 300:
        raise ProblemError("unauthenticated")
    return _answer(request, services, await sign_in.refresh(services, RefreshAsk(refresh_token=text)))


@delete(_PATH, status_code=204, opt=public("Forget the page's cookie", hidden=True))
async def end(request: AnyRequest, services: NamedDependency[Services]) -> Response[None]:
    """Take the cookie back; the sign-in itself ends by `/api/v1/auth/logout`."""
    _require_same_origin(request)
    return Response(None, status_code=204, cookies=[_cookie(services, "", max_age_s=0)])


def _file(request: AnyRequest, name: str) -> Response[bytes]:
    page = live_pages().get(name)
    if page is None:
        raise ProblemError("not_found")
    # Files change together with the server: each is asked for anew, and mostly answered without a body.
    return conditional(
        request, page.body, page.etag, media_type=page.media_type, headers={"Cache-Control": "public, no-cache"}
    )


def _console_file(request: AnyRequest, services: Services, name: str) -> Response[bytes]:
    pages = console_pages()
    page = pages.get(name)
    if page is None:
        raise ProblemError("not_found", "" if pages else _NOT_BUILT)
    body, etag, headers = page.body, page.etag, {"Cache-Control": "public, no-cache"}
    if name.startswith("assets/"):
        headers["Cache-Control"] = _IMMUTABLE
    if page.packed:
        headers["Vary"] = "Accept-Encoding"
        encoding, body = _packed(page, request.headers.get("accept-encoding", ""))
        if encoding:
            headers["Content-Encoding"], etag = encoding, f'{etag[:-1]}-{encoding}"'
    answer = conditional(request, body, etag, media_type=page.media_type, headers=headers)
    if answer.status_code != 304:
        # On scripts too: a worker obeys the policy of its own file.
        answer.headers["Content-Security-Policy"] = _console_policy(services.settings.basemap)
    return answer


def _packed(page: Page, accepted: str) -> tuple[str, bytes]:
    known = {
        part.partition(";")[0].strip() for part in accepted.split(",") if "q=0" not in part.replace(" ", "").split(";")
    }
    return next(((encoding, body) for encoding, body in page.packed if encoding in known), ("", page.body))


def _console_policy(basemap: str) -> str:
    # An operator's own basemap may lie elsewhere: then its host is the one that the page may ask beside this server.
    address = urlsplit(basemap)
    elsewhere = f" {address.scheme}://{address.netloc}" if address.scheme in ("http", "https") else ""
    return (
        f"default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self' data: blob:{elsewhere}; "
        f"connect-src 'self'{elsewhere}; worker-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )


def _require_same_origin(request: AnyRequest) -> None:
    # Browsers say from where a request comes; whoever says nothing is no browser and holds no cookie of one.
    if request.headers.get("sec-fetch-site", "same-origin") != "same-origin":
        raise ProblemError("forbidden")


def _answer(request: AnyRequest, services: Services, tokens: Tokens) -> Response[PageTokens]:
    record: Any = record_of(request.scope)
    record.org_id, record.actor = tokens.org_id, f"person:{tokens.person_id}"
    shown = PageTokens(
        access_token=tokens.access_token,
        expires_in_s=tokens.expires_in_s,
        must_change_password=tokens.must_change_password,
    )
    lifetime_s = int(sign_in.SIGN_IN_LIFETIME.total_seconds())
    return Response(shown, cookies=[_cookie(services, tokens.refresh_token, max_age_s=lifetime_s)])


def _cookie(services: Services, value: str, *, max_age_s: int) -> Cookie:
    settings = services.settings
    return Cookie(
        key=COOKIE,
        value=value,
        max_age=max_age_s,
        path=_PATH,
        httponly=True,
        samesite="strict",
        secure=settings.production or settings.base_url.startswith("https:"),
    )


router = Router(
    "/", route_handlers=[index, file, console, console_file, console_asset, begin, renew, end], tags=["page"]
)
