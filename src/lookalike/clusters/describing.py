"""Each cluster in facts: its medoid, how closely it holds together, which others are near, its name."""

from __future__ import annotations

import os
from collections.abc import Mapping
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from lookalike.clusters.affinity import Codes
from lookalike.clusters.labels import Label, Tally
from lookalike.clusters.scope import Scope, in_parts
from lookalike.gallery.base import Gallery, Ids, Space, Vectors
from lookalike.gallery.knn import most_similar
from lookalike.progress import Stages
from lookalike.results import Cluster, NearCluster

NEAREST = 3
"""Near clusters that each one names."""


def described(
    gallery: Gallery,
    space: Space,
    pictures: Scope,
    clusters: Codes,
    parents: Mapping[int, int],
    tell: Stages,
) -> tuple[tuple[Cluster, ...], tuple[str, ...]]:
    """The clusters as results, the largest first (of equally large ones that with the lower number), and
    the paths of the noise.

    Args:
        gallery: whose pictures.
        space: which vectors.
        pictures: those that were looked at.
        clusters: (n,) their clusters, from 1 on; -1 for noise.
        parents: of each cluster the one of the next coarser level, where there is one.
        tell: called now and then.
    """
    numbers, dense = np.unique(clusters[clusters > 0], return_inverse=True)
    codes = np.full(len(clusters), -1, np.int64)
    codes[clusters > 0] = dense
    paths, names = _named(gallery, pictures, clusters)  # first: reading the vectors notices what has gone
    typical, centres = _shape(gallery, space, pictures.ids, codes, len(numbers), tell)
    near = _near(centres)
    # By cluster, the most typical first, equally typical ones as they come.
    order = np.lexsort((-np.round(typical, 6), codes))
    starts = np.searchsorted(codes[order], np.arange(len(numbers) + 1))
    found = []
    for place, (start, end) in enumerate(pairwise(starts)):
        members, number = order[start:end], int(numbers[place])
        name = names.get(number)
        found.append(
            Cluster(
                id=number,
                size=len(members),
                medoid=paths[members[0]],
                label=str(name or ""),
                cohesion=round(float(typical[members].mean()), 4),
                share=round(name.share, 4) if name else None,
                column=name.column if name else None,
                parent=parents.get(number),
                nearest=tuple(NearCluster(int(numbers[other]), cosine) for other, cosine in near[place]),
                members=tuple(paths[member] for member in members),
            )
        )
    noise = tuple(path for path, code in zip(paths, codes, strict=True) if code < 0)
    return tuple(sorted(found, key=lambda cluster: (-cluster.size, cluster.id))), noise


def _shape(
    gallery: Gallery, space: Space, ids: Ids, codes: Codes, count: int, tell: Stages
) -> tuple[npt.NDArray[np.float64], Vectors]:
    """How clusters lie. Reads the vectors twice; memory: the centres.

    Args:
        gallery: whose pictures.
        space: which vectors.
        ids: (n,) of the pictures.
        codes: (n,) clusters from 0 without gaps; -1 for noise.
        count: how many clusters.
        tell: called now and then.

    Returns:
        (n,) mean cosine of each picture to the others of its cluster, in [-1, 1]; 1 in a cluster of one,
        0 for noise. And (count, d) unit vectors, the centres.
    """
    from scipy.sparse import csr_matrix

    sums = np.zeros((count + 1, space.dimension))  # the last one takes the noise
    for part, vectors in in_parts(gallery, space, ids):
        row, ones = codes[part] % (count + 1), np.ones(len(vectors))
        sums += csr_matrix((ones, (row, np.arange(len(vectors)))), (count + 1, len(vectors))) @ vectors
        tell("describing", part.stop, 2 * len(ids))
    sizes = np.bincount(codes[codes >= 0], minlength=count + 1)
    typical = np.zeros(len(ids))
    for part, vectors in in_parts(gallery, space, ids):
        of = codes[part]
        # The sum has the picture itself, with a cosine of 1.
        whole = np.einsum("ij,ij->i", vectors, sums[of])
        typical[part] = np.where(sizes[of] > 1, (whole - 1) / np.maximum(sizes[of] - 1, 1), 1.0)
        tell("describing", len(ids) + part.stop, 2 * len(ids))
    typical[codes < 0] = 0.0
    lengths = np.linalg.norm(sums[:-1], axis=1, keepdims=True)
    return np.clip(typical, -1, 1), (sums[:-1] / np.maximum(lengths, 1e-9)).astype(np.float32)


def _near(centres: Vectors) -> list[list[tuple[int, float]]]:
    """For each cluster those with the nearest centres, nearest first, with the cosines."""
    if len(centres) < 2:
        return [[] for _ in centres]
    found = []
    for own, others in enumerate(most_similar(centres, centres, NEAREST + 1)):
        kept = [int(other) for other in others if other != own][:NEAREST]
        cosines = np.clip(centres[kept].astype(float) @ centres[own].astype(float), -1, 1)
        found.append([(other, round(float(c), 4)) for other, c in zip(kept, cosines, strict=True)])
    return found


def _named(gallery: Gallery, pictures: Scope, clusters: Codes) -> tuple[list[str], dict[int, Label]]:
    """The path of each picture, and what each cluster is called by."""
    cluster_of = dict(zip(pictures.ids.tolist(), clusters.tolist(), strict=True))
    paths = dict.fromkeys(cluster_of, "")
    known, folders = Tally(), Tally()
    for picture in gallery.pictures():
        if picture.id in cluster_of:
            paths[picture.id] = picture.path
            known.add(cluster_of[picture.id], picture.metadata)
            folder = os.path.basename(os.path.dirname(picture.path))
            folders.add(cluster_of[picture.id], {"folder": folder})
    # A folder's name says something too, where nothing that somebody wrote down does.
    return list(paths.values()), folders.labels() | known.labels()
