"""Reading pictures for comparing them, side by side: only bytes that are those that were indexed."""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import chain, islice
from typing import TypeVar

from lookalike import files
from lookalike.duplicates.helpers import Crashed, Helper
from lookalike.duplicates.looks import LOOK_SIDE, Look
from lookalike.errors import PictureError
from lookalike.gallery.base import Picture
from lookalike.images import Decoded, Limits, Pixels
from lookalike.sandbox import Decoder, Sandbox

_T = TypeVar("_T")
_R = TypeVar("_R")

BATCH = 8
"""Tasks a helper process is given at once."""

FEW = 64
"""Tasks below which no helper processes are started: that takes as long as they would gain."""

_LOOKS = 600  # pictures kept in memory by each reader: 50 MB
_AHEAD = 64  # things that are worked on at once, at most


class Reader:
    """Reads pictures. One for each thread. Close it, or use it as a context manager."""

    def __init__(self) -> None:
        self._decoder = Decoder()
        self._sandbox = Sandbox()
        self._looks: OrderedDict[str, Look] = OrderedDict()

    def decoded(self, picture: Picture, min_side: int) -> Decoded:
        """The picture, as it was when it was indexed.

        Raises:
            PictureError: it cannot be read, or is another one now.
        """
        with _named(picture):
            return self._decoder.decode(self.as_indexed(picture), min_side)

    def pixels(self, picture: Picture) -> Pixels:
        """All pixels of the picture, (h, w, 3) uint8, without the short cuts in colour that the fast JPEG
        decoder takes. Errors as for `decoded`."""
        with _named(picture):
            return self._sandbox.decode(self.as_indexed(picture), min_side=1 << 20).rgb

    def look(self, picture: Picture) -> Look:
        """Its pixels made small, which are kept for a while. Errors as for `decoded`."""
        look = self._looks.pop(picture.content, None) or Look.of(self.decoded(picture, LOOK_SIDE).rgb)
        self._looks[picture.content] = look
        if len(self._looks) > _LOOKS:
            self._looks.popitem(last=False)
        return look

    def data(self, path: str) -> bytes:
        """The bytes of a file; PictureError when they cannot be read."""
        return files.read(path, max_bytes=Limits().max_bytes)

    def of_bytes(self, data: bytes, min_side: int) -> Decoded:
        """A picture from its bytes; PictureError when they are none."""
        return self._decoder.decode(data, min_side)

    def as_indexed(self, picture: Picture) -> bytes:
        """The bytes of a picture's file; PictureError when they are not those that were indexed."""
        data = self.data(picture.path)
        if files.content_hash(data) != picture.content:
            reason = "has changed since it was indexed: run `lookalike index` again"
            raise PictureError(reason, files.printable(picture.path))
        return data

    def close(self) -> None:
        """End the processes that decode for it."""
        self._decoder.close()
        self._sandbox.close()

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Reading:
    """Several readers at work, in threads or, where there is much to do, in helper processes.

    Close it, or use it as a context manager.

    Args:
        threads: how many.
    """

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self._pool = ThreadPoolExecutor(threads, "reading")
        self._local = threading.local()
        self._open: list[Reader | Helper] = []

    @property
    def reader(self) -> Reader:
        """This thread's reader."""
        if not hasattr(self._local, "reader"):
            self._local.reader = Reader()
            self._open.append(self._local.reader)
        reader: Reader = self._local.reader
        return reader

    def each(self, work: Callable[[_T], _R], things: Iterable[_T]) -> Iterator[_R]:
        """The results in order, while some more are worked on in this process's threads."""
        rest = iter(things)
        waiting: deque[Future[_R]] = deque(self._pool.submit(work, one) for one in islice(rest, _AHEAD))
        while waiting:
            done = waiting.popleft().result()
            waiting.extend(self._pool.submit(work, one) for one in islice(rest, 1))
            yield done

    def spread(
        self, work: Callable[[Reader, _T], _R], tasks: Iterable[_T], *, batch: int = BATCH
    ) -> Iterator[_R | Crashed]:
        """The results in order, worked on in helper processes unless there are few.

        Args:
            work: a function of a module, or a `partial` of one, given a reader and a task.
            tasks: they and the results can be pickled.
            batch: tasks a helper is given at once.

        Yields:
            What the work gave, the same wherever it was done; `helpers.CRASHED` where it ended a helper.
        """
        rest = iter(tasks)
        first = list(islice(rest, FEW))
        if len(first) < FEW:
            yield from self.each(lambda task: work(self.reader, task), first)
            return
        batches = _batches(chain(first, rest), batch)
        for results in self.each(lambda some: self._helper().ask(work, some), batches):
            yield from results

    def _helper(self) -> Helper:
        """This thread's helper process."""
        if not hasattr(self._local, "helper"):
            self._local.helper = Helper(Reader)
            self._open.append(self._local.helper)
        helper: Helper = self._local.helper
        return helper

    def close(self) -> None:
        """End the threads and their helper processes."""
        self._pool.shutdown(cancel_futures=True)
        for helper in self._open:
            helper.close()

    def __enter__(self) -> Reading:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _batches(tasks: Iterable[_T], size: int) -> Iterator[Sequence[_T]]:
    rest = iter(tasks)
    while batch := list(islice(rest, size)):
        yield batch


@contextmanager
def _named(picture: Picture) -> Iterator[None]:
    """Name the picture in what goes wrong with it."""
    try:
        yield
    except PictureError as error:
        raise PictureError(error.reason, files.printable(picture.path)) from error
