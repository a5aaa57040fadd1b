"""Whether two pictures show the same pixels, and how one lies in the other.

Two steps, each the other's check. Local features that agree on one transform propose how the
pictures lie (`align`); then the one is laid over the other and their pixels are compared patch by
patch (`agreement`). Features alone take two products with the same label for copies; pixels alone
cannot find a crop. Together they can tell a copy from another photo of the same thing.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import hypot
from typing import cast

import numpy as np
import numpy.typing as npt

from lookalike.duplicates.features import Descriptors, Features
from lookalike.gallery.knn import within_bits

Matrix = npt.NDArray[np.float64]
Grey = npt.NDArray[np.uint8]
Points = npt.NDArray[np.float32]

FEWEST = 5
"""Inliers without which no transform is looked at: two make a similarity, so five are three that
did not have to agree."""

LAID = 256
"""Pixels of the longer side of the part that both pictures show, when one is laid over the other."""

_CLOSE_BITS = 56
"""Of 256; descriptors of unrelated patches differ by 128 on average. Of pictures pasted at 30 to 50 % of
the side and crops to 10 % of the area, as many were aligned with 64 bits, and more of unrelated ones."""

_CLOSE_WORD = 18  # of the first 64 bits; with fewer, time is saved and crops are lost
_TRIED = 60  # nearest descriptors, every two of which propose a transform
_PROPOSED = 500  # transforms that are looked at: only where most descriptors agree are there more
_ASKED = 120  # nearest descriptors that are asked whether they agree with one
_APART = 0.03  # of the longer side: two points that lie nearer do not tell how the picture is turned
_GROWN_OFF = 0.4  # binary logarithm; how far the growth of a patch may be from that of the picture
_TURNED_OFF = 18.0  # degrees; likewise its turn
_OFF = 0.008  # of the longer side: how far from its place an inlier may lie,
_OFF_GROWS = 0.03  # and how much farther for its size, since large patches are found less exactly
_ROUNDS = 4  # of fitting to the inliers and looking for more
_FREE = 8  # inliers from which a change of aspect is believed
_STRETCH = 2.5  # length : width that a copy's aspect may have been changed by

_LEAST = 64  # pixels of each picture that the other one must show
_PATCH = 15  # pixels of a patch that is compared
_CONTRAST = 4.0  # grey levels (standard deviation) from which a patch has something to compare
_LIKE = 0.75  # correlation from which two patches show the same
_DIFFERENT = 0.25
"""Share of patches that agree below which no points are followed: of 860 copies by 15 kinds of edits,
the lowest had 0.48, and a third of the other candidates have less."""

_LOST = 0.2  # share of the details of one picture that shows that the other one is blurred
_TILE = 16  # pixels of a tile of which it is asked
_DETAILED = 1e-3  # variance lost, as a share of all, from which a tile has something to lose
_POINTS = 120  # points that are followed from one picture to the other
_ONE_COLOUR = 12  # grey levels between the darkest and brightest pixel of a plain border, but a hundredth
_PERFECT = 0.98  # share that the small correction of the transform need not improve
_STILL = 0.5  # pixels of `LAID` a point may be off; points of another photo of the same thing are off by more


@dataclass(frozen=True, slots=True)
class Alignment:
    """A transform on which features agree.

    Attributes:
        transform: (2, 3) float64, takes points of the first picture to the second, both in shares
            of the longer side of their picture, (0, 0) being the top left corner.
        inliers: how many pairs of features agree.
        matches: of how many that resemble each other.
    """

    transform: Matrix
    inliers: int
    matches: int


@dataclass(frozen=True, slots=True)
class Agreement:
    """What laying one picture over the other showed.

    Attributes:
        share: share of the patches with something to compare that agree, in [0, 1].
        correlation: mean correlation of the patches that agree, in [0, 1].
        still: share of the points in patches that agree that are where the transform puts them, in [0, 1];
            0 also where so few patches agree that none were followed.
        rigid: the same share of those points alone that could be followed there and back.
        size: pixels of the longer side at which it was laid over.
        transform: the transform made exact by the points that were followed; as in `Alignment`.
        overlaps: share of the first and of the second picture that the other one shows, in [0, 1].
        extras: share of each that shows something where the other one has nothing, in [0, 1]:
            borders of one colour do not count.
        blob: the largest connected place where patches disagree, as a share of what both show, in [0, 1].
        steady: the same share as `still`, of the points that lie where patches agree under the exact
            transform, in [0, 1]; near to one half where there are few, as few say little (Laplace's
            rule of succession). What was written or laid over a part does not count.
        points: how many these are.
    """

    share: float
    correlation: float
    still: float
    rigid: float
    size: int
    transform: Matrix
    overlaps: tuple[float, float]
    extras: tuple[float, float]
    blob: float = 0.0
    steady: float = 0.0
    points: int = 0


def align(
    first: Features, second: Features, first_size: tuple[int, int], second_size: tuple[int, int]
) -> Alignment | None:
    """The transform on which most features agree, mirrored or not; None when too few do.

    Args:
        first: features of a picture.
        second: features of another one.
        first_size: width and height of the first; only their ratio matters.
        second_size: likewise.
    """
    places = _places(first, first_size), _places(second, second_size)
    plain = _align(first, second, first.descriptors, *places, mirrored=False, least=FEWEST)
    # Symmetric things agree with their mirror image a little, never in most of their patches.
    if plain is not None and 2 * plain.inliers > min(len(first), len(second)):
        return plain
    width = first_size[0] / max(first_size)
    flipped = places[0] * (-1, 1) + (width, 0)
    least = FEWEST if plain is None else plain.inliers + 1
    mirrored = _align(first, second, first.mirrored, flipped, places[1], mirrored=True, least=least)
    if mirrored is None:
        return plain
    back = np.array([[-1, 0, width], [0, 1, 0], [0, 0, 1]], np.float64)
    return Alignment(mirrored.transform @ back, mirrored.inliers, mirrored.matches)


def _places(features: Features, size: tuple[int, int]) -> npt.NDArray[np.float32]:
    """The points in shares of the longer side."""
    return features.points * (np.array(size) / max(size)).astype(np.float32)


def _align(
    first: Features,
    second: Features,
    descriptors: npt.NDArray[np.uint8],
    from_: npt.NDArray[np.float32],
    to: npt.NDArray[np.float32],
    *,
    mirrored: bool,
    least: int,
) -> Alignment | None:
    """None also when fewer than `least` agree."""
    found = _resembling(descriptors, second.descriptors)
    if len(found) < least:
        return None
    a, b = found.T
    angles = (180 - first.angles) if mirrored else first.angles
    matches = _Matches(
        from_[a],
        to[b],
        (second.angles[b] - angles[a]) % 360,
        np.log2(second.scales[b] / first.scales[a]),
        _OFF + _OFF_GROWS * second.scales[b],
    )
    transform, inliers = _fitted(matches)
    return Alignment(transform, inliers, len(found)) if inliers >= least and _is_plain(transform) else None


@dataclass(frozen=True, slots=True, eq=False)
class _Matches:
    """Points whose patches resemble each other, the most alike first.

    Attributes:
        a: (m, 2) points of the first picture, in shares of its longer side.
        b: (m, 2) their partners in the second.
        turned: (m,) by how much the patch is turned, in degrees.
        grown: (m,) binary logarithm of how much larger it is.
        off: (m,) how far from its place the partner may lie.
    """

    a: Points
    b: Points
    turned: Points
    grown: Points
    off: Points

    def agreeing(self, transform: Matrix) -> npt.NDArray[np.bool_]:
        away = np.linalg.norm(_moved(transform, self.a) - self.b, axis=1)
        return np.asarray(away <= self.off)


def _fitted(matches: _Matches) -> tuple[Matrix, int]:
    """The transform that takes most points to near their partners, and how many it takes there."""
    transform = _guessed(matches)
    agreed = matches.agreeing(transform)
    for _ in range(_ROUNDS):
        better = _least_squares(matches.a[agreed], matches.b[agreed])
        now = matches.agreeing(better)
        if now.sum() < agreed.sum() or not _is_plain(better):
            break
        settled = np.array_equal(now, agreed)
        transform, agreed = better, now
        if settled:  # the same ones would be fitted again
            break
    return transform, int(agreed.sum())


def _guessed(matches: _Matches) -> Matrix:
    """Of the similarities that two matches make, the one with which most others agree.

    Like RANSAC (M. Fischler and R. Bolles, 1981), but nothing is drawn at random: the most alike are
    tried, every two of them, and only where the patches are turned and grown as their places say.
    """
    from_, to = matches.a @ _COMPLEX, matches.b @ _COMPLEX
    i, j = _every_two(min(len(from_), _TRIED))
    wide = np.abs(from_[j] - from_[i]) > _APART
    i, j = i[wide], j[wide]
    factor = (to[j] - to[i]) / (from_[j] - from_[i])
    growth, turn = np.log2(np.abs(factor) + 1e-6), np.degrees(np.angle(factor))
    fits = np.ones(len(i), bool)
    for one in (i, j):
        fits &= np.abs(growth - matches.grown[one]) < _GROWN_OFF
        fits &= np.abs((turn - matches.turned[one] + 180) % 360 - 180) < _TURNED_OFF
    some = np.flatnonzero(fits)[:_PROPOSED]
    if not len(some):
        return np.zeros((2, 3))
    factor, shift = factor[some], (to[i] - factor * from_[i])[some]
    asked = slice(_ASKED)
    away = np.abs(factor[:, None] * from_[asked] + (shift[:, None] - to[asked]))
    best = int(np.count_nonzero(away <= matches.off[asked], axis=1).argmax())
    f, s = complex(factor[best]), complex(shift[best])
    return np.array([[f.real, -f.imag, s.real], [f.imag, f.real, s.imag]])


@lru_cache(maxsize=_TRIED + 1)
def _every_two(count: int) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    return np.triu_indices(count, 1)


_COMPLEX = np.array([1, 1j], np.complex64)  # points of the plane as numbers: a similarity is one product


def _least_squares(a: Points, b: Points) -> Matrix:
    """The affine transform that takes the points a nearest to b; of few points, the similarity."""
    ones = np.ones(len(a))
    if len(a) >= _FREE:
        solved: Matrix = np.linalg.lstsq(np.column_stack([a, ones]), b.astype(np.float64), rcond=None)[0]
        return solved.T
    both = np.column_stack([a @ _COMPLEX, ones]).astype(np.complex128)
    f, s = map(complex, np.linalg.lstsq(both, b @ _COMPLEX, rcond=None)[0])
    return np.array([[f.real, -f.imag, s.real], [f.imag, f.real, s.imag]])


def _resembling(a: Descriptors, b: Descriptors) -> npt.NDArray[np.intp]:
    """(m, 2) places in a and b of descriptors that are each other's nearest, and near; the nearest
    first."""
    i, j, bits = _near(a, b)
    near = np.argsort(bits.astype(np.uint8), kind="stable")
    pairs = np.column_stack([i[near], j[near]])
    found: npt.NDArray[np.intp] = pairs[_first_seen(pairs[:, 0], len(a)) & _first_seen(pairs[:, 1], len(b))]
    return found


def _near(a: Descriptors, b: Descriptors) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], Points]:
    """The places in a and b of all descriptors that are near each other, by place, and how many of
    their bits differ."""
    i, j, bits = within_bits(a, b, _CLOSE_BITS)
    words = (np.ascontiguousarray(each).view(np.uint64)[:, 0] for each in (a, b))
    close = np.bitwise_count(next(words)[i] ^ next(words)[j]) <= _CLOSE_WORD
    return i[close], j[close], bits[close]


def _first_seen(numbers: npt.NDArray[np.intp], below: int) -> npt.NDArray[np.bool_]:
    """Where each number, which is below a limit, stands for the first time."""
    places = np.arange(len(numbers))
    first = np.zeros(below, np.intp)
    first[numbers[::-1]] = places[::-1]  # of several, the last one written stays
    return np.asarray(first[numbers] == places)


def _is_plain(transform: Matrix) -> bool:
    """Whether a copy can have been made so: not squeezed to a line, neither tiny nor huge."""
    (a, b), (c, d) = transform[:, :2].tolist()
    turned, mirrored = hypot(a + d, b - c) / 2, hypot(a - d, b + c) / 2
    most, least = turned + mirrored, abs(turned - mirrored)  # the singular values
    return least > 0.08 and most < 12 and most <= _STRETCH * least


# --- laying one over the other ---------------------------------------------------------------


def agreement(first: Grey, second: Grey, transform: Matrix) -> Agreement | None:
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
    laid = _lay(first, second, transform)
    if laid is None:
        return None
    patches = _patches(laid)
    followed = _followed(laid, patches.agreed) if patches.share >= _DIFFERENT else _NONE_FOLLOWED
    inside, covered, over = laid.inside, laid.covered, laid
    if followed.exact is not None:
        transform = _refined(transform, followed.exact, laid)
        if patches.share < _PERFECT:
            again = _lay(first, second, transform) or laid
            better = _patches(again)
            if better.share > patches.share:
                patches, over = better, again
        inside, covered = _seen(first.shape, second.shape, transform)
    steady, points = followed.where(patches.agreed, laid.to, over.to)
    return Agreement(
        patches.share,
        patches.correlation,
        followed.still,
        followed.rigid,
        max(laid.first.shape),
        transform,
        (_share(inside), _share(covered)),
        (_extra(first, inside), _extra(second, covered)),
        patches.blob,
        steady,
        points,
    )


@dataclass(frozen=True, slots=True)
class _Laid:
    """The part both pictures show, in the second one's frame, at the coarser one's size.

    `to` takes points of the second picture, in shares of its longer side, to pixels here. `inside` and
    `covered` are the pixels of the first and of the second picture that the other one shows.
    """

    first: Grey
    second: Grey
    mask: npt.NDArray[np.bool_]
    to: Matrix
    inside: npt.NDArray[np.bool_]
    covered: npt.NDArray[np.bool_]


def _lay(first: Grey, second: Grey, transform: Matrix) -> _Laid | None:
    inside, covered = _seen(first.shape, second.shape, transform)
    if min(np.count_nonzero(inside), np.count_nonzero(covered)) < _LEAST:
        return None
    over = _Over(first, second, _in_pixels(transform, first.shape, second.shape), inside, covered)
    left, top, right, bottom = over.box
    size = min(LAID / max(right - left, bottom - top), 1.0, 1.0 / over.step)
    laid = over.at(size)
    blur = _blur(laid)
    return laid if blur == 1 else over.at(size / blur)


@dataclass(frozen=True, slots=True)
class _Over:
    """Two pictures and how the first lies over the second, in pixels; `inside`, `covered`: see `_Laid`."""

    first: Grey
    second: Grey
    forth: Matrix
    inside: npt.NDArray[np.bool_]
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

    def at(self, size: float) -> _Laid:
        """What both show, with `size` pixels for one of the second picture."""
        import cv2

        left, top, right, bottom = self.box
        shape = max(1, round((right - left) * size)), max(1, round((bottom - top) * size))
        scale = np.array([shape[0] / (right - left), shape[1] / (bottom - top)])
        to = np.array([[scale[0], 0, -left * scale[0]], [0, scale[1], -top * scale[1]]])
        centre = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])  # OpenCV has (0, 0) in a pixel's centre
        whole = np.linalg.inv(centre) @ _square(to) @ centre @ _square(self.forth)
        a = cv2.warpAffine(_blurred(self.first, self.step * size), whole[:2], shape, flags=cv2.INTER_LINEAR)
        b = cv2.resize(self.second[top:bottom, left:right], shape, interpolation=cv2.INTER_AREA)
        mask = cv2.resize(self.covered[top:bottom, left:right].astype(np.uint8), shape) > 0
        to[:, :2] *= max(self.second.shape)
        return _Laid(np.asarray(a, np.uint8), np.asarray(b, np.uint8), mask, to, self.inside, self.covered)


def _square(transform: Matrix) -> Matrix:
    """As a 3 x 3 matrix, which can be multiplied and inverted."""
    return np.vstack([transform, [0.0, 0.0, 1.0]])


def _blur(laid: _Laid) -> int:
    """By how much both must be shrunk until neither shows details that the other has lost: 1, 2 or 4.

    Asked of every tile, most of them decide: large letters over a part have details that nothing has lost.
    """
    import cv2

    side = min(laid.first.shape)
    if side < 32:
        return 1
    both = laid.first, laid.second
    tiles = max(1, laid.first.shape[1] // _TILE), max(1, laid.first.shape[0] // _TILE)
    whole = cv2.resize(laid.mask.view(np.uint8) * 255, tiles, interpolation=cv2.INTER_AREA) > 250
    spreads = [cv2.meanStdDev(grey, mask=laid.mask.view(np.uint8))[1].item() ** 2 + 1 for grey in both]
    for factor in (4, 2):
        if side >= 16 * factor:
            fine = [_lost(grey, tiles, factor) / spread for grey, spread in zip(both, spreads, strict=True)]
            some = whole & (np.maximum(*fine) > _DETAILED)
            if some.any():
                one, other = (float(np.median(each[some])) for each in fine)
                if min(one, other) < _LOST * max(one, other):
                    return factor
    return 1


def _lost(grey: Grey, tiles: tuple[int, int], factor: int) -> npt.NDArray[np.float32]:
    """The variance that is lost in each tile when a picture is made smaller by a factor."""
    import cv2

    height, width = grey.shape
    small = cv2.resize(grey, (width // factor, height // factor), interpolation=cv2.INTER_AREA)
    again = cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)
    off = cv2.absdiff(grey, again).astype(np.float32)
    return np.asarray(cv2.resize(off * off, tiles, interpolation=cv2.INTER_AREA), np.float32)


def _seen(
    first: tuple[int, ...], second: tuple[int, ...], transform: Matrix
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Which pixels of the first picture the second one shows, and the other way round."""
    import cv2

    forth = _in_pixels(transform, first, second)
    back = cv2.invertAffineTransform(forth)
    inside = cv2.warpAffine(np.full(second, 255, np.uint8), back, first[::-1]) > 127
    covered = cv2.warpAffine(np.full(first, 255, np.uint8), forth, second[::-1]) > 127
    return inside, covered


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


