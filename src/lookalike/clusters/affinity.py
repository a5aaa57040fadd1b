"""How strongly pictures hold together: nearest neighbours as a weighted graph without direction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from lookalike.gallery.knn import Lists

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

Codes = npt.NDArray[np.int64]
Truths = npt.NDArray[np.bool_]

NEIGHBOURS = 10
"""Neighbours of each picture that count. Of 10, 12, 15 and 24 the one whose communities agree best with
what people call the pictures, on fruits, clothes and groceries (`benchmarks/clusters.py`)."""

SAME = 1e-5
"""Vectors nearer than this (1 - cosine) are one: they are joined before anything else."""


@dataclass(frozen=True, slots=True)
class Blend:
    """What is known about the pictures, to pull on their clusters.

    Attributes:
        codes: (n,) int64, a number for each value; -1 where nothing is known.
        weight: from 0, nothing counts but the looks, to 1, only pictures with the same value hold together.
    """

    codes: Codes
    weight: float


def affinity(lists: Lists, blends: Sequence[Blend] = (), alone: Truths | None = None) -> csr_matrix:
    """The graph of how strongly pictures hold together.

    A neighbour at distance d (1 - cosine) weighs exp(-(d - a) / s): a is the distance of the nearest
    neighbour and s the median of d - a over the `NEIGHBOURS` nearest, so that sparse and dense places
    count alike. Two pictures hold together by the probability that at least one of these two weights is
    meant (u + v - u·v). This is the fuzzy union of UMAP (McInnes, Healy and Melville 2018, section 3.1),
    with a median in place of its search for s.

    Nothing holds together with a cosine of 0 or less.

    Args:
        lists: the nearest others of n pictures.
        blends: each weight w becomes (1 - b)·w + b·[the values are equal], where both are known.
        alone: (n,) pictures that hold together with none.

    Returns:
        (n, n) float64, symmetric, with nothing on its diagonal.
    """
    from scipy.sparse import csr_matrix

    count = len(lists.places)
    places, distances = lists.places[:, :NEIGHBOURS], 1.0 - lists.similarities[:, :NEIGHBOURS].astype(float)
    there = (places >= 0) & (lists.similarities[:, :NEIGHBOURS] > 0)
    weights = _local(np.where(there, distances, np.nan), there)
    first = np.broadcast_to(np.arange(count)[:, None], places.shape)[there]
    second = places[there].astype(np.int64)
    kept = np.ones(len(first), bool) if alone is None else ~(alone[first] | alone[second])
    one_way = csr_matrix((weights[there][kept], (first[kept], second[kept])), (count, count))
    union = (one_way + one_way.T - one_way.multiply(one_way.T)).tocoo()
    for blend in blends:
        union.data = _blended(union.data, blend.codes[union.row], blend.codes[union.col], blend.weight)
    graph = csr_matrix((union.data, (union.row, union.col)), (count, count))
    graph.eliminate_zeros()
    return graph


def _local(distances: npt.NDArray[np.float64], there: Truths) -> npt.NDArray[np.float64]:
    """(n, k) weights in [0, 1] of neighbours at these distances; NaN where there is none."""
    if not distances.size:
        return distances
    beyond = np.maximum(distances - distances[:, :1], 0.0)
    # The middle one of those there are, in sorted rows; copies of one picture leave no scale at all.
    middle = np.maximum(there.sum(axis=1) // 2, 0)
    scale = np.take_along_axis(beyond, np.minimum(middle, there.shape[1] - 1)[:, None], 1)
    return np.asarray(np.exp(-beyond / np.maximum(np.nan_to_num(scale), 1e-6)))


def _blended(weights: Any, first: Codes, second: Codes, blend: float) -> Any:
    known = (first >= 0) & (second >= 0)
    return np.where(known, (1 - blend) * weights + blend * (first == second), weights)


def same_vectors(lists: Lists) -> Codes:
    """(n,) int64 numbers from 0: pictures with the same vector have the same one."""
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import connected_components

    count = len(lists.places)
    first, column = np.nonzero((lists.similarities >= 1 - SAME) & (lists.places >= 0))
    links = csr_matrix((np.ones(len(first), bool), (first, lists.places[first, column])), (count, count))
    return np.asarray(connected_components(links, directed=False)[1], np.int64)


def joined(graph: csr_matrix, groups: Codes) -> csr_matrix:
    """The graph between groups of its nodes, numbered from 0; what is within one is on the diagonal."""
    from scipy.sparse import csr_matrix

    count = len(groups)
    members = csr_matrix(
        (np.ones(count), (np.arange(count), groups)), (count, int(groups.max(initial=-1)) + 1)
    )
    return (members.T @ graph @ members).tocsr()


def cut(graph: csr_matrix, groups: Codes) -> csr_matrix:
    """The graph without what goes from one group to another."""
    from scipy.sparse import csr_matrix

    edges = graph.tocoo()
    kept = groups[edges.row] == groups[edges.col]
    return csr_matrix((edges.data[kept], (edges.row[kept], edges.col[kept])), graph.shape)
