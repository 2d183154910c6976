"""A server of files that breaks off, refuses and lies as asked."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["Handler", "serving"]


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves ``files`` by the last part of their path; the class attributes say how badly."""

    files: dict[str, bytes]
    ranges = True  # whether it sends parts
    breaks_after: list[int]  # bytes: of the next requests
    statuses: list[int]  # of the next requests, instead of an answer
    status = 200
    requests: list[str | None]  # the parts that were asked for
    paths: list[str]
    url: str

    def do_GET(self) -> None:
        kind = type(self)
        asked = self.headers.get("Range")
        kind.requests.append(asked)
        kind.paths.append(self.path)
        status = kind.statuses.pop(0) if kind.statuses else kind.status
        content = kind.files.get(self.path.rpartition("/")[2])
        if status != 200 or content is None:
            self.send_error(status if status != 200 else 404)
            return
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked and kind.ranges else 0
        if start >= len(content):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(content)}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        body = content[start:]
        self.send_response(206 if asked and kind.ranges else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if kind.breaks_after:
            body = body[: kind.breaks_after.pop(0)]
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def serving(files: dict[str, bytes]) -> Iterator[type[Handler]]:
    """The handler's class, to give it faults, with the server's address as ``url``."""
    attributes = {"files": files, "requests": [], "paths": [], "breaks_after": [], "statuses": []}
    handler = type("Faulty", (Handler,), attributes)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        handler.url = f"http://127.0.0.1:{server.server_port}/models/"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield handler
        finally:
            server.shutdown()
            thread.join()
