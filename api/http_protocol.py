"""How long a connection may take: to say what it wants, and to take what it asked for; and which requests go past the framework.

A phone in a cellar is slow, and is waited for as long as something moves. Who only holds a place is let go: a head that does not come to
its end, an answer that nobody takes. Bodies are read by `api.body`, which can still answer.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final, Protocol, cast

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

# Below this nobody is slow: nobody is there. 2G gives ten times as much.
SLOWEST_BYTES_PER_S: Final = 500
# The parser keeps a head of any size in memory. Ours are below 1 KiB.
HEAD_BYTES: Final = 64 * 1024
# Beyond this, putting head and body together costs more than a second system call.
_JOINED_BYTES: Final = 64 * 1024

FAULT: Final = "onsite_fault"
"""Where the state of a request's scope says what went wrong before it came to the framework."""


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
        if self._held:
            held, self._held = self._held, b""
            self.write_both(held, data)
        elif data:
            self._held = data
            self._loop.call_soon(self.flush)

    def write_both(self, head: bytes, body: bytes) -> None:
        """Write what belongs together, after whatever is held."""
        self.flush()
        if len(body) > _JOINED_BYTES:
            self._transport.write(head)
            self._transport.write(body)
        else:
            self._transport.write(head + body)

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


class Shortcut(Protocol):
    """What answers some requests without the framework."""

    def begin(self, exchange: "Exchange") -> bool:
        """Begin to answer a request; False: the framework is to answer it."""


class PatientConfig(uvicorn.Config):
    """uvicorn's configuration, with what it has no word for. `patience_s`: how long nothing has to move."""

    def __init__(self, app: Any, *, patience_s: float, **others: Any) -> None:
        super().__init__(app, http=PatientProtocol, **others)
        self.patience_s = patience_s
        self.shortcuts: Mapping[bytes, Shortcut] = {}

    def load(self) -> None:
        """Load the application, and what it answers without its framework: by path, whatever is POSTed there."""
        super().load()
        app: Any = self.loaded_app
        # The server has put layers of its own around it.
        while hasattr(app, "app"):
            app = app.app
        self.shortcuts = getattr(app.state, "shortcuts", {})


class Exchange:
    """A request that came whole and is answered without the framework. `lost` is called when the caller hangs up before.

    The server's protocol looks at it as at any request under way.
    """

    def __init__(self, protocol: "PatientProtocol", scope: Any) -> None:
        self._protocol = protocol
        self._scope = scope
        self.body = bytearray()
        self.lost: Callable[[], None] = lambda: None
        self.message_event = self
        self.response_complete = self.disconnected = self.is_lost = False
        self.keep_alive = True

    def headers(self) -> Mapping[str, str] | None:
        """Give the headers, names in lower case; None where one comes twice."""
        given = self._scope["headers"]
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in given}
        return headers if len(headers) == len(given) else None

    def is_gone(self) -> bool:
        """Tell whether nobody waits for the answer any more."""
        return self.response_complete

    def answer(self, head: bytes, body: bytes) -> bool:
        """Answer 200: `head` are lines of headers, the length of the body among them. False where nobody waits any more."""
        if self.response_complete:
            return False
        self.response_complete = True
        self._protocol.answered(self, head, body)
        return True

    def pass_on(self, why: Exception | None = None) -> bool:
        """Let the framework answer after all; `why` is found in the scope's state as FAULT. False where nobody waits any more."""
        if self.response_complete:
            return False
        self.response_complete = True
        if why is not None:
            self._scope["state"][FAULT] = why
        self._protocol.passed_on(self, self._scope)
        return True

    def go_on(self, work: Coroutine[Any, Any, None]) -> None:
        """Answer in a task of its own, which the server knows of."""
        self._protocol.run(work)

    def set(self) -> None:
        """Hear of whatever happened to the connection: the server's word for it."""

    def hang_up(self) -> None:
        """Hear that the caller has hung up."""
        if not self.response_complete:
            self.response_complete = self.is_lost = True
            self.lost()


