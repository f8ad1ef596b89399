"""Keys of server-made tokens."""

import pytest

from sync.keyring import MAC_BYTES, hkdf_sha256, make_keyring

OLD, NEW = b"old secret, long enough", b"new secret, long enough"


@pytest.mark.parametrize(
    ("secret", "salt", "label", "length", "expected"),
    [
        (
            b"\x0b" * 22,
            bytes(range(13)),
            bytes(range(0xF0, 0xFA)),
            42,
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
        ),
        (
            b"\x0b" * 22,
            b"",
            b"",
            42,
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8",
        ),
    ],
    ids=["case-1", "case-3"],
)
def test_derivation_is_that_of_rfc_5869(secret: bytes, salt: bytes, label: bytes, length: int, expected: str) -> None:
    assert hkdf_sha256(secret, salt=salt, label=label, length=length).hex() == expected


def test_what_the_previous_key_made_stays_valid_until_it_is_gone() -> None:
    before = make_keyring(OLD)
    mac = before.mac("cursor", b"message")
    assert len(mac) == MAC_BYTES
    after = make_keyring(NEW, previous=OLD)
    assert after.current.id != before.current.id
    assert after.check("cursor", before.current.id, b"message", mac) == "good"
    assert make_keyring(NEW).check("cursor", before.current.id, b"message", mac) == "unknown_key"


def test_a_mac_is_good_for_one_purpose_and_one_message() -> None:
    keyring = make_keyring(OLD)
    mac = keyring.mac("cursor", b"message")
    assert keyring.check("anchor", keyring.current.id, b"message", mac) == "bad_mac"
    assert keyring.check("cursor", keyring.current.id, b"massage", mac) == "bad_mac"
    assert keyring.check("cursor", keyring.current.id, b"message", mac[:-1]) == "bad_mac"
    assert keyring.check("cursor", "", b"message", mac) == "unknown_key"


def test_a_key_never_shows_its_secret() -> None:
    keyring = make_keyring(OLD, previous=NEW)
    assert repr(keyring.current.secret)[2:-1] not in repr(keyring)
    assert "secret" not in repr(keyring)


def test_a_short_secret_is_refused() -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        make_keyring(b"too short")
