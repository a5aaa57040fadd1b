"""The closed form against the textbook's, and what is chosen."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import pytest
import scipy.linalg
from hypothesis import given
from hypothesis import strategies as st

from lookalike.models.linear_map import LinearMap
from lookalike.training import adapter
from lookalike.training.adapter import Choice, Examples
from lookalike.vectors import canonical

NONE = np.zeros((0, 2), np.int64)


def hashes(count: int) -> np.ndarray:
    """Perceptual hashes that are all alike: near-copies are told by cosines alone."""
    return np.zeros(count, np.uint64)


def made(classes: int, each: int, length: int = 12, *, seed: int = 0, noise: float = 1.0) -> Examples:
    """Classes that lie apart in three directions, with more noise in all others."""
    dice = np.random.default_rng(seed)
    labels = np.repeat(np.arange(classes), each)
    places = np.zeros((classes, length))
    places[:, :3] = dice.normal(size=(classes, 3))
    spread = np.where(np.arange(length) < 3, 0.3, 1.5) * noise
    vectors = canonical(places[labels] + spread * dice.normal(size=(len(labels), length)) + 0.5)
    return Examples(vectors, labels, np.arange(len(labels)), hashes(len(labels)), NONE)


def textbook(examples: Examples, shrinkage: float, count: int) -> np.ndarray:
    """(d, count) weights, by a generalised eigenvalue problem of the two covariances."""
    vectors = examples.vectors.astype(float)
    overall = vectors.mean(axis=0)
    length = vectors.shape[1]
    within, between = np.zeros((length, length)), np.zeros((length, length))
    for label in np.unique(examples.labels):
        rows = vectors[examples.labels == label]
        mean = rows.mean(axis=0)
        within += (rows - mean).T @ (rows - mean) / len(vectors)
        between += len(rows) / len(vectors) * np.outer(mean - overall, mean - overall)
    shrunk = (1 - shrinkage) * within + shrinkage * np.trace(within) / length * np.eye(length)
    values, found = scipy.linalg.eigh(between, shrunk)
    values, found = values[::-1][:count], found[:, ::-1][:, :count]
    return found * np.sqrt(values / (1 + values))


@pytest.mark.parametrize(("classes", "each", "length"), [(40, 4, 36), (40, 2, 200), (36, 3, 108)])
def test_the_directions_are_the_textbooks(classes: int, each: int, length: int) -> None:
    examples = made(classes, each, length)
    known = adapter.scatter(examples)
    found = adapter.directions(known, 0.3).weights
    expected = textbook(examples, 0.3, found.shape[1])
    assert found.shape[1] == min(classes - 1, length)
    strong = slice(0, 8)  # of the weakest ones the eigenvalues are too near to each other
    signs = np.sign((found[:, strong] * expected[:, strong]).sum(axis=0))
    assert found[:, strong] == pytest.approx(expected[:, strong] * signs, abs=1e-6)
    # and all of them together measure the same
    centred = examples.vectors - known.centre
    assert (centred @ found) @ (centred @ found).T == pytest.approx(
        (centred @ expected) @ (centred @ expected).T, abs=1e-6
    )


def test_it_finds_what_belongs_together_better() -> None:
    examples = made(20, 10)
    parts = adapter.split(examples)
    fitted = adapter.fit(examples, parts)
    others = np.flatnonzero(parts != 0)
    before = adapter.outcomes(examples.vectors, examples, fitted.held_out, others).means()
    after = adapter.outcomes(fitted.trial, examples, fitted.held_out, others).means()
    assert after["map@r"] > before["map@r"] + 0.2


def test_nothing_is_found_in_noise() -> None:
    dice = np.random.default_rng(2)
    labels = np.repeat(np.arange(20), 10)
    vectors = canonical(dice.normal(size=(200, 12)))
    examples = Examples(vectors, labels, np.arange(200), hashes(200), NONE)
    parts = adapter.split(examples)
    fitted = adapter.fit(examples, parts)
    after = adapter.outcomes(fitted.trial, examples, fitted.held_out, np.flatnonzero(parts != 0)).means()
    assert after["map@r"] < 0.15


def test_the_same_examples_give_the_same_file() -> None:
    examples = made(12, 6)
    parts = adapter.split(examples)
    assert adapter.fit(examples, parts).map.dumps() == adapter.fit(examples, parts).map.dumps()


def test_what_is_held_out_does_not_matter_to_the_trial() -> None:
    examples = made(12, 6)
    parts = adapter.split(examples)
    held = parts == 0
    others = made(12, 6, seed=9).vectors
    changed = Examples(
        np.where(held[:, None], others, examples.vectors),
        examples.labels,
        examples.same,
        examples.hashes,
        examples.apart,
    )
    one, other = (adapter.fit(e, parts) for e in (examples, changed))
    assert one.choice == other.choice
    assert np.array_equal(one.trial[~held], other.trial[~held])


def test_two_classes_have_more_than_one_number() -> None:
    examples = made(2, 40)
    mapped = adapter.discriminant(examples, Choice(0.2, 1.0, True)).apply(examples.vectors)
    assert mapped.shape[1] > 1
    assert len(np.unique(mapped @ mapped[0])) > 40


def test_thousands_of_classes(monkeypatch: pytest.MonkeyPatch) -> None:
    examples = made(90, 3)
    whole = adapter.directions(adapter.scatter(examples), 0.3).weights
    monkeypatch.setattr(adapter, "LONGEST", 12)  # more than twice as many classes are made fewer first
    fewer = adapter.directions(adapter.scatter(examples), 0.3).weights
    assert fewer.shape == (12, 12)
    assert np.abs(fewer[:, :3]) == pytest.approx(np.abs(whole[:, :3]), rel=1e-3, abs=1e-3)


def test_pictures_that_are_apart_pull_apart() -> None:
    examples = made(3, 30, noise=0.5)
    first = np.flatnonzero(examples.labels == 0)[:10]
    second = np.flatnonzero(examples.labels == 1)[:10]
    apart = Examples(
        examples.vectors, examples.labels, examples.same, examples.hashes, np.column_stack([first, second])
    )
    choice = Choice(0.2, 1.0, False)
    cosines = []
    for one in (examples, apart):
        mapped = adapter.discriminant(one, choice).apply(one.vectors)
        cosines.append(float((mapped[first] * mapped[second]).sum(axis=1).mean()))
    assert cosines[1] < cosines[0]


def test_of_choices_that_are_as_good_the_one_with_all_directions_is_taken_and_the_smoothest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Directions that the pictures held out have no use for are kept: others may have one."""
    examples = made(6, 20)
    parts = adapter.split(examples)

    def chosen(score: Callable[[Choice], float]) -> Choice:
        scores = iter([score(choice) for choice in adapter.CHOICES] * 5)
        of_queries = np.linspace(-0.1, 0.1, 100)
        judged = lambda *_: SimpleNamespace(figures={"map@r": next(scores) + of_queries})  # noqa: E731
        monkeypatch.setattr(adapter, "outcomes", judged)
        return adapter.choose(examples, parts)

    assert chosen(lambda _: 0.5) == Choice(0.75, 1.0, True)
    assert chosen(lambda choice: 0.5 - 0.2 * choice.share).share == 0.5  # where that is clearly better
    assert chosen(lambda choice: 0.5 - 0.2 * choice.shrinkage).shrinkage == 0.05


