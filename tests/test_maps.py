"""What a map takes from the neighbour graph."""

from __future__ import annotations

import numpy as np

from lookalike.maps import _among
from lookalike.neighbours import Graph


def test_the_graph_of_some_pictures_has_no_similarity_without_a_neighbour() -> None:
    neighbours = np.array([[1, 2, 3], [0, 3, 2], [3, 0, 1], [2, 1, -1]], np.int32)
    similarities = np.array(
        [[0.9, 0.8, 0.7], [0.9, 0.6, 0.5], [0.8, 0.7, 0.5], [0.8, 0.6, -np.inf]], np.float32
    )
    some = _among(Graph(np.array([3, 5, 8, 9]), neighbours, similarities, 1.0), np.array([3, 8, 9]))
    assert some.ids.tolist() == [3, 8, 9]
    assert some.neighbours.tolist() == [[1, 2, -1], [2, 0, -1], [1, -1, -1]]
    expected = np.array([[0.8, 0.7, -np.inf], [0.8, 0.7, -np.inf], [0.8, -np.inf, -np.inf]], np.float32)
    assert np.array_equal(some.similarities, expected)
