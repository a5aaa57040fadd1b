"""A filter as one SQL expression for a whole table: always the same answer as `Filter.matches`."""

from __future__ import annotations

import enum
import functools
import heapq
import itertools
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass

from lookalike.filters.tree import And, Comparison, Filter, Not, OneOf, Or, TextMatch, Truth, kind_of
from lookalike.results import Scalar


def to_sql(wanted: Filter) -> tuple[str, list[object]]:
    """One SQLite expression that is 1 for the rows that match and else 0, never NULL.

    Args:
        wanted: the filter.

    Returns:
        The expression and its parameters, for a statement over one table with the columns
        path (text), width, height, format, size, missing (0 or 1), cluster (or NULL) and
        metadata (a JSON object as text), none of them shadowed by another table's.
    """
    sql = _sql(wanted)
    return sql.text, list(sql.parameters)


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
    kind = _SQL_KINDS[kind_of(node.value)]
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


def sql_of_values(
    column: str, chosen: tuple[str, list[object]], *, in_metadata: bool = True
) -> tuple[str, list[object]]:
    """A SQLite statement for the values that pictures have in a column, and how many have each.

    Args:
        column: of the metadata, or a built-in one.
        chosen: a condition on pictures, and its parameters, as `to_sql` gives them.
        in_metadata: whether pictures may have the column in their metadata; when not, that is not looked at.

    Returns:
        The statement and its parameters, for a table `pictures` as `to_sql` describes it. Its rows are
        kind (`truth`, `number` or `text`), value (a truth as 0 or 1) and count.
    """
    condition, given = chosen
    kind = (
        "CASE WHEN type IN ('integer', 'real') THEN 'number' WHEN type = 'text' THEN 'text' ELSE 'truth' END"
    )
    head = f"WITH cells(type, value) AS ({{}}) SELECT {kind}, value, count(*) FROM cells GROUP BY 1, 2"
    # The condition is a query of its own, as `json_each` has columns that would shadow those of the table.
    rows = f"(SELECT * FROM pictures WHERE {condition})"
    told = f"SELECT type, value FROM {rows}, json_each(metadata) WHERE key = ? AND type <> 'null'"
    if column not in _SQL_BUILT_IN:
        return head.format(told), [*given, column]
    fact, parameters = _SQL_BUILT_IN[column]
    fact, _, there = fact.partition(" WHERE ")
    built_in = f"SELECT {fact} FROM {rows} WHERE {there or '1'}"
    if not in_metadata:
        return head.format(built_in), [*parameters, *given]
    silent = "NOT EXISTS(SELECT 1 FROM json_each(metadata) WHERE key = ? AND type <> 'null')"
    both = f"{told} UNION ALL {built_in} AND {silent}"
    return head.format(both), [*given, column, *parameters, *given, column]


def _sql_equal(column: str, values: tuple[Scalar, ...]) -> _Sql:
    """Whether the column equals one of the values."""
    tests: list[str] = []
    parameters: list[Scalar] = []
    for kind in ("number", "text"):
        if same := [value for value in values if kind_of(value) == kind]:
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