# --- splitting -------------------------------------------------------------------------------


def test_each_class_is_in_all_parts() -> None:
    parts = adapter.split(made(6, 10))
    assert np.bincount(parts).tolist() == [12] * 5
    for start in range(0, 60, 10):
        assert np.bincount(parts[start : start + 10]).tolist() == [2] * 5


@given(st.integers(0, 2**32))
def test_near_copies_stay_together(seed: int) -> None:
    dice = np.random.default_rng(seed)
    originals = dice.normal(size=(20, 8))
    vectors = canonical(np.repeat(originals, 3, axis=0) + 0.01 * dice.normal(size=(60, 8)))
    examples = Examples(vectors, np.repeat(np.arange(5), 12), np.arange(60), hashes(60), NONE)
    groups, parts = adapter.near_copies(examples), adapter.split(examples)
    for start in range(0, 60, 3):
        assert len(set(groups[start : start + 3].tolist())) == 1
        assert len(set(parts[start : start + 3].tolist())) == 1


@given(st.integers(0, 2**32), st.floats(0, 1))
def test_what_has_been_seen_does_not_judge(seed: int, share: float) -> None:
    dice = np.random.default_rng(seed)
    vectors = canonical(dice.normal(size=(120, 24)))
    labels = dice.integers(0, 9, 120)
    same = dice.integers(0, 100, 120)
    examples = Examples(vectors, labels, same, hashes(120), NONE)
    groups, seen = adapter.near_copies(examples), dice.random(120) < share
    before, after = adapter.split(examples), adapter.split(examples, seen)
    judging = np.flatnonzero(after == 0)
    assert not np.isin(groups[judging], groups[seen]).any()
    fresh = ~np.isin(groups, groups[seen])
    for label in range(9):
        mine = labels == label
        wanted = len(set(groups[mine & (before == 0)].tolist()))
        there = len(set(groups[mine & fresh].tolist()))
        assert len(set(groups[mine & (after == 0)].tolist())) == min(wanted, there)
    for group in np.unique(groups):
        assert len(set(after[groups == group].tolist())) == 1
    assert set(after.tolist()) <= set(range(5))
    if not seen.any():
        assert np.array_equal(before, after)


