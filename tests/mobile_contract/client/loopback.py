"""The office behind a real socket, for devices that live in another process."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import zstandard

from tests.mobile_contract.client.office import Office


@contextmanager
def served(office: Office) -> Iterator[str]:
    """Serve an office over HTTP on loopback and give its address."""
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            with lock:
                answer = office.post(self.path, _plain(body, self.headers.get("Content-Encoding")), {}, 1)
            self.send_response(answer.status)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, *words: object) -> None:
            pass

        def handle(self) -> None:
            try:
                super().handle()
            except ConnectionError:
                self.close_connection = True

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _plain(body: bytes, encoding: str | None) -> bytes:
    return zstandard.ZstdDecompressor().decompressobj().decompress(body) if encoding == "zstd" else body
