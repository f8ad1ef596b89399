"""The OpenAPI document, built from what routes say of themselves and from the contract's Structs. Pure: reads no request.

The framework's own document loses the discriminators of msgspec; here every schema is the contract's, under its name.
"""

import inspect
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final
from uuid import UUID

import msgspec
from litestar import Litestar
from litestar.handlers import ASGIRouteHandler, HTTPRouteHandler
from litestar.routes import ASGIRoute, HTTPRoute
from msgspec import Struct

from api.describe import Access, Operation, operation_of
from mobile_contract.emit.examples import example_of
from mobile_contract.emit.json_schema import DIALECT, schema_of
from mobile_contract.errors import ERRORS
from mobile_contract.registry import COMMANDS
from mobile_contract.schema.problem import Problem
from mobile_contract.version import CONTRACT

_REF: Final = "#/components/schemas/{name}"
_COMMAND_PATH: Final = "/api/v1/commands/{name}"
_PROBLEM_TYPE: Final = "application/problem+json"
_ALWAYS: Final = ("internal", "busy")
_OF_BODIES: Final = ("malformed", "body_too_large", "unsupported_media_type", "invalid")
_PARAMETER_TYPES: Final[Mapping[type, dict[str, Any]]] = {
    UUID: {"type": "string", "format": "uuid"},
    int: {"type": "integer"},
    str: {"type": "string"},
}
_SECURITY: Final[dict[str, Any]] = {
    "person": {
        "type": "http",
        "scheme": "bearer",
        "description": "An access token from signing in, an API key, or a token of the identity provider "
        "(then with the header `Onsite-Org`, the organisation's slug).",
    },
    "device": {
        "type": "http",
        "scheme": "bearer",
        "description": "The device's token from enrolment. The header `Onsite-Session` names whose call it is.",
    },
}


class Route(Struct, frozen=True):
    """A route as the document describes it."""

    path: str
    method: str
    handler: HTTPRouteHandler | ASGIRouteHandler
    operation: Operation
    parameters: Mapping[str, type]


def openapi_document(app: Litestar) -> dict[str, Any]:
    """Build the OpenAPI 3.1 document of an application: every described route, each command as an operation of its own."""
    routes = sorted(_routes(app), key=lambda r: (r.path, r.method))
    schemas = _Schemas(routes)
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        if route.path == _COMMAND_PATH:
            for name in sorted(COMMANDS):
                paths[f"/api/v1/commands/{name}"] = {"post": _command(route, name, schemas)}
        else:
            paths.setdefault(route.path, {})[route.method] = _operation(route, schemas)
    # The responses are gathered while the paths are described, so they are written after them.
    return {
        "openapi": "3.1.0",
        "jsonSchemaDialect": DIALECT,
        "info": {
            "title": "Onsite",
            "version": CONTRACT,
            "summary": "Field service that works without a network.",
            "description": "Refusals are problems (RFC 9457) with a stable `code`; Accept-Language `en` or `zh` chooses "
            "their words. Bodies are JSON, plain or as gzip or zstd. Decimals are strings, instants are RFC 3339.",
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": schemas.components,
            "responses": dict(sorted(schemas.responses.items())),
            "securitySchemes": _SECURITY,
        },
    }


class _Schemas:
    """The schemas of every type that a route names, made in one go so that each has one name."""

    def __init__(self, routes: list[Route]) -> None:
        types: list[Any] = [Problem, *(line.type for line in COMMANDS.values())]
        for route in routes:
            types.extend(
                t for t in (route.operation.body, route.operation.query, route.operation.answer) if t is not None
            )
        refs, self.components = schema_of(types, _REF)
        self._refs = [*zip(types, refs, strict=True)]
        for query in {route.operation.query for route in routes} - {None}:
            self.components.pop(query.__name__, None)
        self.responses: dict[str, Any] = {}
        self._queries = schema_of([r.operation.query for r in routes if r.operation.query is not None], _REF)[1]

    def of(self, kind: Any) -> Any:
        return next(ref for known, ref in self._refs if known is kind or known == kind)

    def problem(self, status: int, codes: list[str]) -> dict[str, Any]:
        name = "-".join(codes) or "refusal"
        self.responses[name] = _problem(status, codes, self.of(Problem))
        return {"$ref": f"#/components/responses/{name}"}

    def query(self, kind: type[Struct]) -> dict[str, Any]:
        found: dict[str, Any] = self._queries[kind.__name__]
        return found


def _routes(app: Litestar) -> Iterator[Route]:
    for route in app.routes:
        if isinstance(route, ASGIRoute) and (said := operation_of(route.route_handler.opt)).method:
            yield Route(route.path, said.method.lower(), route.route_handler, said, {})
        if not isinstance(route, HTTPRoute):
            continue
        for handler in route.route_handlers:
            operation = operation_of(handler.opt)
            if operation.hidden:
                continue
            parameters = {name: found.type for name, found in route.path_parameters.items()}
            path = re.sub(r"\{(\w+):\w+\}", r"{\1}", route.path)
            for method in handler.http_methods - {"OPTIONS", "HEAD"}:
                yield Route(path, method.lower(), handler, operation, parameters)


