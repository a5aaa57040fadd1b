"""One picture laid over another: the part that both show, at one size and equally sharp."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lookalike.duplicates.geometry import Grey, Matrix, square

LAID = 256
"""Pixels of the longer side of the part that both pictures show, when one is laid over the other."""

_LEAST = 64  # pixels of each picture that the other one must show
_LOST = 0.2  # share of the details of one picture that shows that the other one is blurred
_TILE = 16  # pixels of a tile of which it is asked
_ALIKE = 0.75  # correlation from which two tiles show the same
_DETAILED = 1e-3  # variance lost, as a share of all, from which a tile has something to lose
_ONE_COLOUR = 12  # grey levels between the darkest and brightest pixel of a plain border,
_COLOURS = 0.005, 0.995  # but for a hundredth of them


@dataclass(frozen=True, slots=True)
class Laid:
    """The part both pictures show, in the second one's frame, at the coarser one's size.

    `to` takes points of the second picture, in shares of its longer side, to pixels here. `shrunk` is by
    how much both were made smaller because one of them is blurred: 1, 2 or 4.
    """

    first: Grey
    second: Grey
    mask: npt.NDArray[np.bool_]
    to: Matrix
    shrunk: int


def lay(first: Grey, second: Grey, transform: Matrix, shrunk: int | None = None) -> Laid | None:
    """Lay the first picture over the second.

    Args:
        first: (h, w) uint8.
        second: likewise.
        transform: takes points of the first to the second, both in shares of their longer side.
        shrunk: as in `Laid`, where that is known.

    Returns:
        None when next to nothing lies over each other.
    """
    forth = _in_pixels(transform, first.shape, second.shape)
    over = _Over(first, second, forth, _covered(first.shape, second.shape, forth))
    pixels = np.count_nonzero(over.covered)
    if min(pixels, pixels / over.step**2) < _LEAST:
        return None
    left, top, right, bottom = over.box
    size = min(LAID / max(right - left, bottom - top), 1.0, 1.0 / over.step)
    if shrunk is not None:
        return over.at(size, shrunk)
    laid = over.at(size, 1)
    blur = _blur(laid)
    return laid if blur == 1 else over.at(size, blur)


@dataclass(frozen=True, slots=True)
class _Over:
    """Two pictures and how the first lies over the second, in pixels; `covered` are those of the second that
    the first one shows."""

    first: Grey
    second: Grey
    forth: Matrix
    covered: npt.NDArray[np.bool_]

    @property
    def step(self) -> float:
        """Pixels of the second for one of the first."""
        return float(np.sqrt(abs(np.linalg.det(self.forth[:, :2]))))

    @property
    def box(self) -> tuple[int, int, int, int]:
        """The part of the second that is covered: left, top, right, bottom."""
        import cv2

        left, top, width, height = cv2.boundingRect(self.covered.view(np.uint8))
        return left, top, left + width, top + height

    def at(self, size: float, shrunk: int) -> Laid:
        """What both show, with `size` pixels for one of the second picture, and shrunk after that."""
        import cv2

        size /= shrunk
        left, top, right, bottom = self.box
        shape = max(1, round((right - left) * size)), max(1, round((bottom - top) * size))
        scale = np.array([shape[0] / (right - left), shape[1] / (bottom - top)])
        to = np.array([[scale[0], 0, -left * scale[0]], [0, scale[1], -top * scale[1]]])
        centre = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])  # OpenCV has (0, 0) in a pixel's centre
        whole = np.linalg.inv(centre) @ square(to) @ centre @ square(self.forth)
        a = cv2.warpAffine(_blurred(self.first, self.step * size), whole[:2], shape, flags=cv2.INTER_LINEAR)
        b = cv2.resize(self.second[top:bottom, left:right], shape, interpolation=cv2.INTER_AREA)
        mask = cv2.resize(self.covered[top:bottom, left:right].view(np.uint8), shape) > 0
        to[:, :2] *= max(self.second.shape)
        return Laid(np.asarray(a, np.uint8), np.asarray(b, np.uint8), mask, to, shrunk)


def _blur(laid: Laid) -> int:
    """By how much both must be shrunk until neither shows details that the other has lost: 1, 2 or 4.

    Asked of every tile, most of them decide: large letters over a part have details that nothing has lost.
    Where the rest is smooth most details are those of the letters; so tiles tell only if both show the same
    when they are made smaller.
    """
    import cv2

    side = min(laid.first.shape)
    if side < 32:
        return 1
    both = laid.first, laid.second
    tiles = max(1, laid.first.shape[1] // _TILE), max(1, laid.first.shape[0] // _TILE)
    mask = laid.mask.view(np.uint8)
    whole = cv2.resize(mask * 255, tiles, interpolation=cv2.INTER_AREA) > 250
    spreads = [cv2.meanStdDev(grey, mask=mask)[1].item() ** 2 + 1 for grey in both]

    def unlike(factor: int) -> bool | None:
        """Whether one shows details that the other has lost; None where neither shows any."""
        fine = [_lost(grey, tiles, factor) / spread for grey, spread in zip(both, spreads, strict=True)]
        some = whole & (np.maximum(*fine) > _DETAILED)
        if not some.any():
            return None
        one, other = (middle(each[some]) for each in fine)
        if min(one, other) >= _LOST * max(one, other):
            return False
        some &= _alike(*both, tiles, factor)
        one, other = (middle(each[some]) for each in fine) if some.any() else (1, 1)
        return min(one, other) < _LOST * max(one, other)

    twice = unlike(2)
    if twice is False:  # what is alike in the finest details is so in all
        return 1
    return 4 if side >= 64 and unlike(4) else 2 if twice else 1


def _alike(first: Grey, second: Grey, tiles: tuple[int, int], factor: int) -> npt.NDArray[np.bool_]:
    """Which tiles show about the same when a factor smaller."""
    import cv2

    height, width = first.shape

    def mean(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        return np.asarray(cv2.resize(values, tiles, interpolation=cv2.INTER_AREA), np.float32)

    a, b = (
        cv2.resize(grey, (width // factor, height // factor), interpolation=cv2.INTER_AREA).astype(np.float32)
        for grey in (first, second)
    )
    mean_a, mean_b = mean(a), mean(b)
    spread_a, spread_b = mean(a * a) - mean_a**2, mean(b * b) - mean_b**2
    return mean(a * b) - mean_a * mean_b > _ALIKE * np.sqrt(np.maximum(spread_a * spread_b, 1))


def _lost(grey: Grey, tiles: tuple[int, int], factor: int) -> npt.NDArray[np.float32]:
    """The variance that is lost in each tile when a picture is made smaller by a factor."""
    import cv2

    height, width = grey.shape
    small = cv2.resize(grey, (width // factor, height // factor), interpolation=cv2.INTER_AREA)
    again = cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)
    off = cv2.absdiff(grey, again).astype(np.float32)
    return np.asarray(cv2.resize(off * off, tiles, interpolation=cv2.INTER_AREA), np.float32)


def _covered(first: tuple[int, ...], second: tuple[int, ...], forth: Matrix) -> npt.NDArray[np.bool_]:
    """Which pixels of the second picture the first one shows; `forth` is in pixels."""
    import cv2

    whole = np.ones(first, np.uint8)
    return np.asarray(cv2.warpAffine(whole, forth, second[::-1], flags=cv2.INTER_NEAREST).view(np.bool_))


def _in_pixels(transform: Matrix, first: tuple[int, ...], second: tuple[int, ...]) -> Matrix:
    """The transform between pictures of these shapes, for pixel centres at whole numbers."""
    scale_a, scale_b = max(first), max(second)
    linear = transform[:, :2] * (scale_b / scale_a)
    shift = transform[:, 2] * scale_b + linear @ (0.5, 0.5) - 0.5
    return np.column_stack([linear, shift])


def _blurred(grey: Grey, step: float) -> Grey:
    """The picture without what is lost when it is shrunk by `step`."""
    import cv2

    if step >= 0.8:
        return grey
    return np.asarray(cv2.GaussianBlur(grey, (0, 0), 0.5 * (1 / step**2 - 1) ** 0.5), np.uint8)


def middle(values: npt.NDArray[np.floating[Any]]) -> float:
    """The median, of an even number the upper one. (`np.median` takes ten times as long for so few.)"""
    half = len(values) // 2
    return float(np.partition(values, half)[half])


# --- what the one shows of the other ---------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Shown:
    """What two pictures show of each other.

    Attributes:
        overlaps: share of the first and of the second picture that the other one shows, in [0, 1].
        extras: share of each that shows something where the other one has nothing, in [0, 1]:
            borders of one colour do not count.
    """

    overlaps: tuple[float, float]
    extras: tuple[float, float]


def shown(first: Grey, second: Grey, transform: Matrix) -> Shown:
    """What is to be seen of each picture in the other one; for arguments see `lay`."""
    import cv2

    forth = _in_pixels(transform, first.shape, second.shape)
    inside = _covered(second.shape, first.shape, np.asarray(cv2.invertAffineTransform(forth), np.float64))
    covered = _covered(first.shape, second.shape, forth)
    return Shown((_share(inside), _share(covered)), (_extra(first, inside), _extra(second, covered)))


def _share(which: npt.NDArray[np.bool_]) -> float:
    return float(np.count_nonzero(which) / which.size)


def _extra(grey: Grey, seen: npt.NDArray[np.bool_]) -> float:
    """Share of a picture outside what the other one shows; 0 when there is but a border of one colour. A
    clear sky or a wall is not of one colour, and a caption is no border."""
    import cv2

    outside = cv2.dilate(seen.view(np.uint8), np.ones((7, 7), np.uint8)) == 0
    values = grey[outside]
    if not len(values):
        return 0.0
    below = np.cumsum(np.bincount(values, minlength=256)) / len(values)
    darkest, brightest = np.searchsorted(below, _COLOURS)
    return 0.0 if brightest - darkest <= _ONE_COLOUR else 1 - _share(seen)
