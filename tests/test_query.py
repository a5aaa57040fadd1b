from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike.errors import UsageError
from lookalike.images import Decoded
from lookalike.query import AGAINST_WEIGHT, Region, combine
from lookalike.vectors import canonical


def decoded(columns: int, rows: int, width: int | None = None, height: int | None = None) -> Decoded:
    """A picture whose pixel (x, y) is the colour (x, y, 0), of a full size that may be larger."""
    y, x = np.mgrid[0:rows, 0:columns]
    rgb = np.stack([x, y, np.zeros_like(x)], axis=2).astype(np.uint8)
    return Decoded(rgb, width or columns, height or rows, "array")


def extent(pixels: np.ndarray) -> tuple[int, int, int, int]:
    """First column, first row, columns and rows of a cut."""
    return int(pixels[0, 0, 0]), int(pixels[0, 0, 1]), pixels.shape[1], pixels.shape[0]


def rows(n: int, seed: int, d: int = 16) -> np.ndarray:
    return canonical(np.random.default_rng(seed).normal(size=(n, d)))


# --- regions ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "region"),
    [
        ("10,20,30,40", Region(10, 20, 30, 40)),
        (" 0.25, 0 ,0.5,1 ", Region(0.25, 0, 0.5, 1)),
        ("0,0,1,1", Region(0, 0, 1, 1)),
        ("1e1,0,2.5,3", Region(10, 0, 2.5, 3)),
    ],
)
def test_parse(text: str, region: Region) -> None:
    assert Region.parse(text) == region
    assert Region.parse(str(region)) == region


@pytest.mark.parametrize("text", ["", "1,2,3", "1,2,3,4,5", "a,b,c,d", "1;2;3;4", "10,20,30,", "1 2 3 4"])
def test_parse_says_what_it_wanted(text: str) -> None:
    message = (
        "region must be four numbers X,Y,WIDTH,HEIGHT (pixels, or shares of the picture up to 1), "
        f"got {text!r}"
    )
    with pytest.raises(UsageError, match=f"^{re.escape(message)}$"):
        Region.parse(text)


@pytest.mark.parametrize(
    "text", ["-1,0,5,5", "0,-0.1,1,1", "0,0,0,5", "0,0,5,-5", "nan,0,1,1", "0,0,inf,1", "0,1e999,1,1"]
)
def test_numbers_that_make_no_rectangle(text: str) -> None:
    with pytest.raises(UsageError, match=r"^region must be X,Y,WIDTH,HEIGHT with a width and height above 0"):
        Region.parse(text)


@pytest.mark.parametrize(
    ("text", "shares"),
    [
        ("50,20,100,40", (0.25, 0.2, 0.75, 0.6)),
        ("0.25,0.2,0.5,0.4", (0.25, 0.2, 0.75, 0.6)),
        ("150,50,1000,1000", (0.75, 0.5, 1.0, 1.0)),  # cut to the picture
        ("0.9,0.9,0.5,0.5", (0.9, 0.9, 1.0, 1.0)),
        ("0,0,1,1", (0.0, 0.0, 1.0, 1.0)),  # all at most 1: shares, so the whole picture
        ("0,0,1,2", (0.0, 0.0, 0.005, 0.02)),  # a number above 1: pixels
    ],
)
def test_shares(text: str, shares: tuple[float, ...]) -> None:
    assert Region.parse(text).shares(200, 100) == pytest.approx(shares)


@pytest.mark.parametrize("text", ["200,0,10,10", "0,100,10,10", "1,0,1,1", "5000,5000,1,1"])
def test_a_region_outside_the_picture(text: str) -> None:
    with pytest.raises(
        UsageError, match=rf"^region {text} lies outside the picture, which has 200 x 100 pix"
    ):
        Region.parse(text).cut(decoded(200, 100))


@given(st.data())
def test_pixels_are_cut_exactly(data: st.DataObject) -> None:
    columns, height = data.draw(st.integers(2, 256)), data.draw(st.integers(2, 256))
    x, y = data.draw(st.integers(0, columns - 1)), data.draw(st.integers(0, height - 1))
    w, h = data.draw(st.integers(2, columns + 5)), data.draw(st.integers(1, height + 5))
    cut = Region(x, y, w, h).cut(decoded(columns, height))
    assert extent(cut) == (x, y, min(w, columns - x), min(h, height - y))
    assert cut.flags.c_contiguous


def test_every_pixel_of_every_width_can_be_cut() -> None:
    for columns in (*range(2, 120), 199, 255):
        picture = decoded(columns, 1)
        for x in range(columns):
            assert extent(Region(x, 0, 2, 1).cut(picture)) == (x, 0, min(2, columns - x), 1)


def test_pixels_are_those_of_the_full_picture() -> None:
    # A JPEG of 800 x 400 that was decoded at a quarter of its size.
    small = decoded(200, 100, 800, 400)
    assert extent(Region(80, 40, 160, 80).cut(small)) == (20, 10, 40, 20)
    assert extent(Region(0.1, 0.1, 0.2, 0.2).cut(small)) == (20, 10, 40, 20)


def test_at_least_one_pixel() -> None:
    assert extent(Region(0.5, 0.5, 1e-9, 1e-9).cut(decoded(7, 5))) in {(3, 2, 1, 1), (4, 2, 1, 1)}
    assert extent(Region(799, 399, 1, 1).cut(decoded(200, 100, 800, 400))) == (199, 99, 1, 1)
    assert extent(Region(0, 0, 1, 1).cut(decoded(1, 1))) == (0, 0, 1, 1)


# --- pictures for and against ----------------------------------------------------------------


def slow_combine(positive: np.ndarray, negative: np.ndarray) -> np.ndarray:
    total = []
    for i in range(positive.shape[1]):
        value = sum(float(row[i]) for row in positive) / len(positive)
        if len(negative):
            value -= AGAINST_WEIGHT * sum(float(row[i]) for row in negative) / len(negative)
        total.append(value)
    length = sum(value * value for value in total) ** 0.5
    return np.array([value / length for value in total])


@given(st.integers(1, 5), st.integers(0, 5), st.integers(0, 10_000))
def test_combine_against_a_slow_reference(p: int, n: int, seed: int) -> None:
    positive, negative = rows(p, seed), rows(n, seed + 1)
    vector = combine(positive, negative)
    assert vector.dtype == np.float32
    assert vector == pytest.approx(slow_combine(positive, negative), abs=1e-3)
    np.testing.assert_array_equal(canonical(vector[None])[0], vector)


def test_one_picture_keeps_its_bits() -> None:
    positive = rows(1, 3)
    np.testing.assert_array_equal(combine(positive, rows(0, 0)), positive[0])


def test_pictures_against_push_away() -> None:
    positive, negative = rows(2, 5), rows(1, 6)
    plain, pushed = combine(positive, rows(0, 0)), combine(positive, negative)
    assert pushed @ negative[0] < plain @ negative[0]


def test_pictures_that_cancel_each_other_out() -> None:
    one = rows(1, 8)
    message = "the pictures for and against cancel each other out: nothing is left to search for"
    with pytest.raises(UsageError, match=f"^{message}$"):
        combine(np.concatenate([one, -one]), rows(0, 0))
    third = canonical(np.array([[1.0, 0.0], [-1.0, 0.0], [1.0, 0.0], [-1.0, 0.0]]))
    with pytest.raises(UsageError, match="cancel each other out"):
        combine(third[:2], third[2:])
