"""A store with parts on its shelves, a job with a crew, and short names for what is asked, issued, received and used there."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from mobile_contract.rules.ladder import approval_id
from mobile_contract.schema import decisions as d
from mobile_contract.schema import facts as f
from mobile_contract.schema import material_commands as m
from mobile_contract.schema.approval import Approval, ApprovedLine
from mobile_contract.schema.base import Command, LocalText
from mobile_contract.schema.material import IssueSlip, MaterialRequest, MaterialRules, Part, RepairForm, RequestLine
from mobile_contract.schema.people import Role
from mobile_contract.schema.stock import LocationKind, StockLocation, StockMove
from mobile_contract.schema.stock_commands import OpenStock, PricedStockLine
from sync.outcomes import Answer
from tests.arrange import NOW, Assigned, Org
from tests.jobs import stored


@dataclass(kw_only=True)
class Scene:
    """An organisation with a store that holds 100 of every part, and a job of crew alpha."""

    org: Org
    job: Assigned
    store: UUID

    def line(self, code: str, quantity: str | int, **more: Any) -> RequestLine:
        """Ask for some of a part."""
        return RequestLine(part_id=self.org.parts[code], quantity=Decimal(quantity), **more)

    def fact(self, kind: type[f.VisitFact], **more: Any) -> f.VisitFact:
        """Report something from the visit."""
        return kind(job_id=self.job.job_id, visit_id=self.job.visit_id, **more)

    def asking(self, *lines: RequestLine, request_id: UUID | None = None) -> f.RequestParts:
        """Ask for parts."""
        return f.RequestParts(
            job_id=self.job.job_id,
            visit_id=self.job.visit_id,
            request_id=request_id or self.org.new_id(),
            lines=lines,
        )

    def moving(self, kind: type[f.VisitFact], code: str, quantity: str | int, **more: Any) -> f.VisitFact:
        """Report that a part came, was used or went back."""
        return self.fact(
            kind, move_id=self.org.new_id(), part_id=self.org.parts[code], quantity=Decimal(quantity), **more
        )

    async def asked(self, *lines: RequestLine, now: datetime = NOW) -> UUID:
        """Have parts asked for; gives the request."""
        command = self.asking(*lines)
        await self.org.ok(command, by="amy", now=now)
        return command.request_id

    async def approved(self, *lines: RequestLine, granted: tuple[ApprovedLine, ...] = ()) -> UUID:
        """Have parts asked for and approved; gives the request."""
        request_id = await self.asked(*lines)
        await self.decide(request_id, granted)
        return request_id

    async def decide(self, request_id: UUID, granted: tuple[ApprovedLine, ...] = (), *, now: datetime = NOW) -> None:
        """Have whoever the ladder names approve."""
        approval = await stored.one(self.org, Approval, approval_id(request_id))
        by = {Role.ENGINEER: "eve", Role.MANAGER: "max", Role.DEPUTY_GM: "gus"}[approval.role or Role.DEPUTY_GM]
        await self.org.ok(d.Approve(job_id=self.job.job_id, approval_id=approval.id, lines=granted), by=by, now=now)

    def issuing(self, request_id: UUID, *lines: m.IssueLine, slip_id: UUID | None = None, **more: Any) -> m.IssueParts:
        """Hand parts out."""
        return m.IssueParts(
            job_id=self.job.job_id,
            request_id=request_id,
            slip_id=slip_id or self.org.new_id(),
            store_id=more.pop("store_id", self.store),
            lines=lines,
            **more,
        )

    async def issued(self, request_id: UUID, *lines: m.IssueLine, now: datetime = NOW, **more: Any) -> IssueSlip:
        """Have parts handed out; gives the slip."""
        command = self.issuing(request_id, *lines, **more)
        await self.org.ok(command, by="wes", now=now)
        return await stored.one(self.org, IssueSlip, command.slip_id)

    async def told(self, command: Command, *, by: str = "wes", now: datetime = NOW) -> Answer:
        """Send one command and give its answer."""
        (answer,) = await self.org.send(command, by=by, now=now)
        return answer

    async def request(self, request_id: UUID) -> MaterialRequest:
        """Look at a request."""
        return await stored.one(self.org, MaterialRequest, request_id)

    async def form(self, form_id: UUID) -> RepairForm:
        """Look at a form."""
        return await stored.one(self.org, RepairForm, form_id)

    async def held(self, code: str, location_id: UUID | None = None) -> Decimal:
        """Sum the moves of a part at a location; the store when none is named."""
        here, part = location_id or self.store, self.org.parts[code]
        moves = [move for move in await stored.every(self.org, StockMove) if move.part_id == part]
        came = sum((move.quantity for move in moves if move.to_location_id == here), Decimal(0))
        return came - sum((move.quantity for move in moves if move.from_location_id == here), Decimal(0))

    async def catalogue(self, code: str, **fields: Any) -> UUID:
        """Put a part into the catalogue, with 100 of it in the store."""
        id = self.org.parts[code] = self.org.new_id()
        said = {"name": LocalText(en=code), **fields, "unit_cost": Decimal(fields.get("unit_cost", 10))}
        part = Part(id=id, code=code, **said)
        await self.org.ok(d.SavePart(part=part), self._stocked(id), by="wes")
        return id

    async def rules(self, **fields: Any) -> None:
        """Save rules of material, the store as the default one."""
        rules = MaterialRules(id=self.org.new_id(), **{"default_store_id": self.store, **fields})
        await self.org.ok(m.SaveMaterialRules(rules=rules), by="ada")

    def _stocked(self, *parts: UUID) -> OpenStock:
        lines = tuple(PricedStockLine(part_id=id, quantity=Decimal(100)) for id in parts)
        return OpenStock(opening_id=self.org.new_id(), location_id=self.store, lines=lines)


async def scene(org: Org) -> Scene:
    """Make the store and the job."""
    store = StockLocation(id=org.new_id(), code="main", kind=LocationKind.STORE, name="Main store")
    made = Scene(org=org, job=await org.assigned_job(), store=store.id)
    await org.ok(d.SaveStockLocation(location=store), by="wes")
    await org.ok(made._stocked(*org.parts.values()), by="wes")
    return made
