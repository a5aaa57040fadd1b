"""Who may ask, how much, and what is never given out."""

from __future__ import annotations

import base64
import http.client
import os
import re
import select
import shutil
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from pydantic import SecretStr

from lookalike.client import Client
from lookalike.collection import Collection
from lookalike.errors import RequestError
from lookalike.server.schemas.questions import Login
from lookalike.server.settings import Settings
from serving import Server, multipart

WRITE, READ = "write-0123456789abcdef", "read-0123456789abcdef"
Serving = Callable[..., Server]


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def basic(user: str, password: str = "") -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


# --- tokens -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory, draw_shop: Callable[[Path], Path]):
    """A server with two tokens, and small limits."""
    from serving import make_collection, start

    folder = tmp_path_factory.mktemp("guarded")
    make_collection(folder, draw_shop(folder / "pictures"))
    # Time enough to send: a busy machine must not make a refusal of another kind.
    (folder / "serve.toml").write_text(
        f'read_token = "{READ}"\nmax_picture_bytes = 100000\nmax_body_bytes = 300000\n'
        "max_held_bytes = 400000\nupload_seconds = 600\nmax_pixels = 40000\ncors_origins = ['https://ok.example']\n"
    )
    running = start(folder, "--config", "serve.toml", LOOKALIKE_SERVE_TOKEN=WRITE)
    yield running
    assert running.stop() == 0


@pytest.mark.parametrize(
    "headers",
    [
        {},
        bearer("x"),
        bearer(""),
        bearer(READ + "x"),
        basic(READ, "x"),
        basic(""),
        {"Authorization": "Basic é"},
    ],
)
def test_without_a_valid_token_there_is_no_answer(guarded: Server, headers: dict[str, str]) -> None:
    for path in ("/v1/info", "/v1/pictures/1/original", "/metrics", "/v1/deployments"):
        answer = guarded.get(path, **headers)
        assert (answer.status, answer.code) == (401, "unauthorized")
        assert answer.headers["www-authenticate"].startswith("Basic")


@pytest.mark.parametrize("token", [None, "x"])
def test_the_client_says_how_it_takes_a_token(guarded: Server, token: str | None) -> None:
    with Client(guarded.url, token=token) as client, pytest.raises(RequestError, match="token=") as caught:
        client.info()
    assert (caught.value.status, caught.value.code) == (401, "unauthorized")


@pytest.mark.parametrize("headers", [bearer(READ), bearer(WRITE), basic(READ), basic(WRITE)])
def test_both_tokens_read_in_both_ways(guarded: Server, headers: dict[str, str]) -> None:
    assert guarded.get("/v1/info", **headers).status == 200


def test_only_one_token_writes(guarded: Server) -> None:
    refused = guarded.ask("DELETE", "/v1/pictures/999", None, bearer(READ))
    assert (refused.status, refused.code) == (403, "forbidden")
    assert guarded.ask("PATCH", "/v1/pictures/1/metadata", b"{}", bearer(READ)).status == 403
    assert guarded.ask("PUT", "/v1/deployments/default", b"{}", bearer(READ)).status == 403
    assert guarded.ask("POST", "/v1/pictures", b"x", bearer(READ)).status == 403
    assert guarded.ask("PATCH", "/v1/pictures/1/metadata", b"{}", bearer(WRITE)).status == 200


def test_health_and_docs_need_no_token(guarded: Server) -> None:
    for path in ("/v1/health", "/v1/ready", "/openapi.json", "/docs", "/"):
        assert guarded.get(path).status == 200
    assert guarded.get("/openapi.json").json["security"] == [{"bearer": []}, {"basic": []}]


