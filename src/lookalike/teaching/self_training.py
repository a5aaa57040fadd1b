"""Pictures of which nothing is known, with the classes that are guessed for them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lookalike.evaluation.truth import known
from lookalike.gallery.base import Gallery, Space
from lookalike.training.adapter import MOST_PICTURES, Examples, near_copies, sample
from lookalike.training.examples import Material
from lookalike.training.guessing import Guesser, guesser

Ints = npt.NDArray[np.int64]


def guessed(gallery: Gallery, space: Space, material: Material, held_out: Ints) -> tuple[Ints, Ints]:
    """The pictures of which nothing is known whose class can be guessed.

    Those held out are not learned from for it, and no near-copy of them is taken: they are still unknown to
    what is trained.

    Args:
        gallery: whose pictures.
        space: whose vectors the material has.
        material: what is known.
        held_out: (h,) int64 rows of its examples.

    Returns:
        Their numbers, ascending, (g,) int64, and their classes, (g,) int64; with the material at most
        `adapter.MOST_PICTURES`, as many of each class.
    """
    ids, labels = _sure(gallery, space, guesser(material.examples, held_out), material.unknown)
    kept = sample(labels, max(0, MOST_PICTURES - len(material.ids)))
    ids, labels = ids[kept], labels[kept]
    groups = near_copies(_joined(gallery, space, material.examples, ids, labels))
    fresh = ~np.isin(groups[len(material.ids) :], groups[held_out])
    return ids[fresh], labels[fresh]


def _sure(gallery: Gallery, space: Space, guesses: Guesser, unknown: Ints) -> tuple[Ints, Ints]:
    found = [np.zeros((0, 2), np.int64)]
    for ids, vectors in gallery.scan(space):
        mine = np.flatnonzero(np.isin(ids, unknown))
        rows, labels = guesses.guess(vectors[mine])
        found.append(np.column_stack([ids[mine[rows]], labels]))
    ids, labels = np.concatenate(found).T
    return ids, labels


def _joined(gallery: Gallery, space: Space, examples: Examples, ids: Ints, labels: Ints) -> Examples:
    """The examples, and behind them other pictures."""
    pictures = known(gallery, space)
    rows = np.searchsorted(pictures.ids, ids)
    return Examples(
        np.concatenate([examples.vectors, gallery.vectors(space, ids.tolist())]),
        np.concatenate([examples.labels, labels]),
        np.concatenate([examples.same, pictures.same[rows]]),
        np.concatenate([examples.hashes, pictures.hashes[rows]]),
        examples.apart,
    )
