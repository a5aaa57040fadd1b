"""The plane of a collection: laid out once, kept, and brought up to date.

plane = plane(gallery, space)
for number, (x, y) in zip(plane.ids, plane.points): ...
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from lookalike.errors import CollectionError
from lookalike.gallery.base import Gallery, Ids, Space, Vectors
from lookalike.neighbours import Graph, graph
from lookalike.neighbours import stored as stored_graph
from lookalike.plane import layout, placing, starting
from lookalike.plane.quality import Quality, quality, rows_of
from lookalike.progress import Stages, silent

REBUILD_SHARE = 0.25
"""With more new pictures than this share of all, everything is laid out anew."""

_LAYOUT = 1  # of the arrays kept; others are not read
_FEWEST = 5  # pictures for which t-SNE means anything
_LONG = 5_000  # pictures from which on it takes long enough that states are kept


@dataclass(frozen=True, slots=True, eq=False)
class Plane:
    """A layout of the pictures of a space.

    Attributes:
        ids: (n,) int64, ascending: the pictures with a vector.
        points: (n, 2) float32, around (0, 0). Only which points are near each other means anything.
        placed: (n,) which pictures came later and were put among the others.
        quality: how true it is; None with fewer than 5 pictures.
        graph: the neighbours of the same pictures.
    """

    ids: Ids
    points: npt.NDArray[np.float32]
    placed: npt.NDArray[np.bool_]
    quality: Quality | None
    graph: Graph


def plane(gallery: Gallery, space: Space, *, fresh: bool = False, progress: Stages | None = None) -> Plane:
    """The layout of a space as its pictures are now.

    The one kept is used when it is current. New pictures, and those whose vector has changed, are placed
    into it from their neighbours, and the others stay where they are; when more than `REBUILD_SHARE` of
    all would be placed ones, everything is laid out anew. It is kept when nobody else is writing. What an
    interruption leaves is gone on with by the next call. The same vectors give the same layout, bit for
    bit, unless pictures were placed.

    Memory, beside that for the graph: about 3 kB a picture while it is laid out.

    Args:
        gallery: whose pictures.
        space: which vectors.
        fresh: lay everything out anew.
        progress: called now and then.
    """
    say = progress or silent
    near = graph(gallery, space, progress=partial(say, "comparing"))
    versions, vectors = _versions(gallery, space, near.ids), _Blocks(gallery, space)
    kept = None if fresh else _kept(gallery, space)
    if kept is None or not kept.is_of(near.ids, versions):
        points, placed = (None if kept is None else _updated(kept, near, versions, vectors, say)) or (
            _laid_out(gallery, space, near, versions, vectors, say),
            np.zeros(len(near.ids), bool),
        )
        kept = _Kept(near.ids, versions, points, placed, None)
        _keep(gallery, space, kept)  # before it is measured: nothing that happens then costs the layout
    if kept.quality is None:
        measured = quality(near.ids, kept.points, vectors, progress=partial(say, "measuring"))
        if measured is not None:
            kept = replace(kept, quality=measured)
            _keep(gallery, space, kept)
    return kept.plane(near)


def stored(gallery: Gallery, space: Space) -> Plane | None:
    """The layout that was kept last, of those of its pictures that are still there as they were; others are
    not placed into it. None when nothing was laid out, or the neighbours are not known any more."""
    kept, near = _kept(gallery, space), stored_graph(gallery, space)
    if kept is None or near is None:
        return None
    same = (kept.versions == _versions(gallery, space, kept.ids)) & np.isin(kept.ids, near.ids)
    return replace(
        kept,
        ids=kept.ids[same],
        versions=kept.versions[same],
        points=kept.points[same],
        placed=kept.placed[same],
    ).plane(near.among(kept.ids[same]))


def is_laid_out(gallery: Gallery, space: Space) -> bool:
    """Whether a layout is kept. Costs no more than opening it."""
    return _kept(gallery, space) is not None


@dataclass(frozen=True, slots=True, eq=False)
class _Kept:
    """A plane as it is kept: with the versions of the vectors it was made from."""

    ids: Ids
    versions: Ids
    points: npt.NDArray[np.float32]
    placed: npt.NDArray[np.bool_]
    quality: Quality | None

    def is_of(self, ids: Ids, versions: Ids) -> bool:
        return np.array_equal(self.ids, ids) and np.array_equal(self.versions, versions)

    def plane(self, near: Graph) -> Plane:
        views = self.ids[:], self.points[:], self.placed[:]
        for array in views:
            array.flags.writeable = False
        return Plane(*views, self.quality, near)


class _Blocks:
    """All vectors of a space, to be gone through as often as one likes."""

    def __init__(self, gallery: Gallery, space: Space) -> None:
        self._gallery, self._space = gallery, space

    def __iter__(self) -> Iterator[tuple[Ids, Vectors]]:
        return self._gallery.scan(self._space)


def _versions(gallery: Gallery, space: Space, ids: Ids) -> Ids:
    """Of each picture's vector, as `Gallery.versions` has them; -1 for one that has gone meanwhile."""
    known, versions = gallery.versions(space)
    if not len(known):
        return np.full(len(ids), -1)
    place = np.minimum(np.searchsorted(known, ids), len(known) - 1)
    return np.where(known[place] == ids, versions[place], -1)


