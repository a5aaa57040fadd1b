"""Which of two copies was made from the other."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike import images
from lookalike.duplicates.edits import EDITS
from lookalike.duplicates.lineage import BY_CHANCE, Source, made, marks

SIZE = (306, 403)  # no whole blocks
TURNS = {
    # How EXIF orientation 1 to 8 takes points of the picture as it is stored, w x h, to the upright one.
    1: lambda w, h: ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0)),
    2: lambda w, h: ((-1.0, 0.0, w), (0.0, 1.0, 0.0)),
    3: lambda w, h: ((-1.0, 0.0, w), (0.0, -1.0, h)),
    4: lambda w, h: ((1.0, 0.0, 0.0), (0.0, -1.0, h)),
    5: lambda w, h: ((0.0, 1.0, 0.0), (1.0, 0.0, 0.0)),
    6: lambda w, h: ((0.0, -1.0, h), (1.0, 0.0, 0.0)),
    7: lambda w, h: ((0.0, -1.0, h), (-1.0, 0.0, w)),
    8: lambda w, h: ((0.0, 1.0, 0.0), (-1.0, 0.0, w)),
}


def source(data: bytes) -> Source:
    return Source.of(images.decode(data, min_side=1 << 20, limits=images.Limits()).rgb, data)


def inverse(transform: Any) -> Any:
    return np.linalg.inv(np.vstack([transform, [0, 0, 1]]))[:2]


@pytest.fixture(scope="module")
def jpeg(photo: Any, encode: Any) -> Any:
    return lambda number, quality: encode(photo(number, SIZE), ".jpg", quality=quality)


@pytest.mark.parametrize("orientation", TURNS)
@pytest.mark.parametrize(("quality", "suffix", "options"), [(85, ".png", {}), (70, ".jpg", {"quality": 97})])
def test_what_was_saved_from_a_jpeg_is_told_however_it_was_turned(
    jpeg: Any, encode: Any, orientation: int, quality: int, suffix: str, options: dict[str, int]
) -> None:
    first = source(jpeg(1, quality))
    height, width = first.rgb.shape[:2]
    second = source(encode(images.turn(first.rgb, orientation), suffix, **options))
    transform = TURNS[orientation](width, height)
    assert made(first, second, transform) == (False, True)
    assert made(second, first, inverse(transform)) == (True, False)


@pytest.mark.parametrize("orientation", range(2, 9))
def test_a_photo_that_its_file_turns(jpeg: Any, encode: Any, orientation: int) -> None:
    from PIL import Image

    exif = Image.Exif()
    exif[0x0112] = orientation
    first = source(jpeg(1, 85)[:2] + _exif_segment(exif) + jpeg(1, 85)[2:])
    second = source(encode(first.rgb, ".png"))
    assert first.orientation == orientation
    assert made(first, second, TURNS[1](0, 0)) == (False, True)


def _exif_segment(exif: Any) -> bytes:
    block = exif.tobytes()
    return b"\xff\xe1" + (len(block) + 2).to_bytes(2, "big") + block


@pytest.mark.parametrize("quality", [60, 85, 92])
def test_what_a_jpeg_was_made_from_does_not_show_its_steps(photo: Any, encode: Any, quality: int) -> None:
    original = source(encode(photo(2, SIZE), ".png"))
    copy = source(encode(original.rgb, ".jpg", quality=quality))
    assert made(original, copy, TURNS[1](0, 0)) == (False, False)
    assert abs(marks(copy, original, np.array(TURNS[1](0, 0))) - BY_CHANCE) < 0.03


@pytest.mark.parametrize("name", ["blurred", "noise", "sharpened", "light"])
@pytest.mark.parametrize(("quality", "again"), [(70, 85), (60, 80), (75, 90), (85, 70)])
def test_steps_that_are_multiples_of_the_others_are_not_taken_for_them(
    photo: Any, jpeg: Any, encode: Any, name: str, quality: int, again: int
) -> None:
    """A JPEG of quality 70 has twice the steps of one of 85: a copy saved so shows nothing of its source."""
    first = source(jpeg(6, quality))
    changed = EDITS[name](first.rgb, [], np.random.default_rng(0))
    second = source(encode(changed, ".jpg", quality=again))
    assert made(first, second, TURNS[1](0, 0)) == (False, False)


def test_saved_twice_alike_nothing_is_told(jpeg: Any, encode: Any) -> None:
    first = source(jpeg(3, 80))
    second = source(encode(first.rgb, ".jpg", quality=80))
    assert made(first, second, TURNS[1](0, 0)) == (False, False)


def test_enlarged_and_squeezed_copies(jpeg: Any, encode: Any) -> None:
    first = source(jpeg(4, 75))
    for width, height in ((364, 486), (351, 351)):
        larger = cv2.resize(first.rgb, (width, height), interpolation=cv2.INTER_CUBIC)
        second = source(encode(np.asarray(larger), ".png"))
        across, down = width / first.rgb.shape[1], height / first.rgb.shape[0]
        assert made(first, second, ((across, 0.0, 0.0), (0.0, down, 0.0))) == (False, True)


@pytest.mark.parametrize("softness", [0.0, 3.0])
@pytest.mark.parametrize("share", [0.5, 0.8])
def test_a_large_original_is_never_made_from_its_small_copy(
    photo: Any, encode: Any, softness: float, share: float
) -> None:
    for number in range(12):
        rgb = photo(number, SIZE)
        rgb = cv2.GaussianBlur(rgb, (0, 0), softness) if softness else rgb
        first = source(encode(rgb, ".png"))
        small = cv2.resize(rgb, None, fx=share, fy=share, interpolation=cv2.INTER_AREA)
        second = source(encode(np.asarray(small), ".jpg", quality=60))
        across, down = small.shape[1] / rgb.shape[1], small.shape[0] / rgb.shape[0]
        assert made(first, second, ((across, 0.0, 0.0), (0.0, down, 0.0)))[0] is False


def test_frames_that_are_not_the_same(jpeg: Any, encode: Any) -> None:
    first = source(jpeg(5, 75))
    second = source(encode(first.rgb, ".png"))
    for transform in (((0.7, -0.7, 90.0), (0.7, 0.7, 0.0)), ((1.0, 0.0, 40.0), (0.0, 1.0, 0.0))):
        assert made(first, second, transform) == (False, False)


@given(data=st.binary(max_size=400))
def test_any_bytes_have_steps_or_none(data: bytes) -> None:
    for start in (b"", b"\xff\xd8\xff\xdb\0\x43\0", b"\xff\xd8\xff\xc0\0\x11\x08"):
        steps = images.jpeg_steps(start + data)
        assert steps is None or (steps.shape == (8, 8) and steps.min() >= 1)


@pytest.mark.parametrize("quality", [30, 75, 96])
def test_steps_are_those_of_pillow(jpeg: Any, quality: int) -> None:
    from io import BytesIO

    from PIL import Image

    data = jpeg(1, quality)
    known = Image.open(BytesIO(data)).quantization[0]  # type: ignore[attr-defined]
    steps = images.jpeg_steps(data)
    assert steps is not None
    assert steps.ravel().tolist() == known
