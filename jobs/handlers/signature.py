"""Customers' signatures. The strokes are evidence and stay in the event; the document says who signed what was shown."""

from hashlib import sha256

import msgspec

from jobs.context import Deed
from jobs.event import EventName
from jobs.handlers.door import handles
from jobs.handlers.identity import seen_before
from jobs.recording import report
from jobs.requests import with_prices
from jobs.result import Result
from jobs.work import Work
from mobile_contract.rules.signature import is_complete
from mobile_contract.schema.facts import CaptureSignature
from mobile_contract.schema.job import Flag, Signature


@handles(CaptureSignature)
def capture_signature(work: Work, command: CaptureSignature, deed: Deed) -> Result:
    """Keep a signature or its refusal. What is neither is kept as `incomplete` and does not end a visit: facts are never refused."""
    # As text, so that no database re-writes a number and the hash stays provable.
    strokes = msgspec.json.encode(command.strokes).decode() if command.strokes else ""
    signature = Signature(
        id=command.signature_id,
        job_id=command.job_id,
        visit_id=command.visit_id,
        purpose=command.purpose,
        signer=command.signer,
        relation=command.relation,
        shown_sha256=command.shown_sha256,
        refused_reason=command.refused_reason,
        witness=command.witness,
        strokes_sha256=sha256(strokes.encode()).hexdigest() if strokes else None,
        signed_at=deed.occurrence.at,
        captured_by=deed.person_id,
        flags=() if is_complete(command) else (Flag.INCOMPLETE,),
    )
    known = seen_before(work, signature, "signed_at", "captured_by")
    if known is not None:
        return known
    work.put(signature)
    detail = {
        "signature_id": signature.id,
        "purpose": signature.purpose,
        "signer": signature.signer,
        "relation": signature.relation,
        "shown_sha256": signature.shown_sha256,
        "strokes": strokes,
        "refused_reason": signature.refused_reason,
        "witness": signature.witness,
    }
    booked = report(work, command, deed, EventName.SIGNATURE_CAPTURED, detail=detail, flags=signature.flags)
    return with_prices(work, command.job_id, booked)
