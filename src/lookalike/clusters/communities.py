"""Communities of a graph, from coarse to fine: groups that hold together more than chance would have it.

Louvain's algorithm (Blondel et al. 2008) for modularity with a resolution (Reichardt and Bornholdt 2006). It
finds the number of communities itself; the higher the resolution, the more there are. scikit-network's Leiden
agrees with people's names no better, and throws dice that cannot be set. What Leiden is for, that each
community is in one piece, is seen to afterwards.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from lookalike.clusters.affinity import Codes, cut, joined

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

Levels = npt.NDArray[np.int64]

LEVELS = 5
DEFAULT_LEVEL = 3
"""Levels are numbered from 1, the coarsest, to `LEVELS`."""

LEAST_RESOLUTION, RESOLUTION = 1.5, 3.0
"""Resolution of the default level: of 1, 2, 3, 4, 5, 10 and 30 the one that did well on fruits, clothes and
groceries alike (`benchmarks/clusters.py`)."""

STEP = 2.0
"""Each level has so many times the resolution of the one before it."""

PICTURES_PER_RESOLUTION = 50
"""Few pictures are not split that finely: below 150 the resolution is a fiftieth of their number, but at
least `LEAST_RESOLUTION`. With resolution r nothing larger than about 1/r of the whole stays in one piece."""

UNKNOWN = -2
"""Of pictures whose community is not known yet."""

SMALLEST = 3
"""Fewer pictures than this are no cluster but noise."""


def levels(graph: csr_matrix, same: Codes) -> Levels:
    """Communities on each level, nested: each one of a finer level lies within one of a coarser one.

    The default level is found first; coarser ones join its communities, finer ones split them. Nothing is
    split into communities of fewer than `SMALLEST`: what holds together with fewer others is noise.

    Args:
        graph: (n, n), symmetric: how strongly pictures hold together.
        same: (n,) numbers from 0: pictures with the same one stay together.

    Returns:
        (n, `LEVELS`) int64: the community of each picture on each level, from 1 on, the largest first
        (of equally large ones that with the first picture); -1 for noise.
    """
    if not graph.shape[0]:
        return np.empty((0, LEVELS), np.int64)
    whole = joined(graph, same)
    sizes = np.bincount(same)
    found = {DEFAULT_LEVEL: _split(whole, _pieces(whole), _resolution(DEFAULT_LEVEL, len(same)), sizes)}
    for level in range(DEFAULT_LEVEL - 1, 0, -1):
        finer = found[level + 1]
        found[level] = communities(joined(whole, finer), _resolution(level, len(same)))[finer]
    for level in range(DEFAULT_LEVEL + 1, LEVELS + 1):
        found[level] = _split(whole, found[level - 1], _resolution(level, len(same)), sizes)
    return np.column_stack([numbered(found[level][same]) for level in range(1, LEVELS + 1)])


def _resolution(level: int, count: int) -> float:
    base = max(LEAST_RESOLUTION, min(RESOLUTION, count / PICTURES_PER_RESOLUTION))
    return float(base * STEP ** (level - DEFAULT_LEVEL))


def _split(graph: csr_matrix, coarser: Codes, resolution: float, sizes: Codes) -> Codes:
    """(n,) int64 from 0: communities within coarser ones, none smaller than `SMALLEST` if its coarser one
    is not.

    Args:
        graph: (n, n), symmetric.
        coarser: (n,) communities from 0.
        resolution: of the communities within.
        sizes: (n,) how many pictures each node stands for.
    """
    inside = cut(graph, coarser)
    found = communities(inside, resolution)
    small = np.bincount(found, sizes)[found] < SMALLEST
    kept = np.isin(coarser, coarser[~small])  # the others would fall into crumbs: they stay whole
    found = np.where(kept, found, found.max(initial=0) + 1 + coarser)
    return np.unique(spread(inside, np.where(kept & small, UNKNOWN, found + 1)), return_inverse=True)[1]


def communities(graph: csr_matrix, resolution: float) -> Codes:
    """(n,) int64 from 0: the community of each node, each one connected. The same graph gives the same."""
    from sknetwork.clustering import Louvain

    if not graph.nnz:  # nothing holds together
        return np.arange(graph.shape[0])
    louvain = Louvain(resolution=resolution, sort_clusters=False, return_probs=False, return_aggregate=False)
    return _pieces(cut(graph, louvain.fit_predict(graph)))


def _pieces(graph: csr_matrix) -> Codes:
    """(n,) int64 from 0: the connected piece of the graph that each node is in."""
    from scipy.sparse.csgraph import connected_components

    return np.asarray(connected_components(graph, directed=False)[1], np.int64)


def numbered(groups: Codes, smallest: int = SMALLEST) -> Codes:
    """Groups numbered from 1, the largest first; of equally large ones that with the first member.

    Args:
        groups: (n,) numbers of groups; below 0 for noise.
        smallest: fewer members than this are noise.

    Returns:
        (n,) int64; -1 for noise.

    >>> numbered(np.array([7, 4, 4, -1, 7, 4, 9]), smallest=2)
    array([ 2,  1,  1, -1,  2,  1, -1])
    """
    known, first, group, sizes = np.unique(groups, return_index=True, return_inverse=True, return_counts=True)
    kept = (known >= 0) & (sizes >= smallest)
    order = np.lexsort((first, -sizes, ~kept))[: kept.sum()]
    number = np.full(len(known), -1, np.int64)
    number[order] = np.arange(1, len(order) + 1)
    return number[group]


def spread(graph: csr_matrix, clusters: Codes) -> Codes:
    """Clusters of all, from those that are known: each picture goes where it is held most strongly.

    First those next to known ones, all at once; then those next to these, and so on.

    Args:
        graph: (n, n), symmetric: how strongly pictures hold together.
        clusters: (n,) from 1 on, -1 for noise, `UNKNOWN` for those to be found.

    Returns:
        (n,) the same with none unknown; -1 for those that nothing leads to. Of equally strong ones the lower.
    """
    from scipy.sparse import csr_matrix

    found = clusters.copy()
    while True:
        unknown, known = np.flatnonzero(found == UNKNOWN), np.flatnonzero(found != UNKNOWN)
        numbers, code = np.unique(found[known], return_inverse=True)
        votes = csr_matrix((np.ones(len(known)), (known, code)), (len(found), max(len(numbers), 1)))
        strength = (graph[unknown] @ votes).tocsr()
        told = np.flatnonzero(np.diff(strength.indptr))
        if not len(told):
            found[unknown] = -1
            return found
        best = np.asarray(strength[told].argmax(axis=1)).ravel()
        found[unknown[told]] = numbers[best]
