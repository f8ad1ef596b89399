"""The sealed cursor: it comes back as it went, and whatever else comes back says what it is."""

import base64
from uuid import UUID

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mobile_contract import limits
from sync.cursor import (
    Cursor,
    Partial,
    Unusable,
    is_by_current_key,
    is_recent,
    is_snapshot,
    open_cursor,
    seal_cursor,
    snapshot_xmin,
)
from sync.keyring import Keyring, make_keyring

DEVICE = UUID("01890a5d-ac96-774b-bcce-b302099a8057")
LIFE = UUID("5c1b2a3d-0000-4000-8000-000000000001")
KEYRING = make_keyring(b"a secret of the test")
CURSOR = Cursor(
    life=LIFE,
    snapshot="730:736:731,734",
    device=DEVICE,
    major=1,
    buckets=(f"dev/{DEVICE}", "me/x", "ref"),
    partial=Partial("district/7/open", "open_job", UUID(int=7), reset=True),
    resets=("crew/3",),
)


def opened(token: str, keyring: Keyring = KEYRING, device: UUID = DEVICE, major: int = 1) -> Cursor | Unusable:
    return open_cursor(keyring, token, device=device, major=major)


numbers = st.integers(1, 2**63 - 1)
snapshots = (
    st.lists(numbers, min_size=2, max_size=40, unique=True)
    .map(sorted)
    .map(lambda x: f"{x[0]}:{x[-1]}:{','.join(map(str, x[:-1][1:]))}")
)
ids = st.uuids().map(str) | st.uuids().map(lambda id: str(id).upper()) | st.text(max_size=40)
named = st.builds(
    "{}{}{}".format, st.sampled_from(["dev/", "me/", "crew/", "district/", "x"]), ids, st.sampled_from(["", "/open"])
)
names = (named | st.text(min_size=1)).filter(lambda name: len(name) <= limits.BUCKET_NAME_CHARS)


@given(
    st.builds(
        Cursor,
        life=st.uuids(),
        snapshot=snapshots,
        device=st.just(DEVICE),
        major=st.just(1),
        buckets=st.lists(names, max_size=20).map(tuple),
        partial=st.none() | st.builds(Partial, names, names, st.uuids(), st.booleans()),
        resets=st.lists(names, max_size=3).map(tuple),
    )
)
def test_a_cursor_comes_back_as_it_went(cursor: Cursor) -> None:
    token = seal_cursor(KEYRING, cursor)
    assert len(token) <= limits.CURSOR_BYTES
    assert token.isascii()
    assert opened(token) == cursor


