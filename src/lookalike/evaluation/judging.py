"""Judge a model by a collection's own pictures: figures, classes, and the queries that went worst."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lookalike import models
from lookalike.errors import ModelError, UsageError
from lookalike.evaluation.calibration import expected_error, key, reliability
from lookalike.evaluation.retrieval import (
    Blocks,
    Labels,
    Outcomes,
    Pairs,
    Truth,
    evaluate,
    interval,
    nearest,
)
from lookalike.evaluation.truth import Known, PairList, chosen, having, known, learned_from
from lookalike.filters import Filter
from lookalike.gallery.base import Gallery, Space, Vectors
from lookalike.progress import Progress
from lookalike.results import Calibration, ClassFigures, Evaluation, JudgedHit, JudgedQuery, ReliabilityBin
from lookalike.vectors import cosines

Ints = npt.NDArray[np.int64]

WORST = 24
"""Queries shown unless told otherwise: a page one goes through."""

FOUND = 8  # pictures shown of what such a query found
_CACHED = 1 << 26  # bytes of a gallery's vectors that are read once and kept
_BATCH = 4096
_GRADED = 400  # queries whose hits are graded
_SHOWN = 10  # hits of each, when it is judged whether chances are true


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be measured.

    Attributes:
        label: the column whose values say what belongs together; None when `pairs` say it.
        pairs: which pictures belong together.
        queries: only these pictures are queries; None for all.
        gallery: only these pictures are searched; None for all.
        worst: how many of the worst queries are told.
        beside: the spaces this one is compared with: only pictures that have a vector of each count.
        options: which options `queries` and `gallery` come from, for messages.
    """

    label: str | None = None
    pairs: PairList | None = None
    queries: Filter | None = None
    gallery: Filter | None = None
    worst: int = WORST
    beside: Sequence[Space] = ()
    options: str = "--queries and --gallery take"

    @property
    def source(self) -> str:
        """What says what belongs together, in words."""
        return "pairs" if self.label is None else f"column {self.label}"


def judge(gallery: Gallery, space: Space, asked: Asked, progress: Progress | None = None) -> Evaluation:
    """How well the vectors of a space find what belongs together.

    Each query is searched for among the gallery's pictures, itself and pictures with the same bytes left
    out. Without filters each picture is the query once (leave-one-out).

    Args:
        gallery: whose pictures.
        space: which vectors.
        asked: what is measured.
        progress: called with queries done, and of how many.

    Raises:
        UsageError: there is no such column, or no query has anything to find.
    """
    task, truth = _prepared(gallery, space, asked)
    same = task.pictures.same
    outcomes = evaluate(task.vectors, task.blocks(), truth, same[task.queries], same[task.places], progress)
    calibrated = Calibration.loads(gallery.note(key(space.identity)))
    comparable = calibrated is not None and calibrated.source == asked.source
    bins = _reliability(task, truth, calibrated) if calibrated and comparable else ()
    return Evaluation(
        model=space.model,
        output=space.output,
        queries=len(outcomes.rows),
        gallery=len(task.places),
        alone=len(task.queries) - len(outcomes.rows),
        unlabelled=task.unlabelled,
        without_vector=task.without_vector,
        learned=_learned(space, same[task.queries[outcomes.rows]]),
        calibrated_by=calibrated.source if calibrated else None,
        figures=outcomes.means(),
        intervals={name: interval(values) for name, values in outcomes.figures.items()},
        classes=tuple(_classes(task, outcomes)) if asked.pairs is None else (),
        worst=tuple(_worst(task, truth, outcomes, asked.worst)),
        calibration_error=expected_error(bins) if bins else None,
        reliability=bins,
    )


def _learned(space: Space, numbers: Ints) -> int | None:
    """How many of some pictures the model of a space has learned from; None when that is not known."""
    try:
        card = models.find(space.model)
        if card.identity(space.output, space.runtime) != space.identity or (card.is_taught and not card.seen):
            return None
        return int(learned_from(numbers, card).sum())
    except ModelError:  # the vectors are here all the same
        return None