def test_the_same_bytes_stay_together() -> None:
    examples = made(2, 10)
    same = np.array([0, 0, *range(2, 20)], np.int64)
    parts = adapter.split(Examples(examples.vectors, examples.labels, same, hashes(20), NONE))
    assert parts[0] == parts[1]


def test_a_sample_has_as_many_of_each_class() -> None:
    labels = np.array([0] * 100 + [1] * 10 + [2] * 3)
    rows = adapter.sample(labels, 24)
    assert np.bincount(labels[rows]).tolist() == [11, 10, 3]
    assert rows.tolist() == sorted(rows.tolist())
    assert adapter.sample(labels, 200).tolist() == list(range(113))


def test_groups_of_pairs() -> None:
    groups = adapter.groups_of(6, [(0, 1), (1, 2), (4, 5)])
    assert groups[0] == groups[1] == groups[2]
    assert groups[4] == groups[5]
    assert len(set(groups.tolist())) == 3


# --- the map ---------------------------------------------------------------------------------


def linear_map(length: int = 300, count: int = 40) -> tuple[LinearMap, np.ndarray, np.ndarray]:
    dice = np.random.default_rng(1)
    centre, weights = dice.normal(scale=0.05, size=length), dice.normal(size=(length, count))
    return LinearMap.rounded(centre, weights), centre, weights


def test_the_map_is_what_its_numbers_say() -> None:
    known, centre, weights = linear_map()
    rows = canonical(np.random.default_rng(3).normal(size=(20, 300)))
    assert known.apply(rows) == pytest.approx(canonical((rows - centre) @ weights), abs=2e-3)


def test_the_map_is_the_same_bit_for_bit_alone_and_among_others() -> None:
    known, _, _ = linear_map()
    rows = canonical(np.random.default_rng(4).normal(size=(5000, 300)))
    whole = known.apply(rows)
    for at in (0, 17, 4095, 4096, 4999):
        assert np.array_equal(known.apply(rows[at : at + 1])[0], whole[at])
    assert np.array_equal(known.apply(np.asfortranarray(rows)), whole)


def test_a_feature_map_has_the_mapped_vector_as_its_mean() -> None:
    known, _, _ = linear_map(24, 6)
    features = np.random.default_rng(5).random((24, 7, 7)).astype(np.float32)
    vector = canonical(features.mean(axis=(1, 2))[None])
    mean = known.features(features).mean(axis=(1, 2))
    assert mean / np.linalg.norm(mean) == pytest.approx(known.apply(vector)[0], abs=2e-3)


def test_an_empty_batch() -> None:
    known, _, _ = linear_map(24, 6)
    assert known.apply(np.zeros((0, 24), np.float32)).shape == (0, 6)


def test_other_hashes_are_no_near_copies() -> None:
    examples = made(2, 10, noise=0.01)
    bits = np.random.default_rng(0).integers(0, 2**63, 20).astype(np.uint64)
    other = Examples(examples.vectors, examples.labels, examples.same, bits, NONE)
    assert len(np.unique(adapter.near_copies(examples))) == 2
    assert len(np.unique(adapter.near_copies(other))) > 10
