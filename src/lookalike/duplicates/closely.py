"""Looking at two copies at full size before one of them is proposed for removal.

Comparing many pictures is done at some 250 pixels, at which two bills that differ in one number are the same.
Here the one is laid over the other at (nearly) full size, made as blurred as the other one, and compared in
windows of the size of a letter.
"""

from __future__ import annotations

from typing import cast

import numpy as np
import numpy.typing as npt

from lookalike.duplicates.laying import middle
from lookalike.duplicates.pairs import Transform
from lookalike.images import Pixels

SIDE = 1600
"""Pixels of the longer side at which they are compared, at most: a letter of a scanned page has some 15."""

_WINDOW = 11  # pixels of a window: a letter
_SMOOTH = 0.8  # pixels both are blurred by, against the noise of single ones
_CONTRAST = 15.0  # grey levels (standard deviation) from which a window shows something
_UNLIKE = 0.8  # correlation below which two windows show something else
_NOISE = 8.0  # times what is left in most windows that must be left in one that differs
_LEAST_NOISE = 9.0  # grey levels squared that encoding leaves anywhere
_PLACE = 60  # windows, side by side, that must differ: half a letter
_BLURS = (0.0, 0.5, 0.8, 1.2, 1.8, 2.7, 4.0, 6.0)  # pixels by which the sharper one is blurred, for a try
_TRIED = 640  # pixels of each side on which that is tried, in the middle
_FOLLOWED = 300  # points by which the transform is made exact

Grey = npt.NDArray[np.float32]
Matrix = npt.NDArray[np.float64]


def differs(first: Pixels, second: Pixels, transform: Transform) -> bool:
    """Whether two copies differ in a small place, such as a number or a word.

    Args:
        first: (h, w, 3) uint8, at full size.
        second: likewise.
        transform: takes points of the first to the second; see `pairs.Match`.
    """
    return largest_difference(first, second, transform) >= _PLACE


def largest_difference(first: Pixels, second: Pixels, transform: Transform) -> int:
    """How many windows, one a pixel, differ side by side; for arguments see `differs`."""
    import cv2

    matrix: Matrix = _square(np.array(transform))
    if abs(np.linalg.det(matrix)) > 1:  # in the frame of the coarser one
        first, second, matrix = second, first, np.asarray(np.linalg.inv(matrix), np.float64)
    laid = _laid(first, second, matrix)
    if laid is None:
        return 0
    a, b, mask = laid
    a, b = _as_blurred(a, b, mask)
    a, b = (np.asarray(cv2.GaussianBlur(each, (0, 0), _SMOOTH), np.float32) for each in (a, b))
    marked = _different(a, b, mask)
    found, _, facts, _ = cv2.connectedComponentsWithStats(marked.view(np.uint8), connectivity=8)
    return int(facts[1:, cv2.CC_STAT_AREA].max()) if found > 1 else 0


def _square(matrix: Matrix) -> Matrix:
    return np.vstack([matrix, [0.0, 0.0, 1.0]])


def _laid(first: Pixels, second: Pixels, matrix: Matrix) -> tuple[Grey, Grey, npt.NDArray[np.bool_]] | None:
    """The first in the second one's frame, the second, and where both are; None when that is nowhere."""
    size = min(1.0, SIDE / max(second.shape))
    b = _grey(second, size)
    shrunk = min(1.0, size * float(np.sqrt(abs(np.linalg.det(matrix)))))
    a = _grey(first, shrunk)
    scaled = np.diag([b.shape[1] / second.shape[1], b.shape[0] / second.shape[0], 1.0])
    grown = np.diag([first.shape[1] / a.shape[1], first.shape[0] / a.shape[0], 1.0])
    centre = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1.0]])  # OpenCV has (0, 0) in a pixel's centre
    whole = np.linalg.inv(centre) @ scaled @ matrix @ grown @ centre
    over, mask = _warped(a, whole, b.shape)
    exact = _exact(over, b, mask)
    if exact is not None:
        over, mask = _warped(a, exact @ whole, b.shape)
    return (over, b, mask) if np.count_nonzero(mask) > _WINDOW**2 else None


def _grey(rgb: Pixels, size: float) -> Grey:
    import cv2

    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    height, width = grey.shape
    shape = max(1, round(width * size)), max(1, round(height * size))
    return cv2.resize(grey, shape, interpolation=cv2.INTER_AREA).astype(np.float32)