def _prepared(gallery: Gallery, space: Space, asked: Asked) -> tuple[_Task, Truth]:
    """What is searched for, among what, and what belongs to it."""
    pictures = known(gallery, None, asked.label)
    has = having(gallery, pictures.ids, (space, *asked.beside))
    queries, places = (chosen(gallery, pictures, where) for where in (asked.queries, asked.gallery))
    unlabelled = 0
    if asked.pairs is None:
        labelled = pictures.labels >= 0
        unlabelled = int((has & ~labelled)[np.union1d(queries, places)].sum())
        queries, places = queries[labelled[queries]], places[labelled[places]]
    else:
        queries = queries[np.isin(pictures.ids[queries], _queries(asked.pairs))]
    without = int((~has)[np.union1d(queries, places)].sum())
    task = _Task(gallery, space, pictures, queries[has[queries]], places[has[places]], unlabelled, without)
    truth = _truth(task, asked)
    _check(task, truth, asked)
    return task, truth


@dataclass(frozen=True, slots=True, eq=False)
class Hits:
    """Pictures found, each right or wrong.

    Attributes:
        queries: (n,) int64, a number for each query.
        similarities: (n,) float64 cosines in [-1, 1].
        right: (n,) whether each belongs to its query.
    """

    queries: Ints
    similarities: npt.NDArray[np.float64]
    right: npt.NDArray[np.bool_]


def graded(gallery: Gallery, space: Space, asked: Asked, count: int) -> Hits:
    """The first `count` hits of at most some hundred queries.

    Raises:
        UsageError: as `judge`.
    """
    task, truth = _prepared(gallery, space, asked)
    return _graded(task, truth, count)


def _graded(task: _Task, truth: Truth, count: int) -> Hits:
    rows = np.flatnonzero(truth.counts > 0)
    rows = np.sort(np.random.default_rng(0).permutation(rows)[:_GRADED])
    found = _found(task, rows, count)
    right = [truth.belongs(rows[at : at + 1], places[None])[0] for at, (places, _) in enumerate(found)]
    sizes = [len(places) for places, _ in found]
    similarities = np.concatenate([values for _, values in found]).astype(np.float64)
    return Hits(np.repeat(np.arange(len(rows)), sizes), similarities, np.concatenate(right))


def _reliability(task: _Task, truth: Truth, calibrated: Calibration) -> tuple[ReliabilityBin, ...]:
    hits = _graded(task, truth, _SHOWN)
    return reliability(calibrated.probability(hits.similarities), hits.right)


@dataclass(frozen=True, slots=True, eq=False)
class _Task:
    """Queries and gallery as places in all pictures, both ascending, and how many are left out of them."""

    gallery: Gallery
    space: Space
    pictures: Known
    queries: Ints
    places: Ints
    unlabelled: int
    without_vector: int

    def vectors(self, rows: Ints) -> Vectors:
        """The vectors of some queries."""
        return self.read(self.queries[rows])

    def read(self, places: Ints) -> Vectors:
        """The vectors of pictures by their places among all."""
        return self.gallery.vectors(self.space, self.pictures.ids[places].tolist())

    def blocks(self) -> Blocks:
        """The gallery's vectors: kept when they are few, else read in each pass."""

        def read() -> Iterator[tuple[int, Vectors]]:
            for start in range(0, len(self.places), _BATCH):
                yield start, self.read(self.places[start : start + _BATCH])

        if len(self.places) * self.space.dimension * 4 > _CACHED:
            return read
        kept = list(read())
        return lambda: kept


def _queries(pairs: PairList) -> Ints:
    """The ids of the pictures that something is said to belong to."""
    said = pairs.ids[pairs.together]
    return np.unique(said[:, 0] if pairs.directed else said)


