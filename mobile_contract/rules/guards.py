"""What a visit still misses before it counts as completed. Pure functions of the contract's documents; never refuses anything.

A phone asks before it lets the technician finish; the server asks again and flags what a crew did without it.
"""

from collections import Counter
from collections.abc import Iterable
from enum import StrEnum

from msgspec import Struct

from mobile_contract.schema.job import Flag, JobType, Photo, Reading, Signature, Task

COMPLETION = "completion"


class MissingCode(StrEnum):
    """What kind of thing is missing; each is a code of the error catalogue."""

    TASK = "task_unanswered"
    PHOTO = "photo_missing"
    READING = "reading_missing"
    PARTS = "parts_undeclared"
    SIGNATURE = "signature_missing"


class Missing(Struct, frozen=True):
    """One thing that is missing: `about` names the checklist line, the photo's purpose or how many readings are still wanted."""

    code: MissingCode
    about: str = ""


def missing_before_completion(
    job_type: JobType,
    *,
    tasks: Iterable[Task] = (),
    photos: Iterable[Photo] = (),
    readings: Iterable[Reading] = (),
    signatures: Iterable[Signature] = (),
    parts_used: bool = False,
    no_parts_declared: bool = False,
) -> list[Missing]:
    """List what the job type wants and the job does not have yet; nothing missing gives an empty list.

    The documents are those of the job, whatever visit made them: a second visit need not take the first one's photos
    again. `parts_used`: a use of a part was reported; `no_parts_declared`: the crew said that there was none.
    """
    guards = job_type.guards
    return [
        *_unanswered(tasks),
        *_unphotographed(guards.photos, photos),
        *_unread(guards.readings, readings),
        *([Missing(MissingCode.PARTS)] if guards.parts_declared and not (parts_used or no_parts_declared) else []),
        *([Missing(MissingCode.SIGNATURE)] if guards.signature and not any(map(signed_or_refused, signatures)) else []),
    ]


def signed_or_refused(signature: Signature) -> bool:
    """Tell whether a signature ends a visit: by a named signer, or by a refusal with its reason; an empty pad never does."""
    if signature.purpose != COMPLETION or Flag.INCOMPLETE in signature.flags:
        return False
    return bool(signature.signer or signature.refused_reason)


def _unanswered(tasks: Iterable[Task]) -> list[Missing]:
    wanted = sorted((task for task in tasks if task.mandatory), key=lambda task: (task.sort, task.code, task.id))
    return [Missing(MissingCode.TASK, task.code) for task in wanted if not (task.answer or "").strip()]


def _unphotographed(purposes: tuple[str, ...], photos: Iterable[Photo]) -> list[Missing]:
    # A purpose named twice wants two photos.
    taken = Counter(photo.purpose for photo in photos)
    missing = Counter(purposes) - taken
    return [Missing(MissingCode.PHOTO, purpose) for purpose in dict.fromkeys(purposes) for _ in range(missing[purpose])]


def _unread(count: int, readings: Iterable[Reading]) -> list[Missing]:
    still = count - sum(1 for _ in readings)
    return [Missing(MissingCode.READING, str(still))] if still > 0 else []
