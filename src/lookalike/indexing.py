"""Files into a gallery: read what is new, keep what is known, list what cannot be used.

The main thread walks, decides and writes; workers read, hash, decode and embed. What a worker
finds out about a file is an *outcome*; outcomes are written in batches, each batch at once, so
that a crash loses at most the batch in work.
"""

from __future__ import annotations

import itertools
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
from lookalike.progress import Attempts
from lookalike.results import Failure, IndexReport, Metadata
from lookalike.sandbox import Decoder
from lookalike.vectors import Vectors

BATCH_PICTURES = 512
BATCH_SECONDS = 2.0
# Files a worker takes at a time. Measured on one thread, three runs in turn: 0.75 of the bare
# network's speed with 48, 0.71 with 16.
CHUNK = 48

# How reasons begin that may be others next time; such files are read again by the next run.
PASSING = ("cannot be read", "needs the extra", "needs more memory", "took longer", "decoder crashed")

# Files whose rows are looked up in one query; one by one they took 3 % of the time.
LOOKED_UP = 64

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Seen:
    """A decoded picture, ready for the network."""

    picture: Picture
    square: images.Pixels


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
    undescribed: int = 0
    failed: list[Failure] = field(default_factory=list)

    @property
    def done(self) -> int:
        return self.added + self.updated + self.moved + self.unchanged + len(self.failed)


