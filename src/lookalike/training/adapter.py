"""The adapter: a linear map of a model's vectors, in closed form, that brings together what belongs together.

Shrunken linear discriminant analysis (Fisher, "The use of multiple measurements in taxonomic problems",
1936; Friedman, "Regularized discriminant analysis", 1989). With W the covariance of pictures around the
mean of their class and B that of the means, directions are sought along which B is large in proportion to

    S = (1 - shrinkage) W + shrinkage (tr W / d) I

that is, the solutions of B w = λ S w with the largest λ. Each is weighted with the share of its variance that
lies between classes, λ / (1 + λ), as in probabilistic LDA (Ioffe, "Probabilistic linear discriminant
analysis", 2006). No step is iterated.

Shrinkage, dimension and whether vectors are centred are chosen by cross-validation within the part that is
not held out. Pictures that are near-copies of each other go into the same part, or else a map would be
praised for finding what it was shown.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt

from lookalike.evaluation.retrieval import Labels, Outcomes, evaluate
from lookalike.models.linear_map import LinearMap
from lookalike.vectors import Vectors

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

MOST_PICTURES = 10_000
"""Pictures it is fitted on; of more, as many of each class."""

FEWEST_QUERIES = 10
"""With fewer pictures held out nothing can be said about the model."""

NEAR, NEAR_BITS = 0.95, 20
"""Pictures of one class with a larger cosine, and at most so many of 64 bits of the perceptual hash
different, count as near-copies. Of photos of one product that were not taken in one go, one in a hundred
has a neighbour with such a cosine (grocery, output `plain`); unrelated hashes differ in 32 bits."""

SHRINKAGES = (0.05, 0.1, 0.2, 0.35, 0.5, 0.75)
LONGEST = 256
"""Numbers of a mapped vector at most."""

_SHARES = (1.0, 0.5)  # of the directions there are that are kept
_FEW = 32  # with fewer directions between the classes, directions of all variance are kept beside them
_BESIDE, _VARIANCE, _SAMPLE = 64, 0.1, 256  # how many directions then, how weighted, from how many pictures
PARTS = 5  # one is held out, the others are what is cross-validated
_QUERIES = 400  # of a part that are searched for when a choice is judged


@dataclass(frozen=True, slots=True)
class Choice:
    """What is chosen by cross-validation.

    Attributes:
        shrinkage: in (0, 1].
        share: of the directions there are that are kept, in (0, 1].
        centred: whether the mean of all vectors is subtracted first.
    """

    shrinkage: float
    share: float
    centred: bool


CHOICES = tuple(Choice(*choice) for choice in product(SHRINKAGES, _SHARES, (True, False)))


@dataclass(frozen=True, slots=True, eq=False)
class Examples:
    """What an adapter is fitted on.

    Attributes:
        vectors: (n, d) float32 unit rows.
        labels: (n,) int64 classes, 0 to C - 1.
        same: (n,) int64, equal for pictures with the same bytes.
        hashes: (n,) uint64 perceptual hashes.
        apart: (p, 2) int64 rows that do not belong together; may be none.
    """

    vectors: Vectors
    labels: Ints
    same: Ints
    hashes: npt.NDArray[np.uint64]
    apart: Ints

    def take(self, rows: Ints) -> Examples:
        """Some of the examples, in this order, and those of `apart` that are among them."""
        place = np.full(len(self.labels), -1)
        place[rows] = np.arange(len(rows))
        apart = place[self.apart].reshape(-1, 2)
        kept = apart[(apart >= 0).all(axis=1)]
        return Examples(self.vectors[rows], self.labels[rows], self.same[rows], self.hashes[rows], kept)


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """An adapter, and how good it is.

    Attributes:
        map: fitted on all examples.
        choice: what cross-validation chose.
        held_out: (h,) int64 rows of the examples on which `trial` is judged.
        trial: (n, m) float32 unit rows: all examples by a map fitted without those held out.
    """

    map: LinearMap
    choice: Choice
    held_out: Ints
    trial: Vectors


def fit(examples: Examples, parts: Ints) -> Fitted:
    """Fit an adapter; the same one for the same examples.

    Args:
        examples: at most some ten thousand.
        parts: (n,) int64 as `split` gives; part 0 is held out.
    """
    import scipy.linalg  # noqa: F401 - its threads are limited only when it is there already
    from threadpoolctl import threadpool_limits

    # One thread: the matrices are small, and threads that wait for each other cost ten times as much
    # when somebody else uses the machine as well. Sums do not depend on how many there are, either.
    with threadpool_limits(1):
        shown = np.flatnonzero(parts != 0)
        choice = choose(examples.take(shown), parts[shown])
        trial = discriminant(examples.take(shown), choice).apply(examples.vectors)
        return Fitted(discriminant(examples, choice), choice, np.flatnonzero(parts == 0), trial)


# --- splitting -------------------------------------------------------------------------------


def split(examples: Examples, seen: Bools | None = None) -> Ints:
    """(n,) the part of each example, 0 to 4: near-copies go together, each class is spread over all.

    Args:
        examples: what is split.
        seen: (n,) which of them are not fit to judge by, since what is judged has learned from them: they
            and near-copies of them are not in part 0, and others take their place; None for none.
    """
    groups = _by_chance(near_copies(examples))
    parts = _dealt(examples.labels, groups)
    if seen is not None and seen.any():
        _swap_seen(parts, examples.labels, groups, np.bincount(groups, seen) > 0)
    return parts


def _by_chance(groups: Ints) -> Ints:
    """The same groups, with other numbers."""
    return np.random.default_rng(0).permutation(int(groups.max(initial=-1)) + 1)[groups]


def _dealt(labels: Ints, groups: Ints) -> Ints:
    """(n,) parts, to which the groups of each class are dealt in turn."""
    parts = np.zeros(len(groups), np.int64)
    next_part = 0
    for rows in _by_class(labels):
        for group in np.unique(groups[rows]).tolist():
            parts[rows[groups[rows] == group]] = next_part % PARTS
            next_part += 1
    return parts


def _swap_seen(parts: Ints, labels: Ints, groups: Ints, seen: Bools) -> None:
    """Take the seen groups out of part 0: each changes places with one of its class that is not seen, or,
    where there is none, goes to the others in turn."""
    next_part = 0
    for rows in _by_class(labels):
        mine, first = np.unique(groups[rows], return_index=True)
        judging = parts[rows[first]] == 0
        fresh = mine[~judging & ~seen[mine]].tolist()
        for group in mine[judging & seen[mine]].tolist():
            if fresh:
                other = rows[groups[rows] == fresh.pop(0)]
                part, parts[other] = parts[other[0]], 0
            else:
                part, next_part = 1 + next_part % (PARTS - 1), next_part + 1
            parts[rows[groups[rows] == group]] = part


def near_copies(examples: Examples) -> Ints:
    """(n,) a number for each example, equal for near-copies of one class: those like the first of them."""
    groups = np.full(len(examples.labels), -1, np.int64)
    number = 0
    for rows in _by_class(examples.labels):
        vectors, same, hashes = examples.vectors[rows], examples.same[rows], examples.hashes[rows]
        for at in range(len(rows)):
            if groups[rows[at]] < 0:
                alike = np.bitwise_count(hashes ^ hashes[at]) <= NEAR_BITS
                like = (alike & (vectors @ vectors[at] >= NEAR)) | (same == same[at])
                like[at] = True
                groups[rows[like & (groups[rows] < 0)]] = number
                number += 1
    return groups


def _by_class(labels: Ints) -> Iterator[Ints]:
    """The rows of each class."""
    order = np.argsort(labels, kind="stable")
    yield from np.split(order, np.flatnonzero(np.diff(labels[order])) + 1) if len(order) else ()


def sample(labels: Ints, most: int = MOST_PICTURES) -> Ints:
    """The rows of at most so many pictures, ascending: as many of each class, drawn by chance."""
    if len(labels) <= most:
        return np.arange(len(labels))
    dice = np.random.default_rng(0).permutation(len(labels))
    turn = np.empty(len(labels), np.int64)
    for rows in _by_class(labels):
        turn[rows[np.argsort(dice[rows])]] = np.arange(len(rows))
    return np.sort(np.lexsort([dice, turn])[:most])


# --- choosing --------------------------------------------------------------------------------


def choose(examples: Examples, parts: Ints) -> Choice:
    """The best choice by MAP@R of each part's pictures among those of the other parts, found by a map that
    was fitted on the other parts. Of those within one standard error of the best (Hastie, Tibshirani,
    Friedman, "The elements of statistical learning", 2009, section 7.10) the one with the most directions is
    taken, and of these the one with the most shrinkage: directions that are of no use among the pictures that
    were held out may be in a search for other photos (docs/training-trials.md)."""
    values: list[list[Floats]] = [[] for _ in CHOICES]
    for part in np.unique(parts).tolist():
        rows = np.flatnonzero(parts != part)
        others, fresh = examples.take(rows), np.flatnonzero(parts == part)
        known = scatter(others)
        solved = {shrinkage: directions(known, shrinkage) for shrinkage in SHRINKAGES}
        for at, choice in enumerate(CHOICES):
            mapped = solved[choice.shrinkage].map(choice).apply(examples.vectors)
            values[at].append(outcomes(mapped, examples, _some(fresh), rows).figures["map@r"])
    scores = [np.concatenate(found) for found in values]
    means = np.array([score.mean() if len(score) else 0.0 for score in scores])
    best = int(means.argmax())
    least = means[best] - scores[best].std() / np.sqrt(max(1, len(scores[best])))
    alike = [
        choice
        for choice, mean in zip(CHOICES, means, strict=True)
        if mean >= least and choice.centred == CHOICES[best].centred
    ]
    return max(alike, key=lambda choice: (choice.share, choice.shrinkage))


def _some(rows: Ints) -> Ints:
    return rows if len(rows) <= _QUERIES else np.sort(np.random.default_rng(0).permutation(rows)[:_QUERIES])


def outcomes(vectors: Vectors, examples: Examples, queries: Ints, gallery: Ints) -> Outcomes:
    """How the search for some examples among others goes, with these vectors of all."""
    labels, same = examples.labels, examples.same
    truth = Labels(labels[queries], labels[gallery], same[queries], same[gallery])
    return evaluate(
        lambda rows: vectors[queries[rows]],
        lambda: [(0, vectors[gallery])],
        truth,
        same[queries],
        same[gallery],
    )


# --- the closed form -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class _Directions:
    """Where classes lie apart, by descending share of the variance between them.

    Attributes:
        centre: (d,) the mean of all vectors.
        weights: (d, r).
    """

    centre: Floats
    weights: Floats

    def map(self, choice: Choice) -> LinearMap:
        count = max(1, round(self.weights.shape[1] * choice.share))
        centre = self.centre if choice.centred else np.zeros_like(self.centre)
        return LinearMap.rounded(centre, self.weights[:, :count])


@dataclass(frozen=True, slots=True, eq=False)
class _Scatter:
    """What the closed form needs of some examples, whatever the shrinkage.

    Attributes:
        centre: (d,) the mean.
        residuals: (n, d) how each differs from the mean of its class, over √n.
        between: (b, d) rows whose squares sum to B.
        square: the smaller of residuals·residualsᵀ (n, n) and residualsᵀ·residuals (d, d).
        count: directions to keep at most.
    """

    centre: Floats
    residuals: Floats
    between: Floats
    square: Floats
    count: int


def scatter(examples: Examples) -> _Scatter:
    """The scatter within and between the classes."""
    vectors = examples.vectors.astype(np.float64)
    number, length = vectors.shape
    centre = vectors.mean(axis=0)
    vectors -= centre
    means, residuals, sizes = _classes(vectors, examples.labels)
    residuals /= np.sqrt(number)
    rows = [means * np.sqrt(sizes / number)[:, None], _apart(examples, vectors)]
    count = min(len(means) - 1 + len(examples.apart), LONGEST, length)
    if count < _FEW:
        some = vectors[sample(np.zeros(number, np.int64), _SAMPLE)]
        rows.append(some * np.sqrt(_VARIANCE / len(some)))
        count = min(_BESIDE, length)
    square = residuals @ residuals.T if number < length else residuals.T @ residuals
    return _Scatter(centre, residuals, np.concatenate(rows), square, count)


def discriminant(examples: Examples, choice: Choice) -> LinearMap:
    """The map of a choice, fitted on all of these examples."""
    return directions(scatter(examples), choice.shrinkage).map(choice)


def directions(known: _Scatter, shrinkage: float) -> _Directions:
    """The closed form above, for one shrinkage.

    The directions w with B w = λ S w are S⁻¹ Zᵀ u, where Z are the rows of `between` and u the
    eigenvectors of Z S⁻¹ Zᵀ, a matrix as small as there are classes.
    """
    rows = known.between
    if len(rows) > 2 * LONGEST:
        rows = _fewer(rows, 2 * LONGEST)
    solved = _solved(known, shrinkage, rows)
    values, vectors = np.linalg.eigh(rows @ solved)
    values, vectors = values[::-1][: known.count], vectors[:, ::-1][:, : known.count]
    kept = values > 1e-9 * max(float(values[0]), 1e-30)
    values, vectors = values[kept], vectors[:, kept]
    turned = solved @ vectors / np.sqrt(values)
    return _Directions(known.centre, turned * _sign(turned) * np.sqrt(values / (1 + values)))


def _solved(known: _Scatter, shrinkage: float, rows: Floats) -> Floats:
    """S⁻¹ rowsᵀ, (d, b); with fewer examples than numbers by Woodbury's identity and the smaller square."""
    from scipy.linalg import cho_factor, cho_solve

    length = known.residuals.shape[1]
    level = max(shrinkage * float(np.trace(known.square)) / length, 1e-9)
    square = (1 - shrinkage) * known.square
    square[np.diag_indices_from(square)] += level
    factor = cho_factor(square, overwrite_a=True)
    if len(known.residuals) >= length:
        return np.asarray(cho_solve(factor, rows.T))
    inner = cho_solve(factor, known.residuals @ rows.T)
    return np.asarray((rows.T - (1 - shrinkage) * (known.residuals.T @ inner)) / level)


