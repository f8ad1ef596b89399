"""What must hold on a phone whenever its file changed: I5 as far as it shows, I6, I8, I10, I11."""

from uuid import UUID

from tests.simulation.backend import Content, Key
from tests.simulation.memory import Heard, Memory
from tests.simulation.phones import Holdings
from tests.simulation.reading import digest, document_hash


class OnPhones(Memory):
    """Checks what devices hold and show."""

    def i6_one_snapshot(self, phone: str, heard: Heard, holdings: Holdings) -> None:
        """I6 what a device holds after a page is one snapshot: whole buckets whole, those being filled as far as they came.

        A bucket that is to be sent anew is shown as it was until its new copy is complete: what differs has to be begun before the last
        page.
        """
        witness, stale = heard.witness, self.watched[phone].stale
        for bucket in (*heard.page.begun, *heard.page.keep, *(stale.keys() - holdings.filling.keys())):
            stale.pop(bucket, None)
        for bucket, filling in holdings.filling.items():
            if filling == "resetting" or bucket not in witness.buckets:
                continue
            truth, held = witness.buckets[bucket], holdings.members.get(bucket, frozenset())
            differs = held ^ truth.keys() if filling == "whole" else held - truth.keys()
            differs |= {key for key in held & truth.keys() if holdings.documents.get(key) != truth[key]}
            self.counts["I6"] += 1
            if differs:
                first = sorted(differs, key=str)[0]
                told = f"{first} is held as {holdings.documents.get(first)}, it is {truth.get(first)}"
                stale[bucket] = f"{phone} differs in {bucket} ({filling}) by {len(differs)}: {told}"
            else:
                stale.pop(bucket, None)
        self.check("I6", heard.page.more or not stale, "; ".join(stale.values()))

    def i10_lost_scope(self, phone: str, heard: Heard, holdings: Holdings) -> None:
        """I10 after losing scope and one pull the document is gone: no bucket and no document but of buckets the holder may hold."""
        wants = set(heard.witness.wants)
        self.check("I10", holdings.filling.keys() <= wants, f"{phone} holds buckets that it may not hold")
        theirs = {key for bucket in wants for key in holdings.members.get(bucket, ())}
        left = holdings.documents.keys() - theirs
        self.check("I10", not left, f"{phone} still has {_some(left)}")

    def i11_stays_gone(self, phone: str, heard: Heard, holdings: Holdings) -> None:
        """I11 nothing deleted comes back: what was deleted in the snapshot of a last page is on no phone that applied it."""
        if heard.page.more:
            return
        back = holdings.documents.keys() & heard.witness.deleted
        self.check("I11", not back, f"{phone} has what was deleted: {_some(back)}")

    def i5_digests(self, phone: str, heard: Heard, holdings: Holdings) -> None:
        """I5 (as far as it shows at once) the digests that the server sends are those of what the device holds after the page."""
        for bucket, theirs in heard.page.digests.items():
            if holdings.filling.get(bucket) == "whole":
                documents = [(key, holdings.documents[key]) for key in holdings.members.get(bucket, ())]
                ours = digest(document_hash(key, content.ver, content.body) for key, content in documents)
                self.check("I5", ours == theirs, f"{phone} digests {bucket} as {ours}, the server as {theirs}")

    def i8_on_phone(self, phone: str, before: Holdings, after: Holdings) -> None:
        """I8 `ver` never goes back on a phone within one life, and a body never changes under it."""
        if before.documents is after.documents:
            return
        known = self.watched[phone].came_in
        for key, content in after.documents.items():
            was = before.documents.get(key)
            if was == content:
                continue
            # An old copy that is being replaced may come from an earlier life.
            same_life = known.get(key) == (after.device_id, after.life)
            forward = was is None or not same_life or content.ver > was.ver
            self.check("I8", forward, f"{phone} had {key} as {was} and has {content}")
            known[key] = (after.device_id, after.life)

    def i6_own_shown(self, phone: str, holdings: Holdings, notes: frozenset[UUID], own: dict[UUID, UUID]) -> None:
        """I6 what a device shows is what it holds plus its own pending commands: each note held or own and not yet acknowledged, no other.

        `own` are the notes of its commands: note id by command id.
        """
        held = {id for kind, id in holdings.documents if kind == "note"}
        pending = {
            own[id]
            for id, kept in holdings.commands.items()
            if id in own and (kept.status in (None, "held") or kept.n > holdings.acked_n)
        }
        differs = notes ^ (held | pending)
        self.check("I6", not differs, f"{phone} shows too many or too few notes: {sorted(differs)[:3]}")


def _some(keys: object) -> list[tuple[Key, Content | None]]:
    assert isinstance(keys, set | frozenset)
    return sorted(keys, key=str)[:3]
