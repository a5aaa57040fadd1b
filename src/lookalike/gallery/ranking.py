"""Checking the vectors a caller gives, and ordering what was found."""

from __future__ import annotations

import numpy as np

from lookalike.errors import UsageError
from lookalike.gallery.base import Ids, Matches, Vectors


def checked(vectors: Vectors, dimension: int, rows: int | None = None) -> Vectors:
    """The vectors as (n, dimension) float32, if they can be kept and compared at all.

    Args:
        vectors: what a caller gave.
        dimension: length of a row in this space.
        rows: how many there must be; None for any number.

    Raises:
        UsageError: the shape differs, or a number is not finite.
    """
    array = np.asarray(vectors, dtype=np.float32)
    if array.ndim != 2 or array.shape[1] != dimension or rows not in (None, len(array)):
        wanted = f"({'n' if rows is None else rows}, {dimension})"
        raise UsageError(f"vectors: expected shape {wanted}, got {array.shape}")
    if not np.isfinite(array).all():
        row = int(np.argmin(np.isfinite(array).all(axis=1)))
        raise UsageError(f"vectors: row {row} has a number that is not finite, expected unit vectors")
    return array


def checked_k(k: int) -> int:
    """k, if it is at least 1.

    Raises:
        UsageError: it is smaller.
    """
    if k < 1:
        raise UsageError(f"k: expected at least 1, got {k}")
    return k


def nearest(ids: Ids, similarities: Vectors, k: int) -> Matches:
    """The k most similar of these, most similar first, ties by ascending id.

    >>> nearest(np.array([5, 2, 9]), np.array([0.5, 0.5, 0.75], np.float32), 2).ids.tolist()
    [9, 2]
    """
    order = np.lexsort((ids, -similarities))[:k]
    return Matches(ids[order], similarities[order])
