"""What has to be noted commit by commit, since later rows no longer tell: in which order commands took effect, which numbers were taken."""

from uuid import UUID

import asyncpg

_OUTCOMES = "select command_id, device_id, n, status in ('applied', 'merged') done from sync_outcome where org_id = $1"
_EVENTS = "select distinct command_id from event where org_id = $1"


class Notes:
    """`order`: of each command the commit by which it took effect; `taken`: of each device the highest number that ever had an outcome.

    An outcome moves on with whoever enrols anew, and is rewritten then; its number stays taken, and its effect where it was.
    """

    def __init__(self, commits: int = 0) -> None:
        self.order: dict[UUID, int] = {}
        self.taken: dict[UUID, int] = {}
        self.commits = commits

    async def note(self, eyes: asyncpg.Connection, org_id: UUID) -> None:
        """Note what is new since the last commit that was looked at."""
        self.commits += 1
        outcomes = await eyes.fetch(_OUTCOMES, org_id)
        done = [row["command_id"] for row in outcomes if row["done"]]
        for id in (*done, *(row["command_id"] for row in await eyes.fetch(_EVENTS, org_id))):
            self.order.setdefault(id, self.commits)
        for row in outcomes:
            if row["device_id"] is not None and row["n"] is not None:
                self.taken[row["device_id"]] = max(row["n"], self.taken.get(row["device_id"], 0))

    def copied(self, commits: int) -> "Notes":
        """Copy them, to be gone on with after that many commits."""
        copy = Notes(commits)
        copy.order, copy.taken = dict(self.order), dict(self.taken)
        return copy
