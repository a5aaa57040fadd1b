"""A few pictures that stand for all: each picture is near one of them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lookalike.clusters.scope import read_rows, scope
from lookalike.errors import UsageError
from lookalike.filters import Filter
from lookalike.gallery.all_nearest import Rows
from lookalike.gallery.base import Gallery, Space, Vectors
from lookalike.progress import Stages, silent
from lookalike.results import Representative, Representatives

SAME = 1e-5
"""Nearer than this (1 - cosine) to a representative a picture is the same as it."""


def representatives(
    gallery: Gallery,
    space: Space,
    count: int,
    where: Filter | None = None,
    progress: Stages | None = None,
) -> Representatives:
    """Pictures that cover the others: the least similarity of a picture to the nearest one is high.

    The first is the one nearest to the mean of all; each further one is the picture least similar to
    those chosen so far (Gonzalez 1985). No choice of as many covers all within less than half of their
    greatest Euclidean distance. Fewer are given when these are the same as all others.

    Every picture is compared with each one chosen. Memory: 1 KiB a picture of 256 numbers, from 250,000
    pictures on 512 bytes.

    Args:
        gallery: whose pictures.
        space: which vectors.
        count: how many at most.
        where: only among pictures it matches.
        progress: called now and then.

    Raises:
        UsageError: count is less than 1 or more than there are pictures.
    """
    tell = progress or silent
    ids = scope(gallery, space, where).ids
    if not 1 <= count <= len(ids):
        raise UsageError(
            f"representatives: expected from 1 to the number of pictures, {len(ids):,}; got {count:,}"
        )
    rows = read_rows(gallery, space, ids)
    nearest = np.full(len(rows), -np.inf, np.float32)
    owner = np.zeros(len(rows), np.int64)
    chosen: list[int] = []
    reached: list[float] = []
    following = int(np.argmax(_cosines(rows, _mean(rows))))
    while len(chosen) < count and (not chosen or reached[-1] < 1 - SAME):
        chosen.append(following)
        cosines = _cosines(rows, rows[[following]][0])
        cosines[following] = 1.0  # exactly
        nearer = cosines > nearest
        nearest[nearer], owner[nearer] = cosines[nearer], len(chosen) - 1
        following = int(np.argmin(nearest))
        reached.append(float(np.clip(nearest[following], -1, 1)))
        tell("representatives", len(chosen), count)
    covers = np.bincount(owner, minlength=len(chosen))
    paths = [picture.path for picture in gallery.get(ids[chosen].tolist())]
    return Representatives(
        tuple(
            Representative(rank, int(ids[place]), path, int(covers[rank - 1]), round(similarity, 4))
            for rank, (place, path, similarity) in enumerate(zip(chosen, paths, reached, strict=True), 1)
        ),
        images=len(ids),
    )


def _mean(rows: Rows) -> Vectors:
    total = np.zeros(rows[:1].shape[1])
    for _, block in rows.blocks():
        total += block.sum(axis=0, dtype=np.float64)
    return np.asarray(total / max(float(np.linalg.norm(total)), 1e-9), np.float32)


def _cosines(rows: Rows, vector: Vectors) -> npt.NDArray[np.float32]:
    return np.concatenate([block @ vector for _, block in rows.blocks()])
