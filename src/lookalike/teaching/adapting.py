"""Make a new model by fitting an adapter on a collection's own pictures: examples, verdict, model."""

from __future__ import annotations

import contextlib
import math
import time

import numpy as np
import numpy.typing as npt

from lookalike import models
from lookalike.embedder import Embedder
from lookalike.errors import ModelError, UsageError
from lookalike.evaluation import truth
from lookalike.evaluation.retrieval import Outcomes
from lookalike.gallery.base import Gallery, Space
from lookalike.models import Card, storing
from lookalike.models.cards import HELD_OUT_FIGURE
from lookalike.progress import Stages
from lookalike.results import TrainReport
from lookalike.spaces import space_of
from lookalike.teaching import lessons
from lookalike.teaching.lessons import Lesson
from lookalike.training import adapter, examples
from lookalike.vectors import Vectors


def teach(gallery: Gallery, current: Space, lesson: Lesson, progress: Stages | None = None) -> TrainReport:
    """Fit an adapter on what a gallery's pictures say belongs together, and save base and adapter as a model.

    The gallery gets the vectors of the base's output where it lacks them (pictures are read for that,
    once), and those of the new model, for which none is read.

    Args:
        gallery: whose pictures.
        current: the space that is searched now: the new model is compared with it.
        lesson: what is to be learned.
        progress: called now and then with what is being done, how much is done, and of how much.

    Raises:
        ModelError: the name cannot be used, the model folder not be written to, or the base is not there.
        UsageError: nothing can be learned from what is known.
        CollectionBusy: another process is writing.
    """
    started = time.monotonic()
    storing.check_new(lesson.name)
    lessons.complete_searched(gallery, current, lesson, progress)
    _check(lessons.material_for(gallery, current, lesson))
    base = _base(gallery, current)
    output = lesson.output or base.longest_output
    network = Embedder.load(_name(base), output, current.runtime)
    lessons.complete(gallery, network, _name(base), lesson.threads, progress, "reading pictures")
    material = lessons.material_for(gallery, space_of(network, _name(base)), lesson, current)
    seen = truth.learned_from(material.examples.same, base, models.find(current.model))
    parts = _split(material, seen)
    fitted = adapter.fit(material.examples, parts)
    was, now = (
        outcomes(vectors, material, parts)
        for vectors in (gallery.vectors(current, material.ids.tolist()), fitted.trial)
    )
    before, after = was.means(), now.means()
    card = _save(lesson, base, output, material, fitted, after)
    taught = Embedder.load(card.name, None, current.runtime)
    lessons.complete(gallery, taught, card.name, lesson.threads, progress, "mapping vectors")
    elsewhere = lessons.of_unknown(gallery, current, taught, material, progress)
    return TrainReport(
        model=card.name,
        base=base.name,
        output=output,
        compared=f"{current.model}, {current.output}",
        pictures=len(material.ids),
        classes=material.classes,
        alone=material.alone,
        unlabelled=len(material.unknown),
        unlabelled_before=elsewhere.was.means(),
        unlabelled_after=elsewhere.now.means(),
        unmatched=material.unmatched,
        held_out=len(fitted.held_out),
        before=before,
        after=after,
        verdict=lessons.verdict_by_labels(was, now, elsewhere, seen=bool(seen[parts == 0].any())),
        shrinkage=fitted.choice.shrinkage,
        dimension=fitted.map.weights.shape[1],
        centred=fitted.choice.centred,
        card=str(card.path),
        seconds=time.monotonic() - started,
    )


def _base(gallery: Gallery, current: Space) -> Card:
    """The card of the model whose network makes the vectors that are searched, an adapter left out. Where
    none is known, since the adapter was taken in with the bare file of its network, one is saved."""
    card = models.find(current.model)
    identity = card.base_identity(current.output, current.runtime)
    for known in (card, *_made_with(gallery, identity), *models.available()):
        if any(known.identity(output, current.runtime) == identity for output in known.outputs):
            return known
    return storing.save_base(card, current.output)


def _made_with(gallery: Gallery, identity: str) -> list[Card]:
    """The model that made a gallery's vectors of this identity, if both are there: it may lie in no folder of
    models."""
    with contextlib.suppress(ModelError):
        return [models.find(space.model) for space in gallery.spaces() if space.identity == identity]
    return []


def _name(card: Card) -> str:
    """By what a model is found again: its name, or its path where it lies in no folder of models."""
    known = any(other.name == card.name and other.path == card.path for other in models.available())
    return card.name if known else str(card.path.with_suffix(".onnx").absolute())


def _check(material: examples.Material) -> None:
    """Say what cannot work before pictures are read for it, whatever the vectors will be.

    Raises:
        UsageError: there are too few pictures.
    """
    sizes = np.bincount(material.examples.labels)
    _check_enough(material, math.ceil(sizes[sizes > 1].sum() / adapter.PARTS))


def _split(material: examples.Material, seen: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """The parts (see `adapter.split`); those that have been learned from before are held out only where there
    is too little else.

    Raises:
        UsageError: there is too little to tell whether anything was learned.
    """
    labels = material.examples.labels

    def findable(parts: npt.NDArray[np.int64]) -> int:
        return int(np.isin(labels[parts == 0], labels[parts != 0]).sum())

    parts = adapter.split(material.examples, seen)
    if findable(parts) < adapter.FEWEST_QUERIES:
        parts = adapter.split(material.examples)
    _check_enough(material, findable(parts))
    return parts


def _check_enough(material: examples.Material, findable: int) -> None:
    if findable < adapter.FEWEST_QUERIES:
        raise UsageError(
            f"too few pictures to learn from: {len(material.ids):,} of {material.classes:,} kinds, "
            f"near-copies counted once, leave {findable} to test the model on, and "
            f"{adapter.FEWEST_QUERIES} are needed: "
            f"some {adapter.PARTS * adapter.FEWEST_QUERIES} pictures, two or more of a kind"
        )


def outcomes(vectors: Vectors, material: examples.Material, parts: npt.NDArray[np.int64]) -> Outcomes:
    """How those held out are found among the others."""
    held, others = np.flatnonzero(parts == 0), np.flatnonzero(parts != 0)
    return adapter.outcomes(vectors, material.examples, held, others)


def _save(
    lesson: Lesson,
    base: Card,
    output: str,
    material: examples.Material,
    fitted: adapter.Fitted,
    after: dict[str, float],
) -> Card:
    what = f"by {lesson.label}" if lesson.label else "by pairs"
    summary = f"{base.name} taught {what} on {len(material.ids):,} pictures of {material.classes:,} kinds"
    mapped = fitted.map.apply(material.examples.vectors)
    return storing.save_adapted(
        lesson.name,
        base,
        output,
        fitted.map.dumps(),
        fitted.map.weights.shape[1],
        alike=lessons.alike(mapped, material.examples.labels),
        summary=summary,
        quality={
            HELD_OUT_FIGURE + name.replace("@", "_at_"): round(value, 4) for name, value in after.items()
        },
        seen=material.examples.same,
    )