def test_each_reason_not_to_follow_a_cursor_has_its_name() -> None:
    token = seal_cursor(KEYRING, CURSOR)
    other = make_keyring(b"quite another secret")
    assert opened(token, keyring=other) == Unusable("unknown_key")
    assert opened(token, device=UUID(int=1)) == Unusable("bad_mac")
    assert opened(token, major=2) == Unusable("other_major")
    assert opened("A" * (limits.CURSOR_BYTES + 1)) == Unusable("too_long")
    for text in ("", "AA", "?", "\ud800", "é" * 40, "null", token[:20], "AQ" + "A" * 3):
        assert opened(text) == Unusable("malformed"), text
    raw = bytearray(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    raw[-1] ^= 1
    assert opened(base64.urlsafe_b64encode(raw).decode().rstrip("=")) == Unusable("bad_mac")


def test_a_cursor_of_the_previous_key_is_followed() -> None:
    rotated = make_keyring(b"quite another secret", previous=b"a secret of the test")
    assert opened(seal_cursor(KEYRING, CURSOR), keyring=rotated) == CURSOR


def test_every_changed_byte_is_noticed() -> None:
    token = seal_cursor(KEYRING, CURSOR)
    raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    for i in range(len(raw)):
        bent = raw[:i] + bytes([raw[i] ^ 0x40]) + raw[i + 1 :]
        assert isinstance(opened(base64.urlsafe_b64encode(bent).decode()), Unusable), i


@given(st.text(max_size=300) | st.binary(max_size=300).map(lambda b: base64.urlsafe_b64encode(b).decode()))
@example("")
def test_no_text_makes_reading_a_cursor_raise(token: str) -> None:
    assert isinstance(opened(token), Unusable)


@given(st.binary(max_size=200), st.sampled_from([0, 1, 2, 255]))
@example(msgspec.msgpack.encode((LIFE.bytes, (5, 4), 1, (b"",))), 2)
@example(msgspec.msgpack.encode((LIFE.bytes, (5, 4), 1, (b"\x09",))), 2)
@example(msgspec.msgpack.encode((LIFE.bytes, (5, 4), 1, (b"\x01short",))), 2)
@example(msgspec.msgpack.encode((LIFE.bytes, (5, 4), 1, (b"\x00\xff",))), 2)
@example(msgspec.msgpack.encode((LIFE.bytes, (5, -4), 1, ())), 2)
@example(msgspec.msgpack.encode((LIFE.bytes, (), 1, ())), 2)
@example(msgspec.msgpack.encode((b"short", (5, 4), 1, ())), 2)
def test_a_well_sealed_token_of_another_format_is_malformed(payload: bytes, form: int) -> None:
    head = bytes([form])
    raw = head + bytes.fromhex(KEYRING.current.id) + KEYRING.mac("cursor", head + DEVICE.bytes + payload) + payload
    assert opened(base64.urlsafe_b64encode(raw).rstrip(b"=").decode()) == Unusable("malformed")


def test_a_crowd_of_open_transactions_coarsens_the_snapshot_to_its_xmin() -> None:
    crowd = ",".join(str(10**17 + i * i * 7919) for i in range(3_000))
    cursor = msgspec.structs.replace(CURSOR, snapshot=f"{10**16}:{10**18}:{crowd}")
    token = seal_cursor(KEYRING, cursor)
    assert len(token) <= limits.CURSOR_BYTES
    assert opened(token) == msgspec.structs.replace(cursor, snapshot=f"{10**16}:{10**16}:")


def test_a_full_scope_fits() -> None:
    buckets = tuple(
        f"district/{UUID(int=i * 0x9E3779B97F4A7C15F39CC0605CEDC835 % 2**128)}/open"
        for i in range(limits.SCOPE_BUCKETS)
    )
    crowd = ",".join(str(9_000_000_000 + i * 37) for i in range(300))
    cursor = msgspec.structs.replace(CURSOR, buckets=buckets, snapshot=f"9000000000:9000020000:{crowd}")
    assert opened(seal_cursor(KEYRING, cursor)) == cursor


def test_more_buckets_than_the_limits_allow_is_a_bug() -> None:
    buckets = tuple(f"district/{UUID(int=i * 0x9E3779B97F4A7C15F39CC0605CEDC835 % 2**128)}" for i in range(1_000))
    with pytest.raises(ValueError, match="8 KiB"):
        seal_cursor(KEYRING, msgspec.structs.replace(CURSOR, buckets=buckets))


@pytest.mark.parametrize("text", ["1:1:", "730:736:731,734", "730:736:730,735", f"1:{2**63 - 1}:5"])
def test_a_snapshot_of_postgresql_is_known(text: str) -> None:
    assert is_snapshot(text)
    assert snapshot_xmin(text) == int(text.partition(":")[0])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1:1",
        "2:1:",
        "0:1:",
        "1:1:1",
        "5:9:4",
        "5:9:9",
        "5:9:7,6",
        "5:9:7,7",
        "5:9:7,",
        "1:1: ",
        "-1:1:",
        "１:2:",
        f"1:{2**63}:",
    ],
)
def test_what_postgresql_would_not_accept_is_no_snapshot(text: str) -> None:
    assert not is_snapshot(text)
    with pytest.raises(ValueError, match="not a snapshot"):
        snapshot_xmin(text)


@pytest.mark.parametrize(
    ("held", "now", "stays"),
    [
        ("700:700:", "700:700:", True),
        ("700:705:702", "900:900:", True),
        ("700:1700:", "1700:1700:", True),
        # Much was under way then, and would be looked through with each pull.
        ("700:1701:", "1701:1701:", False),
        ("700:700:", "1000700:1000700:", True),
        # Long ago: retention may have come by.
        ("700:700:", "1000701:1000701:", False),
        # Another history.
        ("700:700:", "699:699:", False),
    ],
)
def test_a_cursor_is_kept_while_it_costs_nothing(held: str, now: str, stays: bool) -> None:
    assert is_recent(msgspec.structs.replace(CURSOR, snapshot=held), now) is stays


def test_a_cursor_says_whether_it_was_sealed_with_the_key_that_seals_now() -> None:
    token = seal_cursor(KEYRING, CURSOR)
    rotated = make_keyring(b"the secret after it", b"a secret of the test")
    assert opened(token, rotated) == CURSOR
    assert is_by_current_key(KEYRING, token)
    assert not is_by_current_key(rotated, token)
    assert is_by_current_key(rotated, seal_cursor(rotated, CURSOR))