class Reader:
    """What workers do with files. One reader serves all threads.

    It takes some files at a time and sends their pictures through the network one after the
    other, since all the rest pushes the network out of the processor's cache. Measured, five runs
    in turn: indexing at 0.74 of the bare network's speed with 16 files at a time, 0.65 with one.

    Args:
        gallery: where bytes may be known already.
        embedder: the network.
        limits: what a picture may cost.
    """

    def __init__(self, gallery: Gallery, embedder: Embedder, limits: images.Limits) -> None:
        self._gallery, self.embedder, self._limits = gallery, embedder, limits
        self._local = threading.local()
        self._decoders: list[Decoder] = []

    def read(self, some: Sequence[FileIdentity], *, anew: bool = False) -> list[Outcome]:
        """Find out what files are; `anew` looks at the pictures even if their bytes are known."""
        seen = [self._look(file, anew) for file in some]
        vectors = iter(self.embedder.embed_squares([s.square for s in seen if isinstance(s, Seen)]))
        return [Read(s.picture, next(vectors)) if isinstance(s, Seen) else s for s in seen]

    def _look(self, file: FileIdentity, anew: bool) -> Seen | SameBytes | Unusable:
        try:
            data = files.read(file.path, max_bytes=self._limits.max_bytes)
            content = files.content_hash(data)
            if not anew and self._gallery.has_content(content):
                return SameBytes(file, content)
            return self._decode(file, data, content)
        except PictureError as error:
            return Unusable(file, error.reason, remember=not error.reason.startswith(PASSING))

    def vectors(self, some: Sequence[Picture]) -> list[tuple[int, Vectors] | Failure]:
        """The id and vector (d,) float32 of known pictures, or why there is none any more."""
        return [self._vector(picture) for picture in some]

    def _vector(self, picture: Picture) -> tuple[int, Vectors] | Failure:
        try:
            data = files.read(picture.path, max_bytes=self._limits.max_bytes)
            if files.content_hash(data) != picture.content:
                return Failure(picture.path, "changed since it was indexed: index it again")
            decoded = self._decoder().decode(data, min_side=self.embedder.min_side)
            return picture.id, self.embedder.embed_rgb(decoded.rgb)
        except PictureError as error:
            return Failure(picture.path, error.reason)

    def _decode(self, file: FileIdentity, data: bytes, content: str) -> Seen:
        decoded = self._decoder().decode(data, min_side=self.embedder.min_side)
        picture = Picture(
            file=file,
            content=content,
            width=decoded.width,
            height=decoded.height,
            format=decoded.format,
            phash=perceptual_hash(decoded.rgb),
            truncated=decoded.truncated,
        )
        return Seen(picture, self.embedder.square(decoded.rgb))

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
    progress: Attempts | None = None,
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
        undescribed=tally.undescribed,
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
        progress: Attempts | None,
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
        self._changed: dict[str, Picture] = {}
        # Only after a change of model must it be known which pictures were counted as unchanged.
        self._lacking = any(True for _ in gallery.without_vector(space))
        self._unchanged: set[int] = set()

    # --- before reading ----------------------------------------------------------------------

    def undecided(self, found: Iterable[FileIdentity | Failure]) -> Iterator[FileIdentity]:
        """The files that must be read; all others are dealt with on the way."""
        for some in _chunks(found, LOOKED_UP):
            paths = [file.path for file in some if isinstance(file, FileIdentity)]
            pictures = self._gallery.at_paths(paths)
            failures = {} if self._retry else self._gallery.failed_at(paths)
            for file in some:
                if isinstance(file, Failure):
                    self.tally.failed.append(file)
                elif not self._is_known(file, pictures.get(file.path), failures.get(file.path)):
                    yield file
                self._report()

    def _is_known(
        self, file: FileIdentity, picture: Picture | None, failure: tuple[FileIdentity, str] | None
    ) -> bool:
        """Whether there is nothing new about a file; what is known about it is counted then."""
        if picture is not None:
            if picture.file != file:
                self._changed[file.path] = picture
                return False
            self._count_unchanged(picture.id)
            if picture.missing:
                self._returned.append(picture.id)
            self._describe(picture)
            return True
        if failure is not None and failure[0] == file:
            self.tally.failed.append(Failure(file.path, failure[1]))
            return True
        return False

    def _count_unchanged(self, id: int) -> None:
        self.tally.unchanged += 1
        if self._lacking:
            self._unchanged.add(id)

    def _describe(self, picture: Picture) -> None:
        """Note the metadata of a picture that is already in the gallery, if it is new."""
        row = self._row_of(picture.path, picture.id)
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
        self._write_unusable(unusable)
        self._write_notes()
        self._flushed = time.monotonic()
        self._report()

    def _write_unusable(self, unusable: Sequence[Unusable]) -> None:
        """Remember files that are no usable pictures. One that was a picture before may be half
        copied at the moment: its row is kept, marked as missing, and the file looked at again."""
        failures = [Failure(o.file.path, o.reason) for o in unusable]
        known = [self._changed.pop(failure.path, None) for failure in failures]
        lasting = [row for row in zip(unusable, failures, known, strict=True) if row[0].remember]
        lost = [picture.id for _, _, picture in lasting if picture and not picture.missing]
        self._writing.mark_missing(lost)
        new = [(o.file, failure) for o, failure, picture in lasting if not picture]
        self._writing.remember_failures(new)
        self.tally.removed += len(lost)
        self.tally.failed.extend(failures)

    def _write_read(self, read: Sequence[Read]) -> None:
        if not read:
            return
        pictures = [self._with_metadata(o.picture) for o in read]
        for picture in pictures:
            self._count_new(picture)
        self._writing.put(self._space, pictures, np.stack([o.vector for o in read]))

    def _count_new(self, picture: Picture) -> None:
        if self._changed.pop(picture.path, None):
            self.tally.updated += 1
        else:
            self.tally.added += 1
        self.tally.truncated += picture.truncated

    def _with_metadata(self, picture: Picture) -> Picture:
        known = self._changed.get(picture.path)
        row = self._row_of(picture.path, known.id if known else None)
        return picture if row is None else replace(picture, metadata=row)

    def _row_of(self, path: str, id: int | None = None) -> Metadata | None:
        """What the metadata file says about a picture; None when it says nothing."""
        if self._metadata is None:
            return None
        row = self._metadata.match(path, id)
        self.tally.undescribed += row is None
        return row

    def _decide(self, same: SameBytes) -> Outcome | None:
        """What is to be written for a file with known bytes; None when it is a row's own file,
        touched or moved."""
        known = self._gallery.with_content(same.content)
        here = next((p for p in known if p.path == same.file.path), None)
        if here is not None:
            self._count_unchanged(here.id)
            self._changed.pop(same.file.path, None)
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
        if file.path in self._changed:
            return None
        return next((p for p in known if p.id not in self._moved and files.is_gone(p.path)), None)

    def _copy(self, file: FileIdentity, known: Sequence[Picture]) -> Outcome:
        """A row of its own for a copy, with the original's vector if there is one."""
        for original in known:
            try:
                vector = self._gallery.vectors(self._space, [original.id])[0]
            except NotInCollection:  # known, but not to this model
                continue
            return Read(replace(original, file=file, metadata={}, missing=False), vector)
        return self._reader.read([file], anew=True)[0]

    # --- at the end --------------------------------------------------------------------------

    def map_known(self) -> None:
        """Give pictures the vectors that an adapter makes of those the gallery has, without reading them."""
        embedder, bases = self._reader.embedder, {space.identity: space for space in self._gallery.spaces()}
        base = bases.get(embedder.base_identity)
        if base is None or base.identity == self._space.identity:
            return
        lacking = set(self._gallery.versions(base)[0].tolist()) - set(
            self._gallery.versions(self._space)[0].tolist()
        )
        for ids in _chunks(iter(sorted(lacking)), BATCH_PICTURES):
            self._writing.put_vectors(self._space, ids, embedder.mapped(self._gallery.vectors(base, ids)))
            self.tally.updated += len(ids)
            self.tally.unchanged -= len(self._unchanged.intersection(ids))
            self._report()

    def catch_up(self, threads: int) -> None:
        """Embed pictures that have no vector in this space yet, after a change of model."""
        self.map_known()
        lacking = (p for p in self._gallery.without_vector(self._space) if not p.missing)
        answers = _in_threads(self._reader.vectors, lacking, threads)
        while batch := list(itertools.islice(answers, BATCH_PICTURES)):
            found = [answer for answer in batch if not isinstance(answer, Failure)]
            self.tally.failed.extend(answer for answer in batch if isinstance(answer, Failure))
            if found:
                vectors = np.stack([vector for _, vector in found])
                self._writing.put_vectors(self._space, [number for number, _ in found], vectors)
                self.tally.updated += len(found)
                self.tally.unchanged -= sum(number in self._unchanged for number, _ in found)
            self._report()

    def mark_vanished(self, roots: Sequence[str]) -> None:
        """Mark pictures below the roots whose files are gone; forget failures likewise."""
        for root in roots:
            pictures = self._gallery.pictures(under=root)
            vanished = (p.id for p in pictures if not p.missing and files.is_gone(p.path))
            while ids := list(itertools.islice(vanished, BATCH_PICTURES)):
                self._writing.mark_missing(ids)
                self.tally.removed += len(ids)
            failures = [file.path for file, _ in self._gallery.failures(under=root)]
            self._writing.forget_failures([path for path in failures if files.is_gone(path)])

    def _report(self) -> None:
        if self._progress:
            self._progress(self.tally.done + len(self._outcomes), len(self.tally.failed))


