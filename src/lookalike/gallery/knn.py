"""The nearest of many vectors, for many queries at once: FAISS proposes, exact cosines decide.

Answers depend on the vectors alone: a cosine is summed in 64 bits (bit for bit what
`vectors.cosines` gives), and of equally near vectors the first ones are taken, however many there
are. Places are positions in the array searched, -1 where there are fewer than asked for; the
similarity is -inf there.

The products of matrices are FAISS's, which `in_threads` keeps to one thread each: many small products side
by side are faster than each spread over all threads, above all when others use the machine as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from lookalike.gallery.base import Ids, Vectors

Places = npt.NDArray[np.int32]
Task = TypeVar("Task")
Result = TypeVar("Result")

_MARGIN = 8  # candidates more than asked for; when that does not settle it, all that may belong are compared
_AT_ONCE = 512  # rows compared exactly at once: 512 x 40 x 256 products of 8 bytes are 40 MB


@dataclass(frozen=True, slots=True)
class Lists:
    """The nearest of each of q queries.

    Attributes:
        places: (q, count) int32, most similar first, ties by ascending place; -1 for none.
        similarities: (q, count) float32 cosines; -inf for none.
    """

    places: Places
    similarities: Vectors

    @classmethod
    def empty(cls, queries: int, count: int) -> Lists:
        """Nothing found yet."""
        shape = (queries, count)
        return cls(np.full(shape, -1, np.int32), np.full(shape, -np.inf, np.float32))

    def take(self, rows: Any) -> Lists:
        """The lists of some queries."""
        return Lists(self.places[rows], self.similarities[rows])

    def put(self, rows: Any, lists: Lists) -> None:
        """Replace the lists of some queries."""
        self.places[rows], self.similarities[rows] = lists.places, lists.similarities

    def merged(self, other: Lists) -> Lists:
        """The nearest of both, which name different places; as many as this one has."""
        places = np.hstack([self.places, other.places])
        similarities = np.hstack([self.similarities, other.similarities])
        return _best(places, similarities, self.places.shape[1])


def nearest_rows(queries: Vectors, base: Vectors, count: int, own: Ids | None = None) -> Lists:
    """The `count` nearest of the base for each query, exactly.

    Args:
        queries: (q, d) float32 canonical rows.
        base: (b, d) float32 canonical rows.
        count: how many, at least 1.
        own: (q,) a place for each query that is left out, -1 for none.
    """
    if not len(queries) or not len(base):
        return Lists.empty(len(queries), count)
    own = np.full(len(queries), -1) if own is None else own
    wanted = min(count + 1 + _MARGIN, len(base))
    scores, places = _faiss().knn(queries, base, wanted, metric=_faiss().METRIC_INNER_PRODUCT)
    places = places.astype(np.int32)
    similarities = _cosines(queries, base, places)
    left_out = places == own[:, None]
    similarities[left_out], places[left_out] = -np.inf, -1
    found = _padded(_best(places, similarities, min(count, wanted)), count)
    if wanted < len(base):
        last = found.similarities[:, -1]
        rounding = _rounding(queries)
        for row in np.flatnonzero(scores[:, -1] >= last - rounding):
            found.put(row, _reaching(queries[row], base, last[row] - rounding, count, int(own[row])))
    return found


def nearest_in_blocks(
    queries: Vectors, blocks: Iterable[tuple[int, Vectors]], count: int, own: Ids | None = None
) -> Lists:
    """As `nearest_rows`, with the base in parts.

    Args:
        queries: (q, d) float32 canonical rows.
        blocks: the place of the first row, and the rows.
        count: how many, at least 1.
        own: (q,) a place for each query that is left out, -1 for none.
    """
    best = Lists.empty(len(queries), count)
    for start, base in blocks:
        found = nearest_rows(queries, base, count, None if own is None else own - start)
        found.places[found.places >= 0] += start
        best = best.merged(found)
    return best


def reached(queries: Vectors, base: Vectors) -> Vectors:
    """(q,) float32: no row of the base is more similar to the query than this, and hardly less."""
    scores = _faiss().knn(queries, base, 1, metric=_faiss().METRIC_INNER_PRODUCT)[0]
    return np.asarray(scores[:, 0] + _rounding(queries))


def in_threads(work: Callable[[Task], Result], tasks: Iterable[Task]) -> Iterator[Result]:
    """The results of some work in the order of its tasks, with one thread for each processor.

    All tasks are put into a queue at once: their results are to be small.
    """
    alone = _faiss().omp_set_num_threads  # of the thread that calls it
    with ThreadPoolExecutor(_faiss().omp_get_max_threads(), "knn", alone, (1,)) as pool:
        yield from pool.map(work, tasks)


def most_similar(rows: Vectors, others: Vectors, count: int) -> Ids:
    """(n, m) int64: for each row the places of the `count` most similar others, about, best first."""
    count = min(count, len(others))
    return np.asarray(_faiss().knn(rows, others, count, metric=_faiss().METRIC_INNER_PRODUCT)[1])


def centres(rows: Vectors, count: int) -> Vectors:
    """At most `count` unit vectors, (c, d) float32, in the middle of groups of these rows (k-means)."""
    means = _faiss().Kmeans(
        rows.shape[1], count, niter=6, spherical=True, seed=1,
        min_points_per_centroid=1, max_points_per_centroid=64,
    )  # fmt: skip
    means.train(rows)
    return np.asarray(means.centroids, np.float32)


def trained_centres(rows: Vectors, count: int) -> Vectors:
    """The best of five runs of spherical k-means: (c, d) float32, at most `count` different unit vectors.

    With one thread, which gives the same bits as two. On two processors that others used as well, 100 of
    25,600 rows of 256 numbers took 4.6 seconds, and with two threads 15 to 20.
    """
    means = _faiss().Kmeans(
        rows.shape[1], count, niter=25, nredo=5, spherical=True, seed=1,
        min_points_per_centroid=1, max_points_per_centroid=len(rows),
    )  # fmt: skip
    with _one_thread():
        means.train(rows)
    return np.unique(np.asarray(means.centroids, np.float32), axis=0)


def _best(places: Places, similarities: Vectors, count: int) -> Lists:
    # Twice a stable sort: by place first, then by similarity. Pads (-inf) come last.
    order = np.argsort(places, axis=1)
    order = np.take_along_axis(
        order, np.argsort(-np.take_along_axis(similarities, order, 1), axis=1, kind="stable"), 1
    )[:, :count]
    return Lists(np.take_along_axis(places, order, 1), np.take_along_axis(similarities, order, 1))


def _padded(lists: Lists, count: int) -> Lists:
    padded = Lists.empty(len(lists.places), count)
    padded.places[:, : lists.places.shape[1]] = lists.places
    padded.similarities[:, : lists.places.shape[1]] = lists.similarities
    return padded


def _cosines(queries: Vectors, base: Vectors, places: Places) -> Vectors:
    """(q, c): the cosine of each query with the rows of the base at its places."""
    similarities = np.empty(places.shape, np.float32)
    for start in range(0, len(queries), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        products = base[places[part]].astype(np.float64)
        products *= queries[part, None]
        similarities[part] = np.clip(np.add.reduce(products, axis=2), -1.0, 1.0)
    return similarities


def _reaching(query: Vectors, base: Vectors, score: float, count: int, own: int) -> Lists:
    """The nearest of all rows with at least this score: there may be many equal ones."""
    among = np.flatnonzero(base @ query >= score - _rounding(base))
    among = among[among != own].astype(np.int32)[None]
    return _padded(_best(among, _cosines(query[None], base, among), count), count).take(0)


def _rounding(vectors: Vectors) -> float:
    """The most that a sum of 32-bit products can be off for unit vectors."""
    return float(vectors.shape[1] * 2.0**-24)


def _faiss() -> Any:
    """FAISS, imported at first use; its own type hints leave out what it adds in Python."""
    import faiss

    return faiss


@contextmanager
def _one_thread() -> Iterator[None]:
    """FAISS uses one: two that wait for each other take 80 ms on a busy machine for what one does in 1."""
    threads = _faiss().omp_get_max_threads()
    _faiss().omp_set_num_threads(1)
    try:
        yield
    finally:
        _faiss().omp_set_num_threads(threads)


def within_bits(
    a: npt.NDArray[np.uint8], b: npt.NDArray[np.uint8], most: int
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], npt.NDArray[np.int32]]:
    """All pairs of rows that differ in few bits.

    Args:
        a: (n, bytes) uint8.
        b: (m, bytes) uint8.
        most: bits in which a pair may differ.

    Returns:
        The rows in a, ascending; in b, for each of these ascending; and in how many bits they differ.
    """
    faiss = _faiss()
    index = faiss.IndexBinaryFlat(8 * b.shape[1])
    index.add(np.ascontiguousarray(b))
    with _one_thread():
        ends, bits, rows = index.range_search(np.ascontiguousarray(a), most + 1)
    return np.repeat(np.arange(len(a)), np.diff(ends.astype(np.intp))), rows.astype(np.intp), bits
