"""Galleries of drawn vectors, and the nearest others of vectors the slow way."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from lookalike.files import FileIdentity
from lookalike.gallery.base import Picture, Space
from lookalike.gallery.knn import Lists
from lookalike.gallery.memory import MemoryGallery
from lookalike.results import Metadata

SPACE = Space("drawn", "drawn", "embedding", "none", 16)
Nearest = Callable[..., Lists]
Filled = Callable[..., MemoryGallery]


def slow_nearest(rows: np.ndarray, k: int = 24) -> Lists:
    cosines = rows @ rows.T
    np.fill_diagonal(cosines, -np.inf)
    places = np.argsort(-cosines, axis=1, kind="stable")[:, : min(k, len(rows) - 1)]
    return Lists(places.astype(np.int32), np.take_along_axis(cosines, places, 1).astype(np.float32))


def group(size: int, seed: int, spread: float = 0.3) -> np.ndarray:
    """Unit vectors around one direction, (size, 16) float32."""
    dice = np.random.default_rng(seed)
    rows = dice.standard_normal(16) + spread * dice.standard_normal((size, 16))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture(scope="session")
def nearest() -> Nearest:
    return slow_nearest


@pytest.fixture(scope="session")
def blob() -> Callable[..., np.ndarray]:
    return group


@pytest.fixture
def filled() -> Filled:
    """Makes a gallery of vectors, with metadata for each if they are given."""

    def fill(rows: np.ndarray, metadata: Sequence[Metadata] | None = None) -> MemoryGallery:
        gallery = MemoryGallery()
        known = metadata or [{}] * len(rows)
        pictures = [
            Picture(FileIdentity(f"/p/{i:04}.jpg", 1, 1), f"{i:064x}", 400, 300, "JPEG", i, metadata=known[i])
            for i in range(len(rows))
        ]
        with gallery.writing() as writing:
            writing.put(SPACE, pictures, rows)
        return gallery

    return fill


@pytest.fixture(scope="session")
def space() -> Space:
    return SPACE
