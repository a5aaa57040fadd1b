"""From evidence to a probability: what a fit must find, and what it must never do."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike.duplicates.agreement import Agreement
from lookalike.duplicates.calibration import NAMES, SHIPPED, Calibration, fit, numbers

IDENTITY = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
CLEAR = Agreement(0.97, 0.0, 0.97, 0.8, IDENTITY)
WRONG = Agreement(0.1, 0.8, 0.2, 12.0, IDENTITY)


def drawn(count: int, copy: bool, seed: int, spread: float = 1.0) -> list[np.ndarray]:
    """Evidence around that of a copy, or of none."""
    dice = np.random.default_rng(seed)
    centre = numbers(CLEAR) if copy else numbers(WRONG)
    rows = centre + dice.normal(0, spread, (count, len(NAMES) + 1))
    rows[:, -1] = 1
    return list(rows)


def probabilities(weights: np.ndarray, rows: list[np.ndarray]) -> np.ndarray:
    return 1 / (1 + np.exp(-np.array(rows) @ weights))


# --- the shipped one -------------------------------------------------------------------------


def test_the_shipped_calibration_knows_a_copy_from_none() -> None:
    assert SHIPPED.probability(CLEAR) > 0.99
    assert SHIPPED.probability(WRONG) < 0.01
    assert len(SHIPPED.weights) == len(NAMES) + 1
    assert min(SHIPPED.weights[:-1]) >= 0


@given(st.sampled_from(NAMES), st.floats(0, 1), st.floats(0, 1))
def test_more_evidence_never_makes_a_copy_less_likely(name: str, a: float, b: float) -> None:
    speaks = 1 if name == "steady" else -1
    worse, better = sorted((a, b))[::speaks]
    low, high = (SHIPPED.probability(replace(WRONG, **{name: value})) for value in (worse, better))
    assert 0 <= low <= high <= 1


@given(st.floats(0, 1), st.floats(0, 36))
def test_numbers_are_finite_whatever_was_seen(share: float, drift: float) -> None:
    seen = Agreement(share, 1 - share, share, drift, IDENTITY)
    row = numbers(seen)
    assert row.shape == (len(NAMES) + 1,)
    assert np.isfinite(row).all()
    assert row[-1] == 1
    extreme = Calibration(tuple([1e6] * len(row)))
    assert 0 <= extreme.probability(seen) <= 1


# --- fitting ---------------------------------------------------------------------------------


def test_what_can_be_separated_is_separated() -> None:
    positives, negatives = drawn(200, True, 1), drawn(60, False, 2)
    weights = fit(positives, negatives)
    assert probabilities(weights, drawn(300, True, 3)).min() > 0.5
    assert probabilities(weights, drawn(300, False, 4)).max() < 0.5
    assert np.median(probabilities(weights, positives)) > 0.99
    assert np.median(probabilities(weights, negatives)) < 0.01


def test_a_fit_learns_what_the_shipped_one_does_not_know() -> None:
    """Here only the largest difference tells them apart, between pairs that all look like copies."""
    dice = np.random.default_rng(0)
    rows = numbers(CLEAR) + dice.normal(0, 0.1, (400, len(NAMES) + 1))
    rows[:, -1] = 1
    rows[:, NAMES.index("blob")] = np.repeat([4.0, 2.0], 200)
    shipped = probabilities(np.array(SHIPPED.weights), list(rows))
    fitted = probabilities(fit(list(rows[:200]), list(rows[200:])), list(rows))
    assert abs(shipped[:200].mean() - shipped[200:].mean()) < 0.1
    assert fitted[200:].mean() < 0.5 < fitted[:200].mean()


def loss(weights: np.ndarray, rows: np.ndarray, truth: np.ndarray, each: np.ndarray) -> float:
    score = rows @ weights
    prior = np.square(weights - SHIPPED.weights).sum() / (2 * 0.7**2)
    return float((each * (np.logaddexp(0, score) - truth * score)).sum() + prior)


@pytest.mark.parametrize("seed", range(4))
def test_no_other_weights_are_likelier(seed: int) -> None:
    """Against the penalised likelihood itself, at many places around what was found."""
    positives, negatives = drawn(90, True, seed, 2.0), drawn(25, False, seed + 50, 2.0)
    rows = np.array(positives + negatives)
    truth = np.repeat([1.0, 0.0], [90, 25])
    each = np.where(truth == 1, 25 / (5.0 * 90), 1.0)
    weights = fit(positives, negatives, freedom=0.7)
    best, dice = loss(weights, rows, truth, each), np.random.default_rng(seed)
    for step in (1e-3, 1e-2, 0.1, 1.0):
        for _ in range(50):
            other = weights + dice.normal(0, step, len(weights))
            other[:-1] = np.maximum(other[:-1], 0)
            assert loss(other, rows, truth, each) >= best - 1e-6


@pytest.mark.parametrize("column", range(len(NAMES)))
def test_evidence_that_points_the_wrong_way_counts_nothing(column: int) -> None:
    positives, negatives = np.array(drawn(150, True, 1)), np.array(drawn(150, True, 2))
    positives[:, column], negatives[:, column] = -3.0, 3.0  # and nothing else tells them apart
    weights = fit(list(positives), list(negatives), freedom=0.7)
    assert weights[column] == 0
    assert (weights[:-1] >= 0).all()


@given(st.integers(0, 10_000))
def test_no_weight_is_ever_negative(seed: int) -> None:
    dice = np.random.default_rng(seed)
    rows = dice.normal(0, dice.uniform(0.1, 4), (int(dice.integers(2, 40)), len(NAMES) + 1))
    rows[:, -1] = 1
    cut = int(dice.integers(1, len(rows)))
    weights = fit(list(rows[:cut]), list(rows[cut:]))
    assert weights.shape == (len(NAMES) + 1,)
    assert np.isfinite(weights).all()
    assert (weights[:-1] >= 0).all()


def test_little_evidence_moves_little_and_none_moves_nothing() -> None:
    start = np.array(SHIPPED.weights)
    assert np.array_equal(fit([], []), start)
    assert np.array_equal(fit(drawn(5, True, 1), []), start)
    assert np.array_equal(fit([], drawn(5, False, 1)), start)
    moved = [
        np.abs(fit(drawn(n, True, 1, 3.0), drawn(n, False, 2, 3.0)) - start).max() for n in (1, 10, 1000)
    ]
    assert moved[0] < moved[1] < moved[2]
    other = replace(SHIPPED, weights=tuple([1.0] * 6))
    assert np.array_equal(fit([], [], prior=other), np.ones(6))


def test_the_same_evidence_gives_the_same_weights_in_any_order() -> None:
    positives, negatives = drawn(80, True, 1, 2.0), drawn(30, False, 2, 2.0)
    weights = fit(positives, negatives)
    assert np.array_equal(weights, fit(positives, negatives))
    assert fit(positives[::-1], negatives[::-1]) == pytest.approx(weights, abs=1e-6)


# --- as text ---------------------------------------------------------------------------------


@given(
    st.tuples(*[st.floats(-50, 50)] * (len(NAMES) + 1)),
    st.integers(0, 10**6),
    st.integers(0, 10**6),
    st.none() | st.floats(0, 1),
    st.integers(0, 10**9),
)
def test_as_text_and_back(
    weights: tuple[float, ...], positives: int, negatives: int, found: float | None, images: int
) -> None:
    calibration = Calibration(weights, positives, negatives, found, images)
    assert Calibration.loads(calibration.dumps()) == calibration


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no json",
        "[]",
        "3",
        "null",
        "{}",
        '{"weights": 3}',
        '{"weights": null}',
        '{"weights": ["a", 1, 1, 1, 1, 1]}',
        json.dumps({"weights": [1.0] * 5}),
        json.dumps({"weights": [1.0] * 7}),
        json.dumps({"weights": [1.0] * 6, "another": 1}),
    ],
)
def test_a_text_of_another_version_is_none(text: str) -> None:
    assert Calibration.loads(text) is None
