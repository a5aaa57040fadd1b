"""How well a layout keeps near what is near, measured on a sample of its pictures."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lookalike.gallery.base import Ids, Vectors
from lookalike.progress import Progress

Blocks = Iterable[tuple[Ids, Vectors]]
"""Ids and unit vectors, ids ascending over all blocks; gone through more than once."""

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
        neighbours_kept: share of the `nearest` nearest points of a picture that are among its `nearest`
            most similar pictures, in [0, 1]. Those as similar as the last of them are among them too.
        nearest: neighbours looked at.
    """

    trustworthiness: float
    neighbours_kept: float
    nearest: int


def quality(
    ids: Ids,
    points: npt.NDArray[np.float32],
    blocks: Blocks,
    *,
    seed: int = 0,
    progress: Progress | None = None,
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
        ids: (n,) ascending.
        points: (n, 2).
        blocks: ids and unit vectors of the pictures, and perhaps of others. Sampled pictures are left out
            when they, or those around them, have gone from it.
        seed: of the sample.
        progress: called now and then.

    Returns:
        None with fewer than 5 pictures, where nothing can be wrong, and when the sample has gone.
    """
    count = len(ids)
    nearest = min(NEAREST, (count - 1) // 2)
    if nearest < 2:
        return None
    sample = np.sort(np.random.default_rng(seed).permutation(count)[:SAMPLE])
    around = _around(points, sample, nearest)
    there, rows = rows_of(ids[np.union1d(sample, around)], blocks)
    whole = np.isin(ids[sample], there) & np.isin(ids[around], there).all(axis=1)
    sample, around = sample[whole], around[whole]
    if not len(sample):
        return None
    queries, reached = rows[np.searchsorted(there, ids[sample])], rows[np.searchsorted(there, ids[around])]
    ranks = _ranks(ids, sample, queries, np.einsum("qd,qkd->qk", queries, reached), blocks, progress)
    excess = np.maximum(ranks - nearest, 0)
    scale = 2 / (len(sample) * nearest * (2 * count - 3 * nearest - 1))
    kept = float((excess == 0).mean())
    return Quality(round(float(1 - scale * excess.sum()), 4), round(kept, 4), nearest)


def rows_of(ids: Ids, blocks: Blocks) -> tuple[Ids, npt.NDArray[np.float64]]:
    """Those of the pictures, ids ascending, that are still there, and their vectors."""
    found, parts = [np.empty(0, np.int64)], []
    for some, vectors in blocks:
        wanted = np.isin(some, ids)
        if wanted.any():
            found.append(some[wanted])
            parts.append(vectors[wanted].astype(np.float64))
    return np.concatenate(found), np.concatenate(parts) if parts else np.empty((0, 0))


def _around(points: npt.NDArray[np.float32], sample: Ids, nearest: int) -> Ids:
    """(m, nearest) the nearest points of each, without itself."""
    from scipy.spatial import cKDTree

    _, found = cKDTree(points).query(points[sample], nearest + 1)
    own = found == sample[:, None]
    own[~own.any(axis=1), -1] = True  # it lies behind others at the same place
    return np.asarray(found[~own].reshape(len(sample), nearest))


def _ranks(
    ids: Ids,
    sample: Ids,
    queries: npt.NDArray[np.float64],
    reached: npt.NDArray[np.float64],
    blocks: Blocks,
    progress: Progress | None,
) -> Ids:
    """(m, nearest) the ranks that pictures so similar to those of the sample have among all."""
    ranks, done = np.ones(reached.shape, np.int64), 0
    for some, vectors in blocks:
        known = np.isin(some, ids)
        similarities = queries @ vectors[known].astype(np.float64).T
        own = np.searchsorted(ids, some[known])[None] == sample[:, None]
        similarities[own] = -np.inf
        for column in range(reached.shape[1]):
            ranks[:, column] += (similarities > reached[:, column, None] + _TIED).sum(axis=1)
        done += int(known.sum())
        if progress:
            progress(done, len(ids))
    return ranks
