"""How one picture lies in another: the transform on which their local features agree."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from math import hypot

import numpy as np
import numpy.typing as npt

from lookalike.duplicates.features import Descriptors, Features
from lookalike.duplicates.geometry import Matrix, Points, moved
from lookalike.duplicates.laying import middle
from lookalike.gallery.knn import within_bits

FEWEST = 7
"""Inliers without which no transform is looked at: two make a similarity, so seven are five that did not
have to agree. (Of 4,301 pairs of copies none has fewer, and a third of the other pairs that are compared.)"""

_BENT = 2.5
"""How bent the places of inliers may be: see `_bend`. Of 4,301 pairs of copies none is bent more, and half of
the 4,393 pairs of other photos that have `FEWEST`: of one thing from elsewhere, or of another of its kind."""

_ODD = 0.1
"""Share of the matches that are inliers below which the transform is one that some of many alike patches have
by chance, as on two cherries. Of the same copies none has less, of the frames of a turntable four in ten."""

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
_ACROSS = 31  # pixels of a patch in which places are counted when it is asked how bent they are
_FEW = 12  # inliers that tell nothing of that: six make a quadratic transform
_EXACT = 0.02  # square of such pixels: places are known no better


@dataclass(frozen=True, slots=True)
class Alignment:
    """A transform on which features agree.

    Attributes:
        transform: (2, 3) float64, takes points of the first picture to the second, both in shares
            of the longer side of their picture, (0, 0) being the top left corner.
        inliers: how many pairs of features agree.
        matches: of how many that resemble each other.
        bend: how bent the places of the inliers are, 0 or more: see `_bend`.
    """

    transform: Matrix
    inliers: int
    matches: int
    bend: float


def align(
    first: Features,
    second: Features,
    first_size: tuple[int, int],
    second_size: tuple[int, int],
    mirrored: bool | None = None,
) -> Alignment | None:
    """The transform on which most features agree, mirrored or not; None when too few do, or when their places
    show another photo of the same thing.

    Args:
        first: features of a picture.
        second: features of another one.
        first_size: width and height of the first; only their ratio matters.
        second_size: likewise.
        mirrored: whether the one is the other's mirror image, where that is known; it halves the time.
    """
    found = _aligned(first, second, first_size, second_size, mirrored)
    return found if found is not None and found.bend <= _BENT else None


def _aligned(
    first: Features,
    second: Features,
    first_size: tuple[int, int],
    second_size: tuple[int, int],
    mirrored: bool | None,
) -> Alignment | None:
    places = _places(first, first_size), _places(second, second_size)
    plain = None
    if not mirrored:
        plain = _align(first, second, first.descriptors, *places, mirrored=False, least=FEWEST)
        # Symmetric things agree with their mirror image a little, never in most of their patches.
        if mirrored is False or (plain is not None and 2 * plain.inliers > min(len(first), len(second))):
            return plain
    width = first_size[0] / max(first_size)
    flipped = places[0] * (-1, 1) + (width, 0)
    least = FEWEST if plain is None else plain.inliers + 1
    turned_over = _align(first, second, first.mirrored, flipped, places[1], mirrored=True, least=least)
    if turned_over is None:
        return plain
    back = np.array([[-1, 0, width], [0, 1, 0], [0, 0, 1]], np.float64)
    return replace(turned_over, transform=turned_over.transform @ back)


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
        second.scales[b],
    )
    transform, agreed = _fitted(matches)
    inliers = int(agreed.sum())
    if inliers < max(least, _ODD * len(found)) or not _is_plain(transform):
        return None
    return Alignment(transform, inliers, len(found), _bend(matches, transform, agreed))


@dataclass(frozen=True, slots=True, eq=False)
class _Matches:
    """Points whose patches resemble each other, the most alike first.

    Attributes:
        a: (m, 2) points of the first picture, in shares of its longer side.
        b: (m, 2) their partners in the second.
        turned: (m,) by how much the patch is turned, in degrees.
        grown: (m,) binary logarithm of how much larger it is.
        size: (m,) of the partner's patch, in shares of the longer side.
    """

    a: Points
    b: Points
    turned: Points
    grown: Points
    size: Points

    @property
    def off(self) -> Points:
        """(m,) how far from its place the partner may lie."""
        return np.asarray(_OFF + _OFF_GROWS * self.size, np.float32)

    def agreeing(self, transform: Matrix) -> npt.NDArray[np.bool_]:
        away = np.linalg.norm(moved(transform, self.a) - self.b, axis=1)
        return np.asarray(away <= self.off)


def _fitted(matches: _Matches) -> tuple[Matrix, npt.NDArray[np.bool_]]:
    """The transform that takes most points to near their partners, and which ones it takes there."""
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
    return transform, agreed


def _bend(matches: _Matches, transform: Matrix, agreed: npt.NDArray[np.bool_]) -> float:
    """How surely the inliers lie where no affine transform puts them, as the points of another photo do, from
    another place or of a thing that moves; those of a copy are off by chance.

    The product of three numbers, each of which is larger of other photos: by how many times more than chance
    a quadratic transform is nearer (the F statistic of its second order), how far off they are (the median,
    in pixels of the patch's own level), and the share of the matches that do not agree at all; less where
    there are few inliers. The best of some rules that were tried on the pairs that `_BENT` tells of; the
    first number alone, with no copy lost, refuses 0.27 of the others in the place of 0.48.
    """
    count = int(agreed.sum())
    if count <= _FEW:
        return 0.0
    unit = (matches.size[agreed] / _ACROSS).astype(np.float64)[:, None]
    a = matches.a[agreed].astype(np.float64)
    off = (moved(transform, a) - matches.b[agreed]) / unit
    x, y = ((a - a.mean(axis=0)) / (a.std(axis=0) + 1e-6)).T
    affine_first = np.column_stack([np.ones(count), x, y, x * x, x * y, y * y]) / unit
    explained = np.square(np.linalg.qr(affine_first)[0].T @ off).sum(axis=1)
    left = max(0.0, float(np.square(off).sum() - explained.sum()))
    more = float(explained[3:].sum()) / 3 / (left / (count - 6) + _EXACT)
    return more * middle(np.hypot(*off.T)) * (1 - count / len(agreed)) * (1 - _FEW / count)


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
    away = factor[:, None] * from_[asked] + (shift[:, None] - to[asked])
    near = (
        away.real**2 + away.imag**2 <= matches.off[asked] ** 2
    )  # taking the roots takes longer than the rest
    best = int(np.count_nonzero(near, axis=1).argmax())
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
