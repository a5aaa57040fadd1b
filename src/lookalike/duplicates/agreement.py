"""Whether two pictures show the same pixels, where a transform says that they do.

Features that agree on a transform (`aligning`) and pixels are each the other's check. Features alone take
two products with the same label for copies; pixels alone cannot find a crop. Together they can tell a copy
from another photo of the same thing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np
import numpy.typing as npt

from lookalike.duplicates.drift import UNKNOWN, drift
from lookalike.duplicates.geometry import Grey, Matrix, moved, square
from lookalike.duplicates.laying import LAID, Laid, lay

_PATCH = 15  # pixels of a patch that is compared
_CONTRAST = 4.0  # grey levels (standard deviation) from which a patch has something to compare
_LIKE = 0.75  # correlation from which two patches show the same
_DIFFERENT = 0.35
"""Share of patches that agree below which no points are followed: of 4,244 copies that were found the lowest
had 0.4, and four in ten of the other candidates have less."""

_STANDING = 0.6
"""Share of the points that could be followed that are still below which nothing more is looked at: it is no
copy then. Of 4,244 that were found all had more, and more than half of the other candidates have less."""

_POINTS = 120  # points that are followed from one picture to the other
_FEWEST = 5  # points that must have been followed for anything to be told by them
_PERFECT = 0.98  # share that the small correction of the transform need not improve
_EXACT = 0.25  # pixels of `LAID` by which the first transform may be off without anything being laid again
_STILL = 0.5  # pixels of `LAID` a point may be off; points of another photo of the same thing are off by more


@dataclass(frozen=True, slots=True)
class Agreement:
    """What laying one picture over the other showed.

    Attributes:
        share: share of the patches with something to compare that agree, in [0, 1].
        blob: the largest connected place where patches disagree, as a share of what both show, in [0, 1].
        steady: share of the points that lie where patches agree that are where the transform puts them, in
            [0, 1]; near to one half where there are few, as few say little (Laplace's rule of succession).
            What was written or laid over a part does not count.
        drift: how far places have moved, in the mean square, in standard errors; see `drift.drift`.
        transform: made exact by the points that were followed, unless most of them have moved; as in
            `Alignment`.
    """

    share: float
    blob: float
    steady: float
    drift: float
    transform: Matrix


def agree(first: Grey, second: Grey, transform: Matrix) -> Agreement | None:
    """Lay the first picture over the second and compare what lies over each other.

    Two photos of one thing never agree to half a pixel everywhere, as the camera has moved;
    the copies of one photo do, however they were cut, turned or coloured.

    Args:
        first: (h, w) uint8, not enlarged.
        second: (h, w) uint8, likewise.
        transform: as in `Alignment`.

    Returns:
        None when next to nothing lies over each other.
    """
    laid = lay(first, second, transform)
    if laid is None:
        return None
    patches, over, again, drifted = _patches(laid), laid, laid, UNKNOWN
    followed = _followed(laid, patches.agreed) if patches.share >= _DIFFERENT else _NONE_FOLLOWED
    if followed.exact is not None and followed.rigid >= _STANDING:
        transform = _refined(transform, followed.exact, laid)
        if _off(followed.exact, laid) > _EXACT:
            again = lay(first, second, transform, laid.shrunk) or laid
            if patches.share < _PERFECT:
                better = _patches(again)
                if better.share > patches.share:
                    patches, over = better, again
        drifted = drift(again, patches.agreed)
    steady = followed.steady(patches.agreed, laid.to, over.to)
    return Agreement(patches.share, patches.blob, steady, drifted, transform)


def _normal(grey: Grey) -> tuple[Grey, npt.NDArray[np.float32]]:
    """The picture with the same brightness and contrast everywhere, and the contrast it had (the
    variance around each pixel, grey levels squared)."""
    import cv2

    values = grey.astype(np.float32)
    mean = cv2.blur(values, (_PATCH, _PATCH))
    variance = cv2.sqrBoxFilter(grey, cv2.CV_32F, (_PATCH, _PATCH)) - mean * mean
    np.maximum(variance, 0, out=variance)
    values -= mean
    values /= np.sqrt(variance) + _CONTRAST
    values *= 40
    values += 128
    normal = np.clip(values, 0, 255, out=values)
    return normal.astype(np.uint8), variance


@dataclass(frozen=True, slots=True, eq=False)
class _Patches:
    """What comparing patch by patch showed; `agreed` says it of every second pixel."""

    share: float
    blob: float
    agreed: npt.NDArray[np.bool_]


def _patches(laid: Laid) -> _Patches:
    """Share of patches that agree, weighted by contrast, and the largest place where they disagree, as a
    share of the whole."""
    import cv2

    # Every second pixel of what is smooth tells as much, in a quarter of the time.
    both = (cv2.GaussianBlur(g, (0, 0), 1.2)[::2, ::2] for g in (laid.first, laid.second))
    x, y = (each.astype(np.float32) for each in both)

    def mean(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        return np.asarray(cv2.blur(values, (_PATCH // 2, _PATCH // 2)), np.float32)

    mean_x, mean_y = mean(x), mean(y)
    var_x = np.maximum(mean(x * x) - mean_x**2, 0)
    var_y = np.maximum(mean(y * y) - mean_y**2, 0)
    covariance = mean(x * y) - mean_x * mean_y
    inner = cv2.erode(laid.mask.view(np.uint8), np.ones((_PATCH, _PATCH), np.uint8), borderValue=0)
    whole = inner[::2, ::2] > 0
    # By the pictures' own contrast: a pale copy is compared as well as a strong one.
    gain = (float(var_x[whole].sum()) + 1) / (float(var_y[whole].sum()) + 1)
    contrast = np.maximum(var_x, var_y * gain)
    something = whole & (contrast > _CONTRAST**2)
    if something.sum() < 8:
        return _Patches(0.0, 0.0, np.zeros(something.shape, bool))
    correlation = (covariance[something] + 1) / np.sqrt((var_x[something] + 2) * (var_y[something] + 2))
    weight, agree = np.sqrt(contrast[something]), correlation > _LIKE
    wrong = np.zeros(something.shape, np.uint8)
    wrong[something] = ~agree
    agreed = something & (wrong == 0)
    blob = _largest(wrong) / max(1, int(whole.sum()))
    return _Patches(float(weight[agree].sum() / weight.sum()), blob, agreed)


def _largest(marked: npt.NDArray[np.uint8]) -> int:
    """Pixels of the largest connected part that is marked."""
    import cv2

    found, _, facts, _ = cv2.connectedComponentsWithStats(marked, connectivity=8)
    return int(facts[1:, cv2.CC_STAT_AREA].max()) if found > 1 else 0


@dataclass(frozen=True, slots=True, eq=False)
class _Followed:
    """Points that were followed from the first to the second and back.

    Attributes:
        rigid: share of the points that could be followed that one affine transform puts to within `_STILL`
            of where they are.
        exact: that transform; None when there is none.
        points: (n, 2) where they are.
        are: (n,) which of them are still.
    """

    rigid: float
    exact: Matrix | None
    points: Matrix
    are: npt.NDArray[np.bool_]

    def steady(self, agreed: npt.NDArray[np.bool_], to: Matrix, over: Matrix) -> float:
        """Share of the points in such places that are still, also of those that could not be followed.

        Args:
            agreed: the places, as `_Patches` has them.
            to: takes the second picture to the pixels in which the points were followed,
            over: and to those of the places.
        """
        if not len(self.points):
            return 0.5
        there = moved((square(over) @ np.linalg.inv(square(to)))[:2], self.points)
        x, y = (there // 2).astype(int).clip(0, np.array(agreed.shape[::-1]) - 1).T
        inside = agreed[y, x]
        return (int((self.are & inside).sum()) + 1) / (int(inside.sum()) + 2)


_NONE_FOLLOWED = _Followed(0.0, None, np.zeros((0, 2)), np.zeros(0, bool))


def _followed(laid: Laid, agreed: npt.NDArray[np.bool_]) -> _Followed:
    """Follow points of places that agree from the first to the second and back."""
    import cv2

    p, q, good = _tracks(laid, agreed)
    if good.sum() < _FEWEST:
        return _NONE_FOLLOWED
    fit, _ = cv2.estimateAffine2D(
        p[good], q[good], method=cv2.RANSAC, ransacReprojThreshold=0.7, maxIters=300, confidence=0.99
    )
    if cast("object | None", fit) is None:  # as when all lie on one line
        return _NONE_FOLLOWED
    exact = np.asarray(fit, np.float64)
    off = np.linalg.norm(moved(exact, p) - q, axis=1)
    # The smaller they are, the less a camera's movement shows; below a hundred pixels noise does more.
    are = good & (off < _STILL * np.clip(max(laid.first.shape) / LAID, 0.4, 1))
    return _Followed(int(are.sum()) / int(good.sum()), exact, p, are)


def _tracks(laid: Laid, agreed: npt.NDArray[np.bool_]) -> tuple[Matrix, Matrix, npt.NDArray[np.bool_]]:
    """Corners of the first picture in places that agree, where they are in the second (B. Lucas and T.
    Kanade, IJCAI 1981), and which of them were found again and led back to where they came from."""
    import cv2

    (a, contrast_a), (b, contrast_b) = _normal(laid.first), _normal(laid.second)
    contrast = np.minimum(contrast_a, contrast_b) > _CONTRAST**2
    inner = cv2.erode(laid.mask.astype(np.uint8), np.ones((9, 9), np.uint8), borderValue=0) * contrast
    inner *= agreed.repeat(2, axis=0).repeat(2, axis=1)[: inner.shape[0], : inner.shape[1]]
    corners = cv2.goodFeaturesToTrack(a, _POINTS, 0.02, 5, mask=np.asarray(inner, np.uint8))
    points = cast("npt.NDArray[np.float32] | None", corners)  # None when there are none
    if points is None:
        return np.zeros((0, 2)), np.zeros((0, 2)), np.zeros(0, bool)
    window = {"winSize": (13, 13), "maxLevel": 1}
    there, found, _ = cv2.calcOpticalFlowPyrLK(a, b, points, None, **window)  # type: ignore[call-overload]
    back, again, _ = cv2.calcOpticalFlowPyrLK(b, a, there, None, **window)  # type: ignore[call-overload]
    returned = np.linalg.norm((back - points)[:, 0], axis=1) < 1.0
    good = (found[:, 0] == 1) & (again[:, 0] == 1) & returned
    return np.asarray(points[:, 0], np.float64), np.asarray(there[:, 0], np.float64), good


def _off(exact: Matrix, laid: Laid) -> float:
    """By how many pixels the correction moves a corner, at the most."""
    height, width = laid.first.shape
    corners = np.array([(0, 0), (width, 0), (0, height), (width, height)], np.float64)
    return float(np.linalg.norm(moved(exact, corners) - corners, axis=1).max())


def _refined(transform: Matrix, exact: Matrix | None, laid: Laid) -> Matrix:
    """The transform followed by the small correction that the followed points ask for."""
    if exact is None or np.abs(exact[:, :2] - np.eye(2)).max() > 0.1:
        return transform
    to = square(laid.to)
    shifted = exact.copy()
    shifted[:, 2] += 0.5 - exact[:, :2] @ (0.5, 0.5)  # corners, not centres, at whole numbers
    whole: Matrix = np.linalg.inv(to) @ square(shifted) @ to @ square(transform)
    return whole[:2]
