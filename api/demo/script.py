"""What the situations of a played day share: places and customers, reports, dispatch with its reason, the office's routines. Tells every step."""

import random
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from api.demo.cast import CUSTOMERS
from api.demo.crew import Crew
from api.demo.hours import Hours
from api.demo.office import DISPATCHER, Sent
from api.demo.stage import Stage
from api.demo.telling import Teller
from geo.candidates import Suggestion
from geo.city_plan import CitySite
from geo.reason_texts import REASON_TEXTS
from mobile_contract.schema import decisions as d
from mobile_contract.schema.base import Command, Priority
from mobile_contract.schema.job import JobState

Doing = Iterator[float]
_TROUBLES: Final = (
    "Leak in the street", "No water", "Low pressure", "Water meter dripping", "Hydrant leaks", "Wet cellar wall",
    "Valve cover rattles", "Brown water", "Leak at the house connection", "Water in the shaft",
)  # fmt: skip


class Script:
    """The hands of the story: everything it does to the stage goes through here, and is told."""

    def __init__(self, stage: Stage, hours: Hours, teller: Teller) -> None:
        self.stage, self.hours, self.teller = stage, hours, teller
        self.office, self.clock = stage.office, stage.clock
        self.crews = {crew.crew_id: crew for crew in stage.crews}
        self.random: random.Random = stage.chance.drawn("script")
        self.jobs: list[UUID] = []
        self.unassigned: list[UUID] = []
        self._free_sites = self._sites()

    # telling

    def say(self, who: str, what: str) -> None:
        """Tell what happens now."""
        self.teller.say(self.clock.now(), who, what)

    def number(self, job_id: UUID) -> str:
        """Give a job's number."""
        return self.office.job(job_id).number

    # the office

    def send(self, login: str, command: Command) -> str:
        """Send a command as somebody in the office; gives the code of the answer."""
        (answer,) = self.office.do(login, command)
        return answer.code

    def new_id(self) -> UUID:
        """Draw an id for something that a command makes."""
        return self.office.new_id()

    def site(self, district: str = "", kind: str = "") -> CitySite:
        """Take a site that nothing has happened at yet, of a district and kind where they are named and there is one."""
        for wanted in ((district, kind), (district, ""), ("", kind), ("", "")):
            for site in self._free_sites:
                if wanted[0] in ("", site.district_code) and wanted[1] in ("", site.kind):
                    self._free_sites.remove(site)
                    return site
        raise LookupError("every site has its trouble today")

    def site_outside(self, districts: Sequence[str]) -> CitySite:
        """Take a site in none of some districts, or any where there is none."""
        for site in self._free_sites:
            if site.district_code not in districts:
                self._free_sites.remove(site)
                return site
        return self.site()

    def open(
        self, site: CitySite, title: str = "", *, job_type: str = "repair", priority: Priority = Priority.NORMAL
    ) -> UUID:
        """Open a job for a customer's report at a site, and tell where it landed."""
        job_id = self.new_id()
        customer = self.random.choice(CUSTOMERS)
        command = d.OpenJob(
            job_id=job_id,
            job_type=job_type,
            title=title or self.random.choice(_TROUBLES),
            priority=priority,
            address=site.address,
            lon_deg=site.point.lon_deg,
            lat_deg=site.point.lat_deg,
            site_id=self.stage.founded.sites[site.code],
            contact=d.ContactDetails(
                contact_id=self.new_id(), name=customer, phone=f"555 {self.random.randint(1000, 9999)}"
            ),
            reported_at=self.clock.now(),
        )
        code = self.send("callback", command)
        assert code == "ok", code
        self.jobs.append(job_id)
        job = self.office.job(job_id)
        limit = f", due {self.hours.local(job.arrival_due_at)}" if job.arrival_due_at else ""
        self.say(
            "customer",
            f"{customer} reports: {job.title}, {site.address}. Job {job.number} in {job.district_code}{limit}",
        )
        return job_id

    def dispatch(self, job_id: UUID, *, but: frozenset[UUID] = frozenset()) -> tuple[Crew, Sent] | None:
        """Send the crew that the ranking suggests and tell why; a job nobody can go to waits for the next look."""
        sent = self.office.send_nearest(job_id, but=but)
        if sent is None:
            if job_id not in self.unassigned:
                self.unassigned.append(job_id)
                self.say("office", f"Job {self.number(job_id)}: nobody fits now, it stays open")
            return None
        if job_id in self.unassigned:
            self.unassigned.remove(job_id)
        self.say("office", f"Job {self.number(job_id)} → {sent.crew.name} ({sent.crew.names[0]}): {_why(sent)}")
        return self.crews[sent.crew.crew_id], sent

    # routines

    def decides_approvals(self) -> Doing:
        """Look at what waits for approval every few minutes, as whoever has to decide."""
        while True:
            for job_id, approval_id, login in self.office.waiting_approvals(self.jobs):
                code = self.send(login, d.Approve(job_id=job_id, approval_id=approval_id, reason="needed on site"))
                answer = "approves the parts" if code == "ok" else f"is refused: {code}"
                self.say("approval", f"Job {self.number(job_id)}: {login} {answer}")
            yield 5.0

    def issues_parts(self) -> Doing:
        """Hand out what was approved every few minutes, as the store; a store without shelves has nothing to hand out."""
        while True:
            for command in self.office.to_issue():
                code = self.send("warehouse", command)
                answer = "hands out what was approved" if code == "ok" else f"is refused: {code}"
                self.say("store", f"Job {self.number(command.job_id)}: the store {answer}")
            yield 5.0

    def looks_at_open_jobs(self) -> Doing:
        """Try to send somebody to what nobody could go to before."""
        while True:
            for job_id in list(self.unassigned):
                if self.office.job(job_id).state == JobState.READY:
                    self.dispatch(job_id)
                else:
                    self.unassigned.remove(job_id)
            yield 15.0

    def closes_what_is_done(self, *, keep: int) -> Doing:
        """Close completed jobs every hour, but for the latest: a closed job leaves the phones."""
        while True:
            yield 60.0
            done = [job.id for job in self.office.jobs(self.jobs) if job.state == JobState.COMPLETED]
            closing = done[: max(0, len(done) - keep)]
            if closing:
                self.office.do(DISPATCHER, *(d.CloseJob(job_id=id, reason="checked") for id in closing))
                self.say("office", f"{len(closing)} finished jobs checked and closed")

    def waits_until(self, condition: Callable[[], bool], *, minutes: float, every: float = 3.0) -> Doing:
        """Wait for a condition, but not for ever."""
        until = self.clock.now() + timedelta(minutes=minutes)
        while not condition() and self.clock.now() < until:
            yield every

    def at(self, when: datetime, doing: Doing) -> None:
        """Enter a situation into the agenda."""
        self.stage.timeline.add(when, doing, alone=True)

    def _sites(self) -> list[CitySite]:
        city, founded = self.stage.founded.city, self.stage.founded
        assert city is not None  # the demo has a city
        playing = {line.crew_id: line for line in founded.crews if line.crew_id in self.crews}
        within = {code for line in playing.values() for code in line.district_codes}
        sites = [site for site in city.sites if site.district_code in within]
        self.random.shuffle(sites)
        return sites


def _why(sent: Sent) -> str:
    """Say why this crew: travel, reasons, and the next best."""
    best = sent.suggestion
    parts = [f"{_minutes(best)} min away"] + [REASON_TEXTS[reason].en.rstrip(".").lower() for reason in best.reasons]
    if sent.next_best is not None and sent.next_best.score_s is not None and best.score_s is not None:
        behind = round((sent.next_best.score_s - best.score_s) / 60)
        parts.append(f"next best {behind} min behind" if behind else "next best as near")
    return ", ".join(parts)


def _minutes(suggestion: Suggestion) -> int:
    return max(1, round((suggestion.travel_s or 0.0) / 60))
