"""Missing system packages: found where they are, asked for in one message where we may not install them."""

from pathlib import Path

import pytest

from api import cluster
from api.cluster import Place, packages
from api.operator_error import OperatorError


@pytest.fixture
def bare_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Look at a machine without PostgreSQL and without apt."""
    monkeypatch.setattr(packages, "DEBIAN_SERVERS", tmp_path / "none")
    monkeypatch.setenv("PATH", str(tmp_path))


@pytest.mark.usefixtures("bare_machine")
def test_without_packages_and_rights_one_message_says_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match=r"apt-get install postgresql.*ONSITE_DATABASE_URL"):
        cluster.up(Place(tmp_path / "state"))
    assert not (tmp_path / "state" / "cluster").exists()


def test_the_installed_server_is_found_with_its_version() -> None:
    found = packages.find_binaries()
    assert found is not None
    assert found.major >= packages.POSTGRES_MAJOR_MIN
    assert packages.find_binaries(found.major) == found
    assert packages.find_binaries(9) is None
