"""The table of handlers and the one way through it: `may` first, then the handler, then what the command staged is kept or forgotten."""

from collections.abc import Callable
from importlib import import_module
from typing import Any, TypeVar

from jobs.context import Deed
from jobs.handlers.ownership import is_own
from jobs.result import Applied, Merged, PutAside, Refused, Result
from jobs.rules.may import may
from jobs.work import Work
from mobile_contract.registry import COMMANDS, Nature
from mobile_contract.schema.base import Command

C = TypeVar("C", bound=Command)
_HANDLERS: dict[type[Command], Callable[[Work, Any, Deed], Result]] = {}
# Types themselves: `isinstance` of a Struct asks its abstract base class, for each of thousands of commands.
_TOOK_EFFECT = (Applied, Merged)
_MODULES = (
    "job",
    "settling",
    "request",
    "visit",
    "dispatch",
    "locking",
    "record",
    "material",
    "issue",
    "slip",
    "forms",
    "approval",
    "delegation",
    "allowance",
    "calendar",
    "stock",
    "transfer",
    "count",
    "loan",
    "reconciliation",
    "meter",
    "signature",
    "reference",
    "people",
    "storm",
)


def handles(command: type[C]) -> Callable[[Callable[[Work, C, Deed], Result]], Callable[[Work, C, Deed], Result]]:
    """Register the handler of a command."""

    def register(handler: Callable[[Work, C, Deed], Result]) -> Callable[[Work, C, Deed], Result]:
        if command in _HANDLERS:
            raise TypeError(f"{command.__name__} has two handlers")
        _HANDLERS[command] = handler
        return handler

    return register


def handler_of(command: type[Command]) -> Callable[[Work, Any, Deed], Result]:
    """Find the handler of a command; KeyError where there is none."""
    if command not in _HANDLERS:
        for module in _MODULES:
            import_module(f"jobs.handlers.{module}")
    return _HANDLERS[command]


def apply(work: Work, command: Command, deed: Deed) -> Result:
    """Run one command against the work. A refusal leaves the work as it was; an exception too, and is the caller's to handle."""
    line = COMMANDS[str(command.__struct_config__.tag)]
    # Only a decision has to be of its owner.
    own = line.nature is Nature.DECISION and is_own(work, command, deed)
    refused = may(deed.actor, line, own=own, by_hand=deed.cause is not None)
    if refused is not None:
        return PutAside(refused.code, refused.detail) if line.nature is Nature.FACT else refused
    try:
        result = handler_of(type(command))(work, command, deed)
    except OverflowError as error:
        # An instant at the edge of the calendar cannot be moved into a zone or by a limit, whatever field it came in.
        result = Refused("invalid", {"error": str(error)})
    except BaseException:
        work.forget()
        raise
    if type(result) in _TOOK_EFFECT:
        work.keep()
    else:
        work.forget()
    if line.nature is Nature.FACT and type(result) is Refused:
        return PutAside(result.code, result.detail)
    return result