def _normal(grey: Grey) -> tuple[Grey, npt.NDArray[np.float32]]:
    """The picture with the same brightness and contrast everywhere, and the contrast it had (the
    variance around each pixel, grey levels squared)."""
    import cv2

    values = grey.astype(np.float32)
    mean = cv2.blur(values, (_PATCH, _PATCH))
    variance = np.maximum(cv2.blur(values * values, (_PATCH, _PATCH)) - mean * mean, 0)
    normal = np.clip((values - mean) / (np.sqrt(variance) + _CONTRAST) * 40 + 128, 0, 255)
    return normal.astype(np.uint8), variance


@dataclass(frozen=True, slots=True, eq=False)
class _Patches:
    """What comparing patch by patch showed; `agreed` says it of every second pixel."""

    share: float
    correlation: float
    blob: float
    agreed: npt.NDArray[np.bool_]


def _patches(laid: _Laid) -> _Patches:
    """Share of patches that agree, and the mean correlation of these, both weighted by contrast; and the
    largest place where they disagree, as a share of the whole."""
    import cv2

    x, y = (cv2.GaussianBlur(g, (0, 0), 1.2).astype(np.float32) for g in (laid.first, laid.second))

    def mean(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        return np.asarray(cv2.blur(values, (_PATCH, _PATCH)), np.float32)[::2, ::2]  # it is smooth

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
        return _Patches(0.0, 0.0, 0.0, np.zeros(something.shape, bool))
    correlation = (covariance[something] + 1) / np.sqrt((var_x[something] + 2) * (var_y[something] + 2))
    weight, agree = np.sqrt(contrast[something]), correlation > _LIKE
    agreeing = float(weight[agree].sum())
    exactly = float((weight * correlation)[agree].sum()) / agreeing if agreeing else 0.0
    wrong = np.zeros(something.shape, np.uint8)
    wrong[something] = ~agree
    agreed = something & (wrong == 0)
    blob = _largest(wrong) / max(1, int(whole.sum()))
    return _Patches(agreeing / float(weight.sum()), exactly, blob, agreed)


def _largest(marked: npt.NDArray[np.uint8]) -> int:
    """Pixels of the largest connected part that is marked."""
    import cv2

    found, _, facts, _ = cv2.connectedComponentsWithStats(marked, connectivity=8)
    return int(facts[1:, cv2.CC_STAT_AREA].max()) if found > 1 else 0


@dataclass(frozen=True, slots=True, eq=False)
class _Followed:
    """Points that were followed from the first to the second and back.

    Attributes:
        still: share of all points that one affine transform puts to within `_STILL` of where they are.
        rigid: the same share of those that could be followed.
        exact: that transform; None when there is none.
        points: (n, 2) where they are.
        are: (n,) which of them are still.
    """

    still: float
    rigid: float
    exact: Matrix | None
    points: Matrix
    are: npt.NDArray[np.bool_]

    def where(self, agreed: npt.NDArray[np.bool_], to: Matrix, over: Matrix) -> tuple[float, int]:
        """Share of the points in such places that are still, and how many points these are.

        Args:
            agreed: the places, as `_Patches` has them.
            to: takes the second picture to the pixels in which the points were followed,
            over: and to those of the places.
        """
        if not len(self.points):
            return 0.5, 0
        there = _moved((_square(over) @ np.linalg.inv(_square(to)))[:2], self.points)
        x, y = (there // 2).astype(int).clip(0, np.array(agreed.shape[::-1]) - 1).T
        inside = agreed[y, x]
        number = int(inside.sum())
        return (int((self.are & inside).sum()) + 1) / (number + 2), number


_NONE_FOLLOWED = _Followed(0.0, 0.0, None, np.zeros((0, 2)), np.zeros(0, bool))


def _followed(laid: _Laid, agreed: npt.NDArray[np.bool_]) -> _Followed:
    """Follow points of places that agree from the first to the second and back."""
    import cv2

    p, q, good = _tracks(laid, agreed)
    if good.sum() < FEWEST:
        return _NONE_FOLLOWED
    fit, _ = cv2.estimateAffine2D(
        p[good], q[good], method=cv2.RANSAC, ransacReprojThreshold=0.7, maxIters=300, confidence=0.99
    )
    if cast("object | None", fit) is None:  # as when all lie on one line
        return _NONE_FOLLOWED
    exact = np.asarray(fit, np.float64)
    off = np.linalg.norm(_moved(exact, p) - q, axis=1)
    # The smaller they are, the less a camera's movement shows; below a hundred pixels noise does more.
    are = good & (off < _STILL * np.clip(max(laid.first.shape) / LAID, 0.4, 1))
    still = int(are.sum())
    return _Followed(still / len(p), still / int(good.sum()), exact, p, are)


def _tracks(laid: _Laid, agreed: npt.NDArray[np.bool_]) -> tuple[Matrix, Matrix, npt.NDArray[np.bool_]]:
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


def _moved(transform: Matrix, points: Matrix | Points) -> Matrix:
    places: Matrix = points @ transform[:, :2].T + transform[:, 2]
    return places


def _refined(transform: Matrix, exact: Matrix | None, laid: _Laid) -> Matrix:
    """The transform followed by the small correction that the followed points ask for."""
    if exact is None or np.abs(exact[:, :2] - np.eye(2)).max() > 0.1:
        return transform
    to = _square(laid.to)
    shifted = exact.copy()
    shifted[:, 2] += 0.5 - exact[:, :2] @ (0.5, 0.5)  # corners, not centres, at whole numbers
    whole: Matrix = np.linalg.inv(to) @ _square(shifted) @ to @ _square(transform)
    return whole[:2]


def _share(which: npt.NDArray[np.bool_]) -> float:
    return float(np.count_nonzero(which) / which.size)


def _extra(grey: Grey, seen: npt.NDArray[np.bool_]) -> float:
    """Share of a picture outside what the other one shows; 0 when there is but a border of one colour. A
    clear sky or a wall is not of one colour, and a caption is no border."""
    import cv2

    outside = cv2.dilate(seen.view(np.uint8), np.ones((7, 7), np.uint8)) == 0
    if not outside.any():
        return 0.0
    darkest, brightest = np.percentile(grey[outside], (0.5, 99.5))
    return 0.0 if brightest - darkest <= _ONE_COLOUR else 1 - _share(seen)
