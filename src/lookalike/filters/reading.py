"""From the text of an expression to its filter."""

from __future__ import annotations

import difflib
import itertools
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import NoReturn

from lookalike.errors import FilterError, UsageError
from lookalike.filters.tree import (
    BUILT_IN,
    COMPARISONS,
    ESCAPES,
    KEYWORDS,
    MAX_DEPTH,
    MAX_LENGTH,
    And,
    Comparison,
    Filter,
    Not,
    OneOf,
    Or,
    TextMatch,
    Truth,
    check_value,
    literal,
    unusable,
    written_name,
)
from lookalike.results import Scalar


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
        return f"did you mean {written_name(folded[close[0]])}?"
    listed = ", ".join(map(written_name, itertools.islice(known, 20)))
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
    bad = unusable(expression)
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
    value = re.sub(r"\\(.)", lambda escape: ESCAPES[escape[1]], body, flags=re.DOTALL)
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
        check_value(value)
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
        message = f"put a column name with {expression[end]} in back quotes: {written_name(_short(word))}"
        raise FilterError(message, expression, position)
    kind = source.lower()
    if kind in KEYWORDS:
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
            self.fail(
                f"expected a comparison such as == after {written_name(column)}, not {_short(start.source)}"
            )
        return Truth(column)

    def column(self) -> str:
        token = self.next
        if token.kind == "text":
            self.fail(f"a condition starts with a column; without quotes: {written_name(str(token.value))}")
        if token.kind in ("number", *_CONSTANTS):
            self.fail(f"a condition starts with a column, not with {_short(token.source)}")
        if token.kind != "name":
            self.fail(f"expected a condition{self.instead()}")
        name = str(token.value)
        if self.columns is not None and name not in self.columns:
            self.fail(
                f"there is no column {written_name(_short(name))}; {_suggestion(name, sorted(self.columns))}"
            )
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
            self.fail(f"put text in quotes: {literal(_short(str(token.value)))} (columns cannot be compared)")
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
