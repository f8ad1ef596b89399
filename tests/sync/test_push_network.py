"""A network that loses, repeats and reorders: at the end each command took effect once, each device's in its order, and each has its outcome."""

import asyncio
import random

import asyncpg

from mobile_contract.schema.messages import PushAnswer
from sync.push import Refusal
from tests.arrange import Assigned, Org, organisation
from tests.sync import looking
from tests.sync.phone import Phone, Queued, note, phone_of

STEPS = 60


class Network:
    """Between a phone and the server: any batch may come twice, late, cut or without its answer."""

    def __init__(self, draw: random.Random) -> None:
        self._draw = draw
        self._late: list[tuple[Phone, list[Queued]]] = []

    async def send(self, phone: Phone, batch: list[Queued]) -> PushAnswer | Refusal | None:
        """Carry a batch; None when the answer is lost or the batch comes later."""
        fate = self._draw.random()
        if fate < 0.15:
            self._late.append((phone, batch))
            return None
        if fate < 0.3:
            answers = await asyncio.gather(phone.push(batch), phone.push(batch))
            return answers[self._draw.randrange(2)]
        answer = await phone.push(batch)
        if self._late and self._draw.random() < 0.5:
            other, old = self._late.pop(self._draw.randrange(len(self._late)))
            await other.push(old)
        return None if fate < 0.5 else answer


async def step(org: Org, phone: Phone, job: Assigned, network: Network) -> None:
    """Work a little, then hand something in: from where the phone believes the server is, or from anywhere before."""
    draw = org.random
    for _ in range(draw.randrange(4)):
        phone.do(note(org, job, f"{phone.author} {phone.next_n}"))
    if not phone.queue:
        return
    start = draw.randrange(len(phone.queue))
    batch = phone.queue[start : start + draw.randrange(1, 30)]
    draw.shuffle(batch)
    answer = await network.send(phone, batch)
    if isinstance(answer, Refusal):
        assert answer.code == "sequence_hole"
        expected = int(answer.about["expected_n"])
        assert 1 <= expected <= min(q.n for q in batch)


async def test_under_loss_repetition_and_reordering_each_command_takes_effect_once(
    pool: asyncpg.Pool, seed: int
) -> None:
    org = await organisation(pool, seed)
    job = await org.assigned_job()
    phones = [await phone_of(org, "amy"), await phone_of(org, "ali"), await phone_of(org, "amy")]
    network = Network(org.random)
    for _ in range(STEPS):
        await asyncio.gather(*(step(org, phone, job, network) for phone in phones))
    for phone in phones:
        while pending := phone.pending(await looking.last_n(org, phone.id)):
            await phone.taken(pending[:50])
    for phone in phones:
        effects = await looking.rows(
            org,
            "select e.command_id from event e where e.org_id = $1 and e.job_id = $2 and e.device_id = $3"
            " and e.name = 'note_added' order by e.seq",
            job.job_id,
            phone.id,
        )
        assert [row["command_id"] for row in effects] == [q.id for q in phone.queue]
        stored = await looking.rows(
            org, "select n, command_id from sync_outcome where org_id = $1 and device_id = $2 order by n", phone.id
        )
        assert [(row["n"], row["command_id"]) for row in stored] == [(q.n, q.id) for q in phone.queue]
        assert await looking.last_n(org, phone.id) == len(phone.queue)
        told = await looking.held_documents(org, f"dev/{phone.id}")
        assert not told, "what took effect, and no more, is told by the answers to pushes alone"
    total = sum(len(phone.queue) for phone in phones)
    assert await looking.one(org, "select count(*) from note where org_id = $1") == total
