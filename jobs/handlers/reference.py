"""Master rows: places, catalogue, templates, policies, districts, rosters. Saving the same again changes nothing. People are elsewhere."""

from uuid import UUID

import msgspec
from msgspec.structs import replace

from geo.district_shapes import read_outline
from geo.store.districts import Outline
from jobs.context import Deed, Via
from jobs.handlers.door import handles
from jobs.handlers.saving import References, number_fault, reference_fault, save
from jobs.result import Applied, Refused, Result
from jobs.work import Work, wgs84
from mobile_contract.rules.codes import is_gtin
from mobile_contract.rules.meter import MOST_DIALS
from mobile_contract.rules.policies import persons_in, policy_faults
from mobile_contract.schema.approval import Policy, Scope
from mobile_contract.schema.base import Datum, Document, LocalText
from mobile_contract.schema.decisions import (
    LoadJobType,
    SaveContact,
    SaveDistrict,
    SaveDuty,
    SaveMeter,
    SavePart,
    SavePolicy,
    SaveShift,
    SaveSite,
    SaveStockLocation,
    SaveUsagePoint,
)
from mobile_contract.schema.job import JobType
from mobile_contract.schema.material import Part
from mobile_contract.schema.people import Duty, Person, Role, Shift
from mobile_contract.schema.place import District, Meter, Site
from mobile_contract.schema.stock import LocationKind, StockLocation


@handles(SaveSite)
def save_site(work: Work, command: SaveSite, deed: Deed) -> Result:
    """Save a site in WGS 84 with its source datum; its district follows from its point, whatever the command says."""
    site = command.site
    known = work.get(Site, site.id)
    if known is not None and site.datum is not Datum.WGS84 and _same_point(known, site):
        # As it was read from here: converting it again would move it. What needs no conversion is placed anew: districts change too.
        return save(work, replace(site, district_id=known.district_id))
    if site.lon_deg is None or site.lat_deg is None:
        return save(work, replace(site, lon_deg=None, lat_deg=None, district_id=None))
    lon_deg, lat_deg = wgs84(site.lon_deg, site.lat_deg, site.datum)
    district_id = work.district_of(site.lon_deg, site.lat_deg, site.datum)
    return save(work, replace(site, lon_deg=lon_deg, lat_deg=lat_deg, district_id=district_id))


@handles(SaveContact)
def save_contact(work: Work, command: SaveContact, deed: Deed) -> Result:
    """Save a contact."""
    return save(work, command.contact, {"site_id": (Site, command.contact.site_id)})


@handles(SaveUsagePoint)
def save_usage_point(work: Work, command: SaveUsagePoint, deed: Deed) -> Result:
    """Save a usage point of a site."""
    point = command.usage_point
    return save(work, point, {"site_id": (Site, point.site_id), "meter_id": (Meter, point.meter_id)})


@handles(SaveMeter)
def save_meter(work: Work, command: SaveMeter, deed: Deed) -> Result:
    """Save a meter; a reading that is newer than the one in the command stays."""
    meter = command.meter
    if not 1 <= meter.dial_count <= MOST_DIALS:
        return Refused("number_invalid", {"field": "dial_count"})
    known = work.get(Meter, meter.id)
    read_at = known.last_read_at if known is not None else None
    if known is not None and read_at is not None and (meter.last_read_at is None or meter.last_read_at < read_at):
        meter = replace(meter, last_value=known.last_value, last_read_at=read_at)
    return save(work, meter, {"site_id": (Site, meter.site_id)})


@handles(SavePart)
def save_part(work: Work, command: SavePart, deed: Deed) -> Result:
    """Save a part of the catalogue; requests made before keep the price they saw. What stands in for it is in the catalogue too."""
    part = command.part
    wrong = next((gtin for gtin in part.gtins if not is_gtin(gtin)), None)
    if wrong is not None:
        return Refused("gtin_invalid", {"gtin": wrong})
    if part.id in part.substitutes:
        return Refused("not_a_substitute", {"part_id": str(part.id)})
    unknown = next((id for id in part.substitutes if work.get(Part, id) is None), None)
    if unknown is not None:
        return Refused("unknown_reference", {"field": "substitutes", "id": str(unknown)})
    return save(work, part)


@handles(SaveStockLocation)
def save_stock_location(work: Work, command: SaveStockLocation, deed: Deed) -> Result:
    """Save a stock location. Its kind is for good, since moves were booked by it; a bin is one of a store."""
    location = command.location
    known = work.get(StockLocation, location.id)
    if known is not None and (known.kind, known.parent_id) != (location.kind, location.parent_id):
        return Refused("location_fixed", {"kind": known.kind.value})
    store = work.get(StockLocation, location.parent_id)
    if (location.kind is LocationKind.BIN) != (location.parent_id is not None):
        return Refused("location_wrong", {"field": "parent_id"})
    if store is not None and store.kind is not LocationKind.STORE:
        return Refused("location_wrong", {"field": "parent_id", "kind": store.kind.value})
    references: References = {
        "parent_id": (StockLocation, location.parent_id),
        "site_id": (Site, location.site_id),
    }
    return save(work, location, references)


