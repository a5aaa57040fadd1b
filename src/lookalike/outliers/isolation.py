"""How far a picture is from all others, on the graph of nearest neighbours.

A picture's distance is 1 - the cosine to its `REACH`-th nearest other (Ramaswamy, Rastogi and Shim,
"Efficient algorithms for mining outliers from large data sets", SIGMOD 2000): a few odd pictures of one kind
are then as far from everything as one alone. What lies among sparse pictures is farther than what lies among
dense ones without being odd, so the distance is sharpened by its ratio to that of its neighbours, as in
the local outlier factor (Breunig et al., SIGMOD 2000), but only by a quarter of it:

    d = distance * (distance / mean distance of the neighbours) ** 0.25

Measured by planting 1, 4 and 12 pictures of garments, groceries or fruits among those of another of these
kinds, or of two of them together: the mean average precision is 0.98, with the mean distance to 16
neighbours 0.88, and with the local outlier factor 0.60 (`benchmarks/outliers.py isolation`).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lookalike.gallery.knn import Lists

REACH = 16
"""The neighbour whose distance counts. Up to so many odd pictures of one kind are found; more are a kind of
their own. (12 fruits among 439 garments: average precision 0.62, with the 12th neighbour 0.19.)"""

LEAST = 10
"""With fewer pictures nothing is said: there is no usual distance."""

LOCAL = 0.25
"""How much the distances of the neighbours count."""

USUAL = 2.5
"""Robust standard deviations above the median at which the score is one half. Of 439 garments, 1,025
groceries and 1,600 fruits none is beyond; of four groceries among the garments all are."""

CROWD = 0.1
"""A larger share of the pictures is not odd."""

_NEAR = 0.005  # distances below are noise: what encoding a picture again makes of it
_LEAST_SPREAD = 0.05  # of the logarithms, so that nearly equal distances make no outliers

Scores = npt.NDArray[np.float64]


def isolation(lists: Lists) -> Scores:
    """How isolated each picture is.

    Args:
        lists: the nearest others of each picture, (n, k).

    Returns:
        (n,) in [0, 1): with z = robust standard deviations of log d above its median, z / (z + `USUAL`), or
        0 below the median. One half is far from everything. All 0 for fewer than `LEAST` pictures.
    """
    n = len(lists.places)
    if n < LEAST:
        return np.zeros(n)
    reach = min(REACH, (n - 1) // 3, lists.places.shape[1])
    places, there = lists.places[:, :reach], lists.places[:, :reach] >= 0
    # The last neighbour that is known; a picture without any is as far as can be.
    similarities = np.where(there, lists.similarities[:, :reach], np.inf).min(axis=1).astype(np.float64)
    distance = np.maximum(_NEAR, 1 - np.where(there.any(axis=1), similarities, -1.0))
    around = np.where(there, distance[places], 0).sum(axis=1) / np.maximum(1, there.sum(axis=1))
    ratio = distance / np.where(there.any(axis=1), around, distance)
    z = _away(np.log(distance) + LOCAL * np.log(ratio))
    scores: Scores = z / (z + USUAL)
    return scores


def _away(values: Scores) -> Scores:
    """Robust standard deviations above what is usual; 0 below.

    Where more than `CROWD` of all are far away, they are a kind of their own (photos beside many screenshots
    that are all alike), and what is usual is what is usual among them.
    """
    among = np.ones(len(values), bool)
    while True:
        middle = np.median(values[among])
        # Of a normal distribution this is sigma.
        spread = max(1.4826 * float(np.median(np.abs(values[among] - middle))), _LEAST_SPREAD)
        z: Scores = np.maximum(0, (values - middle) / spread)
        far = z >= USUAL
        if far.sum() <= CROWD * len(values):
            return z
        among = far
