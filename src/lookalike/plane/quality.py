"""How well a layout keeps near what is near, measured on a sample of its pictures."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lookalike.gallery.base import Ids, Vectors
from lookalike.neighbours import Graph

NEAREST = 15
"""Neighbours looked at."""

SAMPLE = 500
"""Pictures looked at: both figures are then known to about 0.01."""

_TIED = 1e-12  # cosines that differ by less are equal: sums may be rounded in another order


@dataclass(frozen=True, slots=True)
class Quality:
    """How true a layout is.

    Attributes:
        trustworthiness: in [0, 1]: 1 when all that is near in the plane is near in truth; about 0.5 when
            the places are random.
        neighbours_kept: share of the `nearest` most similar pictures of a picture that are among its
            `nearest` nearest points, in [0, 1].
        nearest: neighbours looked at.
    """

    trustworthiness: float
    neighbours_kept: float
    nearest: int


def quality(
    graph: Graph, points: npt.NDArray[np.float32], blocks: Iterable[tuple[Ids, Vectors]], *, seed: int = 0
) -> Quality | None:
    """Measure a layout.

    Trustworthiness is that of J. Venna and S. Kaski, "Neighborhood preservation in nonlinear projection
    methods: an experimental study", ICANN 2001: with n pictures, and k of them around each,

        T = 1 - 2 / (m k (2 n - 3 k - 1)) * sum over i, and over those j of the k nearest points of i
                that are not among its k most similar pictures, of (r(i, j) - k)

    where r(i, j) is the rank of j among all pictures by similarity to i, the most similar having 1 and
    equally similar ones the lowest of their ranks. The sum goes over m sampled pictures i, with all
    others as j.

    Args:
        graph: of the pictures; its lists must have `NEAREST` neighbours, or all.
        points: (n, 2).
        blocks: ids and unit vectors of the pictures (and perhaps of others).
        seed: of the sample.

    Returns:
        None with fewer than 5 pictures, where nothing can be wrong.
    """
    count = len(graph.ids)
    nearest = min(NEAREST, (count - 1) // 2, graph.neighbours.shape[1])
    if nearest < 2:
        return None
    sample = np.sort(np.random.default_rng(seed).permutation(count)[:SAMPLE])
    around = _around(points, sample, nearest)
    found = (around[:, :, None] == graph.neighbours[sample, None, :nearest]).any(axis=2)
    excess = np.maximum(_ranks(graph.ids, sample, around, blocks) - nearest, 0)
    scale = 2 / (len(sample) * nearest * (2 * count - 3 * nearest - 1))
    return Quality(round(float(1 - scale * excess.sum()), 4), round(float(found.mean()), 4), nearest)


def _around(points: npt.NDArray[np.float32], sample: Ids, nearest: int) -> Ids:
    """(m, nearest) the nearest points of each, without itself."""
    from scipy.spatial import cKDTree

    _, found = cKDTree(points).query(points[sample], nearest + 1)
    own = found == sample[:, None]
    own[~own.any(axis=1), -1] = True  # it lies behind others at the same place
    return np.asarray(found[~own].reshape(len(sample), nearest))


def _ranks(ids: Ids, sample: Ids, around: Ids, blocks: Iterable[tuple[Ids, Vectors]]) -> Ids:
    """(m, nearest) the ranks of these pictures by their similarity to those of the sample."""
    wanted = np.union1d(sample, around)
    rows = _rows(ids[wanted], blocks)
    queries = rows[np.searchsorted(wanted, sample)]
    reached = np.einsum("qd,qkd->qk", queries, rows[np.searchsorted(wanted, around)])
    ranks = np.ones(around.shape, np.int64)
    for some, vectors in blocks:
        known = np.isin(some, ids)
        similarities = queries @ vectors[known].astype(np.float64).T
        own = np.searchsorted(ids, some[known])[None] == sample[:, None]
        similarities[own] = -np.inf
        for column in range(around.shape[1]):
            ranks[:, column] += (similarities > reached[:, column, None] + _TIED).sum(axis=1)
    return ranks


def _rows(ids: Ids, blocks: Iterable[tuple[Ids, Vectors]]) -> npt.NDArray[np.float64]:
    """The vectors of some pictures, ids ascending."""
    parts = [vectors[np.isin(some, ids)] for some, vectors in blocks]
    return np.concatenate(parts).astype(np.float64)