def _fewer(rows: Floats, count: int) -> Floats:
    """(count, d) rows with about the same sum of squares, for thousands of classes: by random projection
    with fixed dice (Halko, Martinsson, Tropp, "Finding structure with randomness", 2011)."""
    from sklearn.utils.extmath import randomized_svd

    _, values, turned = randomized_svd(rows, count, random_state=0)
    return np.asarray(values[:, None] * turned)


def _classes(vectors: Floats, labels: Ints) -> tuple[Floats, Floats, Floats]:
    """The mean of each class that there is, how each row differs from its class's, and the classes' sizes."""
    _, label = np.unique(labels, return_inverse=True)
    sizes = np.bincount(label).astype(float)
    sums = np.zeros((len(sizes), vectors.shape[1]))
    np.add.at(sums, label, vectors)
    means = sums / sizes[:, None]
    return means, vectors - means[label], sizes


def _apart(examples: Examples, vectors: Floats) -> Floats:
    """Differences of pictures that do not belong together: each pair counts as one picture."""
    first, second = examples.apart.T
    return np.asarray((vectors[first] - vectors[second]) / np.sqrt(2 * len(vectors)))


def _sign(columns: Floats) -> Floats:
    """Signs that make the largest number of each column positive: which of both is found is chance."""
    largest = np.abs(columns).argmax(axis=0)
    return np.asarray(np.sign(columns[largest, np.arange(columns.shape[1])]))


def groups_of(count: int, pairs: Sequence[tuple[int, int]]) -> Ints:
    """(count,) a class for each picture: those that pairs join, directly or over others, have the same."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    first, second = (np.array([pair[side] for pair in pairs], np.int64) for side in (0, 1))
    graph = coo_array((np.ones(len(pairs), bool), (first, second)), (count, count))
    return np.asarray(connected_components(graph, directed=False)[1], np.int64)
