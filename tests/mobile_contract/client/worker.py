"""A device in a process of its own, to be killed: adds notes and syncs until it has added enough. Says what is safely queued."""

import random
import sys
from pathlib import Path

from mobile_contract.client import Device, HttpTransport, Pace, Store, SystemClock
from mobile_contract.schema.facts import AddNote
from tests.mobile_contract.client.kit import JOB, VISIT


def main(path: str, url: str, seed: int, count: int) -> None:
    source = random.Random(seed)
    clock = SystemClock()
    device = Device(Store(Path(path)), HttpTransport(url), clock=clock, source=source, pace=Pace(tries=2, base_s=0.01))
    for i in range(count):
        note = AddNote(job_id=JOB, visit_id=VISIT, note_id=VISIT, text=f"{seed} {i}")
        print(device.do(note).id, flush=True)
        if source.random() < 0.4:
            device.sync()
    device.sync()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
