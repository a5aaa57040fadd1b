"""What all answers are made of, and how they become JSON."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

Scalar = str | int | float | bool | None
Metadata = Mapping[str, Scalar]
_PLAIN = (str, int, float, bool, type(None))


@dataclass(frozen=True, slots=True)
class Failure:
    """A file that could not be used, and why.

    Attributes:
        path: the file as it was found.
        reason: one short clause, e.g. `empty file` or `too many pixels: 90000 x 90000, the limit is
            178956970`.
    """

    path: str
    reason: str


def as_json(result: Any) -> Any:
    """The result as dicts, lists and scalars, with properties included.

    >>> as_json(Failure("a.jpg", "empty file"))
    {'path': 'a.jpg', 'reason': 'empty file'}
    >>> from lookalike.results import Hit
    >>> as_json(Hit(1, 7, "/a.jpg", 0.75))["distance"]
    0.25
    """
    if isinstance(result, _PLAIN):
        return result
    if names := _names(result.__class__):
        return {name: as_json(getattr(result, name)) for name in names}
    if isinstance(result, Mapping):
        return {str(key): as_json(value) for key, value in result.items()}
    if isinstance(result, (list, tuple)):
        return [as_json(item) for item in result]
    return result


@cache
def _names(kind: type) -> tuple[str, ...]:
    """What an answer of this kind tells; nothing when it is no dataclass."""
    if not dataclasses.is_dataclass(kind):
        return ()
    properties = [name for name, value in vars(kind).items() if isinstance(value, property)]
    return (*(field.name for field in dataclasses.fields(kind)), *properties)
