"""What the pixels of a picture say, on drawn pictures, and what speaks against it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from lookalike.files import FileIdentity
from lookalike.gallery.base import Picture
from lookalike.outliers.quality import Quality, blur, measure
from lookalike.outliers.traits import of_file, of_pixels

ORDINARY = Quality(200, 200, 40, 0.3)


def names(quality: Quality) -> list[str]:
    return [reason.name for reason in of_pixels(quality)]


def test_an_ordinary_picture_has_nothing_against_it(photo: Any) -> None:
    assert not names(ORDINARY)
    for number in range(4):
        assert not names(measure(photo(number)))


def test_drawn_pictures_have_the_reason_they_were_drawn_for(photo: Any) -> None:
    ground = photo(1).astype(np.float32)
    noise = np.random.default_rng(0).normal(0, 2, ground.shape)
    dot = np.full((300, 400, 3), 250, np.uint8)
    dot[10:14, 10:14] = 0
    drawn = {
        "nearly blank": [np.clip(140 + noise, 0, 255).astype(np.uint8), np.zeros((50, 50, 3), np.uint8), dot],
        "very dark": [(ground * 0.2).astype(np.uint8)],
        "very bright": [(255 - (255 - ground) * 0.15).astype(np.uint8)],
        "blurred": [cv2.GaussianBlur(photo(1), (0, 0), 6)],
    }
    for name, pictures in drawn.items():
        for pixels in pictures:
            assert names(measure(pixels)) == [name]


def test_blur_grows_with_blurring_and_lies_between_0_and_1(photo: Any) -> None:
    grey = cv2.cvtColor(photo(2), cv2.COLOR_RGB2GRAY)
    found = [blur(grey), *(blur(cv2.GaussianBlur(grey, (0, 0), sigma)) for sigma in (1, 2, 4))]
    assert found == sorted(found)
    assert blur(np.full((20, 20), 7, np.uint8)) == 1.0


@given(arrays(np.uint8, st.tuples(st.integers(1, 40), st.integers(1, 40), st.just(3))))
def test_every_picture_can_be_measured(rgb: np.ndarray) -> None:
    quality = measure(rgb)
    assert 0 <= quality.blur <= 1
    assert 0 <= quality.darkest <= quality.lightest <= 255
    assert 0 <= quality.contrast <= 255
    for reason in of_pixels(quality):
        assert 0.5 <= reason.score <= 1


def test_size_does_not_change_what_is_seen(photo: Any) -> None:
    large = photo(3, (1280, 960))
    small = cv2.resize(large, (256, 192), interpolation=cv2.INTER_AREA)
    assert measure(large) == measure(small)


PICTURE = Picture(FileIdentity("/a.jpg", 1, 1), "0" * 64, 400, 300, "JPEG", 0)


@pytest.mark.parametrize(
    ("changes", "expected", "detail"),
    [
        ({}, [], ""),
        ({"width": 63, "height": 63}, ["tiny"], "63 × 63 pixels"),
        ({"width": 1, "height": 1}, ["tiny"], "1 × 1 pixels"),
        ({"width": 64, "height": 64}, [], ""),
        ({"width": 1000}, ["odd aspect"], "3.3 : 1"),
        ({"height": 1200}, [], ""),
        ({"truncated": True}, ["cut off"], "the file ends early"),
        ({"width": 10, "height": 4000}, ["tiny", "odd aspect"], "10 × 4,000 pixels"),
    ],
)
def test_sizes(changes: dict[str, Any], expected: list[str], detail: str) -> None:
    reasons = list(of_file(replace(PICTURE, **changes)))
    assert [reason.name for reason in reasons] == expected
    assert all(0.5 <= reason.score <= 1 for reason in reasons)
    assert not expected or reasons[0].detail == detail
