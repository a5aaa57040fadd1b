"""What differs between a picture and its copy, in words."""

from __future__ import annotations

import math

from lookalike.reports.alignment import described, percent
from lookalike.reports.details import file_size
from lookalike.results import Copy, PictureFacts

Transform = tuple[tuple[float, ...], ...]

WHOLE = 0.985
"""A share above this is all of it, as on the review page: the geometry is no more exact than that."""

SAME_SIZE = 0.03
"""How far a scale may be from 1, and two scales from each other, without being spoken of."""


def differences(kept: PictureFacts, copy: Copy) -> list[str]:
    """What differs between a copy and the picture kept.

    >>> sea = PictureFacts("/sea.jpg", 1, 800, 600, 90_000, "JPEG", "2026-11-23T08:30:00Z", "")
    >>> crop = PictureFacts("/crop.jpg", 2, 200, 300, 9_000, "JPEG", "2026-11-23T08:30:00Z", "")
    >>> half = ((0.5, 0.0, 0.0), (0.0, 0.5, 0.0))
    >>> differences(sea, Copy(crop, "edited", 0.99, transform=half, overlap=0.5, overlap_copy=1.0))
    ['a crop with 50 % of it', 'at half the size']
    """
    if copy.kind in ("exact", "burst"):
        return []
    words = placed(copy.transform, copy.overlap, copy.overlap_copy)
    if copy.picture.format != kept.format:
        words.append(f"{copy.picture.format} instead of {kept.format}")
    if not words and copy.kind == "near":
        words.append(f"{file_size(copy.picture.bytes)} instead of {file_size(kept.bytes)}")
    return words


def placed(
    transform: Transform | None, overlap: float | None, overlap_copy: float | None = None
) -> list[str]:
    """How a copy lies on a picture: turned, a part of it, smaller.

    Args:
        transform: 2 x 3 matrix that takes the picture to the copy, both in pixels; None when it is
            not known.
        overlap: share of the picture that the copy shows, in [0, 1]; None when it is not known.
        overlap_copy: share of the copy that shows the picture, likewise.
    """
    words = _turned(transform) if transform else []
    whole = overlap is None or overlap >= WHOLE, overlap_copy is None or overlap_copy >= WHOLE
    if overlap is not None and not whole[0]:
        part = f"{percent(overlap)} of it"
        words.append(f"a crop with {part}" if whole[1] else f"{part} with other things")
    elif overlap_copy is not None and not whole[1]:
        words.append(f"with more around it ({percent(1 - overlap_copy)} of the copy)")
    return words + (_scaled(transform) if transform else [])


def _turned(transform: Transform) -> list[str]:
    """In the words of the review page."""
    (a, b, x), (c, d, y) = transform
    nothing = PictureFacts("", 0, 0, 0, 0, "", "", "")
    return described(Copy(nothing, "edited", 1.0, transform=((a, b, x), (c, d, y))))


def _scaled(transform: Transform) -> list[str]:
    (a, b, _), (c, d, _) = transform
    scale = math.sqrt(abs(a * d - b * c))
    # The two singular values of a 2 x 2 matrix are the sum and difference of these.
    half, other = math.hypot(a + d, c - b) / 2, math.hypot(a - d, b + c) / 2
    longest, shortest = half + other, abs(half - other)
    words = []
    if shortest and longest / shortest > 1 + 2 * SAME_SIZE:
        words.append("stretched")
    if abs(scale - 0.5) < SAME_SIZE / 2:
        words.append("at half the size")
    elif scale < 1 - SAME_SIZE:
        words.append(f"at {percent(scale)} of the size")
    elif scale > 1 + SAME_SIZE:
        words.append(f"{scale:.3g} times as large")
    return words
