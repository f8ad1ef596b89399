"""Measurements over HTTP, the same for everybody: requests made beforehand, sent by the load generator to a port of the loopback."""

from collections.abc import Sequence

import msgspec

from benchmarks.load import Driver, Load
from benchmarks.measures import Label, Sample, of_outcome, quantile_ms
from benchmarks.phone import Walk
from benchmarks.plan import Plan
from benchmarks.rounds import Measure


class Http:
    """The load generator with the plan of a run."""

    def __init__(self, driver: Driver, plan: Plan) -> None:
        self.driver, self.plan = driver, plan

    def walks(self, scenario: str, name: str, port: int, walk: Walk) -> Measure:
        """Repeat a walk on one connection: documents per second. `wire_bytes` are those of a whole walk."""

        def measure(number: int) -> Sample:
            outcome = self.driver.run(Load(port=port, scripts=[walk.requests], seconds=self.plan.seconds))
            value = walk.documents * outcome.scripts_done / outcome.elapsed_s
            sample = of_outcome(Label(scenario, name, number), value, outcome)
            walks = outcome.all_answers / len(walk.requests)
            return msgspec.structs.replace(
                sample,
                wire_bytes=outcome.bytes_in / max(outcome.scripts_done, 1),
                cpu_us=outcome.served_cpu_s / (walks * walk.documents) * 1e6,
            )

        return measure

    def latency(self, scenario: str, name: str, port: int, request: bytes) -> Measure:
        """Send one request over and over on one connection: milliseconds of the median one."""

        def measure(number: int) -> Sample:
            load = Load(port=port, scripts=[[request]], seconds=self.plan.seconds, warm_up_s=self.plan.warm_up_s)
            outcome = self.driver.run(load)
            return of_outcome(Label(scenario, name, number), quantile_ms(outcome.latencies_s, 0.5) or 0.0, outcome)

        return measure

    def throughput(self, scenario: str, name: str, port: int, requests: Sequence[bytes]) -> Measure:
        """Send requests over and over, each on its own connection: answers per second."""

        def measure(number: int) -> Sample:
            scripts = [[request] for request in requests]
            load = Load(port=port, scripts=scripts, seconds=self.plan.seconds, warm_up_s=self.plan.warm_up_s)
            outcome = self.driver.run(load)
            return of_outcome(Label(scenario, name, number), outcome.answers / outcome.elapsed_s, outcome)

        return measure
