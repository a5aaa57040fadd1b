"""Local features: small patches of a picture that are found again in its copies.

They find what a vector of the whole picture cannot: a small crop, a picture pasted into another one,
a collage. Oriented FAST corners with rotated binary descriptors (ORB; Rublee et al., "ORB: an
efficient alternative to SIFT or SURF", ICCV 2011): on copies, which show the same pixels under
another size, angle and colour, they found as much as SIFT at a quarter of its time.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from lookalike.images import Pixels

if TYPE_CHECKING:
    import cv2

SIDE = 400
"""Pixels of the longer side at which features are looked for. Smaller pictures are enlarged, since a
copy at a quarter of the size shows the same patches only then (found: 1.00 instead of 0.35)."""

COUNT = 512
"""Features a picture, at most: 37 kB. Of the pictures pasted at 35 % of the side 0.86 share eight patches
with their original, and 0.73 of the crops to a tenth of the area; with 384, about a tenth fewer."""

_LOOKED_AT = 3 * COUNT  # corners of which the best are taken
_CELLS = 5  # a direction; the best of each cell come first, so that no text or logo takes them all
_LEVELS = 11  # sizes of patches: 31 pixels of `SIDE` times 1, 1.2, ... 6.2
"""What is small in a copy is large in the original: with eight levels, the usual number, 0.65 of the
pictures pasted at 35 % share eight patches with their original, with eleven 0.80; and 0.86 with the
features spread over the levels, too."""

_STEP = 1.2  # from one level to the next
_EDGE = 12  # pixels of a level within which no corners are looked for
_CLEAR = 20  # grey levels a corner differs from its surroundings
_FAINT = 7
"""The same where there are few clear corners, as in dim or smooth pictures, or all are in one part. Of 1,200
edits 1,111 were found with both, 1,108 with faint corners everywhere, which takes twice the time and finds
noise, and 1,106 with clear ones alone."""

_COVERED = 15  # cells in which there must be clear corners
_BITS = 256

Descriptors = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Features:
    """The features of one picture.

    Attributes:
        points: (m, 2) float32, x and y in shares of the picture's width and height, in [0, 1].
        scales: (m,) float32, size of the patch in shares of the longer side.
        angles: (m,) float32, the patch's own direction in degrees, clockwise from the right.
        descriptors: (m, 32) uint8, 256 bits each.
        mirrored: (m, 32) uint8, the descriptors of the same patches in the mirrored picture.
    """

    points: npt.NDArray[np.float32]
    scales: npt.NDArray[np.float32]
    angles: npt.NDArray[np.float32]
    descriptors: Descriptors
    mirrored: Descriptors

    def __len__(self) -> int:
        return len(self.points)


def describe(rgb: Pixels) -> Features:
    """The features of a picture.

    Args:
        rgb: (h, w, 3) uint8, of any size; it is brought to `SIDE`.
    """
    import cv2

    grey = grey_at(rgb, SIDE)
    if min(grey.shape) <= 2 * _EDGE:  # nowhere to look, and OpenCV cannot make it any smaller
        return _NOTHING
    chosen = _spread(_corners(grey), grey)
    found, descriptors = _orb().compute(grey, chosen)
    if not found:
        return _NOTHING
    points = np.asarray(cv2.KeyPoint.convert(found), np.float32)
    return Features(
        (points / grey.shape[::-1]).astype(np.float32),
        np.array([k.size for k in found], np.float32) / np.float32(max(grey.shape)),
        np.array([k.angle for k in found], np.float32),
        np.asarray(descriptors, np.uint8),
        _mirrored(grey, found),  # last, since it changes them
    )


def _corners(grey: npt.NDArray[np.uint8]) -> Sequence[cv2.KeyPoint]:
    """The corners of all levels: the clear ones, or, where these are not enough, the faint ones too."""
    orb = _orb()
    orb.setFastThreshold(_CLEAR)
    found: Sequence[cv2.KeyPoint] = orb.detect(grey, None)
    if len(found) < COUNT or len(np.unique(_cells(found, grey))) < _COVERED:
        orb.setFastThreshold(_FAINT)
        found = orb.detect(grey, None)
    return found


def _cells(found: Sequence[cv2.KeyPoint], grey: npt.NDArray[np.uint8]) -> npt.NDArray[np.intp]:
    """The number of the cell that each corner is in, (m,)."""
    import cv2

    points = np.asarray(cv2.KeyPoint.convert(found), np.float32)
    cells: npt.NDArray[np.intp] = (points * _CELLS // grey.shape[::-1]).astype(np.intp) @ (1, _CELLS)
    return cells


def _mirrored(grey: npt.NDArray[np.uint8], found: Sequence[cv2.KeyPoint]) -> Descriptors:
    """The descriptors of the same patches in the mirrored picture, (m, 32). The corners are mirrored, too."""
    import cv2

    last = grey.shape[1] - 1
    for place, k in enumerate(found):  # in place: making new ones takes twice as long
        x, y = k.pt
        k.pt, k.angle, k.class_id = (last - x, y), (180 - k.angle) % 360, place
    kept, descriptors = _orb().compute(cv2.flip(grey, 1), found)
    mirrored = np.zeros((len(found), _BITS // 8), np.uint8)
    if kept:  # one at the very edge may be lost
        mirrored[[k.class_id for k in kept]] = descriptors
    return mirrored


def grey_at(rgb: Pixels, side: int, *, enlarge: bool = True) -> npt.NDArray[np.uint8]:
    """The picture in grey with `side` pixels along its longer side, (h, w) uint8; a smaller one is
    left at its size unless it is to be enlarged."""
    import cv2

    height, width = rgb.shape[:2]
    scale = side / max(height, width) if enlarge else min(1.0, side / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    return np.asarray(cv2.resize(grey, size, interpolation=how), np.uint8)


def _spread(found: Sequence[cv2.KeyPoint], grey: npt.NDArray[np.uint8]) -> list[cv2.KeyPoint]:
    """The best of every cell of every level, then the second best, until there are enough; of each
    level `_STEP` times as many as of the next one, since larger patches are fewer."""
    if len(found) <= COUNT:
        return list(found)
    strength = np.array([k.response for k in found])
    level = np.array([k.octave for k in found])
    cell = _cells(found, grey) + level * _CELLS**2
    order = np.lexsort((-strength, cell))
    ordered = cell[order]
    place = np.arange(len(order)) - np.searchsorted(ordered, ordered)  # in its own cell
    turn = (place + 0.5) * _STEP ** level[order]
    return [found[i] for i in order[np.argsort(turn, kind="stable")[:COUNT]].tolist()]


_own = threading.local()


def _orb() -> cv2.ORB:
    """This thread's detector: two threads that share one hardly gain anything."""
    import cv2

    if not hasattr(_own, "orb"):
        _own.orb = cv2.ORB.create(
            nfeatures=_LOOKED_AT, scaleFactor=_STEP, nlevels=_LEVELS, edgeThreshold=_EDGE, patchSize=31
        )  # fmt: skip
    orb: cv2.ORB = _own.orb
    return orb


_NOTHING = Features(
    np.zeros((0, 2), np.float32),
    np.zeros(0, np.float32),
    np.zeros(0, np.float32),
    np.zeros((0, _BITS // 8), np.uint8),
    np.zeros((0, _BITS // 8), np.uint8),
)
