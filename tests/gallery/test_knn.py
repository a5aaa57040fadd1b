"""Nearest rows of arrays, against comparing each with each."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lookalike.gallery import all_nearest, knn
from lookalike.gallery.all_nearest import Rows
from lookalike.gallery.base import Vectors
from lookalike.vectors import canonical, cosines


def drawn(count: int, seed: int, dimension: int = 8, kinds: int | None = None) -> Vectors:
    """Unit vectors; with `kinds`, only so many different ones."""
    rows = np.random.default_rng(seed).standard_normal((kinds or count, dimension))
    return canonical(rows[np.random.default_rng(seed).integers(0, kinds, count)] if kinds else rows)


@settings(deadline=None)
@given(
    seed=st.integers(0, 10**6),
    queries=st.integers(0, 40),
    base=st.integers(0, 200),
    kinds=st.sampled_from([None, 1, 4]),
    count=st.integers(1, 30),
    cut=st.integers(0, 200),
)
def test_nearest_rows_are_those_of_comparing_each(
    seed: int, queries: int, base: int, kinds: int | None, count: int, cut: int
) -> None:
    rows = drawn(base, seed, kinds=kinds)
    asked = rows[:queries]
    own = np.arange(len(asked))
    blocks = [(0, rows[:cut]), (min(cut, base), rows[cut:])]
    for found in (
        knn.nearest_rows(asked, rows, count, own),
        knn.nearest_in_blocks(asked, blocks, count, own),
    ):
        for row, query in enumerate(asked):
            exact = cosines(query, rows)
            exact[row] = -np.inf
            order = np.lexsort((np.arange(base), -exact))[: min(count, base - 1)]
            assert found.places[row][: len(order)].tolist() == order.tolist()
            assert (found.similarities[row][: len(order)] == exact[order]).all()
            assert (found.places[row][len(order) :] == -1).all()


def test_vectors_held_in_sixteen_bits_are_the_same() -> None:
    vectors = np.concatenate([drawn(3000, 1, 3), drawn(1000, 2, 3)])  # short rows round worst
    wide, narrow = Rows(4000, 3), Rows(all_nearest.LARGEST_FLOAT32 + 1, 3)
    for rows in (wide, narrow):
        for start in range(0, 4000, 999):
            rows.append(vectors[start : start + 999])
        assert len(rows) == 4000
        assert (rows[np.arange(3999, -1, -1)] == vectors[::-1]).all()
        assert (np.concatenate([part for _, part in rows.blocks()]) == vectors).all()
        odd = np.arange(4000) % 2 == 1
        assert (rows.only(odd)[np.arange(2000)] == vectors[odd]).all()
    assert narrow._held.dtype == np.float16


def test_no_row_is_nearer_than_what_is_reached() -> None:
    rows = drawn(2000, 1, 64)
    exact = np.array([cosines(row, rows[100:]).max() for row in rows[:100]])
    reached = knn.reached(rows[:100], rows[100:])
    assert (reached >= exact).all()
    assert (reached < exact + 1e-4).all()


def test_work_in_threads_comes_back_in_order_with_its_errors() -> None:
    assert list(knn.in_threads(lambda n: n * n, range(100))) == [n * n for n in range(100)]
    with pytest.raises(ZeroDivisionError):
        list(knn.in_threads(lambda n: 1 // n, [2, 1, 0, 3]))


def test_a_cut_is_into_parts_that_are_all_there() -> None:
    for kinds in (None, 1, 2, 30):
        rows = Rows(1000, 8)
        rows.append(drawn(1000, 3, kinds=kinds))
        parts = all_nearest._split(rows, np.arange(1000), 20)
        assert sorted(np.concatenate(parts).tolist()) == list(range(1000))
        assert max(map(len, parts)) <= 30


@given(st.integers(0, 1000), st.integers(0, 30), st.integers(0, 30), st.integers(0, 40))
def test_within_bits_is_what_counting_bits_gives(seed: int, n: int, m: int, most: int) -> None:
    dice = np.random.default_rng(seed)
    a, b = (np.packbits(dice.random((count, 64)) < 0.2, axis=1).reshape(-1, 8) for count in (n, m))
    far = np.bitwise_count(a[:, None] ^ b).sum(axis=2)
    i, j, bits = knn.within_bits(a, b, most)
    expected = np.nonzero(far <= most)
    assert np.array_equal(i, expected[0])
    assert np.array_equal(j, expected[1])
    assert np.array_equal(bits, far[expected])


def test_means_are_trained_with_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    import faiss

    used: list[int] = []
    train = faiss.Kmeans.train

    def watched(means: object, rows: np.ndarray) -> object:
        used.append(faiss.omp_get_max_threads())
        return train(means, rows)

    monkeypatch.setattr(faiss.Kmeans, "train", watched)
    before = faiss.omp_get_max_threads()
    rows = np.eye(8, dtype=np.float32)
    faiss.omp_set_num_threads(2)
    try:
        assert knn.trained_centres(rows, 3).shape == (3, 8)
        assert (used, faiss.omp_get_max_threads()) == ([1], 2)
    finally:
        faiss.omp_set_num_threads(before)
