"""Fetching models, from a small HTTP server on this machine that plays the hub."""

from __future__ import annotations

import hashlib
import json
import os
import re
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from click.testing import CliRunner

from lookalike.cli import lookalike
from lookalike.errors import FetchError, LookalikeError, ModelError
from lookalike.models import Card, fetch, find, hub, onnx_file, read_card

CONTENT = bytes(range(256)) * 9000  # more than two chunks of a megabyte
SHA256 = hashlib.sha256(CONTENT).hexdigest()
REVISION = "0123456789abcdef0123456789abcdef01234567"
RESOLVED = f"/owner/name/resolve/{REVISION}/onnx/model%20a.onnx"
CARD = f"""\
name = "mine"
file = "mine.onnx"
sha256 = "{SHA256}"
summary = "one of my own"

[input]
tensor = "x"
size = 32
short_side = 40

[outputs.v]
tensor = "v"
dimension = 8

[hub]
repository = "owner/name"
revision = "{REVISION}"
file = "onnx/model a.onnx"
"""

Answer = Callable[[BaseHTTPRequestHandler], None]


class Hub:
    """A server that answers every request with `answer` and remembers what it was asked.

    Attributes:
        requests: path and headers of every request.
        answer: what to do with one; the whole file unless changed.
    """

    def __init__(self) -> None:
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.answer: Answer = send_file
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.requests.append((self.path, {k.lower(): v for k, v in self.headers.items()}))
                outer.answer(self)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02})
        self.thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


def send(handler: BaseHTTPRequestHandler, status: int, headers: dict[str, str], body: bytes = b"") -> None:
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(body)


def send_file(handler: BaseHTTPRequestHandler) -> None:
    send(handler, 200, {"Content-Length": str(len(CONTENT))}, CONTENT)


def send_without_length(handler: BaseHTTPRequestHandler) -> None:
    send(handler, 200, {}, CONTENT)


def send_other(handler: BaseHTTPRequestHandler) -> None:
    send(handler, 200, {"Content-Length": "5"}, b"other")


