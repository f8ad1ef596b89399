"""Renders docs/settings.md from the settings Struct. Never holds a description of its own."""

from api.settings import describe

INTRODUCTION = """\
# Settings

The server reads its settings once, from the environment and from `.env` in the checkout; the environment wins.
An unknown variable that begins with `ONSITE_` is an error. `onsite settings` shows what is in force.
`DATABASE_URL` is read too, where `ONSITE_DATABASE_URL` is not set.

| variable | type | default | meaning |
|---|---|---|---|
"""

CLOSING = """
## Roles on a server of your own

`ONSITE_OWNER_DATABASE_URL` logs in as the role that owns the tables; only migrations, verification and backup use it.
`ONSITE_DATABASE_URL` is the application's login. Every connection of the application acts as the role `onsite_app`, which owns
nothing, so that row-level security applies to it: either the login is `onsite_app` itself, or a member of it. One login
for both works too (a managed server often gives only one): the application then steps down to `onsite_app`
at the start of each connection. A connection pooler in transaction mode must let the startup parameter `role` through.
"""


def settings_page() -> str:
    """Render the page; the same text for the same code."""
    rows = "".join(f"| `{name}` | {kind} | {default} | {meaning} |\n" for name, kind, default, meaning in describe())
    return INTRODUCTION + rows + CLOSING
