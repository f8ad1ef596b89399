"""What must hold once the network has been quiet for long enough: I4, I5, I12, I13, I15."""

from tests.simulation.backend import Truth, Witness
from tests.simulation.memory import FINAL, TOOK_EFFECT, Memory
from tests.simulation.phones import Holdings
from tests.simulation.reading import digest, document_hash


class AtTheEnd(Memory):
    """Checks the quiet world."""

    def i5_equal(self, phone: str, witness: Witness, holdings: Holdings, *, invariant: str = "I5") -> None:
        """I5 on a quiet network the device equals the server's projection and digests agree."""
        self.check(invariant, holdings.filling.keys() == set(witness.wants), f"{phone} holds other buckets")
        self.check(invariant, set(holdings.filling.values()) <= {"whole"}, f"{phone} is not whole")
        for bucket in witness.wants:
            truth = self.truth.buckets.get(bucket, {})
            held = {key: holdings.documents[key] for key in holdings.members.get(bucket, ())}
            differing = sorted({k for k in held.keys() | truth.keys() if held.get(k) != truth.get(k)}, key=str)[:2]
            told = [(key, held.get(key), truth.get(key)) for key in differing]
            self.check(invariant, not told, f"{phone} differs in {bucket}: {told}")
            ours, theirs = (
                digest(document_hash(key, c.ver, c.body) for key, c in each.items()) for each in (held, truth)
            )
            self.check(invariant, ours == theirs, f"{phone} digests {bucket} otherwise")

    def i12_retention(self, phone: str, witness: Witness, holdings: Holdings) -> None:
        """I12 retention never changes what a device ends with: where rows were removed, it still ends with the projection."""
        if self.removed:
            self.i5_equal(phone, witness, holdings, invariant="I12")

    def i4_learned(self, phone: str, holdings: Holdings) -> None:
        """I4 each command gets exactly one final outcome and the device learns it."""
        for id, status in self.watched[phone].learned.items():
            stored = self.stored(self.truth, id)
            self.check("I4", stored is not None and stored.status in FINAL, f"{id} of {phone} has no final outcome")
            assert stored is not None
            kept = holdings.commands.get(id)
            learned = kept.status if kept else status
            same = learned == stored.status or id in self.returned_with
            self.check("I4", same, f"{phone} believes that {id} is {learned}, it is {stored.status}")

    def i13_nothing_lost(self, truth: Truth) -> None:
        """I13 crash, restore or failover loses no pending or acknowledged command: each that was queued is applied, kept or refused."""
        gone = {n: w.wiped_after for n, w in self.watched.items() if w.wiped_after is not None}
        for id, queued in self.queued.items():
            # A phone that was told to wipe itself, and a database lost afterwards: nobody has the command any more.
            if queued.phones <= gone.keys() and all(gone[n] != self.returns for n in queued.phones):
                continue
            stored = self.stored(truth, id)
            self.check("I13", stored is not None, f"{id} of {sorted(queued.phones)} is lost")
            assert stored is not None
            there = bool(truth.effects.get(id)) if stored.status in TOOK_EFFECT else True
            kept = id in truth.quarantine or queued.sha256 in truth.quarantine.values()
            kept = kept or stored.status != "quarantined"
            self.check("I13", there and kept, f"{id} is {stored.status} and without effect")

    def i15_empty(self, phone: str, holdings: Holdings) -> None:
        """I15 every queue empties, whatever single item is poison."""
        waiting = [id for id, kept in holdings.commands.items() if kept.status is None]
        self.check("I15", not waiting, f"{phone} still has {len(waiting)} unanswered commands, such as {waiting[:2]}")
