"""Metadata columns: which values may be kept, and what kind a column is."""

from __future__ import annotations

import math
from collections.abc import Iterable

from lookalike.errors import UsageError
from lookalike.results import Metadata, Scalar


def cleaned(metadata: Metadata) -> dict[str, Scalar]:
    """The metadata as a gallery keeps it: a NaN, which many tables use for "unknown", is None.

    Raises:
        UsageError: a name is no text, or a value is neither text, finite number, truth nor None.

    >>> cleaned({"price": 2, "colour": float("nan")})
    {'price': 2, 'colour': None}
    """
    return {_name(name): _value(name, value) for name, value in metadata.items()}


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


def _name(name: object) -> str:
    if not isinstance(name, str):
        raise UsageError(f"metadata column {name!r}: expected a text name, got {type(name).__name__}")
    return name


def _value(name: str, value: Scalar) -> Scalar:
    if isinstance(value, float):
        if math.isinf(value):
            raise UsageError(f"metadata column {name!r}: expected a finite number, got {value}")
        return None if math.isnan(value) else float(value)
    if value is None or isinstance(value, (str, int)):
        return value
    raise UsageError(
        f"metadata column {name!r}: expected text, a number, true, false or nothing, "
        f"got {type(value).__name__}"
    )
