"""Coordinates: refusals and flags, the Chinese datums against published points, round trips, distance."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo.coordinates import (
    CHINA,
    MAYBE_SWAPPED,
    NOT_FINITE,
    NULL_ISLAND,
    OUT_OF_RANGE,
    Area,
    LonLat,
    check_point,
    distance_m,
    from_wgs84,
    from_wgs84_arrays,
    great_circle_m,
    read_point,
    to_wgs84,
    to_wgs84_arrays,
)
from mobile_contract.schema.base import Datum

LOS_ANGELES = Area(-118.7, 33.7, -118.1, 34.4)
METRE_DEG = 1 / 111_320


@pytest.mark.parametrize(
    ("wgs", "gcj"),
    [
        pytest.param((121.5272106, 31.1774276), (121.531541859215, 31.17530398364597), id="shanghai"),
        pytest.param((113.912316, 22.543847), (113.9171764808363, 22.540796131694766), id="shenzhen"),
        pytest.param((116.377817, 39.911954), (116.38404722455657, 39.91334545536069), id="beijing"),
    ],
)
def test_gcj02_matches_the_published_eviltransform_points(wgs: tuple[float, float], gcj: tuple[float, float]) -> None:
    shifted = from_wgs84(*wgs, Datum.GCJ02)
    assert (shifted.lon_deg, shifted.lat_deg) == pytest.approx(gcj, abs=1e-9)
    back = to_wgs84(*gcj, Datum.GCJ02)
    assert (back.lon_deg, back.lat_deg) == pytest.approx(wgs, abs=1e-9)


def test_bd09_matches_the_published_gcoord_point() -> None:
    shifted = from_wgs84(116.403988, 39.914266, Datum.BD09)
    assert (shifted.lon_deg, shifted.lat_deg) == pytest.approx((116.41661560068297, 39.92196580126834), abs=1e-9)


def test_gcj02_is_off_by_hundreds_of_metres_in_china_and_by_nothing_elsewhere() -> None:
    beijing = from_wgs84(116.377817, 39.911954, Datum.GCJ02)
    assert 300 < distance_m(LonLat(116.377817, 39.911954), beijing) < 800
    denver = from_wgs84(-104.9903, 39.7392, Datum.GCJ02)
    assert denver == LonLat(-104.9903, 39.7392)
    assert to_wgs84(-104.9903, 39.7392, Datum.GCJ02) == denver


# One kilometre inside the rectangle: at its very edge the shift is cut off and no inverse exists.
inner_lon = st.floats(CHINA.west_deg + 0.02, CHINA.east_deg - 0.02)
inner_lat = st.floats(CHINA.south_deg + 0.02, CHINA.north_deg - 0.02)


@given(inner_lon, inner_lat, st.sampled_from(list(Datum)))
def test_there_and_back_is_well_below_a_metre_inside_china(lon: float, lat: float, datum: Datum) -> None:
    there = from_wgs84(lon, lat, datum)
    back = to_wgs84(there.lon_deg, there.lat_deg, datum)
    assert abs(back.lon_deg - lon) < 1e-9
    assert abs(back.lat_deg - lat) < 1e-9


@given(st.floats(-180, 71.9), st.floats(-89, 89), st.sampled_from(list(Datum)))
def test_there_and_back_is_well_below_a_metre_outside_china(lon: float, lat: float, datum: Datum) -> None:
    there = from_wgs84(lon, lat, datum)
    back = to_wgs84(there.lon_deg, there.lat_deg, datum)
    assert abs(back.lon_deg - lon) < 0.1 * METRE_DEG
    assert abs(back.lat_deg - lat) < 0.1 * METRE_DEG


def test_arrays_give_the_same_as_single_points() -> None:
    lons, lats = np.array([116.377817, -104.99, 121.5272106]), np.array([39.911954, 39.73, 31.1774276])
    for datum in Datum:
        there = from_wgs84_arrays(lons, lats, datum)
        back = to_wgs84_arrays(*there, datum)
        assert np.allclose(back[0], lons, atol=1e-9)
        assert np.allclose(back[1], lats, atol=1e-9)
        one = from_wgs84(116.377817, 39.911954, datum)
        assert (there[0][0], there[1][0]) == pytest.approx((one.lon_deg, one.lat_deg), abs=1e-12)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("datum", list(Datum))
def test_nan_and_infinity_are_refused(bad: float, datum: Datum) -> None:
    assert read_point(bad, 34.0, datum).refusal == NOT_FINITE
    assert read_point(-118.0, bad, datum).refusal == NOT_FINITE


def test_out_of_range_is_refused_and_a_swapped_pair_is_said_to_be_one() -> None:
    swapped = check_point(34.05, -118.25)
    assert (swapped.point, swapped.refusal, swapped.flags) == (None, OUT_OF_RANGE, (MAYBE_SWAPPED,))
    assert check_point(200.0, 10.0).flags == ()
    assert check_point(-180.0, 90.0).refusal is None


def test_a_pair_that_fits_the_area_only_when_swapped_is_flagged() -> None:
    madrid = Area(-4.0, 40.0, -3.0, 41.0)
    assert check_point(40.4, -3.7, expected=madrid).flags == (MAYBE_SWAPPED,)
    assert check_point(-3.7, 40.4, expected=madrid).flags == ()
    assert check_point(-118.2, 34.0, expected=LOS_ANGELES).flags == ()


@pytest.mark.parametrize("datum", list(Datum))
def test_zero_zero_is_a_point_but_flagged_in_every_datum(datum: Datum) -> None:
    checked = read_point(0.0, 0.0, datum)
    assert checked.point is not None
    assert NULL_ISLAND in checked.flags


def test_distance_is_the_geodesic_of_the_ellipsoid() -> None:
    # Geoscience Australia's published line Flinders Peak - Buninyong: 54,972.271 m (GDA94, GRS 80).
    flinders = LonLat(144 + 25 / 60 + 29.52440 / 3600, -(37 + 57 / 60 + 3.72030 / 3600))
    buninyong = LonLat(143 + 55 / 60 + 35.38390 / 3600, -(37 + 39 / 60 + 10.15610 / 3600))
    assert distance_m(flinders, buninyong) == pytest.approx(54_972.271, abs=0.01)


@given(st.floats(-180, 180), st.floats(-85, 85), st.floats(-0.5, 0.5), st.floats(-0.5, 0.5))
def test_great_circle_is_within_a_percent_of_the_geodesic(lon: float, lat: float, east: float, north: float) -> None:
    geodesic = distance_m(LonLat(lon, lat), LonLat(lon + east, lat + north))
    assert float(great_circle_m(lon, lat, lon + east, lat + north)) == pytest.approx(geodesic, rel=0.006, abs=0.01)
