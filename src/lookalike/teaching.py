"""Make a new model of a collection's own pictures: examples, adapter, verdict, model."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lookalike import indexing, models
from lookalike.embedder import Embedder
from lookalike.errors import ModelError, UsageError
from lookalike.evaluation import copies
from lookalike.evaluation.retrieval import Outcomes, interval
from lookalike.evaluation.truth import PairList
from lookalike.filters import Filter
from lookalike.gallery.base import Gallery, Space
from lookalike.models import Card, storing
from lookalike.models.cards import HELD_OUT_FIGURE
from lookalike.progress import Stages, silent
from lookalike.results import TrainReport
from lookalike.spaces import space_of
from lookalike.training import adapter, examples
from lookalike.vectors import Vectors

UNKNOWN, FEWEST_UNKNOWN, EDITS_EACH = 60, 20, 6
"""Pictures of which nothing is known that are edited to see whether they are still told apart, how many
there must be, and edits of each."""

_PAIRS = 20_000  # of different classes, from which the similarity of unrelated pictures is told


@dataclass(frozen=True, slots=True)
class Lesson:
    """What is to be learned.

    Attributes:
        name: what the new model is called.
        label: a column whose values say what belongs together; None when `pairs` say it.
        pairs: which pictures belong together, and which do not.
        where: only from these pictures; None for all.
        output: which output of the base is mapped; None for the longest, since a map can leave out
            but not add.
        threads: pictures read side by side, where that is needed.
    """

    name: str
    label: str | None = None
    pairs: PairList | None = None
    where: Filter | None = None
    output: str | None = None
    threads: int = 1


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
        ModelError: the name cannot be used, or the base is not there.
        UsageError: nothing can be learned from what is known.
        CollectionBusy: another process is writing.
    """
    started = time.monotonic()
    storing.check_name(lesson.name)
    base = _base(gallery, current)
    output = lesson.output or base.longest_output
    network = Embedder.load(_name(base), output, current.runtime)
    complete(gallery, network, _name(base), lesson.threads, progress, "reading pictures")
    complete(
        gallery, Embedder.load(current.model, current.output, current.runtime), current.model,
        lesson.threads, progress, "reading pictures",
    )  # fmt: skip
    material = material_for(gallery, space_of(network, _name(base)), lesson)
    parts = adapter.split(material.examples)
    _check(material, parts)
    fitted = adapter.fit(material.examples, parts)
    was, now = (
        outcomes(vectors, material, parts)
        for vectors in (gallery.vectors(current, material.ids.tolist()), fitted.trial)
    )
    before, after = was.means(), now.means()
    card = _save(lesson, base, output, material, fitted, after)
    taught = Embedder.load(card.name, None, current.runtime)
    complete(gallery, taught, card.name, lesson.threads, progress, "mapping vectors")
    elsewhere = of_unknown(gallery, current, taught, material, progress)
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
        better=is_better(was, now, "map@r") and not elsewhere.is_worse,
        shrinkage=fitted.choice.shrinkage,
        dimension=fitted.map.weights.shape[1],
        centred=fitted.choice.centred,
        card=str(card.path),
        seconds=time.monotonic() - started,
    )


def _base(gallery: Gallery, current: Space) -> Card:
    """The card of the model whose network makes the vectors that are searched, an adapter left out."""
    card = models.find(current.model)
    identity = card.base_identity(current.output, current.runtime)
    if identity == card.identity(current.output, current.runtime):
        return card
    for space in gallery.spaces():
        if space.identity == identity:
            return models.find(space.model)
    raise ModelError(f"model {current.model!r} has an adapter, and the collection no vectors of what it maps")


def _name(card: Card) -> str:
    """By what a model is found again: its name, or its path where it lies in no folder of models."""
    known = any(other.name == card.name and other.path == card.path for other in models.available())
    return card.name if known else str(card.path.with_suffix(".onnx").absolute())


