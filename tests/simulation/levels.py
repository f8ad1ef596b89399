"""The levels on which a world can be run: the model of the protocol, and the real stack. Both implement `Backend`."""

from tests.simulation.model.server import Server
from tests.simulation.run import Make

LEVELS = ("model", "stack")


def backend_of(level: str) -> Make:
    """Give what makes a backend of a level, once for each process; each call of it makes a fresh one. Raises ValueError."""
    if level == "model":
        return Server
    if level == "stack":
        # Imported late: the model needs no database.
        from tests.simulation.stack import make_backend

        return make_backend
    raise ValueError(f"There is no level {level!r}: it is one of {', '.join(LEVELS)}.")
