"""Each cluster in facts: its medoid, how closely it holds together, which others are near, its name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from lookalike.clusters.affinity import Codes
from lookalike.clusters.labels import Label
from lookalike.clusters.scope import Stages, in_parts
from lookalike.gallery.base import Gallery, Ids, Space, Vectors
from lookalike.gallery.knn import most_similar
from lookalike.results import Cluster, NearCluster

NEAREST = 3
"""Near clusters that each one names."""


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """How clusters lie.

    Attributes:
        typical: (n,) float64: mean cosine of each picture to the others of its cluster, in [-1, 1]; 1 in a
            cluster of one picture, 0 for noise.
        centres: (c, d) float32 unit vectors, of cluster 1 first.
    """

    typical: npt.NDArray[np.float64]
    centres: Vectors


def shape(gallery: Gallery, space: Space, ids: Ids, clusters: Codes, tell: Stages) -> Shape:
    """How clusters, numbered from 1 without gaps, lie. Reads the vectors twice; memory: the centres."""
    count = int(clusters.max(initial=0))
    sums = np.zeros((count + 1, space.dimension))
    for part, vectors in in_parts(gallery, space, ids):
        np.add.at(sums, np.maximum(clusters[part], 0), vectors)
        tell("describing", part.stop, 2 * len(ids))
    sizes = np.bincount(np.maximum(clusters, 0), minlength=count + 1)
    typical = np.zeros(len(ids))
    for part, vectors in in_parts(gallery, space, ids):
        of = np.maximum(clusters[part], 0)
        # The sum has the picture itself, with a cosine of 1.
        whole = np.einsum("ij,ij->i", vectors, sums[of])
        typical[part] = np.where(sizes[of] > 1, (whole - 1) / np.maximum(sizes[of] - 1, 1), 1.0)
        tell("describing", len(ids) + part.stop, 2 * len(ids))
    typical[clusters < 1] = 0.0
    lengths = np.linalg.norm(sums[1:], axis=1, keepdims=True)
    return Shape(np.clip(typical, -1, 1), (sums[1:] / np.maximum(lengths, 1e-9)).astype(np.float32))


def described(
    shape: Shape, clusters: Codes, parents: Codes | None, paths: Sequence[str], names: Mapping[int, Label]
) -> tuple[Cluster, ...]:
    """The clusters as results, by ascending number.

    Args:
        shape: how they lie.
        clusters: (n,) numbers from 1 without gaps; below for noise.
        parents: (n,) clusters of the next coarser level; None when there is none.
        paths: (n) of the pictures.
        names: of each cluster, where there is one.
    """
    near = _near(shape.centres)
    # By cluster, the most typical first, equally typical ones as they come.
    order = np.lexsort((-np.round(shape.typical, 6), clusters))
    starts = np.searchsorted(clusters[order], np.arange(1, len(shape.centres) + 2))
    found = []
    for number, (start, end) in enumerate(pairwise(starts), start=1):
        members = order[start:end]
        parent = -1 if parents is None else int(parents[members[0]])
        name = names.get(number)
        found.append(
            Cluster(
                id=number,
                size=len(members),
                medoid=paths[members[0]],
                label=str(name or ""),
                cohesion=round(float(shape.typical[members].mean()), 4),
                share=round(name.share, 4) if name else None,
                column=name.column if name else None,
                parent=parent if parent > 0 else None,
                nearest=near[number - 1],
                members=tuple(paths[place] for place in members),
            )
        )
    return tuple(found)


def _near(centres: Vectors) -> list[tuple[NearCluster, ...]]:
    """For each cluster those with the nearest centres, nearest first."""
    if len(centres) < 2:
        return [() for _ in centres]
    places = most_similar(centres, centres, NEAREST + 1)
    found = []
    for own, others in enumerate(places):
        kept = [int(other) for other in others if other != own][:NEAREST]
        cosines = np.clip(centres[kept].astype(float) @ centres[own].astype(float), -1, 1)
        found.append(
            tuple(NearCluster(other + 1, round(float(c), 4)) for other, c in zip(kept, cosines, strict=True))
        )
    return found
