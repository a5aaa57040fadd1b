"""How far the places of one picture have moved against those of another one that it is laid over.

In a copy every edge is where it was, to a few hundredths of a pixel, however it was cut, turned or coloured.
In another photo from nearly the same place, or the next frame of a turntable, some edges have moved against
the others by a few tenths. A place with an edge tells how far it has moved across the edge (normal flow: B.
Horn and B. Schunck, "Determining optical flow", Artificial Intelligence 17, 1981), and how exactly that is
known: what is left of the difference after moving it is noise (B. Lucas and T. Kanade, IJCAI 1981). So the
movement is counted in standard errors, and a noisy or blurred copy does not seem to move.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lookalike.duplicates.laying import Laid, middle

UNKNOWN = 16.0
"""The drift where nothing is known, as of a picture that moves clearly."""

_FEW = 3
"""Places with that drift that are added to those that were seen: few places say little. (1,283 copies and the
903 pairs of other photos most like copies were told apart as well with 6, and worse without any.)"""

_CELL = 8  # pixels between places
_EDGE = 4  # pixels at the upper and left edge that belong to no cell
_SMOOTH = 1.0  # pixels both are blurred by, against noise
_AROUND = 15  # pixels around a place whose brightness and contrast are made equal
_CONTRAST = 4.0  # grey levels (standard deviation) from which a place shows something
_NOISE = 2.0
"""Grey levels (standard deviation) that encoding leaves anywhere. Of the 695 pairs of other photos that drift
least 21 drift less than two in a hundred of the copies by the edits that change most; without it, 105."""

_FLOOR = 0.02  # pixels: nothing is known more exactly, as resizing and encoding move edges by so much
_MOST = 6.0  # standard errors: what has moved by more has moved
_RIDGE = 1e-8  # share of all that is known that is added for each number of a movement
_ROUNDS = 5  # of fitting the movement of all, and trusting the places less that do not follow it

Floats = npt.NDArray[np.float64]
_Grey = npt.NDArray[np.float32]


def drift(laid: Laid, agreed: npt.NDArray[np.bool_]) -> float:
    """The mean square of how far places have moved, in standard errors, apart from an affine movement of all.

    Args:
        laid: the two pictures.
        agreed: (h / 2, w / 2), whether there, at every second pixel of them, something is shown that agrees.

    Returns:
        About 0.3 to 3 for copies, and up to 36; `UNKNOWN` where nothing is seen.
    """
    if min(laid.first.shape) < _EDGE + 2 * _CELL:
        return UNKNOWN
    seen = _places(laid, agreed)
    if not len(seen.moved):
        return UNKNOWN
    off = seen.moved - _of_all(seen)
    squares = np.minimum(off**2 / (seen.error**2 + _FLOOR**2), _MOST**2)
    weight = np.sqrt(seen.strength)
    mean = float((weight * squares).sum() / weight.sum())
    return (mean * len(off) + UNKNOWN * _FEW) / (len(off) + _FEW)


@dataclass(frozen=True, slots=True, eq=False)
class _Places:
    """Places that show an edge: (n,) each.

    Attributes:
        x, y: where, in shares of the longer side.
        across: (n, 2) the direction across the edge, of length 1.
        strength: of the edge: mean square of the change of brightness a pixel.
        moved: how far it has moved in that direction, in pixels.
        error: the standard error of that.
    """

    x: Floats
    y: Floats
    across: Floats
    strength: Floats
    moved: Floats
    error: Floats


def _places(laid: Laid, agreed: npt.NDArray[np.bool_]) -> _Places:
    """Where both show the same, every `_CELL` pixels."""
    import cv2

    (first, gain), (second, other_gain) = _even(laid.first), _even(laid.second)
    both, change = (first + second) / 2, second - first
    right = cv2.Sobel(both, cv2.CV_32F, 1, 0, scale=1 / 8)
    down = cv2.Sobel(both, cv2.CV_32F, 0, 1, scale=1 / 8)
    whole = cv2.erode(laid.mask.view(np.uint8), np.ones((2 * _CELL + 4,) * 2, np.uint8), borderValue=0) > 0
    y, x = (np.arange(_EDGE + _CELL, side - _CELL + 1, _CELL) for side in whole.shape)
    rows, columns = np.minimum(y // 2, len(agreed) - 1), np.minimum(x // 2, agreed.shape[1] - 1)
    at = np.flatnonzero(whole[np.ix_(y, x)] & agreed[np.ix_(rows, columns)])
    products = right * right, right * down, down * down, right * change, down * change, change * change
    xx, xy, yy, xt, yt, tt = (_around(each).ravel()[at].astype(np.float64) for each in products)
    # The structure tensor's stronger direction (J. Bigun and G. Granlund, ICCV 1987).
    angle = np.arctan2(2 * xy, xx - yy) / 2
    across = np.column_stack([np.cos(angle), np.sin(angle)])
    strength = (xx + yy) / 2 + np.sqrt((xx - yy) ** 2 / 4 + xy**2) + 1e-9
    along = across[:, 0] * xt + across[:, 1] * yt
    gains = np.maximum(gain[np.ix_(y, x)], other_gain[np.ix_(y, x)]).ravel()[at].astype(np.float64)
    noise = np.maximum(tt - along**2 / strength, 0) + (_NOISE * gains) ** 2
    error = np.sqrt(noise / strength) / _CELL  # of four pixels about one says something new
    row, column = np.divmod(at, len(x))
    longest = max(whole.shape)
    return _Places(x[column] / longest, y[row] / longest, across, strength, -along / strength, error)


def _even(grey: npt.NDArray[np.uint8]) -> tuple[_Grey, _Grey]:
    """The picture with the same brightness and contrast everywhere, and what its grey levels were multiplied
    by."""
    import cv2

    smooth = cv2.GaussianBlur(grey, (0, 0), _SMOOTH)
    even, around = smooth.astype(np.float32), (_AROUND, _AROUND)
    mean = cv2.blur(even, around)
    variance = cv2.sqrBoxFilter(smooth, cv2.CV_32F, around) - mean * mean
    gain = 1 / (np.sqrt(np.maximum(variance, 0, out=variance)) + _CONTRAST)
    even -= mean
    even *= gain
    return even, np.asarray(gain, np.float32)


def _around(values: _Grey) -> _Grey:
    """The mean of the four cells around each corner where four meet."""
    import cv2

    rows, columns = ((side - _EDGE) // _CELL for side in values.shape)
    whole = values[_EDGE : _EDGE + rows * _CELL, _EDGE : _EDGE + columns * _CELL]
    cells = cv2.resize(whole, (columns, rows), interpolation=cv2.INTER_AREA)
    pairs = cells[:-1] + cells[1:]
    return np.asarray((pairs[:, :-1] + pairs[:, 1:]) / 4, np.float32)


def _of_all(seen: _Places) -> Floats:
    """How far each place has moved with all of them, by an affine transform, in pixels; those that do not
    follow it count less and less (iteratively reweighted least squares, with Cauchy's weights)."""
    where = np.column_stack([np.ones(len(seen.x)), seen.x, seen.y])
    by = np.hstack([where * seen.across[:, :1], where * seen.across[:, 1:]])
    known = np.minimum(seen.strength / seen.strength.mean(), 3.0)
    trust, of_all = np.ones(len(known)), np.zeros(len(known))
    for _ in range(_ROUNDS):
        weight = np.sqrt(known * trust)
        weighted = by * weight[:, None]
        normal = weighted.T @ weighted  # of six rows: much faster than of as many as there are places
        normal.flat[:: len(normal) + 1] += _RIDGE * normal.trace()  # what nothing is known of stays
        of_all = by @ np.linalg.solve(normal, weighted.T @ (seen.moved * weight))
        off = np.abs(seen.moved - of_all)
        trust = 1 / (1 + (off / (1.5 * middle(off) + _FLOOR)) ** 2)
    return of_all
