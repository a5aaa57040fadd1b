"""Recall, precision and MAP@R of a search, exactly and in blocks.

Definitions, for one query with R > 0 right pictures in the gallery:

- recall@k is 1 when one of the first k pictures found is right, else 0 (the usual meaning in metric
  learning, e.g. Oh Song et al., "Deep metric learning via lifted structured feature embedding", 2016);
- precision@k is the share of right pictures among the first k; with R < k it cannot reach 1;
- AP@R is the mean over the first R places of the precision at that place, where places with a wrong
  picture count 0 (Musgrave, Belongie, Lim, "A metric learning reality check", 2020, section 3.2).

The figures are means over all queries that have something to find. What is found is what an exact search
would find: cosines are summed in 64 bits and rounded to 32, and equal ones go to the earlier row.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lookalike.progress import Progress

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Truths = npt.NDArray[np.bool_]
Vectors = npt.NDArray[np.float32]

RECALL_AT = (1, 5, 10)
PRECISION_AT = (10,)
RESAMPLES = 1_000
"""Draws of a bootstrap: the ends of a 95 % interval are then the 25th and the 975th mean, sure to a
tenth of the interval's width."""

_NUMBERS = 1 << 21  # similarities held at once, of 8 bytes
_BLOCK = 8192  # rows of the gallery compared at once

Blocks = Callable[[], Iterable[tuple[int, Vectors]]]
"""Called for each pass over the gallery: the place of a block's first row, and its unit rows."""


class Truth(ABC):
    """Which pictures of a gallery belong to which query. A picture never belongs to itself.

    Attributes:
        counts: (q,) int64, how many pictures of the gallery belong to each query.
    """

    counts: Ints

    @abstractmethod
    def belongs(self, rows: Ints, places: Ints) -> Truths:
        """(b, m): whether the pictures at `places` (b, m) belong to the queries `rows` (b,)."""


class Labels(Truth):
    """What has the query's label belongs to it.

    Args:
        queries: (q,) int64, at least 0.
        gallery: (n,) likewise.
        same_queries: (q,) int64: pictures with the same number are one and the same.
        same_gallery: (n,) likewise.
    """

    def __init__(self, queries: Ints, gallery: Ints, same_queries: Ints, same_gallery: Ints) -> None:
        self._queries, self._gallery = queries, gallery
        sizes = np.bincount(gallery, minlength=int(queries.max(initial=0)) + 1)
        itself = _how_often(
            np.column_stack([queries, same_queries]), np.column_stack([gallery, same_gallery])
        )
        self.counts = sizes[queries] - itself

    def belongs(self, rows: Ints, places: Ints) -> Truths:
        return np.asarray(self._gallery[places] == self._queries[rows, None])


class Pairs(Truth):
    """What was paired with the query belongs to it.

    Args:
        queries: (p,) int64, rows of the queries.
        places: (p,) int64, the place in the gallery of the one that belongs to it; a pair may be
            named several times, and none is of a picture with itself.
        count: how many queries there are.
    """

    def __init__(self, queries: Ints, places: Ints, count: int) -> None:
        pairs = np.unique(np.column_stack([queries, places]), axis=0).reshape(-1, 2)
        self._base = int(places.max(initial=0)) + 1
        self._keys = pairs[:, 0] * self._base + pairs[:, 1]
        self.counts = np.bincount(pairs[:, 0], minlength=count)

    def belongs(self, rows: Ints, places: Ints) -> Truths:
        keys = rows[:, None] * self._base + places
        found = np.searchsorted(self._keys, keys).clip(max=len(self._keys) - 1)
        return np.asarray((self._keys[found] == keys) & (places < self._base))


def _how_often(wanted: Ints, among: Ints) -> Ints:
    """(q,) how often each row of `wanted` (q, 2) is one of `among` (n, 2)."""
    _, inverse = np.unique(np.concatenate([wanted, among]), axis=0, return_inverse=True)
    inverse = inverse.reshape(-1)
    times = np.bincount(inverse[len(wanted) :], minlength=int(inverse.max(initial=-1)) + 1)
    return np.asarray(times[inverse[: len(wanted)]])


@dataclass(frozen=True, slots=True, eq=False)
class Outcomes:
    """How each query went. Rows are those queries that had something to find.

    Attributes:
        rows: (m,) int64, which queries; ascending.
        first: (m,) int64, rank of the first right picture, from 1; 0 when it is not among the first
            max(R, 10).
        figures: by name, e.g. `recall@1`, `precision@10`, `map@r`: (m,) float64 in [0, 1].
    """

    rows: Ints
    first: Ints
    figures: Mapping[str, Floats]

    def means(self) -> dict[str, float]:
        """The figures; nan without any query."""
        return {name: float(v.mean()) if len(v) else float("nan") for name, v in self.figures.items()}


