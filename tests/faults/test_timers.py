"""The process that leads the timers is killed in the middle of its work: another takes over, and what is due is done once."""

from pathlib import Path

from api.settings import Settings
from mobile_contract.schema import decisions as d
from tests.arrange import Org
from tests.faults.database import Database
from tests.faults.processes import keeping_time
from tests.faults.report import Report
from tests.sync import looking
from tests.sync.phone import phone_of
from tests.waiting import until

DECISIONS = 120


async def test_the_leader_is_killed_in_the_middle_of_its_work(
    own: Settings, database: Database, org: Org, tmp_path: Path, report: Report
) -> None:
    phone = await phone_of(org, "amy")
    claims = [
        phone.do(d.ClaimJob(job_id=org.new_id(), visit_id=org.new_id()), after=(org.new_id(),))
        for _ in range(DECISIONS)
    ]
    assert {brief.status for brief in await phone.taken()} == {"held"}

    async def held() -> int:
        return int(await looking.one(org, "select count(*) from sync_held where org_id = $1"))

    async with keeping_time(own, tmp_path, "first") as first, keeping_time(own, tmp_path, "second") as second:
        # Whichever chunk this one is in, the work stands still in the middle of it.
        async with database.held("select 1 from sync_outcome where command_id = $1 for update", claims[70]):
            await until(lambda: "timers_lead" in first.lines() + second.lines(), timeout_s=180)
            await database.blocked()
            leader, other = (first, second) if "timers_lead" in first.lines() else (second, first)
            assert "timers_lead" not in other.lines()
            await leader.kill()
            done = DECISIONS - await held()
            report.broke(
                f"the timers' leader (SIGKILL) when it had refused {done} of {DECISIONS} decisions and was at the next"
            )
        await until(lambda: "timers_lead" in other.lines(), timeout_s=180)

        async def nothing_waits() -> bool:
            return await held() == 0

        await until(nothing_waits, timeout_s=120)
        assert await other.stop() == 0, other.lines()[-2000:]
    answers = await looking.rows(
        org, "select command_id, status, code from sync_outcome where org_id = $1 and command_id = any($2)", claims
    )
    assert {(row["status"], row["code"]) for row in answers} == {("rejected", "dependency_expired")}
    assert len(answers) == DECISIONS
    notices = await looking.held_documents(org, f"me/{org.people['amy']}", "notice")
    assert len(notices) == DECISIONS, "somebody was told twice, or not at all"
    report.checked(
        f"the other process led; {DECISIONS} decisions refused once, {len(notices)} notices; stopped with exit code 0"
    )
