"""What the HTTP parser refuses has the shape of all errors, and what the description allows gets past it."""

from __future__ import annotations

import http.client
import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import quote

import pytest

from lookalike.server.refusals import LONGEST_HEAD
from lookalike.server.schemas.questions import Search
from serving import Server, make_collection, start

HEALTH = b"GET /v1/health HTTP/1.1\r\nHost: localhost\r\n\r\n"


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


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, draw_shop: Callable[[Path], Path]) -> Path:
    """A folder with a collection."""
    folder = tmp_path_factory.mktemp("narrow")
    return make_collection(folder, draw_shop(folder / "pictures"))


def started(folder: Path, settings: str) -> Iterator[Server]:
    (folder / "serve.toml").write_text(settings)
    running = start(folder, "--config", "serve.toml")
    yield running
    assert running.stop() == 0


@pytest.fixture(scope="module")
def hasty(folder: Path) -> Iterator[Server]:
    """A server that waits a short time for what a connection brings."""
    yield from started(folder, "head_seconds = 1\n")


@pytest.fixture(scope="module")
def narrow(folder: Path) -> Iterator[Server]:
    """A server that takes few connections, each for as long as a slow machine needs."""
    yield from started(folder, "max_connections = 5\nhead_seconds = 600\n")


def sent_at_once(server: Server, sent: bytes, then: bytes = b"") -> bytes:
    """What comes back until the server closes the connection, in a try in which `sent` was sent at once: a
    busy machine may stop between connecting and sending for longer than this server waits. When an answer
    has come, `then` is sent."""
    for _ in range(30):
        with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
            connected = time.monotonic()
            connection.sendall(sent)
            in_time = time.monotonic() - connected < 0.3
            said = connection.recv(10_000)
            connection.sendall(then if said else b"")
            said += b"".join(iter(lambda: connection.recv(10_000), b""))
        if in_time:
            return said
    raise AssertionError("this machine never sent a few bytes at once")


@pytest.mark.parametrize(
    "sent", [b"", b"GET /v1/health HTTP/1.1\r\nHost: loc"], ids=["nothing", "half a head"]
)
def test_a_connection_that_brings_no_request_is_closed(hasty: Server, sent: bytes) -> None:
    said = sent_at_once(hasty, sent)
    assert said[:13] == (b"HTTP/1.1 408 " if sent else b"")


def test_the_next_request_of_a_connection_has_to_come_in_time_too(hasty: Server) -> None:
    said = sent_at_once(hasty, HEALTH, HEALTH[:20])
    assert said.startswith(b"HTTP/1.1 200 ")
    assert b"HTTP/1.1 408 " in said


def test_a_head_in_pieces_is_taken(narrow: Server) -> None:
    with socket.create_connection(("127.0.0.1", narrow.port), timeout=30) as slow:
        for byte in range(len(HEALTH)):
            slow.sendall(HEALTH[byte : byte + 1])
        assert slow.recv(10_000).startswith(b"HTTP/1.1 200 ")


def test_connections_are_counted(narrow: Server) -> None:
    with ExitStack() as opened:
        for _ in range(5):
            opened.enter_context(socket.create_connection(("127.0.0.1", narrow.port), timeout=30))
        with socket.create_connection(("127.0.0.1", narrow.port), timeout=30) as more:
            said = b"".join(iter(lambda: more.recv(10_000), b""))
    assert said.startswith(b"HTTP/1.1 429 ")
    assert b"\r\nretry-after: 1\r\n" in said.lower()
    end = time.monotonic() + 30
    while narrow.get("/v1/health").status == 429:  # until it has noticed that they have gone
        assert time.monotonic() < end
    assert narrow.get("/v1/health").status == 200
