"""Pictures of which nothing is known, with the classes that are guessed for them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lookalike.errors import UsageError
from lookalike.evaluation.truth import Known, known
from lookalike.gallery.base import Gallery, Space
from lookalike.training.adapter import MOST_PICTURES, NEAR, NEAR_BITS, Examples, sample
from lookalike.training.examples import Material
from lookalike.training.guessing import Guesser, guesser
from lookalike.vectors import Vectors

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


def guessed(gallery: Gallery, teacher: Space, material: Material, held_out: Ints) -> tuple[Ints, Ints]:
    """The pictures of which nothing is known whose class can be guessed.

    Those held out are not learned from for it (how sure is sure enough is told by them), and no near-copy of
    them is taken, whatever its class: they are still unknown to what is trained. Nor is a picture whose file
    is not there.

    Args:
        gallery: whose pictures.
        teacher: whose vectors tell the classes; all of the material have one.
        material: what is known.
        held_out: (h,) int64 rows of its examples.

    Returns:
        Their numbers, ascending, (g,) int64, and their classes, (g,) int64; at least one, and with the
        material at most `adapter.MOST_PICTURES`, as many of each class.

    Raises:
        UsageError: there is none.
    """
    if not len(material.unknown):
        raise UsageError(
            "there is no picture without a label to guess one for, among those to learn from: leave the "
            "teacher out"
        )
    examples = replace(material.examples, vectors=gallery.vectors(teacher, material.ids.tolist()))
    guesses = guesser(examples, held_out)
    ids, labels = _sure(gallery, teacher, guesses, material.unknown, examples.take(held_out))
    there = np.isin(ids, _readable(gallery, ids))
    ids, labels = ids[there], labels[there]
    kept = sample(labels, max(0, MOST_PICTURES - len(material.ids)))
    if not len(kept):
        raise UsageError(
            f"of {len(material.unknown):,} pictures without a label none can be learned from: "
            f"{_why_none(material)}"
        )
    return ids[kept], labels[kept]


def _why_none(material: Material) -> str:
    if len(material.ids) >= MOST_PICTURES:
        return f"those with a label are {MOST_PICTURES:,} already, all that are taken; leave the teacher out"
    return (
        "by the vectors of the teacher it is of none clear enough what it is, as those held out show; leave "
        "the teacher out, or label some more"
    )


def _sure(
    gallery: Gallery, teacher: Space, guesses: Guesser, unknown: Ints, held_out: Examples
) -> tuple[Ints, Ints]:
    """The numbers of all whose class can be guessed, ascending, and their classes."""
    pictures = known(gallery, teacher)
    unknown = np.intersect1d(unknown, pictures.ids)
    found = [np.zeros((0, 2), np.int64)]
    for ids, vectors in gallery.scan(teacher):
        mine = np.flatnonzero(np.isin(ids, unknown))
        rows, labels = guesses.guess(vectors[mine])
        rows = mine[rows]
        fresh = ~_near(vectors[rows], pictures, np.searchsorted(pictures.ids, ids[rows]), held_out)
        found.append(np.column_stack([ids[rows], labels])[fresh])
    ids, labels = np.concatenate(found).T
    return ids, labels


def _near(vectors: Vectors, pictures: Known, places: Ints, held_out: Examples) -> Bools:
    """Which pictures are near-copies of any that is held out; see `adapter.NEAR`."""
    bits = np.bitwise_count(pictures.hashes[places, None] ^ held_out.hashes)
    like = (vectors @ held_out.vectors.T >= NEAR) & (bits <= NEAR_BITS)
    same = pictures.same[places, None] == held_out.same
    return np.asarray((like | same).any(axis=1))


def _readable(gallery: Gallery, ids: Ints) -> Ints:
    """Those whose files are there."""
    rows = gallery.still_there(ids.tolist())
    return np.array([row.id for row in rows if not row.missing and Path(row.path).is_file()], np.int64)
