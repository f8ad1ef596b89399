"""Corrected time: the golden vectors, anchors, and the truth in the interval whatever phones and networks do (I14)."""

import base64
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import mobile_contract
from mobile_contract.limits import MONO_DRIFT_PPM
from mobile_contract.schema.clock import CitedAnchor, ClockSample, GnssFix
from sync.clock import AnchorClaims, ClockMethod, CorrectedTime, cited_anchor, correct, make_anchor, read_anchor
from sync.keyring import make_keyring

VECTORS = Path(mobile_contract.__file__).parent / "vectors" / "clock.json"
GOLDEN: dict[str, Any] = msgspec.json.decode(VECTORS.read_bytes())
DEVICE = UUID("01890a5d-ac96-774b-bcce-b302099a8057")
KEYRING = make_keyring(b"a secret of the test")
NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)


def claims(server_time: datetime) -> AnchorClaims:
    return AnchorClaims(server_time, DEVICE)


@pytest.mark.parametrize("case", GOLDEN["cases"], ids=lambda case: case["name"])
def test_corrected_time_is_that_of_the_vector(case: dict[str, Any]) -> None:
    captured, sent = (msgspec.convert(case[name], ClockSample) for name in ("captured", "sent"))
    at = case["anchor_server_time"]
    anchor = None if at is None else claims(datetime.fromisoformat(at))
    expected = msgspec.convert(case["expected"], CorrectedTime)
    assert correct(captured, sent, datetime.fromisoformat(case["received_at"]), anchor) == expected


def test_an_anchor_is_read_back_and_only_by_its_device_and_key() -> None:
    made_at = datetime(2026, 3, 4, 12, 0, 0, 123456, tzinfo=timezone(timedelta(hours=8)))
    token = make_anchor(KEYRING, made_at, DEVICE)
    assert read_anchor(KEYRING, token, DEVICE) == claims(made_at)
    assert read_anchor(make_keyring(b"quite another secret", b"a secret of the test"), token, DEVICE) == claims(made_at)
    assert read_anchor(KEYRING, token, UUID(int=1)) is None
    assert read_anchor(make_keyring(b"quite another secret"), token, DEVICE) is None
    for bent in ("", token[:-2], token + "AAAA", "A" + token[1:], token[:-4] + "AAAA", "é", "\ud800", "A" * 10_000):
        assert read_anchor(KEYRING, bent, DEVICE) is None


def test_an_anchor_is_found_in_the_sample_that_cites_it() -> None:
    token = make_anchor(KEYRING, NOON, DEVICE)
    sample = ClockSample(wall=NOON, anchor=CitedAnchor(token=token, mono_ms=1, boot="b"))
    assert cited_anchor(KEYRING, sample, DEVICE) == claims(NOON)
    assert cited_anchor(KEYRING, ClockSample(wall=NOON), DEVICE) is None


def test_an_anchor_as_it_was_once_written_is_read_by_its_device_alone() -> None:
    claim = (int(NOON.timestamp()) * 1_000_000).to_bytes(8, "big") + DEVICE.bytes + b"8 bytes."
    raw = bytes.fromhex(KEYRING.current.id) + KEYRING.mac("anchor", claim) + claim
    token = base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
    assert read_anchor(KEYRING, token, DEVICE) == claims(NOON)
    assert read_anchor(KEYRING, token, UUID(int=1)) is None
    assert read_anchor(KEYRING, token[:-4] + "AAAA", DEVICE) is None


