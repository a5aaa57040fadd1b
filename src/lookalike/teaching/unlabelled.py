"""Make a new model by training a network on without labels: a collection's own pictures and edits of them."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from lookalike import models
from lookalike.embedder import Embedder
from lookalike.errors import UsageError
from lookalike.evaluation import copies
from lookalike.evaluation.truth import chosen, held_out_by, known, learned_from
from lookalike.gallery.base import Gallery, Space
from lookalike.models import storing
from lookalike.models.cards import HELD_OUT_FIGURE
from lookalike.neighbours import graph
from lookalike.progress import Stages, silent
from lookalike.results import UnlabelledReport
from lookalike.teaching import lessons, retraining
from lookalike.teaching.lessons import Lesson
from lookalike.teaching.retraining import Told
from lookalike.training.adapter import NEAR, NEAR_BITS, groups_of
from lookalike.training.reading import Reader
from lookalike.training.recipe import CopyRecipe, TrainingSet

if TYPE_CHECKING:
    from lookalike.training.loop import Task

Ints = npt.NDArray[np.int64]

HELD_OUT, FEWEST_HELD_OUT, MOST_HELD_OUT = 0.1, 20, 300
"""Share of the pictures that is held out, and how many at least and at most."""

FEWEST = 5 * FEWEST_HELD_OUT
"""Pictures without which nothing is trained."""

EDITS_EACH = 9
"""Edits of each picture held out, on which both models are measured: a quarter of those there are."""


def train_unlabelled(
    gallery: Gallery,
    current: Space,
    lesson: Lesson,
    recipe: CopyRecipe,
    progress: Stages | None = None,
    told: Told | None = None,
) -> UnlabelledReport:
    """Train the network of the model that is searched now to find copies, and save it as a model.

    The gallery gets the vectors of the new model, for which all pictures are read.

    Args:
        gallery: whose pictures.
        current: the space that is searched now: the new model is compared with it.
        lesson: which pictures, and what the model is called; without label and pairs.
        recipe: how.
        progress: called now and then with what is being done, how much is done, and of how much.
        told: called where training begins or goes on, and after each epoch; see `retraining.Told`.

    Raises:
        MissingExtra: PyTorch is not installed.
        ModelError: the name cannot be used, or the network cannot be trained.
        UsageError: there are too few pictures.
        CollectionBusy: another process is writing.
    """
    started = time.monotonic()
    begun = retraining.start(current, lesson, recipe.size)
    pictures = _material(gallery, current, lesson, progress)
    seen = learned_from(pictures.held_out_numbers, models.network_of(begun.base))

    def task(reader: Reader) -> Task:
        from lookalike.training.self_supervised import ByEdits

        return ByEdits(pictures, reader, recipe)

    trained = retraining.train(begun, pictures, recipe, task, told)
    card = retraining.save(
        begun,
        trained,
        pictures,
        f"{begun.base.name} trained without labels to find copies, on {len(pictures.files):,} pictures",
        {f"{HELD_OUT_FIGURE}copies_recall_at_1": round(trained.best.recall, 4)},
    )
    taught = Embedder.load(card.name, None, current.runtime)
    before = Embedder.load(current.model, current.output, current.runtime)
    was, now = copies.compared(
        (before, taught),
        [pictures.files[row] for row in pictures.held_out.tolist()],
        EDITS_EACH,
        partial(progress or silent, "comparing"),
    )
    lessons.complete(gallery, taught, card.name, lesson.threads, progress, "reading pictures")
    return UnlabelledReport(
        model=card.name,
        base=begun.base.name,
        output=begun.output,
        compared=f"{current.model}, {current.output}",
        pictures=len(pictures.files),
        held_out=len(pictures.held_out),
        apart=False,
        before=was.means(),
        after=now.means(),
        verdict=lessons.verdict(was, now, "recall@fmr", seen=bool(seen.any())),
        epochs=trained.history[-1].number,
        best_epoch=trained.best.number,
        curve=str(storing.curve_of(card)),
        card=str(card.path),
        seconds=time.monotonic() - started,
    )


def _material(gallery: Gallery, space: Space, lesson: Lesson, progress: Stages | None = None) -> TrainingSet:
    """The pictures, of near-copies one, since training takes all for different; some held out that look like
    no other."""
    there = known(gallery, space)
    rows = chosen(gallery, there, lesson.where)
    rows = np.sort(rows[np.unique(there.same[rows], return_index=True)[1]])
    rows = rows[_one_of_each(gallery, space, there.ids[rows], there.hashes[rows], progress)]
    ids, hashes = there.ids[rows], there.hashes[rows]
    wanted = int(np.clip(HELD_OUT * len(ids), FEWEST_HELD_OUT, MOST_HELD_OUT))
    held_out = np.zeros(0, np.int64)
    if len(ids) >= FEWEST:
        # Best by what was held out before, then by what is new, and by what was learned if there is no other.
        base = models.network_of(models.find(space.model))
        fresh = ~learned_from(there.same[rows], base)
        before = held_out_by(there.same[rows], base) & fresh
        for fit in (before, fresh, np.ones(len(ids), bool)):
            held_out = _like_no_other(gallery, space, ids, hashes, wanted, fit)
            if len(held_out) >= FEWEST_HELD_OUT:
                break
    if len(held_out) < FEWEST_HELD_OUT:
        among = " that --where takes" if lesson.where else ""
        alike = f" of which {len(held_out)} look like no other," if len(ids) >= FEWEST else ""
        raise UsageError(
            f"too few pictures to learn from without labels: {len(ids):,} different ones{among},{alike} and "
            f"{FEWEST:,} are needed, {FEWEST_HELD_OUT} of them like no other; some thousand are good"
        )
    files = retraining.readable(gallery, ids.tolist())
    return TrainingSet(files, there.same[rows], np.arange(len(ids)), held_out)


def _one_of_each(
    gallery: Gallery,
    space: Space,
    ids: Ints,
    hashes: npt.NDArray[np.uint64],
    progress: Stages | None = None,
) -> Ints:
    """Rows, ascending: the first of each group of near-copies (see `training.adapter`), which are joined
    directly or over others. `ids` are ascending."""
    report = partial(progress or silent, "finding near-copies")
    pairs: list[tuple[int, int]] = []
    for first, second, _ in graph(gallery, space, progress=report).among(ids).edges(NEAR):
        near = np.bitwise_count(hashes[first] ^ hashes[second]) <= NEAR_BITS
        pairs += zip(first[near].tolist(), second[near].tolist(), strict=True)
    return np.sort(np.unique(groups_of(len(ids), pairs), return_index=True)[1])


def _like_no_other(
    gallery: Gallery,
    space: Space,
    ids: Ints,
    hashes: npt.NDArray[np.uint64],
    count: int,
    fit: npt.NDArray[np.bool_],
) -> Ints:
    """At most so many of the rows that are fit for it, ascending, drawn by chance among those that are
    near-copies of no other (see `training.adapter`): two photos of one thing would count as a false match."""
    found: list[int] = []
    for row in np.random.default_rng(0).permutation(len(ids)).tolist():
        if len(found) == count:
            break
        if not fit[row]:
            continue
        alike = np.flatnonzero(np.bitwise_count(hashes ^ hashes[row]) <= NEAR_BITS)
        vectors = gallery.vectors(space, ids[alike].tolist())
        if (vectors @ vectors[alike == row][0] >= NEAR).sum() == 1:
            found.append(row)
    return np.sort(np.array(found, np.int64))
