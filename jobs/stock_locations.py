"""Where material is: the locations every organisation has, and which van a crew's part comes into or leaves. Books nothing.

The ids follow from the organisation, so a device and an import name the same places without asking.
"""

from uuid import UUID

from msgspec import Struct

from jobs.context import Deed
from jobs.work import Work
from mobile_contract.rules import stock as rules
from mobile_contract.schema.base import Command
from mobile_contract.schema.job import Visit
from mobile_contract.schema.people import Crew, Person
from mobile_contract.schema.stock import LocationKind, StockLocation


class Place(Struct, frozen=True):
    """A location that every organisation has; its code is its kind's."""

    kind: LocationKind
    name: str

    @property
    def code(self) -> str:
        """Give the code."""
        return self.kind.value


SUPPLIER = Place(LocationKind.SUPPLIER, "Suppliers")
TRANSIT = Place(LocationKind.TRANSIT, "On the way from the store to a van")
JOB = Place(LocationKind.JOB, "Drawn for a job, not yet proven used")
CUSTOMER = Place(LocationKind.CUSTOMER, "Installed at customers")
RETURNED = Place(LocationKind.RETURNED, "Given back, not yet taken in by the store")
REPAIR_SHOP = Place(LocationKind.REPAIR_SHOP, "Being mended")
SCRAP = Place(LocationKind.SCRAP, "Written off")
LOAN = Place(LocationKind.LOAN, "Lent against a deposit")
COUNT_DIFFERENCE = Place(LocationKind.COUNT_DIFFERENCE, "What counts found more or less")
SHIPPED = (SUPPLIER, TRANSIT, JOB, CUSTOMER, RETURNED, REPAIR_SHOP, SCRAP, LOAN, COUNT_DIFFERENCE)


def place_id(org_id: UUID, place: Place) -> UUID:
    """Name the location of an organisation."""
    return rules.place_id(org_id, place.kind)


def shipped_locations(org_id: UUID) -> tuple[StockLocation, ...]:
    """List the locations that every organisation has."""
    return tuple(StockLocation(id=place_id(org_id, p), code=p.code, kind=p.kind, name=p.name) for p in SHIPPED)


def van_of(work: Work, command: Command, deed: Deed) -> UUID:
    """Name the van of a deed: that of the reporter's crew at that instant, else of the visit's crew, else the reporter's own.

    Of several crews the visit's comes first, then the lowest id. A technician without any van carries parts all the same.
    A report that belongs to no visit (a hand-over, a count) is about the van of the reporter's crew.
    """
    visit = work.get(Visit, getattr(command, "visit_id", None))
    planned = visit.crew_id if visit is not None else None
    own = work.crews_of(deed.person_id, deed.occurrence.at) if deed.person_id is not None else set()

    def van_id_of(crew_id: UUID) -> UUID | None:
        crew = work.get(Crew, crew_id)
        return crew.van_id if crew is not None else None

    return rules.van_of_crews(planned, own, van_id_of) or rules.personal_van_id(work.org.org_id, deed.person_id)


def place(work: Work, place: Place) -> UUID:
    """Name a shipped location; it comes into being with its first use."""
    id = place_id(work.org.org_id, place)
    if work.get(StockLocation, id) is None:
        work.put(StockLocation(id=id, code=place.code, kind=place.kind, name=place.name))
    return id


def van(work: Work, id: UUID, person_id: UUID | None) -> UUID:
    """Make sure that a van is a location: a person's own comes into being with its first use, a crew's was saved before.

    Raises LookupError when it was not loaded, as when a command before it in the batch sent another crew: then the commands are run one by
    one, each with what it needs.
    """
    if work.get(StockLocation, id) is not None:
        return id
    if id != rules.personal_van_id(work.org.org_id, person_id):
        raise LookupError(f"the van {id} was not loaded")
    person = work.get(Person, person_id)
    work.put(StockLocation(id=id, code=f"van-{id.hex[:12]}", kind=LocationKind.VAN, name=person.name if person else ""))
    return id
