"""A bad network: pages cut in the middle, requests doubled, reordered and dripping, partitions. Pages are whole or not at all; queues empty."""

import asyncio
import time

from mobile_contract.client import Pace
from tests.faults.catalogue import catalogue
from tests.faults.fleet import Phone
from tests.faults.proxy import (
    Fault,
    answer_cut,
    answer_dripping,
    answer_shortened,
    ghost,
    late,
    passed,
    request_cut,
    storm,
    twice,
)
from tests.faults.stage import PULL, PUSH, Stage

PARTS = 4_500
ROUNDS = 6


def held(phone: Phone) -> int:
    return int(phone.device.store.rows("select count(*) from document")[0][0])


async def test_a_partition_in_the_middle_of_a_first_pull_of_many_pages(stage: Stage) -> None:
    await catalogue(stage.org, PARTS)
    phone = await stage.fleet.phone(pace=Pace(tries=1, base_s=0.05, cap_s=1.0, timeout_s=20.0))
    phone.work(stage.job, 5)
    stage.proxy.next(PULL, passed, answer_cut(0.5))
    first = await stage.fleet.sync(phone)
    assert (first.stopped, first.pages) == ("unreachable", 1)
    after_one = held(phone)
    stage.proxy.partition()
    assert (await stage.fleet.sync(phone)).stopped == "unreachable"
    stage.report.broke("the network: a partition in the middle of the second page of a first pull, then all of it")
    assert held(phone) == after_one > 0, "half a page was applied"
    stage.proxy.heal()
    second = await stage.fleet.sync(phone)
    assert second.stopped == "" and held(phone) > PARTS
    assert second.changes < PARTS, "it began from the start again"
    stage.report.checked(
        f"{after_one} documents of the first page stayed, none of the cut one; it went on from there with {second.pages} pages"
    )
    await stage.quiet()


async def test_a_page_without_its_end_is_not_applied(stage: Stage) -> None:
    phone = await stage.fleet.phone(pace=Pace(tries=1, base_s=0.05, cap_s=1.0, timeout_s=20.0))
    phone.work(stage.job, 3)
    for fault, stopped in (
        (answer_shortened(1), "answer_unreadable"),
        (answer_shortened(5), "answer_unreadable"),
        (answer_cut(0.3), "unreachable"),
        (answer_cut(0.99), "unreachable"),
    ):
        stage.proxy.next(PULL, fault)
        report = await stage.fleet.sync(phone)
        assert report.stopped == stopped, report
        assert held(phone) == 0, "a page without an end was applied"
    stage.proxy.next(PUSH, request_cut(0.5), request_cut(0.99))
    phone.work(stage.job, 30)
    for _ in range(2):
        await stage.fleet.sync(phone)
        assert await stage.last_n(phone) == 3, "half a push was taken"
    stage.report.broke("the network: answers cut or shortened by a line, requests cut in mid-body")
    stage.report.checked("no document of a page without `end` was kept, no command of a cut push was taken")
    assert '"code": "internal"' not in stage.server.lines(), "a request that was cut counts as a fault of the server"
    await stage.quiet()


async def test_pushes_doubled_in_flight_and_out_of_order(stage: Stage) -> None:
    phones = [await stage.fleet.phone(person) for person in ("amy", "bob")]
    fates: list[list[Fault]] = [[twice, ghost(0.3), twice], [ghost(1.0), late(0.5, twice), ghost(0.1)]]
    for number in range(3):
        stage.proxy.next(PUSH, *(fates[which][number] for which in range(2)))
        for phone in phones:
            phone.work(stage.job, 20)
        await asyncio.gather(*(stage.fleet.sync(phone) for phone in phones))
    stage.report.broke("the network: the same push twice at once, and old pushes delivered after newer ones")
    await stage.quiet()


async def test_an_answer_of_one_byte_a_second_does_not_hold_a_phone_for_ever(stage: Stage) -> None:
    phone = await stage.fleet.phone(pace=Pace(tries=2, base_s=0.05, cap_s=1.0, timeout_s=2.0))
    phone.work(stage.job, 5)
    stage.proxy.next(PULL, answer_dripping(120))
    begun = time.monotonic()
    report = await stage.fleet.sync(phone)
    took_s = time.monotonic() - begun
    stage.report.broke("the network: an answer that comes with one byte a second")
    assert report.stopped == "", report
    assert took_s < 30, took_s
    stage.report.checked(f"the phone gave it up, asked again and was done after {took_s:.1f} s")
    await stage.quiet()


async def test_a_storm_of_everything_at_once(stage: Stage) -> None:
    stage.proxy.weather = storm
    phones = [await stage.fleet.phone(person) for person in ("amy", "ali", "bob") * 2]

    async def shift(phone: Phone) -> None:
        for _ in range(ROUNDS):
            phone.work(stage.job, 7)
            await stage.fleet.sync(phone)

    await asyncio.gather(*(shift(phone) for phone in phones))
    stage.report.broke(f"the network: a storm over {len(stage.proxy.log)} requests of {len(phones)} phones")
    assert not any(phone.transport.without_retry_after for phone in phones)
    stage.proxy.weather = lambda draw, path: passed
    await stage.quiet()
