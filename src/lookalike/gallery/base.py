"""The contract every gallery fulfils: where the pictures of a collection and their vectors live.

A gallery keeps rows (one per picture: path, identity of the file, facts, metadata) and, for each
*space*, one unit vector per row. A space is one model with one output: only vectors of the same
space may be compared, so every call that touches vectors names its space. No SQL, no index
object and no whole-table array passes through here, so that an engine on other machines can
fulfil the contract too.

The in-memory gallery is the obvious, slow reference; the contract tests run on every backend.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import numpy.typing as npt

from lookalike.errors import CollectionBusy, NotInCollection
from lookalike.files import FileIdentity
from lookalike.results import Facet, Failure, Metadata

if TYPE_CHECKING:
    from lookalike.filters import Filter

Vectors = npt.NDArray[np.float32]
Ids = npt.NDArray[np.int64]
T = TypeVar("T")

PATIENCE = 5.0
"""Seconds for which somebody else who writes is waited for."""


@dataclass(frozen=True, slots=True)
class Space:
    """One model with one output: the vectors of one space can be compared.

    Attributes:
        identity: hash over everything that shapes a vector (weights, preprocessing, output,
            runtime); two spaces with the same identity give the same vectors, bit for bit.
        model: the model's name, e.g. `efficientnet-lite0`.
        output: which of the model's outputs, e.g. `embedding`.
        runtime: what runs the model, `onnxruntime` or `openvino`.
        dimension: length of a vector.
    """

    identity: str
    model: str
    output: str
    runtime: str
    dimension: int


@dataclass(frozen=True, slots=True)
class Picture:
    """One row of a gallery.

    Attributes:
        file: the file's identity when it was read.
        content: SHA-256 of its bytes, hexadecimal.
        width: pixels, after the EXIF turn.
        height: pixels, after the EXIF turn.
        format: `JPEG`, `PNG`, ... as the bytes say, not the name.
        phash: 64-bit perceptual hash as a signed integer.
        truncated: the file ends early; what could be decoded was used.
        missing: the file had vanished at the last `index`.
        metadata: what is known about the picture.
        id: positive, never reused; 0 in a picture not yet written.
        cluster: the cluster it was put into, from 1 on; -1 for noise; None when clusters were not
            looked for since it came or its content changed. See `Writing.set_partition`.
    """

    file: FileIdentity
    content: str
    width: int
    height: int
    format: str
    phash: int
    truncated: bool = False
    missing: bool = False
    metadata: Metadata = field(default_factory=dict)
    id: int = 0
    cluster: int | None = None

    @property
    def path(self) -> str:
        """The file's absolute path."""
        return self.file.path


@dataclass(frozen=True, slots=True)
class Matches:
    """The nearest rows of one query, most similar first.

    Attributes:
        ids: (m,) int64, m <= k.
        similarities: (m,) float32 cosines in [-1, 1], descending; ties by ascending id.
    """

    ids: Ids
    similarities: Vectors


@dataclass(frozen=True, slots=True, eq=False)
class Partition:
    """Which pictures belong together, as it is kept with a gallery: at most one.

    Attributes:
        ids: (n,) int64, ascending: the pictures that were looked at and are still in the gallery.
        clusters: (n,) int32: the cluster of each, from 1 on; -1 for noise.
        about: what whoever made it has to say about it; a text that the gallery does not read.
    """

    ids: Ids
    clusters: npt.NDArray[np.int32]
    about: str


@dataclass(frozen=True, slots=True)
class IndexInfo:
    """How a gallery searches one space.

    Attributes:
        kind: `exact` or `approximate`.
        vectors: how many it covers.
        bytes: size of the derived index, 0 when there is none on disk.
        recall: measured recall@10 of the approximate search against the exact one, in [0, 1];
            1.0 for an exact index; None when it has not been measured yet.
    """

    kind: str
    vectors: int
    bytes: int
    recall: float | None


def patiently(work: Callable[[], T], seconds: float = PATIENCE) -> T:
    """What a piece of writing gives, tried again while somebody else writes.

    Args:
        work: the piece of writing.
        seconds: how long to try.

    Raises:
        CollectionBusy: somebody else writes still.
    """
    until = time.monotonic() + seconds
    while True:
        try:
            return work()
        except CollectionBusy:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)


