"""The terminal: one console for what commands print, one for complaints. Never used by the server."""

from rich.console import Console

console = Console(highlight=False)
complaints = Console(stderr=True, highlight=False)
