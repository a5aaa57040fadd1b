"""How far a picture is from all others."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lookalike.gallery.knn import Lists
from lookalike.outliers.isolation import CROWD, LEAST, LOCAL, REACH, USUAL, isolation


def slow(lists: Lists) -> list[float]:
    """The score as the docstring has it, one picture after the other."""
    n = len(lists.places)
    reach = min(REACH, (n - 1) // 3)
    distance = [max(0.005, 1 - float(row[reach - 1])) for row in lists.similarities]
    values = []
    for place in range(n):
        around = np.mean([distance[other] for other in lists.places[place, :reach]])
        values.append(np.log(distance[place] * (distance[place] / around) ** LOCAL))
    usual = values
    while True:
        middle = np.median(usual)
        spread = max(0.05, 1.4826 * np.median([abs(value - middle) for value in usual]))
        z = [max(0.0, (value - middle) / spread) for value in values]
        far = [value for value, away in zip(values, z, strict=True) if away >= USUAL]
        if len(far) <= CROWD * n:
            return [away / (away + USUAL) for away in z]
        usual = far


@given(st.integers(LEAST, 60), st.integers(0, 10_000))
def test_is_what_the_slow_way_gives(count: int, seed: int) -> None:
    dice = np.random.default_rng(seed)
    rows = dice.standard_normal((count, 8)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    cosines = rows @ rows.T
    np.fill_diagonal(cosines, -np.inf)
    places = np.argsort(-cosines, axis=1, kind="stable")[:, : min(24, count - 1)]
    lists = Lists(places.astype(np.int32), np.take_along_axis(cosines, places, 1))
    scores = isolation(lists)
    assert np.allclose(scores, slow(lists), atol=1e-6)
    assert ((scores >= 0) & (scores < 1)).all()


def test_finds_one_and_a_few_of_one_kind(blob: Any, nearest: Any) -> None:
    for odd in (1, 3, 12):
        rows = np.concatenate([blob(150, 1), blob(150, 2), blob(odd, 3, 0.05)])
        scores = isolation(nearest(rows))
        assert (scores[300:] > 0.5).all(), odd
        assert scores[300:].min() > scores[:300].max()


def test_sparse_pictures_are_not_odd_beside_dense_ones(blob: Any, nearest: Any) -> None:
    rows = np.concatenate([blob(200, 1, 0.02), blob(150, 2, 0.5)])
    assert (isolation(nearest(rows)) > 0.5).sum() < 15


def test_few_or_equal_pictures_are_never_isolated(nearest: Any) -> None:
    dice = np.random.default_rng(0)
    few = dice.standard_normal((LEAST - 1, 8)).astype(np.float32)
    assert not isolation(nearest(few)).any()
    assert not isolation(nearest(np.tile(few[:1] / np.linalg.norm(few[0]), (40, 1)))).any()
    nothing = Lists(np.zeros((0, 24), np.int32), np.zeros((0, 24), np.float32))
    assert isolation(nothing).shape == (0,)


def test_a_picture_without_any_neighbour_is_the_farthest(blob: Any, nearest: Any) -> None:
    lists = nearest(blob(50, 1))
    places, similarities = lists.places.copy(), lists.similarities.copy()
    places[7], similarities[7] = -1, -np.inf
    scores = isolation(Lists(places, similarities))
    assert scores.argmax() == 7
    assert np.isfinite(scores).all()
