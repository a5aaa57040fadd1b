"""A line for each request, for whoever runs the server."""

from __future__ import annotations

import json
import logging
import os
import queue
import threading
from contextlib import suppress
from datetime import UTC, datetime

from starlette.types import Scope

MOST_WAITING = 10_000
"""Lines that wait to be written; of those that come then, none is kept."""

LAST_SECONDS = 2.0
"""How long the end of the server waits for the last lines to be read."""

_log = logging.getLogger("lookalike.server")


class AccessLog:
    """Lines of JSON about requests. A thread of its own writes them: nobody who reads slowly, or not at all,
    holds up a request.

    Args:
        descriptor: of the file they are written to; not closed.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._lines: queue.Queue[bytes | None] = queue.Queue(MOST_WAITING)
        self._thread = threading.Thread(target=self._write_all, name="access-log", daemon=True)
        self._thread.start()

    def write(self, scope: Scope, method: str, status: int, seconds: float) -> None:
        """Tell what was asked and answered.

        What was searched for stays out: neither the address's query nor anything of the body is in it.

        Args:
            scope: of the request; with its `request_id`.
            method: of the request.
            status: of the answer; 0 when the client went away before there was one.
            seconds: from the request's head to the end of the answer.
        """
        client = scope.get("client")
        line = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "id": scope["request_id"],
            "client": client[0] if client else None,
            "method": method,
            "path": scope["path"],
            "status": status,
            "seconds": round(seconds, 4),
        }
        with suppress(queue.Full):
            self._lines.put_nowait(json.dumps(line).encode() + b"\n")

    def _write_all(self) -> None:
        while (line := self._lines.get()) is not None:
            try:
                while line:
                    line = line[os.write(self._descriptor, line) :]
            except OSError as error:
                _log.warning("the access log ends, since it cannot be written: %s", error.strerror or error)
                return

    def close(self) -> None:
        """Write what waits, as far as somebody reads it."""
        try:
            self._lines.put(None, timeout=LAST_SECONDS)
        except queue.Full:
            return
        self._thread.join(LAST_SECONDS)