def _warped(grey: Grey, whole: Matrix, shape: tuple[int, ...]) -> tuple[Grey, npt.NDArray[np.bool_]]:
    import cv2

    size = shape[1], shape[0]
    over = cv2.warpAffine(grey, whole[:2], size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    mask = cv2.warpAffine(np.full(grey.shape, 255, np.uint8), whole[:2], size) > 250
    inner = cv2.erode(mask.view(np.uint8), np.ones((2 * _WINDOW,) * 2, np.uint8), borderValue=0)
    return np.asarray(over, np.float32), inner > 0


def _exact(over: Grey, under: Grey, mask: npt.NDArray[np.bool_]) -> Matrix | None:
    """The small movement that lays the one on the other exactly, by points that are followed; None when
    there are too few."""
    import cv2

    a, b = (np.clip(each, 0, 255).astype(np.uint8) for each in (over, under))
    half = np.ascontiguousarray(mask[1::2, 1::2].view(np.uint8))  # corners of half the size are as good
    small = cv2.resize(a, half.shape[::-1], interpolation=cv2.INTER_AREA)
    found_there = cv2.goodFeaturesToTrack(small, _FOLLOWED, 0.01, 4, mask=half)
    corners = cast("npt.NDArray[np.float32] | None", found_there)
    if corners is None or len(corners) < 12:
        return None
    points = 2 * corners + np.float32(0.5)
    there, found, _ = cv2.calcOpticalFlowPyrLK(a, b, points, None, winSize=(15, 15), maxLevel=2)  # type: ignore[call-overload]
    good = found[:, 0] == 1
    if good.sum() < 12:
        return None
    fit, _ = cv2.estimateAffine2D(points[good], there[good], method=cv2.RANSAC, ransacReprojThreshold=1.0)
    if cast("object | None", fit) is None or np.abs(np.asarray(fit)[:, :2] - np.eye(2)).max() > 0.05:
        return None
    return _square(np.asarray(fit, np.float64))


def _as_blurred(a: Grey, b: Grey, mask: npt.NDArray[np.bool_]) -> tuple[Grey, Grey]:
    """Both, the sharper one blurred so that it is most like the other one."""
    import cv2

    def fine(grey: Grey) -> float:
        return float(np.abs(cv2.Laplacian(grey, cv2.CV_32F)[mask]).mean())

    def blurred(grey: Grey, by: float) -> Grey:
        return np.asarray(cv2.GaussianBlur(grey, (0, 0), by), np.float32) if by else grey

    swap = fine(b) > fine(a)
    sharper, softer = (b, a) if swap else (a, b)
    middle = tuple(slice(max(0, side - _TRIED) // 2, (side + _TRIED) // 2) for side in a.shape)
    some = middle if mask[middle].any() else (slice(None), slice(None))
    seen, inside = mask[some], softer[some][mask[some]]
    best, most = 0.0, -1.0
    for by in _BLURS:
        likeness = _correlation(blurred(sharper[some], by)[seen], inside)
        if likeness <= most:  # it has one summit
            break
        best, most = by, likeness
    made = blurred(sharper, best)
    return (softer, made) if swap else (made, softer)


def _correlation(a: Grey, b: Grey) -> float:
    a, b = a - a.mean(), b - b.mean()
    return float((a @ b) / (np.sqrt((a @ a) * (b @ b)) + 1e-6))


def _different(a: Grey, b: Grey, mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """The middles of the windows in which the two show something else, each of them something."""
    import cv2

    def mean(values: Grey) -> Grey:
        return np.asarray(cv2.blur(values, (_WINDOW, _WINDOW)), np.float32)

    mean_a, mean_b = mean(a), mean(b)
    var_a = np.maximum(mean(a * a) - mean_a**2, 0)
    var_b = np.maximum(mean(b * b) - mean_b**2, 0)
    both = mean(a * b) - mean_a * mean_b
    gain = (float(var_a[mask].mean()) + 1) / (float(var_b[mask].mean()) + 1)  # other light, other contrast
    sign = 1.0 if float(both[mask].mean()) >= 0 else -1.0  # a negative
    left = var_a + gain * var_b - 2 * sign * np.sqrt(gain) * both
    contrast = np.maximum(var_a, gain * var_b)
    noise = max(_LEAST_NOISE, middle(left[mask][::3]))
    unlike = sign * both < _UNLIKE * np.sqrt(var_a * var_b)
    marked: npt.NDArray[np.bool_] = mask & unlike & (contrast > _CONTRAST**2) & (left > _NOISE * noise)
    return marked