def test_another_address_gets_a_token_made_and_read_only_is_read_only(serving: Serving) -> None:
    server = serving("--host", "0.0.0.0", "--read-only")
    (line,) = [line for line in server.said if line.startswith("Token")]
    token = line.rpartition(" ")[2]
    assert len(token) >= 32
    assert server.get("/v1/pictures/1").status == 401
    assert server.get("/v1/pictures/1", **bearer(token)).status == 200
    refused = server.ask("DELETE", "/v1/pictures/1", None, bearer(token))
    assert (refused.status, refused.code) == (403, "read_only")
    assert server.get("/v1/health", Host="any.name").status == 200


def test_who_has_shown_no_token_may_send_little(guarded: Server) -> None:
    body = b'{"token": "' + b"x" * 5000 + b'"}'
    answer = guarded.ask("POST", "/v1/session", body)
    assert (answer.status, answer.code) == (413, "too_large")


def test_the_cookie_has_the_port_in_its_name(guarded: Server) -> None:
    def named(**headers: str) -> str:
        answer = guarded.ask("POST", "/v1/session", b'{"token": "%s"}' % READ.encode(), headers)
        cookie = answer.headers["set-cookie"].partition(";")[0]
        assert guarded.get("/v1/info", Cookie=cookie, **headers).status == 200
        ended = guarded.ask("DELETE", "/v1/session", None, headers).headers["set-cookie"]
        assert ended.partition("=")[0] == cookie.partition("=")[0]
        assert ("Secure" in ended) == cookie.startswith("__Host-")
        return cookie.partition("=")[0]

    assert named() == f"lookalike_session_{guarded.port}"
    assert named(Host="localhost:81") == "lookalike_session_81"
    assert named(Host="localhost") == "lookalike_session"
    assert named(Host="localhost", Origin="https://localhost") == "__Host-lookalike_session"


@pytest.mark.parametrize(("length", "allowed"), [(15, False), (16, True), (1000, True), (1001, False)])
def test_a_token_that_is_allowed_can_sign_in(length: int, allowed: bool) -> None:
    token = "x" * length
    if not allowed:
        with pytest.raises(ValueError, match="characters"):
            Settings(token=SecretStr(token))
    else:
        Settings(token=SecretStr(token))
        assert Login(token=token).token == token


# --- other pages and other names ---------------------------------------------------------------


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil:80", "", "[::1", "a@b"]
)
def test_another_name_is_refused(guarded: Server, host: str) -> None:
    answer = guarded.get("/v1/health", Host=host)
    assert (answer.status, answer.code) == (421, "wrong_host")


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "LOCALHOST:1", "[::1]:8000"])
def test_our_own_names_are_known(guarded: Server, host: str) -> None:
    assert guarded.get("/v1/health", Host=host).status == 200


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "https://ok.example.evil", "http://localhost"]
)
def test_pages_from_elsewhere_may_not_ask(guarded: Server, origin: str) -> None:
    answer = guarded.ask("POST", "/v1/search", b"", {"Origin": origin, **bearer(WRITE)})
    assert (answer.status, answer.code) == (403, "wrong_origin")
    assert "access-control-allow-origin" not in answer.headers


def test_a_picture_on_another_site_makes_no_work(serving: Serving) -> None:
    server = serving()
    for site, dest, status in (
        ("cross-site", "image", 403),
        ("cross-site", "iframe", 403),
        ("cross-site", "", 403),
        ("cross-site", "document", 200),  # a link
        ("same-origin", "image", 200),
        ("none", "document", 200),
    ):
        answer = server.get("/v1/facets", **{"Sec-Fetch-Site": site, "Sec-Fetch-Dest": dest})
        assert answer.status == status, (site, dest)
        assert status == 200 or answer.code == "wrong_origin"


def test_a_listed_page_may_ask(guarded: Server) -> None:
    asked = {"Origin": "https://ok.example", "Access-Control-Request-Method": "POST"}
    preflight = guarded.ask("OPTIONS", "/v1/search", None, asked)
    assert preflight.status == 200
    assert preflight.headers["access-control-allow-origin"] == "https://ok.example"
    own = guarded.get("/v1/health", Origin=guarded.url)
    assert own.status == 200


