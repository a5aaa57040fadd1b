"""Galleries of drawn vectors whose groups are known."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from lookalike.files import FileIdentity
from lookalike.gallery.base import Picture, Space
from lookalike.gallery.memory import MemoryGallery
from lookalike.results import Metadata

SPACE = Space("drawn", "drawn", "embedding", "none", 32)


@pytest.fixture(scope="session")
def blobs() -> Callable[..., np.ndarray]:
    """Draws vectors in well separated groups: call it with their sizes."""
    return drawn


def drawn(sizes: Sequence[int], spread: float = 0.12, seed: int = 0) -> np.ndarray:
    """Unit vectors in well separated groups of these sizes, one group after the other."""
    dice = np.random.default_rng(seed)
    centres = dice.standard_normal((len(sizes), SPACE.dimension))
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    rows = np.repeat(centres, sizes, axis=0)
    rows = rows + spread * dice.standard_normal(rows.shape) / np.sqrt(SPACE.dimension) * 4
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture(scope="session")
def drawn_picture() -> Callable[..., Picture]:
    """Makes the row of a picture: call it with a number, which is in its name."""
    return picture


def picture(number: int, metadata: Metadata | None = None) -> Picture:
    file = FileIdentity(f"/pictures/{number:04}.jpg", 1, 1)
    return Picture(file, f"{number:064x}", 40, 30, "JPEG", number, metadata=metadata or {})


@pytest.fixture
def filled() -> Callable[..., MemoryGallery]:
    """Makes a gallery of vectors, with metadata for each if they are given."""

    def fill(rows: np.ndarray, metadata: Sequence[Metadata] | None = None) -> MemoryGallery:
        gallery = MemoryGallery()
        known = metadata or [{}] * len(rows)
        with gallery.writing() as writing:
            writing.put(SPACE, [picture(i, known[i]) for i in range(len(rows))], rows)
        return gallery

    return fill