# --- computing ---------------------------------------------------------------------------------


def _laid_out(
    gallery: Gallery, space: Space, near: Graph, versions: Ids, vectors: _Blocks, say: Stages
) -> npt.NDArray[np.float32]:
    start = starting.principal(vectors, near.ids)
    if len(near.ids) < _FEWEST:  # one beside the other, in the order of how they differ
        return np.asarray(start / starting.SPREAD, np.float32)
    state = _unfinished(gallery, space, versions) or layout.State.start(start)
    say("laying out", state.done, layout.STEPS)
    for latest in layout.laid_out(near, state):
        state = latest
        say("laying out", state.done, layout.STEPS)
        if len(near.ids) >= _LONG and state.done < layout.STEPS:
            with suppress(CollectionError):
                _keep_unfinished(gallery, space, versions, state)
    return np.asarray(state.points, np.float32)


def _updated(
    old: _Kept, near: Graph, versions: Ids, vectors: _Blocks, say: Stages
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]] | None:
    """The old points with the new ones among them; None when that would be too many."""
    place = np.searchsorted(near.ids, old.ids)
    inside = np.minimum(place, max(len(near.ids) - 1, 0))
    stays = (
        (near.ids[inside] == old.ids) & (versions[inside] == old.versions)
        if len(near.ids)
        else np.zeros(len(old.ids), bool)
    )
    points, placed = np.zeros((len(near.ids), 2), np.float32), np.ones(len(near.ids), bool)
    points[place[stays]], placed[place[stays]] = old.points[stays], old.placed[stays]
    known = np.zeros(len(near.ids), bool)
    known[place[stays]] = True
    if placed.sum() > REBUILD_SHARE * len(near.ids):
        return None

    def nearest(new: Ids, among: Ids) -> Ids:
        return _most_similar(near.ids, new, among, vectors)

    def placing_them(done: int, total: int) -> None:
        say("placing", done, total)

    return placing.placed(near, points, known, nearest, placing_them), placed


def _most_similar(ids: Ids, new: Ids, among: Ids, blocks: _Blocks) -> Ids:
    """For each of a few pictures the most similar one among others; all are ascending positions in `ids`.

    A picture that has gone meanwhile gets the first of the others: its place does not matter any more.
    """
    there, queries = rows_of(ids[new], blocks)
    best, nearest = np.full(len(there), -np.inf), np.full(len(there), among[0])
    for some, vectors in blocks:
        keep = np.isin(some, ids[among])
        if len(there) and keep.any():
            similarities = queries @ vectors[keep].T
            top = similarities.argmax(axis=1)
            better = similarities.max(axis=1) > best
            best = np.where(better, similarities.max(axis=1), best)
            nearest = np.where(better, np.searchsorted(ids, some[keep])[top], nearest)
    answer = np.full(len(new), among[0])
    answer[np.searchsorted(ids[new], there)] = nearest
    return answer


# --- keeping -----------------------------------------------------------------------------------


def _name(space: Space) -> str:
    return f"plane-{space.identity[:32]}"


def _kept(gallery: Gallery, space: Space) -> _Kept | None:
    arrays = gallery.arrays(_name(space))
    if arrays is None or arrays["layout"] != _LAYOUT:
        return None
    trust, share, nearest = arrays["quality"]
    measured = Quality(float(trust), float(share), int(nearest)) if nearest else None
    return _Kept(arrays["ids"], arrays["versions"], arrays["points"], arrays["placed"], measured)


def _keep(gallery: Gallery, space: Space, made: _Kept) -> None:
    measured = made.quality
    figures = (
        (0, 0, 0)
        if measured is None
        else (measured.trustworthiness, measured.neighbours_kept, measured.nearest)
    )
    arrays: dict[str, npt.NDArray[Any]] = {
        "layout": np.array(_LAYOUT),
        "ids": made.ids,
        "versions": made.versions,
        "points": made.points,
        "placed": made.placed,
        "quality": np.array(figures, np.float64),
    }
    # Somebody else may be writing, or nobody can: it serves without.
    with suppress(CollectionError), gallery.writing() as writing:
        writing.keep_arrays(_name(space), arrays)
        writing.drop_arrays(f"{_name(space)}-unfinished")


def _unfinished(gallery: Gallery, space: Space, versions: Ids) -> layout.State | None:
    """The state an interruption has left, if it is one of these vectors."""
    arrays = gallery.arrays(f"{_name(space)}-unfinished")
    if arrays is None or arrays["layout"] != _LAYOUT or not np.array_equal(arrays["versions"], versions):
        return None
    return layout.State(int(arrays["done"]), arrays["points"], arrays["gains"], arrays["update"])


def _keep_unfinished(gallery: Gallery, space: Space, versions: Ids, state: layout.State) -> None:
    with gallery.writing() as writing:
        arrays: dict[str, npt.NDArray[Any]] = {
            "layout": np.array(_LAYOUT),
            "versions": versions,
            "done": np.array(state.done),
            "points": state.points,
            "gains": state.gains,
            "update": state.update,
        }
        writing.keep_arrays(f"{_name(space)}-unfinished", arrays)
