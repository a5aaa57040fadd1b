"""Where the layout starts: the two directions in which the vectors of a collection differ most.

t-SNE moves points by what is near; that large groups come to lie sensibly to each other is due to where it
starts (Kobak and Linderman, "Initialization is critical for preserving global data structure in both t-SNE
and UMAP", Nature Biotechnology 39, 2021).
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from lookalike.gallery.base import Ids, Vectors

Points = npt.NDArray[np.float64]

SPREAD = 1e-4
"""Standard deviation of the start along its first direction: so small that nothing repels yet."""

_STEPS = 2048
"""Numbers of a vector are taken as multiples of 1 / 2048 here, so that sums of products are exact in 64 bits
(100 million times 2048 squared is less than 2 to the 53rd), and the same however they are split over
threads."""


def principal(blocks: Iterable[tuple[Ids, Vectors]], ids: Ids, seed: int = 0) -> Points:
    """The pictures along the first two principal components of their vectors, scaled to `SPREAD`.

    The vectors are never held all at once: a first pass sums up how they vary, a second projects them.

    Args:
        blocks: ids and (m, d) unit vectors, ids ascending over all blocks; may be gone through twice.
        ids: (n,) ascending: the pictures wanted, all of them in `blocks`.
        seed: of the noise, a hundredth of `SPREAD`, that parts equal pictures.

    Returns:
        (n, 2) float64.
    """
    total, products = np.zeros(()), np.zeros(())
    for _, rows in _wanted(blocks, ids):
        total, products = total + rows.sum(axis=0), products + rows.T @ rows
    points = np.zeros((len(ids), 2))
    if len(ids):
        axes = _axes(total, products, len(ids))
        for place, rows in _wanted(blocks, ids):
            points[place] = rows @ axes
    points -= points.mean(axis=0) if len(ids) else 0
    size = points[:, 0].std() if len(ids) else 0
    points *= SPREAD / size if size else 0
    return points + np.random.default_rng(seed).normal(0, SPREAD / 100, points.shape)


def _wanted(blocks: Iterable[tuple[Ids, Vectors]], ids: Ids) -> Iterable[tuple[Ids, Points]]:
    """Of each block the places of its pictures among the ids, and their vectors as whole numbers."""
    for some, vectors in blocks:
        known = np.isin(some, ids)
        yield np.searchsorted(ids, some[known]), np.rint(vectors[known].astype(np.float64) * _STEPS)


def _axes(total: Points, products: Points, count: int) -> Points:
    """(d, 2): the directions of most variance, as whole numbers too; the same sign each time."""
    covariance = products / count - np.outer(total, total) / count**2
    _, vectors = np.linalg.eigh(covariance)
    axes = vectors[:, ::-1][:, :2]
    largest = np.abs(axes).argmax(axis=0)
    return np.asarray(np.rint(axes * np.sign(axes[largest, [0, 1]]) * _STEPS))
