from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lookalike.duplicates.edits import EDITS, Edited, Pixels, moved

SIZE = (160, 240)  # height, width
UNMOVED = [[1, 0, 0], [0, 1, 0]]
TONES = "jpeg-30 grey colours warm light blurred sharpened noise sepia duotone watermark".split()
SHAPES = [name for name in EDITS if name not in [*TONES, "meme", "mixed"]]


def dice(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def scene(seed: int, size: tuple[int, int] = SIZE) -> Pixels:
    """Soft blots of colour: something different everywhere, but nothing that is gone when it is shrunk."""
    import cv2

    coarse = dice(seed).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    return np.asarray(cv2.resize(coarse, size[::-1], interpolation=cv2.INTER_CUBIC), np.uint8)


def apply(name: str, seed: int = 0) -> Edited:
    return EDITS[name].apply(scene(1), [scene(n) for n in (2, 3, 4, 5)], dice(seed))


def seen_at(pixels: Pixels, points: np.ndarray) -> np.ndarray:
    """Values at points of a picture, (0, 0) being its top left corner: the slow, obvious way."""
    values = []
    for x, y in points - 0.5:
        x, y = min(max(x, 0), pixels.shape[1] - 1), min(max(y, 0), pixels.shape[0] - 1)
        left, top = int(x), int(y)
        right, bottom = min(left + 1, pixels.shape[1] - 1), min(top + 1, pixels.shape[0] - 1)
        upper = pixels[top, left] * (1 - (x - left)) + pixels[top, right] * (x - left)
        lower = pixels[bottom, left] * (1 - (x - left)) + pixels[bottom, right] * (x - left)
        values.append(upper * (1 - (y - top)) + lower * (y - top))
    return np.array(values)


def grid(size: tuple[int, int] = SIZE) -> np.ndarray:
    """Points all over a picture, but not at its edge."""
    xs, ys = np.linspace(4, size[1] - 4, 21), np.linspace(4, size[0] - 4, 17)
    return np.array([(x, y) for y in ys for x in xs])


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("name", SHAPES)
def test_the_picture_is_where_the_transform_says(name: str, seed: int) -> None:
    edited = apply(name, seed)
    points = grid()
    places = moved(edited.transform, points)
    height, width = edited.pixels.shape[:2]
    inside = ((places > 1) & (places < (width - 1, height - 1))).all(axis=1)
    assert inside.sum() >= 20
    difference = np.abs(seen_at(edited.pixels, places[inside]) - seen_at(scene(1), points[inside]))
    assert difference.mean() < 2.5
    assert np.quantile(difference, 0.99) < 16


@pytest.mark.parametrize("name", TONES)
def test_values_change_in_place(name: str) -> None:
    edited = apply(name)
    assert edited.transform.tolist() == UNMOVED
    assert edited.pixels.shape == scene(1).shape
    assert not np.array_equal(edited.pixels, scene(1))
    grey, before = edited.pixels.mean(axis=2).ravel(), scene(1).mean(axis=2).ravel()
    assert np.corrcoef(grey, before)[0, 1] > 0.8


def test_a_meme_has_text_at_the_top_and_the_bottom() -> None:
    edited = apply("meme")
    changed = (edited.pixels != scene(1)).any(axis=(1, 2)).nonzero()[0] / SIZE[0]
    assert edited.transform.tolist() == UNMOVED
    assert not ((changed > 0.25) & (changed < 0.75)).any()
    assert changed.min() < 0.1
    assert changed.max() > 0.9


@pytest.mark.parametrize("name", EDITS)
def test_the_same_seed_gives_the_same_pixels_and_nothing_else_changes(name: str) -> None:
    picture, others = scene(1), [scene(n) for n in (2, 3, 4)]
    first = EDITS[name](picture, others, dice(7))
    assert np.array_equal(first, EDITS[name](picture, others, dice(7)))
    assert np.array_equal(picture, scene(1))
    assert all(np.array_equal(other, scene(n)) for n, other in zip((2, 3, 4), others, strict=True))


@pytest.mark.parametrize("name", EDITS)
def test_others_may_be_missing_or_of_any_size(name: str) -> None:
    for others in ([], [scene(2, (3, 2))], [scene(2, (90, 30)), scene(3, (1, 1)), scene(4), scene(5)]):
        assert EDITS[name](scene(1), others, dice()).size


@settings(deadline=None, max_examples=60)
@given(
    name=st.sampled_from(list(EDITS)),
    size=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    seed=st.integers(0, 5),
)
def test_any_picture_can_be_edited(name: str, size: tuple[int, int], seed: int) -> None:
    edited = EDITS[name].apply(scene(1, size), [scene(2)], dice(seed))
    assert edited.pixels.dtype == np.uint8
    assert edited.pixels.ndim == 3
    assert min(edited.pixels.shape) >= 1
    assert edited.pixels.shape[2] == 3
    assert edited.pixels.flags.c_contiguous
    assert np.linalg.matrix_rank(edited.transform[:, :2]) == 2


@pytest.mark.parametrize(
    ("name", "share"), [("crop-80", 0.8), ("crop-50", 0.5), ("crop-25", 0.25), ("crop-10", 0.1)]
)
def test_crops_keep_their_share_of_the_area(name: str, share: float) -> None:
    sizes = {apply(name, seed).pixels.shape[:2] for seed in range(20)}
    assert len(sizes) > 5
    for height, width in sizes:
        assert height * width / (SIZE[0] * SIZE[1]) == pytest.approx(share, rel=0.05)


def test_crops_come_from_everywhere() -> None:
    corners = np.array([-apply("crop-25", seed).transform[:, 2] for seed in range(60)])
    assert corners.min(axis=0).max() < 20
    assert corners[:, 0].max() > 80
    assert corners[:, 1].max() > 50


@pytest.mark.parametrize("name", [n for n in EDITS if n.endswith("-inside")])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_picture_turned_inside_has_no_corners(name: str, seed: int) -> None:
    back = np.vstack([apply(name, seed).transform, [0, 0, 1]])
    height, width = apply(name, seed).pixels.shape[:2]
    corners = np.array([(0, 0), (width, 0), (0, height), (width, height)])
    came_from = moved(np.linalg.inv(back)[:2], corners)
    assert (came_from > -1).all()
    assert (came_from < (SIZE[1] + 1, SIZE[0] + 1)).all()


@pytest.mark.parametrize(
    "name", ["turned-3", "turned-10", "turned-25", "border", "screenshot", "collage", "pasted"]
)
def test_the_whole_picture_stays_in_view(name: str) -> None:
    for seed in range(4):
        edited = apply(name, seed)
        corners = moved(edited.transform, [(0, 0), (SIZE[1], 0), (0, SIZE[0]), (SIZE[1], SIZE[0])])
        assert (corners > -1).all()
        assert (corners < (edited.pixels.shape[1] + 1, edited.pixels.shape[0] + 1)).all()


def test_a_paste_takes_a_third_to_half_of_the_side() -> None:
    for seed in range(10):
        edited = apply("pasted", seed)
        assert 0.28 < edited.transform[0, 0] * SIZE[1] / edited.pixels.shape[1] <= 0.5


def test_a_collage_shows_three_others() -> None:
    plain = [np.full((50, 50, 3), (0, 255, tint), np.uint8) for tint in (10, 20, 30)]
    pixels = EDITS["collage"](scene(1), plain, dice())
    for other in plain:
        assert (pixels == other[0, 0]).all(axis=2).sum() == SIZE[0] * SIZE[1] // 4


def test_mixed_is_something_else_each_time() -> None:
    shapes = {apply("mixed", seed).pixels.shape for seed in range(12)}
    assert len(shapes) > 4


def test_kinds() -> None:
    near = {name for name, edit in EDITS.items() if edit.kind == "near"}
    assert near == {*TONES, "quarter", "square"} - {"watermark"}