def complete(
    gallery: Gallery,
    space: Space,
    embedder: Embedder,
    *,
    threads: int = 1,
    progress: Attempts | None = None,
) -> tuple[Failure, ...]:
    """Give every known picture a vector in a space; only those without one are read, and none where
    an adapter can map the vectors that there are.

    Args:
        gallery: whose pictures; it is locked for other writers meanwhile.
        space: the embedder's space.
        embedder: the network.
        threads: pictures read side by side.
        progress: called now and then with pictures done and failures so far.

    Returns:
        The pictures that could not be read.

    Raises:
        CollectionBusy: another process is writing.
    """
    _keep_opencv_single()
    reader = Reader(gallery, embedder, images.Limits())
    try:
        with gallery.writing() as writing:
            writing.register(space)
            run = _Run(gallery, writing, space, reader, None, False, progress)
            run.catch_up(threads)
    finally:
        reader.close()
    return tuple(run.tally.failed)


def _keep_opencv_single() -> None:
    """Pictures are read side by side; OpenCV's own threads inside each would get in the way."""
    import cv2

    cv2.setNumThreads(1)


def _in_threads(work: Callable[[list[T]], list[R]], items: Iterable[T], threads: int) -> Iterator[R]:
    """What work makes of the items, some at a time, in order; a bounded number is in work."""
    if threads == 1:
        for chunk in _chunks(items, CHUNK):
            yield from work(chunk)
        return
    pool = ThreadPoolExecutor(threads, thread_name_prefix="lookalike")
    waiting: deque[Future[list[R]]] = deque()
    try:
        for chunk in _chunks(items, CHUNK):
            waiting.append(pool.submit(work, chunk))
            if len(waiting) > 2 * threads:
                yield from waiting.popleft().result()
        while waiting:
            yield from waiting.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _chunks(items: Iterable[T], size: int) -> Iterator[list[T]]:
    iterator = iter(items)
    while chunk := list(itertools.islice(iterator, size)):
        yield chunk
