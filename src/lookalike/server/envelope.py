"""The one shape of every answer that is no success, and JSON as it leaves the server."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.routing import Match

from lookalike.errors import (
    CollectionBusy,
    CollectionError,
    CollectionNotFound,
    FilterError,
    LookalikeError,
    ModelError,
    NotInCollection,
    PictureError,
    RequestError,
    UsageError,
)

BUSY_SECONDS = 5
"""After so many seconds it is worth trying again when another process is writing."""

_log = logging.getLogger("lookalike.server")

# The first that fits; `code` is what programs go by, the message is for people.
_ANSWERS: tuple[tuple[type[LookalikeError], int, str], ...] = (
    (FilterError, 422, "filter"),
    (UsageError, 422, "usage"),
    (PictureError, 422, "picture"),
    (NotInCollection, 404, "not_in_collection"),
    (CollectionBusy, 503, "collection_busy"),
    (CollectionNotFound, 503, "collection_not_found"),
    (CollectionError, 500, "collection"),
    (ModelError, 500, "model"),
)
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_CODES = {400: "bad_request", 404: "not_found", 405: "method_not_allowed", 413: "too_large"}


class Json(Response):
    """An answer in JSON. File names whose bytes are no UTF-8 become escapes that JSON knows."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """The bytes of the answer."""
        return to_json(content)


def to_json(content: Any) -> bytes:
    r"""Compact JSON in UTF-8.

    >>> to_json({"path": "caf\udce9"})
    b'{"path":"caf\\udce9"}'
    """
    text = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.encode("utf-8", "backslashreplace")


def body_of(error: Exception, request_id: str = "") -> dict[str, Any]:
    """What is said about an error: the envelope."""
    status, code, message, details = _described(error)
    said = {"status": status, "code": code, "message": message, "request_id": request_id}
    return {"error": said | ({"details": details} if details else {})}


def answer(error: Exception, request_id: str = "") -> Response:
    """The answer to a request that ended with an error."""
    content = body_of(error, request_id)
    return Json(content, content["error"]["status"], headers=_headers(error))


def _described(error: Exception) -> tuple[int, str, str, Any]:
    if isinstance(error, RequestError):
        return error.status, error.code, str(error), None
    if isinstance(error, RequestValidationError):
        return 422, "usage", "; ".join(map(_said, error.errors())), None
    if isinstance(error, HTTPException):
        code = _CODES.get(error.status_code, "refused")
        return error.status_code, code, _of_http(error), None
    for kind, status, code in _ANSWERS:
        if isinstance(error, kind):
            details = {"position": error.position} if isinstance(error, FilterError) else None
            return status, code, str(error), details
    return (
        500,
        "internal",
        "the server could not answer this: its log has the request_id and the reason",
        None,
    )


def _of_http(error: HTTPException) -> str:
    if error.status_code == 404:
        return "there is nothing here; /openapi.json lists what there is"
    if error.status_code == 405:
        return f"this method is not allowed here; allowed: {(error.headers or {}).get('Allow', 'others')}"
    return str(error.detail)


def _said(error: Mapping[str, Any]) -> str:
    """One mistake of a request that pydantic found.

    >>> _said({"loc": ("query", "k"), "msg": "Input should be less than 9"})
    'k: Input should be less than 9'
    """
    place = [str(part) for part in error["loc"] if part not in ("query", "path", "body", "header")]
    return f"{'.'.join(place) or 'request'}: {error['msg'].removeprefix('Value error, ')}"


def _headers(error: Exception) -> dict[str, str]:
    headers = dict(getattr(error, "headers", None) or {})
    after = getattr(error, "retry_after", None)
    if isinstance(error, CollectionBusy):
        after = BUSY_SECONDS
    if after is not None:
        headers["Retry-After"] = str(after)
    if isinstance(error, RequestError) and error.status == 401:
        headers["WWW-Authenticate"] = 'Basic realm="lookalike", charset="UTF-8"'
    return headers


def install(app: FastAPI, nowhere: Callable[[], Response] | None = None) -> None:
    """Let every error of a route, and every refusal of the framework, take this shape.

    Args:
        app: the application.
        nowhere: what a browser that goes to an address at which there is nothing is answered instead.
    """

    async def handle(request: Request, error: Exception) -> Response:
        if nowhere and isinstance(error, HTTPException) and error.status_code == 404 and is_browser(request):
            return nowhere()
        if isinstance(error, HTTPException) and error.status_code == 405:
            error = HTTPException(405, headers={"Allow": ", ".join(_methods(request))})
        request_id = request.scope.get("request_id", "")
        said = answer(error, request_id)
        if said.status_code >= 500:  # not the fault of whoever asked
            _log.error("request %s failed: %s", request_id, error)
        if said.status_code == 401 and request.headers.get("sec-fetch-mode", "navigate") != "navigate":
            # A browser would ask for name and password in a window of its own; our page has a form.
            said.headers["WWW-Authenticate"] = 'Bearer realm="lookalike"'
        return said

    for kind in (LookalikeError, RequestValidationError, HTTPException):
        app.add_exception_handler(kind, handle)


def is_browser(request: Request) -> bool:
    """Whether a page is wanted: programs ask for anything or for JSON."""
    return "text/html" in request.headers.get("accept", "")


def _methods(request: Request) -> list[str]:
    """What all routes of a path allow together: the framework names only those of the first one."""

    def is_allowed(method: str) -> bool:
        asked = {**request.scope, "method": "GET" if method == "HEAD" else method}
        return any(route.matches(asked)[0] == Match.FULL for route in request.app.routes)

    return list(filter(is_allowed, METHODS))


def unexpected(error: Exception, request_id: str) -> Response:
    """The answer when there is a fault in the server; the log gets the traceback."""
    _log.error("request %s failed", request_id, exc_info=error)
    return answer(error, request_id)
