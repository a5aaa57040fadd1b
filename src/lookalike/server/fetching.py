"""A picture from the web: only from public addresses, and only within limits.

Whoever may ask chooses the URL, so it is taken for an attempt to reach what only this machine can reach. A
host is looked up once, every address of it is checked, and the connection goes to one that was checked: there
is no second look-up that could say something else. A redirect is another URL, checked like the first.
"""

from __future__ import annotations

import http.client
import io
import re
import socket
import ssl
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from urllib.parse import urljoin, urlsplit

from lookalike.errors import RequestError

Address = IPv4Address | IPv6Address

PORTS = {"http": 80, "https": 443}
"""What is spoken, and where; other ports are those of services that are no web."""

MOST_REDIRECTS = 3
AGENT = "lookalike"
_MOST_ADDRESSES = 8
_PART = 64 << 10
_REDIRECTS = (301, 302, 303, 307, 308)

# The only part of IPv6 from which addresses on the web are given out (RFC 4291, section 2.4, and IANA).
_GLOBAL_UNICAST = IPv6Network("2000::/3")
# Addresses that hold an IPv4 address, with the bits to the right of it: mapped (RFC 4291), NAT64 (RFC 6052),
# 6to4 (RFC 3056). What counts is the address that they lead to.
_EMBEDDING = (
    (IPv6Network("::ffff:0:0/96"), 0),
    (IPv6Network("64:ff9b::/96"), 0),
    (IPv6Network("2002::/16"), 80),
)
# Global by the registry, or to some versions of Python, and yet no place for pictures: protocol assignments
# (Oracle's cloud has a metadata service there), the relays of 6to4, and the host's agent in Azure.
_NO_PLACE = (IPv4Network("192.0.0.0/24"), IPv4Network("192.88.99.0/24"), IPv4Network("168.63.129.16/32"))


def is_public(address: Address) -> bool:
    """Whether an address is one of the public web, and nothing that only this machine or its network reaches.

    >>> [is_public(ip_address(text)) for text in ("9.9.9.9", "127.0.0.1", "::ffff:10.0.0.1", "2620:fe::fe")]
    [True, False, False, True]
    """
    if isinstance(address, IPv4Address):
        inside = any(address in network for network in _NO_PLACE)
        return address.is_global and not address.is_multicast and not inside
    for network, bits in _EMBEDDING:
        if address in network:
            return is_public(IPv4Address(int(address) >> bits & 0xFFFFFFFF))
    return address in _GLOBAL_UNICAST and address.is_global


