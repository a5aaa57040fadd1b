"""Noise that has no grain: the same to the last bit on every machine."""

from __future__ import annotations

from functools import cache

import numpy as np

from lookalike.demo.studio.mathematics import Array, exact

_LATTICE = 64


@cache
def _lattice() -> Array:
    """Smoothed random values in [0, 1], one period of 64 cells and one cell of overlap."""
    values = np.random.Generator(np.random.PCG64(20)).random((_LATTICE,) * 3, dtype=np.float32)
    for axis in range(3):
        values = values * 0.5 + (np.roll(values, 1, axis) + np.roll(values, -1, axis)) * 0.25
    values = np.clip((values - 0.5) * 2.9 + 0.5, 0.0, 1.0)
    return np.ascontiguousarray(np.pad(values, (0, 1), mode="wrap")).reshape(-1)


def noise(points: Array, cells: float, shift: float = 0.0) -> Array:
    """Smooth random values in [0, 1] over space, mean one half.

    Args:
        points: (3, n) places.
        cells: how many bumps fit into one unit.
        shift: another number gives other values.
    """
    scaled = points * (cells * 2.0) + (shift + 1024.0)
    whole = scaled.astype(np.int32)
    fx, fy, fz = scaled - whole
    x, y, z = whole & (_LATTICE - 1)
    pitch = _LATTICE + 1
    base = (x * pitch + y) * pitch + z
    values = _lattice()

    def edge(offset: int) -> Array:
        low = values.take(base + offset)
        return exact(low + (values.take(base + (offset + 1)) - low) * fz)

    near = edge(0)
    near = near + (edge(pitch) - near) * fy
    far = edge(pitch * pitch)
    far = far + (edge(pitch * pitch + pitch) - far) * fy
    return np.asarray(near + (far - near) * fx, dtype=np.float32)


def clouds(points: Array, cells: float, shift: float = 0.0) -> Array:
    """Two octaves of `noise`: large soft patches with smaller ones on them."""
    return noise(points, cells, shift) * 0.68 + noise(points, cells * 2.3, shift + 17.3) * 0.32
