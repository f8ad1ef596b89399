"""The settings: where each value comes from, and what is refused with advice."""

import stat
from pathlib import Path

import pytest

from api.cluster import checkout_folder
from api.operator_error import OperatorError
from api.settings import Settings, describe, load_settings, read_dotenv
from api.settings_page import settings_page


def settings_from(state_dir: Path, **given: str) -> Settings:
    return load_settings({"ONSITE_STATE_DIR": str(state_dir), **given})


def test_the_reference_page_is_what_the_code_says() -> None:
    page = (checkout_folder() / "docs" / "settings.md").read_text(encoding="utf-8")
    assert page == settings_page(), "run `make docs`"


def test_every_setting_is_described() -> None:
    assert [name for name, _, _, meaning in describe() if not meaning] == []


def test_an_unknown_setting_is_refused_with_the_nearest_known_one(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match=r"ONSITE_PROT.*ONSITE_PORT"):
        settings_from(tmp_path, ONSITE_PROT="8001")


@pytest.mark.parametrize(
    ("name", "value"),
    [("ONSITE_PORT", "many"), ("ONSITE_PORT", "70000"), ("ONSITE_LOG_LEVEL", "loud"), ("ONSITE_PRODUCTION", "perhaps")],
)
def test_a_wrong_value_is_refused_under_the_name_of_its_variable(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(OperatorError, match=name):
        settings_from(tmp_path, **{name: value})


def test_a_short_secret_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match="ONSITE_SECRET"):
        settings_from(tmp_path, ONSITE_SECRET="short")


def test_a_local_secret_is_made_once_and_closed_to_others(tmp_path: Path) -> None:
    first, second = settings_from(tmp_path), settings_from(tmp_path)
    assert first.secret == second.secret
    assert stat.S_IMODE((tmp_path / "secret").stat().st_mode) == 0o600


def test_production_makes_up_neither_secret_nor_database(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match="ONSITE_DATABASE_URL"):
        settings_from(tmp_path, ONSITE_PRODUCTION="true", ONSITE_SECRET="x" * 32)
    with pytest.raises(OperatorError, match="ONSITE_SECRET"):
        settings_from(tmp_path, ONSITE_PRODUCTION="true", DATABASE_URL="postgres://db/onsite")
    assert list(tmp_path.iterdir()) == []


def test_our_database_variable_wins_over_the_general_one(tmp_path: Path) -> None:
    general = settings_from(tmp_path, DATABASE_URL="postgres://a/general")
    ours = settings_from(tmp_path, DATABASE_URL="postgres://a/general", ONSITE_DATABASE_URL="postgresql://b/ours")
    assert general.database_url == general.owner_database_url == "postgres://a/general"
    assert ours.database_url == ours.owner_database_url == "postgresql://b/ours"


def test_without_a_database_the_private_cluster_is_used_with_a_role_for_each_side(tmp_path: Path) -> None:
    settings = settings_from(tmp_path)
    assert settings.uses_private_cluster
    assert "onsite_app@" in settings.database_url
    assert "onsite_owner@" in settings.owner_database_url


def test_the_environment_file_is_read_without_a_shell(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("# comment\nONSITE_PORT=8123\nexport ONSITE_HOST='0.0.0.0'\n\nONSITE_SECRET=\"$HOME # kept\"\n")
    assert read_dotenv(file) == {"ONSITE_PORT": "8123", "ONSITE_HOST": "0.0.0.0", "ONSITE_SECRET": "$HOME # kept"}
    assert read_dotenv(tmp_path / "none") == {}


def test_a_repr_shows_no_secret(tmp_path: Path) -> None:
    shown = repr(settings_from(tmp_path, ONSITE_SECRET="s" * 32, ONSITE_DATABASE_URL="postgresql://u:word@h/d"))
    assert "sss" not in shown
    assert "word" not in shown
