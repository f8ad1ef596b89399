"""A standby is promoted without the last of what the primary had written; and a standby is asked while it still is one."""

import pytest

from api import cluster
from api.settings import Settings
from mobile_contract.version import CONTRACT
from sync.life import current_life
from tests.api.serving import in_process
from tests.api.test_pull import PULL, REPAIR
from tests.arrange import NOW as ARRANGED_AT
from tests.arrange import organisation
from tests.devices import StrictDevice
from tests.lives.checking import Differences, differences, words
from tests.lives.servers import Standby, believe_life, burn, reconnect, staged
from tests.sync.stage import NOW, Stage

BUCKETS = ("crew/1", "ref")


async def fail_over(stage: Stage, primary: Settings) -> tuple[Differences, bool]:
    """Lose the tail: what is written while the standby is away is seen by a device and by nobody else. Gives also whether a life began."""
    device = await stage.device(*BUCKETS)
    await stage.put("before", "crew/1")
    await stage.put_many(3, "ref")
    await device.catch_up(stage.pool, now=NOW)
    life = await current_life(stage.pool)
    with Standby(primary).running() as standby:
        await standby.caught_up(primary)
        standby.stop()
        await stage.put("in the lost tail", "crew/1")
        await burn(primary, 20)
        await device.catch_up(stage.pool, now=NOW)
        assert await differences(primary, device, BUCKETS) == {}
        assert cluster.down(primary.place, mode="immediate")
        standby.start()
        await standby.promote()
        await reconnect(stage, standby.settings)
        await stage.put("after the promotion", "crew/1")
        await device.catch_up(stage.pool, now=NOW)
        found = await differences(standby.settings, device, BUCKETS)
        anew = await current_life(stage.pool) != life
    cluster.up(primary.place)
    return found, anew


@pytest.mark.slow
async def test_without_a_life_that_ends_a_lost_tail_stays_on_the_device_and_what_follows_is_missed(
    own_cluster: Settings,
) -> None:
    await believe_life(own_cluster, blindly=True)
    async with staged(own_cluster) as stage:
        found, anew = await fail_over(stage, own_cluster)
        print(f"life believed: {words(found)}")
        assert not anew
        assert len(found["crew/1"]) == 2, "the lost one is kept, the new one is missed"
    await believe_life(own_cluster, blindly=False)
    async with staged(own_cluster) as stage:
        found, anew = await fail_over(stage, own_cluster)
        assert anew
        assert found == {}


async def ask_standby(stage: Stage, primary: Settings, standby: Standby) -> Differences:
    """Pull from a standby while a transaction is open on the primary, and once more after its commit."""
    device = await stage.device(*BUCKETS)
    async with stage.pool.acquire() as slow:
        await slow.execute(f"begin; select set_config('onsite.org', '{stage.org_id}', true)")
        await slow.execute(
            "insert into sync_doc (org_id, kind, id, ver, h, body) values ($1, 'note', $2, 1, 0, '{}')",
            *(stage.org_id, stage.org_id),
        )
        await slow.execute(
            "insert into sync_member (org_id, bucket, kind, id, h) values ($1, 'crew/1', 'note', $2, 0)",
            *(stage.org_id, stage.org_id),
        )
        await stage.put("quick", "crew/1")
        await standby.caught_up(primary)
        async with staged(standby.settings) as away:
            await device.catch_up(away.pool, now=NOW)
            assert await differences(primary, device, BUCKETS) == {}
            await slow.execute("commit")
            await standby.caught_up(primary)
            await device.catch_up(away.pool, now=NOW)
    return await differences(primary, device, BUCKETS)


@pytest.mark.slow
async def test_a_standby_that_answered_would_miss_what_was_open(own_cluster: Settings) -> None:
    await believe_life(own_cluster, blindly=True)
    async with staged(own_cluster) as stage:
        await (await stage.device()).catch_up(stage.pool, now=NOW)
        with Standby(own_cluster).running() as standby:
            found = await ask_standby(stage, own_cluster, standby)
    print(f"standby answers: {words(found)}")
    assert found.keys() == {"crew/1"}


@pytest.mark.slow
async def test_a_standby_answers_pulls_and_repairs_with_a_code_of_its_own(own_cluster: Settings, seed: int) -> None:
    async with staged(own_cluster) as stage:
        org = await organisation(stage.pool, seed)
        enrolled = await org.device("amy")
        device = StrictDevice(org_id=org.id, id=enrolled.id, person_id=org.people["amy"])
        await device.catch_up(stage.pool, now=ARRANGED_AT)
        session = next(iter(enrolled.sessions.values()))
        headers = {
            "Authorization": f"Bearer {enrolled.token.text}",
            "Onsite-Contract": CONTRACT,
            "Onsite-Session": str(session.session_id),
        }
        asks: dict[str, dict[str, object]] = {
            PULL: {"cursor": device.cursor},
            REPAIR: {"cursor": device.cursor, "bucket": "ref", "sums": []},
        }
        with Standby(own_cluster).running() as standby:
            await standby.caught_up(own_cluster)
            async with in_process(standby.settings, clock=lambda: ARRANGED_AT) as site:
                for route, ask in asks.items():
                    answer = await site.client.post(route, json=ask, headers=headers)
                    assert (answer.status_code, answer.json()["code"]) == (503, "standby"), answer.text
                    assert int(answer.headers["retry-after"]) > 0