def _truth(task: _Task, asked: Asked) -> Truth:
    pictures = task.pictures
    if asked.pairs is None:
        labels, same = pictures.labels, pictures.same
        return Labels(labels[task.queries], labels[task.places], same[task.queries], same[task.places])
    said = asked.pairs.ids[asked.pairs.together]
    if not asked.pairs.directed:
        said = np.concatenate([said, said[:, ::-1]])
    query_ids, gallery_ids = pictures.ids[task.queries], pictures.ids[task.places]
    here = np.isin(said[:, 0], query_ids) & np.isin(said[:, 1], gallery_ids)
    rows = np.searchsorted(query_ids, said[here, 0])
    places = np.searchsorted(gallery_ids, said[here, 1])
    other = pictures.same[task.queries[rows]] != pictures.same[task.places[places]]
    return Pairs(rows[other], places[other], len(task.queries))


def _check(task: _Task, truth: Truth, asked: Asked) -> None:
    """Say why there is nothing to measure."""
    if truth.counts.any():
        return
    where = f" among those that {asked.options}" if asked.queries or asked.gallery else ""
    lack, having = task.without_vector, ""
    if lack:
        where += f"; {lack:,} {'has' if lack == 1 else 'have'} no vector of it"
        having = f" with a vector of model {task.space.model}, output {task.space.output},"
    if asked.label is None:
        raise UsageError(f"no pair is of two pictures of the collection that have vectors{where}")
    if not len(task.queries) or not len(task.places):
        raise UsageError(f"no picture{having} has a value in column {asked.label}{where}")
    raise UsageError(
        f"no two pictures{having} have the same value in column {asked.label}{where}: "
        f"there is nothing to find"
    )


def _classes(task: _Task, outcomes: Outcomes) -> Iterator[ClassFigures]:
    """The figures of each class with queries, worst first."""
    labels = task.pictures.labels[task.queries[outcomes.rows]]
    numbers, inverse = np.unique(labels, return_inverse=True)
    sizes = np.bincount(inverse)
    sums = {name: np.bincount(inverse, values) for name, values in outcomes.figures.items()}
    order = np.lexsort([numbers, sums["recall@1"] / sizes, sums["map@r"] / sizes])
    for at in order.tolist():
        figures = {name: float(values[at] / sizes[at]) for name, values in sums.items()}
        yield ClassFigures(_text(task.pictures, int(numbers[at])), int(sizes[at]), figures)


def _text(pictures: Known, label: int) -> str:
    return "" if label < 0 else str(pictures.names[label])


def _worst(task: _Task, truth: Truth, outcomes: Outcomes, count: int) -> Iterator[JudgedQuery]:
    """The queries with the lowest MAP@R; of equal ones first those whose first right picture comes last."""
    last = np.where(outcomes.first > 0, -outcomes.first, np.iinfo(np.int64).min)
    order = np.lexsort([outcomes.rows, last, outcomes.figures["map@r"]])[:count]
    if not len(order):
        return
    rows = outcomes.rows[order]
    found = _found(task, rows)
    for at, row, (places, similarities) in zip(order.tolist(), rows.tolist(), found, strict=True):
        right = truth.belongs(np.array([row]), places[None])[0]
        yield JudgedQuery(
            *_named(task, int(task.queries[row])),
            first=int(outcomes.first[at]) or None,
            figures={name: float(values[at]) for name, values in outcomes.figures.items()},
            found=tuple(
                JudgedHit(*_named(task, int(task.places[place])), float(similarity), bool(is_right))
                for place, similarity, is_right in zip(places, similarities, right, strict=True)
            ),
        )


def _named(task: _Task, place: int) -> tuple[int, str, str]:
    """Id, path and label of a picture."""
    id_ = int(task.pictures.ids[place])
    path = task.gallery.get([id_])[0].path
    return id_, path, _text(task.pictures, int(task.pictures.labels[place]))


def _found(task: _Task, rows: Ints, count: int = FOUND) -> Sequence[tuple[Ints, Vectors]]:
    """What each of these queries finds first: places in the gallery and similarities."""
    same = task.pictures.same
    vectors = task.vectors(rows)
    places = nearest(vectors, task.blocks(), count, same[task.queries[rows]], same[task.places])
    kept = [line[line >= 0] for line in places]
    return [
        (line, cosines(vector, task.read(task.places[line])))
        for line, vector in zip(kept, vectors, strict=True)
    ]
