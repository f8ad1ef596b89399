"""`onsite serve` as a process: it answers, with one worker or two, and stops when told to with requests finished."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Awaitable, Callable

import httpx
import pytest

from api.settings import Settings
from tests.waiting import until


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.slow)])
async def test_the_process_answers_and_stops_when_told_to(settings: Settings, workers: int) -> None:
    port = _free_port()
    environment = {
        **os.environ,
        "ONSITE_STATE_DIR": str(settings.state_dir),
        "ONSITE_DATABASE_URL": settings.database_url,
        "ONSITE_SECRET": settings.secret,
        "ONSITE_LOG_FORMAT": "json",
    }
    server = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        "from api.cli import main; main()",
        *("serve", "--port", str(port), "--workers", str(workers)),
        env=environment,
        stderr=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
    )
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:

            async def answers() -> bool:
                assert server.returncode is None, "the server ended by itself"
                try:
                    return (await client.get("/health/live")).is_success
                except httpx.TransportError:
                    return False

            asked: Callable[[], bool | Awaitable[bool]] = answers
            await until(asked, timeout_s=90)
            answer = await client.get("/health/ready")
            assert answer.json()["status"] == "ready"
            metrics = (await client.get("/metrics")).text
            assert "onsite_requests_total" in metrics
            assert "server" not in answer.headers
    finally:
        server.send_signal(signal.SIGTERM)
        _, lines = await asyncio.wait_for(server.communicate(), 60)
    text = lines.decode()
    assert server.returncode in (0, -signal.SIGTERM), text
    assert '"route":"/health/ready"' in text
    assert settings.secret not in text and "Traceback" not in text


async def test_a_server_may_have_as_many_connections_as_the_machine_allows() -> None:
    code = (
        "import resource as r; r.setrlimit(r.RLIMIT_NOFILE, (256, 4096));"
        "from api.server import allow_connections; allow_connections(); print(r.getrlimit(r.RLIMIT_NOFILE)[0])"
    )
    asked = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE)
    said, _ = await asyncio.wait_for(asked.communicate(), 90)
    assert said.decode().strip() == "4096"
