"""Geometry: the transform that made a copy is found, and other photos are told from copies."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike import images
from lookalike.duplicates import aligning
from lookalike.duplicates.agreement import Agreement, agree
from lookalike.duplicates.aligning import Alignment, align
from lookalike.duplicates.drift import UNKNOWN
from lookalike.duplicates.edits import EDITS, Edited, moved
from lookalike.duplicates.features import Features, describe, grey_at
from lookalike.duplicates.laying import Shown, shown

GREY = 320  # the longer side at which pictures are laid over each other


def scene(seed: int, size: tuple[int, int] = (360, 480)) -> np.ndarray:
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


def edited(name: str, seed: int = 0) -> Edited:
    others = [scene(number) for number in (11, 12, 13, 14)]
    return EDITS[name].apply(scene(1), others, np.random.default_rng(seed))


def size(picture: np.ndarray) -> tuple[int, int]:
    return picture.shape[1], picture.shape[0]


def aligned(a: np.ndarray, b: np.ndarray) -> Alignment | None:
    return align(describe(a), describe(b), size(a), size(b))


def laid_over(a: np.ndarray, b: np.ndarray, transform: np.ndarray) -> Agreement | None:
    greys = (grey_at(picture, GREY, enlarge=False) for picture in (a, b))
    return agree(*greys, transform)


def compared(a: np.ndarray, b: np.ndarray) -> Agreement | None:
    found = aligned(a, b)
    return None if found is None else laid_over(a, b, found.transform)


def shown_of(a: np.ndarray, b: np.ndarray) -> Shown:
    found = compared(a, b)
    assert found is not None
    return shown(*(grey_at(picture, GREY, enlarge=False) for picture in (a, b)), found.transform)


def in_shares(transform: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """A transform of pixels as one of shares of the longer sides."""
    scaled = np.array(transform, np.float64) / max(size(b))
    scaled[:, :2] *= max(size(a))
    return scaled


def error(transform: np.ndarray, truth: Edited, original: np.ndarray) -> float:
    """How far points are from where they should be, at the most, in shares of the copy's longer side."""
    width, height = size(original)
    points = np.array([(x, y) for x in np.linspace(0, width, 15) for y in np.linspace(0, height, 15)])
    places = moved(truth.transform, points)
    seen = ((places >= 0) & (places <= size(truth.pixels))).all(axis=1)
    assert seen.sum() > 3
    found = moved(transform, points[seen] / max(width, height))
    return float(np.abs(found - places[seen] / max(size(truth.pixels))).max())


# --- the transform ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", list(EDITS))
def test_the_transform_of_an_edit_is_found(name: str) -> None:
    picture, copy = scene(1), edited(name)
    found = aligned(picture, copy.pixels)
    assert found is not None
    assert found.transform.shape == (2, 3)
    assert found.transform.dtype == np.float64
    assert aligning.FEWEST <= found.inliers <= found.matches
    assert error(found.transform, copy, picture) < 0.02
    assert np.sign(np.linalg.det(found.transform[:, :2])) == np.sign(np.linalg.det(copy.transform[:, :2]))


@pytest.mark.parametrize("name", list(EDITS))
def test_copies_agree_and_their_transform_is_made_exact(name: str) -> None:
    picture, copy = scene(1), edited(name, 3)
    found = compared(picture, copy.pixels)
    assert found is not None
    assert found.steady > 0.7
    assert found.drift < 4
    assert found.share > 0.5
    assert found.blob < 0.2
    assert error(found.transform, copy, picture) < 0.5 / GREY * max(1, GREY / max(size(copy.pixels)))


@pytest.mark.parametrize("name", ["crop-25", "mirrored", "turned-10", "pasted", "square"])
def test_the_other_way_round_the_transform_is_the_inverse(name: str) -> None:
    picture, copy = scene(1), edited(name)
    there, back = compared(picture, copy.pixels), compared(copy.pixels, picture)
    assert there is not None
    assert back is not None
    both = np.vstack([back.transform, [0, 0, 1]]) @ np.vstack([there.transform, [0, 0, 1]])
    assert both == pytest.approx(np.eye(3), abs=0.01)
    one, other = shown_of(picture, copy.pixels), shown_of(copy.pixels, picture)
    assert one.overlaps == pytest.approx(other.overlaps[::-1], abs=0.02)


