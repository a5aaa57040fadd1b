"""Which pictures have no dense neighbourhood."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lookalike.gallery.knn import Lists, Places

Truths = npt.NDArray[np.bool_]

NEIGHBOURS = 10

SPARSE = 1.5
"""A picture is noise when its place is less than 1/1.5 as dense as the places of its neighbours, and less
dense than most (else whatever is next to ten copies of one picture would be noise): 1 of 1,600 fruits, which
are frames of films and lie very densely, and none of 439 clothes and 1,025 groceries."""

SHARED = 2.0
"""A picture is noise when it has, on average, fewer than two of eleven (itself and its ten nearest) in common
with its neighbours: 1.8 % of the clothes, 0.2 % of the groceries, 0.1 % of the fruits; 45 % of 2,000 vectors
drawn at random, where there is nothing to find. With `SPARSE`, of 20 random vectors put among the fruits,
clothes and groceries 19, 17 and 9 are noise."""

_BLOCK = 1024


def lonely(lists: Lists) -> Truths:
    """(n,) truths: pictures with no dense neighbourhood.

    These are pictures to which no other has a cosine above 0; those whose place is much less dense than the
    places of their neighbours (local outlier factor, Breunig et al. 2000); and those whose neighbours do not
    know each other (density by shared neighbours, Ertöz, Steinbach and Kumar 2003). All with ten neighbours.
    """
    places, similarities = lists.places[:, :NEIGHBOURS], lists.similarities[:, :NEIGHBOURS]
    there = (places >= 0) & (similarities > 0)
    return ~there.any(axis=1) | _sparse(places, similarities, there) | (_shared(places, there) < SHARED)


def _sparse(places: Places, similarities: npt.NDArray[np.float32], there: Truths) -> Truths:
    """Whether the local outlier factor is above `SPARSE`, on the distances between unit vectors, at a place
    less dense than the median one."""
    if not there.any():
        return np.zeros(len(places), bool)
    found = np.maximum(there.sum(axis=1), 1)
    # Distances of copies are rounding errors, and their quotients mean nothing.
    distances = np.where(there, np.sqrt(np.maximum(2 - 2 * similarities.astype(float), 1e-4)), 0.0)
    reachable = np.where(there, np.maximum(distances, distances.max(axis=1)[places]), 0.0)
    density = found / np.maximum(reachable.sum(axis=1), 1e-9)
    around = np.where(there, density[places], 0.0).sum(axis=1) / found
    return np.asarray((around > SPARSE * density) & (density < np.median(density)))


def _shared(places: Places, there: Truths) -> npt.NDArray[np.float64]:
    """(n,) how many of itself and its neighbours each picture has in common with them, on average; it
    does not say anything, and is infinite, where a picture has fewer than ten neighbours."""
    count = len(places)
    own = np.where(there, places, -1 - np.arange(count)[:, None])  # what is not there equals nothing
    own = np.column_stack([np.arange(count), own])
    mean = np.full(count, np.inf)
    for start in range(0, count, _BLOCK):
        part = slice(start, start + _BLOCK)
        theirs = own[places[part]]  # (b, k, k + 1)
        common = (theirs[:, :, :, None] == own[part, None, None, :]).sum(axis=(2, 3))
        full = there[part].sum(axis=1) == NEIGHBOURS
        mean[part][full] = common[full].mean(axis=1)
    return mean
