"""Killed at any point: the device never loses a command, never sends it as two, and never holds half a page."""

import random
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from uuid import UUID

from mobile_contract.client import Store, queue
from tests.mobile_contract.client.kit import Phone, a_job, a_note, assert_equal, enrolled
from tests.mobile_contract.client.loopback import served
from tests.mobile_contract.client.office import Office

ROOT = Path(__file__).parents[3]


class Killed(BaseException):
    """The process ended here."""


class Mortal(Store):
    """A store whose process dies at a chosen statement, before it is run."""

    def __init__(self, path: Path, dies_at: int) -> None:
        self.left = 1 << 60
        super().__init__(path)
        self.left = dies_at

    def run(self, sql: str, values: Sequence[object] = ()) -> sqlite3.Cursor:
        if self.left <= 0:
            raise Killed
        self.left -= 1
        return super().run(sql, values)


def busy_day(office: Office) -> list[Callable[[Phone], object]]:
    """A short day that takes every way through the device: queue, prefix, lost answer, reset in pages, restore, repair."""
    me = office.scope[1]

    def restore(phone: Phone) -> None:
        if office.life == UUID(int=1):
            office.new_life(1)
            office.remove("note", UUID(int=101))
            office.page_documents = 2

    def harm(phone: Phone) -> None:
        with phone.store.transaction():
            phone.store.run("delete from member where kind = 'note' and id like '%64'")

    return [
        lambda phone: phone.note("one"),
        lambda phone: phone.note("two"),
        lambda phone: phone.sync(),
        lambda phone: office.put("job", a_job(title="moved"), me),
        lambda phone: phone.note("three"),
        restore,
        lambda phone: phone.sync(),
        harm,
        lambda phone: phone.sync(check=True),
    ]


def test_dying_at_any_statement_loses_nothing_and_repeats_nothing(tmp_path: Path) -> None:
    clean = Office()
    enrolled(tmp_path / "clean", clean).store.close()
    dies_at, deaths = 1, 0
    while dies_at < 5_000:
        office = Office()
        for number in range(100, 104):
            office.put("note", a_note(number), office.scope[1])
        path = tmp_path / str(dies_at)
        shutil.copy(tmp_path / "clean", path)
        phone = Phone(path, office)
        phone.store = phone._exchange._store = Mortal(path, dies_at)
        survivor = live_through(phone, office, path)
        assert_equal(survivor, office)
        survivor.store.close()
        path.unlink()
        if survivor is phone:
            break
        deaths += 1
        # Every statement early on, where the transactions are short; then steps that still visit each transaction.
        dies_at += 1 if dies_at < 120 else 7
    assert deaths > 100


def live_through(phone: Phone, office: Office, path: Path) -> Phone:
    """Go through the day; where the phone dies it starts anew, and the step in hand is done by nobody but the device itself."""
    returned: list[UUID] = []
    for step in busy_day(office):
        try:
            outcome = step(phone)
        except Killed:
            phone.store.close()
            phone = Phone(path, office, seed=len(returned) + 50)
        else:
            returned += [outcome] if isinstance(outcome, UUID) else []
    if isinstance(phone.store, Mortal):
        phone.store.left = 1 << 60
    queued = {each.id for each in queue.kept(phone.store)}
    phone.synced()
    phone.synced()
    assert set(returned) <= set(office.effects)
    assert len(office.effects) == len(set(office.effects)) >= len(returned)
    assert queued <= set(office.effects)
    assert phone.status().unsent == 0
    return phone


def test_a_killed_process_loses_nothing_and_repeats_nothing(tmp_path: Path) -> None:
    seed = random.SystemRandom().randint(1, 1 << 30)
    print(f"seed {seed}")
    source, office = random.Random(seed), Office()
    office.put("job", a_job(), office.scope[1])
    office.prefix = 3
    phone = enrolled(tmp_path / "d", office)
    phone.store.close()
    told: list[UUID] = []
    with served(office) as url:
        for life in range(5):
            told += run_and_kill(tmp_path / "d", url, life, after_s=source.uniform(0.1, 0.6))
    phone = Phone(tmp_path / "d", office, seed=seed)
    phone.synced()
    phone.synced()
    assert set(told) <= set(office.effects), f"seed {seed}"
    assert len(office.effects) == len(set(office.effects)), f"seed {seed}"
    assert [id for id in office.effects if id in set(told)] == told, f"seed {seed}"
    assert_equal(phone, office)


def run_and_kill(path: Path, url: str, seed: int, after_s: float) -> list[UUID]:
    """Run a device in a process of its own, kill it, and give the commands that it said were queued."""
    arguments = ["-m", "tests.mobile_contract.client.worker", str(path), url, str(seed), "100000"]
    with subprocess.Popen([sys.executable, *arguments], cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        deadline = time.monotonic() + after_s
        lines = [first]
        while time.monotonic() < deadline:
            lines.append(process.stdout.readline())
        process.kill()
        lines += process.stdout.read().splitlines(keepends=True)
    return [UUID(line.strip()) for line in lines if line.endswith("\n")]
