"""From words on a command line to a command of the registry, as a technician would say it. Never queues or sends one."""

import difflib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

import msgspec

from api.operator_error import OperatorError
from mobile_contract.registry import COMMANDS
from mobile_contract.schema.base import Command, Document
from mobile_contract.schema.job import Visit, VisitState

Documents = Mapping[tuple[str, UUID], Document]

# What a command brings into being gets its id here, unless it is given.
_NEW_IDS: Final = {"note_id", "photo_id", "reading_id", "request_id", "move_id", "signature_id", "count_id"}
_NEW_FOR: Final = {"claim_job": "visit_id", "report_job": "job_id", "hand_over_parts": "transfer_id"}
# A request that something is received or used on exists already.
_KNOWN_BEFORE: Final = {"receive_part": "request_id", "use_part": "request_id", "return_part": "request_id"}
# `task=valve_closed` instead of `task_id=<uuid>`.
_BY_NAME: Final = {"task": "code", "part": "code", "meter": "serial"}
_PLACES: Final = {"to": "to_location_id", "from": "from_location_id"}
_ENDED: Final = {VisitState.COMPLETED, VisitState.FOLLOW_UP_NEEDED, VisitState.NO_ACCESS, VisitState.CANCELLED}


def read_pairs(words: Sequence[str]) -> dict[str, str]:
    """Read `key=value` words. Raises OperatorError for a word without `=` and for a key given twice."""
    pairs: dict[str, str] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or not key or key in pairs:
            raise OperatorError(
                f"{word!r} is not a field: write each once as key=value, for example text='gate is locked'."
            )
        pairs[key] = value
    return pairs


def build_command(
    name: str,
    pairs: Mapping[str, str],
    documents: Documents,
    *,
    new_id: Callable[[], UUID],
    job: str = "",
    visit: str = "",
) -> Command:
    """Build a command from its name and fields, filling in what the documents and the trade make plain.

    `job` is an id or a number, `visit` an id; without one the job's only open visit is meant. Raises OperatorError with
    what to write instead.
    """
    line = COMMANDS.get(name)
    if line is None:
        near = difflib.get_close_matches(name, COMMANDS, n=3, cutoff=0.4)
        hint = f" Did you mean {', '.join(near)}?" if near else ""
        raise OperatorError(f"There is no command {name!r}.{hint} `onsite device do --list` shows all.")
    fields: dict[str, Any] = {**_named(pairs, documents, job_text=job)}
    if "parts" in fields:
        fields["lines"] = _lines(fields.pop("parts"), documents, serials=name == "take_parts")
    wanted = line.type.__struct_fields__
    if job and "job_id" in wanted:
        fields["job_id"] = find_job(documents, job)
    if visit and "visit_id" in wanted:
        fields["visit_id"] = visit
    for field in wanted:
        made_here = field in _NEW_IDS and _KNOWN_BEFORE.get(name) != field
        if field not in fields and (made_here or _NEW_FOR.get(name) == field):
            fields[field] = new_id()
    if "visit_id" in wanted and "visit_id" not in fields and "job_id" in fields:
        fields["visit_id"] = _open_visit(documents, UUID(str(fields["job_id"])))
    held = documents.get(("visit", UUID(str(fields["visit_id"])))) if "visit_id" in fields else None
    if "plan_version" in wanted and "plan_version" not in fields and isinstance(held, Visit):
        fields["plan_version"] = held.plan_version
    return _typed(line.type, fields)


def find_job(documents: Documents, text: str) -> UUID:
    """Find a job or an open job by id or number. An id that the device does not hold is taken as it is. Raises OperatorError."""
    for (kind, id), document in documents.items():
        if kind in ("job", "open_job") and text in (str(id), getattr(document, "number", "")):
            return id
    try:
        return UUID(text)
    except ValueError:
        raise OperatorError(f"This device holds no job {text!r}. `onsite device jobs` lists those it holds.") from None


def _named(pairs: Mapping[str, str], documents: Documents, *, job_text: str) -> dict[str, str]:
    fields: dict[str, str] = {}
    for key, value in pairs.items():
        if key in _PLACES:
            fields[_PLACES[key]] = str(_by_code(documents, "stock_location", value))
            continue
        if key not in _BY_NAME:
            fields[key] = value
            continue
        job_id = find_job(documents, job_text) if job_text else None
        found = [
            id
            for (kind, id), document in documents.items()
            if kind == key
            and getattr(document, _BY_NAME[key]) == value
            and (job_id is None or getattr(document, "job_id", job_id) == job_id)
        ]
        if len(found) != 1:
            raise OperatorError(f"{len(found)} documents answer to {key}={value}: give {key}_id=<id> instead.")
        fields[f"{key}_id"] = str(found[0])
    return fields


def _lines(text: str, documents: Documents, *, serials: bool) -> list[dict[str, Any]]:
    """Read `clamp:3,meter:1:M-4711`: parts by code, how much, and a serial where there is one (`serials`: the lines hold several)."""
    lines: list[dict[str, Any]] = []
    for word in text.split(","):
        code, _, rest = word.partition(":")
        quantity, _, serial = rest.partition(":")
        if not quantity:
            raise OperatorError(f"{word!r} is no line: write parts=clamp:3,cable:2.5 or meter:1:SERIAL.")
        named = ({"serials": [serial]} if serials else {"serial": serial}) if serial else {}
        lines.append({"part_id": str(_by_code(documents, "part", code)), "quantity": quantity, **named})
    return lines


def _by_code(documents: Documents, kind: str, code: str) -> UUID:
    found = [id for (k, id), document in documents.items() if k == kind and getattr(document, "code", "") == code]
    if len(found) == 1:
        return found[0]
    known = sorted(str(getattr(document, "code", "")) for (k, _), document in documents.items() if k == kind)
    near = ", ".join(difflib.get_close_matches(code, known, n=3, cutoff=0.4) or known[:5])
    raise OperatorError(f"This device knows no {kind.replace('_', ' ')} {code!r}; there are {near}.")


def _open_visit(documents: Documents, job_id: UUID) -> UUID:
    visits = [v for v in documents.values() if isinstance(v, Visit) and v.job_id == job_id and v.state not in _ENDED]
    if len(visits) == 1:
        return visits[0].id
    which = ", ".join(f"{visit.id} ({visit.state})" for visit in visits) or "none"
    raise OperatorError(f"Say which visit with --visit ID; open visits of this job: {which}.")


def _typed(type: type[Command], fields: Mapping[str, Any]) -> Command:
    unknown = [field for field in fields if field not in type.__struct_fields__]
    name = type.__struct_config__.tag
    if unknown:
        raise OperatorError(f"{name} has no field {', '.join(unknown)}; it has {', '.join(type.__struct_fields__)}.")
    try:
        return msgspec.convert(fields, type, strict=False)
    except msgspec.ValidationError:
        pass
    try:
        return msgspec.convert({key: _structured(value) for key, value in fields.items()}, type, strict=False)
    except msgspec.ValidationError as error:
        raise OperatorError(f"{name}: {error}. Lists and objects are written as JSON.") from None


def _structured(value: object) -> object:
    if isinstance(value, str) and value[:1] in ("[", "{"):
        try:
            return msgspec.json.decode(value)
        except msgspec.DecodeError:
            return value
    return value
