"""Places for new pictures in a layout that is there: nothing that was placed before moves."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from lookalike.gallery.base import Ids
from lookalike.neighbours import Graph
from lookalike.progress import Progress

Places = npt.NDArray[np.float32]
NearestPlaced = Callable[[Ids, Ids], Ids]
"""(positions of new pictures, positions of placed ones) -> of each new one the most similar placed one."""

_GOLDEN_ANGLE = np.pi * (3 - np.sqrt(5))


def placed(
    graph: Graph,
    points: Places,
    known: npt.NDArray[np.bool_],
    nearest: NearestPlaced,
    progress: Progress | None = None,
) -> Places:
    """The points with those of new pictures filled in.

    A new picture goes where most of its neighbours are: to the neighbour that is nearest to the others, each
    counted by its similarity, and from there to the middle of those close by. (The mean of all would put it
    between two groups when it has neighbours in both.) Those with most placed neighbours go first,
    and are neighbours themselves then. Pictures with no way to placed ones by neighbours go to the most
    similar picture.

    Args:
        graph: of all pictures.
        points: (n, 2) float32; what is not known does not matter.
        known: (n,) which have a place.
        nearest: asked about pictures that have no way to placed ones.
        progress: called now and then.

    Returns:
        (n, 2) float32; the rows of known pictures are as they were.
    """
    points, known = points.copy(), known.copy()
    apart = _spacing(points[known])
    total = int((~known).sum())
    while not known.all():
        waiting = np.flatnonzero(~known)
        if progress:
            progress(total - len(waiting), total)
        ready = (known[graph.neighbours[waiting]] & (graph.neighbours[waiting] >= 0)).sum(axis=1)
        if not ready.any():
            one = waiting[:1]  # the lowest id; others may be its neighbours
            target = points[nearest(one, np.flatnonzero(known))]
            points[one] = target + _beside(one, apart)
            known[one] = True
            continue
        best = waiting[ready >= max(1, ready.max() // 2)]
        for place in best:
            points[place] = _among(graph, points, known, int(place)) + _beside(place[None], apart)[0]
        known[best] = True
    return points


def _among(graph: Graph, points: Places, known: npt.NDArray[np.bool_], place: int) -> Places:
    neighbours = graph.neighbours[place]
    usable = (neighbours >= 0) & known[neighbours]
    around = points[neighbours[usable]].astype(np.float64)
    weights = np.maximum(graph.similarities[place][usable].astype(np.float64), 1e-3) ** 4
    distances = np.hypot(*(around[:, None] - around[None]).transpose(2, 0, 1))
    centre = int((distances * weights).sum(axis=1).argmin())
    near = distances[centre] <= np.median(distances[centre])
    return np.asarray((around[near] * weights[near, None]).sum(axis=0) / weights[near].sum(), np.float32)


def _spacing(points: Places) -> float:
    """About how far apart neighbours in the layout are."""
    if len(points) < 2:
        return 1.0
    area = float(np.prod(np.ptp(points, axis=0).astype(np.float64) + 1e-9))
    return float(np.sqrt(area / len(points)))


def _beside(places: Ids, apart: float) -> Places:
    """A small way in another direction for each, so that equal pictures do not hide each other."""
    turn = places[:, None] * _GOLDEN_ANGLE
    return np.asarray(0.3 * apart * np.hstack([np.cos(turn), np.sin(turn)]), np.float32)
