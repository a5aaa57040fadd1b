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

Another backend is one more `functools.singledispatch` function over the node classes, as `_sql` in
`sql.py` is.
"""

from __future__ import annotations

from lookalike.filters.reading import check_column, parse
from lookalike.filters.sql import sql_of_values, to_sql
from lookalike.filters.tree import (
    BUILT_IN,
    COMPARISONS,
    MAX_DEPTH,
    MAX_LENGTH,
    MAX_PATTERN,
    ORDERS,
    And,
    Comparison,
    Filter,
    Not,
    OneOf,
    Or,
    PictureFacts,
    TextMatch,
    Truth,
    value_of,
)

__all__ = [
    "BUILT_IN",
    "COMPARISONS",
    "MAX_DEPTH",
    "MAX_LENGTH",
    "MAX_PATTERN",
    "ORDERS",
    "And",
    "Comparison",
    "Filter",
    "Not",
    "OneOf",
    "Or",
    "PictureFacts",
    "TextMatch",
    "Truth",
    "check_column",
    "parse",
    "sql_of_values",
    "to_sql",
    "value_of",
]
