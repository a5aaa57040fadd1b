"""Files into a gallery: read what is new, keep what is known, list what cannot be used.

The main thread walks, decides and writes; workers read, hash, decode and embed. What a worker
finds out about a file is an *outcome*; outcomes are written in batches, each batch at once, so
that a crash loses at most the batch in work.
"""

from __future__ import annotations

import itertools
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TypeVar

import numpy as np

from lookalike import files, images
from lookalike.duplicates.hashes import perceptual_hash
from lookalike.embedder import Embedder
from lookalike.errors import NotInCollection, PictureError
from lookalike.files import FileIdentity
from lookalike.gallery.base import Gallery, Picture, Space, Writing
from lookalike.metadata import MetadataTable
from lookalike.results import Failure, IndexReport, Metadata
from lookalike.sandbox import Decoder
from lookalike.vectors import Vectors

BATCH_PICTURES = 512
BATCH_SECONDS = 2.0
# Files a worker takes at a time: enough that handing them over costs nothing, few enough that
# a batch is not held up.
CHUNK = 16

Progress = Callable[[int, int], None]
T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Read:
    """A new or changed picture with its vector."""

    picture: Picture
    vector: Vectors


@dataclass(frozen=True, slots=True)
class SameBytes:
    """A file whose bytes the gallery knows: moved, copied, or touched without change."""

    file: FileIdentity
    content: str


@dataclass(frozen=True, slots=True)
class Unusable:
    """A file that is no usable picture; `remember` unless trying again may help."""

    file: FileIdentity
    reason: str
    remember: bool


Outcome = Read | SameBytes | Unusable


@dataclass
class Tally:
    """Counts of one run, as in `IndexReport`."""

    added: int = 0
    updated: int = 0
    moved: int = 0
    unchanged: int = 0
    removed: int = 0
    truncated: int = 0
    failed: list[Failure] = field(default_factory=list)

    @property
    def done(self) -> int:
        return self.added + self.updated + self.moved + self.unchanged + len(self.failed)


class Reader:
    """What workers do with one file. One reader serves all threads.

    Args:
        gallery: where bytes may be known already.
        embedder: the network.
        limits: what a picture may cost.
    """

    def __init__(self, gallery: Gallery, embedder: Embedder, limits: images.Limits) -> None:
        self._gallery, self._embedder, self._limits = gallery, embedder, limits
        self._local = threading.local()
        self._decoders: list[Decoder] = []

    def read(self, file: FileIdentity, *, anew: bool = False) -> Outcome:
        """Find out what a file is; `anew` looks at the picture even if its bytes are known."""
        try:
            data = files.read(file.path, max_bytes=self._limits.max_bytes)
            content = files.content_hash(data)
            if not anew and self._gallery.with_content(content):
                return SameBytes(file, content)
            return self._embed(file, data, content)
        except PictureError as error:
            retry_may_help = error.reason.startswith(("cannot be read", "needs the extra"))
            return Unusable(file, error.reason, remember=not retry_may_help)

    def vector(self, picture: Picture) -> tuple[int, Vectors] | Failure:
        """The id and vector (d,) float32 of a known picture, or why there is none any more."""
        try:
            decoded = self._decoder().decode(picture.path, min_side=self._embedder.min_side)
            return picture.id, self._embedder.embed_rgb(decoded.rgb)
        except PictureError as error:
            return Failure(picture.path, error.reason)

    def _embed(self, file: FileIdentity, data: bytes, content: str) -> Read:
        decoded = self._decoder().decode(data, min_side=self._embedder.min_side)
        picture = Picture(
            file=file,
            content=content,
            width=decoded.width,
            height=decoded.height,
            format=decoded.format,
            phash=perceptual_hash(decoded.rgb),
            truncated=decoded.truncated,
        )
        return Read(picture, self._embedder.embed_rgb(decoded.rgb))

    def _decoder(self) -> Decoder:
        if not hasattr(self._local, "decoder"):
            self._local.decoder = Decoder(self._limits)
            self._decoders.append(self._local.decoder)
        decoder: Decoder = self._local.decoder
        return decoder

    def close(self) -> None:
        """End the helper processes."""
        for decoder in self._decoders:
            decoder.close()