def evaluate(
    vectors: Callable[[Ints], Vectors],
    blocks: Blocks,
    truth: Truth,
    same_queries: Ints,
    same_gallery: Ints,
    progress: Progress | None = None,
) -> Outcomes:
    """Search for every query that has something to find, exactly.

    Memory does not grow with the gallery: some queries at a time meet 8,192 rows at a time, and of each
    query the first max(R, 10) pictures are kept.

    Args:
        vectors: the unit rows (b, d) of some queries.
        blocks: the gallery.
        truth: what belongs together.
        same_queries: (q,) int64; a picture of the gallery with the query's number is the query itself
            and left out.
        same_gallery: (n,) likewise.
        progress: called with queries done, and of how many.
    """
    rows = np.flatnonzero(truth.counts > 0)
    wanted = np.maximum(truth.counts[rows], max(*RECALL_AT, *PRECISION_AT))
    order = np.argsort(wanted, kind="stable")  # queries with equally long lists go together
    first = np.zeros(len(rows), np.int64)
    figures = {name: np.zeros(len(rows)) for name in _names()}
    done = 0
    for part in _parts(order, wanted[order]):
        asked = rows[part]
        places = nearest(vectors(asked), blocks, int(wanted[part].max()), same_queries[asked], same_gallery)
        right = truth.belongs(asked, places.clip(min=0)) & (places >= 0)
        first[part] = np.where(right.any(axis=1), right.argmax(axis=1) + 1, 0)
        for name, values in _figures(right, truth.counts[asked]).items():
            figures[name][part] = values
        done += len(part)
        if progress:
            progress(done, len(rows))
    return Outcomes(rows, first, figures)


def _names() -> list[str]:
    return [*(f"recall@{k}" for k in RECALL_AT), *(f"precision@{k}" for k in PRECISION_AT), "map@r"]


def _figures(right: Truths, counts: Ints) -> dict[str, Floats]:
    """The figures of some queries.

    Args:
        right: (b, m) whether the picture at each place is right.
        counts: (b,) R.
    """
    found = {f"recall@{k}": right[:, :k].any(axis=1).astype(float) for k in RECALL_AT}
    found |= {f"precision@{k}": right[:, :k].sum(axis=1) / k for k in PRECISION_AT}
    place = np.arange(1, right.shape[1] + 1)
    counted = right & (place <= counts[:, None])
    precisions = np.cumsum(counted, axis=1) / place
    found["map@r"] = (precisions * counted).sum(axis=1) / counts
    return found


def _parts(order: Ints, wanted: Ints) -> Iterator[Ints]:
    """The queries in parts that fit into memory, by ascending length of their lists."""
    start = 0
    while start < len(order):
        size = max(1, min(1024, _NUMBERS // (_BLOCK + int(wanted[start]))))
        size = max(1, min(size, _NUMBERS // (_BLOCK + int(wanted[start : start + size][-1]))))
        yield order[start : start + size]
        start += size


def nearest(queries: Vectors, blocks: Blocks, count: int, same: Ints, same_gallery: Ints) -> Ints:
    """The places of the `count` most similar rows of each query, best first.

    Args:
        queries: (q, d) unit rows.
        blocks: the gallery.
        count: how many.
        same: (q,) rows of the gallery with this number are left out.
        same_gallery: (n,) the rows' numbers.

    Returns:
        (q, m) int64, m <= count; -1 behind the last.
    """
    wide = queries.astype(np.float64)
    scores, places = np.empty((len(queries), 0), np.float32), np.empty((len(queries), 0), np.int64)
    for start, rows in _cut(blocks()):
        found = np.clip(wide @ rows.astype(np.float64).T, -1, 1).astype(np.float32)
        found[same[:, None] == same_gallery[start : start + len(rows)]] = -np.inf
        here = np.broadcast_to(np.arange(start, start + len(rows)), found.shape)
        scores, places = np.hstack([scores, found]), np.hstack([places, here])
        kept = _best(scores, count)
        scores, places = scores[kept].reshape(len(queries), -1), places[kept].reshape(len(queries), -1)
    order = np.argsort(-scores, axis=1, kind="stable")  # places ascend, so equal scores keep their order
    sorted_places = np.take_along_axis(places, order, 1)
    sorted_places[np.isneginf(np.take_along_axis(scores, order, 1))] = -1
    return sorted_places


def _cut(blocks: Iterable[tuple[int, Vectors]]) -> Iterator[tuple[int, Vectors]]:
    for start, rows in blocks:
        for low in range(0, len(rows), _BLOCK):
            yield start + low, rows[low : low + _BLOCK]


def _best(scores: Vectors, count: int) -> Truths:
    """(q, n), `count` of each row true: the highest, of equal ones the first."""
    if scores.shape[1] <= count:
        return np.ones(scores.shape, np.bool_)
    least = np.partition(scores, -count, axis=1)[:, -count, None]
    above, equal = scores > least, scores == least
    room = count - above.sum(axis=1, keepdims=True)
    return np.asarray(above | (equal & (np.cumsum(equal, axis=1) <= room)))


# --- how sure --------------------------------------------------------------------------------


def interval(values: Floats, *, level: float = 0.95) -> tuple[float, float]:
    """Bootstrap interval of a mean, by query: the percentiles of the means of `RESAMPLES` draws (Efron and
    Tibshirani, "An introduction to the bootstrap", 1993, section 13.3). Always the same draws.

    Args:
        values: (m,) one for each query.
        level: how much of the draws lies within.

    Returns:
        Its ends; both nan without values.
    """
    if not len(values):
        return float("nan"), float("nan")
    draw = np.random.default_rng(0)
    means = [values[draw.integers(len(values), size=len(values))].mean() for _ in range(RESAMPLES)]
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
