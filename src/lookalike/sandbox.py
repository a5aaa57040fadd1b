"""Decode pictures without trusting them.

`Decoder` is what everyone uses: ordinary JPEGs are decoded in this process, everything else in
a helper process that has little memory, little time and no terminal, and that can crash or be
killed without harm.
"""

from __future__ import annotations

import json
import os
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lookalike import files, images
from lookalike.errors import LookalikeError, PictureError
from lookalike.images import Decoded, Limits

if TYPE_CHECKING:
    from lookalike.images import Source

_REQUEST = struct.Struct("!QQ")  # min_side, bytes that follow
_REPLY = struct.Struct("!L")  # bytes of JSON that follow
_STARTING = 60.0  # seconds the helper may take to start
_READY = b"+"
_SERVES = 1000  # pictures a helper decodes before a new one takes over, in case a library leaks
_OWN_MEMORY = 64 << 20  # bytes Python and its libraries allocate before the first picture


class Decoder:
    """Decodes pictures from files and bytes, safely. One for each thread: it is not to be
    shared. Close it, or use it as a context manager, to end its helper process.

    Args:
        limits: what a picture may cost.
    """

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self._sandbox = Sandbox(self.limits)

    def decode(self, picture: Source, min_side: int) -> Decoded:
        """The picture, upright and in RGB.

        Args:
            picture: a path, the bytes of a file, an array (see `images.from_array`) or a Pillow
                image; the last two are taken at full size.
            min_side: pixels that are needed of the shorter side; larger pictures may be scaled
                down on the way to about one and a half times as much, smaller ones are left.

        Raises:
            PictureError: it is no usable picture; named by its path if it has one.
            LookalikeError: the helper process cannot be started.
        """
        if isinstance(picture, bytes):
            return self._decode(picture, min_side)
        if isinstance(picture, np.ndarray):
            return images.from_array(picture)
        if not isinstance(picture, (str, os.PathLike)):
            return images.from_pillow(picture)
        data = files.read(picture, max_bytes=self.limits.max_bytes)
        try:
            return self._decode(data, min_side)
        except PictureError as error:
            raise PictureError(error.reason, files.printable(os.fspath(picture))) from error.__cause__

    def _decode(self, data: bytes, min_side: int) -> Decoded:
        images.check_bytes(data, self.limits)
        fast = images.decode_jpeg_fast(data, min_side=min_side, limits=self.limits)
        return fast or self._sandbox.decode(data, min_side=min_side)

    def close(self) -> None:
        """End the helper process. The decoder can still be used: it starts another."""
        self._sandbox.close()

    def __enter__(self) -> Decoder:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Sandbox:
    """A helper process that decodes pictures of every format (`images.decode_pillow`).

    It starts with the first picture, has a limit on memory, writes nowhere, and ends when this
    process does. After a crash or a picture that took too long, a new one takes its place.
    """

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self._helper: _Helper | None = None

    def decode(self, data: bytes, *, min_side: int) -> Decoded:
        """As `images.decode_pillow`, with limits on time and memory.

        Raises:
            PictureError: also `took longer than ...` and `decoder crashed`.
            LookalikeError: the helper process cannot be started.
        """
        helper = self._started()
        try:
            reply, pixels = helper.ask(data, min_side, self.limits.seconds)
        except TimeoutError:
            self.close()
            raise PictureError(f"took longer than {self.limits.seconds:g} s") from None
        except (OSError, EOFError, ValueError):
            self.close()
            raise PictureError("decoder crashed") from None
        except BaseException:  # interrupted: what the helper says next would be taken for
            self.close()  # the answer to the next picture
            raise
        if "reason" in reply:
            raise PictureError(reply["reason"])
        facts = (reply[name] for name in ("width", "height", "format", "truncated", "more"))
        return Decoded(pixels, *facts)

    def warm(self) -> None:
        """Start the helper process without waiting for it."""
        if self._helper is not None and not self._helper.is_usable():
            self.close()
        if self._helper is None:
            self._helper = _Helper(self.limits)

    def _started(self) -> _Helper:
        try:
            self.warm()
            assert self._helper is not None
            self._helper.wait_ready()
        except (OSError, EOFError) as error:
            self.close()
            raise LookalikeError(
                f"the process that decodes pictures could not be started with {sys.executable}: "
                f"is there enough memory, and can this Python import lookalike?"
            ) from error
        return self._helper

    def close(self) -> None:
        """End the helper process, if there is one."""
        if self._helper is not None:
            self._helper.kill()
            self._helper = None

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Helper:
    """This process's end of a running helper."""

    def __init__(self, limits: Limits) -> None:
        self._connection, theirs = socket.socketpair()
        self._ready = False
        self._served = 0
        with theirs, _closed_on_error(self._connection):
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-c", _START, _package_root(), json.dumps(asdict(limits))],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                # One thread each: pictures are small, and threads reserve memory.
                env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
                start_new_session=True,  # Ctrl-C is this process's business
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    def is_usable(self) -> bool:
        return self._served < _SERVES and self._process.poll() is None

    def wait_ready(self) -> None:
        """Wait until it has started; EOFError, TimeoutError or OSError when it does not."""
        if not self._ready:
            if _receive(self._connection, len(_READY), time.monotonic() + _STARTING) != _READY:
                raise EOFError
            self._ready = True

    def ask(self, data: bytes, min_side: int, seconds: float) -> tuple[dict[str, Any], images.Pixels]:
        """Send a picture and wait for the reply: its JSON, and the pixels (0, 0, 3) if it failed."""
        self._served += 1
        deadline = time.monotonic() + seconds
        self._connection.settimeout(seconds)
        self._connection.sendall(_REQUEST.pack(min_side, len(data)))
        self._connection.sendall(data)
        (length,) = _REPLY.unpack(_receive(self._connection, _REPLY.size, deadline))
        reply = json.loads(_receive(self._connection, length, deadline))
        pixels = np.empty(reply.get("shape", (0, 0, 3)), np.uint8)
        _receive_into(self._connection, pixels.reshape(-1).data, deadline)
        return reply, pixels

    def kill(self) -> None:
        self._connection.close()
        self._process.kill()
        self._process.wait()


