"""An outcome is one document, byte for byte, whether its answer was just given or read back."""

from uuid import uuid4

from msgspec.structs import replace

from mobile_contract.schema.outcome import OutcomeStatus
from sync.outcomes import Answer, document_of
from tests.arrange import NOW


def test_an_answer_read_back_makes_the_same_document() -> None:
    given = Answer(
        command_id=uuid4(), name="add_note", digest=b"", status=OutcomeStatus.APPLIED, device_id=uuid4(), n=1,
        received_at=NOW, decided_at=NOW,
    )  # fmt: skip
    read_back = replace(given, code="".join(["o", "k"]))
    assert document_of(read_back) == document_of(given)
