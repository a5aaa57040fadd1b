"""A given number of clusters: k-means on the vectors."""

from __future__ import annotations

import numpy as np

from lookalike.clusters.affinity import Codes
from lookalike.clusters.scope import Stages, in_parts
from lookalike.errors import UsageError
from lookalike.gallery.base import Gallery, Ids, Space
from lookalike.gallery.knn import most_similar, trained_centres

SAMPLE = 256
"""Pictures drawn for each cluster to find the centres; all are then put to the nearest centre."""


def by_kmeans(gallery: Gallery, space: Space, ids: Ids, k: int, tell: Stages) -> Codes:
    """(n,) int64 from 0: the nearest of at most k centres, found by spherical k-means.

    There are fewer than k when fewer than k vectors differ. Memory: the sample and the centres.

    Raises:
        UsageError: k is less than 1 or more than there are pictures.
    """
    if not 1 <= k <= len(ids):
        raise UsageError(f"k must be from 1 to the number of pictures, {len(ids):,}; got {k:,}")
    drawn = np.random.default_rng(0).permutation(len(ids))[: SAMPLE * k]
    tell("centres", 0, 0)
    sample = np.concatenate([vectors for _, vectors in in_parts(gallery, space, ids[np.sort(drawn)])])
    centres = trained_centres(sample, k)
    found = np.empty(len(ids), np.int64)
    for part, vectors in in_parts(gallery, space, ids):
        found[part] = most_similar(vectors, centres, 1)[:, 0]
        tell("pictures", part.stop, len(ids))
    return found
