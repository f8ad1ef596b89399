"""How long a connection may take: to say what it wants, and to take what it asked for. Owns sockets and their timeouts, no request.

A phone in a cellar is slow, and is waited for as long as something moves. Who only holds a place is let go: a head that does not come to
its end, an answer that nobody takes. Bodies are read by `api.body`, which can still answer.
"""

import asyncio
from typing import Any, Final, cast

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

# Below this nobody is slow: nobody is there. 2G gives ten times as much.
SLOWEST_BYTES_PER_S: Final = 500
# The parser keeps a head of any size in memory. Ours are below 1 KiB.
HEAD_BYTES: Final = 64 * 1024
# Beyond this, putting head and body together costs more than a second system call.
_JOINED_BYTES: Final = 64 * 1024


class Joining:
    """A transport that lets the head of an answer leave with the body that follows it: in one system call and one packet.

    What is not followed by anything in the same turn of the loop, as the head of a stream, leaves in the next one.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport, self._loop = transport, loop
        self._held = b""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Hold what comes first, write it with what comes next."""
        if not self._held:
            self._held = data
            if data:
                self._loop.call_soon(self.flush)
            return
        held, self._held = self._held, b""
        if len(data) > _JOINED_BYTES:
            self._transport.write(held)
            self._transport.write(data)
        else:
            self._transport.write(held + data)

    def flush(self) -> None:
        """Write what is held."""
        if self._held:
            held, self._held = self._held, b""
            self._transport.write(held)

    def close(self) -> None:
        """Write what is held and close."""
        self.flush()
        self._transport.close()

    def is_closing(self) -> bool:
        """Tell whether it is closing."""
        return self._transport.is_closing()


class PatientConfig(uvicorn.Config):
    """uvicorn's configuration, with what it has no word for. `patience_s`: how long nothing has to move."""

    def __init__(self, app: Any, *, patience_s: float, **others: Any) -> None:
        super().__init__(app, http=PatientProtocol, **others)
        self.patience_s = patience_s


class PatientProtocol(HttpToolsProtocol):
    """One connection. It is closed when a head takes longer than `patience_s` or more than 64 KiB, or when an answer is taken at less than
    500 bytes a second.
    """

    config: PatientConfig

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._head_timer: asyncio.TimerHandle | None = None
        self._head_bytes = 0
        self._taking_timer: asyncio.TimerHandle | None = None
        self._untaken_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a head."""
        super().connection_made(transport)
        self.transport = cast(asyncio.Transport, Joining(transport, self.loop))
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing more."""
        self._cancel(self._head_timer)
        self._cancel(self._taking_timer)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take in bytes; whatever comes when nothing is under way has to become a head in time."""
        if self.cycle is None or self.cycle.response_complete:
            self._await_head()
        super().data_received(data)
        if self._head_timer is not None:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES and not self.transport.is_closing():
                self.send_400_response("The head of the request is too long.")

    def on_message_begin(self) -> None:
        """Begin to wait for the end of a head."""
        self._await_head()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Have a head: what follows is a body, or nothing."""
        self._cancel(self._head_timer)
        self._head_timer = None
        super().on_headers_complete()

    def pause_writing(self) -> None:
        """Begin to watch whether the answer is taken."""
        super().pause_writing()
        self._watch_taking()

    def resume_writing(self) -> None:
        """Stop watching: the answer is taken."""
        self._cancel(self._taking_timer)
        self._taking_timer = None
        super().resume_writing()

    def timeout_keep_alive_handler(self) -> None:
        """End a connection that has been quiet, at once when it has not even taken its answer."""
        if self._taking_timer is not None:
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )
        elif self.transport.get_write_buffer_size():
            self.transport.abort()
        else:
            super().timeout_keep_alive_handler()

    def _await_head(self) -> None:
        if self._head_timer is None:
            self._head_bytes = 0
            self._head_timer = self.loop.call_later(self.config.patience_s, self._head_is_late)

    def _head_is_late(self) -> None:
        # Between two requests a connection may stay as long as it is kept alive.
        self._head_timer = None
        if self.timeout_keep_alive_task is None:
            self.transport.abort()

    def _watch_taking(self) -> None:
        self._untaken_bytes = self.transport.get_write_buffer_size()
        self._taking_timer = self.loop.call_later(self.config.patience_s, self._look_at_taking)

    def _look_at_taking(self) -> None:
        taken = self._untaken_bytes - self.transport.get_write_buffer_size()
        if taken < SLOWEST_BYTES_PER_S * self.config.patience_s:
            self.transport.abort()
        else:
            self._watch_taking()

    def _cancel(self, timer: asyncio.TimerHandle | None) -> None:
        if timer is not None:
            timer.cancel()
