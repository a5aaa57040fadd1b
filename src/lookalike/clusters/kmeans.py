"""A given number of clusters: k-means on the vectors."""

from __future__ import annotations

import numpy as np

from lookalike.clusters.affinity import Codes
from lookalike.clusters.communities import UNKNOWN
from lookalike.clusters.scope import in_parts
from lookalike.errors import UsageError
from lookalike.gallery.base import Gallery, Ids, Space, Vectors
from lookalike.gallery.knn import most_similar, trained_centres
from lookalike.progress import Stages

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
    return _to_nearest(gallery, space, ids, trained_centres(sample, k), tell)


def to_nearest_mean(gallery: Gallery, space: Space, ids: Ids, clusters: Codes, tell: Stages) -> Codes:
    """Clusters of all: each picture whose cluster is not known goes to the cluster with the nearest mean.

    Args:
        gallery: whose pictures.
        space: which vectors.
        ids: (n,) of the pictures.
        clusters: (n,) from 1 on, `UNKNOWN` for those to be found.
        tell: called now and then.

    Raises:
        UsageError: none is known.
    """
    known, new = clusters > 0, clusters == UNKNOWN
    numbers, codes = np.unique(clusters[known], return_inverse=True)
    if not len(numbers):
        raise UsageError("all pictures of these clusters are gone: find them anew")
    sums = np.zeros((len(numbers), space.dimension))
    for part, vectors in in_parts(gallery, space, ids[known]):
        np.add.at(sums, codes[part], vectors)
    means = sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-9)
    found = clusters.copy()
    found[new] = numbers[_to_nearest(gallery, space, ids[new], means.astype(np.float32), tell)]
    return found


def _to_nearest(gallery: Gallery, space: Space, ids: Ids, centres: Vectors, tell: Stages) -> Codes:
    found = np.empty(len(ids), np.int64)
    for part, vectors in in_parts(gallery, space, ids):
        found[part] = most_similar(vectors, centres, 1)[:, 0]
        tell("pictures", part.stop, len(ids))
    return found
