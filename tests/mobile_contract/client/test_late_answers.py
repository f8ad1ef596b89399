"""An answer that was under way while another process of the phone found another life of the server. Found by the search of the small world."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from mobile_contract.client import Response, SyncReport
from tests.mobile_contract.client.kit import enrolled
from tests.mobile_contract.client.office import Office


def test_an_answer_of_an_earlier_life_settles_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    office = Office()
    phone = enrolled(tmp_path / "d", office)
    phone.synced()
    made = phone.note("acknowledged, and lost before the answer arrived")
    real, late = office.post, [True]

    def post(path: str, body: bytes, headers: Mapping[str, str], timeout_s: float) -> Response:
        answer = real(path, body, headers, timeout_s)
        if path.endswith("/push") and late:
            late.clear()
            office.new_life(0)
            phone._exchange.pull(SyncReport())
        return answer

    monkeypatch.setattr(office, "post", post)
    report = phone.sync()
    assert report.stopped in ("", "answer_too_late")
    assert office.effects == []
    phone.synced()
    assert office.effects == [made]
    assert phone.status().unsent == 0
