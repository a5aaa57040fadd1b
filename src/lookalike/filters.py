"""A small language that picks pictures by what is known about them.

    category == "chair" and price < 100 and in_stock

`parse` turns text into a `Filter`, a frozen tree of the node classes below. A filter answers for
one picture (`matches`) and as SQL for a whole table (`to_sql`); both always agree. Nothing is ever
evaluated as code, and every value reaches SQL as a bound parameter. The language is described for
users in `docs/filters.md`.

The rules behind it:

- A column is a value of the picture's metadata or, where that has none, the built-in fact of the
  same name (`BUILT_IN`). Absent and null are the same: *missing*.
- Every condition is true or false, never unknown. A missing value equals only null and is neither
  smaller nor larger than anything; `!=`, `not in` and `not` are plain negations.
- Numbers equal numbers (1 == 1.0), text equals text, truth equals truth; nothing else is equal,
  and only numbers with numbers and text with text have an order (text: by code point).
- `contains` and `matches` look at text only and ignore upper and lower case; `==` does not.

Another backend is one more `functools.singledispatch` function over the node classes, as `_sql` is.
"""

from __future__ import annotations

import difflib
import enum
import functools
import heapq
import itertools
import json
import math
import operator
import os
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NoReturn, Protocol

from lookalike.errors import FilterError, UsageError
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

    def to_sql(self) -> tuple[str, list[object]]:
        """One SQLite expression that is 1 for the rows that match and else 0, never NULL.

        Returns:
            The expression and its parameters, for a statement over one table with the columns
            path (text), width, height, format, size, missing (0 or 1), cluster (or NULL) and
            metadata (a JSON object as text), none of them shadowed by another table's.
        """
        sql = _sql(self)
        return sql.text, list(sql.parameters)

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
        _check_value(self.value)
        if self.operator in ORDERS and _kind(self.value) not in ("number", "text"):
            raise UsageError(f"{_literal(self.value)} has no order; compare it with == or !=")

    def _accepts(self, value: Scalar) -> bool:
        if self.operator == "==":
            return _equal(value, self.value)
        if self.operator == "!=":
            return not _equal(value, self.value)
        return _kind(value) == _kind(self.value) and bool(ORDERS[self.operator](value, self.value))

    def __str__(self) -> str:
        return f"{_name(self.column)} {self.operator} {_literal(self.value)}"


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
            _check_value(value)

    def _accepts(self, value: Scalar) -> bool:
        return any(_equal(value, allowed) for allowed in self.values)

    def __str__(self) -> str:
        return f"{_name(self.column)} in ({', '.join(map(_literal, self.values))})"


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
        _check_value(self.text)
        if len(self.text) > MAX_PATTERN:
            raise UsageError(f"the text is longer than {MAX_PATTERN:,} characters")

    def _accepts(self, value: Scalar) -> bool:
        return isinstance(value, str) and _regex(self.operator, self.text).match(value) is not None

    def pattern(self) -> tuple[str | None, ...]:
        """One entry a character: the characters allowed there, "" for any one, None for any run."""
        return _pattern(self.operator, self.text)

    def __str__(self) -> str:
        return f"{_name(self.column)} {self.operator} {_literal(self.text)}"


@dataclass(frozen=True, slots=True, eq=False)
class Truth(Condition):
    """A column on its own: true, a number other than 0, or text that is not empty."""

    def _accepts(self, value: Scalar) -> bool:
        return bool(value)

    def __str__(self) -> str:
        return _name(self.column)


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


