"""Which parts of two pictures make them alike."""

from __future__ import annotations

from dataclasses import dataclass

Grid = tuple[tuple[float, ...], ...]


@dataclass(frozen=True, slots=True)
class Heat:
    """How much each place of a picture adds to a similarity.

    Attributes:
        picture: the path, `#id`, or a word such as `<bytes>`.
        shares: rows from the top, each from left to right: what a place adds; below 0 where it speaks
            against.
        box: the part of the picture that the rows and columns divide evenly: left, top, width and height in
            pixels of the upright picture at full size. It reaches beyond the picture for models that put all
            of it onto a square.
        width: of the picture, in those pixels.
        height: likewise.
        rounding: how much of the similarity comes from rounding vectors to sixteen bits, and from a network
            of whole numbers; an equal part of it is in each place.
    """

    picture: str
    shares: Grid
    box: tuple[float, float, float, float]
    width: int
    height: int
    rounding: float


@dataclass(frozen=True, slots=True)
class Explanation:
    """A similarity split over the places of the pictures that it compares.

    Attributes:
        similarity: the cosine, the same number as in a search or a comparison, in [-1, 1].
        queries: the pictures asked for, those for before those against. All their shares together sum to
            the similarity.
        found: the picture that they were compared with, whose shares sum to the similarity as well.
        pairs: for each place of the query, row by row, what it adds together with each place of the picture
            found, row by row; a row sums to that place's share of the query, a column to that of the picture
            found. None when several pictures were asked for, and for more than `MOST_PAIRS` pairs.
    """

    similarity: float
    queries: tuple[Heat, ...]
    found: Heat
    pairs: Grid | None
