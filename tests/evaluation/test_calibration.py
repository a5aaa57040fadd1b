"""From similarities to probabilities: the curve, its reliability, thresholds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike.evaluation import calibration
from lookalike.results import Calibration


def drawn(
    count: int = 4000, slope: float = 12.0, middle: float = 0.6
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Similarities, whether each is right by a known chance, and that chance."""
    dice = np.random.default_rng(0)
    similarities = dice.uniform(0, 1, count)
    chances = 1 / (1 + np.exp(-slope * (similarities - middle)))
    return similarities, dice.random(count) < chances, chances


def test_the_curve_is_found() -> None:
    similarities, right, chances = drawn()
    found = calibration.fit(similarities, right, "dice")
    assert found.slope == pytest.approx(12, rel=0.1)
    assert found.probability(similarities) == pytest.approx(chances, abs=0.04)
    assert Calibration.loads(found.dumps()) == found


def test_it_is_the_most_likely_one() -> None:
    similarities, right, _ = drawn(300)
    found = calibration.fit(similarities, right, "")

    def likelihood(slope: float, intercept: float) -> float:
        chances = 1 / (1 + np.exp(-(slope * similarities + intercept)))
        targets = np.where(right, (right.sum() + 1) / (right.sum() + 2), 1 / ((~right).sum() + 2))
        return float((targets * np.log(chances) + (1 - targets) * np.log(1 - chances)).sum())

    best = likelihood(found.slope, found.intercept)
    for slope, intercept in ((0.05, 0.0), (-0.05, 0.0), (0.0, 0.05), (0.0, -0.05)):
        assert likelihood(found.slope + slope, found.intercept + intercept) < best


@given(st.integers(0, 2**32))
def test_it_never_falls(seed: int) -> None:
    dice = np.random.default_rng(seed)
    similarities, right = dice.uniform(-1, 1, 60), dice.random(60) < 0.5
    right[:2] = True, False
    chances = calibration.fit(similarities, right, "").probability(np.linspace(-1, 1, 21))
    assert (np.diff(chances) >= 0).all()
    assert ((chances >= 0) & (chances <= 1)).all()


def test_hits_that_can_be_told_apart_completely() -> None:
    similarities = np.concatenate([np.linspace(0, 0.4, 30), np.linspace(0.6, 1, 30)])
    right = np.arange(60) >= 30
    found = calibration.fit(similarities, right, "")
    assert np.isfinite([found.slope, found.intercept]).all()
    assert found.probability(0.1) < 0.1
    assert found.probability(0.9) > 0.9


def test_reliability_by_the_slow_way() -> None:
    similarities, right, _ = drawn(500)
    chances = calibration.fit(similarities, right, "").probability(similarities)
    bins = calibration.reliability(chances, right)
    assert sum(one.hits for one in bins) == 500
    for one in bins:
        inside = (chances >= one.low) & (chances < one.high)
        assert one.hits == inside.sum()
        assert one.right == pytest.approx(right[inside].mean())
    error = sum(one.hits / 500 * abs(one.probability - one.right) for one in bins)
    assert calibration.expected_error(bins) == pytest.approx(error)
    assert calibration.reliability(np.array([1.0]), np.array([True]))[0].high == 1.0


@given(st.lists(st.tuples(st.integers(0, 9), st.booleans()), min_size=1, max_size=40), st.floats(0.05, 1))
def test_thresholds_by_the_slow_way(rows: list[tuple[int, bool]], wanted: float) -> None:
    similarities = np.array([value / 10 for value, _ in rows])
    right = np.array([is_right for _, is_right in rows])
    good = [t for t in sorted(set(similarities)) if right[similarities >= t].mean() >= wanted]
    found = calibration.thresholds(similarities, right, [wanted])
    assert [one.similarity for one in found] == good[:1]
    for one in found:
        above = similarities >= one.similarity
        assert one.precision == pytest.approx(right[above].mean())
    if right.any():
        one = calibration.threshold_of_recall(similarities, right, wanted)
        assert one.recall >= wanted
        higher = similarities > one.similarity
        assert (higher & right).sum() / right.sum() < wanted


@pytest.mark.parametrize("text", [None, "", "{", "[]", '{"slope": 1}', '{"other": 2}'])
def test_what_is_no_calibration(text: str | None) -> None:
    assert Calibration.loads(text) is None


def test_chances_of_other_queries() -> None:
    similarities, right, _ = drawn(1000)
    queries = np.repeat(np.arange(100), 10)
    chances = calibration.crossed(similarities, right, queries)
    shown = queries % 5 != 2
    expected = calibration.fit(similarities[shown], right[shown], "").probability(similarities[~shown])
    assert chances[~shown] == pytest.approx(expected)
