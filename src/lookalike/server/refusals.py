"""What is refused before the application sees it, in the shape of all other errors: what is no HTTP, a
connection too many, and one on which no request comes."""

from __future__ import annotations

import asyncio
import uuid
from http import HTTPStatus
from typing import Any

from uvicorn.protocols.http.auto import AutoHTTPProtocol

from lookalike.errors import RequestError
from lookalike.server.envelope import answer
from lookalike.server.frame import headers
from lookalike.server.limits import overloaded
from lookalike.server.service import Service

LONGEST_HEAD = 65_535
"""Bytes of an address that the parser takes: llhttp, which httptools wraps, counts them in 16 bits. Where h11
parses, it is told the same of an address and the headers together."""

LINGER_SECONDS = 2.0
"""How long what still comes is thrown away: closing at once would reset the connection before the client has
read the answer (RFC 9112, section 9.6)."""


def protocol(service: Service) -> type[asyncio.Protocol]:
    """How connections speak HTTP: as uvicorn does, but a refusal is one of ours, and nobody can hold
    connections open for nothing: uvicorn's own clock runs only between two requests.

    Args:
        service: the parts of the server.
    """
    uvicorns: Any = AutoHTTPProtocol
    settings = service.settings

    class Refusing(uvicorns):  # type: ignore[misc]
        refused = False
        silent = True
        deadline: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:
            super().connection_made(transport)
            if len(self.connections) > settings.max_connections:
                self._refuse(overloaded(1))
            else:
                self._await_request()

        def connection_lost(self, exc: Exception | None) -> None:
            self._stop_waiting()
            super().connection_lost(exc)

        def data_received(self, data: bytes) -> None:
            if self.refused:
                return
            self.silent = False
            super().data_received(data)
            if self.cycle is not None and not self.cycle.response_complete:
                self._stop_waiting()
            elif not self.refused:  # a part of a head
                self._await_request()

        def _await_request(self) -> None:
            if self.deadline is None:
                self.deadline = self.loop.call_later(settings.head_seconds, self._give_up)

        def _give_up(self) -> None:
            if self.silent:  # browsers connect in advance: no answer to a question they never asked
                self.transport.close()
            else:
                self._refuse(_too_slow(settings.head_seconds))

        def _stop_waiting(self) -> None:
            if self.deadline is not None:
                self.deadline.cancel()
                self.deadline = None

        def send_400_response(self, msg: str) -> None:
            self._refuse(_malformed())

        def _refuse(self, error: RequestError) -> None:
            self.refused = True
            self._stop_waiting()
            service.metrics.answered("other", "none", error.status, 0.0)
            self.transport.write(refusal(service, error))
            if self.transport.can_write_eof():
                self.transport.write_eof()
            self.loop.call_later(LINGER_SECONDS, self.transport.close)

    return Refusing


def _malformed() -> RequestError:
    return RequestError(
        f"this is no HTTP request: it is malformed, or its address is longer than {LONGEST_HEAD:,} bytes",
        HTTPStatus.BAD_REQUEST,
        "bad_request",
    )


def _too_slow(seconds: float) -> RequestError:
    return RequestError(f"no request came within {seconds:g} s", HTTPStatus.REQUEST_TIMEOUT, "too_slow")


def refusal(service: Service, error: RequestError) -> bytes:
    """The whole answer to what never became a request."""
    request_id = uuid.uuid4().hex
    said = answer(error, request_id)
    for name, value in (*headers(service.settings), ("X-Request-ID", request_id), ("Connection", "close")):
        said.headers[name] = value
    status = HTTPStatus(error.status)
    lines = [
        f"HTTP/1.1 {status.value} {status.phrase}".encode(),
        *(name + b": " + value for name, value in said.raw_headers),
    ]
    return b"\r\n".join([*lines, b"", bytes(said.body)])