def index(
    gallery: Gallery,
    space: Space,
    embedder: Embedder,
    found: Iterable[FileIdentity | Failure],
    *,
    roots: Sequence[str] = (),
    metadata: MetadataTable | None = None,
    threads: int = 1,
    retry: bool = False,
    limits: images.Limits | None = None,
    progress: Progress | None = None,
) -> IndexReport:
    """Bring a gallery up to date with files.

    Args:
        gallery: where pictures go; it is locked for other writers meanwhile.
        space: the embedder's space.
        embedder: the network.
        found: the files, as `files.walk` yields them.
        roots: absolute folders that were walked completely: pictures below them whose files
            have vanished are marked as missing.
        metadata: what is known about the pictures; None leaves what is stored.
        threads: pictures read side by side.
        retry: read files again that failed before and have not changed since.
        limits: what a picture may cost; None for the defaults.
        progress: called now and then with files done and failures so far.

    Returns:
        What happened; `collection` is left empty.

    Raises:
        CollectionBusy: another process is writing.
    """
    started = time.monotonic()
    _keep_opencv_single()
    reader = Reader(gallery, embedder, limits or images.Limits())
    try:
        with gallery.writing() as writing:
            writing.register(space)
            run = _Run(gallery, writing, space, reader, metadata, retry, progress)
            try:
                for outcome in _in_threads(reader.read, run.undecided(found), threads):
                    run.take(outcome)
            finally:
                run.flush()
            run.mark_vanished(roots)
            run.catch_up(threads)
    finally:
        reader.close()
    tally = run.tally
    return IndexReport(
        added=tally.added,
        updated=tally.updated,
        moved=tally.moved,
        unchanged=tally.unchanged,
        removed=tally.removed,
        truncated=tally.truncated,
        failed=tuple(tally.failed),
        images=gallery.count(),
        seconds=time.monotonic() - started,
        collection="",
        unmatched=tuple(metadata.unmatched()) if metadata else (),
    )


