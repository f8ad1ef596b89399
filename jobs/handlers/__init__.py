"""Handlers: load → rule → save, one function per command. `apply` is the only way to call them."""

from jobs.handlers.door import apply, handles

__all__ = ["apply", "handles"]
