"""What must hold on the server after each of its steps: I1, I2, I3, I7, I8, I14."""

from uuid import UUID

from tests.simulation.backend import Stored, Truth
from tests.simulation.memory import FINAL, TOOK_EFFECT, Memory, contents


class OnTheServer(Memory):
    """Checks how things stand."""

    def i1_once(self, truth: Truth) -> None:
        """I1 each command takes effect once: what was applied or merged exactly once, by its author, everything else not at all."""
        for id, stored in truth.outcomes.items():
            effects = truth.effects.get(id, ())
            expected = 1 if stored.status in TOOK_EFFECT else 0
            self.check("I1", len(effects) == expected, f"{id} is {stored.status} and took effect {len(effects)} times")
            queued = self.queued.get(id)
            if effects and queued is not None and effects[0].person_id is not None and queued.person_id is not None:
                self.check("I1", effects[0].person_id == queued.person_id, f"{id} counts as another person's deed")
        strays = truth.effects.keys() - truth.outcomes.keys()
        self.check("I1", not strays, f"took effect without an outcome: {sorted(strays)}")

    def i2_in_order(self, truth: Truth) -> None:
        """I2 one device's commands take effect in order: those that were never held, in the order in which the phone queued them."""
        for name, watched in self.watched.items():
            orders = [truth.effects[i][0].order for i in watched.order if truth.effects.get(i) and i not in self.held]
            self.check("I2", orders == sorted(orders), f"commands of {name} took effect out of order")

    def i3_durable(self, truth: Truth) -> None:
        """I3 what was acknowledged is durable: as an effect or in quarantine, until its database is lost; then what was called durable."""
        for id, known in self.acknowledged.items():
            stored = self.stored(truth, id)
            self.check("I3", stored is not None, f"{id} was acknowledged as {known.status} and is gone")
            assert stored is not None
            self.check(
                "I3",
                known.status in (stored.status, "held"),
                f"{id} was acknowledged as {known.status} and is {stored.status}",
            )
            if stored.status == "quarantined":
                self._is_kept(truth, id, stored)

    def _is_kept(self, truth: Truth, id: UUID, stored: Stored) -> None:
        queued = self.queued.get(id)
        kept = id in truth.quarantine or (queued is not None and queued.sha256 in truth.quarantine.values())
        self.check("I3", kept, f"{id} is quarantined and not there")
        whole = queued is None or stored.code == "skipped" or queued.sha256 in truth.quarantine.values()
        self.check("I3", whole, f"{id} is in quarantine with other bytes")

    def i4_one_answer(self, truth: Truth) -> None:
        """I4 (as far as it shows at once) a final outcome never becomes another one."""
        for id, stored in truth.outcomes.items():
            if stored.status == "held":
                self.held.add(id)
            elif stored.status in FINAL:
                before = self.final.setdefault(id, stored.status)
                self.check("I4", before == stored.status, f"{id} was {before} and is {stored.status}")

    def i7_one_per_number(self, truth: Truth) -> None:
        """I7 `acked_n` is exact: no number of a device has two outcomes, and none lies above its last one."""
        seen: dict[tuple[UUID, int], UUID] = {}
        for id, stored in truth.outcomes.items():
            if stored.device_id is None or stored.n is None:
                continue
            other = seen.setdefault((stored.device_id, stored.n), id)
            self.check("I7", other == id, f"{id} and {other} have the same number {stored.n}")
            last_n = truth.last_n.get(stored.device_id, 0)
            self.check("I7", stored.n <= last_n, f"{id} has number {stored.n}, and the last one is {last_n}")

    def i8_forward(self, before: Truth, truth: Truth) -> None:
        """I8 `ver` never goes back, as long as the database lives: another body has a higher one."""
        new = contents(truth.buckets)
        for key, content in new.items():
            # A document that was deleted comes back with a higher version than it ever had.
            was = self.versions.get(key)
            same = content == was and key not in before.deleted
            self.check("I8", was is None or same or content.ver > was.ver, f"{key} was {was} and is {content}")
        self.versions.update(new)

    def i14_time(self, truth: Truth) -> None:
        """I14 corrected time is within its bound: the true time of the deed lies in the interval that was stored."""
        for id in truth.outcomes.keys() - self.times_checked:
            stored, queued = truth.outcomes[id], self.queued.get(id)
            if queued is None or (stored.not_before is None and stored.not_after is None):
                continue
            self.times_checked.add(id)
            early = stored.not_before is None or stored.not_before <= queued.at
            late = stored.not_after is None or queued.at <= stored.not_after
            told = f"{id} happened at {queued.at}, not within [{stored.not_before}, {stored.not_after}]"
            self.check("I14", early and late, told)
