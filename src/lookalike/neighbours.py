"""The k-nearest-neighbour graph of one space: of every picture, the pictures most like it.

Duplicates, clusters, the map and outliers all read it; none of them compares the whole collection
again. It is computed once, kept with the collection, and brought up to date when pictures have
come, gone or changed.

    graph = graph(gallery, space)
    for first, second, similarity in graph.edges(threshold=0.8):
        ...  # arrays of pairs, each pair once

Up to `EXACT_LIMIT` pictures it is exact; beyond, its recall is measured and said. Similarities are
always the cosines of the stored vectors themselves.

Measured with `benchmarks/neighbours.py` on two cores that others used as well: 100,000 pictures 8 to 12
seconds at recall 0.986 to 0.991, reading and keeping included (FAISS comparing all with all took
32 and 40 in two of these runs, where the graph took 9.7 and 8.4), 290 MB; a million 198 seconds at
recall 0.998, 1.16 GB.

Bringing it up to date is exact in either case: new pictures are compared with all, and each list
has `SPARE` more neighbours than shown, so that it need not be made again when a few of them go.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lookalike.errors import CollectionError, UsageError
from lookalike.gallery.all_nearest import Rows, all_nearest, nearest_of
from lookalike.gallery.base import Gallery, Ids, Space, Vectors
from lookalike.gallery.knn import Lists, Places, in_threads, nearest_rows, reached
from lookalike.progress import Progress, silent

GRAPH_K = 24
"""Neighbours of each picture. Of 15 edits of a picture, duplicates need the 20 nearest to find all
(docs, "Duplicates"); clusters and the map use 15 to 30."""

SPARE = 8
"""Neighbours more in each list than shown: a quarter of them may go before it is made again."""

EXACT_LIMIT = 20_000
"""Up to so many pictures all are compared with all: a few seconds on two cores."""

REBUILD_SHARE = 0.2
"""With a larger share of lists to make anew, everything is made anew."""

_LAYOUT = 1  # of the arrays kept; others are not read
_BLOCK = 1024


@dataclass(frozen=True, slots=True, eq=False)
class Graph:
    """Of every picture of a space its nearest others, most similar first. The arrays are read-only.

    Attributes:
        ids: (n,) int64, ascending: the pictures with a vector, those marked as missing included.
        neighbours: (n, k) int32 positions in `ids`, never the picture's own; ties by ascending
            id; -1 where there are fewer.
        similarities: (n, k) float32 cosines in [-1, 1]; -inf where there is no neighbour.
        recall: share of the true k nearest that are in the graph, in [0, 1], measured on a sample
            when it was last built as a whole; 1.0 when it is exact.
    """

    ids: Ids
    neighbours: Places
    similarities: Vectors
    recall: float

    def edges(self, threshold: float = -1.0, block: int = 65_536) -> Iterator[tuple[Places, Places, Vectors]]:
        """Stream the pairs of neighbours, each once, whichever of the two has the other.

        Args:
            threshold: only pairs at least so similar.
            block: pictures looked at at once.

        Yields:
            (m,) int32 positions, (m,) int32 positions, and (m,) float32 similarities. The first
            of a pair has the other among its neighbours.
        """
        for start in range(0, len(self.ids), block):
            wanted = self.similarities[start : start + block] >= threshold
            row, column = np.nonzero(wanted & (self.neighbours[start : start + block] >= 0))
            first = (row + start).astype(np.int32)
            second = self.neighbours[first, column]
            # From the lower position, or from the higher when the lower one lacks it.
            once = first < second
            back = np.flatnonzero(~once)
            once[back] = ~(self.neighbours[second[back]] == first[back, None]).any(axis=1)
            yield first[once], second[once], self.similarities[first[once], column[once]]

    def among(self, ids: Ids) -> Graph:
        """The graph of some of its pictures: neighbours that are none of them are left out, others move up.

        Args:
            ids: (m,) int64, ascending.

        Raises:
            CollectionError: the graph lacks one of them. It was removed, or written anew, between the moment
                when the ids were read and that of the graph.
        """
        if np.array_equal(ids, self.ids):
            return self
        rows = np.searchsorted(self.ids, ids)
        if not np.isin(ids, self.ids, assume_unique=True).all():
            raise CollectionError("the collection changed while it was read: run again")
        place = np.full(len(self.ids) + 1, -1, np.int32)  # the last one for places of -1
        place[rows] = np.arange(len(ids), dtype=np.int32)
        lists = _moved_up(place[self.neighbours[rows]], self.similarities[rows])
        return _frozen(ids, lists.places, lists.similarities, self.recall)


def graph(gallery: Gallery, space: Space, *, k: int = GRAPH_K, progress: Progress | None = None) -> Graph:
    """The graph of a space as its pictures are now.

    The one kept is used when it is current, brought up to date when not too much has changed, and
    built otherwise. It is kept when nobody else is writing. Interrupting it changes nothing.
    Pictures that change while it is computed are left out until the next time.

    Memory while it is computed, for 256 numbers a picture: 1 KiB a picture, from 250,000 pictures
    on 512 bytes, and 8·(k + `SPARE`) bytes for the lists.

    Args:
        gallery: whose pictures.
        space: which vectors.
        k: neighbours of each picture, at least 1.
        progress: called now and then with how many pictures are done, and of how many.

    Raises:
        UsageError: k is less than 1.
    """
    if k < 1:
        raise UsageError(f"k: expected at least 1, got {k}")
    kept = _kept(gallery, space)
    if kept is not None and kept.k < k:
        kept = None
    if kept is None or not kept.is_of(*gallery.versions(space)):
        ids, versions, rows = _read(gallery, space)
        kept = _computed(kept, ids, versions, rows, k, progress or silent)
        with suppress(CollectionError):  # somebody else writes, or nobody can: it serves without
            _keep(gallery, space, kept)
    return kept.graph(k)


def stored(gallery: Gallery, space: Space, *, k: int = GRAPH_K) -> Graph | None:
    """The graph that was kept last, however much has changed since; None when there is none.

    Args:
        gallery: whose pictures.
        space: which vectors.
        k: neighbours of each picture.
    """
    kept = _kept(gallery, space)
    return None if kept is None or kept.k < k else kept.graph(k)


@dataclass(frozen=True, slots=True, eq=False)
class _Kept:
    """A graph as it is kept: with longer lists, and what it was made from.

    Attributes:
        ids: (n,) the pictures.
        versions: (n,) their vectors' versions; see `Gallery.versions`.
        lists: (n, k + SPARE). A list may be shorter than that: what it has are the nearest, and of
            what it lacks nothing is known.
        k: neighbours asked for.
        reach: with how many others each picture was compared, about.
        recall: see `Graph`.
    """

    ids: Ids
    versions: Ids
    lists: Lists
    k: int
    reach: int
    recall: float

    def is_of(self, ids: Ids, versions: Ids) -> bool:
        return np.array_equal(self.ids, ids) and np.array_equal(self.versions, versions)

    def graph(self, k: int) -> Graph:
        return _frozen(self.ids, self.lists.places[:, :k], self.lists.similarities[:, :k], self.recall)


def _frozen(ids: Ids, places: Places, similarities: Vectors, recall: float) -> Graph:
    """A graph of views that cannot be written to."""
    views = ids[:], places[:], similarities[:]
    for array in views:
        array.flags.writeable = False
    return Graph(*views, recall)


# --- reading and keeping -----------------------------------------------------------------------


def _read(gallery: Gallery, space: Space) -> tuple[Ids, Ids, Rows]:
    """All vectors with their ids and versions; those that changed meanwhile are left out."""
    ids, versions = gallery.versions(space)
    parts, rows = [np.empty(0, np.int64)], Rows(len(ids), space.dimension)
    for some, vectors in gallery.scan(space):
        known = np.isin(some, ids)
        parts.append(some[known])
        rows.append(vectors[known])
    read = np.concatenate(parts)
    before, after = _looked_up(read, ids, versions), _looked_up(read, *gallery.versions(space))
    same = before == after
    return read[same], before[same], rows if same.all() else rows.only(same)


def _looked_up(ids: Ids, known: Ids, values: Ids) -> Ids:
    """The value of each id; -1 for those that are not known. Known ids are ascending."""
    if not len(known):
        return np.full(len(ids), -1)
    place = np.minimum(np.searchsorted(known, ids), len(known) - 1)
    return np.where(known[place] == ids, values[place], -1)


def _name(space: Space) -> str:
    return f"neighbours-{space.identity[:32]}"


def _kept(gallery: Gallery, space: Space) -> _Kept | None:
    """The graph kept; None when there is none that this version of lookalike can read."""
    arrays = gallery.arrays(_name(space))
    if arrays is None or arrays["layout"] != _LAYOUT:
        return None
    return _Kept(
        arrays["ids"],
        arrays["versions"],
        Lists(arrays["places"], arrays["similarities"]),
        int(arrays["k"]),
        int(arrays["reach"]),
        float(arrays["recall"]),
    )


def _keep(gallery: Gallery, space: Space, kept: _Kept) -> None:
    arrays: dict[str, npt.NDArray[Any]] = {
        "layout": np.array(_LAYOUT),
        "ids": kept.ids,
        "versions": kept.versions,
        "places": kept.lists.places,
        "similarities": kept.lists.similarities,
        "k": np.array(kept.k),
        "reach": np.array(kept.reach),
        "recall": np.array(kept.recall),
    }
    with gallery.writing() as writing:
        writing.keep_arrays(_name(space), arrays)


# --- computing ---------------------------------------------------------------------------------


def _computed(old: _Kept | None, ids: Ids, versions: Ids, rows: Rows, k: int, progress: Progress) -> _Kept:
    lists = None if old is None else _updated(old, ids, versions, rows, progress)
    if old is not None and lists is not None:
        return _Kept(ids, versions, lists, old.k, old.reach, old.recall)
    built = all_nearest(rows, k + SPARE, measured=k, exact_limit=EXACT_LIMIT, progress=progress)
    return _Kept(ids, versions, built.lists, k, built.reach, built.recall)


def _updated(old: _Kept, ids: Ids, versions: Ids, rows: Rows, progress: Progress) -> Lists | None:
    """The lists as they are now; None when building them anew costs less."""
    # Searching for a picture and inserting it cost n steps each, building `reach` for each of n.
    affordable = min(REBUILD_SHARE * len(ids), old.reach / 2)
    place = np.where(_looked_up(old.ids, ids, versions) == old.versions, np.searchsorted(ids, old.ids), -1)
    stays = place >= 0
    fresh = np.setdiff1d(np.arange(len(ids)), place[stays])
    if len(fresh) > affordable:
        return None
    lists = Lists.empty(len(ids), old.lists.places.shape[1])
    lists.put(place[stays], _without_gone(old.lists, place, stays))
    _insert(lists, place[stays], fresh, rows)
    short = (lists.places >= 0).sum(axis=1) < min(old.k, len(ids) - 1)
    again = np.flatnonzero(short)
    if len(again) > affordable:
        return None
    lists.put(again, nearest_of(rows, again, lists.places.shape[1], progress))
    return lists


def _without_gone(lists: Lists, place: Ids, stays: npt.NDArray[np.bool_]) -> Lists:
    """The lists of the pictures that stay, without those that do not."""
    places, similarities = lists.places[stays], lists.similarities[stays]
    return _moved_up(np.where(places >= 0, place[places], -1).astype(np.int32), similarities)


def _moved_up(places: Places, similarities: Vectors) -> Lists:
    """Lists in which neighbours may be missing, without gaps."""
    order = np.argsort(places < 0, axis=1, kind="stable")
    places = np.take_along_axis(places, order, 1)
    similarities = np.where(places >= 0, np.take_along_axis(similarities, order, 1), -np.inf)
    return Lists(places, similarities.astype(np.float32))


def _insert(lists: Lists, old: Ids, fresh: Ids, rows: Rows) -> None:
    """Put new pictures into the lists of those old ones that they are near to.

    Beyond the last neighbour of a list there may be others that it lacks: only what comes before
    that may go into it.
    """
    new = rows[fresh]

    def insert(start: int) -> None:
        part = old[start : start + _BLOCK]
        _, last = _last(lists.take(part))
        part = part[reached(rows[part], new) >= last[:, 0]]  # few, mostly
        known = lists.take(part)
        found = nearest_rows(rows[part], new, known.places.shape[1])
        found.places[:] = np.where(found.places >= 0, fresh[found.places], -1)
        refused = ~_before_last(found, known)
        found.places[refused], found.similarities[refused] = -1, -np.inf
        lists.put(part, known.merged(found))

    if len(fresh):
        deque(in_threads(insert, range(0, len(old), _BLOCK)), maxlen=0)


def _last(lists: Lists) -> tuple[Places, Vectors]:
    """Place and similarity of the last neighbour of each list, (n, 1); -1 and inf for an empty one,
    to which nothing can be nearer."""
    last = np.maximum((lists.places >= 0).sum(axis=1, keepdims=True) - 1, 0)
    place = np.take_along_axis(lists.places, last, 1)
    similarity = np.take_along_axis(lists.similarities, last, 1)
    return place, np.where(place >= 0, similarity, np.float32(np.inf))


def _before_last(found: Lists, known: Lists) -> npt.NDArray[np.bool_]:
    """Which of those found come before the last one known."""
    place, similarity = _last(known)
    tied = (found.similarities == similarity) & (found.places < place)
    return np.asarray((found.similarities > similarity) | tied)