def resolve(host: str, port: int) -> list[str]:
    """The addresses of a name, as the system knows them; none when it knows no such name."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return []
    return list(dict.fromkeys(str(one[4][0]) for one in found))


@dataclass(frozen=True)
class Place:
    """A URL, taken apart.

    Attributes:
        scheme: `http` or `https`.
        host: a name in small letters, or an address without brackets.
        port: where to connect.
        netloc: host and port as the URL writes them.
        target: path and query.
    """

    scheme: str
    host: str
    port: int
    netloc: str
    target: str


class Fetcher:
    """Fetches pictures. Safe to use from several threads.

    Args:
        max_bytes: of one picture.
        seconds: for all of it, redirects included. Only a look-up of a name may take longer.
        allows: whether an address may be connected to.
        ports: which ones may be connected to.
        addresses: gives the addresses of a name.
        context: how certificates are checked; None for the system's way.
    """

    def __init__(
        self,
        max_bytes: int,
        seconds: float,
        *,
        allows: Callable[[Address], bool] = is_public,
        ports: Collection[int] = tuple(PORTS.values()),
        addresses: Callable[[str, int], Sequence[str]] = resolve,
        context: ssl.SSLContext | None = None,
    ) -> None:
        self._max_bytes, self._seconds = max_bytes, seconds
        self._allows, self._ports, self._addresses = allows, ports, addresses
        self._context = context

    def fetch(self, url: str, took: Callable[[int], None]) -> bytes:
        """What is at a URL.

        Args:
            url: where the picture is.
            took: called with the size of each part that came, before the next one is read; may refuse.

        Raises:
            RequestError: 422 `url`, it is no URL of the public web, or redirects to one that is none; 422
                `not_fetched`, nothing is there, or it does not come in time; 413, it is too large.
        """
        clock = _Clock(self._seconds)
        try:
            for _ in range(MOST_REDIRECTS + 1):
                found = self._follow(url, clock, took)
                if isinstance(found, bytes):
                    return found
                url = found
        except TimeoutError:
            raise _failed(f"it took longer than {self._seconds:g} s") from None
        except ssl.SSLCertVerificationError as error:
            raise _failed(f"the certificate is not valid: {error.verify_message}") from None
        except (OSError, http.client.HTTPException, ValueError):
            raise _failed("the connection failed") from None
        raise _refused(f"it redirects more than {MOST_REDIRECTS} times")

    def _follow(self, url: str, clock: _Clock, took: Callable[[int], None]) -> bytes | str:
        """What is at a URL, or the URL that it redirects to."""
        place = self.place(url)
        with closing(self._connected(place, clock)) as connection:
            answer = _asked(connection, place, clock)
            if answer.status in _REDIRECTS and (location := answer.headers.get("Location")):
                return _joined(url, location)
            if answer.status != 200:
                raise _failed(f"the answer there is {answer.status}")
            return b"".join(self._parts(answer, took))

    def place(self, url: str) -> Place:
        """A URL taken apart, if it is one that is fetched as far as can be seen.

        Raises:
            RequestError: 422, it is not.
        """
        # What parsers read differently: spaces, tabs, ends of lines, backslashes and other scripts.
        if not re.fullmatch(r"[!-\[\]-~]+", url):
            raise _refused(
                "it must be of printable ASCII characters without spaces and backslashes, others escaped"
            )
        try:
            parts = urlsplit(url)
        except ValueError:
            raise _refused("it is no URL") from None
        if parts.scheme not in PORTS:
            raise _refused("only http:// and https:// are fetched")
        if "@" in parts.netloc:
            raise _refused("it must not have a user name or password")
        named = re.fullmatch(r"([a-z0-9._-]+|\[[0-9a-f]*:[0-9a-f:.]*\])(?::(\d{1,5}))?", parts.netloc.lower())
        if not named:
            raise _refused("it must name a host")
        port = int(named[2] or PORTS[parts.scheme])
        if port not in self._ports:
            raise _refused(f"only the ports {' and '.join(map(str, self._ports))} are fetched from")
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return Place(parts.scheme, named[1].strip("[]"), port, parts.netloc, target)

    def _checked(self, place: Place) -> list[Address]:
        """The addresses of a host, each of which may be connected to.

        Raises:
            RequestError: 422, it has none or one of another kind; which it is, is not told.
        """
        written = _written(place.host)
        given = [written] if written else self._addresses(place.host, place.port)
        try:
            found = [ip_address(one) for one in given]
        except ValueError:
            found = []
        if not found or not all(map(self._allows, found)):
            raise _refused("it does not lead to a public address of the web")
        return found[:_MOST_ADDRESSES]

    def _connected(self, place: Place, clock: _Clock) -> socket.socket:
        connection = _connected(self._checked(place), place.port, clock)
        if place.scheme == "http":
            return connection
        try:
            connection.settimeout(clock.left())
            context = self._context or ssl.create_default_context()
            return context.wrap_socket(connection, server_hostname=place.host)
        except BaseException:
            connection.close()
            raise

    def _parts(self, answer: http.client.HTTPResponse, took: Callable[[int], None]) -> Iterator[bytes]:
        declared, size = answer.length, 0
        if (declared or 0) > self._max_bytes:
            raise self._too_large()
        while part := answer.read(_PART):
            size += len(part)
            if size > self._max_bytes:
                raise self._too_large()
            took(len(part))
            yield part
        if declared is not None and size < declared:
            raise _failed("the connection ended before the picture did")

    def _too_large(self) -> RequestError:
        return RequestError(
            f"the picture at the URL is too large: the limit is {self._max_bytes} bytes", 413, "too_large"
        )


def _joined(url: str, location: str) -> str:
    try:
        return urljoin(url, location)
    except ValueError:
        raise _refused("it redirects to what is no URL") from None


def _written(host: str) -> str | None:
    """The address that a host is; None for a name. What only some programs take for one (`127.1`,
    `0x7f000001`, `017700000001`) stays as it is, and is no address.

    >>> _written("127.0.0.1"), _written("2130706433"), _written("shop.example")
    ('127.0.0.1', '2130706433', None)
    """
    last = host.removesuffix(".").rpartition(".")[2]
    return host if ":" in host or re.fullmatch(r"\d+|0x[0-9a-f]*", last) else None


def _connected(addresses: Sequence[Address], port: int, clock: _Clock) -> socket.socket:
    """A connection to the first address that answers."""
    first, *others = addresses
    try:
        # A share of the time, so that one that does not answer leaves some for the next.
        return _connect(first, port, clock.left() / len(addresses))
    except OSError:
        if not others:
            raise
    return _connected(others, port, clock)


def _connect(address: Address, port: int, seconds: float) -> socket.socket:
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    connection = socket.socket(family, socket.SOCK_STREAM)
    try:
        connection.settimeout(seconds)
        connection.connect((str(address), port))
    except BaseException:
        connection.close()
        raise
    return connection


def _asked(connection: socket.socket, place: Place, clock: _Clock) -> http.client.HTTPResponse:
    """The answer, its body still to come. Nothing is sent but what is written here: no cookie, nothing to a
    proxy, no wish for compression."""
    head = (
        f"GET {place.target} HTTP/1.1\r\nHost: {place.netloc}\r\nUser-Agent: {AGENT}\r\nAccept: image/*\r\n"
        "Accept-Encoding: identity\r\nConnection: close\r\n\r\n"
    )
    connection.settimeout(clock.left())
    connection.sendall(head.encode("ascii"))
    answer = http.client.HTTPResponse(_Timed(connection, clock), method="GET")  # type: ignore[arg-type]
    answer.begin()
    return answer


class _Clock:
    """A time after which everything ends."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        """Seconds that are left; raises TimeoutError when none are."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left


class _Timed(io.RawIOBase):
    """What a connection brings until a time is over: its own timeout would begin anew with each byte."""

    def __init__(self, connection: socket.socket, clock: _Clock) -> None:
        self._connection, self._clock = connection, clock

    def makefile(self, mode: str) -> io.BufferedReader:
        """What `HTTPResponse` reads from."""
        return io.BufferedReader(self)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        self._connection.settimeout(self._clock.left())
        return self._connection.recv_into(buffer)


def _refused(why: str) -> RequestError:
    return RequestError(f"this URL is not fetched: {why}", 422, "url")


def _failed(why: str) -> RequestError:
    return RequestError(f"the picture at the URL could not be fetched: {why}", 422, "not_fetched")
