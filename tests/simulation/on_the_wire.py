"""What must hold of every answer that leaves, whether it arrives or not: I7, I8, I9, I11, I16."""

import re
from typing import Final

from tests.simulation.backend import Cost, Witness
from tests.simulation.memory import Heard, Memory, keys_of
from tests.simulation.reading import Page, document_hash

_CANARY: Final = re.compile(rb"canary-[0-9a-f]{12}")


class OnTheWire(Memory):
    """Checks bytes."""

    def i7_exact(self, page: Page, witness: Witness) -> None:
        """I7 `acked_n` is exact: the highest number with a stored outcome in the snapshot of the page."""
        self.check("I7", page.acked_n == witness.acked_n, f"the page says {page.acked_n}, stored is {witness.acked_n}")

    def i9_in_scope(self, heard: Heard, body: bytes) -> None:
        """I9 no byte out of scope at the page's snapshot is ever sent: each bucket is wanted, each document stands there as it is."""
        page, witness = heard.page, heard.witness
        strange = {*(() if page.compare else heard.names), *page.begun, *page.keep} - set(witness.wants)
        self.check("I9", not strange, f"buckets out of scope: {sorted(strange)}")
        allowed = keys_of(witness)
        for frame in page.frames(heard.names):
            if not frame.put:
                continue
            content = allowed.get(frame.key)
            self.check("I9", content is not None, f"{frame.key} is in no bucket of the holder")
            assert content is not None
            h = f"{document_hash(frame.key, content.ver, content.body):016x}"
            same = frame.ver == content.ver and frame.h == h and content.body in frame.line
            self.check("I9", same, f"{frame.key} is {content}, sent was {frame.line!r}")
        readable = b"".join(content.body for content in allowed.values())
        for canary in set(_CANARY.findall(body)):
            self.check("I9", canary in readable, f"{canary!r} was not theirs to read")

    def i11_gone(self, page: Page, witness: Witness) -> None:
        """I11 nothing deleted comes back: no page brings a document that was deleted in its snapshot."""
        sent = {key for put, _, key, _, _, _ in page.numbered if put}
        self.check("I11", not sent & witness.deleted, f"sent though deleted: {sorted(sent & witness.deleted)}")

    def i16_idle(self, page: Page, witness: Witness, cost: Cost, asked_with: str | None) -> None:
        """I16 a pull without changes reads no documents: one that says nothing new, and one after which nothing was committed."""
        known = self.ended_at.get((witness.device_id, asked_with))
        unchanged = known == (witness.commits, witness.wants) and not page.compare and not page.mended
        if unchanged or (page.idle and not page.digests):
            self.check("I16", cost.documents_read == 0, f"{cost.documents_read} documents read for nothing new")

    def i16_scope(self, cost: Cost) -> None:
        """I16 a change of scope writes O(1) rows."""
        # The person, two crews and their phones; the buckets of both crews, some ending and some beginning.
        written = f"{cost.documents_written} documents and {cost.scope_written} rows of scope"
        few = cost.documents_written <= 8 and cost.scope_written <= 12
        self.check("I16", few, f"{written} written for a change of scope")
