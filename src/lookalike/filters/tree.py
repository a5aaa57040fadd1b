"""A filter as a frozen tree: what it says, whether a picture fulfils it, and how it is written."""

from __future__ import annotations

import functools
import json
import math
import operator
import os
import re
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from lookalike.errors import UsageError
from lookalike.results import Metadata, Scalar

MAX_LENGTH = 10_000
"""Longest expression, in characters."""

MAX_DEPTH = 32
"""Deepest nesting of parentheses and `not`: what SQLite's parser (a stack of 100 entries) is sure
to take in the form that `to_sql` writes."""

MAX_PATTERN = 1_000
"""Longest text after `contains` and `matches`, in characters: SQLite takes patterns of 50,000 bytes,
and one character becomes at most 20 bytes of pattern."""

BUILT_IN = ("path", "name", "folder", "width", "height", "format", "bytes", "missing", "cluster")
"""The columns every picture has: absolute path, file name, the folder it lies in, pixels (two),
`JPEG` and the like, size of the file, whether the file has vanished, the cluster it is in (-1 for
noise; missing while clusters were not looked for)."""

ORDERS: dict[str, Callable[..., object]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
"""The comparisons that need an order, with what they do to two values of one kind."""

COMPARISONS = ("==", "!=", *ORDERS)
"""Every sign between a column and a value."""


class _File(Protocol):
    @property
    def size(self) -> int: ...


class PictureFacts(Protocol):
    """What a filter looks at; `lookalike.gallery.base.Picture` has it."""

    @property
    def file(self) -> _File: ...
    @property
    def path(self) -> str: ...
    @property
    def width(self) -> int: ...
    @property
    def height(self) -> int: ...
    @property
    def format(self) -> str: ...
    @property
    def missing(self) -> bool: ...
    @property
    def cluster(self) -> int | None: ...
    @property
    def metadata(self) -> Metadata: ...


# --- the tree --------------------------------------------------------------------------------


class Filter(ABC):
    """A condition on one picture. Two filters are equal when they are written the same."""

    __slots__ = ()

    @abstractmethod
    def matches(self, picture: PictureFacts) -> bool:
        """Whether the picture fulfils the condition."""

    @abstractmethod
    def columns(self) -> frozenset[str]:
        """The names of the columns it looks at."""

    @abstractmethod
    def __str__(self) -> str:
        """The expression; `parse(str(f)) == f`."""

    def __eq__(self, other: object) -> bool:
        # The generated field-wise equality would hold `x == 1` and `x == true` for the same.
        return type(self) is type(other) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash(str(self))


@dataclass(frozen=True, slots=True, eq=False)
class Condition(Filter):
    """A condition on the value of one column."""

    column: str

    def matches(self, picture: PictureFacts) -> bool:
        """Whether the picture's value, which may be missing, fulfils the condition."""
        return self._accepts(value_of(picture, self.column))

    @abstractmethod
    def _accepts(self, value: Scalar) -> bool: ...

    def columns(self) -> frozenset[str]:
        """The one column."""
        return frozenset({self.column})


@dataclass(frozen=True, slots=True, eq=False)
class Comparison(Condition):
    """`column == value`, or another of COMPARISONS.

    Raises:
        UsageError: the operator is unknown or does not go with the value.
    """

    operator: str
    value: Scalar

    def __post_init__(self) -> None:
        if self.operator not in COMPARISONS:
            raise UsageError(f"unknown operator {self.operator}; there are {', '.join(COMPARISONS)}")
        check_value(self.value)
        if self.operator in ORDERS and kind_of(self.value) not in ("number", "text"):
            raise UsageError(f"{literal(self.value)} has no order; compare it with == or !=")

    def _accepts(self, value: Scalar) -> bool:
        if self.operator == "==":
            return _equal(value, self.value)
        if self.operator == "!=":
            return not _equal(value, self.value)
        return kind_of(value) == kind_of(self.value) and bool(ORDERS[self.operator](value, self.value))

    def __str__(self) -> str:
        return f"{written_name(self.column)} {self.operator} {literal(self.value)}"


@dataclass(frozen=True, slots=True, eq=False)
class OneOf(Condition):
    """`column in (value, ...)`: equal to at least one of them.

    Raises:
        UsageError: there is no value.
    """

    values: tuple[Scalar, ...]

    def __post_init__(self) -> None:
        if not self.values:
            raise UsageError("the list is empty; write at least one value")
        for value in self.values:
            check_value(value)

    def _accepts(self, value: Scalar) -> bool:
        return any(_equal(value, allowed) for allowed in self.values)

    def __str__(self) -> str:
        return f"{written_name(self.column)} in ({', '.join(map(literal, self.values))})"


@dataclass(frozen=True, slots=True, eq=False)
class TextMatch(Condition):
    """`column contains "text"` or `column matches "*.jpg"`; upper and lower case are the same.

    In the pattern of `matches`, `*` is any run of characters and `?` any one character; the
    pattern covers the whole text.

    Raises:
        UsageError: the operator is unknown, or the text longer than MAX_PATTERN.
    """

    operator: str
    text: str

    def __post_init__(self) -> None:
        if self.operator not in ("contains", "matches"):
            raise UsageError(f"unknown operator {self.operator}; there are contains, matches")
        check_value(self.text)
        if len(self.text) > MAX_PATTERN:
            raise UsageError(f"the text is longer than {MAX_PATTERN:,} characters")

    def _accepts(self, value: Scalar) -> bool:
        return isinstance(value, str) and _regex(self.operator, self.text).match(value) is not None

    def pattern(self) -> tuple[str | None, ...]:
        """One entry a character: the characters allowed there, "" for any one, None for any run."""
        return _pattern(self.operator, self.text)

    def __str__(self) -> str:
        return f"{written_name(self.column)} {self.operator} {literal(self.text)}"


@dataclass(frozen=True, slots=True, eq=False)
class Truth(Condition):
    """A column on its own: true, a number other than 0, or text that is not empty."""

    def _accepts(self, value: Scalar) -> bool:
        return bool(value)

    def __str__(self) -> str:
        return written_name(self.column)


@dataclass(frozen=True, slots=True, eq=False)
class Not(Filter):
    """The opposite."""

    operand: Filter

    def matches(self, picture: PictureFacts) -> bool:
        """Whether the picture does not fulfil the operand."""
        return not self.operand.matches(picture)

    def columns(self) -> frozenset[str]:
        """The operand's columns."""
        return self.operand.columns()

    def __str__(self) -> str:
        return f"not {_grouped(self.operand)}"


@dataclass(frozen=True, slots=True, eq=False)
class Combination(Filter):
    """Two or more filters taken together."""

    operands: tuple[Filter, ...]

    def __post_init__(self) -> None:
        if len(self.operands) < 2:
            raise UsageError(f"and, or take at least two filters, not {len(self.operands)}")

    def columns(self) -> frozenset[str]:
        """The columns of all operands."""
        return frozenset[str]().union(*(operand.columns() for operand in self.operands))


class And(Combination):
    """All of the operands."""

    __slots__ = ()

    def matches(self, picture: PictureFacts) -> bool:
        """Whether the picture fulfils all operands."""
        return all(operand.matches(picture) for operand in self.operands)

    def __str__(self) -> str:
        return " and ".join(map(_grouped, self.operands))


class Or(Combination):
    """At least one of the operands."""

    __slots__ = ()

    def matches(self, picture: PictureFacts) -> bool:
        """Whether the picture fulfils at least one operand."""
        return any(operand.matches(picture) for operand in self.operands)

    def __str__(self) -> str:
        return " or ".join(map(_grouped, self.operands))


# --- values ----------------------------------------------------------------------------------


def value_of(picture: PictureFacts, column: str) -> Scalar:
    """The picture's value in a column of its metadata or a built-in one; None when it has none."""
    value = picture.metadata.get(column)
    if value is not None or column not in BUILT_IN:
        return value
    head, name = _split(picture.path)
    facts: dict[str, Scalar] = {
        "path": picture.path,
        "name": name,
        "folder": head[:-1] or head,
        "width": picture.width,
        "height": picture.height,
        "format": picture.format,
        "bytes": picture.file.size,
        "missing": picture.missing,
        "cluster": picture.cluster,
    }
    return facts[column]


def _split(path: str) -> tuple[str, str]:
    """The path up to and with its last separator, and the rest."""
    start = path.rfind(os.sep) + 1
    return path[:start], path[start:]


def kind_of(value: Scalar) -> str:
    """`null`, `truth`, `number` or `text`."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "truth"
    return "text" if isinstance(value, str) else "number"


def _equal(left: Scalar, right: Scalar) -> bool:
    return kind_of(left) == kind_of(right) and left == right


def check_value(value: Scalar) -> None:
    """Refuse what SQLite and JSON could not keep exactly.

    Raises:
        UsageError: a number out of range, or text with a NUL or half a surrogate pair.
    """
    if isinstance(value, float) and not math.isfinite(value):
        raise UsageError("the number is too large; the largest is about 1.8e308")
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise UsageError("whole numbers reach from -9223372036854775808 to 9223372036854775807")
    if isinstance(value, str) and (bad := unusable(value)) is not None:
        raise UsageError(f"the character U+{ord(value[bad]):04X} cannot be used in text")


def unusable(text: str) -> int | None:
    """Where the first character is that no column can hold: NUL or half a surrogate pair."""
    return next((i for i, c in enumerate(text) if c == "\0" or "\ud800" <= c <= "\udfff"), None)


def _cases(character: str) -> str:
    """The character with its upper and lower case form, where these are one character each."""
    forms = {character, character.lower(), character.upper()}
    return "".join(sorted(form for form in forms if len(form) == 1))


def _pattern(operator: str, text: str) -> tuple[str | None, ...]:
    if operator == "contains":
        return (None, *map(_cases, text), None)
    wild: dict[str, str | None] = {"*": None, "?": ""}
    return tuple(wild[c] if c in wild else _cases(c) for c in text)


@functools.lru_cache(maxsize=256)
def _regex(operator: str, text: str) -> re.Pattern[str]:
    """The pattern of a `TextMatch` for Python. Each piece between two runs is looked for once and
    then kept (an atomic group), so that no pattern takes more than quadratic time."""
    pieces = [""]
    for allowed in _pattern(operator, text):
        if allowed is None:
            pieces.append("")
        else:
            pieces[-1] += f"[{re.escape(allowed)}]" if allowed else "."
    if len(pieces) == 1:
        return re.compile(rf"{pieces[0]}\Z", re.DOTALL)
    first, *middle, last = pieces
    found = "".join(f"(?>.*?{piece})" for piece in middle if piece)
    return re.compile(rf"{first}{found}.*{last}\Z", re.DOTALL)


# --- writing ---------------------------------------------------------------------------------

ESCAPES = {"\\": "\\", '"': '"', "'": "'", "n": "\n", "r": "\r", "t": "\t"}
KEYWORDS = frozenset({"and", "or", "not", "in", "contains", "matches", "true", "false", "null"})


def literal(value: Scalar) -> str:
    """The value as it is written in an expression."""
    if isinstance(value, str):
        backslashed = {ord(c): f"\\{letter}" for letter, c in ESCAPES.items() if letter != "'"}
        return f'"{value.translate(backslashed)}"'
    return json.dumps(value)


def written_name(column: str) -> str:
    """The column as it is written in an expression, in back quotes where it needs them.

    >>> written_name("price"), written_name("unit price")
    ('price', '`unit price`')
    """
    if column.isidentifier() and column.lower() not in KEYWORDS:
        return column
    return "`" + column.replace("`", "``") + "`"


def _grouped(operand: Filter) -> str:
    return f"({operand})" if isinstance(operand, Combination) else str(operand)
