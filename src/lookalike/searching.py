"""Searching a gallery by pictures, those it knows and others."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from lookalike import files
from lookalike.comparing import bytes_of, embed
from lookalike.duplicates.checking import Check
from lookalike.duplicates.pairs import check_precision
from lookalike.embedder import Embedder
from lookalike.errors import NotInCollection, PictureError, UsageError
from lookalike.evaluation import calibrating
from lookalike.explaining import Seen, seen, split
from lookalike.filters import Filter
from lookalike.gallery.base import Gallery, Matches, Picture, Space
from lookalike.query import Region, combine
from lookalike.results import Copies, Explanation, Hit, SearchResult
from lookalike.sandbox import Decoder
from lookalike.vectors import Vectors

if TYPE_CHECKING:
    from lookalike.comparing import Asked
    from lookalike.images import Source


@dataclass(frozen=True, slots=True, eq=False)
class Request:
    """What is searched for.

    Attributes:
        picture: what the results should look like; a path whose file is indexed and unchanged is not read.
        also: further pictures they should look like.
        against: pictures they should not look like.
        region: the part of `picture` that matters; None for all of it.
    """

    picture: Asked
    also: Sequence[Asked] = ()
    against: Sequence[Asked] = ()
    region: Region | None = None


@dataclass(frozen=True, slots=True)
class Bounds:
    """Which hits are wanted.

    Attributes:
        k: how many at most, at least 1.
        where: only pictures it matches; None for all.
        threshold: least similarity, in [-1, 1]; None for any.
        exact: forbid approximation.
        include_self: keep the pictures that are asked for among the hits.

    Raises:
        UsageError: k or threshold is out of range.
    """

    k: int
    where: Filter | None = None
    threshold: float | None = None
    exact: bool = False
    include_self: bool = False

    def __post_init__(self) -> None:
        if self.k < 1:
            raise UsageError(f"k must be at least 1, got {self.k}")
        if self.threshold is not None and not -1 <= self.threshold <= 1:
            raise UsageError(f"threshold must be a similarity from -1 to 1, got {self.threshold}")


@dataclass(frozen=True, slots=True)
class _Known:
    """The vector of what is asked for, and the ids of the same picture in the gallery."""

    vector: Vectors
    ids: list[int]


class Searcher:
    """Searches a gallery.

    Args:
        gallery: whose pictures.
        space: which vectors.
        embedder: gives the network, which is only needed for a picture that must be read.
        decoder: reads pictures.
    """

    def __init__(
        self, gallery: Gallery, space: Space, embedder: Callable[[], Embedder], decoder: Decoder
    ) -> None:
        self._gallery, self._space, self._embedder, self._decoder = gallery, space, embedder, decoder

    def search(self, request: Request, bounds: Bounds) -> SearchResult:
        """The pictures that look most like what is asked for.

        Raises:
            PictureError: a picture cannot be used.
            NotInCollection: an id is unknown.
        """
        positive = [
            self._known(request.picture, request.region),
            *(self._known(picture) for picture in request.also),
        ]
        negative = [self._known(picture) for picture in request.against]
        vector = combine(*(self._stacked(some) for some in (positive, negative)))
        everything = positive + negative
        own = set() if bounds.include_self else {number for one in everything for number in one.ids}
        matches = self._gallery.search(
            self._space, vector[None], bounds.k + len(own), where=bounds.where, exact=bounds.exact
        )[0]
        hits = self._hits(matches, own, bounds)
        if len(everything) == 1:  # chances are those of one picture's hits, not of mixtures
            hits = self._with_chances(hits)
        return SearchResult(name_of(request.picture), hits)

    def explain(self, request: Request, found: Asked) -> Explanation:
        """Which parts of the pictures make `found` as alike to what is asked for as `search` says.

        Raises:
            PictureError: a picture cannot be used; also when its file is gone or has changed since it was
                indexed: its vector is known, and its places are not.
            NotInCollection: an id is unknown.
            ModelError: the model has no feature map.
        """
        return split(
            [self._seen(request.picture, request.region), *(self._seen(one) for one in request.also)],
            [self._seen(one) for one in request.against],
            self._seen(found),
        )

    def copies(self, picture: Asked, precision: float, candidates: int) -> Copies:
        """Which pictures of the gallery one picture is a copy of, or that are copies of it.

        Args:
            picture: a path, bytes, or an id; an indexed picture is no copy of itself.
            precision: the least probability, in (0, 1].
            candidates: how many of the nearest are compared, at least 1.

        Raises:
            PictureError: it is no usable picture.
            NotInCollection: an id is unknown.
            UsageError: an argument is wrong.
        """
        check_precision(precision)
        if candidates < 1:
            raise UsageError(f"candidates must be at least 1, got {candidates}")
        own = self._gallery.get([int(picture)])[0] if isinstance(picture, (int, np.integer)) else None
        data = bytes_of(own.path if own else picture, self._decoder.limits)
        if data is None:
            raise UsageError("copies takes a path, bytes or an id: an array has no file to compare with")
        check = Check(data, self._decoder.decode, self._decoder.limits)
        found, failed, compared = check.against(
            self._gallery, self._space, self._vector(data), precision, candidates
        )
        others = tuple(copy for copy in found if own is None or copy.picture.id != own.id)
        return Copies(name_of(picture), others, compared, failed)

    # --- what is asked for -------------------------------------------------------------------

    def _known(self, picture: Asked, region: Region | None = None) -> _Known:
        if isinstance(picture, (int, np.integer)):
            return self._indexed(self._gallery.get([int(picture)])[0], region)
        if isinstance(picture, (str, os.PathLike)):
            return self._at_path(picture, region)
        return _Known(self._vector(picture, region), self._ids_with(picture))

    def _at_path(self, path: str | os.PathLike[str], region: Region | None) -> _Known:
        row = self._gallery.at_path(os.path.abspath(path))
        if row is not None and _is_as_indexed(row):
            return self._indexed(row, region)
        data = files.read(path, max_bytes=self._decoder.limits.max_bytes)
        same = [row.id] if row is not None else self._ids_with(data)
        try:
            return _Known(self._vector(data, region), same)
        except PictureError as error:
            raise PictureError(error.reason, files.printable(os.fspath(path))) from error

    def _indexed(self, row: Picture, region: Region | None) -> _Known:
        if region is None:
            # A picture may have come with another model and have no vector of this one.
            with suppress(NotInCollection):
                return _Known(self._gallery.vectors(self._space, [row.id])[0], [row.id])
        return _Known(self._vector(row.path, region), [row.id])

    def _ids_with(self, picture: Source) -> list[int]:
        if not isinstance(picture, bytes):
            return []
        return [row.id for row in self._gallery.with_content(files.content_hash(picture))]

    def _stacked(self, some: Sequence[_Known]) -> Vectors:
        return (
            np.stack([one.vector for one in some])
            if some
            else np.zeros((0, self._space.dimension), np.float32)
        )

    def _seen(self, picture: Asked, region: Region | None = None) -> Seen:
        vector = self._known(picture, region).vector
        source: Source = picture  # type: ignore[assignment]
        if isinstance(picture, (int, np.integer)):
            row = self._gallery.get([int(picture)])[0]
            if not _is_as_indexed(row):
                raise PictureError("has changed since it was indexed: index it again", name_of(picture))
            source = row.path
        return seen(self._embedder(), self._decoder, source, name_of(picture), region, vector)

    def _vector(self, picture: Source, region: Region | None = None) -> Vectors:
        return embed(self._embedder(), self._decoder, picture, region)

    # --- what is found -----------------------------------------------------------------------

    def _hits(self, matches: Matches, own: set[int], bounds: Bounds) -> tuple[Hit, ...]:
        least = -1.0 if bounds.threshold is None else bounds.threshold
        found = zip(matches.ids.tolist(), matches.similarities.tolist(), strict=True)
        pairs = [(number, similarity) for number, similarity in found if number not in own]
        pairs = [(number, similarity) for number, similarity in pairs if similarity >= least][: bounds.k]
        rows = {row.id: row for row in self._gallery.still_there([number for number, _ in pairs])}
        there = [(rows[number], similarity) for number, similarity in pairs if number in rows]
        return tuple(_hit(rank, row, similarity) for rank, (row, similarity) in enumerate(there, start=1))

    def _with_chances(self, hits: tuple[Hit, ...]) -> tuple[Hit, ...]:
        calibrated = calibrating.kept(self._gallery, self._space)
        if calibrated is None:
            return hits
        chances = calibrated.probability([hit.similarity for hit in hits]).tolist()
        return tuple(
            replace(hit, probability=round(chance, 4)) for hit, chance in zip(hits, chances, strict=True)
        )


def _is_as_indexed(row: Picture) -> bool:
    """Whether what is known of a picture can stand for its file: it has not changed, or there is none any
    more."""
    return files.is_unchanged(row.file) or files.is_gone(row.path)


def _hit(rank: int, row: Picture, similarity: float) -> Hit:
    return Hit(
        rank,
        row.id,
        row.path,
        similarity,
        missing=row.missing,
        metadata=row.metadata,
        cluster=row.cluster,
        width=row.width,
        height=row.height,
    )


def name_of(picture: Asked) -> str:
    """What an answer calls a picture that was asked for: its path, `#ID`, `<bytes>` or `<array>`."""
    if isinstance(picture, (str, os.PathLike)):
        return files.printable(os.fspath(picture))
    if isinstance(picture, (int, np.integer)):
        return f"#{picture}"
    return "<bytes>" if isinstance(picture, bytes) else "<array>"
