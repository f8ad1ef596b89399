"""The identity of facts: a fact is known by the id its client gave it. Same id and content is the same fact, other content a slip.

Protocol §5: command id, then (device, n), then this. Never compares what the server stamped itself.
"""

import msgspec

from jobs.result import Applied, PutAside
from jobs.work import Work
from mobile_contract.schema.base import Document


def seen_before(work: Work, fact: Document, *stamps: str) -> Applied | PutAside | None:
    """Look whether a fact's document exists: unchanged, put aside as `id_reused`, or None when it is new. `stamps` are not compared."""
    known = work.get(type(fact), fact.id)
    if known is None:
        return None
    if msgspec.structs.replace(fact, **{name: getattr(known, name) for name in stamps}) == known:
        return Applied(code="unchanged")
    return PutAside("id_reused")