def test_real_pictures_are_aligned_with_their_copies(shared_data: Path) -> None:
    files = sorted((shared_data / "clothing" / "images").glob("*.jpg"))[:400:20]
    pictures = [images.decode(f.read_bytes(), min_side=2000, limits=images.Limits()).rgb for f in files]
    names = ["crop-50", "crop-25", "mirrored", "turned-25", "mixed", "collage", "screenshot", "quarter"]
    right, agreed, trials = 0, 0, 0
    for number, picture in enumerate(pictures):
        for name in names[number % 2 :: 2]:
            copy = EDITS[name].apply(picture, pictures[:4], np.random.default_rng(number))
            found = aligned(picture, copy.pixels)
            trials += 1
            if found is not None and error(found.transform, copy, picture) < 0.02:
                right += 1
                seen = laid_over(picture, copy.pixels, found.transform)
                agreed += seen is not None and seen.steady > 0.6
    assert right >= 0.9 * trials
    assert agreed >= 0.95 * right


def test_an_identical_picture_stays_where_it_is() -> None:
    found = compared(scene(1), scene(1))
    assert found is not None
    assert found.transform == pytest.approx(np.eye(2, 3), abs=1e-4)
    assert (found.share, found.blob) == (1.0, 0.0)
    assert found.steady > 0.99
    assert found.drift < 1.5
    assert shown_of(scene(1), scene(1)) == Shown((1.0, 1.0), (0.0, 0.0))


def test_the_answer_is_the_same_in_several_threads() -> None:
    pairs = [(scene(1), edited(name).pixels) for name in ("crop-25", "mirrored", "pasted", "mixed")]

    def numbers(pair: tuple[np.ndarray, np.ndarray]) -> tuple[object, ...]:
        found = compared(*pair)
        assert found is not None
        return found.steady, found.drift, found.share, found.transform.tolist()

    alone = [numbers(pair) for pair in pairs]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(numbers, pairs * 3)) == alone * 3


# --- what is no copy -------------------------------------------------------------------------


def test_unrelated_pictures_do_not_agree() -> None:
    for seed in range(2, 12):
        found = compared(scene(1), scene(seed))
        assert found is None or (found.steady <= 0.5 and found.drift == UNKNOWN)


@pytest.mark.parametrize("seed", range(2, 5))
def test_pictures_laid_over_each_other_by_force_do_not_agree(seed: int) -> None:
    found = laid_over(scene(1), scene(seed), np.eye(2, 3))
    assert found is not None
    assert found.share < 0.25
    assert (found.steady, found.drift) == (0.5, UNKNOWN)


def warped(picture: np.ndarray, kind: str) -> np.ndarray:
    """The picture as from another place: a plane seen at an angle, or things at several distances."""
    import cv2

    height, width = picture.shape[:2]
    if kind == "perspective":
        corners = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32)
        leaning = corners + np.array([(25, 15), (-5, 0), (0, 0), (0, -12)], np.float32)
        matrix = cv2.getPerspectiveTransform(corners, leaning)
        return np.asarray(
            cv2.warpPerspective(picture, matrix, (width, height), borderMode=cv2.BORDER_REFLECT)
        )
    depth = np.random.default_rng(0).uniform(-9, 9, (5, 6)).astype(np.float32)
    shift = cv2.resize(depth, (width, height), interpolation=cv2.INTER_CUBIC)
    y, x = np.mgrid[:height, :width].astype(np.float32)
    return np.asarray(cv2.remap(picture, x + shift, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT))


@pytest.mark.parametrize("kind", ["perspective", "parallax"])
def test_a_picture_from_another_place_is_not_still(kind: str) -> None:
    picture = scene(1)
    found = compared(picture, warped(picture, kind))
    assert found is None or found.steady < 0.7
    copy = compared(picture, edited("jpeg-30").pixels)
    assert copy is not None
    assert copy.steady > 0.95


# --- overlaps and what is more in one --------------------------------------------------------