class _Run:
    """One run of `index`: decides what each file is and writes it. Main thread only."""

    def __init__(
        self,
        gallery: Gallery,
        writing: Writing,
        space: Space,
        reader: Reader,
        metadata: MetadataTable | None,
        retry: bool,
        progress: Progress | None,
    ) -> None:
        self.tally = Tally()
        self._gallery, self._writing, self._space, self._reader = gallery, writing, space, reader
        self._metadata, self._retry, self._progress = metadata, retry, progress
        self._outcomes: list[Outcome] = []
        self._returned: list[int] = []
        self._described: list[tuple[int, Metadata]] = []
        self._flushed = time.monotonic()
        self._touched: dict[int, FileIdentity] = {}
        self._moved: set[int] = set()

    # --- before reading ----------------------------------------------------------------------

    def undecided(self, found: Iterable[FileIdentity | Failure]) -> Iterator[FileIdentity]:
        """The files that must be read; all others are dealt with on the way."""
        for file in found:
            if isinstance(file, Failure):
                self.tally.failed.append(file)
            elif not self._is_known(file):
                yield file
            self._report()

    def _is_known(self, file: FileIdentity) -> bool:
        picture = self._gallery.at_path(file.path)
        if picture is not None and picture.file == file:
            self.tally.unchanged += 1
            if picture.missing:
                self._returned.append(picture.id)
            self._describe(picture)
            return True
        failure = None if picture or self._retry else self._gallery.failed(file.path)
        if failure is not None and failure[0] == file:
            self.tally.failed.append(Failure(file.path, failure[1]))
            return True
        return False

    def _describe(self, picture: Picture) -> None:
        """Note the metadata of a picture that is already in the gallery, if it is new."""
        row = self._metadata.match(picture.path) if self._metadata else None
        if row is not None and dict(row) != dict(picture.metadata):
            self._described.append((picture.id, row))
        if len(self._described) + len(self._returned) >= BATCH_PICTURES:
            self._write_notes()

    def _write_notes(self) -> None:
        if self._returned:
            self._writing.mark_missing(self._returned, missing=False)
        if self._described:
            self._writing.set_metadata(self._described)
        self._returned, self._described = [], []

    # --- after reading -----------------------------------------------------------------------

    def take(self, outcome: Outcome) -> None:
        """Keep an outcome for the batch in work, and write the batch when it is due."""
        self._outcomes.append(outcome)
        if len(self._outcomes) >= BATCH_PICTURES or time.monotonic() - self._flushed > BATCH_SECONDS:
            self.flush()
        else:
            self._report()

    def flush(self) -> None:
        """Write the batch in work."""
        outcomes, self._outcomes = self._outcomes, []
        # All is decided before anything is written: writing changes which row has which bytes.
        decided = [self._decide(o) if isinstance(o, SameBytes) else o for o in outcomes]
        touched, self._touched = self._touched, {}
        self._writing.touch(touched)
        self._write_read([o for o in decided if isinstance(o, Read)])
        unusable = [o for o in decided if isinstance(o, Unusable)]
        failures = [(o, Failure(o.file.path, o.reason)) for o in unusable]
        self._writing.remember_failures([(o.file, f) for o, f in failures if o.remember])
        self.tally.failed.extend(failure for _, failure in failures)
        self._write_notes()
        self._flushed = time.monotonic()
        self._report()

    def _write_read(self, read: Sequence[Read]) -> None:
        if not read:
            return
        pictures = [self._with_metadata(o.picture) for o in read]
        for picture in pictures:
            self._count_new(picture)
        self._writing.put(self._space, pictures, np.stack([o.vector for o in read]))

    def _count_new(self, picture: Picture) -> None:
        if self._gallery.at_path(picture.path) is None:
            self.tally.added += 1
        else:
            self.tally.updated += 1
        self.tally.truncated += picture.truncated

    def _with_metadata(self, picture: Picture) -> Picture:
        row = self._metadata.match(picture.path) if self._metadata else None
        return picture if row is None else replace(picture, metadata=row)

    def _decide(self, same: SameBytes) -> Outcome | None:
        """What is to be written for a file with known bytes; None when it is a row's own file,
        touched or moved."""
        known = self._gallery.with_content(same.content)
        here = next((p for p in known if p.path == same.file.path), None)
        if here is not None:
            self.tally.unchanged += 1
            self._touched[here.id] = same.file
            self._describe(here)
            return None
        if (gone := self._vanished(same.file, known)) is not None:
            self.tally.moved += 1
            self._moved.add(gone.id)
            self._touched[gone.id] = same.file
            self._describe(replace(gone, file=same.file))
            return None
        return self._copy(same.file, known)

    def _vanished(self, file: FileIdentity, known: Sequence[Picture]) -> Picture | None:
        """The known picture that this file must be, moved; None when all are still in place."""
        if self._gallery.at_path(file.path) is not None:
            return None
        return next((p for p in known if p.id not in self._moved and not os.path.lexists(p.path)), None)

    def _copy(self, file: FileIdentity, known: Sequence[Picture]) -> Outcome:
        """A row of its own for a copy, with the original's vector if there is one."""
        for original in known:
            try:
                vector = self._gallery.vectors(self._space, [original.id])[0]
            except NotInCollection:  # known, but not to this model
                continue
            return Read(replace(original, file=file, metadata={}, missing=False), vector)
        return self._reader.read(file, anew=True)

    # --- at the end --------------------------------------------------------------------------

    def catch_up(self, threads: int) -> None:
        """Embed pictures that have no vector in this space yet, after a change of model."""
        lacking = (p for p in self._gallery.without_vector(self._space) if not p.missing)
        answers = _in_threads(self._reader.vector, lacking, threads)
        while batch := list(itertools.islice(answers, BATCH_PICTURES)):
            found = [answer for answer in batch if not isinstance(answer, Failure)]
            self.tally.failed.extend(answer for answer in batch if isinstance(answer, Failure))
            if found:
                vectors = np.stack([vector for _, vector in found])
                self._writing.put_vectors(self._space, [number for number, _ in found], vectors)
                self.tally.updated += len(found)
                self.tally.unchanged -= min(len(found), self.tally.unchanged)
            self._report()

    def mark_vanished(self, roots: Sequence[str]) -> None:
        """Mark pictures below the roots whose files are gone; forget failures likewise."""
        for root in roots:
            pictures = self._gallery.pictures(under=root)
            vanished = (p.id for p in pictures if not p.missing and not os.path.lexists(p.path))
            while ids := list(itertools.islice(vanished, BATCH_PICTURES)):
                self._writing.mark_missing(ids)
                self.tally.removed += len(ids)
            failures = [file.path for file, _ in self._gallery.failures(under=root)]
            self._writing.forget_failures([path for path in failures if not os.path.lexists(path)])

    def _report(self) -> None:
        if self._progress:
            self._progress(self.tally.done + len(self._outcomes), len(self.tally.failed))


def _keep_opencv_single() -> None:
    """Pictures are read side by side; OpenCV's own threads inside each would get in the way."""
    import cv2

    cv2.setNumThreads(1)


def _in_threads(work: Callable[[T], R], items: Iterable[T], threads: int) -> Iterator[R]:
    """`map(work, items)` in order, with a bounded number of items in work."""
    if threads == 1:
        yield from map(work, items)
        return
    pool = ThreadPoolExecutor(threads, thread_name_prefix="lookalike")
    waiting: deque[Future[list[R]]] = deque()
    try:
        for chunk in _chunks(items):
            waiting.append(pool.submit(lambda chunk: [work(item) for item in chunk], chunk))
            if len(waiting) > 2 * threads:
                yield from waiting.popleft().result()
        while waiting:
            yield from waiting.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _chunks(items: Iterable[T]) -> Iterator[list[T]]:
    iterator = iter(items)
    while chunk := list(itertools.islice(iterator, CHUNK)):
        yield chunk