class Phone:
    """A phone on a true timeline: a monotonic clock per boot that drifts and may pause, a wall clock set at will."""

    def __init__(self, start: datetime, drift_ppm: int) -> None:
        self.now, self.drift_ppm = start, drift_ppm
        self.boots, self.mono_us, self.wall_off = 0, 0, timedelta()
        self.anchor: CitedAnchor | None = None
        self.anchored_at: datetime | None = None

    def pass_time(self, ms: int, *, paused: bool = False) -> None:
        self.now += timedelta(milliseconds=ms)
        if not paused:
            self.mono_us += ms * 1_000 + ms * self.drift_ppm // 1_000

    def reboot(self) -> None:
        self.boots, self.mono_us = self.boots + 1, 0

    def pull(self, down_ms: int, up_ms: int) -> None:
        self.pass_time(up_ms)
        self.anchored_at = self.now
        self.pass_time(down_ms)
        self.anchor = CitedAnchor(
            token="opaque", mono_ms=self.mono_us // 1_000, boot=str(self.boots), round_trip_ms=up_ms + down_ms
        )

    def sample(self, gnss_error_ms: int | None = None) -> ClockSample:
        gnss = None
        if gnss_error_ms is not None:
            gnss = GnssFix(time=self.now + timedelta(milliseconds=gnss_error_ms), accuracy_ms=abs(gnss_error_ms))
        mono_ms, boot = self.mono_us // 1_000, f"{self.boots}"
        return ClockSample(wall=self.now + self.wall_off, mono_ms=mono_ms, boot=boot, gnss=gnss, anchor=self.anchor)


spans = st.integers(0, 3 * 86_400_000)
latencies = st.integers(0, 120_000)
happenings = st.lists(
    st.tuples(st.just("pass"), spans)
    | st.tuples(st.just("sleep"), spans)
    | st.tuples(st.just("reboot"), st.just(0))
    | st.tuples(st.just("set_wall"), st.integers(-(10**12), 10**12))
    | st.tuples(st.sampled_from(["pull_slow_down", "pull_slow_up"]), latencies),
    max_size=6,
)