def _operation(route: Route, schemas: _Schemas) -> dict[str, Any]:
    said = route.operation
    described: dict[str, Any] = {
        "operationId": _operation_id(route),
        "tags": [said.tag or _module(route).replace("_", " ")],
        "summary": said.summary,
        "description": inspect.getdoc(route.handler.fn) or said.summary,
        "security": [] if said.access is Access.PUBLIC else [{said.access.value: []}],
        "parameters": [*_path_parameters(route), *_query_parameters(said, schemas), *_header_parameters(said)],
        "responses": _responses(said, schemas),
    }
    if said.body is not None:
        described["requestBody"] = _body(said.body, schemas, said.body_media_type, said.example)
    return {name: value for name, value in described.items() if value != [] or name == "security"}


def _command(route: Route, name: str, schemas: _Schemas) -> dict[str, Any]:
    line = COMMANDS[name]
    said = msgspec.structs.replace(route.operation, body=line.type, query=None)
    described = _operation(msgspec.structs.replace(route, operation=said, parameters={}), schemas)
    described["operationId"] = f"command_{name}"
    described["summary"] = name.replace("_", " ").capitalize()
    roles = ", ".join(sorted(role.value for role in line.office | line.field))
    described["description"] = f"{inspect.getdoc(line.type)}\n\nA {line.nature.value}; for: {roles}."
    described["parameters"] = [
        {
            "name": "Idempotency-Key",
            "in": "header",
            "required": True,
            "description": "The command's id, a UUID made by the caller. The same key with the same body gives the same answer.",
            "schema": {"type": "string", "format": "uuid"},
        },
        {
            "name": "If-Match",
            "in": "header",
            "description": "The ETag of the job that the command was decided on; another one by now is 412.",
            "schema": {"type": "string", "pattern": '^"[0-9]{1,18}"$'},
        },
    ]
    described["responses"]["202"] = {
        "description": "Kept, but without effect yet: it waits for what it follows, or was put aside for a person to look at.",
        "content": described["responses"]["200"]["content"],
    }
    return described


def _operation_id(route: Route) -> str:
    return f"{_module(route)}_{route.handler.fn.__name__}"


def _module(route: Route) -> str:
    return str(route.handler.fn.__module__).rsplit(".", 1)[-1]


def _path_parameters(route: Route) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": dict(_PARAMETER_TYPES[kind])}
        for name, kind in route.parameters.items()
    ]


def _query_parameters(said: Operation, schemas: _Schemas) -> list[dict[str, Any]]:
    if said.query is None:
        return []
    schema = schemas.query(said.query)
    required = schema.get("required", ())
    return [
        {"name": name, "in": "query", "required": name in required, "schema": _without_null(found)}
        for name, found in schema["properties"].items()
    ]


def _header_parameters(said: Operation) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "header", "description": description, "schema": {"type": "string"}}
        for name, description in said.headers.items()
    ]


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """Drop the null of an optional parameter: in a query it is left out instead."""
    options = [option for option in schema.get("anyOf", ()) if option != {"type": "null"}]
    plain = {name: value for name, value in schema.items() if name not in ("anyOf", "default") or value is not None}
    if len(options) != 1:
        return plain
    plain.pop("anyOf")
    return {**options[0], **plain}


def _body(kind: Any, schemas: _Schemas, media_type: str, example: Any) -> dict[str, Any]:
    content: dict[str, Any] = {"schema": schemas.of(kind)}
    if example is not None:
        content["example"] = example
    elif isinstance(kind, type) and issubclass(kind, Struct):
        content["example"] = example_of(kind)
    return {"required": True, "content": {media_type: content}}


def _responses(said: Operation, schemas: _Schemas) -> dict[str, Any]:
    good: dict[str, Any] = {"description": "Done."}
    if said.answer is not None:
        good["content"] = {said.answer_media_type: {"schema": schemas.of(said.answer)}}
    elif said.answer_media_type != "application/json":
        good["content"] = {said.answer_media_type: {"schema": {"type": "string"}}}
    responses = {str(said.status): good}
    by_status: dict[int, list[str]] = {}
    for code in dict.fromkeys((*_common(said), *said.problems)):
        by_status.setdefault(ERRORS[code].status, []).append(code)
    for status, codes in sorted(by_status.items()):
        responses[str(status)] = schemas.problem(status, codes)
    responses["default"] = schemas.problem(0, [])
    return responses


def _common(said: Operation) -> tuple[str, ...]:
    codes = list(_ALWAYS)
    if said.access is not Access.PUBLIC:
        codes += ["unauthenticated"]
    if said.access is Access.PERSON:
        codes += ["forbidden", "person_inactive"]
    if said.body is not None:
        codes += _OF_BODIES
    if said.query is not None:
        codes += ["invalid"]
    return tuple(codes)


def _problem(status: int, codes: list[str], schema: Any) -> dict[str, Any]:
    described = " ".join(f"`{code}`: {ERRORS[code].en}" for code in codes) or "Any other refusal."
    content: dict[str, Any] = {"schema": schema}
    if codes:
        content["example"] = {
            "type": f"/docs/problems#{codes[0]}",
            "title": ERRORS[codes[0]].en,
            "status": status,
            "code": codes[0],
            "instance": "urn:uuid:01955a3c-8400-7000-8000-000000000001",
        }
    return {"description": described, "content": {_PROBLEM_TYPE: content}}
