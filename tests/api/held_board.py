"""A console that holds a board and keeps it by changes, as the page does: an independent reading of what the contract says."""

from dataclasses import dataclass, field
from uuid import UUID

import msgspec

from mobile_contract.schema.board import Board, BoardChanges, BoardCrew, BoardJob, BoardVisit


@dataclass
class HeldBoard:
    """Jobs, visits and crews by id, as of a version."""

    version: str = ""
    jobs: dict[UUID, BoardJob] = field(default_factory=dict)
    visits: dict[UUID, BoardVisit] = field(default_factory=dict)
    crews: dict[UUID, BoardCrew] = field(default_factory=dict)

    @classmethod
    def of(cls, body: bytes) -> "HeldBoard":
        """Take a board in, as it came."""
        board = msgspec.json.decode(body, type=Board)
        return cls(
            board.version,
            {job.id: job for job in board.jobs},
            {visit.id: visit for visit in board.visits},
            {crew.id: crew for crew in board.crews},
        )

    def apply(self, body: bytes) -> BoardChanges:
        """Take changes in, as they came; AssertionError when the board is to be fetched anew."""
        changes = msgspec.json.decode(body, type=BoardChanges)
        assert not changes.reload
        self.version = changes.version
        self.jobs |= {job.id: job for job in changes.jobs}
        self.visits |= {visit.id: visit for visit in changes.visits}
        self.crews |= {crew.id: crew for crew in changes.crews}
        for job_id in changes.gone_jobs:
            self.jobs.pop(job_id, None)
        for visit_id in changes.gone_visits:
            self.visits.pop(visit_id, None)
        return changes

    def unlike(self, other: "HeldBoard") -> list[tuple[object, object]]:
        """List what two boards do not agree on, each as the one and as the other has it."""
        pairs: list[tuple[object, object]] = []
        for mine, theirs in ((self.jobs, other.jobs), (self.visits, other.visits), (self.crews, other.crews)):
            ids = sorted({*mine, *theirs})
            pairs += [(mine.get(id), theirs.get(id)) for id in ids if mine.get(id) != theirs.get(id)]
        return pairs
