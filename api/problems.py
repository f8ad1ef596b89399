"""Every refusal of the edge as one shape: RFC 9457 problem details with a stable code, in the caller's language.

Owns the way from an exception to an answer. Never shows what an unforeseen error says: that goes to the log, under the
request's id, which the answer names as its `instance`.
"""

from collections.abc import Mapping
from typing import Any, Final

import asyncpg
import msgspec
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException

from api.phrases import in_chinese
from api.record import record_of
from mobile_contract.errors import ERRORS, Language
from mobile_contract.schema.base import LocalText
from mobile_contract.schema.problem import FieldError, Problem
from sync.faults import may_pass

MEDIA_TYPE: Final = "application/problem+json"
PROBLEM_PAGE: Final = "/docs/problems#"
RETRY_AFTER_S: Final = 2

# What the framework refuses by itself, and the code of it.
_BY_STATUS: Final = {
    400: "malformed",
    401: "unauthenticated",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    413: "body_too_large",
    415: "unsupported_media_type",
    422: "invalid",
    429: "too_many_requests",
    503: "busy",
}
# Values that the schema lets through and the database does not: a NUL in a text, a number beyond its column.
_UNSTORABLE: Final = (
    asyncpg.DataError,
    asyncpg.CharacterNotInRepertoireError,
    asyncpg.UntranslatableCharacterError,
)

# What decoding raises: nesting beyond Python's depth and numbers of thousands of digits come as plain errors.
UNREADABLE: Final = (msgspec.MsgspecError, RecursionError, ValueError)

log = structlog.get_logger()


class ProblemError(Exception):
    """A refusal with a code of the catalogue. `about` carries figures for machines (`expected_n`), `headers` go onto the answer."""

    def __init__(
        self,
        code: str,
        detail: LocalText | str = "",
        *,
        errors: tuple[FieldError, ...] = (),
        about: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(code)
        self.code = code
        self.detail = detail if isinstance(detail, LocalText) else LocalText(en=detail)
        self.errors = errors
        self.about = dict(about or {})
        self.headers = dict(headers or {})


def busy(detail: LocalText | str = "", retry_after_s: int = RETRY_AFTER_S) -> ProblemError:
    """Make the refusal of something that may pass by itself."""
    return ProblemError("busy", detail, headers={"Retry-After": str(retry_after_s)})


def invalid(error: Exception) -> ProblemError:
    """Make the refusal of a body or query that could not be read (an UNREADABLE): 422 with the field, or 400 for what is no JSON."""
    if not isinstance(error, msgspec.ValidationError):
        return ProblemError("malformed", str(error) if isinstance(error, msgspec.MsgspecError) else "")
    message, _, path = str(error).partition(" - at `")
    return ProblemError("invalid", errors=(FieldError(field=path.rstrip("`") or "$", message=message),))


def language_of(accept_language: str | None) -> Language:
    """Choose the language of an Accept-Language header: the first of highest weight that we speak, else English."""
    best, best_weight = Language.EN, 0.0
    for item in (accept_language or "")[:500].split(","):
        tag, _, weight_text = item.partition(";q=")
        language = {"zh": Language.ZH, "en": Language.EN}.get(tag.strip().lower().split("-")[0])
        try:
            weight = float(weight_text) if weight_text else 1.0
        except ValueError:
            continue
        if language is not None and weight > best_weight:
            best, best_weight = language, weight
    return best


def answer_problem(request: Request[Any, Any, Any], problem: ProblemError) -> Response[bytes]:
    """Write a refusal as the answer to a request."""
    language = language_of(request.headers.get("accept-language"))
    entry = ERRORS[problem.code]
    record = record_of(request.scope)
    record.code = problem.code
    zh = language is Language.ZH
    body = Problem(
        type=PROBLEM_PAGE + problem.code,
        title=entry.text(language),
        status=entry.status,
        code=problem.code,
        instance=f"urn:uuid:{record.request_id}",
        detail=(problem.detail.zh if zh else "") or problem.detail.en,
        errors=tuple(
            FieldError(field=e.field, message=in_chinese(e.message) if zh else e.message) for e in problem.errors
        ),
        about=problem.about,
    )
    headers = {"Content-Language": language.value, "Vary": "Accept-Language", **problem.headers}
    if entry.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if entry.status in (429, 503):
        headers.setdefault("Retry-After", str(RETRY_AFTER_S))
    return Response(msgspec.json.encode(body), status_code=entry.status, media_type=MEDIA_TYPE, headers=headers)


def problem_of(error: Exception) -> ProblemError:
    """Say which refusal an exception is. Whatever is unforeseen is `internal` and goes to the log with its traceback."""
    if isinstance(error, ProblemError):
        return error
    if isinstance(error, HTTPException):
        code = _BY_STATUS.get(error.status_code)
        if code is not None:
            return ProblemError(code, headers={k.title(): v for k, v in (error.headers or {}).items()})
    if isinstance(error, msgspec.MsgspecError):
        return invalid(error)
    if isinstance(error, asyncpg.ReadOnlySQLTransactionError):
        return ProblemError("standby")
    if isinstance(error, _UNSTORABLE):
        return ProblemError("invalid", "A value cannot be stored as it is.")
    if may_pass(error):
        # A full disk, too many connections: gone once somebody has looked after it, so it is told by its name.
        log.warning("passing_fault", error=type(error).__name__)
        return busy()
    log.error("fault", error=type(error).__name__, exc_info=error)
    return ProblemError("internal")


def on_exception(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """Answer any exception of a route; the framework's one handler."""
    return answer_problem(request, problem_of(error))