class Gallery(ABC):
    """Rows and vectors. Reading is allowed from many threads and processes at once;
    writing is allowed to one process at a time, inside `with gallery.writing():`.

    Every method raises `CollectionDamaged` when the store cannot be read.
    """

    # --- writing -----------------------------------------------------------------------------

    @abstractmethod
    def writing(self) -> Writing:
        """A context manager that holds the right to write.

        Raises:
            CollectionBusy: another process or thread is writing.
        """

    # --- rows --------------------------------------------------------------------------------

    @abstractmethod
    def spaces(self) -> list[Space]:
        """The spaces that have vectors or were registered, oldest first."""

    @abstractmethod
    def get(self, ids: Sequence[int]) -> list[Picture]:
        """The pictures with these ids, in this order.

        Raises:
            NotInCollection: for the first id that is unknown.
        """

    def still_there(self, ids: Sequence[int]) -> list[Picture]:
        """The pictures with these ids, in this order, without those that a writer has removed meanwhile."""
        try:
            return self.get(ids)
        except NotInCollection:
            middle = len(ids) // 2
            return [] if not middle else self.still_there(ids[:middle]) + self.still_there(ids[middle:])

    @abstractmethod
    def at_paths(self, paths: Sequence[str]) -> dict[str, Picture]:
        """The pictures at these absolute paths, by path; paths without one are left out."""

    def at_path(self, path: str) -> Picture | None:
        """The picture at this absolute path, or None."""
        return self.at_paths([path]).get(path)

    def has_content(self, content: str) -> bool:
        """Whether there is a picture with these bytes (SHA-256, hexadecimal)."""
        return bool(self.with_content(content))

    @abstractmethod
    def with_content(self, content: str) -> list[Picture]:
        """The pictures with these bytes (SHA-256, hexadecimal), by ascending id."""

    @abstractmethod
    def pictures(
        self, where: Filter | None = None, *, under: str | None = None, after: int = 0, skip: int = 0
    ) -> Iterator[Picture]:
        """Stream the pictures by ascending id, never holding all of them.

        Args:
            where: only those it matches; None for all.
            under: only those whose path is this absolute path or lies below this folder.
            after: only those with a larger id than this.
            skip: leave out so many of those that would come first, without reading them.
        """

    @abstractmethod
    def count(self, where: Filter | None = None) -> int:
        """How many pictures match; None counts all."""

    @abstractmethod
    def totals(self) -> tuple[int, int, int]:
        """How many pictures there are, how many of them are missing, and the bytes of all their files."""

    @abstractmethod
    def columns(self) -> Mapping[str, str]:
        """The metadata columns seen so far and their kind: `number`, `text`, `truth` or `mixed`."""

    @abstractmethod
    def facets(self, columns: Sequence[str], where: Filter | None = None, *, values: int = 20) -> list[Facet]:
        """Which values the pictures that match have in these columns, and how many have each.

        Args:
            columns: of the metadata, or built-in ones, as a filter names them.
            where: only pictures it matches; None for all.
            values: of each column, how many to list at most.

        Returns:
            One a column, in this order. Text beyond `facets.LONGEST` characters is counted and not listed.
        """

    @abstractmethod
    def failures(self, *, under: str | None = None) -> Iterator[tuple[FileIdentity, str]]:
        """The files that were no usable picture, with the reason, by path."""

    @abstractmethod
    def failed_at(self, paths: Sequence[str]) -> dict[str, tuple[FileIdentity, str]]:
        """The remembered failures at these paths, by path; paths without one are left out."""

    def failed(self, path: str) -> tuple[FileIdentity, str] | None:
        """The remembered failure at this path, or None."""
        return self.failed_at([path]).get(path)

    @abstractmethod
    def hashes(self) -> tuple[Ids, npt.NDArray[np.uint64]]:
        """The perceptual hashes of all pictures that are not missing.

        Returns:
            (n,) int64 ids, ascending, and their (n,) uint64 hashes: 16 bytes a picture.
        """

    @abstractmethod
    def same_content(self) -> Iterator[list[int]]:
        """The pictures that have the same bytes as another one and are not missing.

        Yields:
            Their ids, at least two, ascending; groups by their first id.
        """

    # --- what was found out and decided ------------------------------------------------------

    @abstractmethod
    def note(self, key: str) -> str | None:
        """What `Writing.set_note` kept under this key; None when there is nothing."""

    @abstractmethod
    def distinct(self, contents: Sequence[str] | None = None) -> set[tuple[str, str]]:
        """What somebody has decided to be no duplicates of each other.

        Args:
            contents: only pairs with one of these names; None for all.

        Returns:
            Pairs (a, b) of names with a <= b; see `Writing.set_distinct`.
        """

    @abstractmethod
    def arrays(self, name: str) -> dict[str, npt.NDArray[Any]] | None:
        """The derived arrays that `Writing.keep_arrays` kept under this name, read-only.

        Returns:
            By their own names; None when there are none or they are damaged: make them again.
        """

    @abstractmethod
    def partition(self) -> Partition | None:
        """The clusters that `Writing.set_partition` kept, as far as their pictures are still here
        with the same content; None when there are none."""

    @abstractmethod
    def has_partition(self) -> bool:
        """Whether there are clusters, without reading them."""

    # --- vectors -----------------------------------------------------------------------------

    @abstractmethod
    def versions(self, space: Space) -> tuple[Ids, Ids]:
        """Which pictures have a vector in this space, and which one.

        Returns:
            (n,) int64 ids, ascending, and (n,) int64 versions: a picture's version changes
            whenever its vector is written anew, and no other vector of the gallery gets it later.
        """

    @abstractmethod
    def vectors(self, space: Space, ids: Sequence[int]) -> Vectors:
        """The unit vectors of these pictures, (len(ids), dimension) float32.

        Raises:
            NotInCollection: for the first id without a vector in this space.
        """

    @abstractmethod
    def scan(self, space: Space, batch: int = 4096) -> Iterator[tuple[Ids, Vectors]]:
        """Stream all vectors of a space by ascending id, at most `batch` at a time."""

    @abstractmethod
    def without_vector(self, space: Space) -> Iterator[Picture]:
        """Stream the pictures that have no vector in this space, by ascending id."""

    @abstractmethod
    def search(
        self,
        space: Space,
        queries: Vectors,
        k: int,
        *,
        where: Filter | None = None,
        exact: bool = False,
    ) -> list[Matches]:
        """The k most similar pictures of each query.

        Args:
            space: whose vectors to search.
            queries: (q, dimension) float32 unit rows.
            k: how many, at least 1.
            where: only pictures it matches; such a search is always answered exactly.
            exact: forbid approximation.

        Returns:
            One `Matches` per query. Similarities are the cosines of the stored vectors
            themselves, the same number whatever index found them.
        """

    @abstractmethod
    def index_info(self, space: Space) -> IndexInfo:
        """How this space is searched at the moment."""

    @abstractmethod
    def stamp(self) -> str:
        """A text that changes when anything is written, by whichever process: what was computed from the
        gallery holds as long as it stays the same. It may change without that."""

    @abstractmethod
    def bytes_used(self) -> int:
        """Bytes the gallery takes on its disk, derived files included."""

    @abstractmethod
    def close(self) -> None:
        """Give back files and memory. Closing twice is harmless."""

    def __enter__(self) -> Gallery:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Writing(ABC):
    """The right to write, held by one process. Each method is one atomic step: after a crash
    either all of it is there or none, and what was there when the process died stays. (A power
    cut may take the last steps, whole; it damages nothing.)

    Leaving the context brings the derived index up to date and gives the right back.
    """

    @abstractmethod
    def register(self, space: Space) -> None:
        """Make a space known before its first vector. Registering twice is harmless.

        Raises:
            CollectionError: the identity is known with another dimension.
        """

    @abstractmethod
    def put(self, space: Space, pictures: Sequence[Picture], vectors: Vectors) -> list[int]:
        """Insert or replace pictures by path, each with its vector.

        A picture whose path is known keeps its id and, where the new one has none, its
        metadata; vectors of other spaces and its cluster are dropped when its content changed. A
        remembered failure at the path is forgotten.

        Args:
            space: whose vectors these are.
            pictures: (n) rows; their `id` and `cluster` are ignored.
            vectors: (n, dimension) float32 unit rows.

        Returns:
            The ids, in order.
        """

    @abstractmethod
    def put_vectors(self, space: Space, ids: Sequence[int], vectors: Vectors) -> None:
        """Add or replace the vectors of known pictures in one space."""

    @abstractmethod
    def touch(self, files: Mapping[int, FileIdentity]) -> None:
        """Give pictures a new file identity (moved, or only the time changed); they are not
        missing any more, and a remembered failure at the new path is forgotten. Another picture
        known at a new path is removed: its file has been replaced."""

    @abstractmethod
    def mark_missing(self, ids: Sequence[int], missing: bool = True) -> None:
        """Mark pictures whose files have vanished, or have come back."""

    @abstractmethod
    def set_metadata(self, rows: Iterable[tuple[int, Metadata]]) -> None:
        """Replace the metadata of pictures."""

    @abstractmethod
    def remember_failures(self, failures: Iterable[tuple[FileIdentity, Failure]]) -> None:
        """Remember files that are no usable pictures, so that they are not read again
        unless they change. A picture known at such a path is removed."""

    @abstractmethod
    def forget_failures(self, paths: Sequence[str]) -> None:
        """Forget remembered failures."""

    @abstractmethod
    def remove(self, ids: Sequence[int]) -> None:
        """Remove pictures and all their vectors. Unknown ids are ignored."""

    @abstractmethod
    def set_note(self, key: str, text: str | None) -> None:
        """Keep a small text under a key, or forget it (None)."""

    @abstractmethod
    def set_distinct(self, pairs: Iterable[tuple[str, str]], distinct: bool = True) -> None:
        """Remember that pictures are no duplicates of each other, or forget it (False).

        Args:
            pairs: two names in any order, which the gallery only keeps: `lookalike.duplicates.decisions`
                makes them of the pictures' bytes, so that a decision holds when files are moved, removed
                and indexed again.
            distinct: False forgets the decision, if there is one.
        """

    @abstractmethod
    def set_partition(self, partition: Partition | None) -> None:
        """Replace the clusters by others, or forget them (None), all at once.

        Pictures that it does not name are in none. Those that have been removed meanwhile are ignored.
        """

    @abstractmethod
    def keep_arrays(self, name: str, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Replace the derived arrays of this name: what can be made again, but takes long.

        Args:
            name: letters, digits, `_` and `-`.
            arrays: numbers or truths, of any shape.

        Raises:
            UsageError: a name or a type that cannot be kept.
            CollectionError: they cannot be written; what was there before may be gone.
        """

    @abstractmethod
    def drop_arrays(self, name: str) -> None:
        """Forget the derived arrays of this name, if there are any."""

    @abstractmethod
    def __enter__(self) -> Writing: ...

    @abstractmethod
    def __exit__(self, *exc: object) -> None: ...
