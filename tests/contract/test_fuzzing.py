"""Whatever is sent to any operation of the document: never a fault, always an answer that the document describes.

A bounded budget per operation, the same cases each time; TEST_FUZZ_EXAMPLES raises it.
"""

import asyncio
import os
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from schemathesis.checks import CheckFunction
from schemathesis.config import SchemathesisConfig
from schemathesis.specs.openapi import checks

from api.app import bare_app
from api.openapi import openapi_document
from api.settings import Settings
from mobile_contract.schema.people import Role
from tests.api.serving import in_a_thread, in_process, make_org, signed_in

EXAMPLES = int(os.environ.get("TEST_FUZZ_EXAMPLES", "5"))
# Boundary cases of every field are hundreds per operation: for long runs only.
THOROUGH = EXAMPLES > 20
CONFIG = SchemathesisConfig.from_dict({"phases": {"coverage": {"enabled": THOROUGH}}})


def _streams(context: Any) -> bool:
    return "text/event-stream" in str(context.operation.definition.raw["responses"])


# A stream has no end to wait for; it has tests of its own.
SCHEMA = schemathesis.openapi.from_dict(openapi_document(bare_app()), config=CONFIG).exclude(_streams)
CHECKS: list[CheckFunction] = [
    schemathesis.checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
]


class Target:
    """A server to be fuzzed, and who calls: somebody with every role; another such for the call that ends a sign-in."""

    def __init__(self, url: str, headers: dict[str, str], spare: dict[str, str]) -> None:
        self.url = url
        self.headers = headers
        self.spare = spare


@pytest.fixture(scope="module")
def target(settings: Settings) -> Iterator[Target]:
    async def prepare() -> tuple[dict[str, str], dict[str, str]]:
        async with in_process(settings) as site:
            org = await make_org(site.services.pool)
            return await signed_in(site, org, *Role), await signed_in(site, org, *Role)

    headers, spare = asyncio.run(prepare())
    with in_a_thread(settings) as (url, _):
        yield Target(url, headers, spare)


@SCHEMA.parametrize()
@hypothesis_settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
def test_no_operation_faults_or_answers_what_it_does_not_describe(case: Any, target: Target) -> None:
    headers = target.spare if case.operation.definition.raw["operationId"] == "auth_logout" else target.headers
    case.call_and_validate(base_url=target.url, headers=headers, checks=CHECKS, timeout=20)
