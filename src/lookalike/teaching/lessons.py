"""What all ways of teaching share: what is to be learned, from which pictures, and whether it helped."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lookalike import indexing
from lookalike.embedder import Embedder
from lookalike.evaluation import copies
from lookalike.evaluation.retrieval import Outcomes, interval
from lookalike.evaluation.truth import PairList
from lookalike.filters import Filter, check_column
from lookalike.gallery.base import Gallery, Space
from lookalike.progress import Stages, silent
from lookalike.results.training import Verdict
from lookalike.spaces import space_of
from lookalike.training import examples
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
        teacher: by whose vectors the classes of pictures of which nothing is known are guessed, where that is
            clear, so that they are learned from as well; None for no guesses.
        output: which output of the base is mapped; None for the longest, since a map can leave out
            but not add.
        threads: pictures read side by side, where that is needed.
    """

    name: str
    label: str | None = None
    pairs: PairList | None = None
    where: Filter | None = None
    teacher: Space | None = None
    output: str | None = None
    threads: int = 1


def complete(
    gallery: Gallery, embedder: Embedder, name: str, threads: int, progress: Stages | None, stage: str
) -> None:
    """Give all pictures a vector of this model that can be read, or whose vectors an adapter can map."""
    known = gallery.spaces()
    space = space_of(embedder, name, known)
    if space in known and next(gallery.without_vector(space), None) is None:
        return
    total = gallery.count()

    def report(done: int, _: int) -> None:
        if progress:
            progress(stage, done, total)

    indexing.complete(gallery, space, embedder, threads=threads, progress=report)


def complete_searched(gallery: Gallery, current: Space, lesson: Lesson, progress: Stages | None) -> None:
    """Give all pictures a vector of a model that is there already; hardly ever is there one without.

    Raises:
        UsageError: there is no column of the lesson's label: that is said before pictures are read.
    """
    if lesson.label is not None:
        check_column(lesson.label, gallery.columns())
    embedder = Embedder.load(current.model, current.output, current.runtime)
    complete(gallery, embedder, current.model, lesson.threads, progress, "reading pictures")


def material_for(
    gallery: Gallery, space: Space, lesson: Lesson, beside: Space | None = None
) -> examples.Material:
    """What a lesson says about the pictures that have a vector of a space, and of that it is compared with.

    Raises:
        UsageError: nothing can be learned from it.
    """
    others = () if beside is None else (beside,)
    if lesson.pairs is not None:
        return examples.by_pairs(gallery, space, lesson.pairs, lesson.where, others)
    assert lesson.label is not None
    return examples.by_label(gallery, space, lesson.label, lesson.where, others)


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


def verdict(was: Outcomes, now: Outcomes, figure: str, *, seen: bool) -> Verdict:
    """Whether a figure has risen by more than chance explains, and recall@1 has not fallen.

    Args:
        was: how those held out were found by the model that was searched before.
        now: the same by the new one.
        figure: that counts.
        seen: one of the models, or what they are made of, has learned from those held out.
    """
    if seen:
        return "seen"
    gain = {name: values - was.figures[name] for name, values in now.figures.items()}
    if float(gain["recall@1"].mean()) < 0:
        return "recall"
    return "better" if interval(gain[figure])[0] > 0 else "chance"


def verdict_by_labels(was: Outcomes, now: Outcomes, elsewhere: Elsewhere, *, seen: bool) -> Verdict:
    """The same of models taught by labels or pairs, by MAP@R; they must not lose pictures of which nothing is
    known, either."""
    found = verdict(was, now, "map@r", seen=seen)
    return "copies" if found == "better" and elsewhere.is_worse else found


def alike(vectors: Vectors, labels: npt.NDArray[np.int64]) -> float:
    """Similarity that one in a thousand pairs of different classes reaches; see `models.Output`."""
    dice = np.random.default_rng(0)
    first, second = dice.integers(len(labels), size=(2, _PAIRS))
    other = labels[first] != labels[second]
    similarities = np.einsum("ij,ij->i", vectors[first[other]], vectors[second[other]])
    return round(float(np.quantile(similarities, 0.999)), 3)
