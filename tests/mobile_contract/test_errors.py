"""The catalogue of codes has a message in both languages for everything that a person may be told."""

import pytest

from mobile_contract.errors import ERRORS
from mobile_contract.rules.guards import MissingCode
from mobile_contract.schema.job import Flag


@pytest.mark.parametrize("code", [*Flag, *MissingCode])
def test_every_flag_and_every_missing_thing_has_its_words(code: str) -> None:
    assert ERRORS[code].en and ERRORS[code].zh


@pytest.mark.parametrize("code", sorted(ERRORS))
def test_a_message_is_one_sentence_in_each_language(code: str) -> None:
    entry = ERRORS[code]
    assert entry.en.endswith(".") and entry.zh.endswith("。")
    assert 200 <= entry.status < 600
