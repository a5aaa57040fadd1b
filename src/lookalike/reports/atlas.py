"""Thumbnails of many pictures in few files: sheets of small pictures, as large as a budget allows.

Every picture gets a small thumbnail; those that matter most get a large one too, all of them if there is
room.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from lookalike.images import Pixels, encode_jpeg

SMALL = (64, 48, 32, 16)
LARGE = (160, 128, 112, 96)
"""Sides of the cells that thumbnails may have, in pixels. Multiples of 16, the blocks of a JPEG, so that no
thumbnail shines into the next one."""

QUALITY = 80
SMALL_SHARE = 0.6
"""Of the budget, at most, for small thumbnails when not all can have large ones."""

_LEVELS = (16, 48, 144)  # cells in which the map is cut, from afar to nearer
_SHEET = 1024  # pixels of a sheet's side, about


@dataclass(frozen=True, slots=True)
class Sizes:
    """How large thumbnails are.

    Attributes:
        small: side of the cells that all pictures get; 0 for none.
        large: side of the cells that some get; 0 for none.
        large_count: how many get one.
    """

    small: int
    large: int
    large_count: int


def cost(samples: Sequence[Pixels], side: int) -> float:
    """Bytes of one thumbnail on a sheet, measured on some pictures."""
    if not samples:
        return side * side * 0.3
    sheet = Sheets(side, limit=len(samples))
    for number, rgb in enumerate(samples):
        sheet.add(number, rgb)
    return sum(map(len, sheet.finished())) / len(samples)


def sizes(count: int, budget: float, samples: Sequence[Pixels]) -> Sizes:
    """The largest thumbnails that `count` pictures can have within a budget.

    Args:
        count: of pictures.
        budget: bytes for all sheets.
        samples: some pictures, by which is measured what a thumbnail takes.
    """
    costs = {side: cost(samples, side) for side in (*SMALL, *LARGE)}
    for side in LARGE:
        for small in SMALL[1:]:  # beside large ones small ones need not be the largest
            if count * (costs[side] + costs[small]) <= budget and small >= 32:
                return Sizes(small, side, count)
    small = next((side for side in SMALL if count * costs[side] <= SMALL_SHARE * budget), 0)
    rest = budget - count * costs.get(small, 0)
    fitting = int(max(rest, 0) / costs[LARGE[1]])
    return Sizes(small, LARGE[1], min(fitting, count)) if fitting else Sizes(small, 0, 0)


@dataclass(slots=True)
class Sheets:
    """Sheets being filled, cell by cell, row by row.

    Attributes:
        side: of a cell, in pixels.
        limit: cells at most; a sheet is no larger than that needs.
        cells: the number of each picture's cell, by its key; cells count on from sheet to sheet.
        shapes: (width, height) in pixels of each picture in its cell, where it lies top left.
    """

    side: int
    limit: int
    cells: dict[int, int] = field(default_factory=dict)
    shapes: dict[int, tuple[int, int]] = field(default_factory=dict)
    _done: list[bytes] = field(default_factory=list)
    _sheet: Pixels | None = None

    @property
    def across(self) -> int:
        """Cells in a row of a sheet, which has as many rows."""
        return max(1, min(_SHEET // self.side, math.ceil(math.sqrt(self.limit))))

    def add(self, key: int, rgb: Pixels) -> None:
        """Put a picture, (h, w, 3) uint8, into the next cell."""
        number = len(self.cells)
        row, column = divmod(number % self.across**2, self.across)
        if self._sheet is None:
            self._sheet = np.full((self.across * self.side,) * 2 + (3,), 128, np.uint8)
        cell, shape = _fitted(rgb, self.side)
        top, left = row * self.side, column * self.side
        self._sheet[top : top + self.side, left : left + self.side] = cell
        self.cells[key], self.shapes[key] = number, shape
        if (number + 1) % self.across**2 == 0:
            self._finish(self._sheet)

    def finished(self) -> list[bytes]:
        """All sheets as JPEGs."""
        if self._sheet is not None:
            rows = math.ceil(len(self.cells) % self.across**2 / self.across)
            self._finish(self._sheet[: rows * self.side])
        return self._done

    def _finish(self, sheet: Pixels) -> None:
        self._done.append(encode_jpeg(sheet, QUALITY))
        self._sheet = None


def _fitted(rgb: Pixels, side: int) -> tuple[Pixels, tuple[int, int]]:
    """A picture made to fit a cell, and its width and height there; the rest repeats its edge."""
    import cv2

    height, width = rgb.shape[:2]
    scale = side / max(height, width)
    shape = max(1, round(width * scale)), max(1, round(height * scale))
    small = cv2.resize(rgb, shape, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    beside = (0, side - shape[1]), (0, side - shape[0]), (0, 0)
    padded: Pixels = np.pad(np.asarray(small, np.uint8), beside, "edge")
    return padded, shape


def sheet_order(points: npt.NDArray[np.float32], importance: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
    """Positions in an order in which pictures that are seen together are mostly together.

    So a view needs few sheets. First come those that are seen from afar, then those seen from nearer; among
    each, along the Z-order of the plane (G. M. Morton, 1966).

    Args:
        points: (n, 2).
        importance: (n,) each picture's rank, 0 for the first.
    """
    if not len(points):
        return np.empty(0, np.int64)
    extent = float(np.ptp(points, axis=0).max()) or 1.0
    shares = (points - points.min(axis=0)) / extent
    ranked = np.argsort(importance)
    level = np.full(len(points), len(_LEVELS))
    for number in reversed(range(len(_LEVELS))):  # the most important picture of each cell is seen from there
        cells = (shares * (_LEVELS[number] - 1)).astype(np.int64)
        _, first = np.unique((cells[:, 0] * _LEVELS[number] + cells[:, 1])[ranked], return_index=True)
        level[ranked[first]] = number
    return np.lexsort((_morton((shares * 1023).astype(np.int64)), level))


def _morton(cells: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The bits of both coordinates, below 1,024, in turn."""
    key = np.zeros(len(cells), np.int64)
    for bit in range(10):
        key |= ((cells[:, 0] >> bit) & 1) << (2 * bit) | ((cells[:, 1] >> bit) & 1) << (2 * bit + 1)
    return key
