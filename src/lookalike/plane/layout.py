"""The layout: t-SNE on the neighbour graph, in steps that can be gone on with after an interruption.

L. van der Maaten and G. Hinton, "Visualizing data using t-SNE", JMLR 9, 2008; repulsion by interpolation on a
grid (Linderman et al., Nature Methods 16, 2019), as openTSNE has it. Repulsion is summed by one thread and
attraction point by point, so that the answer does not depend on the number of threads.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lookalike.neighbours import Graph
from lookalike.plane.starting import Points

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

PERPLEXITY = 16.0
"""Effective number of neighbours. Of 8, 12 and 16, with the 24 neighbours that the graph has, 16 kept most
of the nearest (0.61, 0.63, 0.64 on 3,064 photos of clothes, groceries and fruit)."""

PHASES = ((200, 12.0), (400, 1.0))
"""Iterations, and by how much attraction is stronger than t-SNE has it: first the large groups find their
places (early exaggeration, 12 as usual)."""

FREEDOM = 2.0
"""Degrees of freedom of the kernel by which points repel each other; t-SNE has 1. Of 1, 2 and 4, on 3,064
photos of clothes, groceries and fruit, 2 kept most of the nearest (0.638, 0.647, 0.630; trustworthiness
0.990, 0.987, 0.984), and it fills the plane: points were at least 1/40 of the map apart at 453, 668 and
580 places. With 1 near copies fall onto each other, which leaves no room for thumbnails. (Kobak et al.,
"Heavy-tailed kernels reveal a finer cluster structure in t-SNE visualisations", ECML 2019, goes the other
way.)"""

STEP = 25
"""Iterations between two states that can be gone on with."""

STEPS = sum(iterations for iterations, _ in PHASES) // STEP

_MOMENTUM = 0.8
_FEW = 1500  # pictures below which summing repulsion by a tree (van der Maaten, JMLR 15, 2014) is faster
_CELL = 2.0
"""Side of a cell of the grid, each with 3 x 3 points: finer ones take longer and change nothing that can
be seen."""


@dataclass(frozen=True, slots=True)
class State:
    """A layout in the making.

    Attributes:
        done: steps done, of `STEPS`.
        points: (n, 2) float64.
        gains: (n, 2) float64: how fast each coordinate moves.
        update: (n, 2) float64: its last move.
    """

    done: int
    points: Points
    gains: Points
    update: Points

    @classmethod
    def start(cls, points: Points) -> State:
        """Before the first step."""
        return cls(0, points, np.ones_like(points), np.zeros_like(points))


def laid_out(graph: Graph, state: State) -> Iterator[State]:
    """Go on with a layout, step by step, to its end. The same states each time, wherever it was taken up.

    Args:
        graph: at least 4 pictures.
        state: where to go on.

    Yields:
        The state after each step that was left to do.
    """
    affinities = _affinities(graph)
    for step, exaggeration in enumerate(_exaggerations()):
        if step >= state.done:
            state = _stepped(state, affinities, exaggeration)
            yield state


def _exaggerations() -> list[float]:
    """Of each step."""
    return [exaggeration for iterations, exaggeration in PHASES for _ in range(iterations // STEP)]


def _stepped(state: State, affinities: csr_matrix, exaggeration: float, jobs: int = 1) -> State:
    from openTSNE import TSNEEmbedding
    from openTSNE.affinity import PrecomputedAffinities
    from openTSNE.tsne import gradient_descent

    optimizer = gradient_descent()
    optimizer.gains, optimizer.update = state.gains.copy(), state.update.copy()
    embedding = TSNEEmbedding(
        state.points,
        # A copy, since openTSNE multiplies it and divides again, which does not give the same numbers.
        PrecomputedAffinities(affinities.copy(), normalize=False),
        negative_gradient_method="bh" if len(state.points) < _FEW else "fft",
        ints_in_interval=_CELL,
        dof=FREEDOM,
        optimizer=optimizer,
        n_jobs=jobs,
    )
    embedding.optimize(
        STEP,
        inplace=True,
        exaggeration=exaggeration,
        momentum=_MOMENTUM,
        # Belkina et al., Nature Communications 10, 2019
        learning_rate=max(200.0, len(state.points) / exaggeration),
    )
    return State(state.done + 1, np.array(embedding), optimizer.gains, optimizer.update)


def _affinities(graph: Graph) -> csr_matrix:
    """(n, n) symmetric, its sum 1: how much each two neighbours attract each other."""
    from openTSNE.affinity import joint_probabilities_nn

    count = min(graph.neighbours.shape[1], len(graph.ids) - 1)
    neighbours, similarities = graph.neighbours[:, :count], graph.similarities[:, :count]
    there = neighbours >= 0
    # The distance of unit vectors. Where a neighbour is lacking, one so far away that it has no part.
    distances = np.sqrt(np.maximum(2 - 2 * np.where(there, similarities, 1.0).astype(np.float64), 0))
    own = np.arange(len(graph.ids), dtype=np.int32)[:, None]
    joint = joint_probabilities_nn(
        np.where(there, neighbours, own),
        np.where(there, distances, 1e3),
        [min(PERPLEXITY, count / 1.5)],
        n_jobs=1,
    )
    joint.sort_indices()
    return joint
