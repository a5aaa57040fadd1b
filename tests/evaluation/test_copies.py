"""Recall of copies against a slow reference, and the edits they are measured with."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from lookalike.duplicates.edits import EDITS
from lookalike.embedder import Embedder
from lookalike.evaluation import copies


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


@given(st.integers(2, 40), st.integers(1, 4), st.integers(0, 9), st.sampled_from([1e-4, 0.01, 0.3]))
def test_the_figures_are_what_comparing_every_pair_gives(n: int, each: int, seed: int, rate: float) -> None:
    dice = np.random.default_rng(seed)
    pictures = dice.normal(size=(n, 6))
    edits = unit(np.repeat(pictures, each, axis=0) + dice.normal(size=(n * each, 6)))
    pictures = unit(pictures)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(copies, "FALSE_MATCHES", rate)
        found = copies.outcomes(pictures, edits).figures
    similarities = (edits @ pictures.T).astype(np.float64)
    own = np.array([similarities[at, at // each] for at in range(n * each)])
    wrong = [[s for j, s in enumerate(similarities[at]) if j != at // each] for at in range(n * each)]
    first = np.array([own[at] > max(wrong[at]) for at in range(n * each)])
    every = sorted((s for row in wrong for s in row), reverse=True)
    least = every[int(rate * len(every))]
    np.testing.assert_array_equal(found["recall@1"], first.reshape(n, each).mean(axis=1))
    np.testing.assert_array_equal(found["recall@fmr"], (own > least).reshape(n, each).mean(axis=1))


def test_blocks_make_no_difference(monkeypatch: object) -> None:
    dice = np.random.default_rng(0)
    pictures, edits = unit(dice.normal(size=(30, 8))), unit(dice.normal(size=(90, 8)))
    whole = copies.outcomes(pictures, edits).figures
    monkeypatch.setattr(copies, "_BLOCK", 7)
    parts = copies.outcomes(pictures, edits).figures
    for name in copies.FIGURES:
        np.testing.assert_array_equal(whole[name], parts[name])


def test_every_edit_comes_equally_often_and_the_same_again() -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=np.uint8)
    for number in range(len(EDITS)):
        np.testing.assert_array_equal(copies.edit(rgb, number), copies.edit(rgb, number))
    turned = list(EDITS).index("turned-90")
    assert copies.edit(rgb, turned).shape == (50, 40, 3)
    assert copies.edit(rgb, turned + len(EDITS)).shape == (50, 40, 3)


def test_pictures_that_cannot_be_read_are_left_out(tmp_path: Path) -> None:
    dice = np.random.default_rng(0)
    files = [tmp_path / f"{number}.png" for number in range(4)]
    for file in files:
        Image.fromarray(dice.integers(0, 256, (40, 40, 3), dtype=np.uint8)).save(file)
    files[1].write_bytes(b"no picture")
    files.append(tmp_path / "gone.png")
    embedder = Embedder.load()
    done: list[int] = []
    one, other = copies.compared([embedder, embedder], files, 3, lambda number, _: done.append(number))
    assert len(one.figures["recall@1"]) == 3
    for name in copies.FIGURES:
        np.testing.assert_array_equal(one.figures[name], other.figures[name])
    assert done == [1, 3, 4]


def test_nothing_is_said_of_fewer_than_two_pictures() -> None:
    assert copies.compared([Embedder.load()], [], 3)[0].means() == {}
