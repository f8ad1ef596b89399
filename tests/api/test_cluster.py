"""The private cluster: made once, kept apart from every other, cheap to ask for again."""

import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from api import cluster
from api.cluster import Place
from api.cluster.place import SOCKET_NAME, SOCKET_PATH_BYTES_MAX
from api.operator_error import OperatorError
from tests.databases import STATE


@pytest.fixture
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    state_dir = STATE / f"place-{os.getpid()}-{request.node.name[:8]}"
    own = Place(state_dir, fsync=False)
    yield own
    cluster.remove(own)
    shutil.rmtree(own.home, ignore_errors=True)
    shutil.rmtree(state_dir, ignore_errors=True)


def test_bringing_it_up_twice_at_once_makes_one_server(place: Place) -> None:
    with ThreadPoolExecutor(2) as threads:
        started = list(threads.map(cluster.up, [place, place]))
    assert sorted(started) == [False, True]
    found = cluster.status(place)
    assert found.state == "up"
    assert cluster.up(place) is False
    assert cluster.status(place) == found


def test_it_listens_on_no_network_and_ends_when_told(place: Place) -> None:
    cluster.up(place)
    assert cluster.superuser_sql(place, "show listen_addresses").strip() == ""
    assert cluster.superuser_sql(place, "select count(*) from pg_database where datname = 'onsite'").strip() == "1"
    assert cluster.down(place) is True
    assert not (place.socket_dir / SOCKET_NAME).exists()
    assert cluster.down(place) is False
    assert cluster.status(place).state == "down"


def test_it_comes_back_after_a_crash(place: Place) -> None:
    cluster.up(place)
    cluster.superuser_sql(
        place, "create table kept (n int); insert into kept values (1); checkpoint", database="onsite"
    )
    cluster.down(place, mode="immediate")
    assert cluster.up(place) is True
    assert cluster.superuser_sql(place, "select n from kept", database="onsite").strip() == "1"


def test_a_data_directory_of_somebody_elses_is_left_alone(place: Place) -> None:
    place.data.mkdir(parents=True)
    (place.data / "PG_VERSION").write_text("15\n")
    with pytest.raises(OperatorError, match="was not made by Onsite"):
        cluster.up(place)
    assert cluster.remove(place) is False
    assert (place.data / "PG_VERSION").exists()


def test_a_pid_file_that_names_another_server_stops_nothing(place: Place) -> None:
    cluster.up(place)
    cluster.down(place)
    pid_file = place.data / "postmaster.pid"
    pid_file.write_text(f"{os.getpid()}\n/somewhere/else\n0\n5432\n\n\n0 0\nready\n")
    with pytest.raises(OperatorError, match="leaving it alone"):
        cluster.down(place)
    pid_file.write_text(f"{os.getpid()}\n{place.data}\n0\n5432\n\n\n0 0\nready\n")
    assert cluster.down(place) is False, "the pid belongs to another program now"
    pid_file.unlink()


def test_the_socket_path_is_short_however_deep_the_checkout_lies() -> None:
    deep = Place(Path("/srv") / ("long-" * 40))
    assert len(os.fsencode(deep.socket_dir / SOCKET_NAME)) <= SOCKET_PATH_BYTES_MAX
    assert deep.socket_dir != Place(Path("/srv") / ("Long-" * 40)).socket_dir


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the server as another user")
def test_a_checkout_in_a_closed_home_keeps_its_cluster_in_the_systems_state(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    place = Place(home / "checkout" / ".onsite", fsync=False)
    assert place.home == place.system_home
    try:
        cluster.up(place)
        assert place.pointer.read_text().strip() == str(place.system_home)
        assert cluster.superuser_sql(place, "select 1").strip() == "1"
    finally:
        cluster.remove(place)
    assert not place.system_home.exists()
