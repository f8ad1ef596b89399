"""The real stack as a backend of the simulated world: the application itself, spoken to in ASGI, on a real PostgreSQL."""

from tests.simulation.stack.backend import make_backend

__all__ = ["make_backend"]
