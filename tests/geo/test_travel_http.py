"""Travel times of routing servers: what is asked and understood, what is kept, and the way back when a server is silent."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import numpy as np
import pytest

from geo.coordinates import LonLat
from geo.planning.problem import Ways
from geo.travel import GreatCircleTravel, Points, TravelSource
from geo.travel_http import OsrmTable, ServerTravel, ValhallaMatrix

NOON = datetime(2026, 3, 3, 12, tzinfo=UTC)
PLACES = [LonLat(-20.0 + 0.01 * n, 45.0) for n in range(4)]


class Told:
    """A routing server on loopback that drives 10 m/s along the meridian of numbers, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.answer: str | None = None
        self.unreachable: set[tuple[int, int]] = set()

    def osrm(self, path: str) -> dict[str, Any]:
        """Answer like OSRM's table service."""
        url = urlsplit(path)
        lon = [float(pair.split(",")[0]) for pair in url.path.rsplit("/", 1)[1].split(";")]
        query = {
            key: [int(n) for n in value[0].split(";")]
            for key, value in parse_qs(url.query).items()
            if key != "annotations"
        }
        rows = [[abs(lon[a] - lon[b]) * 1e5 for b in query["destinations"]] for a in query["sources"]]
        seconds = [
            [None if (i, j) in self.unreachable else m / 10 for j, m in enumerate(row)] for i, row in enumerate(rows)
        ]
        return {"code": "Ok", "durations": seconds, "distances": rows}

    def valhalla(self, body: dict[str, Any]) -> dict[str, Any]:
        """Answer like Valhalla's matrix service."""
        rows = [
            [
                {
                    "from_index": i,
                    "to_index": j,
                    "distance": abs(a["lon"] - b["lon"]) * 100,
                    "time": abs(a["lon"] - b["lon"]) * 1e4,
                }
                for j, b in enumerate(body["targets"])
            ]
            for i, a in enumerate(body["sources"])
        ]
        return {"sources_to_targets": rows}


@contextmanager
def serving(told: Told) -> Iterator[httpx.Client]:
    """Serve on a free port of loopback."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            told.asked.append(self.path)
            self.reply(told.answer if told.answer is not None else json.dumps(told.osrm(self.path)))

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            told.asked.append(json.dumps(body))
            self.reply(told.answer if told.answer is not None else json.dumps(told.valhalla(body)))

        def reply(self, text: str) -> None:
            self.send_response(200)
            self.send_header("content-length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{server.server_port}", timeout=5.0, trust_env=False) as client:
            yield client
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def points(*places: LonLat) -> Points:
    """Build the arrays."""
    return Points.of(places)


@pytest.mark.parametrize("kind", [OsrmTable, ValhallaMatrix])
def test_a_server_is_asked_once_for_each_pair_of_nodes(kind: type[OsrmTable] | type[ValhallaMatrix]) -> None:
    told = Told()
    with serving(told) as client:
        travel = ServerTravel(kind(client))
        first = travel.table(points(*PLACES), points(*PLACES), NOON)
        again = travel.table(points(PLACES[2]), points(PLACES[0]), NOON)
        # Half a metre away is the same node.
        near = travel.table(points(LonLat(PLACES[2].lon_deg + 5e-6, 45.0)), points(PLACES[0]), NOON)
    assert len(told.asked) == 1
    assert first.travel_s[0].tolist() == pytest.approx([0, 100, 200, 300])
    assert first.distance_m[0].tolist() == pytest.approx([0, 1000, 2000, 3000])
    assert again.travel_s[0, 0] == near.travel_s[0, 0] == pytest.approx(200)
    assert {first.source(0, 1), again.source(0, 0)} == {kind.source}


def test_another_hour_class_is_asked_for_anew_and_osrm_is_slower_in_the_peak() -> None:
    told = Told()
    with serving(told) as client:
        travel = ServerTravel(OsrmTable(client))
        day = travel.table(points(PLACES[0]), points(PLACES[1]), NOON)
        peak = travel.table(points(PLACES[0]), points(PLACES[1]), NOON.replace(hour=8))
    assert len(told.asked) == 2
    assert peak.travel_s[0, 0] > day.travel_s[0, 0]


def test_a_pair_without_a_way_comes_from_the_fallback_and_says_so() -> None:
    told = Told()
    told.unreachable = {(0, 0)}
    with serving(told) as client:
        table = ServerTravel(OsrmTable(client)).table(points(PLACES[0]), points(PLACES[1], PLACES[2]), NOON)
    assert [table.source(0, n) for n in (0, 1)] == [TravelSource.GREAT_CIRCLE, TravelSource.OSRM]
    expected = GreatCircleTravel().table(points(PLACES[0]), points(PLACES[1]), NOON)
    assert table.travel_s[0, 0] == pytest.approx(expected.travel_s[0, 0])


@pytest.mark.parametrize("answer", ["", "no json", '{"code":"NoTable"}', '{"code":"Ok","durations":[[1,2,3]]}'])
def test_a_silent_server_is_left_alone_for_a_while(answer: str) -> None:
    told = Told()
    told.answer = answer
    with serving(told) as client:
        travel = ServerTravel(OsrmTable(client))
        for _ in range(3):
            table = travel.table(points(PLACES[0]), points(PLACES[1]), NOON)
            assert table.source(0, 0) is TravelSource.GREAT_CIRCLE
            assert np.isfinite(table.travel_s).all()
    assert len(told.asked) == 1


def test_no_server_at_all_is_the_estimate() -> None:
    with httpx.Client(base_url="http://127.0.0.1:9", timeout=1.0, trust_env=False) as client:
        for server in (OsrmTable(client), ValhallaMatrix(client)):
            table = ServerTravel(server).table(points(PLACES[0]), points(PLACES[1]), NOON)
            assert table.source(0, 0) is TravelSource.GREAT_CIRCLE


def test_many_places_are_asked_for_in_blocks_and_a_plan_names_its_sources() -> None:
    told = Told()
    places = [LonLat(-20.0 + 0.001 * n, 45.0) for n in range(60)]
    with serving(told) as client:
        ways = Ways.between(ServerTravel(ValhallaMatrix(client)), places, NOON)
    assert len(told.asked) == 4
    assert ways.sources == (TravelSource.VALHALLA,)
    assert ways.travel_s[0][59] == 590


def test_a_slow_server_is_asked_for_so_long_and_goes_on_with_the_next_table() -> None:
    told = Told()
    now_s = count(step=10.0)
    places = points(*(LonLat(-20.0 + 0.001 * n, 45.0) for n in range(150)))
    with serving(told) as client:
        travel = ServerTravel(ValhallaMatrix(client), seconds=lambda: next(now_s))
        first = travel.table(places, places, NOON)
        asked = len(told.asked)
        assert asked == 1
        assert {first.source(0, 1), first.source(149, 148)} == {TravelSource.VALHALLA, TravelSource.GREAT_CIRCLE}
        assert np.isfinite(first.travel_s).all()
        for _ in range(8):
            last = travel.table(places, places, NOON)
    assert len(told.asked) == 9
    assert last.source(149, 148) is TravelSource.VALHALLA
