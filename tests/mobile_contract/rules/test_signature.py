"""When a signature counts: enough strokes over what was shown, by a named signer; or a refusal before a witness."""

from uuid import UUID

import msgspec
import pytest

from mobile_contract.rules.signature import is_complete
from mobile_contract.schema.facts import CaptureSignature, StrokePoint

SHOWN = "a" * 64
DRAWN = ((StrokePoint(x=1, y=1), StrokePoint(x=2, y=2)), (StrokePoint(x=3, y=1),))
SIGNED = CaptureSignature(
    job_id=UUID(int=1),
    visit_id=UUID(int=2),
    signature_id=UUID(int=3),
    signer="Li Wei",
    shown_sha256=SHOWN,
    strokes=DRAWN,
)


def test_a_drawn_signature_over_what_was_shown_counts() -> None:
    assert is_complete(SIGNED)


@pytest.mark.parametrize(
    "change",
    [
        {"strokes": ()},
        {"strokes": ((), ())},
        {"strokes": (DRAWN[0],)},
        {"signer": "  "},
        {"shown_sha256": None},
        {"refused_reason": "was not satisfied"},
        {"refused_reason": "was not satisfied", "witness": " "},
    ],
)
def test_what_is_no_signature_does_not_count(change: dict[str, object]) -> None:
    assert not is_complete(msgspec.structs.replace(SIGNED, **change))


def test_a_refusal_with_its_reason_before_a_witness_counts() -> None:
    refusal = CaptureSignature(
        job_id=UUID(int=1),
        visit_id=UUID(int=2),
        signature_id=UUID(int=3),
        refused_reason="was not satisfied",
        witness="Zhao Min",
    )
    assert is_complete(refusal)
