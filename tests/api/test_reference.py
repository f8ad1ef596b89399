"""The API reference: it shows every operation, loads nothing from elsewhere, and is kept by browsers."""

import re

from mobile_contract.errors import ERRORS
from mobile_contract.registry import COMMANDS
from tests.api.serving import Site


async def test_the_reference_shows_every_command_and_loads_nothing_from_elsewhere(site: Site) -> None:
    answer = await site.client.get("/docs")
    assert answer.status_code == 200 and answer.headers["content-type"].startswith("text/html")
    assert "default-src 'self'" in answer.headers["content-security-policy"]
    for name in COMMANDS:
        assert f"/api/v1/commands/{name}" in answer.text
    assert "<script" not in answer.text and "style=" not in answer.text
    assert set(re.findall(r'(?:src|href)="([^#"]+)', answer.text)) <= {
        "/docs/style.css",
        "/openapi.json",
        "/docs/problems",
        *(f"/docs/problems#{code}" for code in ERRORS),
    }
    anchors = set(re.findall(r'id="([^"]+)"', answer.text))
    assert set(re.findall(r'href="#([^"]+)"', answer.text)) <= anchors


async def test_every_code_has_its_place_in_both_languages(site: Site) -> None:
    page = (await site.client.get("/docs/problems")).text
    for code in ERRORS:
        assert f'id="{code}"' in page
    assert ERRORS["not_found"].zh in page


async def test_the_document_is_kept_by_who_has_it(site: Site) -> None:
    first = await site.client.get("/openapi.json")
    assert first.json()["openapi"] == "3.1.0"
    again = await site.client.get("/openapi.json", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert (await site.client.get("/docs/style.css")).headers["content-type"].startswith("text/css")