def test_overlaps_are_the_shares_that_the_other_shows() -> None:
    found = shown_of(scene(1), edited("crop-25").pixels)
    assert found.overlaps == pytest.approx((0.25, 1.0), abs=0.02)
    assert found.extras == pytest.approx((0.75, 0.0), abs=0.1)


def test_borders_of_one_colour_are_nothing_extra() -> None:
    for name in ("border", "turned-10"):
        found = shown_of(scene(1), edited(name).pixels)
        assert found.overlaps[0] > 0.97
        assert found.extras == (0.0, 0.0)


def test_what_is_around_a_pasted_picture_is_extra() -> None:
    found = shown_of(scene(1), edited("pasted").pixels)
    assert found.overlaps[0] > 0.97
    assert found.overlaps[1] < 0.3
    assert found.extras[0] == 0
    assert found.extras[1] > 0.6


# --- whatever comes --------------------------------------------------------------------------

STRANGE = {
    "dot": np.zeros((1, 1, 3), np.uint8),
    "plain": np.full((200, 300, 3), 90, np.uint8),
    "wide": np.random.default_rng(0).integers(0, 256, (3, 2000, 3)).astype(np.uint8),
    "high": np.random.default_rng(0).integers(0, 256, (2000, 30, 3)).astype(np.uint8),
    "noise": np.random.default_rng(0).integers(0, 256, (200, 300, 3)).astype(np.uint8),
    "stripes": np.repeat(np.arange(0, 300, dtype=np.uint8)[None, :, None] // 10 % 2 * 255, 200, 0)
    .repeat(3, 2)
    .copy(),
    "scene": scene(1),
}


@pytest.mark.parametrize("first", STRANGE)
@pytest.mark.parametrize("second", STRANGE)
def test_any_two_pictures_can_be_compared(first: str, second: str) -> None:
    a, b = STRANGE[first], STRANGE[second]
    found = aligned(a, b)
    if {first, second} & {"dot", "plain", "wide"}:
        assert found is None
    transforms = [np.eye(2, 3), np.array([[0.1, 0, 0.9], [0, 0.1, 0.9]]), np.array([[-1.0, 0, 1], [0, 1, 0]])]
    transforms += [found.transform] if found else []
    for transform in transforms:
        seen = laid_over(a, b, transform)
        if seen is not None:
            around = shown(*(grey_at(picture, GREY, enlarge=False) for picture in (a, b)), transform)
            numbers = (seen.share, seen.blob, seen.steady, *around.overlaps, *around.extras)
            assert all(0 <= number <= 1 for number in numbers)
            assert 0 <= seen.drift <= 36
            assert np.isfinite(seen.transform).all()


def test_nothing_over_nothing_is_no_agreement() -> None:
    far = np.array([[1.0, 0, 3], [0, 1, 3]])
    assert laid_over(scene(1), scene(2), far) is None


def test_a_transform_no_copy_is_made_by_is_not_given() -> None:
    squeezed = np.array([[1.0, 0, 0], [0, 0.2, 0]])
    assert aligning._is_plain(np.eye(2, 3))
    assert not aligning._is_plain(squeezed)
    assert not aligning._is_plain(np.eye(2, 3) * 0.01)
    assert not aligning._is_plain(np.eye(2, 3) * 30)


# --- the steps against the slow, obvious way --------------------------------------------------


def mutual_by_looking_at_all(a: np.ndarray, b: np.ndarray) -> set[tuple[int, int]]:
    """Pairs of which each is the other's nearest, and near, in all and in the first 64 bits."""
    bits = np.unpackbits(a, axis=1)[:, None] != np.unpackbits(b, axis=1)
    apart = np.where(bits[..., :64].sum(2) <= aligning._CLOSE_WORD, bits.sum(2), 999)
    return {
        (i, j)
        for i, j in np.argwhere(apart <= aligning._CLOSE_BITS).tolist()
        if apart[i, j] == apart[i].min() == apart[:, j].min()
    }


@given(st.integers(0, 10_000), st.integers(0, 20), st.integers(0, 20))
def test_resembling_descriptors_are_each_others_nearest(seed: int, many: int, more: int) -> None:
    dice = np.random.default_rng(seed)
    seeds = dice.integers(0, 256, (5, 32), dtype=np.uint8)

    def near_some(count: int) -> np.ndarray:
        flips = np.packbits(dice.random((count, 256)) < 0.1, axis=1)
        return np.asarray(seeds[dice.integers(0, 5, count)] ^ flips)

    a, b = near_some(many), near_some(more)
    found = [(int(i), int(j)) for i, j in aligning._resembling(a, b)]
    expected = mutual_by_looking_at_all(a, b)
    assert set(found) <= expected
    assert len({i for i, _ in found}) == len(found) == len({j for _, j in found})
    # Where several are equally near, it may take one of them or none.
    apart = (np.unpackbits(a, axis=1)[:, None] != np.unpackbits(b, axis=1)).sum(axis=2)
    clear = {
        (i, j)
        for i, j in expected
        if (apart[i] == apart[i, j]).sum() == (apart[:, j] == apart[i, j]).sum() == 1
    }
    assert clear <= set(found)


def planted(transform: np.ndarray, right: int, wrong: int, seed: int) -> tuple[Features, Features]:
    """Features of two pictures, some of which lie as the transform says, the others anywhere."""
    dice = np.random.default_rng(seed)
    count = right + wrong
    points = dice.random((count, 2))
    places = np.where(np.arange(count)[:, None] < right, moved(transform, points), dice.random((count, 2)))
    factor = complex(transform[0, 0], transform[1, 0])
    angles = dice.integers(0, 360, count)
    turned = np.where(np.arange(count) < right, np.degrees(np.angle(factor)), dice.integers(0, 360, count))
    scales = np.full(count, 0.08, np.float32)
    descriptors = dice.integers(0, 256, (count, 32), dtype=np.uint8)
    nothing = dice.integers(0, 256, (count, 32), dtype=np.uint8)
    return (
        Features(points.astype(np.float32), scales, angles.astype(np.float32), descriptors, nothing),
        Features(
            places.astype(np.float32),
            scales * np.float32(abs(factor)),
            ((angles + turned) % 360).astype(np.float32),
            descriptors,
            nothing[::-1].copy(),
        ),
    )


@given(
    st.integers(0, 10_000), st.floats(-180, 180), st.floats(0.3, 3), st.integers(8, 30), st.integers(0, 30)
)
def test_a_similarity_is_found_among_wrong_pairs(
    seed: int, degrees: float, growth: float, right: int, wrong: int
) -> None:
    c, s = growth * np.cos(np.radians(degrees)), growth * np.sin(np.radians(degrees))
    transform = np.array([[c, -s, 0.1], [s, c, -0.2]])
    found = align(*planted(transform, right, wrong, seed), (100, 100), (100, 100))
    assert found is not None
    assert found.inliers >= right
    assert np.abs(moved(found.transform, np.eye(2)) - moved(transform, np.eye(2))).max() < 0.03 * (1 + growth)


def test_few_features_that_agree_by_chance_are_no_alignment() -> None:
    assert align(*planted(np.eye(2, 3), 6, 0, 0), (100, 100), (100, 100)) is None
    assert align(*planted(np.eye(2, 3), 7, 0, 0), (100, 100), (100, 100)) is not None
    assert align(*planted(np.eye(2, 3), 9, 110, 0), (100, 100), (100, 100)) is None


def shaken(features: Features, points: np.ndarray, off: float) -> Features:
    """The features at these points, but for so much that they are off by chance."""
    chance = np.random.default_rng(5).normal(0, off, points.shape)
    return replace(features, points=(points + chance).astype(np.float32))


@pytest.mark.parametrize("off", [0.0, 0.002, 0.005])
def test_places_that_bend_are_those_of_another_photo(off: float) -> None:
    first, second = planted(np.eye(2, 3), 80, 20, 3)
    assert align(first, shaken(second, second.points, off), (100, 100), (100, 100)) is not None
    x, y = second.points.T
    bent = np.column_stack([x + 0.04 * (y - 0.5) ** 2, y])
    assert align(first, shaken(second, bent, min(off, 0.002)), (100, 100), (100, 100)) is None
