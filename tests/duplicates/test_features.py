"""Local features: found again in copies, everywhere in the picture, for any picture."""

from __future__ import annotations

import numpy as np
import pytest

from lookalike.duplicates import features
from lookalike.duplicates.features import COUNT, SIDE, Features, describe, grey_at


def scene(seed: int, size: tuple[int, int] = (300, 400)) -> np.ndarray:
    """Something to look at everywhere and at every size: noise of many sizes, and shapes."""
    import cv2

    dice = np.random.default_rng(seed)
    height, width = size
    grain = np.zeros((height, width, 3), np.float32)
    for step in (3, 8, 20, 50):
        coarse = dice.normal(0, 30, (height // step + 2, width // step + 2, 3)).astype(np.float32)
        grain += cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    picture = np.clip(grain + 128, 0, 255).astype(np.uint8)
    for _ in range(40):
        x, y, side = dice.integers(width), dice.integers(height), dice.integers(5, width // 6)
        colour = tuple(map(int, dice.integers(0, 256, 3)))
        cv2.rectangle(picture, (int(x), int(y)), (int(x + side), int(y + side // 2)), colour, -1)
    return picture


def bits_apart(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(m, n): the differing bits of descriptors, the obvious way."""
    return (np.unpackbits(a, axis=1)[:, None] != np.unpackbits(b, axis=1)).sum(axis=2)


def test_features_are_what_the_docstring_says() -> None:
    found = describe(scene(1))
    assert len(found) == COUNT == len(found.points)
    assert [a.dtype for a in (found.points, found.scales, found.angles)] == [np.float32] * 3
    assert found.points.shape == (COUNT, 2)
    assert found.points.min() >= 0
    assert found.points.max() <= 1
    assert found.scales.min() == pytest.approx(31 / SIDE)
    assert found.scales.max() < 0.6
    assert found.angles.min() >= 0
    assert found.angles.max() <= 360
    for descriptors in (found.descriptors, found.mirrored):
        assert descriptors.shape == (COUNT, 32)
        assert descriptors.dtype == np.uint8
        assert descriptors.any(axis=1).all()


def test_the_same_picture_has_the_same_features() -> None:
    one, other = describe(scene(1)), describe(scene(1).copy())
    assert all(np.array_equal(getattr(one, name), getattr(other, name)) for name in Features.__slots__)


def test_small_and_large_patches_are_taken() -> None:
    level = np.round(np.log(describe(scene(1)).scales * SIDE / 31) / np.log(1.2)).astype(int)
    counts = np.bincount(level, minlength=11)
    assert counts.min() >= 5
    assert counts[0] > counts[5]


def test_a_label_does_not_take_all_features() -> None:
    picture = scene(1) // 8 + 100  # of little contrast
    picture[:60, :80] = np.random.default_rng(0).integers(0, 2, (60, 80, 1)) * 255
    points = describe(picture).points
    assert (points > 0.3).any(axis=1).mean() > 0.3  # the strongest are all of the label
    cells = {(int(x), int(y)) for x, y in points * 5}
    assert len(cells) >= 20


def test_mirrored_descriptors_are_those_of_the_mirrored_picture() -> None:
    found, flipped = describe(scene(1)), describe(np.ascontiguousarray(scene(1)[:, ::-1]))
    places = found.points * (-1, 1) + (1, 0)
    for descriptors, least, most in ((found.mirrored, 0.9, 1.0), (found.descriptors, 0.0, 0.1)):
        best = bits_apart(descriptors, flipped.descriptors).argmin(axis=1)
        same_place = np.linalg.norm(flipped.points[best] - places, axis=1) < 0.01
        assert least <= same_place.mean() <= most


@pytest.mark.parametrize("times", [0.25, 0.5, 2.0])
def test_a_copy_of_another_size_has_the_same_features(times: float) -> None:
    import cv2

    picture = scene(1)
    copy = cv2.resize(picture, None, fx=times, fy=times, interpolation=cv2.INTER_AREA)
    one, other = describe(picture), describe(np.asarray(copy))
    best = bits_apart(one.descriptors, other.descriptors).argmin(axis=1)
    same_place = np.linalg.norm(one.points - other.points[best], axis=1) < 0.02
    assert same_place.mean() > (0.1 if times < 0.5 else 0.3)


@pytest.mark.parametrize("size", [(1, 1), (1, 50), (3, 2000), (2000, 3), (8, 8), (31, 31), (200, 300)])
@pytest.mark.parametrize("kind", ["plain", "noise"])
def test_any_picture_can_be_described(size: tuple[int, int], kind: str) -> None:
    picture = np.full((*size, 3), 77, np.uint8)
    if kind == "noise":
        picture = np.random.default_rng(0).integers(0, 256, (*size, 3)).astype(np.uint8)
    found = describe(picture)
    assert len({len(getattr(found, name)) for name in Features.__slots__}) == 1
    assert found.descriptors.shape[1:] == found.mirrored.shape[1:] == (32,)
    if kind == "plain":
        assert len(found) == 0


def test_grey_pictures_have_the_side_asked_for() -> None:
    wide = scene(1, (150, 300))
    assert grey_at(wide, 100).shape == (50, 100)
    assert grey_at(wide, 600).shape == (300, 600)
    assert grey_at(wide, 600, enlarge=False).shape == (150, 300)
    assert grey_at(wide, 100, enlarge=False).shape == (50, 100)
    assert grey_at(np.zeros((3, 2000, 3), np.uint8), 100).shape == (1, 100)
    assert grey_at(wide, 300).dtype == np.uint8


def test_the_best_of_each_cell_come_first(monkeypatch: pytest.MonkeyPatch) -> None:
    import cv2

    monkeypatch.setattr(features, "COUNT", 3)
    spots = [(5, 5, 9.0), (6, 5, 8.0), (7, 5, 7.0), (95, 5, 2.0), (95, 95, 1.0), (94, 95, 0.5)]
    found = [cv2.KeyPoint(x, y, 31, 0, response, 0) for x, y, response in spots]
    chosen = features._spread(found, np.zeros((100, 100), np.uint8))
    assert sorted(k.response for k in chosen) == [1.0, 2.0, 9.0]
