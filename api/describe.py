"""What a route says about itself: who may call it, what it reads and answers. The guard and the OpenAPI document both read this.

A route that says nothing is for signed-in persons only.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

from msgspec import Struct

KEY: Final = "operation"


class Access(StrEnum):
    """Who may call a route."""

    PUBLIC = "public"
    PERSON = "person"
    DEVICE = "device"


class Operation(Struct, frozen=True, kw_only=True):
    """A route's description.

    `body`, `query` and `answer` are types of the contract; `problems` codes of the catalogue beyond those that every
    route may give. `password_stale_ok`: allowed before a first password is changed. `keys_ok`: API keys with scope `read` may call it.
    `proves`: a device's route whose own statement proves the caller, in place of the guard; `method`: of a route that is plain ASGI.
    `scopes`: an API key may call with any of these. `plain_key`: it may also come as an HTTP Basic password or the parameter `api_key`, as
    public clients send it; `key_in_form`: without any of these the route itself proves the key in its form.
    """

    summary: str
    access: Access = Access.PERSON
    body: Any = None
    query: Any = None
    answer: Any = None
    status: int = 200
    answer_media_type: str = "application/json"
    body_media_type: str = "application/json"
    problems: tuple[str, ...] = ()
    headers: Mapping[str, str] = {}
    example: Any = None
    tag: str = ""
    password_stale_ok: bool = False
    keys_ok: bool = False
    scopes: tuple[str, ...] = ("read",)
    plain_key: bool = False
    key_in_form: bool = False
    hidden: bool = False
    proves: bool = False
    method: str = ""


def describe(summary: str, **said: Any) -> dict[str, Any]:
    """Describe a route: `@get("/jobs", opt=describe("List jobs", query=JobFilter, answer=JobPage))`."""
    return {KEY: Operation(summary=summary, **said)}


def public(summary: str, **said: Any) -> dict[str, Any]:
    """Describe a route that anybody may call."""
    return describe(summary, access=Access.PUBLIC, **said)


def for_devices(summary: str, **said: Any) -> dict[str, Any]:
    """Describe a route of enrolled devices."""
    return describe(summary, access=Access.DEVICE, **said)


def operation_of(opt: Mapping[str, Any]) -> Operation:
    """Give a route's description; a route without one is for signed-in persons."""
    found = opt.get(KEY)
    return found if isinstance(found, Operation) else Operation(summary="", hidden=True)
