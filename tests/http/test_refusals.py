"""What the HTTP parser refuses has the shape of all errors, and what the description allows gets past it."""

from __future__ import annotations

import http.client
import json
import socket
from urllib.parse import quote

import pytest

from lookalike.server.refusals import LONGEST_HEAD
from lookalike.server.schemas import Search
from serving import Server


def told(server: Server, raw: bytes) -> tuple[http.client.HTTPResponse, bytes]:
    """The answer to these bytes, read to the end of the connection."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        connection.sendall(raw)
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        return answer, answer.read()


@pytest.mark.parametrize(
    "raw",
    [
        b"GET /v1/pictures?where=" + b"x" * LONGEST_HEAD + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        # Far more than is read at once: the connection must not be reset before the answer has been read.
        b"GET /" + b"x" * (4 << 20) + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"what looks like this?\r\n\r\n",
        b"GET /v1/info HTTP/1.1\r\nHost localhost\r\n\r\n",
    ],
    ids=["address", "megabytes", "words", "header"],
)
def test_a_refusal_is_one_of_ours(server: Server, raw: bytes) -> None:
    answer, body = told(server, raw)
    error = json.loads(body)["error"]
    assert (answer.status, error["status"], error["code"]) == (400, 400, "bad_request")
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-request-id"] == error["request_id"]
    assert answer.headers["connection"] == "close"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert 'status="400"' in server.get("/metrics").body.decode()


def test_what_is_allowed_is_never_too_long(server: Server) -> None:
    properties = Search.model_json_schema()["properties"]
    largest = str(2**63 - 1)
    asked = []
    for name, about in properties.items():
        kinds = about.get("anyOf", [about])
        if lengths := [kind["maxLength"] for kind in kinds if "maxLength" in kind]:
            asked.append(f"{name}={quote(chr(0x1F34E)) * lengths[0]}")
        elif about.get("type") == "array":
            asked += [f"{name}={largest}"] * about["maxItems"]
    path = f"/v1/search?{'&'.join(asked)}"
    assert 50_000 < len(path) < LONGEST_HEAD
    answer = server.post(path, ("picture", (server.folder / "query.jpg").read_bytes()))
    assert (answer.status, answer.code) == (404, "no_such_deployment")
    assert server.get(f"/v1/info?deployment={'x' * 201}").code == "usage"
