"""What a Lambda function sees of AWS: the runtime API, a table that is empty, and a bucket.

It holds the function at its first poll, so that the cost of starting can be read, then hands it
one event after the other. Whatever the function writes is accepted and forgotten.
"""

from __future__ import annotations

import json
import queue
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

INVOCATION = "/2018-06-01/runtime/invocation"
DEADLINE_SECONDS = 30
EMPTY_TABLE = {
    "BatchGetItem": {"Responses": {}, "UnprocessedKeys": {}},
    "Query": {"Items": [], "Count": 0, "ScannedCount": 0},
}


class RuntimeApi:
    """The server of one process of one function."""

    def __init__(self) -> None:
        self._polls: queue.SimpleQueue[float] = queue.SimpleQueue()
        # None ends the poll that a process has left behind.
        self._events: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._answers: queue.SimpleQueue[tuple[float, bool, bytes]] = queue.SimpleQueue()
        handler = _handler(self._next, self._answered)
        self._server = _Server(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.01,), daemon=True
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._events.put(None)
        self._server.shutdown()
        self._server.server_close()

    @property
    def address(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self._server.server_address[1]}"

    def wait_for_poll(self, seconds: float) -> float:
        """Until the function asks for its next event; returns when it did, by `perf_counter`."""
        return self._polls.get(timeout=seconds)

    def invoke(self, event: bytes, seconds: float) -> tuple[float, bool, bytes]:
        """Hands out an event; returns the seconds until its answer, whether it is one, and it."""
        sent = time.perf_counter()
        self._events.put(event)
        came, answered, body = self._answers.get(timeout=seconds)
        return came - sent, answered, body

    def _next(self) -> bytes | None:
        self._polls.put(time.perf_counter())
        return self._events.get()

    def _answered(self, answered: bool, body: bytes) -> None:
        self._answers.put((time.perf_counter(), answered, body))


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        """The function is ended in the middle of a poll; a connection that breaks is no news."""


def _handler(
    next_event: Callable[[], bytes | None], answered: Callable[[bool, bytes], None]
) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1

        def do_GET(self) -> None:
            if not self.path.startswith(INVOCATION):
                return self._send(404, b"")
            event = next_event()
            if event is None:
                self.close_connection = True
                return None
            deadline_ms = int((time.time() + DEADLINE_SECONDS) * 1000)
            headers = {
                "Lambda-Runtime-Aws-Request-Id": "8476a536-e9f4-11e8-9739-2dfe598c3fcd",
                "Lambda-Runtime-Deadline-Ms": str(deadline_ms),
                "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:us-east-1:1:function:f",
            }
            return self._send(200, event, headers)

        def do_POST(self) -> None:
            body = self._body()
            if self.path.startswith(INVOCATION):
                self._send(202, b"{}")
                answered(self.path.endswith("/response"), body)
            elif self.path.startswith("/2018-06-01/runtime/init/error"):
                self._send(202, b"{}")
                answered(False, body)
            else:
                operation = self.headers.get("X-Amz-Target", "").partition(".")[2]
                found: dict[str, Any] = EMPTY_TABLE.get(operation, {})
                self._send(200, json.dumps(found).encode())

        def do_PUT(self) -> None:
            self._body()
            self._send(200, b"", {"ETag": '"0"'})

        def do_HEAD(self) -> None:
            self._send(404, b"")

        def _body(self) -> bytes:
            if self.headers.get("Transfer-Encoding", "") != "chunked":
                return self.rfile.read(int(self.headers.get("Content-Length", 0)))
            body = b""
            while size := int(self.rfile.readline().split(b";")[0], 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            while self.rfile.readline().strip():
                pass
            return body

        def _send(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
            self.send_response(status)
            headers = {"Content-Type": "application/json"} | (headers or {})
            for name, value in (headers | {"Content-Length": str(len(body))}).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)
            self.wfile.flush()

        def log_message(self, *_: Any) -> None:
            pass

    return Handler
