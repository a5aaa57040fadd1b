"""Around every request: its id, its time, the headers of its answer, and who may knock at all.

A page on another site can make a browser ask this machine (by a form, or by a name of its own that it lets
point to 127.0.0.1: DNS rebinding). So the name in `Host` must be one of ours when only this machine is meant
to ask, and an `Origin` must be ours or on the list.
"""

from __future__ import annotations

import asyncio
import re
import time
import uuid
from contextlib import ExitStack
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lookalike.errors import RequestError
from lookalike.server.envelope import METHODS, answer, unexpected
from lookalike.server.service import Service
from lookalike.server.settings import Settings

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")
ALWAYS_LET_IN = ("/v1/health", "/v1/ready", "/metrics")
"""Asked when there is most to do."""

EXPOSED = ("Retry-After", "X-Request-ID")
"""Headers that pages of listed origins may read."""

POLICY = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
DRAINED = 64 << 20
DRAIN_SECONDS = 2.0
"""Bytes of a body nobody wanted that are thrown away, and how long: most clients read an answer only when
they have sent all."""


class Frame:
    """The outermost part of the application.

    Args:
        app: the rest of it.
        service: the parts of the server.
    """

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self._app, self._service = app, service
        self._headers = headers(service.settings)
        self._may_ask = service.settings.cors_origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, request_id, sent = time.perf_counter(), _request_id(Headers(scope=scope)), [0]
        method = scope["method"] if scope["method"] in METHODS else "other"
        # A head is that of the answer to GET, which uvicorn, with its own scope, sends without the body
        # (RFC 9110, section 9.3.2).
        scope = {**scope, "request_id": request_id, "method": "GET" if method == "HEAD" else scope["method"]}
        found = Headers(scope=scope)
        body = Body(receive, found)

        async def framed(message: Message) -> None:
            if message["type"] == "http.response.start":
                sent[0] = message["status"]
                closing = await body.is_left(patient=message["status"] != 408)
                message = {**message, "headers": list(message["headers"])}  # the answer may be kept
                out = MutableHeaders(scope=message)
                for name, value in self._headers:
                    out.setdefault(name, value)
                out["X-Request-ID"] = request_id
                if found.get("origin") in self._may_ask and "Access-Control-Allow-Origin" not in out:
                    # A refusal that CORSMiddleware has not seen.
                    out["Access-Control-Allow-Origin"] = found["origin"]
                    out["Access-Control-Expose-Headers"] = ", ".join(EXPOSED)
                    out.add_vary_header("Origin")
                if closing:
                    out["Connection"] = "close"
            await send(message)

        try:
            await self._answer(scope, body.receive, framed, sent)
        finally:
            self._count(method, scope, sent[0], time.perf_counter() - started)

    async def _answer(self, scope: Scope, receive: Receive, send: Send, sent: list[int]) -> None:
        try:
            with ExitStack() as until_end:
                scope["until_end"] = until_end
                check_name(Headers(scope=scope), self._service.settings)
                if scope["path"] not in ALWAYS_LET_IN:
                    until_end.enter_context(self._service.open.share()).take(1)
                await self._app(scope, receive, send)
        except RequestError as error:
            await answer(error, scope["request_id"])(scope, receive, send)
        except Exception as error:  # noqa: BLE001 - whatever it is, the client gets the envelope
            response = unexpected(error, scope["request_id"])
            if not sent[0]:
                await response(scope, receive, send)

    def _count(self, method: str, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "none")
        self._service.metrics.answered(method, route, status, seconds)
        if self._service.access_log:
            self._service.access_log.write(scope, method, status, seconds)


class Body:
    """The body of a request, as far as it has been received.

    One that is left when the answer has been sent would keep the connection for ever: uvicorn stops its own
    clock when more of it comes.

    Args:
        receive: gives its parts.
        found: the headers of the request.
    """

    def __init__(self, receive: Receive, found: Headers) -> None:
        self._receive = receive
        self._left = found.get("content-length", "0") != "0" or "transfer-encoding" in found

    async def receive(self) -> Message:
        """The next part."""
        message = await self._receive()
        if not message.get("more_body", False):
            self._left = False
        return message

    async def is_left(self, *, patient: bool) -> bool:
        """Whether there is more of it than can be thrown away in a moment.

        Args:
            patient: try that.
        """
        drained = 0
        try:
            async with asyncio.timeout(DRAIN_SECONDS):
                while patient and self._left and drained <= DRAINED:
                    drained += len((await self.receive()).get("body", b""))
        except TimeoutError:
            pass
        return self._left


def _request_id(found: Headers) -> str:
    """The client's own, if it is harmless to log; else a new one."""
    given = found.get("x-request-id", "")
    return given if re.fullmatch(r"[\w.-]{1,64}", given, re.ASCII) else uuid.uuid4().hex


def headers(settings: Settings) -> list[tuple[str, str]]:
    """What every answer carries, unless it has its own."""
    return [
        ("Content-Security-Policy", POLICY),
        ("X-Content-Type-Options", "nosniff"),
        ("X-Frame-Options", "DENY"),
        ("Referrer-Policy", "no-referrer"),
        ("Cross-Origin-Resource-Policy", "cross-origin" if settings.cors_origins else "same-origin"),
        ("Cross-Origin-Opener-Policy", "same-origin"),
        ("Cache-Control", "no-store"),
    ]


def check_name(found: Headers, settings: Settings) -> None:
    """Let in only who calls the server by its name, from a page of its own or a listed one.

    Raises:
        RequestError: 421 for another name, 403 for another page.
    """
    host = found.get("host", "")
    # Elsewhere the token is what protects, and any name will do unless some are listed.
    checked = settings.is_loopback or settings.allowed_hosts
    if checked and _name(host) not in (*LOOPBACK_NAMES, *settings.allowed_hosts):
        raise RequestError(
            f"the server is not known as {host[:80]!r}: add it with --allow-host if it should be",
            421,
            "wrong_host",
        )
    origin = found.get("origin")
    if origin is None:
        _check_site(found, settings)
        return
    if origin in settings.cors_origins:
        return
    if urlsplit(origin).netloc.lower() != host.lower() or not host:
        raise RequestError(
            f"pages of {origin[:80]!r} may not ask: add it with --cors if they should", 403, "wrong_origin"
        )


def _check_site(found: Headers, settings: Settings) -> None:
    """Refuse what pages of other sites fetch without an `Origin`, such as an `<img>` of an address that takes
    work to answer. A link from there may be followed; pages that may ask may show pictures as well."""
    is_foreign = found.get("sec-fetch-site") == "cross-site" and found.get("sec-fetch-dest") != "document"
    if is_foreign and not settings.cors_origins:
        raise RequestError(
            "pages of other sites may not ask: add them with --cors if they should", 403, "wrong_origin"
        )


def _name(host: str) -> str:
    """The name without the port.

    >>> _name("localhost:8000"), _name("[::1]:8000"), _name("::1")
    ('localhost', '::1', '::1')
    """
    match = re.fullmatch(r"\[(.*)\](?::\d*)?|([^:]*)(?::\d*)?|(.*)", host.lower())
    return next((group for group in match.groups() if group is not None), "") if match else ""
