"""What the HTTP parser refuses before the application sees it: answered in the shape of all other errors."""

from __future__ import annotations

import asyncio
import uuid
from http import HTTPStatus
from typing import Any

from uvicorn.protocols.http.auto import AutoHTTPProtocol

from lookalike.errors import RequestError
from lookalike.server.envelope import answer
from lookalike.server.frame import headers
from lookalike.server.service import Service

LONGEST_HEAD = 65_535
"""Bytes of an address that the parser takes: llhttp, which httptools wraps, counts them in 16 bits. Where h11
parses, it is told the same of an address and the headers together."""

LINGER_SECONDS = 2.0
"""How long what still comes is thrown away: closing at once would reset the connection before the client has
read the answer (RFC 9112, section 9.6)."""


def protocol(service: Service) -> type[asyncio.Protocol]:
    """How connections speak HTTP: as uvicorn does, but a refusal is one of ours.

    Args:
        service: the parts of the server.
    """
    uvicorns: Any = AutoHTTPProtocol

    class Refusing(uvicorns):  # type: ignore[misc]
        refused = False

        def data_received(self, data: bytes) -> None:
            if not self.refused:
                super().data_received(data)

        def send_400_response(self, msg: str) -> None:
            self.refused = True
            service.metrics.answered("other", "none", 400, 0.0)
            self.transport.write(refusal(service))
            if self.transport.can_write_eof():
                self.transport.write_eof()
            self.loop.call_later(LINGER_SECONDS, self.transport.close)

    return Refusing


def refusal(service: Service) -> bytes:
    """The whole answer to what is no request."""
    request_id = uuid.uuid4().hex
    error = RequestError(
        f"this is no HTTP request: it is malformed, or its address is longer than {LONGEST_HEAD:,} bytes",
        HTTPStatus.BAD_REQUEST,
        "bad_request",
    )
    said = answer(error, request_id)
    for name, value in (*headers(service.settings), ("X-Request-ID", request_id), ("Connection", "close")):
        said.headers[name] = value
    lines = [b"HTTP/1.1 400 Bad Request", *(name + b": " + value for name, value in said.raw_headers)]
    return b"\r\n".join([*lines, b"", bytes(said.body)])