@contextmanager
def _closed_on_error(connection: socket.socket) -> Iterator[None]:
    try:
        yield
    except BaseException:
        connection.close()
        raise


def _package_root() -> str:
    return str(Path(__file__).resolve().parents[1])


def _receive(connection: socket.socket, length: int, deadline: float | None = None) -> bytes:
    buffer = bytearray(length)
    _receive_into(connection, memoryview(buffer), deadline)
    return bytes(buffer)


def _receive_into(connection: socket.socket, view: memoryview, deadline: float | None = None) -> None:
    """Fill the view. Raises TimeoutError at the deadline, EOFError when the other end is gone."""
    while view.nbytes:
        if deadline is not None:
            connection.settimeout(max(deadline - time.monotonic(), 1e-3))
        received = connection.recv_into(view)
        if not received:
            raise EOFError
        view = view[received:]


# --- the helper's side -----------------------------------------------------------------------

# -P keeps the current directory, which may be full of strange files, off the import path; the
# package's own place goes to its end, in case it is not installed.
_START = "import sys; sys.path.append(sys.argv[1]); from lookalike.sandbox import serve; serve()"


def serve() -> None:
    """The helper process: answer requests on standard input, a socket, until it closes."""
    limits = Limits(**json.loads(sys.argv[2]))
    connection = socket.socket(fileno=os.dup(0))
    _confine(limits)
    connection.sendall(_READY)
    while True:
        try:
            min_side, length = _REQUEST.unpack(_receive(connection, _REQUEST.size))
            reply, pixels = _answer(connection, length, min_side, limits)
            encoded = json.dumps(reply).encode()
            connection.sendall(_REPLY.pack(len(encoded)) + encoded)
            connection.sendall(pixels)
        except (EOFError, OSError):
            return


def _answer(
    connection: socket.socket, length: int, min_side: int, limits: Limits
) -> tuple[dict[str, Any], memoryview]:
    import signal

    data = _receive(connection, length)
    # The parent kills a helper that is too slow; this does it when there is no parent any more.
    signal.setitimer(signal.ITIMER_REAL, limits.seconds + 1)
    try:
        decoded = images.decode_pillow(data, min_side=min_side, limits=limits)
    except PictureError as error:
        return {"reason": error.reason}, memoryview(b"")
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    reply = {
        "shape": decoded.rgb.shape,
        "width": decoded.width,
        "height": decoded.height,
        "format": decoded.format,
        "truncated": decoded.truncated,
        "more": decoded.more,
    }
    return reply, decoded.rgb.reshape(-1).data


def _confine(limits: Limits) -> None:
    import resource

    images.lift_pillow_limit()
    memory = max(limits.memory, _OWN_MEMORY)
    resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
