"""What all answers are made of, and how they become JSON."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Scalar = str | int | float | bool | None
Metadata = Mapping[str, Scalar]


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
    if dataclasses.is_dataclass(result) and not isinstance(result, type):
        properties = [name for name, value in vars(type(result)).items() if isinstance(value, property)]
        names = [f.name for f in dataclasses.fields(result)] + properties
        return {name: as_json(getattr(result, name)) for name in names}
    if isinstance(result, Mapping):
        return {str(key): as_json(value) for key, value in result.items()}
    if isinstance(result, (list, tuple)):
        return [as_json(item) for item in result]
    return result
