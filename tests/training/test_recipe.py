"""What is shown, what is held out, in which order, and how pictures are changed: all of it by seed."""

from __future__ import annotations

import math
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike.errors import UsageError
from lookalike.models import Preprocessing
from lookalike.training import recipe
from lookalike.training.curve import learning_curve
from lookalike.training.recipe import Epoch, epoch_order
from lookalike.training.views import copy_view, mixed, view

LABELS = st.lists(st.integers(0, 5), min_size=1, max_size=80).map(
    lambda values: np.unique(values, return_inverse=True)[1].astype(np.int64)
)


@given(LABELS, st.floats(0, 0.5))
def test_held_out_are_about_the_share_and_never_the_last_two_of_a_class(
    labels: np.ndarray, share: float
) -> None:
    every = np.ones(len(labels), bool)
    held = recipe.hold_out(labels, every, share)
    assert len(set(held.tolist())) == len(held)
    np.testing.assert_array_equal(held, recipe.hold_out(labels, every, share))
    kept = np.delete(labels, held)
    for label in np.unique(labels):
        assert (kept == label).sum() >= min(2, (labels == label).sum())
    assert len(held) <= share * len(labels) + 1


def test_a_tenth_is_held_out() -> None:
    labels = np.repeat(np.arange(20), 9)
    held = recipe.hold_out(labels, np.ones(len(labels), bool))
    assert len(held) == 18
    assert np.bincount(labels[held], minlength=20).max() == 1


def test_near_copies_are_never_held_out() -> None:
    labels, single = np.repeat(np.arange(20), 9), np.arange(180) % 3 > 0
    held = recipe.hold_out(labels, single)
    assert len(held) == 18
    assert single[held].all()


def test_of_what_is_new_a_tenth_is_held_out_and_again_what_was_before() -> None:
    """However few are new: most of them are learned from."""
    labels, every = np.repeat(np.arange(50), 22), np.ones(1100, bool)
    new = np.arange(1100) % 22 >= 20
    again = np.arange(1100) % 22 == 3
    held = recipe.hold_out(labels, every, new=new, again=again)
    assert again[held].sum() == 50
    assert new[held].sum() == 10
    assert len(held) == 60


@given(LABELS, st.integers(0, 2**32))
def test_what_is_held_out_again_leaves_two_of_a_class(labels: np.ndarray, seed: int) -> None:
    dice = np.random.default_rng(seed)
    new, again, single = dice.random((3, len(labels))) < 0.5
    held = recipe.hold_out(labels, single, 0.5, new=new & ~again, again=again)
    assert len(set(held.tolist())) == len(held)
    assert (single & (new | again))[held].all()
    kept = np.delete(labels, held)
    for label in np.unique(labels):
        assert (kept == label).sum() >= min(2, (labels == label).sum())


@given(LABELS, st.integers(0, 3))
def test_in_an_epoch_every_class_comes_equally_often(labels: np.ndarray, epoch: int) -> None:
    order = epoch_order(labels, 0, epoch)
    assert len(order) == len(labels)
    counts = np.bincount(labels[order], minlength=labels.max() + 1)
    assert counts.max() - counts.min() <= 1
    for label in np.unique(labels):  # no picture comes again before all of its class have come
        times = np.bincount(order[labels[order] == label], minlength=len(labels))[labels == label]
        assert times.max() - times.min() <= 1


def test_a_class_may_deal_several_in_its_turn() -> None:
    labels = np.repeat(np.arange(7), 5)
    turns = labels[epoch_order(labels, 0, 1, 4)][:28].reshape(7, 4)
    assert (turns == turns[:, :1]).all()
    assert sorted(turns[:, 0].tolist()) == list(range(7))


def test_epochs_differ_and_repeat() -> None:
    labels = np.repeat(np.arange(4), 10)
    first, second = epoch_order(labels, 0, 0), epoch_order(labels, 0, 1)
    assert first.tolist() != second.tolist()
    assert first.tolist() == epoch_order(labels, 0, 0).tolist()


@pytest.mark.parametrize(
    ("labels", "words"), [([0, 0, 0], "all have the same label"), ([0, 1, 2, 2], "hardly two have the same")]
)
def test_labels_that_teach_nothing_are_refused(labels: list[int], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        recipe.check(np.array(labels))


# --- views ------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(60, 90), (300, 80), (1, 1), (1, 40), (900, 900)])
def test_a_view_is_a_square_and_the_same_for_the_same_seed(shape: tuple[int, int]) -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    first, again, other = (view(rgb, 64, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert first.shape == (64, 64, 3)
    assert first.dtype == np.uint8
    np.testing.assert_array_equal(first, again)
    assert shape == (1, 1) or (first != other).any()


def test_views_keep_the_colours_about_and_the_picture_as_it_is() -> None:
    rgb = np.full((80, 80, 3), (200, 60, 40), np.uint8)
    before = rgb.copy()
    views = np.stack([view(rgb, 32, np.random.default_rng(seed)) for seed in range(40)])
    np.testing.assert_array_equal(rgb, before)
    middle = np.median(views.reshape(-1, 3), axis=0)
    assert np.abs(middle - (200, 60, 40)).max() < 30


SQUARE = Preprocessing(tensor="x", size=48, short_side=52, layout="nhwc-uint8")


@pytest.mark.parametrize("shape", [(60, 90), (300, 80), (1, 1), (1, 40), (400, 400)])
def test_a_copy_is_a_square_and_the_same_for_the_same_seed(shape: tuple[int, int]) -> None:
    dice = np.random.default_rng(0)
    rgb, other = (dice.integers(0, 256, (*size, 3), dtype=np.uint8) for size in (shape, (30, 50)))
    before = rgb.copy()
    for seed in range(25):
        first, again = (copy_view(rgb, [other], SQUARE, np.random.default_rng(seed)) for _ in range(2))
        assert first.shape == (48, 48, 3)
        assert first.dtype == np.uint8
        np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(rgb, before)


def test_a_mixed_view_has_something_of_both() -> None:
    black, white = np.zeros((40, 40, 3), np.uint8), np.full((40, 40, 3), 255, np.uint8)
    means = [mixed(black, white, np.random.default_rng(seed)).mean() / 255 for seed in range(40)]
    assert 0.25 < min(means) < max(means) < 0.75
    assert not black.any()


# --- the curve --------------------------------------------------------------------------------


def test_the_curve_is_svg_with_a_point_for_each_figure() -> None:
    history = [Epoch(0, math.nan, 0.5, 0), Epoch(1, 2.5, math.nan, 1), Epoch(2, 1.0, 0.75, 2)]
    root = ElementTree.fromstring(learning_curve(history, "shop & <more>"))
    names = [element.tag.rpartition("}")[2] for element in root.iter()]
    assert names.count("circle") == 2
    assert root.findtext("{http://www.w3.org/2000/svg}title") == "shop & <more>"
    losses = next(e for e in root.iter() if e.get("class") == "loss" and e.get("d"))
    assert losses.get("d", "").count(" ") == 2  # two points


def test_a_curve_may_end_within_an_epoch() -> None:
    root = ElementTree.fromstring(learning_curve([Epoch(0, math.nan, 0.5, 0), Epoch(2.4, 1.0, 0.7, 2)], "x"))
    ticks = [e.text for e in root.iter() if e.get("class") == "" and e.get("text-anchor") == "middle"]
    assert ticks == ["0", "1", "2", "epoch"]


def test_a_curve_of_nothing_is_drawn_too() -> None:
    assert ElementTree.fromstring(learning_curve([], "nothing")) is not None
