"""What comparing needs of each picture: its features, kept with the collection, and its grey picture.

Features take 37 kB a picture and some milliseconds to find, so they are kept as derived arrays of the
gallery, in blocks of some thousand pictures; pictures that come later get blocks of their own. A
grey picture is read again when it is compared, which few pictures are.
"""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import groupby, islice
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from lookalike import files
from lookalike.duplicates.candidates import Patches
from lookalike.duplicates.colours import small
from lookalike.duplicates.features import Features, describe, grey_at
from lookalike.errors import CollectionError, PictureError
from lookalike.gallery.base import Gallery, Picture
from lookalike.images import Decoded, Limits, Pixels
from lookalike.results import Failure
from lookalike.sandbox import Decoder, Sandbox

_T = TypeVar("_T")
_R = TypeVar("_R")

Progress = Callable[[int, int], None]

GREY = 320
"""Pixels of the longer side of the grey picture that is laid over others."""

MIN_SIDE = 270
"""Pixels asked of the shorter side when a picture is read for its features: `features.SIDE` for
the longer side of a picture of 3 : 2."""

VERSION = 3
"""To be raised when `features.describe` finds other features: those kept are then found anew."""

BLOCK = 4096
"""Pictures whose features are kept together."""

_LOOKS = 1200  # pictures kept in memory: 100 MB
_AHEAD = 64  # pictures that are read at once, at most


@dataclass(frozen=True, slots=True)
class Sketch:
    """What comparing needs of a picture.

    Attributes:
        features: its local features.
        look: its pixels without details.
        size: width and height in pixels at full size.
        jpeg: it was read by a decoder that takes short cuts: its pixels are not quite those of a PNG
            made of it.
    """

    features: Features
    look: Look
    size: tuple[int, int]
    jpeg: bool = False


@dataclass(frozen=True, slots=True)
class Look:
    """The pixels of a picture, made small.

    Attributes:
        grey: (h, w) uint8, the longer side `GREY` pixels or less.
        colours: (h, w, 3) uint8 RGB; see `colours.small`.
    """

    grey: npt.NDArray[np.uint8]
    colours: npt.NDArray[np.uint8]

    @classmethod
    def of(cls, rgb: Pixels) -> Look:
        """The look of a picture, (h, w, 3) uint8."""
        return cls(grey_at(rgb, GREY, enlarge=False), small(rgb))


def sketch(decoded: Decoded) -> Sketch:
    """The sketch of a picture that is no part of a collection."""
    size = decoded.width, decoded.height
    return Sketch(describe(decoded.rgb), Look.of(decoded.rgb), size, decoded.format == "JPEG")


class Reading:
    """Reads pictures with several threads, and only bytes that are those that were indexed.

    Close it, or use it as a context manager.

    Args:
        threads: how many.
    """

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self._pool = ThreadPoolExecutor(threads, "sketch")
        self._local = threading.local()
        self._open: list[Decoder | Sandbox] = []

    def decoded(self, picture: Picture, min_side: int) -> Decoded:
        """The picture, as it was when it was indexed.

        Raises:
            PictureError: it cannot be read, or is another one now.
        """
        with _named(picture):
            return self._decoder().decode(self.as_indexed(picture), min_side)

    def pixels(self, picture: Picture) -> Pixels:
        """All pixels of the picture, (h, w, 3) uint8, without the short cuts in colour that the fast JPEG
        decoder takes. Errors as for `decoded`."""
        with _named(picture):
            return self._local_sandbox().decode(self.as_indexed(picture), min_side=1 << 20).rgb

    def data(self, path: str) -> bytes:
        """The bytes of a file; PictureError when they cannot be read."""
        return files.read(path, max_bytes=Limits().max_bytes)

    def of_bytes(self, data: bytes, min_side: int) -> Decoded:
        """A picture from its bytes; PictureError when they are none."""
        return self._decoder().decode(data, min_side)

    def as_indexed(self, picture: Picture) -> bytes:
        """The bytes of a picture's file; PictureError when they are not those that were indexed."""
        data = self.data(picture.path)
        if files.content_hash(data) != picture.content:
            reason = "has changed since it was indexed: run `lookalike index` again"
            raise PictureError(reason, files.printable(picture.path))
        return data

    def each(self, work: Callable[[_T], _R], things: Iterable[_T]) -> Iterator[_R]:
        """The results in order, while some more are worked on."""
        rest = iter(things)
        waiting: deque[Future[_R]] = deque(self._pool.submit(work, one) for one in islice(rest, _AHEAD))
        while waiting:
            done = waiting.popleft().result()
            waiting.extend(self._pool.submit(work, one) for one in islice(rest, 1))
            yield done

    def _decoder(self) -> Decoder:
        """This thread's decoder."""
        if not hasattr(self._local, "decoder"):
            self._local.decoder = Decoder()
            self._open.append(self._local.decoder)
        decoder: Decoder = self._local.decoder
        return decoder

    def _local_sandbox(self) -> Sandbox:
        """This thread's sandbox."""
        if not hasattr(self._local, "sandbox"):
            self._local.sandbox = Sandbox()
            self._open.append(self._local.sandbox)
        sandbox: Sandbox = self._local.sandbox
        return sandbox

    def close(self) -> None:
        """End the threads and their helper processes."""
        self._pool.shutdown(cancel_futures=True)
        for helper in self._open:
            helper.close()

    def __enter__(self) -> Reading:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@contextmanager
