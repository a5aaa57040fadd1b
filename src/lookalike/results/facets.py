"""Which values the pictures of a collection have in its columns, for choosing among them."""

from __future__ import annotations

from dataclasses import dataclass

from lookalike.results.base import Scalar


@dataclass(frozen=True, slots=True)
class ValueCount:
    """A value, and how many pictures have it."""

    value: Scalar
    count: int


@dataclass(frozen=True, slots=True)
class Facet:
    """The values of one column.

    Attributes:
        column: its name.
        kind: `number`, `text`, `truth` or `mixed`.
        pictures: how many have a value in it.
        distinct: how many different values there are.
        values: the most frequent ones first, ties by kind and value; at most as many as asked for, and no
            text of more than 200 characters.
        least: the smallest number; None when it has no numbers.
        greatest: the largest one.
        bins: how many numbers lie in each of equal parts of the way from the least to the greatest; empty
            when these are the same.
        decimals: the most digits after the point that one of its numbers takes.
    """

    column: str
    kind: str
    pictures: int
    distinct: int
    values: tuple[ValueCount, ...]
    least: float | None = None
    greatest: float | None = None
    bins: tuple[int, ...] = ()
    decimals: int = 0


@dataclass(frozen=True, slots=True)
class Facets:
    """The values of columns.

    Attributes:
        pictures: how many pictures were looked at.
        facets: one a column, in the order asked for.
    """

    pictures: int
    facets: tuple[Facet, ...]