def complete(
    gallery: Gallery, embedder: Embedder, name: str, threads: int, progress: Stages | None, stage: str
) -> None:
    """Give all pictures a vector of this model."""
    known = gallery.spaces()
    space = space_of(embedder, name, known)
    if space in known and not any(not picture.missing for picture in gallery.without_vector(space)):
        return
    total = gallery.count()

    def report(done: int, _: int) -> None:
        if progress:
            progress(stage, done, total)

    indexing.complete(gallery, space, embedder, threads=threads, progress=report)


def material_for(gallery: Gallery, space: Space, lesson: Lesson) -> examples.Material:
    """What a lesson says about the pictures that have a vector.

    Raises:
        UsageError: nothing can be learned from it.
    """
    if lesson.pairs is not None:
        return examples.by_pairs(gallery, space, lesson.pairs, lesson.where)
    assert lesson.label is not None
    return examples.by_label(gallery, space, lesson.label, lesson.where)


def _check(material: examples.Material, parts: npt.NDArray[np.int64]) -> None:
    """Say that there is too little to tell whether anything was learned."""
    labels = material.examples.labels
    findable = int(np.isin(labels[parts == 0], labels[parts != 0]).sum())
    if findable < adapter.FEWEST_QUERIES:
        raise UsageError(
            f"too few pictures to learn from: {len(labels):,} of {material.classes:,} kinds, near-copies "
            f"counted once, leave {findable} to test the model on, and {adapter.FEWEST_QUERIES} are needed: "
            f"some {5 * adapter.FEWEST_QUERIES} pictures, two or more of a kind"
        )


def outcomes(vectors: Vectors, material: examples.Material, parts: npt.NDArray[np.int64]) -> Outcomes:
    """How those held out are found among the others."""
    held, others = np.flatnonzero(parts == 0), np.flatnonzero(parts != 0)
    return adapter.outcomes(vectors, material.examples, held, others)


@dataclass(frozen=True, slots=True, eq=False)
class Elsewhere:
    """How the pictures fare of which nothing is known, by two models: what can be told of them is whether
    edited copies of them are found. Both have no figures when there are too few.

    Attributes:
        was: by the model that was searched before.
        now: by the new one.
    """

    was: Outcomes
    now: Outcomes

    @property
    def is_worse(self) -> bool:
        """Whether recall@1 has fallen by more than chance explains."""
        was, now = (outcomes.figures.get("recall@1") for outcomes in (self.was, self.now))
        return was is not None and now is not None and interval(now - was)[1] < 0


def of_unknown(
    gallery: Gallery, current: Space, taught: Embedder, material: examples.Material, progress: Stages | None
) -> Elsewhere:
    """How pictures fare of which nothing is known: some are read for it. Those that are known and were kept
    back are not asked: a model that brings their kind together is right to tell their edits apart less."""
    some = np.sort(np.random.default_rng(0).permutation(material.unknown)[:UNKNOWN])
    if len(some) < FEWEST_UNKNOWN:
        some = some[:0]
    before = Embedder.load(current.model, current.output, current.runtime)
    files = [Path(picture.path) for picture in gallery.get(some.tolist())]
    report = partial(progress or silent, "comparing")
    return Elsewhere(*copies.compared((before, taught), files, EDITS_EACH, report))


def is_better(was: Outcomes, now: Outcomes, figure: str) -> bool:
    """Whether a figure has risen by more than chance explains, and recall@1 has not fallen."""
    gain = {name: values - was.figures[name] for name, values in now.figures.items()}
    return interval(gain[figure])[0] > 0 and float(gain["recall@1"].mean()) >= 0


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
        alike=alike(mapped, material.examples.labels),
        summary=summary,
        quality={
            HELD_OUT_FIGURE + name.replace("@", "_at_"): round(value, 4) for name, value in after.items()
        },
    )


def alike(vectors: Vectors, labels: npt.NDArray[np.int64]) -> float:
    """Similarity that one in a thousand pairs of different classes reaches; see `models.Output`."""
    dice = np.random.default_rng(0)
    first, second = dice.integers(len(labels), size=(2, _PAIRS))
    other = labels[first] != labels[second]
    similarities = np.einsum("ij,ij->i", vectors[first[other]], vectors[second[other]])
    return round(float(np.quantile(similarities, 0.999)), 3)