def test_every_answer_has_the_headers(guarded: Server) -> None:
    for path in ("/", "/v1/info", "/nothing", "/docs"):
        headers = guarded.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["content-security-policy"].startswith("default-src 'none'")
        assert "server" not in headers


# --- limits -----------------------------------------------------------------------------------


def test_what_is_too_large_is_refused(guarded: Server) -> None:
    for size, path in ((150_000, "/v1/search"), (2_000_000, "/v1/search"), (2_000_000, "/v1/pictures")):
        headers = {"Content-Type": "image/jpeg", **bearer(WRITE)}
        answer = guarded.ask("POST", path, bytes(size), headers)
        assert (answer.status, answer.code) == (413, "too_large")
        body, kind = multipart(("picture", bytes(size)))
        answer = guarded.ask("POST", path, body, {"Content-Type": kind, **bearer(WRITE)})
        assert (answer.status, answer.code) == (413, "too_large")


def test_a_body_without_a_length_is_limited_too(guarded: Server) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", guarded.port, timeout=30)
    parts = (bytes(50_000) for _ in range(20))
    headers = {"Content-Type": "image/jpeg", **bearer(WRITE)}
    connection.request("POST", "/v1/search", parts, headers, encode_chunked=True)
    assert connection.getresponse().status == 413
    connection.close()


def test_too_many_pixels_are_refused(guarded: Server, photo: Callable[..., object]) -> None:
    import io

    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(photo(1, (400, 300))).save(buffer, "JPEG")
    headers = {"Content-Type": "image/jpeg", **bearer(WRITE)}
    answer = guarded.ask("POST", "/v1/search", buffer.getvalue(), headers)
    assert (answer.status, answer.code) == (422, "picture")
    assert "40000" in answer.json["error"]["message"]


def test_who_sends_too_slowly_is_refused(serving: Serving) -> None:
    server = serving(LOOKALIKE_SERVE_UPLOAD_SECONDS="0.5")
    head = "POST /v1/search HTTP/1.1\r\nHost: localhost\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as slow:
        slow.sendall(f"{head}Content-Type: image/jpeg\r\nContent-Length: 1000\r\n\r\nabc".encode())
        assert slow.recv(100).startswith(b"HTTP/1.1 408 ")


def test_a_body_that_comes_after_the_refusal_does_not_keep_the_connection(guarded: Server) -> None:
    head = b"POST /v1/search HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n"
    with socket.create_connection(("127.0.0.1", guarded.port), timeout=30) as late:
        late.sendall(head)
        select.select([late], [], [], 30)  # until it has been refused
        answer = b""
        with suppress(ConnectionError):  # it may have closed before this comes: what it said is here anyway
            late.sendall(b"0123456789")
            while part := late.recv(10_000):  # ends when the server closes
                answer += part
    assert answer.startswith(b"HTTP/1.1 401 ")
    with socket.create_connection(("127.0.0.1", guarded.port), timeout=30) as never:
        never.sendall(head)
        answer = b""
        while part := never.recv(10_000):
            answer += part
    assert answer.startswith(b"HTTP/1.1 401 ")
    assert b"connection: close" in answer.lower()


def test_bodies_together_are_limited_and_given_back(guarded: Server) -> None:
    head = f"POST /v1/search HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {READ}\r\n"
    head += "Content-Type: image/jpeg\r\nContent-Length: 250000\r\n\r\n"
    with (
        socket.create_connection(("127.0.0.1", guarded.port), timeout=30) as one,
        socket.create_connection(("127.0.0.1", guarded.port), timeout=30) as two,
    ):
        for each in (one, two):
            each.sendall(head.encode() + bytes(249_000))
        (refused, *_), _, _ = select.select([one, two], [], [], 30)
        assert refused.recv(12) == b"HTTP/1.1 429"
        taken = two if refused is one else one
        taken.sendall(bytes(1_000))
        assert taken.recv(12) == b"HTTP/1.1 413"  # read to its end, and too large for one picture
    end = time.monotonic() + 30
    while b"lookalike_held_bytes 0.0" not in guarded.get("/metrics", **bearer(READ)).body:
        assert time.monotonic() < end


