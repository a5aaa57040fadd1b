"""What is asked for: pictures for and against, a region of them, and how they become one vector."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from lookalike.errors import UsageError
from lookalike.images import Decoded, Pixels
from lookalike.vectors import Vectors, canonical

# Weight of pictures against, relative to those for: the textbook's 0.15 to 0.75 (Manning et al.,
# "Introduction to Information Retrieval", section 9.1). Measured: 296 photos of groceries, the
# first wrong hit given as the picture against; right products among the next five hits rise from
# 0.507 (weight 0) to 0.517 (0.2), right first hits from 0.635 to 0.662; 0.5 gives 0.456 and 0.561.
AGAINST_WEIGHT = 0.2


@dataclass(frozen=True, slots=True)
class Region:
    """A rectangle of an upright picture.

    Attributes:
        x: left edge; pixels of the full picture, or shares of it when all four numbers are at
            most 1.
        y: top edge, likewise.
        width: likewise, more than 0.
        height: likewise, more than 0.
    """

    x: float
    y: float
    width: float
    height: float

    def __post_init__(self) -> None:
        numbers = (self.x, self.y, self.width, self.height)
        sound = all(math.isfinite(n) for n in numbers) and min(self.x, self.y) >= 0
        if not sound or min(self.width, self.height) <= 0:
            raise UsageError(f"region must be X,Y,WIDTH,HEIGHT with a width and height above 0, got {self}")

    @classmethod
    def parse(cls, text: str) -> Region:
        """Read `X,Y,WIDTH,HEIGHT`.

        >>> Region.parse("0.25,0,0.5,1")
        Region(x=0.25, y=0.0, width=0.5, height=1.0)

        Raises:
            UsageError: it is not four numbers, or they make no rectangle.
        """
        try:
            x, y, width, height = (float(part) for part in text.split(","))
        except ValueError:
            raise UsageError(
                f"region must be four numbers X,Y,WIDTH,HEIGHT (pixels, or shares of the picture "
                f"up to 1), got {text!r}"
            ) from None
        return cls(x, y, width, height)

    def __str__(self) -> str:
        return f"{self.x:g},{self.y:g},{self.width:g},{self.height:g}"

    @property
    def is_share(self) -> bool:
        """Whether the numbers are shares of the picture rather than pixels."""
        return max(self.x, self.y, self.width, self.height) <= 1

    def shares(self, width: int, height: int) -> tuple[float, float, float, float]:
        """Left, top, right, bottom as shares in [0, 1] of a picture of this size, cut to it.

        Raises:
            UsageError: nothing of the rectangle lies in the picture.
        """
        w, h = (1.0, 1.0) if self.is_share else (float(width), float(height))
        left, top = self.x / w, self.y / h
        right, bottom = min(1.0, (self.x + self.width) / w), min(1.0, (self.y + self.height) / h)
        if left >= right or top >= bottom:
            raise UsageError(f"region {self} lies outside the picture, which has {width} x {height} pixels")
        return left, top, right, bottom

    def cut(self, picture: Decoded) -> Pixels:
        """The pixels of this rectangle, at least one. (h, w, 3) uint8."""
        left, top, right, bottom = self.shares(picture.width, picture.height)
        rows, columns = picture.rgb.shape[:2]
        x0, y0 = min(round(left * columns), columns - 1), min(round(top * rows), rows - 1)
        x1, y1 = max(x0 + 1, round(right * columns)), max(y0 + 1, round(bottom * rows))
        return np.ascontiguousarray(picture.rgb[y0:y1, x0:x1])


def coefficients(positive: int, negative: int) -> list[float]:
    """What each vector counts in the sum that `combine` takes: first of those for, then of those against.

    >>> coefficients(2, 1)
    [0.5, 0.5, -0.2]
    """
    return [1 / positive] * positive + [-AGAINST_WEIGHT / max(negative, 1)] * negative


def combine(positive: Vectors, negative: Vectors) -> Vectors:
    """One query vector from pictures for and against.

    The mean of those for minus `AGAINST_WEIGHT` times the mean of those against, made a unit
    vector (Rocchio, "Relevance feedback in information retrieval", 1971). One picture for and
    none against gives that picture's own vector, bit for bit.

    Args:
        positive: (p, d) float32 unit rows, p >= 1.
        negative: (n, d) float32 unit rows, n >= 0.

    Returns:
        (d,) float32 unit vector.

    Raises:
        UsageError: the pictures cancel each other out.
    """
    mean = positive.mean(axis=0, dtype=np.float64)
    if len(negative):
        mean = mean - AGAINST_WEIGHT * negative.mean(axis=0, dtype=np.float64)
    if not np.any(np.abs(mean) > 1e-6):
        raise UsageError("the pictures for and against cancel each other out: nothing is left to search for")
    vector: Vectors = canonical(mean[None])[0] if len(positive) + len(negative) > 1 else positive[0]
    return vector
