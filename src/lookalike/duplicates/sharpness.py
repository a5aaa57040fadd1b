"""Whether a picture shows the detail that its pixels could: one that was enlarged or blurred does not.

Of pictures of the world every octave of detail is about as strong as the next one (D. Field, "Relations
between the statistics of natural images and the response properties of cortical cells", 1987). Where a
picture was enlarged by a factor, the detail above what the smaller one can hold is all but missing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lookalike.images import Pixels

SOFT = 0.17
"""Strength of the finest details, relative to the next octave, below which they are missing. Of 28 photos,
encoded again after enlarging them (bilinear, bicubic, Lanczos) by 1.5 to 3: 0.04 to 0.18 in nine of ten, as
they came 0.21 and more; blurred by one pixel 0.08 to 0.16 in nine of ten."""

LEAST_GROWTH = 1.3
"""From which growth of the sides on it is asked: enlarged by less, a picture looks nearly as sharp."""

_AS_LARGE = 1.02
"""By less two copies do not differ in pixels: a squeezed one has a few more or less, as its sides are
rounded."""

_FAINTER = 0.25  # of the other picture's finest details are left in a blurred one of the same size, at most
_GONE = 0.05  # likewise, where it is blurred so much that the next octave is missing, too
_WINDOW = 1024  # pixels of each side that are looked at, in the middle
_TILE = 16  # pixels of a tile; the calmest ones tell the noise, which is no detail
_CALM = 10  # percent of the tiles


@dataclass(frozen=True, slots=True)
class Detail:
    """How strong the finest details of a picture are.

    Attributes:
        energy: grey levels squared that are lost on average when it is made smaller by a factor.
        share: of what is lost when that is made smaller by two.
    """

    energy: float
    share: float


def detail(rgb: Pixels, factor: float) -> Detail:
    """The details that a picture loses when it is made smaller by a factor.

    Args:
        rgb: (h, w, 3) uint8, at full size.
        factor: more than 1.
    """
    import cv2

    height, width = rgb.shape[:2]
    top, left = max(0, height - _WINDOW) // 2, max(0, width - _WINDOW) // 2
    middle = np.ascontiguousarray(rgb[top : top + _WINDOW, left : left + _WINDOW])
    grey = cv2.cvtColor(middle, cv2.COLOR_RGB2GRAY).astype(np.float32)
    small, finest = _lost(grey, factor)
    energy = _above_noise(finest)
    return Detail(energy, energy / _above_noise(_lost(small, 2)[1]))


def _lost(
    grey: npt.NDArray[np.float32], factor: float
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """The picture made smaller, and the square of what that loses of each pixel."""
    import cv2

    height, width = grey.shape
    size = max(1, round(width / factor)), max(1, round(height / factor))
    small = np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), np.float32)
    again = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
    return small, np.asarray((grey - again) ** 2, np.float32)


def _above_noise(lost: npt.NDArray[np.float32]) -> float:
    """The mean, without what is lost everywhere."""
    import cv2

    tiles = cv2.blur(lost, (_TILE, _TILE))[_TILE // 2 :: _TILE, _TILE // 2 :: _TILE]
    return max(float(np.mean(tiles) - np.percentile(tiles, _CALM)), 1e-3)


def true_pixels(first: Pixels, second: Pixels) -> tuple[int, int]:
    """How many pixels two copies that show the same are worth: fewer than they have where one was enlarged,
    or blurred.

    Args:
        first: (h, w, 3) uint8, at full size.
        second: likewise.

    Returns:
        For both the larger number where they differ by next to nothing.
    """
    one, other = (picture.shape[0] * picture.shape[1] for picture in (first, second))
    growth = (max(one, other) / min(one, other)) ** 0.5
    if growth >= LEAST_GROWTH:
        larger = first if one > other else second
        enlarged = detail(larger, growth).share < SOFT
        return (min(one, other),) * 2 if enlarged else (one, other)
    for factor in (4, 2):
        if min(first.shape[:2] + second.shape[:2]) < 8 * factor * _TILE:
            continue
        a, b = detail(first, factor), detail(second, factor)
        if _is_blurred(a, b):
            return one // factor**2, other
        if _is_blurred(b, a):
            return one, other // factor**2
    return (max(one, other),) * 2 if max(one, other) < _AS_LARGE * min(one, other) else (one, other)


def _is_blurred(one: Detail, other: Detail) -> bool:
    """Whether the one has lost what the other one shows. (What is merely fainter may have been the original,
    and the other one sharpened, or noisy.)"""
    return one.energy < (_FAINTER if one.share < SOFT else _GONE) * other.energy