class PatientProtocol(HttpToolsProtocol):
    """One connection. It is closed when a head takes longer than `patience_s` or more than 64 KiB, or when an answer is taken at less than
    500 bytes a second.
    """

    config: PatientConfig

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._head_timer: asyncio.TimerHandle | None = None
        self._head_bytes = 0
        self._head_ended = False
        self._taking_timer: asyncio.TimerHandle | None = None
        self._untaken_bytes = 0
        self._coming: Exchange | None = None
        self._exchange: Exchange | None = None

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
        if self._exchange is not None:
            self._exchange.hang_up()

    def data_received(self, data: bytes) -> None:
        """Take in bytes; whatever comes when nothing is under way has to become a head in time."""
        super().data_received(data)
        if self._coming is not None:
            self._take_in_pieces(self._coming)
        if not self._head_ended or self.cycle is None or self.cycle.response_complete:
            self._await_head()
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES and not self.transport.is_closing():
                self.send_400_response("The head of the request is too long.")

    def on_message_begin(self) -> None:
        """Begin to wait for the end of a head."""
        self._head_ended = False
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Have a head: what follows is a body, or nothing."""
        self._head_ended = True
        self._cancel(self._head_timer)
        self._head_timer = None
        if self._is_short_way():
            path = self.url.decode("ascii")
            self._coming = Exchange(
                self, {**self.scope, "method": "POST", "path": path, "raw_path": self.url, "query_string": b""}
            )
        else:
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take in a piece of the body."""
        if self._coming is None:
            super().on_body(body)
        else:
            self._coming.body += body

    def on_message_complete(self) -> None:
        """Have a request."""
        if self._coming is None:
            super().on_message_complete()
            return
        exchange, self._coming = self._coming, None
        self.cycle = cast(RequestResponseCycle, exchange)
        self._exchange = exchange
        if not self.config.shortcuts[self.url].begin(exchange):
            exchange.pass_on()

    def answered(self, exchange: Exchange, head: bytes, body: bytes) -> None:
        """Write the answer of an exchange."""
        self._exchange = None
        lines = [b"%b: %b\r\n" % pair for pair in self.server_state.default_headers]
        if not exchange.keep_alive:
            lines.append(b"connection: close\r\n")
        cast(Joining, self.transport).write_both(b"HTTP/1.1 200 OK\r\n%b%b\r\n" % (b"".join(lines), head), body)
        if not exchange.keep_alive:
            self.transport.close()
        self.on_response_complete()

    def passed_on(self, exchange: Exchange, scope: Any) -> None:
        """Let the framework answer an exchange that came whole."""
        self._exchange = None
        cycle = RequestResponseCycle(
            scope=scope,
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=self.access_log,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=False,
            keep_alive=exchange.keep_alive,
            on_response=self.on_response_complete,
        )
        cycle.body, cycle.more_body = exchange.body, False
        cycle.message_event.set()
        # Behind it others may be waiting already.
        if self.cycle is cast(Any, exchange):
            self.cycle = cycle
        self._start_asgi_task(cycle, self.app)

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        """Do work that the server waits for when it stops."""
        task = self.loop.create_task(work)
        task.add_done_callback(self.tasks.discard)
        self.tasks.add(task)

    def _is_short_way(self) -> bool:
        parser = self.parser
        return (
            self.url in self.config.shortcuts
            and not self.root_path
            and parser.get_method() == b"POST"
            and parser.get_http_version() == "1.1"
            and parser.should_keep_alive()
            and not parser.should_upgrade()
            and not self.expect_100_continue
            and not self.flow.write_paused
            and (self.cycle is None or self.cycle.response_complete)
        )

    def _take_in_pieces(self, exchange: Exchange) -> None:
        """Leave a body that does not come with its head to the framework, which waits for it, but not for ever."""
        self._coming = None
        if not self.transport.is_closing():
            super().on_headers_complete()
            super().on_body(bytes(exchange.body))

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
        # Between two requests a connection may stay as long as it is kept alive; in the middle of a head it may not.
        self._head_timer = None
        if self.timeout_keep_alive_task is None or not self._head_ended:
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
