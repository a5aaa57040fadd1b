"""From the values of a column, each with how often it occurs, to what is said of it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import numpy as np

from lookalike.gallery.columns import kind_of
from lookalike.results import Facet, Scalar, ValueCount

BINS = 24
LONGEST = 200
"""Characters of a text that is listed as a value: longer ones are descriptions and no values to choose by."""

_SPARE = 4096  # values that are kept before those that will not be listed are thrown away
_ORDER = {"truth": 0, "number": 1, "text": 2}


def facet(column: str, counts: Iterable[tuple[Scalar, int]], listed: int) -> Facet:
    """What is said of a column.

    Args:
        column: its name.
        counts: each distinct value that is not None, with the number of pictures that have it. It may be
            long: all that is kept of it are the numbers.
        listed: values to list at most.

    >>> found = facet("price", [(2, 3), (1.0, 1), (4, 3)], 2)
    >>> found.pictures, found.distinct, found.least, found.greatest, [v.value for v in found.values]
    (7, 3, 1.0, 4.0, [2, 4])
    """
    kinds: set[str] = set()
    pictures = distinct = decimals = 0
    numbers: list[tuple[float, int]] = []
    best: list[tuple[int, int, Any]] = []  # sorts as the values are listed
    for value, count in counts:
        kind = kind_of(value) or "text"
        kinds.add(kind)
        pictures, distinct = pictures + count, distinct + 1
        if kind == "number":
            number = float(value)  # type: ignore[arg-type]
            numbers.append((number, count))
            decimals = max(decimals, _decimals(number))
        if not isinstance(value, str) or len(value) <= LONGEST:
            best.append((-count, _ORDER[kind], value))
            if len(best) >= listed + _SPARE:
                best = sorted(best)[:listed]
    values = tuple(ValueCount(value, -count) for count, _, value in sorted(best)[:listed])
    kind = kinds.pop() if len(kinds) == 1 else "mixed" if kinds else "text"
    return Facet(column, kind, pictures, distinct, values, *_spread(numbers), decimals)


def _decimals(number: float) -> int:
    """Digits after the point that it takes to write a number.

    >>> [_decimals(number) for number in (3.0, 0.5, -1.25, 1e-7, 1e300)]
    [0, 1, 2, 7, 0]
    """
    exponent = Decimal(repr(number)).normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0  # text for what is no number


def _spread(numbers: list[tuple[float, int]]) -> tuple[float | None, float | None, tuple[int, ...]]:
    """The least number, the greatest one, and how many lie where between them."""
    if not numbers:
        return None, None, ()
    table = np.array(numbers, np.float64)
    least, greatest = float(table[:, 0].min()), float(table[:, 0].max())
    if not math.isfinite(greatest - least) or least == greatest:
        return least, greatest, ()
    places = np.minimum((table[:, 0] - least) / (greatest - least) * BINS, BINS - 1).astype(np.int64)
    bins = np.bincount(places, table[:, 1], BINS)
    return least, greatest, tuple(int(count) for count in bins)
