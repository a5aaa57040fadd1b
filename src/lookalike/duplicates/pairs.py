"""What is known about two pictures that may be copies of each other."""

from __future__ import annotations

from dataclasses import dataclass, replace

from lookalike.errors import UsageError

Transform = tuple[tuple[float, float, float], tuple[float, float, float]]
Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two pictures, as the comparison of their pixels saw it. Colours are in units of CIELAB.

    Attributes:
        overlap: share of this picture that the other one shows, in [0, 1].
        extra: share of this picture that shows something the other one does not, in [0, 1];
            borders of one colour do not count.
        box: the part the other one shows: x, y, width, height in this picture's pixels.
        chroma: how strong the colours of that part are; about 0 for grey.
        variety: mean distance of its colours from the mean of those that are as light; about 0 for grey, and
            for shades of one colour.
    """

    overlap: float
    extra: float
    box: Box
    chroma: float = 0.0
    variety: float = 0.0


@dataclass(frozen=True, slots=True)
class Match:
    """What the comparison of two pictures' pixels found.

    Attributes:
        inliers: local features that agree on the transform.
        transform: 2 x 3 matrix taking points of the first picture to the second, both in pixels of
            the upright picture at full size, (0, 0) being the top left corner.
        scale: length in the second picture of a step of one pixel in the first.
        first: the first picture's side.
        second: the second picture's side.
        agreeing: share of what both show in which they agree, in [0, 1]; less where something was
            written or laid over one of them.
        blob: the largest connected place where they disagree, as a share of what both show, in [0, 1].
        recoloured: how far the colours of what both show differ, lightness left aside, on average, in
            units of CIELAB.
    """

    inliers: int
    transform: Transform
    scale: float
    first: Side
    second: Side
    agreeing: float = 1.0
    blob: float = 0.0
    recoloured: float = 0.0

    def reversed(self) -> Match:
        """The same with first and second exchanged."""
        (a, b, x), (c, d, y) = self.transform
        determinant = a * d - b * c
        a, b, c, d = d / determinant, -b / determinant, -c / determinant, a / determinant
        inverse = ((a, b, -(a * x + b * y)), (c, d, -(c * x + d * y)))
        return replace(self, transform=inverse, scale=1 / self.scale, first=self.second, second=self.first)

    def then(self, other: Match) -> Match:
        """How this match's first picture lies in the second of another match, whose first is this one's
        second; as if the first showed all of that."""
        (a, b, x), (c, d, y) = self.transform
        (p, q, u), (r, s, v) = other.transform
        transform = (
            (p * a + q * c, p * b + q * d, p * x + q * y + u),
            (r * a + s * c, r * b + s * d, r * x + s * y + v),
        )
        overlap = self.first.overlap * other.first.overlap
        extra = min(1.0, self.first.extra + self.first.overlap * other.first.extra)
        box = _moved(other.first.box, self.reversed().transform)
        return Match(
            min(self.inliers, other.inliers),
            transform,
            self.scale * other.scale,
            replace(self.first, overlap=overlap, extra=extra, box=box),
            other.second,
            min(self.agreeing, other.agreeing),
            max(self.blob, other.blob),
            max(self.recoloured, other.recoloured),
        )


def _moved(box: Box, transform: Transform) -> Box:
    """The box around a box that was moved."""
    left, top, width, height = box
    (a, b, x), (c, d, y) = transform
    corners = [(left + i * width, top + j * height) for i in (0, 1) for j in (0, 1)]
    xs = [a * u + b * v + x for u, v in corners]
    ys = [c * u + d * v + y for u, v in corners]
    edges = min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys)
    x, y, wide, high = (round(edge, 1) for edge in edges)
    return x, y, wide, high


@dataclass(frozen=True, slots=True)
class Pair:
    """Two pictures of which one is a copy of the other.

    Attributes:
        first: id of a picture.
        second: id of another one.
        kind: `exact`, `pixels`, `near`, `edited` or `burst`; see `lookalike.results.Copy`.
        probability: calibrated chance in [0, 1] that they are copies.
        similarity: cosine of their vectors, in [-1, 1]; None when one has no vector.
        match: what their pixels said; None for `exact` and `burst`.
    """

    first: int
    second: int
    kind: str
    probability: float
    similarity: float | None = None
    match: Match | None = None

    def reversed(self) -> Pair:
        """The same with first and second exchanged."""
        match = self.match.reversed() if self.match else None
        return replace(self, first=self.second, second=self.first, match=match)


def check_precision(precision: float) -> None:
    """See whether a least probability of a pair is one.

    Raises:
        UsageError: it is not in (0, 1].
    """
    if not 0 < precision <= 1:
        raise UsageError(f"precision must be more than 0 and at most 1, got {precision}")