@handles(SavePolicy)
def save_policy(work: Work, command: SavePolicy, deed: Deed) -> Result:
    """Load a version of a policy; a version that was loaded never changes, since decisions name it.

    Without a zone of its own it gets the organisation's.
    """
    policy = command.policy
    faults = policy_faults(policy)
    if faults:
        return Refused("policy_invalid", {"fault": faults[0]})
    scope = policy.scope or Scope()
    references: dict[str, tuple[type[Document], UUID | None]] = {
        **{f"person_id/{id}": (Person, id) for id in persons_in(policy)},
        **{f"site_ids/{id}": (Site, id) for id in scope.site_ids},
        **{f"district_ids/{id}": (District, id) for id in scope.district_ids},
    }
    fault = reference_fault(work, references)
    # Phones know the organisation's zone by its policies.
    return fault if fault is not None else _load_version(work, replace(policy, zone=policy.zone or work.org.zone))


@handles(LoadJobType)
def load_job_type(work: Work, command: LoadJobType, deed: Deed) -> Result:
    """Load a version of a job type; a version that was loaded never changes, since jobs name it."""
    return _load_version(work, command.job_type)


@handles(SaveShift)
def save_shift(work: Work, command: SaveShift, deed: Deed) -> Result:
    """Save a shift."""
    return _save_span(work, command.shift)


@handles(SaveDuty)
def save_duty(work: Work, command: SaveDuty, deed: Deed) -> Result:
    """Save a line of the duty roster. Who is on it may decide about any amount: nobody but an administrator names themselves.

    The line keeps who put it there; whoever sends again what is there vouches for nothing, but an administrator does.
    """
    actor, duty = deed.actor, command.duty
    trusted = actor.via in (Via.OPERATOR, Via.TIMER) or Role.ADMIN in actor.roles
    if not trusted and duty.person_id == deed.person_id:
        return Refused("duty_own")
    known = work.get(Duty, duty.id)
    if not trusted and known is not None and replace(duty, saved_by=known.saved_by) == known:
        return Applied(code="unchanged")
    return _save_span(work, replace(duty, saved_by=None if trusted else deed.person_id))


@handles(SaveDistrict)
def save_district(work: Work, command: SaveDistrict, deed: Deed) -> Result:
    """Save a district with its outline, repaired where that is possible; area and neighbours follow when it is written."""
    outline = _outline(command)
    if isinstance(outline, Refused):
        return outline
    known: list[District | Outline] = [*work.all(District), *work.drawn]
    parents = {d.id: d.parent_id for d in known}
    if command.parent_id is not None and command.parent_id not in {*parents, command.district_id}:
        return Refused("unknown_reference", {"field": "parent_id", "id": str(command.parent_id)})
    above, steps = command.parent_id, 0
    while above is not None and above != command.district_id and steps <= len(parents):
        above, steps = parents.get(above), steps + 1
    if above is not None:
        return Refused("district_circle", {"parent_id": str(command.parent_id)})
    if any(d.code == command.code and d.id != command.district_id for d in known):
        return Refused("code_taken", {"code": command.code})
    work.draw(outline)
    return Applied()


def _outline(command: SaveDistrict) -> Outline | Refused:
    name = LocalText(en=command.name_en, zh=command.name_zh)
    read = read_outline(command.code, command.name_en, command.outline_geojson)
    if not read.districts:
        return Refused("outline_invalid", {"fault": f"{read.refused[0].code}: {read.refused[0].detail}"})
    return Outline(
        id=command.district_id,
        code=command.code,
        name_json=msgspec.json.encode(name).decode(),
        parent_id=command.parent_id,
        arrival_class=command.arrival_class,
        outline_geojson=read.districts[0].geojson(),
    )


def _same_point(known: Site, sent: Site) -> bool:
    return (known.lon_deg, known.lat_deg, known.datum) == (sent.lon_deg, sent.lat_deg, sent.datum)


def _load_version(work: Work, document: Policy | JobType) -> Result:
    """Put a new version; the same code and version (or id) with other content is refused."""
    fault = number_fault(document)
    if fault is not None:
        return fault
    for known in (d for d in work.all(type(document)) if isinstance(d, Policy | JobType)):
        if known.id == document.id or (known.code, known.version) == (document.code, document.version):
            same = replace(document, id=known.id) == known
            return Applied(code="unchanged") if same else Refused("version_exists", {"version": str(document.version)})
    work.put(document)
    return Applied()


def _save_span(work: Work, span: Shift | Duty) -> Result:
    if span.to_at <= span.from_at:
        return Refused("span_invalid", {"field": "to_at"})
    fault = reference_fault(work, {"person_id": (Person, span.person_id)})
    return fault if fault is not None else save(work, span)
