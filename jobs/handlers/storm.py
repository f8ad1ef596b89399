"""Storm mode: declared, changed and ended by the office. What a level changes is data; nothing that is under way is touched by it."""

from msgspec.structs import replace

from jobs.context import Deed
from jobs.handlers.door import handles
from jobs.handlers.saving import reference_fault, save
from jobs.result import Applied, Refused, Result
from jobs.work import Work
from mobile_contract.schema.place import District
from mobile_contract.schema.storm import DeclareStorm, EndStorm, Storm


@handles(DeclareStorm)
def declare_storm(work: Work, command: DeclareStorm, deed: Deed) -> Result:
    """Declare a storm, or change one in force; who declared it first and when stays."""
    fault = reference_fault(work, {f"district_ids/{id}": (District, id) for id in command.district_ids})
    if fault is not None:
        return fault
    known = work.get(Storm, command.storm_id)
    if known is not None and known.ended_at is not None:
        return Refused("storm_over")
    districts = tuple(sorted(set(command.district_ids)))
    if known is None:
        return save(
            work,
            Storm(
                id=command.storm_id,
                level=command.level,
                district_ids=districts,
                note=command.note,
                declared_at=deed.received_at,
                declared_by=deed.person_id,
            ),
        )
    changed = replace(known, level=command.level, district_ids=districts, note=command.note)
    return Applied(code="unchanged") if changed == known else save(work, replace(changed, changed_at=deed.received_at))


@handles(EndStorm)
def end_storm(work: Work, command: EndStorm, deed: Deed) -> Result:
    """End a storm; one that is over stays as it ended."""
    known = work.get(Storm, command.storm_id)
    if known is None:
        return Refused("unknown_reference", {"field": "storm_id", "id": str(command.storm_id)})
    if known.ended_at is not None:
        return Applied(code="unchanged")
    return save(work, replace(known, ended_at=deed.received_at, ended_by=deed.person_id))
