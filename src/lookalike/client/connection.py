"""Requests to a server, and its errors as those of this library."""

from __future__ import annotations

import http.client
import json
import ssl
import threading
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode, urlsplit

from lookalike.client.sending import Part, multipart
from lookalike.errors import (
    CollectionBusy,
    CollectionError,
    CollectionNotFound,
    LookalikeError,
    ModelError,
    NotInCollection,
    PictureError,
    RequestError,
    UsageError,
)

_ERRORS: dict[str, type[LookalikeError]] = {
    "filter": UsageError,
    "usage": UsageError,
    "picture": PictureError,
    "not_in_collection": NotInCollection,
    "collection": CollectionError,
    "collection_busy": CollectionBusy,
    "collection_not_found": CollectionNotFound,
    "model": ModelError,
}


class Connection:
    """The way to a deployment of a server. Safe to use from several threads; each has its connection.

    Args:
        url: of the server.
        token: what it wants to see; None for none.
        deployment: which of its collections.
        timeout: seconds to wait for an answer.
        context: how certificates are checked with https; None for the system's way.

    Raises:
        UsageError: the address is no http or https one.
    """

    def __init__(
        self, url: str, token: str | None, deployment: str, timeout: float, context: ssl.SSLContext | None
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise UsageError(f"url must be like http://127.0.0.1:8000, got {url!r}")
        self.url, self.deployment = url.rstrip("/"), deployment
        self._parts, self._timeout, self._context = parts, timeout, context
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._local = threading.local()
        self._open: list[http.client.HTTPConnection] = []

    def get(self, path: str, **query: Any) -> bytes:
        """What an address of the deployment answers; of the query, None is left out."""
        return self.request("GET", self._path(path, **query))

    def json(self, method: str, path: str, **query: Any) -> Any:
        """The same, read, and for any method."""
        return json.loads(self.request(method, self._path(path, **query)))

    def post(self, path: str, parts: Sequence[Part]) -> bytes:
        """What it answers to a form."""
        body, kind = multipart(parts)
        return self.request("POST", self._path(path), body, {"Content-Type": kind})

    def form(self, path: str, parts: Sequence[Part]) -> Any:
        """The same, read."""
        return json.loads(self.post(path, parts))

    def tell(self, method: str, path: str, value: Any) -> Any:
        """What it answers to a value sent as JSON, read."""
        body = json.dumps(value).encode()
        answer = self.request(method, self._path(path), body, {"Content-Type": "application/json"})
        return json.loads(answer)

    def _path(self, path: str, **query: Any) -> str:
        given = {"deployment": self.deployment, **query}
        told = {name: value for name, value in given.items() if value is not None}
        return f"{path}?{urlencode(told, doseq=True)}"

    def request(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> bytes:
        """The body of an answer.

        Raises:
            RequestError: the server cannot be reached, or refuses.
            LookalikeError: what the server says is wrong, as the collection itself would say it.
        """
        for last in (False, True):
            connection = self._connection()
            try:
                connection.request(
                    method, self._parts.path + path, body, {**self._headers, **(headers or {})}
                )
                answer = connection.getresponse()
                data = answer.read()
            except (http.client.HTTPException, OSError) as error:
                connection.close()
                # The server may have closed a connection that was not used for a while; every request may
                # be repeated, adding included. (A removal done already is then told as NotInCollection.)
                if last or isinstance(error, TimeoutError):
                    reason = str(error) or type(error).__name__
                    raise RequestError(f"{self.url} cannot be reached: {reason}") from error
                continue
            if answer.status >= 400:
                raise _error(answer, data)
            return data
        raise AssertionError

    def _connection(self) -> http.client.HTTPConnection:
        connection: http.client.HTTPConnection | None = getattr(self._local, "connection", None)
        if connection is None:
            host, port = self._parts.hostname or "", self._parts.port
            if self._parts.scheme == "https":
                connection = http.client.HTTPSConnection(
                    host, port, timeout=self._timeout, context=self._context
                )
            else:
                connection = http.client.HTTPConnection(host, port, timeout=self._timeout)
            self._local.connection = connection
            self._open.append(connection)
        return connection

    def close(self) -> None:
        """Close the connections. Closing twice is harmless."""
        for connection in self._open:
            connection.close()


def _error(answer: http.client.HTTPResponse, data: bytes) -> LookalikeError:
    try:
        said = json.loads(data)["error"]
        code, message = str(said["code"]), str(said["message"])
    except (ValueError, KeyError, TypeError):
        code, message = "", f"the server answered {answer.status} {answer.reason}"
    kind = _ERRORS.get(code)
    if kind is not None:
        return kind(message)
    if answer.status == 401:  # what the server says is for those who write the header themselves
        message = 'the server wants to see a valid token: Client(url, token="…")'
    after = answer.headers.get("Retry-After", "")
    return RequestError(message, answer.status, code, int(after) if after.isdecimal() else None)
