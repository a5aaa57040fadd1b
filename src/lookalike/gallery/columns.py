"""Metadata columns: which values may be kept, and what kind a column is."""

from __future__ import annotations

import math
from collections.abc import Iterable

from lookalike.metadata import checked
from lookalike.results import Metadata, Scalar


def cleaned(metadata: Metadata) -> Metadata:
    """The metadata as a gallery keeps it: a NaN, which many tables use for "unknown", is None.

    Raises:
        UsageError: a name or value that metadata cannot hold; see `metadata.checked`.

    >>> cleaned({"price": 2, "colour": float("nan")})
    {'price': 2, 'colour': None}
    """
    return checked(
        {
            name: None if isinstance(value, float) and math.isnan(value) else value
            for name, value in metadata.items()
        },
        "metadata",
    )


def kind_of(value: Scalar) -> str | None:
    """`truth`, `number` or `text`; None tells nothing about its column.

    >>> kind_of(True), kind_of(1), kind_of("a"), kind_of(None)
    ('truth', 'number', 'text', None)
    """
    if value is None:
        return None
    if isinstance(value, bool):
        return "truth"
    return "text" if isinstance(value, str) else "number"


def widen(kinds: dict[str, str], rows: Iterable[Metadata]) -> None:
    """Take the values of these rows into account: a column with two kinds is `mixed`.

    >>> kinds = {"price": "number"}
    >>> widen(kinds, [{"price": "free", "new": True}])
    >>> kinds
    {'price': 'mixed', 'new': 'truth'}
    """
    for row in rows:
        for name, value in row.items():
            kind = kind_of(value)
            if kind is not None and kinds.setdefault(name, kind) != kind:
                kinds[name] = "mixed"
