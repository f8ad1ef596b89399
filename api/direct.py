"""Answers a few routes that are asked all day without the framework around them. Knows no route: `api.app` names them.

They are routes of the framework all the same (the reference describes them, other methods are refused by it); only the way through its router,
its guards and its error handling is left out, which takes longer than what they ask of the database. Such a route proves its callers itself.
"""

from collections.abc import Mapping
from typing import Any

from litestar import Request
from litestar.types import ASGIApp, Receive, Scope, Send

from api.problems import on_exception


class Direct:
    """Stands before the router. `routes`: the handler of each path that is called by POST."""

    def __init__(self, app: ASGIApp, routes: Mapping[str, ASGIApp]) -> None:
        self._app, self._routes = app, routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        path: Any = scope.get("path")
        handle = self._routes.get(path) if scope.get("method") == "POST" else None
        if handle is None:
            await self._app(scope, receive, send)
            return
        scope["path_template"] = path
        begun = False

        async def begin(message: Any) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await handle(scope, receive, begin)
        except Exception as error:
            if begun:
                raise
            request: Request[Any, Any, Any] = Request(scope, receive, send)
            await on_exception(request, error).to_asgi_response(None, request)(scope, receive, send)
