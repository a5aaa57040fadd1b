"""Make a new model by training a network on with labels of a collection's own pictures: pictures, training,
verdict, model."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from lookalike import models
from lookalike.embedder import Embedder
from lookalike.errors import UsageError
from lookalike.evaluation import truth
from lookalike.evaluation.retrieval import Outcomes
from lookalike.gallery.base import Gallery, Space
from lookalike.models import Card, storing
from lookalike.models.cards import HELD_OUT_FIGURE
from lookalike.progress import Stages
from lookalike.results import FinetuneReport
from lookalike.spaces import space_of
from lookalike.teaching import lessons, retraining, self_training
from lookalike.teaching.lessons import Lesson
from lookalike.teaching.retraining import Told
from lookalike.training import adapter, examples
from lookalike.training.reading import Reader
from lookalike.training.recipe import Recipe, TrainingSet, check, hold_out

if TYPE_CHECKING:
    from lookalike.training.loop import Task

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

FEWEST_HELD_OUT = adapter.FEWEST_QUERIES


@dataclass(frozen=True, slots=True, eq=False)
class _Material:
    """What is learned from.

    Attributes:
        known: the pictures and what is known about them.
        pictures: their files, classes, and which are held out; behind them those whose class was guessed.
    """

    known: examples.Material
    pictures: TrainingSet


def finetune(
    gallery: Gallery,
    current: Space,
    lesson: Lesson,
    recipe: Recipe,
    progress: Stages | None = None,
    told: Told | None = None,
) -> FinetuneReport:
    """Train the network of the model that is searched now on a gallery's pictures, and save it as a model.

    The gallery gets the vectors of the new model, for which all pictures are read.

    Args:
        gallery: whose pictures.
        current: the space that is searched now: the new model is compared with it, or with the lesson's
            teacher.
        lesson: what is to be learned; its output is the one that is trained, None means the current one.
        recipe: how.
        progress: called now and then with what is being done, how much is done, and of how much.
        told: called where training begins or goes on, and after each epoch; see `retraining.Told`.

    Raises:
        MissingExtra: PyTorch is not installed.
        ModelError: the name cannot be used, or the network cannot be trained.
        UsageError: nothing can be learned from what is known.
        CollectionBusy: another process is writing.
    """
    started = time.monotonic()
    begun = retraining.start(current, lesson, recipe.size)
    lessons.complete_searched(gallery, current, lesson, progress)
    if lesson.teacher is not None:
        teacher = _network_of(gallery, lesson.teacher)
        _check_other(current, teacher)
        lesson = replace(lesson, teacher=teacher)
        lessons.complete_searched(gallery, teacher, lesson, progress)
    material = _material(gallery, current, lesson)
    seen = truth.learned_from(material.pictures.held_out_numbers, *_cards(current, lesson))

    def task(reader: Reader) -> Task:
        from lookalike.training.supervised import ByLabel

        return ByLabel(material.pictures, reader, recipe)

    trained = retraining.train(begun, material.pictures, recipe, task, told)
    card = retraining.save(
        begun,
        trained,
        material.pictures,
        f"{begun.base.name} fine-tuned {_on_what(lesson, material)}",
        {f"{HELD_OUT_FIGURE}recall_at_1": round(trained.best.recall, 4)},
    )
    taught = Embedder.load(card.name, None, current.runtime)
    lessons.complete(gallery, taught, card.name, lesson.threads, progress, "reading pictures")
    known, against = material.known, lesson.teacher or current
    was, now = _outcomes(gallery, (against, space_of(taught, card.name)), material)
    elsewhere = lessons.of_unknown(gallery, against, taught, known, progress)
    return FinetuneReport(
        model=card.name,
        base=begun.base.name,
        output=begun.output,
        compared=f"{against.model}, {against.output}",
        pictures=len(known.ids),
        classes=known.classes,
        alone=known.alone,
        unlabelled=len(known.unknown),
        guessed=material.pictures.guessed,
        unlabelled_before=elsewhere.was.means(),
        unlabelled_after=elsewhere.now.means(),
        unmatched=known.unmatched,
        held_out=len(material.pictures.judging),
        apart=material.pictures.split,
        before=was.means(),
        after=now.means(),
        verdict=lessons.verdict_by_labels(was, now, elsewhere, seen=bool(seen.any())),
        epochs=trained.history[-1].number,
        best_epoch=trained.best.number,
        curve=str(storing.curve_of(card)),
        card=str(card.path),
        seconds=time.monotonic() - started,
    )


def _cards(trained: Space, lesson: Lesson) -> list[Card]:
    """The network that is trained on, and the model that is compared with what comes of it."""
    network = models.network_of(models.find(trained.model))
    return [network, models.find((lesson.teacher or trained).model)]


def _on_what(lesson: Lesson, material: _Material) -> str:
    """What was learned from, for the summary of the new model."""
    by = f"by {lesson.label}" if lesson.label else "by pairs"
    known, guessed = material.known, material.pictures.guessed
    learned = f"{by} on {len(known.ids):,} pictures of {known.classes:,} kinds"
    if lesson.teacher is None:
        return learned
    return f"{learned} and {guessed:,} guessed by {models.find(lesson.teacher.model).name}"


def _network_of(gallery: Gallery, teacher: Space) -> Space:
    """The vectors of the network that an adapter maps, else those of the teacher: an adapter has learned from
    the pictures that tell how sure a guess must be, and one is fitted without them anyway."""
    identity = models.find(teacher.model).base_identity(teacher.output, teacher.runtime)
    for space in (teacher, *gallery.spaces()):
        if space.identity == identity:
            return space
    raise UsageError(
        f"{teacher.model} has an adapter, and the collection no vectors of what it maps: name the model it "
        f"was made from as the teacher"
    )


def _check_other(trained: Space, teacher: Space) -> None:
    """Refuse a network that was trained and would learn its own guesses (see docs/training-trials.md for what
    that gave)."""
    network, other = (models.network_of(models.find(space.model)) for space in (trained, teacher))
    if network.sha256 == other.sha256 and network.is_taught:
        raise UsageError(
            f"{network.name} cannot be its own teacher: train another model with its guesses, best the one "
            f"that it was made from, for example --model {models.DEFAULT_MODEL}"
        )


def _material(gallery: Gallery, space: Space, lesson: Lesson) -> _Material:
    """The pictures, some of each class held out."""
    found = lessons.material_for(gallery, space, lesson, lesson.teacher)
    labels = found.examples.labels
    check(labels)
    held_out = _held_out(found, _cards(space, lesson))
    files = retraining.readable(gallery, found.ids.tolist())
    pictures = TrainingSet(files, found.examples.same, labels, held_out)
    if lesson.teacher is not None:
        ids, guessed = self_training.guessed(gallery, lesson.teacher, found, held_out)
        found = replace(found, unknown=np.setdiff1d(found.unknown, ids))
        pictures = _with_guesses(gallery, pictures, ids, guessed)
    return _Material(found, pictures)


def _held_out(found: examples.Material, cards: Sequence[Card]) -> Ints:
    """Some of each class; near-copies of others never are, and what one of the models has learned from only
    where there is too little else. What was held out before is so again, and a share of what is new.

    Raises:
        UsageError: there are too few.
    """
    labels = found.examples.labels
    seen = truth.learned_from(found.examples.same, *cards)
    before = truth.held_out_by(found.examples.same, *cards) & ~seen
    groups = adapter.near_copies(found.examples)
    single = np.bincount(groups)[groups] == 1
    held_out = hold_out(labels, single, new=~seen & ~before, again=before)
    if len(held_out) < FEWEST_HELD_OUT:
        held_out = hold_out(labels, single)
    if len(held_out) < FEWEST_HELD_OUT:
        raise UsageError(
            f"too few pictures to fine-tune on: {len(labels):,} of {found.classes:,} kinds leave "
            f"{len(held_out)} to see whether it gets better, and {FEWEST_HELD_OUT} are needed: some "
            f'{10 * FEWEST_HELD_OUT} pictures, three or more of a kind. The method "adapter" needs fewer'
        )
    return held_out


def _with_guesses(gallery: Gallery, pictures: TrainingSet, ids: Ints, labels: Ints) -> TrainingSet:
    return replace(
        pictures,
        files=pictures.files + retraining.readable(gallery, ids.tolist()),
        numbers=np.concatenate([pictures.numbers, truth.numbers(gallery, ids.tolist())]),
        labels=np.concatenate([pictures.labels, labels]),
        guessed=len(ids),
    )


def _outcomes(gallery: Gallery, spaces: Sequence[Space], material: _Material) -> Iterator[Outcomes]:
    """How those held out that judge are found among those that were shown, by vectors of each of the spaces.
    What was guessed is left out, and what has no vector of one of them: a file may have changed meanwhile."""
    ids, known = material.known.ids, material.known.examples
    has = truth.having(gallery, ids, spaces)
    judging, among = (rows[has[rows]] for rows in (material.pictures.judging, material.pictures.gallery))
    for space in spaces:
        vectors = np.zeros((len(ids), space.dimension), np.float32)
        vectors[has] = gallery.vectors(space, ids[has].tolist())
        yield adapter.outcomes(vectors, known, judging, among)
