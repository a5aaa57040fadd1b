"""Pictures by their URL: off unless switched on, and then only from the public web, within limits."""

from __future__ import annotations

import json
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path

import pytest
import uvicorn

from lookalike.errors import RequestError
from lookalike.server import fetching
from lookalike.server.app import create
from lookalike.server.auth import Auth
from lookalike.server.fetching import Address, Fetcher, is_public
from lookalike.server.service import FETCHES, Service
from lookalike.server.settings import Settings, Source
from serving import Server, make_collection, start

LIMIT = 100_000
PLACES = [
    ("/v1/search", "url"),
    ("/v1/duplicates", "url"),
    ("/v1/compare", "first_url"),
    ("/v1/explain", "url"),
]
OTHER = {"/v1/compare": [("second_id", "1")], "/v1/explain": [("found_id", "1")]}


# --- a server elsewhere -----------------------------------------------------------------------


class Elsewhere(ThreadingHTTPServer):
    """A server that has one picture, and many ways to be a nuisance."""

    daemon_threads = True
    picture = b""
    scheme = "http"

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answering)
        self.heads: list[tuple[str, dict[str, str]]] = []
        self.gate, self.waiting = threading.Event(), threading.Semaphore(0)

    @property
    def port(self) -> int:
        return self.server_address[1]

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        return f"{self.scheme}://{host}:{self.port}{path}"

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away is no fault."""


class Answering(BaseHTTPRequestHandler):
    server: Elsewhere

    def do_GET(self) -> None:
        self.server.heads.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
        path, _, rest = self.path.partition("?")
        if path == "/to":
            self.begin(302, Location=rest)
        elif path == "/loop":
            self.begin(301, Location="/loop")
        elif path == "/large":
            self.begin(200, Content_Length=str(LIMIT + 1))
        elif path == "/endless":
            self.begin(200)
            while True:
                self.wfile.write(b"x" * 1000)
        elif path == "/slow":
            self.begin(200)
            while True:
                self.wfile.write(b"x")
                time.sleep(0.01)
        elif path == "/slow-head":
            while True:
                self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                time.sleep(0.01)
        elif path == "/short":
            self.begin(200, Content_Length="1000")
            self.wfile.write(b"x")
        elif path == "/noise":
            self.wfile.write(b"\0\xff" * 100)
        elif path == "/text":
            self.begin(200)
            self.wfile.write(b"no picture")
        elif path == "/gate":
            self.server.waiting.release()
            self.server.gate.wait(60)
            self.whole()
        elif path == "/chunked":
            self.protocol_version = "HTTP/1.1"
            self.begin(200, Transfer_Encoding="chunked")
            self.wfile.write(b"%x\r\n%s\r\n0\r\n\r\n" % (len(self.server.picture), self.server.picture))
        elif path == "/picture.jpg":
            self.whole()
        else:
            self.begin(404)

    def whole(self) -> None:
        self.begin(200, Content_Length=str(len(self.server.picture)), Set_Cookie="a=b")
        self.wfile.write(self.server.picture)

    def begin(self, status: int, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Tests are quiet."""


@contextmanager
def listening(there: Elsewhere) -> Iterator[Elsewhere]:
    thread = threading.Thread(target=there.serve_forever, daemon=True)
    thread.start()
    yield there
    there.gate.set()
    there.shutdown()
    there.server_close()
    thread.join()


@pytest.fixture
def elsewhere() -> Iterator[Elsewhere]:
    with listening(Elsewhere()) as there:
        there.picture = b"the bytes of a picture"
        yield there


def only_here(address: Address) -> bool:
    """What tests allow in place of `is_public`: one address of this machine."""
    return address == ip_address("127.0.0.1")


def fetcher(there: Elsewhere, **options: object) -> Fetcher:
    given = {"max_bytes": LIMIT, "seconds": 60, "allows": only_here, "ports": (there.port,)}
    return Fetcher(**{**given, **options})


def nothing(_: int) -> None:
    """Who counts no bytes."""


def refusal(one: Fetcher, url: str) -> tuple[int, str, str]:
    with pytest.raises(RequestError) as refused:
        one.fetch(url, nothing)
    return refused.value.status, refused.value.code, str(refused.value)


