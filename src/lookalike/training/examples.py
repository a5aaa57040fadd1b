"""What an adapter is fitted on: from a column of the collection, or from pairs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lookalike.errors import UsageError
from lookalike.evaluation.truth import Known, PairList, chosen, having, known
from lookalike.filters import Filter
from lookalike.gallery.base import Gallery, Space
from lookalike.training.adapter import Examples, groups_of, sample

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Material:
    """Examples and where they come from.

    Attributes:
        ids: (n,) int64, the pictures' numbers, ascending.
        examples: their vectors and classes.
        alone: pictures that are the only ones of their class.
        unknown: (u,) int64, the numbers of pictures left out since nothing is known about them.
        unmatched: names in a table of pairs that are no pictures.
    """

    ids: Ints
    examples: Examples
    alone: int
    unknown: Ints
    unmatched: tuple[str, ...] = ()

    @property
    def classes(self) -> int:
        """How many classes there are."""
        return len(np.unique(self.examples.labels))


def by_label(
    gallery: Gallery, space: Space, column: str, where: Filter | None, beside: Sequence[Space] = ()
) -> Material:
    """Pictures with the same value in a column belong together.

    Args:
        gallery: whose pictures.
        space: whose vectors are learned from.
        column: whose values say it.
        where: only these pictures; None for all.
        beside: only pictures that have a vector of each of these spaces, too.

    Raises:
        UsageError: there is no such column, or nothing can be learned from it.
    """
    pictures = known(gallery, space, column)
    rows = chosen(gallery, pictures, where)
    rows = rows[having(gallery, pictures.ids[rows], beside)]
    labelled = rows[pictures.labels[rows] >= 0]
    among = " among those that --where takes" if where else ""
    if not len(labelled):
        raise UsageError(f"no picture has a value in column {column}{among}: there is nothing to learn from")
    labels = np.unique(pictures.labels[labelled], return_inverse=True)[1]
    if labels.max() == 0:
        value = pictures.names[int(pictures.labels[labelled[0]])]
        raise UsageError(
            f"all {len(labelled):,} pictures{among} have the same value in column {column} ({value}): "
            f"there must be at least two kinds to tell apart"
        )
    none = np.zeros((0, 2), np.int64)
    material = _material(gallery, space, pictures, labelled, labels, none)
    return _counted(material, labels, pictures.ids[rows[pictures.labels[rows] < 0]])


def by_pairs(
    gallery: Gallery, space: Space, pairs: PairList, where: Filter | None, beside: Sequence[Space] = ()
) -> Material:
    """Pictures that pairs join, directly or over others, belong together; see `by_label`.

    Raises:
        UsageError: pairs contradict each other, or nothing can be learned from them.
    """
    pictures = known(gallery, space)
    rows = chosen(gallery, pictures, where)
    rows = rows[having(gallery, pictures.ids[rows], beside)]
    ids = pictures.ids[rows]
    here = pairs.ids[np.isin(pairs.ids, ids).all(axis=1)]
    together = pairs.together[np.isin(pairs.ids, ids).all(axis=1)]
    named = np.unique(here)
    places = np.searchsorted(named, here)
    if not together.any():
        among = "among those that --where takes" if where else "of the collection"
        raise UsageError(
            f"no pair is of two pictures {among} that belong together: there is nothing to learn from"
        )
    labels = groups_of(len(named), [(int(a), int(b)) for a, b in places[together]])
    apart = places[~together]
    wrong = np.flatnonzero(labels[apart[:, 0]] == labels[apart[:, 1]])
    if len(wrong):
        paths = [gallery.get([int(named[place])])[0].path for place in apart[wrong[0]]]
        raise UsageError(
            f"the pairs contradict each other: {paths[0]} and {paths[1]} do not belong together, but other "
            f"pairs join them; remove one of these pairs"
        )
    if labels.max() == 0:
        raise UsageError(
            f"the pairs join all {len(named):,} pictures into one group: there must be at least two to tell "
            f"apart. Of clicks, keep those that speak of one thing"
        )
    at = np.searchsorted(pictures.ids, named)
    material = _material(gallery, space, pictures, at, labels, apart)
    return _counted(material, labels, np.setdiff1d(ids, named), pairs.unmatched)


def _material(
    gallery: Gallery, space: Space, pictures: Known, rows: Ints, labels: Ints, apart: Ints
) -> Material:
    kept = sample(labels)
    ids = pictures.ids[rows[kept]]
    place = np.full(len(rows), -1)
    place[kept] = np.arange(len(kept))
    pairs = place[apart].reshape(-1, 2)
    vectors = gallery.vectors(space, ids.tolist())
    examples = Examples(
        vectors,
        labels[kept],
        pictures.same[rows[kept]],
        pictures.hashes[rows[kept]],
        pairs[(pairs >= 0).all(axis=1)],
    )
    return Material(ids, examples, 0, ids[:0])


def _counted(material: Material, labels: Ints, unknown: Ints, unmatched: tuple[str, ...] = ()) -> Material:
    alone = int((np.bincount(labels) == 1).sum())
    return Material(material.ids, material.examples, alone, unknown, unmatched)
