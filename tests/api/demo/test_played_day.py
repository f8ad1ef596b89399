"""A small played day passes its proof, whatever the seed; the proof fails where something is wrong."""

from collections import Counter
from uuid import uuid4

import pytest

from api.demo import playing
from api.demo.handset import Made
from api.demo.hours import hours_of, zone_of_late_afternoon
from api.demo.playing import Day
from api.demo.proof import Proof, prove
from api.demo.script import Script
from api.demo.stage import Stage, calm
from api.demo.telling import Teller
from api.settings import Settings
from mobile_contract.schema import facts as f
from sync.transaction import org_transaction
from tests.api.demo.conftest import EVENING, ZONE, new_slug


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_a_small_day_passes_its_proof(settings: Settings, seed: int) -> None:
    told: list[Teller] = []

    def teller(hours: object) -> Teller:
        told.append(Teller(hours_of(ZONE, EVENING)))
        return told[-1]

    played = playing.play_day(
        settings, Day(slug=new_slug(), seed=seed, devices=3), now=EVENING, teller=teller, zone=ZONE
    )
    proof = played.proof
    assert proof.holds, (seed, proof.faults)
    assert proof.commands > 300, seed
    assert proof.sent_again > 0, "no answer was lost"
    assert sum(line.deaths for line in proof.devices) > 0, "nobody died"
    assert proof.codes["job_already_claimed"] == 1, seed
    assert proof.flags["after_cancel"] > 0, seed
    assert proof.flags["reading_implausible"] > 0, seed
    assert [line.resolution for line in proof.put_aside] == ["applied"], seed
    assert {(line.approver_code or line.role) for line in proof.approvals} >= {"engineer", "deputy_gm", "duty_chief"}
    assert any(line.refused_reason and line.witness for line in proof.signatures), seed
    assert Counter(job.is_duplicate for job in proof.jobs)[False] > 15, seed
    assert any(job.found_on_site for job in proof.jobs), seed
    assert len(told[0].told) > 50


def _worked(stage: Stage) -> None:
    """Let a crew with a good network work one job to its end."""
    calm(stage.crews)
    script = Script(stage, hours_of(ZONE, EVENING), Teller(hours_of(ZONE, EVENING)))
    job_id = script.open(script.site(), "Leak")
    sent = stage.office.send_nearest(job_id)
    assert sent is not None
    crew = script.crews[sent.crew.crew_id]
    crew.sync()
    found = crew.next_assignment()
    assert found is not None
    for _ in crew.work_on(found):
        pass
    crew.sync()


def _proof(stage: Stage) -> Proof:
    calm(stage.crews)
    return prove(stage.loopback, stage.founded.org_id, stage.handsets, stage.ledger, now=stage.clock.now())


def test_a_worked_job_passes_the_proof(small: Stage) -> None:
    _worked(small)
    proof = _proof(small)
    assert proof.holds, proof.faults
    assert [job.state for job in proof.jobs] in (["completed"], ["ready"], ["in_progress"])


def test_a_harmed_device_store_fails_the_proof(small: Stage) -> None:
    _worked(small)
    store = small.handsets[0].device.store
    with store.transaction():
        store.run("delete from member where kind = 'part' and id = (select min(id) from member where kind = 'part')")
    proof = _proof(small)
    assert not proof.holds
    assert proof.devices[0].faults
    assert proof.devices[1].faults == ()


def test_a_command_that_the_server_never_got_fails_the_proof(small: Stage) -> None:
    name = str(f.AddNote.__struct_config__.tag)
    small.ledger.note(Made(uuid4(), name, "Crew 1", small.clock.now()), field=True)
    assert any("has no outcome" in fault for fault in _proof(small).faults)


def test_an_effect_in_two_places_fails_the_proof(small: Stage) -> None:
    _worked(small)
    made = next(m for m in small.ledger.field if m.name == "arrive_on_site")
    org_id, pool = small.founded.org_id, small.loopback.services.pool

    async def double() -> None:
        async with org_transaction(pool, org_id) as conn:
            await conn.execute(
                "update event set command_id = $2 where org_id = $1 and name = 'travel_started'",
                org_id,
                made.command_id,
            )

    small.loopback.call(double())
    assert any("took effect 2 times" in fault for fault in _proof(small).faults)


@pytest.mark.parametrize("hour", range(24))
def test_there_is_always_a_zone_where_the_day_has_just_ended(hour: int) -> None:
    now = EVENING.replace(hour=hour)
    hours = hours_of(zone_of_late_afternoon(now), now)
    assert hours.local(hours.end)[:2] == "17"
    assert hours.end == now
    assert hours.local(hours.begin) == "07:30"
