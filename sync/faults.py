"""Which faults may pass by themselves: the caller tries again. Everything else is the work of one command, and coming again would not help."""

import asyncpg

# Classes of SQLSTATE: connection, rollback (deadlock, serialisation), resources, object in use, operator, system, internal.
_PASSING_CLASSES = frozenset({"08", "40", "53", "55", "57", "58", "XX"})
# A primary that has become a standby, and transactions that the server ended because they stood still.
_PASSING_STATES = frozenset({"25006", "25P03", "25P04"})


def may_pass(error: BaseException) -> bool:
    """Tell whether an error may be gone when the same thing is tried again."""
    if isinstance(error, asyncpg.PostgresError):
        state = str(error.sqlstate or "XX")
        return state[:2] in _PASSING_CLASSES or state in _PASSING_STATES
    if isinstance(error, asyncpg.InterfaceError):
        # The driver refuses a value that fits no column with the same base class.
        return not isinstance(error, ValueError)
    # InternalClientError: what asyncpg says of a connection that was cut in the middle of something.
    return isinstance(error, OSError | TimeoutError | MemoryError | asyncpg.InternalClientError)
