"""What is guessed of pictures of which nothing is known, and when it is not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lookalike.training.adapter import Examples
from lookalike.training.guessing import AS_SURE, guesser
from lookalike.vectors import canonical

CLASSES, EACH, LENGTH = 8, 10, 24
HELD_OUT = np.arange(0, CLASSES * EACH, EACH // 2)


def places(seed: int = 0) -> np.ndarray:
    return 2.0 * np.random.default_rng(seed).normal(size=(CLASSES, LENGTH))


def drawn(labels: np.ndarray, seed: int, noise: float = 1.0) -> np.ndarray:
    dice = np.random.default_rng(seed)
    return canonical(places()[labels] + noise * dice.normal(size=(len(labels), LENGTH)))


def examples(seed: int = 1, noise: float = 1.0) -> Examples:
    labels = np.repeat(np.arange(CLASSES), EACH)
    count = len(labels)
    hashes, none = np.zeros(count, np.uint64), np.zeros((0, 2), np.int64)
    return Examples(drawn(labels, seed, noise), labels, np.arange(count), hashes, none)


def test_new_pictures_of_known_classes_are_guessed() -> None:
    learned = guesser(examples(), HELD_OUT)
    labels = np.random.default_rng(3).integers(0, CLASSES, 400)
    rows, guessed = learned.guess(drawn(labels, 4))
    assert len(rows) > 100
    assert (guessed == labels[rows]).mean() > 0.97
    assert rows.tolist() == sorted(set(rows.tolist()))


def test_pictures_of_no_class_are_not() -> None:
    others = canonical(2.0 * np.random.default_rng(99).normal(size=(400, LENGTH)))
    rows, _ = guesser(examples(), HELD_OUT).guess(others)
    assert len(rows) < 20


def test_a_guess_is_as_sure_as_most_of_those_held_out() -> None:
    known = examples()
    learned = guesser(known, HELD_OUT)
    own = np.einsum(
        "ij,ij->i", learned.map.apply(known.vectors[HELD_OUT]), learned.means[known.labels[HELD_OUT]]
    )
    assert learned.least >= np.quantile(own, AS_SURE)


@pytest.mark.filterwarnings("error")
def test_where_nine_of_ten_are_not_right_nothing_is_guessed() -> None:
    known = examples(noise=60.0)
    rows, labels = guesser(known, HELD_OUT).guess(known.vectors)
    assert len(rows) == len(labels) == 0


def test_a_class_of_which_one_picture_is_known_is_never_guessed() -> None:
    known = examples()
    kept = np.array([row for row in range(CLASSES * EACH) if row < 71])  # of the last class one
    learned = guesser(known.take(kept), HELD_OUT[HELD_OUT < 70])
    _, labels = learned.guess(known.vectors)
    assert len(labels)
    assert CLASSES - 1 not in labels


def test_without_pictures_there_are_no_guesses() -> None:
    rows, labels = guesser(examples(), HELD_OUT).guess(np.zeros((0, LENGTH), np.float32))
    assert rows.tolist() == labels.tolist() == []


@settings(max_examples=10)  # each fits two adapters
@given(st.integers(0, 2**32))
def test_those_held_out_are_not_learned_from(seed: int) -> None:
    """They say how sure is sure enough, and nothing else."""
    known = examples()
    vectors = known.vectors.copy()
    vectors[HELD_OUT] = canonical(np.random.default_rng(seed).normal(size=(len(HELD_OUT), LENGTH)))
    other = Examples(vectors, known.labels, known.same, known.hashes, known.apart)
    one, two = guesser(known, HELD_OUT), guesser(other, HELD_OUT)
    assert one.map.dumps() == two.map.dumps()
    assert np.array_equal(one.means, two.means)


def test_a_class_that_is_only_held_out_is_never_guessed() -> None:
    known = examples()
    held_out = np.union1d(HELD_OUT, np.flatnonzero(known.labels == 3))
    _, labels = guesser(known, held_out).guess(known.vectors)
    assert len(labels)
    assert 3 not in labels