def _kind(value: Scalar) -> str:
    """`null`, `truth`, `number` or `text`."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "truth"
    return "text" if isinstance(value, str) else "number"


def _equal(left: Scalar, right: Scalar) -> bool:
    return _kind(left) == _kind(right) and left == right


def _check_value(value: Scalar) -> None:
    """Refuse what SQLite and JSON could not keep exactly.

    Raises:
        UsageError: a number out of range, or text with a NUL or half a surrogate pair.
    """
    if isinstance(value, float) and not math.isfinite(value):
        raise UsageError("the number is too large; the largest is about 1.8e308")
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise UsageError("whole numbers reach from -9223372036854775808 to 9223372036854775807")
    if isinstance(value, str) and (bad := _unusable(value)) is not None:
        raise UsageError(f"the character U+{ord(value[bad]):04X} cannot be used in text")


def _unusable(text: str) -> int | None:
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

_ESCAPES = {"\\": "\\", '"': '"', "'": "'", "n": "\n", "r": "\r", "t": "\t"}
_KEYWORDS = frozenset({"and", "or", "not", "in", "contains", "matches", "true", "false", "null"})


def _literal(value: Scalar) -> str:
    if isinstance(value, str):
        backslashed = {ord(c): f"\\{letter}" for letter, c in _ESCAPES.items() if letter != "'"}
        return f'"{value.translate(backslashed)}"'
    return json.dumps(value)


def _name(column: str) -> str:
    """The column as it is written in an expression, in back quotes where it needs them.

    >>> _name("price"), _name("unit price")
    ('price', '`unit price`')
    """
    if column.isidentifier() and column.lower() not in _KEYWORDS:
        return column
    return "`" + column.replace("`", "``") + "`"


def _grouped(operand: Filter) -> str:
    return f"({operand})" if isinstance(operand, Combination) else str(operand)


# --- SQL -------------------------------------------------------------------------------------


class _Binds(enum.IntEnum):
    """How tightly an SQL expression holds together."""

    OR = 1
    AND = 2
    CLOSED = 3


@dataclass(frozen=True, slots=True)
class _Sql:
    """A boolean SQL expression and what it takes to parse it.

    Attributes:
        binds: tighter than what stands around it, or it needs parentheses.
        need: entries of the SQL parser's stack it takes beyond those of one condition.
        text: the expression.
        parameters: its parameters in order.
    """

    binds: _Binds
    need: int
    text: str
    parameters: tuple[Scalar, ...]

    def within(self, binds: int) -> _Sql:
        """The same in parentheses, unless it binds at least so tightly."""
        if self.binds >= binds:
            return self
        return _Sql(_Binds.CLOSED, self.need + 1, f"({self.text})", self.parameters)


@functools.singledispatch
def _sql(node: Filter) -> _Sql:
    """The node as SQL: one function for each node class."""
    raise NotImplementedError(type(node).__name__)


@_sql.register
def _(node: Comparison) -> _Sql:
    if node.operator == "==":
        return _sql_equal(node.column, (node.value,))
    if node.operator == "!=":
        return _sql_not(_sql_equal(node.column, (node.value,)))
    kind = _SQL_KINDS[_kind(node.value)]
    return _sql_cell(node.column, f"{kind} AND value {node.operator} ?", (node.value,))


@_sql.register
def _(node: OneOf) -> _Sql:
    return _sql_equal(node.column, node.values)


@_sql.register
def _(node: TextMatch) -> _Sql:
    def glob(allowed: str | None) -> str:
        if not allowed:
            return "*" if allowed is None else "?"
        return f"[{allowed}]" if len(allowed) > 1 or allowed in "*?[" else allowed

    return _sql_cell(node.column, "type = 'text' AND value GLOB ?", ("".join(map(glob, node.pattern())),))


@_sql.register
def _(node: Truth) -> _Sql:
    truths = "type = 'true' OR type IN ('integer', 'real') AND value <> 0 OR type = 'text' AND value <> ''"
    return _sql_cell(node.column, truths, ())


@_sql.register
def _(node: Not) -> _Sql:
    return _sql_not(_sql(node.operand))


@_sql.register
def _(node: And) -> _Sql:
    return _sql_join(_Binds.AND, map(_sql, node.operands))


@_sql.register
def _(node: Or) -> _Sql:
    return _sql_join(_Binds.OR, map(_sql, node.operands))


# What JSON calls the kinds of values. SQLite gives 1 for a JSON true, so a test of a value always
# goes with a test of its type.
_SQL_KINDS = {"number": "type IN ('integer', 'real')", "text": "type = 'text'"}

# The path up to and with its last separator: rtrim takes away every character of the path that is
# no separator. `_split` is the same in Python.
_SQL_HEAD = "rtrim(path, replace(path, ?, ''))"

_SQL_BUILT_IN: dict[str, tuple[str, tuple[Scalar, ...]]] = {
    "path": ("'text', path", ()),
    "name": (f"'text', substr(path, length({_SQL_HEAD}) + 1)", (os.sep,)),
    "folder": (f"'text', substr({_SQL_HEAD}, 1, max(length({_SQL_HEAD}) - 1, 1))", (os.sep, os.sep)),
    "width": ("'integer', width", ()),
    "height": ("'integer', height", ()),
    "format": ("'text', format", ()),
    "bytes": ("'integer', size", ()),
    "missing": ("CASE missing WHEN 0 THEN 'false' ELSE 'true' END, missing", ()),
    "cluster": ("'integer', cluster WHERE cluster IS NOT NULL", ()),
}
"""Type and value of the built-in columns; what follows SELECT."""


def _sql_cell(column: str, test: str, parameters: tuple[Scalar, ...]) -> _Sql:
    """Whether the column has a value that passes a test of `type` and `value`.

    `json_each` rather than a JSON path: SQLite's paths cannot name every key.
    """
    if column not in _SQL_BUILT_IN:
        text = f"EXISTS(SELECT 1 FROM json_each(metadata) WHERE key = ? AND type <> 'null' AND ({test}))"
        return _Sql(_Binds.CLOSED, 0, text, (column, *parameters))
    fact, fact_parameters = _SQL_BUILT_IN[column]
    text = (
        "EXISTS(SELECT 1 FROM ("
        "SELECT 0, type, value FROM json_each(metadata) WHERE key = ? AND type <> 'null' "
        f"UNION ALL SELECT 1, {fact} ORDER BY 1 LIMIT 1) WHERE {test})"
    )
    return _Sql(_Binds.CLOSED, 0, text, (column, *fact_parameters, *parameters))


def _sql_equal(column: str, values: tuple[Scalar, ...]) -> _Sql:
    """Whether the column equals one of the values."""
    tests: list[str] = []
    parameters: list[Scalar] = []
    for kind in ("number", "text"):
        if same := [value for value in values if _kind(value) == kind]:
            tests.append(f"{_SQL_KINDS[kind]} AND value IN ({', '.join('?' * len(same))})")
            parameters += same
    tests += [f"type = '{json.dumps(truth)}'" for truth in (True, False) if any(v is truth for v in values)]
    found = [_sql_cell(column, " OR ".join(tests), tuple(parameters))] if tests else []
    absent = [_sql_not(_sql_cell(column, "1", ()))] if None in values else []
    return _sql_join(_Binds.OR, found + absent)


def _sql_not(sql: _Sql) -> _Sql:
    # `x = 0` rather than `NOT x`: what comes after takes no room on the parser's stack.
    inner = sql.within(_Binds.CLOSED)
    return _Sql(_Binds.CLOSED, inner.need, f"{inner.text} = 0", inner.parameters)


def _sql_join(word: _Binds, parts: Iterable[_Sql]) -> _Sql:
    """All parts joined by AND or OR.

    SQLite limits the depth of the tree (1,000) and the parser's stack (100). Joining the two
    simplest again and again keeps the tree flat; putting the more complicated first keeps the
    stack low, as nothing but its parenthesis waits there while it is read.
    """
    serial = itertools.count()  # the order of equals, so that the parts are never compared
    heap = [(part.need, next(serial), part) for part in parts]
    heapq.heapify(heap)
    while len(heap) > 1:
        last, first = heapq.heappop(heap)[2].within(word + 1), heapq.heappop(heap)[2].within(word)
        need = max(first.need, last.need + 2)
        text = f"{first.text} {word.name} {last.text}"
        heapq.heappush(heap, (need, next(serial), _Sql(word, need, text, first.parameters + last.parameters)))
    return heap[0][2]


# --- reading ---------------------------------------------------------------------------------


def parse(expression: str, columns: Collection[str] | None = None) -> Filter:
    """Read an expression.

    Args:
        expression: see `docs/filters.md`; at most MAX_LENGTH characters.
        columns: the metadata columns there are; the built-in ones need not be named. None: any
            name is taken for a column.

    Raises:
        FilterError: the expression is wrong, or names a column that is not there.

    >>> wanted = parse('category == "chair" and not price >= 100')
    >>> str(wanted)
    'category == "chair" and not price >= 100'
    >>> sorted(wanted.columns())
    ['category', 'price']
    >>> parse("categroy == 'chair'", columns=["category", "price"])
    Traceback (most recent call last):
    lookalike.errors.FilterError: there is no column categroy; did you mean category?
      categroy == 'chair'
      ^
    """
    if len(expression) > MAX_LENGTH:
        message = f"the filter has {len(expression):,} characters; at most {MAX_LENGTH:,} are allowed"
        raise FilterError(message, expression[:60] + "…", 60)
    return _Parser(expression, columns).whole()


def check_column(name: str, columns: Collection[str]) -> None:
    """Say that there is no such column, and which ones there are.

    Args:
        name: of a column, as people gave it.
        columns: the metadata columns there are; the built-in ones need not be named.

    Raises:
        UsageError: it is neither one of these nor built in.

    >>> check_column("colour", ["color", "price"])
    Traceback (most recent call last):
    lookalike.errors.UsageError: there is no column colour; did you mean color?
    """
    known = [*columns, *BUILT_IN]
    if name not in known:
        raise UsageError(f"there is no column {_short(name)}; {_suggestion(name, known)}")


def _suggestion(name: str, known: Sequence[str]) -> str:
    """What to write instead of an unknown column."""
    folded = {column.casefold(): column for column in known}
    close = difflib.get_close_matches(_short(name).casefold(), folded, n=1)
    if close:
        return f"did you mean {_name(folded[close[0]])}?"
    listed = ", ".join(map(_name, itertools.islice(known, 20)))
    return f"there are {listed}{' and others' if len(known) > 20 else ''}"


@dataclass(frozen=True, slots=True)
class _Token:
    """A piece of an expression.

    Attributes:
        kind: `name`, `text`, `number`, `end`, or the keyword or sign itself.
        position: index of its first character.
        source: its characters.
        value: of a name or literal.
    """

    kind: str
    position: int
    source: str
    value: Scalar = None


_SPACE = re.compile(r"\s*")
_NUMBER = re.compile(r"-?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_BACK_QUOTED = re.compile(r"`((?:[^`]|``)*)`")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"|' + r"'((?:[^'\\]|\\.)*)'", re.DOTALL)
_SIGN = re.compile(r"===?|!==?|<=|>=|<>|=<|=>|&&|\|\||[=<>!&|()\[\],]")
_BAD_ESCAPE = re.compile(r"\\(?:\\|[\"'nrt])|(\\)")
_WORD = re.compile(r"[^\s()\[\],=<>!&|\"'`]+")

_CONSTANTS: dict[str, Scalar] = {"true": True, "false": False, "null": None}

_INSTEAD = {
    "=": "use == to compare",
    "===": "use == to compare",
    "!==": "use != to compare",
    "<>": "use != to compare",
    "=<": "use <= to compare",
    "=>": "use >= to compare",
    "≤": "use <= to compare",
    "≥": "use >= to compare",
    "≠": "use != to compare",
    "&&": "use and",
    "&": "use and",
    "||": "use or",
    "|": "use or",
    "!": "use not",
    **dict.fromkeys("\u201c\u201d\u201e\u2018\u2019", 'put text in straight quotes: "text"'),
}
"""What to say to signs that other languages have."""

_INSTEAD_OF_WORDS = {
    "is": "use == null or != null",
    "like": "use contains or matches",
    "ilike": "use contains or matches",
    "glob": "use matches",
    "has": "use contains",
    "startswith": 'use matches, such as matches "abc*"',
    "endswith": 'use matches, such as matches "*.jpg"',
    "between": "use >= and <=, such as price >= 10 and price <= 20",
    "equals": "use ==",
}
"""What to say to words that other languages have after a column."""


def _tokens(expression: str) -> Iterator[_Token]:
    """The pieces of an expression, at last one of kind `end`.

    Raises:
        FilterError: at a character that starts no piece.
    """
    bad = _unusable(expression)
    if bad is not None:
        raise FilterError(
            f"the character U+{ord(expression[bad]):04X} cannot be used in a filter",
            expression.encode("utf-8", "replace").decode(),
            bad,
        )
    position = _end(_SPACE, expression, 0)
    while position < len(expression):
        token = _token(expression, position)
        yield token
        position = _end(_SPACE, expression, position + len(token.source))
    yield _Token("end", len(expression), "")


def _end(pattern: re.Pattern[str], text: str, start: int) -> int:
    found = pattern.match(text, start)
    return found.end() if found else start


def _token(expression: str, position: int) -> _Token:
    character = expression[position]
    if character in "\"'":
        return _text_token(expression, position)
    if character == "`":
        return _back_quoted_token(expression, position)
    if _NUMBER.match(expression, position):
        return _number_token(expression, position)
    if character.isidentifier():
        return _word_token(expression, position)
    sign = _SIGN.match(expression, position)
    source = sign[0] if sign else character
    if source in _INSTEAD:
        raise FilterError(_INSTEAD[source], expression, position)
    if not sign:
        raise FilterError(f"{character} means nothing here", expression, position)
    return _Token(source, position, source)


def _text_token(expression: str, position: int) -> _Token:
    found = _QUOTED.match(expression, position)
    if not found:
        quote = expression[position]
        raise FilterError(f"the text has no closing {quote}", expression, position)
    body = found[0][1:-1]
    for escape in _BAD_ESCAPE.finditer(body):
        if escape[1]:
            message = r"write \\ for a backslash; other escapes are \" \' \n \r \t"
            raise FilterError(message, expression, position + 1 + escape.start())
    value = re.sub(r"\\(.)", lambda escape: _ESCAPES[escape[1]], body, flags=re.DOTALL)
    return _Token("text", position, found[0], value)


def _back_quoted_token(expression: str, position: int) -> _Token:
    found = _BACK_QUOTED.match(expression, position)
    if not found:
        raise FilterError("the column name has no closing `", expression, position)
    if not found[1]:
        raise FilterError("the column name between the back quotes is empty", expression, position)
    return _Token("name", position, found[0], found[1].replace("``", "`"))


def _number_token(expression: str, position: int) -> _Token:
    source = expression[position : _end(_NUMBER, expression, position)]
    word = expression[position : _end(_WORD, expression, position)]
    if len(word) > len(source):
        raise FilterError(f"{_short(word)} is not a number; put text in quotes", expression, position)
    if re.match(r"-?0\d", source):
        message = f'a number has no leading zeros; put text in quotes: "{_short(source)}"'
        raise FilterError(message, expression, position)
    # 20 digits are more than any allowed whole number has; int() of very many is slow or refused.
    whole = re.fullmatch(r"-?\d+", source) is not None
    value = float(source) if not whole else int(source) if len(source) <= 20 else 2**63
    try:
        _check_value(value)
    except UsageError as error:
        raise FilterError(str(error), expression, position) from None
    return _Token("number", position, source, value)


def _word_token(expression: str, position: int) -> _Token:
    end = position + 1
    while end < len(expression) and ("_" + expression[end]).isidentifier():
        end += 1
    source = expression[position:end]
    if expression[end : end + 1] in (".", "-"):
        word = expression[position : _end(_WORD, expression, position)]
        message = f"put a column name with {expression[end]} in back quotes: {_name(_short(word))}"
        raise FilterError(message, expression, position)
    kind = source.lower()
    if kind in _KEYWORDS:
        return _Token(kind, position, source, _CONSTANTS.get(kind))
    return _Token("name", position, source, source)


def _short(text: str) -> str:
    return text if len(text) <= 40 else text[:39] + "…"


class _Parser:
    """Recursive descent: one method a rule of the grammar, each starting at the next token.

    whole     = either end
    either    = both { "or" both }
    both      = negated { "and" negated }
    negated   = "not" negated | "(" either ")" | condition
    condition = column [ comparison value | [ "not" ] "in" list | [ "not" ] matcher text ]
    """

    def __init__(self, expression: str, columns: Collection[str] | None) -> None:
        self.expression = expression
        self.columns = None if columns is None else frozenset(columns) | frozenset(BUILT_IN)
        self.tokens = _tokens(expression)
        self.next = next(self.tokens)
        self.depth = 0

    def whole(self) -> Filter:
        if self.next.kind == "end":
            self.fail("the filter is empty; write a condition such as width > 100")
        found = self.either()
        if self.next.kind == ")":
            self.fail("this ) closes nothing")
        if self.next.kind != "end":
            self.fail(f"expected and, or, or the end, not {_short(self.next.source)}")
        return found

    def either(self) -> Filter:
        operands = [self.both()]
        while self.accept("or"):
            operands.append(self.both())
        return operands[0] if len(operands) == 1 else Or(tuple(operands))

    def both(self) -> Filter:
        operands = [self.negated()]
        while self.accept("and"):
            operands.append(self.negated())
        return operands[0] if len(operands) == 1 else And(tuple(operands))

    def negated(self) -> Filter:
        start = self.next
        if self.accept("not"):
            return Not(self.nested(start, self.negated))
        if self.accept("("):
            found = self.nested(start, self.either)
            if self.next.kind == "end":
                self.fail("this ( is never closed", start)
            if not self.accept(")"):
                self.fail(f"expected and, or, or ), not {_short(self.next.source)}")
            return found
        return self.condition()

    def nested(self, start: _Token, rule: Callable[[], Filter]) -> Filter:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            self.fail(f"nested too deeply; at most {MAX_DEPTH} levels are allowed", start)
        found = rule()
        self.depth -= 1
        return found

    def condition(self) -> Filter:
        column = self.column()
        start = self.next
        if start.kind in COMPARISONS:
            self.advance()
            return self.comparison(column, start)
        if self.accept("not"):
            if self.next.kind not in ("in", "contains", "matches"):
                self.fail("expected in, contains or matches after not")
            return Not(self.nested(start, lambda: self.matcher(column)))
        if start.kind in ("in", "contains", "matches"):
            return self.matcher(column)
        if start.kind == "name" and start.source.lower() in _INSTEAD_OF_WORDS:
            self.fail(_INSTEAD_OF_WORDS[start.source.lower()])
        if start.kind in ("name", "text", "number", *_CONSTANTS):
            self.fail(f"expected a comparison such as == after {_name(column)}, not {_short(start.source)}")
        return Truth(column)

    def column(self) -> str:
        token = self.next
        if token.kind == "text":
            self.fail(f"a condition starts with a column; without quotes: {_name(str(token.value))}")
        if token.kind in ("number", *_CONSTANTS):
            self.fail(f"a condition starts with a column, not with {_short(token.source)}")
        if token.kind != "name":
            self.fail(f"expected a condition{self.instead()}")
        name = str(token.value)
        if self.columns is not None and name not in self.columns:
            self.fail(f"there is no column {_name(_short(name))}; {_suggestion(name, sorted(self.columns))}")
        self.advance()
        return name

    def comparison(self, column: str, sign: _Token) -> Filter:
        token = self.next
        value = self.value(f"after {sign.kind}")
        return self.built(token, lambda: Comparison(column, sign.kind, value))

    def matcher(self, column: str) -> Filter:
        sign = self.next
        self.advance()
        token = self.next
        if sign.kind == "in":
            return OneOf(column, self.values())
        if token.kind != "text":
            self.fail(f"expected text in quotes after {sign.kind}{self.instead()}")
        self.advance()
        return self.built(token, lambda: TextMatch(column, sign.kind, str(token.value)))

    def values(self) -> tuple[Scalar, ...]:
        start = self.next
        closing = {"(": ")", "[": "]"}.get(start.kind)
        if closing is None:
            self.fail('expected a list after in, such as ("a", "b")')
        self.advance()
        if self.next.kind == closing:
            self.fail("the list is empty; write at least one value")
        values = [self.value("in the list")]
        while self.accept(","):
            values.append(self.value("in the list"))
        if self.next.kind == "end":
            self.fail(f"this {start.kind} is never closed", start)
        if not self.accept(closing):
            self.fail(f"expected , or {closing}{self.instead()}")
        return tuple(values)

    def value(self, where: str) -> Scalar:
        token = self.next
        if token.kind == "name":
            self.fail(
                f"put text in quotes: {_literal(_short(str(token.value)))} (columns cannot be compared)"
            )
        if token.kind not in ("text", "number", *_CONSTANTS):
            self.fail(f"expected a value {where}{self.instead()}")
        self.advance()
        return token.value

    def built(self, token: _Token, build: Callable[[], Filter]) -> Filter:
        """What `build` gives; what it refuses is reported at the token."""
        try:
            return build()
        except UsageError as error:
            self.fail(str(error), token)

    def instead(self) -> str:
        return ", but the filter ends" if self.next.kind == "end" else f", not {_short(self.next.source)}"

    def advance(self) -> None:
        self.next = next(self.tokens)

    def accept(self, kind: str) -> bool:
        if self.next.kind != kind:
            return False
        self.advance()
        return True

    def fail(self, message: str, token: _Token | None = None) -> NoReturn:
        raise FilterError(message, self.expression, (token or self.next).position)
