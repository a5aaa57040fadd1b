"""Points of a plane and what moves them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float64]
Grey = npt.NDArray[np.uint8]
Points = npt.NDArray[np.float32]


def moved(transform: Matrix, points: Matrix | Points) -> Matrix:
    """Points, (n, 2), moved by a transform, (2, 3)."""
    places: Matrix = points @ transform[:, :2].T + transform[:, 2]
    return places


def square(transform: Matrix) -> Matrix:
    """A transform, (2, 3), as a 3 x 3 matrix, which can be multiplied and inverted."""
    return np.vstack([transform, [0.0, 0.0, 1.0]])