# --- addresses --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.9.9.9", "0.0.0.0", "0.1.2.3", "10.0.0.1", "172.16.0.1", "172.31.255.255"),
        *("192.168.1.1", "169.254.169.254", "100.64.0.1", "100.100.100.200", "224.0.0.1", "239.255.255.250"),
        *("240.0.0.1", "255.255.255.255", "192.0.0.192", "192.0.2.1", "198.18.0.1", "192.88.99.1"),
        *("168.63.129.16", "::", "::1", "::127.0.0.1", "fe80::1", "fe80::1%eth0", "fec0::1", "fc00::1"),
        *("fd00:ec2::254", "ff02::1", "ff0e::1", "2001:db8::1", "2001::1", "100::1", "64:ff9b:1::a00:1"),
        *(
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::ffff:a9fe:a9fe",
            "64:ff9b::127.0.0.1",
            "64:ff9b::a9fe:a9fe",
        ),
        *("2002:7f00:1::", "2002:a00:1::1", "2002:c0a8:101::1", "2002:a9fe:a9fe::"),
    ],
)
def test_what_is_not_public_is_refused(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize(
    "address",
    ["9.9.9.9", "172.32.0.1", "2620:fe::fe", "::ffff:9.9.9.9", "64:ff9b::9.9.9.9", "2002:909:909::1"],
)
def test_what_is_public_is_not(address: str) -> None:
    assert is_public(ip_address(address))


NOWHERE = [
    *("http://127.0.0.1/", "http://127.1/", "http://2130706433/", "http://0x7f000001/", "http://0x7f.0.0.1/"),
    *("http://017700000001/", "http://0177.0.0.1/", "http://127.0.0.01/", "http://127.0.0.1./", "http://0/"),
    *("http://0.0.0.0/", "http://[::]/", "http://[::1]/", "http://[::ffff:127.0.0.1]/", "http://localhost/"),
    *("http://LOCALHOST/", "http://10.0.0.1/", "https://192.168.0.1:443/", "http://169.254.169.254/latest/"),
    *("http://[fd00:ec2::254]/", "http://[64:ff9b::7f00:1]/", "http://[2002:7f00:1::]/", "http://1:80/"),
    *("http://0x/", "http://9.9.9.9.9/"),
]
MALFORMED = [
    *(
        "file:///etc/passwd",
        "ftp://shop.example/a.jpg",
        "data:image/png;base64,AAAA",
        "gopher://shop.example/",
    ),
    *(
        "jar:http://shop.example/a!/b",
        "//shop.example/a.jpg",
        "a.jpg",
        "",
        "http:",
        "http://",
        "http:///a.jpg",
    ),
    *("http://user@shop.example/", "http://user:word@shop.example/", "http://@shop.example/", "http://a\\b/"),
    *("http://shop.example:22/", "http://shop.example:8080/", "https://shop.example:0/", "http://a:/"),
    *(
        "http://a:99999/",
        "http://a:x/",
        "http://a:-80/",
        "http://[::1/",
        "http://[::1%25lo]/",
        "http://a%2eb/",
    ),
    *("http://shop.example/a b", "http://shop.example/\r\nX: y", "http://shop.example/\t", " http://a/"),
    *(
        "http://shöp.example/",
        "http://shop.example/ö",
        "http://a,b/",
        "http://[a]b/",
        "http://a/\0",
        "http://\u3002/",
    ),
]


def never(*_: object) -> socket.socket:
    raise AssertionError("connected")


@pytest.mark.parametrize("url", NOWHERE)
def test_every_way_to_write_an_inner_address_is_answered_alike(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "_connect", never)
    names = {"localhost": ["127.0.0.1", "::1"]}
    one = Fetcher(LIMIT, 60, addresses=lambda host, port: names[host])
    message = "this URL is not fetched: it does not lead to a public address of the web"
    assert refusal(one, url) == (422, "url", message)


@pytest.mark.parametrize("url", MALFORMED)
def test_what_is_no_url_of_the_web_is_not_even_looked_up(url: str) -> None:
    status, code, message = refusal(Fetcher(LIMIT, 60, addresses=never), url)
    assert (status, code) == (422, "url")
    assert "public address" not in message


@pytest.mark.parametrize(
    "addresses",
    [
        [],
        ["10.0.0.1"],
        ["9.9.9.9", "10.0.0.1"],
        ["2620:fe::fe", "::1"],
        ["fe80::1%eth0"],
        ["?"],
        ["9.9.9.9"] * 20 + ["10.0.0.1"],
    ],
)
def test_one_inner_address_of_a_name_is_enough(addresses: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that is not known is answered like one of the inner network: who asks learns nothing of it."""
    monkeypatch.setattr(fetching, "_connect", never)
    one = Fetcher(LIMIT, 60, addresses=lambda host, port: addresses)
    assert "public address" in refusal(one, "http://shop.example/")[2]


def test_the_system_is_asked_for_names(monkeypatch: pytest.MonkeyPatch) -> None:
    def found(host: str, port: int, **_: object) -> list[tuple]:
        if host == "unknown":
            raise socket.gaierror
        return [(0, 0, 0, "", (address, port)) for address in ("9.9.9.9", "2620:fe::fe", "9.9.9.9")]

    monkeypatch.setattr(socket, "getaddrinfo", found)
    assert fetching.resolve("shop.example", 80) == ["9.9.9.9", "2620:fe::fe"]
    assert fetching.resolve("unknown", 80) == []


# --- fetching ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", ["/picture.jpg", "/picture.jpg?a=b#c", "/chunked", "/to?/to?/to?/picture.jpg"]
)
def test_a_picture_is_fetched(elsewhere: Elsewhere, path: str) -> None:
    sizes: list[int] = []
    assert fetcher(elsewhere).fetch(elsewhere.url(path), sizes.append) == elsewhere.picture
    assert sum(sizes) == len(elsewhere.picture)


def test_a_name_is_looked_up_once_and_little_is_sent(
    elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second answer of a name that changes what it means (DNS rebinding) is never asked for."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    asked = []

    def addresses(host: str, port: int) -> list[str]:
        asked.append((host, port))
        return ["127.0.0.1"] if len(asked) == 1 else ["10.0.0.1"]

    one = fetcher(elsewhere, addresses=addresses)
    assert one.fetch(elsewhere.url("/picture.jpg", "shop.example"), nothing) == elsewhere.picture
    assert asked == [("shop.example", elsewhere.port)]
    ((path, head),) = elsewhere.heads
    assert (path, head) == (
        "/picture.jpg",
        {
            "host": f"shop.example:{elsewhere.port}",
            "user-agent": "lookalike",
            "accept": "image/*",
            "accept-encoding": "identity",
            "connection": "close",
        },
    )
    assert "public address" in refusal(one, elsewhere.url("/picture.jpg", "shop.example"))[2]


def test_the_next_address_is_tried(elsewhere: Elsewhere) -> None:
    def allows(address: Address) -> bool:
        return address.is_loopback

    for addresses in (["127.0.0.2", "127.0.0.1"], ["::1", "127.0.0.1"]):
        one = fetcher(elsewhere, allows=allows, addresses=lambda host, port, them=addresses: them)
        assert one.fetch(elsewhere.url("/picture.jpg", "shop.example"), nothing) == elsewhere.picture


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("http://127.0.0.2:{port}/picture.jpg", "public address"),
        ("//10.0.0.1:{port}/", "public address"),
        ("http://169.254.169.254:{port}/latest/meta-data", "public address"),
        ("http://2130706433:{port}/", "public address"),
        ("/to?http://[::1]:{port}/", "public address"),
        ("http://127.0.0.1:22/", "only the ports"),
        ("http://a@127.0.0.1:{port}/", "user name"),
        ("file:///etc/passwd", "only http"),
        ("ftp://127.0.0.1:{port}/", "only http"),
        ("http://[", "no URL"),
    ],
)
def test_a_redirect_is_checked_like_the_first_url(elsewhere: Elsewhere, target: str, message: str) -> None:
    url = elsewhere.url("/to?" + target.format(port=elsewhere.port))
    status, code, said = refusal(fetcher(elsewhere), url)
    assert (status, code) == (422, "url")
    assert message in said


def test_redirects_end(elsewhere: Elsewhere) -> None:
    assert refusal(fetcher(elsewhere), elsewhere.url("/loop"))[1:] == (
        "url",
        "this URL is not fetched: it redirects more than 3 times",
    )
    assert len(elsewhere.heads) == 4


@pytest.mark.parametrize("path", ["/large", "/endless"])
def test_what_is_too_large_is_refused(elsewhere: Elsewhere, path: str) -> None:
    sizes: list[int] = []
    with pytest.raises(RequestError) as refused:
        fetcher(elsewhere).fetch(elsewhere.url(path), sizes.append)
    assert (refused.value.status, refused.value.code) == (413, "too_large")
    assert sum(sizes) <= LIMIT


@pytest.mark.parametrize("path", ["/slow", "/slow-head", "/gate"])
def test_the_time_is_that_of_all_of_it(elsewhere: Elsewhere, path: str) -> None:
    one = fetcher(elsewhere, seconds=0.3)
    assert refusal(one, elsewhere.url(path))[1:] == (
        "not_fetched",
        "the picture at the URL could not be fetched: it took longer than 0.3 s",
    )


@pytest.mark.parametrize(
    ("path", "message"),
    [("/missing", "the answer there is 404"), ("/short", "ended before"), ("/noise", "connection failed")],
)
def test_what_is_not_there_is_told(elsewhere: Elsewhere, path: str, message: str) -> None:
    status, code, said = refusal(fetcher(elsewhere), elsewhere.url(path))
    assert (status, code) == (422, "not_fetched")
    assert message in said


def test_nobody_listens(elsewhere: Elsewhere) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    one = fetcher(elsewhere, ports=(port,))
    assert refusal(one, f"http://127.0.0.1:{port}/")[1] == "not_fetched"


def test_certificates_are_checked_against_the_name(tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=test"]
    made += ["-addext", "subjectAltName=DNS:shop.example", "-keyout", str(key), "-out", str(certificate)]
    try:
        subprocess.run(made, check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("needs openssl")
    theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    theirs.load_cert_chain(certificate, key)
    trusting = ssl.create_default_context(cafile=str(certificate))
    there = Elsewhere()
    there.socket = theirs.wrap_socket(there.socket, server_side=True)
    there.scheme, there.picture = "https", b"a picture"
    with listening(there):
        options = {"addresses": lambda host, port: ["127.0.0.1"]}
        one = fetcher(there, context=trusting, **options)
        assert one.fetch(there.url("/picture.jpg", "shop.example"), nothing) == b"a picture"
        for known, host in ((trusting, "other.example"), (None, "shop.example")):
            code, message = refusal(fetcher(there, context=known, **options), there.url("/", host))[1:]
            assert code == "not_fetched"
            assert "the certificate is not valid" in message
    assert [path for path, _ in there.heads] == ["/picture.jpg"]


# --- the server -------------------------------------------------------------------------------


def as_json(server: Server, path: str, **fields: object):
    return server.ask("POST", path, json.dumps(fields).encode(), {"Content-Type": "application/json"})


@pytest.mark.parametrize(("path", "field"), PLACES)
def test_it_is_off(server: Server, path: str, field: str) -> None:
    answer = server.post(path, (field, "http://shop.example/a.jpg"), *OTHER.get(path, []))
    assert (answer.status, answer.code) == (403, "no_fetching")
    assert "--fetch-urls" in answer.json["error"]["message"]
    other = {name: int(value) for name, value in OTHER.get(path, [])}
    assert as_json(server, path, **{field: "http://127.0.0.1/"}, **other).code == "no_fetching"


def test_pictures_are_not_added_by_url(server: Server) -> None:
    assert server.post("/v1/pictures", ("url", "http://shop.example/a.jpg")).status == 422
    assert server.post("/v1/search/batch", ("url", "http://shop.example/a.jpg")).status == 422


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, draw_shop: Callable[[Path], Path]) -> Path:
    folder = tmp_path_factory.mktemp("fetching")
    return make_collection(folder, draw_shop(folder / "pictures"))


def test_switched_on_it_still_refuses_what_is_not_public(folder: Path) -> None:
    server = start(folder, LOOKALIKE_SERVE_FETCH_URLS="true")
    try:
        own = server.url.removeprefix("http://")
        for url in ["file:///etc/passwd", f"http://{own}/v1/info", "http://127.0.0.1/", "http://2130706433/"]:
            answer = server.post("/v1/search", ("url", url))
            assert (answer.status, answer.code) == (422, "url"), url
        assert as_json(server, "/v1/search", url="http://localhost/").code == "url"
        assert as_json(server, "/v1/search", url=["http://localhost/"] * 2).code == "usage"
        assert as_json(server, "/v1/search", url="http://localhost/", id=3).code == "usage"
        query = (folder / "query.jpg").read_bytes()
        both = server.post("/v1/search", ("picture", query), ("url", "http://localhost/"))
        assert (both.status, both.code) == (422, "usage")
        assert "or a URL; got 1 files, no id and a URL" in both.json["error"]["message"]
    finally:
        assert server.stop() == 0


@contextmanager
def inside(folder: Path, there: Elsewhere, **options: object) -> Iterator[tuple[Server, Service]]:
    """A server in this process that fetches from `there` as if that were a public address."""
    deployments = {"default": Source(collection=folder / "collection")}
    settings = Settings(fetch_urls=True, deployments=deployments, max_picture_bytes=LIMIT, **options)
    service = Service(settings, Auth.of(settings))
    service.fetcher = fetcher(there)
    service.load()
    running = uvicorn.Server(uvicorn.Config(create(service), log_config=None, lifespan="on"))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=running.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            while not running.started and thread.is_alive():
                time.sleep(0.01)
            yield Server(None, f"http://127.0.0.1:{listening.getsockname()[1]}", folder), service
        finally:
            there.gate.set()
            running.should_exit = True
            thread.join()


def test_a_url_asks_as_its_picture_does(folder: Path, elsewhere: Elsewhere) -> None:
    query = elsewhere.picture = (folder / "query.jpg").read_bytes()
    url = elsewhere.url("/picture.jpg")
    with inside(folder, elsewhere) as (server, service):
        for path, field in PLACES:
            file = field.removesuffix("_url") if field != "url" else "picture"
            true = server.post(path, (file, query), *OTHER.get(path, []))
            found = server.post(path, (field, url), *OTHER.get(path, []))
            assert found.status == 200, found.body
            assert found.body.replace(url.encode(), b"picture.jpg") == true.body
        assert as_json(server, "/v1/search", url=url, k=2).json["query"] == url
        both = server.post("/v1/compare", ("first_url", url), ("second_url", url)).json
        assert both["verdict"] == "same file"
        for path, status, code in (
            ("/text", 422, "picture"),
            ("/large", 413, "too_large"),
            ("/endless", 413, "too_large"),
            ("/missing", 422, "not_fetched"),
            ("/to?http://10.0.0.1/", 422, "url"),
        ):
            answer = server.post("/v1/search", ("url", elsewhere.url(path)))
            assert (answer.status, answer.code) == (status, code), path
        while service.held.used or service.fetches.in_work:
            time.sleep(0.01)


def test_a_slow_server_elsewhere_holds_up_nobody(folder: Path, elsewhere: Elsewhere) -> None:
    elsewhere.picture = (folder / "query.jpg").read_bytes()
    answers: list[int] = []
    with inside(folder, elsewhere, threads=1, waiting=0) as (server, _):

        def ask() -> None:
            answers.append(server.post("/v1/search", ("url", elsewhere.url("/gate"))).status)

        asking = [threading.Thread(target=ask) for _ in range(FETCHES)]
        for one in asking:
            one.start()
        for _ in asking:
            assert elsewhere.waiting.acquire(timeout=60)
        assert server.post("/v1/search", ("id", "3")).status == 200
        refused = server.post("/v1/search", ("url", elsewhere.url("/picture.jpg")))
        assert (refused.status, refused.code) == (429, "overloaded")
        elsewhere.gate.set()
        for one in asking:
            one.join()
    # All at once for one thread: some are answered, others refused, and none is lost.
    assert len(answers) == FETCHES
    assert set(answers) <= {200, 429}
    assert 200 in answers


def test_what_is_fetched_counts_as_held(folder: Path, elsewhere: Elsewhere) -> None:
    elsewhere.picture = b"x" * 50_000
    with inside(folder, elsewhere, max_held_bytes=40_000) as (server, service):
        refused = server.post("/v1/search", ("url", elsewhere.url("/picture.jpg")))
        assert (refused.status, refused.code) == (429, "overloaded")
        while service.held.used:
            time.sleep(0.01)
