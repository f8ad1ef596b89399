"""What a fault test says of itself: what it killed or broke, and what it then checked. Printed, recorded with the result, and told at the end of the run."""

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class Report:
    """What one test said."""

    name: str
    record: Callable[[str, object], None]
    kinds: set[str] = field(default_factory=set)

    def broke(self, what: str) -> None:
        """Say what was killed, cut or exhausted."""
        self._say("broke", what)

    def checked(self, what: str) -> None:
        """Say what was found to hold."""
        self._say("checked", what)

    def _say(self, kind: str, what: str) -> None:
        self.kinds.add(kind)
        self.record(kind, what)
        print(f"{self.name}: {kind}: {what}")

    def close(self) -> None:
        """End the report. AssertionError for a test that broke nothing or checked nothing."""
        assert self.kinds == {"broke", "checked"}, "a fault test says what it broke and what it then checked"