# --- files ------------------------------------------------------------------------------------


def test_originals_only_from_indexed_folders_and_only_what_was_indexed(
    serving: Serving, tmp_path: Path
) -> None:
    server = serving()
    outside = tmp_path / "outside"
    outside.mkdir()
    shutil.copy(tmp_path / "query.jpg", outside / "secret.jpg")
    link, swapped = tmp_path / "pictures" / "link.jpg", tmp_path / "pictures" / "swapped.jpg"
    link.symlink_to(outside / "secret.jpg")
    shutil.copy(tmp_path / "pictures" / "red-circle.jpg", swapped)
    alone = tmp_path / "alone.jpg"
    shutil.copy(tmp_path / "pictures" / "red-square.jpg", alone)
    with Collection.open(tmp_path / "collection") as collection:
        collection.add([tmp_path / "pictures", alone])
        ids = {name: collection.picture(name).id for name in map(str, (link, swapped, alone))}
    swapped.write_bytes((tmp_path / "pictures" / "shop.csv").read_bytes())
    for path in (str(link), str(swapped)):
        for what in ("original", "thumbnail"):
            answer = server.get(f"/v1/pictures/{ids[path]}/{what}")
            assert (answer.status, answer.code) == (404, "no_original"), path
    assert server.get(f"/v1/pictures/{ids[str(alone)]}/original").body == alone.read_bytes()
    os.remove(alone)
    assert server.get(f"/v1/pictures/{ids[str(alone)]}/original").code == "no_original"


@pytest.mark.parametrize(
    "path", ["/v1/pictures/..%2f..%2fetc%2fpasswd/original", "/v1/pictures/1%00/original"]
)
def test_ids_are_never_paths(guarded: Server, path: str) -> None:
    assert guarded.get(path, **bearer(READ)).status in (404, 422)


# --- more than can be done, and the end --------------------------------------------------------


def in_work(server: Server) -> int:
    found = re.search(rb"^lookalike_in_work (\d+)", server.get("/metrics").body, re.MULTILINE)
    return int(found[1]) if found else 0


def test_overload_is_refused_and_the_end_waits_for_what_is_in_work(serving: Serving) -> None:
    server = serving("--threads", "1", LOOKALIKE_SERVE_WAITING="3", LOOKALIKE_SERVE_ORIGINALS="false")
    assert server.get("/v1/pictures/1/original").code == "no_originals"
    assert server.get("/v1/pictures/1/thumbnail").status == 200
    data = (server.folder / "query.jpg").read_bytes()
    found: list[tuple[int, str]] = []
    end = time.monotonic() + 60

    def ask() -> None:
        answer = server.post("/v1/duplicates", ("picture", data))
        found.append((answer.status, answer.headers.get("retry-after", "")))

    def ask_until_one_is_refused() -> None:
        while 429 not in {status for status, _ in found} and time.monotonic() < end:
            ask()

    def begin(count: int, task: Callable[[], None]) -> list[threading.Thread]:
        threads = [threading.Thread(target=task) for _ in range(count)]
        for thread in threads:
            thread.start()
        return threads

    for thread in begin(16, ask_until_one_is_refused):
        thread.join()
    assert {status for status, _ in found} == {200, 429}
    assert all(int(after) >= 1 for status, after in found if status == 429)
    found.clear()
    threads = begin(3, ask)
    while len(found) + in_work(server) < 3:  # in this order none is counted twice
        time.sleep(0.01)
    assert server.stop() == 0
    for thread in threads:
        thread.join()
    assert [status for status, _ in found] == [200] * 3
