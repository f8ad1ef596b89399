"""When a signature is one. Pure; the pad refuses what is not, the server keeps it and marks it."""

from collections.abc import Sequence

from mobile_contract.schema.facts import CaptureSignature, StrokePoint

FEWEST_POINTS = 3


def is_drawn(strokes: Sequence[Sequence[StrokePoint]]) -> bool:
    """Tell whether somebody wrote: an empty pad and a two-point stroke are no signature."""
    return sum(len(stroke) for stroke in strokes) >= FEWEST_POINTS


def is_complete(capture: CaptureSignature) -> bool:
    """Tell whether the customer signed what was shown, by name, or refused with a reason before a witness."""
    if capture.refused_reason.strip():
        return bool(capture.witness.strip())
    return bool(capture.signer.strip()) and capture.shown_sha256 is not None and is_drawn(capture.strokes)
