"""Which pictures have no dense neighbourhood."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lookalike.gallery.knn import Lists

NEIGHBOURS = 10
LONELY = 1.5
"""A picture is noise when its place is less than 1/1.5 as dense as the places of its neighbours. Of 3,000
pictures of fruits, clothes and groceries, where each has others of its kind, 3 were."""


def lonely(lists: Lists) -> npt.NDArray[np.bool_]:
    """(n,) truths: pictures whose place is much less dense than those of their neighbours.

    That is the local outlier factor (Breunig et al. 2000) with 10 neighbours on the distances between
    unit vectors, and `LONELY` as its limit. A picture without neighbours is lonely.
    """
    places, similarities = lists.places[:, :NEIGHBOURS], lists.similarities[:, :NEIGHBOURS]
    there = places >= 0
    found = there.sum(axis=1)
    if not there.any():
        return np.ones(len(places), bool)
    # Distances of copies are rounding errors, and their quotients mean nothing.
    distances = np.where(there, np.sqrt(np.maximum(2 - 2 * similarities.astype(float), 1e-4)), 0.0)
    reach = distances.max(axis=1)
    reachable = np.where(there, np.maximum(distances, reach[places]), 0.0)
    density = found / np.maximum(reachable.sum(axis=1), 1e-9)
    around = np.where(there, density[places], 0.0).sum(axis=1) / np.maximum(found, 1)
    return np.asarray((found == 0) | (around > LONELY * density))
