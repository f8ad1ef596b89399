"""Walks a list of the console to its end, page by page. Never looks at what is in it."""

from typing import Any

from tests.api.office import Office


async def every_item(desk: Office, path: str, *, by: str = "dan", **params: Any) -> list[Any]:
    """Give all items of a list in its order; AssertionError when it does not end within 50 pages."""
    found: list[Any] = []
    cursor: dict[str, Any] = {}
    for _ in range(50):
        page = await desk.get(path, by=by, **params, **cursor)
        found += page["items"]
        if "next" not in page:
            return found
        cursor = {"cursor": page["next"]}
    raise AssertionError(f"{path} does not end")