def send_half(handler: BaseHTTPRequestHandler) -> None:
    send(handler, 200, {"Content-Length": str(len(CONTENT))}, CONTENT[: len(CONTENT) // 2])


def refuse(status: int) -> Answer:
    return lambda handler: send(handler, status, {"Content-Length": "0"})


def redirect(to: str, status: int = 302) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        if handler.path == RESOLVED:
            send(handler, status, {"Location": to, "Content-Length": "0"})
        else:
            send_file(handler)

    return answer


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """The hub, which `HF_ENDPOINT` points to."""
    server = Hub()
    monkeypatch.setenv("HF_ENDPOINT", server.address)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.delenv("HF_TOKEN", raising=False)
    yield server
    server.close()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's model folder, which does not exist yet."""
    folder = tmp_path / "some" / "models"
    monkeypatch.setenv("LOOKALIKE_MODELS", str(folder))
    return folder


@pytest.fixture
def card(tmp_path: Path) -> Card:
    (tmp_path / "mine.toml").write_text(CARD, encoding="utf-8")
    return read_card(tmp_path / "mine.toml")


def listing(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# --- all goes well ---------------------------------------------------------------------------


def test_a_model_is_fetched_verified_and_found(server: Hub, folder: Path, card: Card) -> None:
    with pytest.raises(ModelError, match="is not on this machine yet"):
        onnx_file(card)
    path = fetch(card)
    assert path == folder / "mine.onnx"
    assert path.read_bytes() == CONTENT
    assert listing(folder) == ["mine.onnx", "mine.toml"]
    assert [asked for asked, _ in server.requests] == [RESOLVED]  # the pinned revision, quoted
    assert onnx_file(find("mine")) == onnx_file(card) == path


def test_progress_is_told(server: Hub, folder: Path, card: Card) -> None:
    told: list[tuple[int, int | None]] = []
    fetch(card, lambda done, total: told.append((done, total)))
    assert [done for done, _ in told] == sorted({done for done, _ in told})
    assert told[-1] == (len(CONTENT), len(CONTENT))
    assert len(told) >= 3


def test_a_server_that_does_not_say_how_long(server: Hub, folder: Path, card: Card) -> None:
    server.answer = send_without_length
    told: list[tuple[int, int | None]] = []
    fetch(card, lambda done, total: told.append((done, total)))
    assert told[-1] == (len(CONTENT), None)


def test_fetching_again_replaces_a_damaged_file(server: Hub, folder: Path, card: Card) -> None:
    path = fetch(card)
    path.write_bytes(b"damaged")
    with pytest.raises(ModelError, match="fetch or copy it again"):
        onnx_file(card)
    fetch(find("mine"))
    assert onnx_file(card).read_bytes() == CONTENT
    assert (folder / "removed" / "mine" / "mine.onnx").read_bytes() == b"damaged"  # nothing is lost


def test_nothing_is_downloaded_twice(server: Hub, folder: Path, card: Card) -> None:
    assert fetch(card) == fetch(card)
    assert len(server.requests) == 1
    assert listing(folder) == ["mine.onnx", "mine.toml"]


def test_a_file_of_another_model_is_left_alone(server: Hub, folder: Path, card: Card) -> None:
    folder.mkdir(parents=True)
    theirs = CARD.replace(SHA256, hashlib.sha256(b"theirs").hexdigest())
    (folder / "theirs.toml").write_text(theirs.replace('name = "mine"', 'name = "theirs"'))
    (folder / "mine.onnx").write_bytes(b"theirs")
    message = (
        f"{folder / 'mine.onnx'} is the file of model 'theirs': write another name as `file` into the card "
        f"of 'mine'"
    )
    with pytest.raises(ModelError, match=f"^{re.escape(message)}$"):
        fetch(card)
    assert (folder / "mine.onnx").read_bytes() == b"theirs"
    assert server.requests == []


def test_an_older_card_is_kept_aside(server: Hub, folder: Path, card: Card) -> None:
    folder.mkdir(parents=True)
    older = CARD.replace("one of my own", "as it was")
    (folder / "mine.toml").write_text(older)
    fetch(card)
    assert (folder / "mine.toml").read_text() == CARD
    assert (folder / "removed" / "mine" / "mine.toml").read_text() == older


def test_a_card_in_a_folder_given_by_a_relative_path(
    server: Hub, folder: Path, card: Card, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(card.path.parent)
    monkeypatch.setenv("LOOKALIKE_MODELS", ".")
    assert fetch(card).read_bytes() == CONTENT
    assert (card.path.parent / "mine.toml").read_text(encoding="utf-8") == CARD


def test_others_may_read_the_file(server: Hub, folder: Path, card: Card) -> None:
    """As any file this person writes: a model folder may be shared."""
    path = fetch(card)
    (folder / "ordinary").touch()
    assert path.stat().st_mode == (folder / "ordinary").stat().st_mode


def test_the_default_hub(monkeypatch: pytest.MonkeyPatch, card: Card) -> None:
    for value in (None, ""):
        if value is None:
            monkeypatch.delenv("HF_ENDPOINT", raising=False)
        else:
            monkeypatch.setenv("HF_ENDPOINT", value)
        assert hub._address(card) == f"https://huggingface.co{RESOLVED}"
    monkeypatch.setenv("HF_ENDPOINT", "https://mirror.example/hub/")
    assert hub._address(card) == f"https://mirror.example/hub{RESOLVED}"


# --- tokens and redirects --------------------------------------------------------------------


def test_a_token_is_sent(server: Hub, folder: Path, card: Card, monkeypatch: pytest.MonkeyPatch) -> None:
    fetch(card).unlink()
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    fetch(card)
    assert [headers.get("authorization") for _, headers in server.requests] == [None, "Bearer hf_secret"]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_token_is_not_sent_on_to_another_host(
    server: Hub, folder: Path, card: Card, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    other = Hub()
    try:
        server.answer = redirect(f"{other.address}/signed/file", status)
        assert fetch(card).read_bytes() == CONTENT
    finally:
        other.close()
    assert server.requests[0][1]["authorization"] == "Bearer hf_secret"
    ((path, headers),) = other.requests
    assert path == "/signed/file"
    assert "authorization" not in headers
    assert not any("hf_secret" in value for value in headers.values())


def test_a_token_goes_along_within_the_hub(
    server: Hub, folder: Path, card: Card, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hub redirects to the new name of a repository that was renamed."""
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    server.answer = redirect("/new/name")
    assert fetch(card).read_bytes() == CONTENT
    assert [headers.get("authorization") for _, headers in server.requests] == ["Bearer hf_secret"] * 2


def test_redirects_in_a_circle_end(server: Hub, folder: Path, card: Card) -> None:
    server.answer = redirect(RESOLVED)
    with pytest.raises(FetchError, match=r"^the hub answered 302 for "):
        fetch(card)
    assert listing(folder) == []


# --- all that goes wrong ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "hint"),
    [
        (404, "check the card's [hub] section"),
        (401, "set HF_TOKEN to a token that may read it"),
        (403, "set HF_TOKEN to a token that may read it"),
        (429, "try again later"),
        (500, "try again later"),
        (503, "try again later"),
    ],
)
def test_the_hub_refuses(server: Hub, folder: Path, card: Card, status: int, hint: str) -> None:
    server.answer = refuse(status)
    message = f"the hub answered {status} for {server.address}{RESOLVED}: {hint}"
    with pytest.raises(FetchError, match=f"^{re.escape(message)}$"):
        fetch(card)
    assert listing(folder) == []


def test_something_else_comes(server: Hub, folder: Path, card: Card) -> None:
    server.answer = send_other
    with pytest.raises(FetchError) as caught:
        fetch(card)
    digest = hashlib.sha256(b"other").hexdigest()[:12]
    assert f"sent is not model 'mine': sha256 {digest}…" in str(caught.value)
    assert "nothing was kept" in str(caught.value)
    assert listing(folder) == []


def test_a_failure_keeps_what_was_there(server: Hub, folder: Path, card: Card) -> None:
    path = fetch(card)
    path.write_bytes(b"damaged")
    for answer in (send_other, send_half, refuse(404)):
        server.answer = answer
        with pytest.raises(FetchError):
            fetch(card)
    assert listing(folder) == ["mine.onnx", "mine.toml"]
    assert path.read_bytes() == b"damaged"


def test_the_connection_breaks_off(server: Hub, folder: Path, card: Card) -> None:
    server.answer = send_half
    message = (
        f"{server.address}{RESOLVED} broke off after {len(CONTENT) // 2} of {len(CONTENT)} bytes: try again"
    )
    with pytest.raises(FetchError, match=f"^{re.escape(message)}$"):
        fetch(card)
    assert listing(folder) == []


def test_a_server_that_falls_silent(
    server: Hub, folder: Path, card: Card, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "TIMEOUT_SECONDS", 0.1)
    over = threading.Event()

    def stall(handler: BaseHTTPRequestHandler) -> None:
        send(handler, 200, {"Content-Length": str(len(CONTENT))}, CONTENT[:1000])
        over.wait(60)

    for answer in (stall, lambda handler: over.wait(60)):
        server.answer = answer  # type: ignore[assignment]
        with pytest.raises(FetchError, match=r"cannot be reached \(.*timed out\): connect to a network"):
            fetch(card)
        assert listing(folder) == []
    over.set()


def test_without_a_network(folder: Path, card: Card, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{unused.getsockname()[1]}")
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        with pytest.raises(FetchError) as caught:
            fetch(card)
    assert (
        "cannot be reached ([Errno 111] Connection refused): connect to a network, or copy mine.onnx to "
        in (str(caught.value))
    )
    assert str(folder) in str(caught.value)
    assert listing(folder) == []


@pytest.mark.parametrize("endpoint", ["nonsense", "http://", "gopher://x", "http://bad host"])
def test_an_endpoint_that_is_none(
    folder: Path, card: Card, monkeypatch: pytest.MonkeyPatch, endpoint: str
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", endpoint)
    with pytest.raises(FetchError, match="cannot be reached"):
        fetch(card)


def test_more_than_a_model_can_be(
    server: Hub, folder: Path, card: Card, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "MAX_BYTES", 1 << 20)
    server.answer = send_without_length
    with pytest.raises(FetchError, match="sends more than"):
        fetch(card)
    assert listing(folder) == []


def test_interrupted(server: Hub, folder: Path, card: Card) -> None:
    def interrupt(done: int, total: int | None) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch(card, interrupt)
    assert listing(folder) == []


def test_a_folder_that_cannot_be_written_to(
    server: Hub, tmp_path: Path, card: Card, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("LOOKALIKE_MODELS", str(tmp_path / "file" / "models"))
    with pytest.raises(FetchError, match=r"^.*/file/models cannot be written to: Not a directory$"):
        fetch(card)


def test_a_full_disk_is_not_called_a_network_problem(server: Hub, folder: Path, card: Card) -> None:
    def full(done: int, total: int | None) -> None:
        raise OSError(28, os.strerror(28))

    with pytest.raises(FetchError, match=rf"^{folder} cannot be written to: No space left on device$"):
        fetch(card, full)
    assert listing(folder) == []


def test_a_card_without_a_hub(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(CARD[: CARD.index("[hub]")], encoding="utf-8")
    with pytest.raises(ModelError, match=r"^model 'mine' has no \[hub\] section"):
        fetch(read_card(tmp_path / "own.toml"))
    assert not folder.exists()


# --- from the shell --------------------------------------------------------------------------


def run(*arguments: str) -> str:
    result = CliRunner().invoke(lookalike, ["models", *arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_models_from_the_shell(server: Hub, folder: Path, card: Card) -> None:
    folder.mkdir(parents=True)
    card.path.rename(folder / "mine.toml")
    listed = {model["name"]: model for model in json.loads(run("--json"))}
    assert listed["mine"]["here"] is False
    assert listed["efficientnet-lite0"]["here"] is True
    assert run("fetch", "mine") == f"{folder / 'mine.onnx'}\n"
    listed = {model["name"]: model for model in json.loads(run("--json"))}
    assert listed["mine"]["here"] is True
    assert listed["mine"]["outputs"] == {"v": {"dimension": 8, "summary": ""}}
    assert re.search(r"mine +v \(8\) +yes", run())
    assert run("show", "mine") == CARD
    assert json.loads(run("show", "mine", "--json"))["sha256"] == SHA256


def test_a_card_is_fetched_by_its_path_from_the_shell(server: Hub, folder: Path, card: Card) -> None:
    assert run("fetch", str(card.path)) == f"{folder / 'mine.onnx'}\n"
    assert json.loads(run("show", "mine", "--json"))["here"] is True


def test_what_goes_wrong_reaches_the_shell(server: Hub, folder: Path, card: Card) -> None:
    server.answer = refuse(404)
    result = CliRunner().invoke(lookalike, ["models", "fetch", str(card.path)])
    assert isinstance(result.exception, LookalikeError)
    assert result.exception.exit_code == 1
