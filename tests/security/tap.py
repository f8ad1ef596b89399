"""A tap on the wire: a TCP relay before a real server that keeps every byte that a caller receives, and what lies in them once unpacked.

Knows HTTP/1.1 only as far as bodies have to be unpacked; never changes a byte.
"""

import asyncio
import contextlib
import gzip
import zlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import h11
import httpx
import zstandard


@dataclass
class Tap:
    """What one caller receives. `client` talks through the relay; `taken` gives what came since the last time."""

    client: httpx.AsyncClient
    received: bytearray = field(default_factory=bytearray)
    _seen: int = 0

    def taken(self) -> bytes:
        """Give the bytes since the last call as they came, followed by every body in them unpacked."""
        raw = bytes(self.received[self._seen :])
        self._seen = len(self.received)
        return raw + b"\n" + b"\n".join(_bodies(raw))


@contextlib.asynccontextmanager
async def tapped(port: int) -> AsyncIterator[Tap]:
    """Run a relay before the server at a port of this machine, with a client that knows only the relay."""
    received = bytearray()
    tasks: set[asyncio.Task[None]] = set()

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", port)
        pumps = [
            asyncio.create_task(_pump(reader, there_writer, None)),
            asyncio.create_task(_pump(there_reader, writer, received)),
        ]
        tasks.update(pumps)
        await asyncio.gather(*pumps, return_exceptions=True)

    server = await asyncio.start_server(relay, "127.0.0.1", 0)
    address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        async with httpx.AsyncClient(base_url=address, timeout=20) as client:
            yield Tap(client, received)
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, keep: bytearray | None) -> None:
    with contextlib.suppress(ConnectionError):
        while chunk := await reader.read(65_536):
            # Kept before it is passed on: what the caller has, the tap has.
            if keep is not None:
                keep += chunk
            writer.write(chunk)
            await writer.drain()
    with contextlib.suppress(ConnectionError):
        writer.close()


def _bodies(raw: bytes) -> list[bytes]:
    """Take the answers in a stretch of bytes apart and unpack their bodies; the last one may be unfinished, as a stream is."""
    bodies = []
    while raw:
        # One parser per answer: it has to believe that it asked for it.
        parser = h11.Connection(h11.CLIENT)
        parser.send(h11.Request(method="GET", target="/", headers=[("Host", "x")]))
        parser.send(h11.EndOfMessage())
        parser.receive_data(raw)
        encoding, body = b"", b""
        while not isinstance(event := parser.next_event(), type) and not isinstance(event, h11.EndOfMessage):
            if isinstance(event, h11.Response):
                encoding = dict(event.headers).get(b"content-encoding", b"")
            elif isinstance(event, h11.Data):
                body += bytes(event.data)
        bodies.append(_unpacked(body, encoding))
        rest, _ = parser.trailing_data
        raw = rest if isinstance(event, h11.EndOfMessage) else b""
    return bodies


def _unpacked(body: bytes, encoding: bytes) -> bytes:
    if encoding == b"gzip":
        with contextlib.suppress(EOFError, zlib.error):
            return gzip.decompress(body)
    if encoding == b"zstd":
        return zstandard.ZstdDecompressor().decompressobj().decompress(body)
    return body
