"""What all reads of the office share: who may read, and answers that are sent only when they changed. Owns no list."""

import hashlib
from collections.abc import Mapping
from typing import Any, Final

import msgspec
from litestar import Request, Response

from api.problems import ProblemError
from jobs.context import Actor
from mobile_contract.registry import COMMANDS
from mobile_contract.schema.people import Role

AnyRequest = Request[Any, Any, Any]

# Field crews read through sync, where their scope bounds what they see.
READERS: Final = frozenset(Role) - {Role.TECHNICIAN, Role.CREW_LEAD}
PLANNERS: Final = COMMANDS["assign_visit"].office
# What a thing costs the organisation is for those who buy it, decide about it and audit it; whoever is not named here does not see it.
COST_READERS: Final = frozenset(
    {Role.WAREHOUSE, Role.ENGINEER, Role.MANAGER, Role.DEPUTY_GM, Role.DUTY_CHIEF, Role.AUDITOR, Role.ADMIN}
)
# The browser may keep an answer, but asks each time whether it still holds.
_REVALIDATE: Final = "private, no-cache"


def require_reader(actor: Actor) -> None:
    """Refuse who has no role in the office. Raises ProblemError (forbidden)."""
    if not actor.roles & READERS:
        raise ProblemError("forbidden")


def require_planner(actor: Actor) -> None:
    """Refuse who may not assign visits. Raises ProblemError (forbidden)."""
    if not actor.roles & PLANNERS:
        raise ProblemError("forbidden")


def sees_cost(actor: Actor) -> bool:
    """Tell whether somebody may see what parts and stock cost the organisation."""
    return bool(actor.roles & COST_READERS)


def require_cost_reader(actor: Actor) -> None:
    """Refuse who may not see costs: for pages that make no sense without them. Raises ProblemError (forbidden)."""
    if not sees_cost(actor):
        raise ProblemError("forbidden")


def answer_if_changed(
    request: AnyRequest, shown: Any, *, media_type: str = "application/json", ver: int | None = None
) -> Response[bytes]:
    """Answer with a Struct as JSON and an ETag, or 304 when the caller holds exactly this.

    The ETag is `"<ver>-<digest>"`: the version is what If-Match compares, the digest changes with everything that is shown.
    """
    body = msgspec.json.encode(shown)
    digest = hashlib.sha256(body).hexdigest()[:16]
    return conditional(request, body, f'"{digest}"' if ver is None else f'"{ver}-{digest}"', media_type=media_type)


def conditional(
    request: AnyRequest,
    body: bytes,
    etag: str,
    *,
    media_type: str,
    headers: Mapping[str, str] | None = None,
) -> Response[bytes]:
    """Answer with a body under its ETag, or 304 when If-None-Match names it. Compressing keeps the content, so a weak match counts."""
    sent = {"ETag": etag, "Cache-Control": _REVALIDATE, **(headers or {})}
    known = {tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")}
    if etag in known or "*" in known:
        return Response(b"", status_code=304, headers=sent, media_type=media_type)
    return Response(body, headers=sent, media_type=media_type)
