"""Whose colours would be lost: what goes for what, when copies differ in nothing but colours."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from PIL import Image

from lookalike.duplicates.calibration import SHIPPED
from lookalike.duplicates.colours import Colours, compare_colours, small
from lookalike.duplicates.edits import EDITS
from lookalike.duplicates.finding import compare
from lookalike.duplicates.groups import ALTERED, IN_GREY, RECOLOURED, TINTED, TONED, TOUCHED, doubt, stars
from lookalike.duplicates.looks import Sketch, sketch
from lookalike.duplicates.pairs import Pair
from lookalike.images import Decoded

Pixels = np.ndarray
Photo = Callable[[int], Pixels]


def sketched(pixels: Pixels) -> Sketch:
    height, width = pixels.shape[:2]
    return sketch(Decoded(np.ascontiguousarray(pixels), width, height, "array"))


def pair(kept: Pixels, copy: Pixels) -> Pair:
    seen = compare(sketched(kept), sketched(copy), SHIPPED)
    assert seen is not None
    return Pair(1, 2, seen.kind, seen.probability, 0.9, seen.match)


def grey(rgb: Pixels, colours: float = 0.0) -> Pixels:
    """The picture with that share of its colours."""
    light = rgb.astype(float) @ (0.299, 0.587, 0.114)
    return np.rint(light[..., None] * (1 - colours) + rgb * colours).clip(0, 255).astype(np.uint8)


def tinted(rgb: Pixels, strength: float = 1.0) -> Pixels:
    """The picture with an orange cast."""
    return (rgb * (1 + strength * np.array([0.15, 0.0, -0.2]))).clip(0, 255).astype(np.uint8)


def another_hue(rgb: Pixels) -> Pixels:
    hue, saturation, value = Image.fromarray(rgb).convert("HSV").split()
    turned = hue.point(lambda degrees: (degrees + 90) % 256)
    return np.asarray(Image.merge("HSV", (turned, saturation, value)).convert("RGB"))


def encoded(rgb: Pixels, format: str, quality: int) -> Pixels:
    written = BytesIO()
    Image.fromarray(rgb).save(written, format, quality=quality)
    return np.asarray(Image.open(written).convert("RGB"))


def colours(first: Pixels, second: Pixels) -> Colours:
    return compare_colours(small(first), small(second), np.eye(2, 3))


@pytest.mark.parametrize("number", range(3))
def test_a_copy_in_grey_may_go_for_a_coloured_one_and_not_the_other_way_round(
    photo: Photo, number: int
) -> None:
    found = pair(photo(number), grey(photo(number)))
    assert doubt(found) is None
    assert doubt(found.reversed()) == RECOLOURED


@pytest.mark.parametrize("strength", [0.3, 0.5, 1.0])
@pytest.mark.parametrize("number", range(3))
def test_neither_a_photo_of_grey_things_nor_its_tinted_copy_goes(
    photo: Photo, number: int, strength: float
) -> None:
    """The tinted copy has more colours, but no more than a cast. It had been kept instead of the photo."""
    original = grey(photo(number), 0.05)
    found = pair(original, tinted(original, strength))
    assert doubt(found) == RECOLOURED
    assert doubt(found.reversed()) == RECOLOURED
    for ranking in ([1, 2], [2, 1]):
        assert not stars([found], ranking)[0].proposed


@pytest.mark.parametrize("strength", [0.05, 0.1, 0.2, 0.4])
def test_the_cast_that_is_kept_is_none_that_can_be_seen(photo: Photo, strength: float) -> None:
    """However faint it is: the photo does not go for a copy with a visible cast because that stands above."""
    original = grey(photo(1), 0.05)
    found = pair(original, tinted(original, strength))
    assert found.match is not None
    (star,) = stars([found], [1, 2])
    assert star.kept == 1 or found.match.recoloured < 3


@pytest.mark.parametrize("colour", [(200, 0, 0), (0, 0, 90), (220, 200, 160)])
def test_a_copy_in_grey_with_a_coloured_border_may_go(photo: Photo, colour: tuple[int, int, int]) -> None:
    bordered = np.full((grey(photo(1)).shape[0] + 40, photo(1).shape[1] + 40, 3), colour, np.uint8)
    bordered[20:-20, 20:-20] = grey(photo(1))
    assert doubt(pair(photo(1), bordered)) is None


@pytest.mark.parametrize("tone", ["tinted", "sepia", "duotone"])
@pytest.mark.parametrize("number", range(3))
def test_a_picture_in_grey_does_not_go_for_one_in_another_tone(photo: Photo, number: int, tone: str) -> None:
    dice = np.random.default_rng(number)
    original = grey(photo(number))
    other = tinted(original) if tone == "tinted" else EDITS[tone].apply(original, [], dice).pixels
    found = pair(other, original)
    assert doubt(found) == TINTED
    assert doubt(found.reversed()) == RECOLOURED


def test_text_in_a_recoloured_copy_is_told_of_with_the_colours(photo: Photo) -> None:
    original = photo(1)
    written = another_hue(original).copy()
    written[20:120, 30:170] = 255 - written[20:120, 30:170]
    assert doubt(pair(original, written)) == ALTERED
    lettered = original.copy()
    lettered[20:120, 30:170] = grey(255 - original[20:120, 30:170])
    assert doubt(pair(original, grey(lettered))) == TOUCHED


def test_weak_colours_are_told_apart_by_their_hue(photo: Photo) -> None:
    """A nearly black jacket in another colour: all of its colours differ, though by little."""
    original = grey(photo(1), 0.13)
    seen = colours(original, another_hue(original))
    assert 2.5 < seen.first.chroma < 4
    assert seen.difference < 8
    turned = pair(original, another_hue(original))
    assert doubt(turned) == RECOLOURED
    assert doubt(turned.reversed()) == RECOLOURED
    encoded_again = pair(original, encoded(original, "JPEG", 30))
    assert doubt(encoded_again) is None
    assert doubt(encoded_again.reversed()) is None


@pytest.mark.parametrize(("format", "quality"), [("JPEG", 90), ("JPEG", 30), ("WEBP", 80)])
def test_what_was_saved_in_grey_stays_grey(photo: Photo, format: str, quality: int) -> None:
    seen = colours(photo(2), encoded(grey(photo(2)), format, quality))
    assert seen.second.chroma < IN_GREY / 2
    assert seen.second.variety < TONED / 2


def test_variety_is_what_lightness_does_not_tell() -> None:
    ramp = np.repeat(np.linspace(0, 255, 64).astype(np.uint8)[None], 64, axis=0)
    steps = np.repeat(ramp[..., None], 3, axis=2)
    half = steps.copy()
    half[::2, :, 0] //= 2
    cast, two = colours(tinted(steps), half).first, colours(tinted(steps), half).second
    assert cast.chroma > 10
    assert cast.variety < TONED
    assert two.variety > 5


@pytest.mark.filterwarnings("error")
def test_a_picture_of_one_colour_and_a_single_pixel_have_no_variety() -> None:
    red: Any = np.full((40, 30, 3), (200, 20, 20), np.uint8)
    assert colours(red, red).first.variety == pytest.approx(0, abs=1e-3)
    assert colours(red[:1, :1], red[:1, :1]).first.variety == pytest.approx(0, abs=1e-3)
