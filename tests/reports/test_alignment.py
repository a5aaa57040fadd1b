"""Laying a copy on the picture kept: the way back, and what was done to it in words."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike.reports.alignment import Affine, described, inverted, percent, placement
from lookalike.results import Copy, PictureFacts


def _facts(width: int, height: int) -> PictureFacts:
    return PictureFacts("/a.jpg", 1, width, height, 1000, "JPEG", "2026-11-23T08:30:00Z", "00")


def _copy(transform: Affine | None, width: int = 60, height: int = 80, **more: float) -> Copy:
    return Copy(_facts(width, height), "edited", 0.99, transform=transform, **more)


def _matrix(rows: Affine) -> np.ndarray:
    return np.array([*rows, (0.0, 0.0, 1.0)])


@st.composite
def transforms(draw: st.DrawFn) -> Affine:
    """Scaled from a tenth to ten times, turned, perhaps mirrored, a little uneven, and moved."""
    angle = draw(st.floats(-math.pi, math.pi))
    scale = 10 ** draw(st.floats(-1, 1))
    uneven = draw(st.floats(0.8, 1.25)) * draw(st.sampled_from([1, -1]))
    move = [draw(st.floats(-5000, 5000)) for _ in range(2)]
    c, s = scale * math.cos(angle), scale * math.sin(angle)
    return ((c * uneven, -s, move[0]), (s * uneven, c, move[1]))


@given(transforms())
def test_the_placement_of_a_copy_is_the_way_back(transform: Affine) -> None:
    back = placement(_facts(80, 60), _copy(transform))
    assert np.allclose(_matrix(back) @ _matrix(transform), np.eye(3), atol=1e-6)


@pytest.mark.parametrize(
    "transform",
    [None, ((1.0, 2.0, 0.0), (2.0, 4.0, 0.0)), ((math.nan, 0.0, 0.0), (0.0, 1.0, 0.0))],
)
def test_without_a_usable_transform_a_copy_covers_the_picture_kept(transform: Affine | None) -> None:
    (a, b, x), (c, d, y) = placement(_facts(800, 600), _copy(transform, 400, 200))
    assert (a, b, x) == (2.0, 0.0, 0.0)
    assert (c, d, y) == (0.0, 3.0, 0.0)


def test_a_transform_onto_a_line_has_no_way_back() -> None:
    assert inverted(((0.0, 0.0, 5.0), (0.0, 0.0, 5.0))) is None


def _of(edit: np.ndarray, size: int = 100) -> Affine:
    """The transform that takes a picture's points to those of the picture edited in the same way."""
    centre = np.array([size / 2, size / 2])
    move = centre - edit @ centre
    (a, b), (c, d) = edit.tolist()
    return ((a, b, float(move[0])), (c, d, float(move[1])))


def _edited(picture: np.ndarray, transform: Affine) -> np.ndarray:
    """The slow way: every pixel of the picture goes where the transform takes its centre."""
    result = np.zeros_like(picture)
    for y, x in np.ndindex(picture.shape):
        u, v = _matrix(transform)[:2] @ (x + 0.5, y + 0.5, 1)
        result[math.floor(v), math.floor(u)] = picture[y, x]
    return result


MIRROR = np.array([[-1, 0], [0, 1]])
RIGHT = np.array([[0, -1], [1, 0]])  # y goes down: what was at the top is now on the right
PICTURE = np.arange(16).reshape(4, 4)


@pytest.mark.parametrize(
    ("edit", "same", "words"),
    [
        (np.eye(2), PICTURE, []),
        (MIRROR, PICTURE[:, ::-1], ["mirrored"]),
        (RIGHT, np.rot90(PICTURE, -1), ["turned 90° to the right"]),
        (RIGHT @ RIGHT, PICTURE[::-1, ::-1], ["turned upside down"]),
        (RIGHT @ RIGHT @ RIGHT, np.rot90(PICTURE), ["turned 90° to the left"]),
        (RIGHT @ RIGHT @ MIRROR, PICTURE[::-1], ["flipped top to bottom"]),
        (RIGHT @ MIRROR, np.rot90(PICTURE[:, ::-1], -1), ["mirrored", "turned 90° to the right"]),
    ],
)
def test_turns_and_mirrors_are_called_what_they_are(
    edit: np.ndarray, same: np.ndarray, words: list[str]
) -> None:
    transform = _of(edit, 4)
    assert (_edited(PICTURE, transform) == same).all()
    assert described(_copy(transform)) == words


@given(st.floats(-179, 179), st.booleans(), st.floats(0.1, 10))
def test_any_turn_at_any_size(angle: float, mirrored: bool, scale: float) -> None:
    turn = np.array(
        [
            [math.cos(math.radians(angle)), -math.sin(math.radians(angle))],
            [math.sin(math.radians(angle)), math.cos(math.radians(angle))],
        ]
    )
    said = described(_copy(_of(scale * turn @ (MIRROR if mirrored else np.eye(2)))))
    if 2 < abs(angle) < 178:
        assert said[-1] == f"turned {abs(angle):.0f}° to the {'right' if angle > 0 else 'left'}"
        assert said[:-1] == ["mirrored"] * mirrored


def test_parts_and_frames() -> None:
    assert described(_copy(None, overlap=0.6, overlap_copy=1.0)) == ["a part of the one kept"]
    assert described(_copy(None, overlap=0.99, overlap_copy=0.3)) == ["with more around it"]
    assert described(_copy(None, overlap=0.99, overlap_copy=0.99)) == []
    assert described(_copy(None)) == []


@given(st.floats(0, 1))
def test_no_share_is_rounded_to_all_or_nothing(share: float) -> None:
    assert (percent(share) == "100 %") == (share == 1)
    assert (percent(share) == "0 %") == (share == 0)
