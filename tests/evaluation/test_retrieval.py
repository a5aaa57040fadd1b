"""The figures against the obvious way of computing them, and how ties and selves are treated."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike.evaluation import retrieval
from lookalike.evaluation.retrieval import Labels, Outcomes, Pairs, evaluate, interval, nearest
from lookalike.vectors import Vectors, canonical, cosines


def slowly(
    queries: Vectors,
    gallery: Vectors,
    right: Sequence[set[int]],
    same: Sequence[int],
    same_gallery: Sequence[int],
) -> dict[int, dict[str, float]]:
    """The figures of each query with something to find, one list after the other."""
    figures = {}
    for row, query in enumerate(queries):
        scores = cosines(query, gallery)
        order = [p for p in range(len(gallery)) if same_gallery[p] != same[row]]
        order.sort(key=lambda p: (-float(scores[p]), p))
        wanted = {p for p in right[row] if same_gallery[p] != same[row]}
        if not wanted:
            continue
        hits = [p in wanted for p in order]
        r = len(wanted)
        precisions = [sum(hits[: i + 1]) / (i + 1) if hits[i] else 0.0 for i in range(r)]
        figures[row] = {f"recall@{k}": float(any(hits[:k])) for k in (1, 5, 10)}
        figures[row] |= {"precision@10": sum(hits[:10]) / 10, "map@r": sum(precisions) / r}
    return figures


def compare(outcomes: Outcomes, expected: dict[int, dict[str, float]]) -> None:
    assert outcomes.rows.tolist() == list(expected)
    for name, values in outcomes.figures.items():
        assert values.tolist() == pytest.approx([figures[name] for figures in expected.values()])


# Few directions, so that equal cosines are common.
coordinates = st.lists(st.integers(-2, 2), min_size=3, max_size=3)


@given(
    st.lists(st.tuples(coordinates, st.integers(0, 3), st.integers(0, 12)), min_size=1, max_size=40),
    st.integers(1, 7),
)
def test_leave_one_out_by_label_is_what_the_slow_way_gives(
    rows: list[tuple[list[int], int, int]], block: int
) -> None:
    vectors = canonical(np.array([row[0] for row in rows], float) + 1e-3)
    labels, same = (np.array([row[i] for row in rows], np.int64) for i in (1, 2))
    truth = Labels(labels, labels, same, same)
    blocks = [(start, vectors[start : start + block]) for start in range(0, len(rows), block)]
    outcomes = evaluate(lambda asked: vectors[asked], lambda: blocks, truth, same, same)
    right = [set(np.flatnonzero(labels == label).tolist()) for label in labels]
    compare(outcomes, slowly(vectors, vectors, right, same.tolist(), same.tolist()))


@given(st.data())
def test_queries_against_a_gallery_by_pairs(data: st.DataObject) -> None:
    draw = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    queries, gallery = canonical(draw.normal(size=(5, 4))), canonical(draw.normal(size=(23, 4)))
    pairs = data.draw(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 22)), min_size=1, max_size=30))
    own, theirs = np.arange(5), np.arange(5, 28)
    truth = Pairs(np.array([a for a, _ in pairs]), np.array([b for _, b in pairs]), 5)
    outcomes = evaluate(lambda asked: queries[asked], lambda: [(0, gallery)], truth, own, theirs)
    right = [{b for a, b in pairs if a == row} for row in range(5)]
    compare(outcomes, slowly(queries, gallery, right, own.tolist(), theirs.tolist()))


def test_lists_longer_than_ten_and_many_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retrieval, "_NUMBERS", 2_000)
    monkeypatch.setattr(retrieval, "_BLOCK", 64)
    draw = np.random.default_rng(3)
    vectors = canonical(draw.normal(size=(300, 6)))
    labels = draw.integers(0, 5, 300)
    same = np.arange(300)
    outcomes = evaluate(
        lambda asked: vectors[asked], lambda: [(0, vectors)], Labels(labels, labels, same, same), same, same
    )
    right = [set(np.flatnonzero(labels == label).tolist()) for label in labels]
    compare(outcomes, slowly(vectors, vectors, right, same.tolist(), same.tolist()))


def test_equal_similarities_go_to_the_earlier_row() -> None:
    rows = canonical(np.array([[1.0, 0], [1, 0], [0, 1], [1, 0], [0, 1]]))
    places = nearest(rows[2:3], lambda: [(0, rows[:3]), (3, rows[3:])], 4, np.array([9]), np.arange(5))
    assert places.tolist() == [[2, 4, 0, 1]]


def test_a_query_without_anything_right_is_no_query() -> None:
    rows = canonical(np.eye(3))
    labels, same = np.array([0, 0, 1]), np.arange(3)
    outcomes = evaluate(
        lambda r: rows[r], lambda: [(0, rows)], Labels(labels, labels, same, same), same, same
    )
    assert outcomes.rows.tolist() == [0, 1]


def test_the_first_right_one_has_a_rank() -> None:
    angles = np.array([0.0, 0.12, 0.2, 0.35])
    rows = canonical(np.column_stack([np.cos(angles), np.sin(angles)]))
    labels, same = np.array([0, 1, 1, 0]), np.arange(4)
    outcomes = evaluate(
        lambda r: rows[r], lambda: [(0, rows)], Labels(labels, labels, same, same), same, same
    )
    assert outcomes.first.tolist() == [3, 1, 1, 3]


def test_progress_ends_with_all() -> None:
    rows = canonical(np.eye(4))
    labels, same, seen = np.array([0, 0, 1, 1]), np.arange(4), []
    truth = Labels(labels, labels, same, same)
    evaluate(lambda r: rows[r], lambda: [(0, rows)], truth, same, same, lambda *step: seen.append(step))
    assert seen[-1] == (4, 4)


def test_the_interval_is_the_same_every_time_and_holds_the_mean() -> None:
    values = np.random.default_rng(5).random(200)
    low, high = interval(values)
    assert (low, high) == interval(values)
    assert low < values.mean() < high
    # The textbook's interval of a mean is 1.96 standard errors to each side.
    assert high - low == pytest.approx(2 * 1.96 * values.std() / math.sqrt(200), rel=0.15)


def test_the_interval_of_nothing_is_nothing() -> None:
    assert all(map(math.isnan, interval(np.zeros(0))))
    assert interval(np.ones(5)) == (1.0, 1.0)
