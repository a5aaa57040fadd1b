"""A line for each request, for whoever runs the server."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime

from starlette.types import Scope


def write(scope: Scope, method: str, status: int, seconds: float) -> None:
    """Write what was asked and answered to standard output, as a line of JSON.

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
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()