def _named(picture: Picture) -> Iterator[None]:
    """Name the picture in what goes wrong with it."""
    try:
        yield
    except PictureError as error:
        raise PictureError(error.reason, files.printable(picture.path)) from error


class Sketches:
    """The sketches of a collection's pictures, and of others that are compared with them.

    Args:
        gallery: where the pictures and their features are.
        reading: reads them.
        others: pictures that are not in the gallery, by their negative ids.
    """

    def __init__(
        self, gallery: Gallery, reading: Reading, others: Mapping[int, Picture] | None = None
    ) -> None:
        self._gallery = gallery
        self.reading = reading
        self._others = dict(others or {})
        self._blocks: list[_Block] = []
        self._where: dict[int, tuple[int, int]] = {}
        self._looks: OrderedDict[int, Look] = OrderedDict()
        self._lock = threading.Lock()

    def picture(self, id_: int) -> Picture:
        """The row of a picture.

        Raises:
            NotInCollection: it has been removed meanwhile.
        """
        return self._others[id_] if id_ in self._others else self._gallery.get([id_])[0]

    def prepare(self, ids: Sequence[int], progress: Progress | None = None) -> list[Failure]:
        """Find the features of these pictures, those that are not known yet, and keep them.

        Returns:
            The pictures that cannot be read, each with the reason; they have no sketch.
        """
        self._load()
        contents = self._contents(ids)
        missing = [id_ for id_ in ids if not self._knows(id_, contents[id_])]
        # Those of the collection first: blocks of them are kept, others are not.
        missing.sort(key=lambda id_: id_ in self._others)
        failed: list[Failure] = []
        part: list[tuple[int, int, Features]] = []
        for done, (id_, found) in enumerate(self.reading.each(self._described, missing), start=1):
            if part and (len(part) == BLOCK or (id_ in self._others) != (part[0][0] in self._others)):
                self._add(part)
                part = []
            if isinstance(found, Failure):
                failed.append(found)
            else:
                part.append((id_, contents[id_], found))
            if progress and done % 64 == 0:
                progress(len(ids) - len(missing) + done, len(ids))
        if part:
            self._add(part)
        return failed

    def patches(self, ids: Sequence[int]) -> Patches:
        """The features of pictures, which `prepare` has found, with the places in `ids`."""
        rows = [(*self._where[id_], place) for place, id_ in enumerate(ids) if id_ in self._where]
        # By block, and in it by row, so that each block is read in one go; the places follow.
        rows.sort()
        parts = [_Part.of(self._blocks[block], list(some)) for block, some in groupby(rows, lambda r: r[0])]
        return Patches(
            np.concatenate([np.zeros(0, np.int32), *(p.places for p in parts)]),
            np.concatenate([np.zeros(0, np.float16), *(p.block.scales[p.chosen] for p in parts)]),
            np.concatenate([np.zeros(0, np.float16), *(p.block.angles[p.chosen] for p in parts)]),
            [p.block.descriptors[p.chosen] for p in parts],
            [p.block.mirrored[p.chosen] for p in parts],
        )

    def has(self, id_: int) -> bool:
        """Whether `prepare` has found its features."""
        return id_ in self._where

    def sketch(self, id_: int) -> Sketch:
        """The sketch of a picture, which is read for it unless it just was.

        Raises:
            PictureError: it cannot be read, or is another one now.
            NotInCollection: it has been removed meanwhile.
        """
        picture = self.picture(id_)
        block, row = self._where[id_]
        features = self._blocks[block].features(row)
        size = picture.width, picture.height
        return Sketch(features, self._look(picture, id_), size, picture.format == "JPEG")

    # --- inside ------------------------------------------------------------------------------

    def _look(self, picture: Picture, id_: int) -> Look:
        with self._lock:
            look = self._looks.get(id_)
            if look is not None:
                self._looks.move_to_end(id_)
                return look
        look = Look.of(self.reading.decoded(picture, GREY * 2 // 3).rgb)
        with self._lock:
            self._looks[id_] = look
            if len(self._looks) > _LOOKS:
                self._looks.popitem(last=False)
        return look

    def _described(self, id_: int) -> tuple[int, Features | Failure]:
        picture = self.picture(id_)
        try:
            return id_, describe(self.reading.decoded(picture, MIN_SIDE).rgb)
        except PictureError as error:
            return id_, Failure(files.printable(picture.path), error.reason)

    def _contents(self, ids: Sequence[int]) -> dict[int, int]:
        """Eight bytes of each content hash: they tell whether features are of these bytes."""
        wanted = set(ids)
        found = {id_: _content(self._others[id_]) for id_ in wanted & self._others.keys()}
        rest = sorted(wanted - found.keys())
        for start in range(0, len(rest), BLOCK):
            found |= {p.id: _content(p) for p in self._gallery.get(rest[start : start + BLOCK])}
        return found

    def _knows(self, id_: int, content: int) -> bool:
        block, row = self._where.get(id_, (-1, -1))
        if block >= 0 and int(self._blocks[block].contents[row]) == content:
            return True
        self._where.pop(id_, None)
        return False

    def _load(self) -> None:
        if self._blocks:
            return
        while (arrays := self._gallery.arrays(_name(len(self._blocks)))) is not None:
            try:
                self._take(_Block(**arrays))
            except TypeError:  # written by another version
                break

    def _take(self, block: _Block) -> None:
        number = len(self._blocks)
        self._blocks.append(block)
        self._where |= {int(id_): (number, row) for row, id_ in enumerate(block.ids)}

    def _add(self, found: Sequence[tuple[int, int, Features]]) -> None:
        block = _Block.of(found)
        number = len(self._blocks)
        self._take(block)
        if found[0][0] in self._others:
            return
        with suppress(CollectionError), self._gallery.writing() as writing:  # it serves without
            writing.keep_arrays(_name(number), block.arrays())


def _name(block: int) -> str:
    return f"features-{VERSION}-{block}"


def _content(picture: Picture) -> int:
    return int(picture.content[:16], 16)


@dataclass(frozen=True, slots=True, eq=False)
class _Block:
    """The features of some pictures, one after the other: those of row i lie from starts[i] on."""

    ids: npt.NDArray[np.int64]
    contents: npt.NDArray[np.uint64]
    starts: npt.NDArray[np.int64]
    points: npt.NDArray[np.float16]
    scales: npt.NDArray[np.float16]
    angles: npt.NDArray[np.float16]
    descriptors: npt.NDArray[np.uint8]
    mirrored: npt.NDArray[np.uint8]

    @classmethod
    def of(cls, found: Sequence[tuple[int, int, Features]]) -> _Block:
        each = [features for _, _, features in found]
        return cls(
            np.array([id_ for id_, _, _ in found], np.int64),
            np.array([content for _, content, _ in found], np.uint64),
            np.concatenate([[0], np.cumsum([len(f) for f in each])]).astype(np.int64),
            np.concatenate([f.points for f in each]).astype(np.float16),
            np.concatenate([f.scales for f in each]).astype(np.float16),
            np.concatenate([f.angles for f in each]).astype(np.float16),
            np.concatenate([f.descriptors for f in each]),
            np.concatenate([f.mirrored for f in each]),
        )

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        return {name: getattr(self, name) for name in self.__slots__}

    def features(self, row: int) -> Features:
        part = slice(int(self.starts[row]), int(self.starts[row + 1]))
        return Features(
            np.asarray(self.points[part], np.float32),
            np.asarray(self.scales[part], np.float32),
            np.asarray(self.angles[part], np.float32),
            np.asarray(self.descriptors[part]),
            np.asarray(self.mirrored[part]),
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """The patches that are wanted of a block: which, and the place of the picture of each."""

    block: _Block
    chosen: slice | npt.NDArray[np.intp]
    places: npt.NDArray[np.int32]

    @classmethod
    def of(cls, block: _Block, rows: Sequence[tuple[int, int, int]]) -> _Part:
        counts = np.diff(block.starts)
        place = np.full(len(counts), -1, np.int32)
        place[[row for _, row, _ in rows]] = [place for _, _, place in rows]
        places = np.repeat(place, counts)
        if (place >= 0).all():
            return cls(block, slice(None), places)  # as it lies on the disk
        chosen = np.flatnonzero(places >= 0)
        return cls(block, chosen, places[chosen])
