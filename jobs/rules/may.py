"""Who may send what. Deny by default: a command without a role that allows it is refused, whatever way it came."""

from jobs.context import Actor, Via
from jobs.result import Refused
from mobile_contract.registry import Line, Nature
from mobile_contract.schema.people import Role

_BY_HAND = frozenset({Role.DISPATCHER, Role.MANAGER, Role.ADMIN})


def may_by_hand(actor: Actor) -> bool:
    """Tell whether the actor may end a quarantine and apply what a crew reported in its place."""
    if actor.via is Via.OPERATOR:
        return True
    return actor.via is Via.PERSON and actor.active and bool(actor.roles & _BY_HAND)


def may(actor: Actor, line: Line, *, own: bool, by_hand: bool = False) -> Refused | None:
    """Decide whether the actor may send the command; None means yes.

    `own`: the job is the actor's to work on (a visit of theirs, or an open job of their districts). Facts from crews are never refused for
    not being theirs (scope is the sync's question): they are flagged where they land. `by_hand`: it stands in for a quarantined command of a crew.
    """
    if actor.via in (Via.OPERATOR, Via.TIMER):
        return None
    if not actor.active and line.nature is Nature.DECISION:
        return Refused("person_inactive")
    if actor.roles & line.office or (by_hand and line.field and may_by_hand(actor)):
        return None
    if actor.roles & line.field:
        return None if own or line.nature is Nature.FACT else Refused("not_assigned")
    if line.nature is Nature.FACT and Role.ADMIN in actor.roles and actor.via is Via.PERSON:
        return None
    return Refused("forbidden")