def live(phone: Phone, what: list[tuple[str, int]]) -> None:
    for name, value in what:
        if name == "pull_slow_down":
            phone.pull(value, value // 3)
        elif name == "pull_slow_up":
            phone.pull(value // 3, value)
        elif name == "reboot":
            phone.reboot()
        elif name == "set_wall":
            phone.wall_off = timedelta(milliseconds=value)
        else:
            phone.pass_time(value, paused=name == "sleep")


@given(
    before=happenings,
    after=happenings,
    drift_ppm=st.integers(-MONO_DRIFT_PPM, MONO_DRIFT_PPM),
    gnss_error_ms=st.none() | st.integers(-5_000, 5_000),
    upload_ms=latencies,
)
@example(
    before=[("pull_slow_up", 0), ("pass", 86_400_000)], after=[], drift_ppm=100, gnss_error_ms=None, upload_ms=60_000
)
@example(before=[], after=[("pass", 86_400_000)], drift_ppm=100, gnss_error_ms=None, upload_ms=0)
@example(
    before=[("pull_slow_up", 30_000), ("reboot", 0)],
    after=[("reboot", 0), ("sleep", 9)],
    drift_ppm=0,
    gnss_error_ms=None,
    upload_ms=0,
)
@example(before=[("pull_slow_up", 30_000)], after=[("reboot", 0)], drift_ppm=0, gnss_error_ms=None, upload_ms=0)
def test_the_truth_lies_in_the_interval_whatever_happens(
    before: list[tuple[str, int]],
    after: list[tuple[str, int]],
    drift_ppm: int,
    gnss_error_ms: int | None,
    upload_ms: int,
) -> None:
    phone = Phone(NOON, drift_ppm)
    live(phone, before)
    truth, captured, anchored_at = phone.now, phone.sample(gnss_error_ms), phone.anchored_at
    live(phone, after)
    sent = phone.sample()
    phone.pass_time(upload_ms)
    got = correct(captured, sent, phone.now, None if anchored_at is None else claims(anchored_at))
    assert not got.suspect
    assert got.not_before is None or got.not_before <= truth
    assert truth <= got.not_after <= phone.now
    assert got.best <= got.not_after
    assert got.not_before is None or got.not_before <= got.best
    assert got.raw_wall == captured.wall
    bare = correct(captured, sent, phone.now, None)
    assert got.not_after <= bare.not_after
    assert bare.not_before is None or (got.not_before is not None and got.not_before >= bare.not_before)


@given(offline_ms=spans, then_ms=spans, down_ms=latencies, up_ms=latencies, wall=st.integers(-(10**12), 10**12))
def test_with_an_anchor_and_one_boot_the_interval_is_as_wide_as_the_network_was_slow(
    offline_ms: int, then_ms: int, down_ms: int, up_ms: int, wall: int
) -> None:
    phone = Phone(NOON, 0)
    phone.wall_off = timedelta(milliseconds=wall)
    phone.pull(down_ms, up_ms)
    assert phone.anchored_at is not None
    phone.pass_time(offline_ms)
    captured = phone.sample()
    phone.pass_time(then_ms)
    sent = phone.sample()
    phone.pass_time(up_ms)
    got = correct(captured, sent, phone.now, claims(phone.anchored_at))
    assert got.method is ClockMethod.ANCHOR_SENT
    assert got.not_before is not None
    allowance_ms = 3 + (offline_ms + then_ms) * MONO_DRIFT_PPM / 1_000_000
    assert got.not_after - got.not_before <= timedelta(milliseconds=down_ms + up_ms + allowance_ms)


hostile_int = st.integers() | st.sampled_from([-1, 0, 2**53, 2**53 + 1, 2**63, 10**40, -(10**40)])
hostile_zone = st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes)))
hostile_time = st.datetimes(timezones=hostile_zone) | st.sampled_from(
    [
        datetime.max.replace(tzinfo=timezone(timedelta(hours=-14))),
        datetime.min.replace(tzinfo=timezone(timedelta(hours=14))),
    ]
)
hostile_boot = st.sampled_from(["", "a", "b"])
hostile_sample = st.builds(
    ClockSample,
    wall=hostile_time,
    mono_ms=st.none() | hostile_int,
    boot=st.none() | hostile_boot,
    gnss=st.none() | st.builds(GnssFix, time=hostile_time, accuracy_ms=hostile_int),
    anchor=st.none()
    | st.builds(
        CitedAnchor, token=st.text(), mono_ms=hostile_int, boot=hostile_boot, round_trip_ms=st.none() | hostile_int
    ),
)


@given(hostile_sample, hostile_sample, st.none() | hostile_time)
def test_no_sample_makes_correcting_raise_or_reach_past_the_receipt(
    captured: ClockSample, sent: ClockSample, anchored_at: datetime | None
) -> None:
    got = correct(captured, sent, NOON, None if anchored_at is None else claims(anchored_at))
    assert got.not_after <= NOON
    assert (got.not_before or got.best) <= got.best <= got.not_after
    assert all(each.tzinfo is UTC for each in (got.not_after, got.best, got.raw_wall))
    assert msgspec.json.decode(msgspec.json.encode(got), type=CorrectedTime) == got
    assert cited_anchor(KEYRING, captured, DEVICE) is None


def test_a_sample_of_any_numbers_is_read_so_that_no_report_is_lost() -> None:
    text = b'{"wall":"2026-03-04T12:00:00+08:00","mono_ms":%d,"boot":"","new":1}' % 10**60
    sample = msgspec.json.decode(text, type=ClockSample)
    assert correct(sample, sample, NOON, None).method is ClockMethod.RECEIPT


def test_a_tick_between_two_samples_does_not_shift_the_bound_past_the_truth() -> None:
    """0.2 ms pass, and the millisecond that both samples are cut to ticks over between them."""
    captured, sent = (ClockSample(wall=NOON, mono_ms=ms, boot="b") for ms in (0, 1))
    assert correct(captured, sent, NOON + timedelta(microseconds=200), None).not_after >= NOON
