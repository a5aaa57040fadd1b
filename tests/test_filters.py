"""The filter language: what it means, that SQL means the same, and what its errors say."""

from __future__ import annotations

import json
import os
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lookalike.errors import FilterError, UsageError
from lookalike.files import FileIdentity
from lookalike.filters import (
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
    TextMatch,
    Truth,
    parse,
    to_sql,
)
from lookalike.gallery.base import Picture
from lookalike.results import Metadata, Scalar

GUIDE = Path(__file__).parents[1] / "docs" / "filters.md"


def picture(
    metadata: Metadata | None = None,
    *,
    path: str = "/shop/chairs/oak.jpg",
    width: int = 800,
    height: int = 600,
    format: str = "JPEG",
    size: int = 12_345,
    missing: bool = False,
    cluster: int | None = None,
    id: int = 0,
) -> Picture:
    file = FileIdentity(path=path, size=size, mtime_ns=0)
    return Picture(
        file=file,
        content="00",
        width=width,
        height=height,
        format=format,
        phash=0,
        missing=missing,
        metadata=metadata or {},
        id=id,
        cluster=cluster,
    )


def in_sqlite(wanted: Filter, pictures: list[Picture], *, ascii_only: bool = False) -> list[object]:
    """What SQLite says for each picture."""
    connection = sqlite3.connect(":memory:")
    try:
        connection.execute(
            "CREATE TABLE pictures (id INTEGER PRIMARY KEY, path TEXT, width INTEGER, height INTEGER, "
            "format TEXT, size INTEGER, missing INTEGER, cluster INTEGER, metadata TEXT)"
        )
        rows = [
            (p.path, p.width, p.height, p.format, p.file.size, int(p.missing), p.cluster,
             json.dumps(dict(p.metadata), ensure_ascii=ascii_only))
            for p in pictures
        ]  # fmt: skip
        connection.executemany(
            "INSERT INTO pictures (path, width, height, format, size, missing, cluster, metadata) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            rows,
        )
        text, parameters = to_sql(wanted)
        found = connection.execute(f"SELECT {text} FROM pictures ORDER BY id", parameters)
        return [answer for (answer,) in found]
    finally:
        connection.close()


# --- strategies ------------------------------------------------------------------------------

# SQLite keeps no NUL inside JSON text, UTF-8 no half pairs: `lookalike.metadata` refuses both.
usual = st.sampled_from([*"aAäÄßſKσς1'*?😀\"\\", "", "[a]", "a\nb"])
texts = usual | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=6)
edges = [0, 1, 1.0, 0.5, -0.0, 2**53, 2**53 + 1, 2.0**53, 2**63 - 1, -(2**63), 2.0**63, 1e300, 5e-324]
numbers = (
    st.sampled_from(edges)
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
)
values: st.SearchStrategy[Scalar] = st.none() | st.booleans() | numbers | texts
usual_names = st.sampled_from([*BUILT_IN, "a", "and", "Null", "unit price", "`", 'a"b', "a\\", "ü", "$.a"])
names = usual_names | texts.filter(bool)
metadata = st.dictionaries(names, values, max_size=6)
sides = st.integers(1, 2000)
paths = st.lists(texts.filter(lambda t: "/" not in t and t), min_size=1, max_size=3).map(
    lambda parts: "/" + "/".join(parts)
)
pictures = st.builds(
    picture,
    metadata,
    path=paths.map(lambda path: path.replace("/", os.sep)),
    width=sides,
    height=sides,
    format=st.sampled_from(["JPEG", "PNG"]),
    size=st.integers(0, 10**12),
    missing=st.booleans(),
    cluster=st.none() | st.integers(-1, 3).filter(bool),
)


def conditions(columns: st.SearchStrategy[str]) -> st.SearchStrategy[Filter]:
    return st.one_of(
        st.builds(Comparison, columns, st.sampled_from(["==", "!="]), values),
        st.builds(Comparison, columns, st.sampled_from(list(ORDERS)), numbers | texts),
        st.builds(OneOf, columns, st.lists(values, min_size=1, max_size=4).map(tuple)),
        st.builds(TextMatch, columns, st.sampled_from(["contains", "matches"]), texts),
        st.builds(Truth, columns),
    )


def trees(columns: st.SearchStrategy[str]) -> st.SearchStrategy[Filter]:
    def grow(inner: st.SearchStrategy[Filter]) -> st.SearchStrategy[Filter]:
        operands = st.lists(inner, min_size=2, max_size=4).map(tuple)
        return st.builds(Not, inner) | st.builds(And, operands) | st.builds(Or, operands)

    return st.recursive(conditions(columns), grow, max_leaves=8)


@st.composite
def filters_on_pictures(draw: st.DrawFn) -> tuple[Filter, list[Picture]]:
    """A filter whose columns and values the pictures are likely to have."""
    found = draw(st.lists(pictures, min_size=1, max_size=4))
    known = sorted({name for p in found for name in p.metadata} | set(BUILT_IN))
    wanted = draw(trees(st.sampled_from(known) | names))
    return wanted, found


@st.composite
def conditions_on_own_value(draw: st.DrawFn) -> tuple[Filter, list[Picture]]:
    """A condition with the very value of a picture, or a piece of it."""
    found = draw(pictures)
    column = draw(st.sampled_from(sorted({*found.metadata, *BUILT_IN})))
    value = reference_value(found, column)
    if isinstance(value, str):
        piece = value[draw(st.integers(0, len(value))) :]
        piece = draw(st.sampled_from([piece, piece.swapcase(), piece.upper(), piece.lower()]))
        text = draw(st.sampled_from([piece, f"*{piece}", f"?{piece}", f"*{piece}*"]))
        return TextMatch(column, draw(st.sampled_from(["contains", "matches"])), text), [found]
    orders = (
        [*COMPARISONS] if isinstance(value, (int, float)) and not isinstance(value, bool) else ["==", "!="]
    )
    return Comparison(column, draw(st.sampled_from(orders)), value), [found]


# --- a slow, obvious reference ----------------------------------------------------------------


def reference_value(p: Picture, column: str) -> Scalar:
    folder, name = os.path.split(p.path)
    facts: dict[str, Scalar] = {
        "path": p.path, "name": name, "folder": folder, "width": p.width, "height": p.height,
        "format": p.format, "bytes": p.file.size, "missing": p.missing, "cluster": p.cluster,
    }  # fmt: skip
    return p.metadata[column] if p.metadata.get(column) is not None else facts.get(column)


def reference(wanted: Filter, p: Picture) -> bool:
    """The meaning of a filter, written down case by case."""
    if isinstance(wanted, And):
        return [reference(f, p) for f in wanted.operands].count(False) == 0
    if isinstance(wanted, Or):
        return [reference(f, p) for f in wanted.operands].count(True) > 0
    if isinstance(wanted, Not):
        return not reference(wanted.operand, p)
    if isinstance(wanted, Truth):
        return reference_value(p, wanted.column) not in (None, False, 0, "")
    if isinstance(wanted, OneOf):
        return any(reference(Comparison(wanted.column, "==", v), p) for v in wanted.values)
    if isinstance(wanted, TextMatch):
        return reference_text(wanted, reference_value(p, wanted.column))
    assert isinstance(wanted, Comparison)
    left, right = reference_value(p, wanted.column), wanted.value
    kinds = [{bool: "truth", str: "text", type(None): "null"}.get(type(v), "number") for v in (left, right)]
    if kinds[0] != kinds[1]:
        return wanted.operator == "!="
    if left is None:
        return wanted.operator == "=="
    return bool(eval(f"left {wanted.operator} right"))


def reference_text(wanted: TextMatch, value: Scalar) -> bool:
    if not isinstance(value, str):
        return False
    wild = wanted.operator == "matches"
    text = wanted.text if wild else f"*{wanted.text}*"
    # reachable[i]: the pattern up to here can cover value[:i]
    reachable = {0}
    for i, c in enumerate(text):
        star = c == "*" and (wild or i in (0, len(text) - 1))
        if star:
            reachable = set(range(min(reachable), len(value) + 1)) if reachable else set()
        else:
            fits = {c, c.upper(), c.lower()}
            reachable = {
                n + 1 for n in reachable if n < len(value) and (value[n] in fits or (wild and c == "?"))
            }
    return len(value) in reachable


# --- meaning ---------------------------------------------------------------------------------


@given(filters_on_pictures() | conditions_on_own_value(), st.booleans())
def test_python_sql_and_the_reference_agree(case: tuple[Filter, list[Picture]], ascii_only: bool) -> None:
    wanted, found = case
    expected = [reference(wanted, p) for p in found]
    assert [wanted.matches(p) for p in found] == expected
    answers = in_sqlite(wanted, found, ascii_only=ascii_only)
    assert answers == [int(e) for e in expected]
    assert all(type(a) is int for a in answers)


@given(trees(names))
def test_a_filter_written_down_is_read_back_as_the_same(wanted: Filter) -> None:
    again = parse(str(wanted))
    assert again == wanted
    assert hash(again) == hash(wanted)
    assert repr(again) == repr(wanted)


def test_columns_are_those_the_tree_names() -> None:
    wanted = parse("a == 1 and (not b or `c d` in (1, 2)) and e contains 'f' and a")
    assert wanted.columns() == {"a", "b", "c d", "e"}


@pytest.mark.parametrize("answer", ["matches", "to_sql"])
@pytest.mark.parametrize(
    ("expression", "known", "expected"),
    [
        ("x == 1", {"x": 1.0}, True),
        ("x == 1", {"x": True}, False),
        ("x == true", {"x": 1}, False),
        ("x == true", {"x": True}, True),
        ("x == false", {"x": 0}, False),
        ("x == false", {}, False),
        ("x == 1", {"x": "1"}, False),
        ("x != 1", {"x": "1"}, True),
        ('x < "1"', {"x": 0}, False),
        ("x < 1", {"x": False}, False),
        ("x != 1", {}, True),
        ("not x == 1", {}, True),
        ("x < 1", {}, False),
        ("not x < 1", {}, True),
        ("x == null", {}, True),
        ("x == null", {"x": None}, True),
        ("x == null", {"x": ""}, False),
        ("x != null", {"x": 0}, True),
        ("x in (null, 1)", {}, True),
        ("x not in (1, 2)", {}, True),
        ("x in (true, 'a')", {"x": 1}, False),
        ("x in (true, 'a', 1)", {"x": 1}, True),
        ("x", {"x": "no"}, True),
        ("x", {"x": ""}, False),
        ("x", {"x": 0.0}, False),
        ("x", {"x": -2}, True),
        ("x", {}, False),
        ("x == 9007199254740993", {"x": 2.0**53}, False),
        ("x == 9007199254740993", {"x": 2**53 + 1}, True),
        ("x < 9223372036854775807", {"x": 9223372036854775806}, True),
        ("x contains 'ÄPF'", {"x": "Bratäpfel"}, True),
        ("x contains ''", {"x": ""}, True),
        ("x contains '*'", {"x": "abc"}, False),
        ("x contains '1'", {"x": 1}, False),
        ("x matches ''", {"x": ""}, True),
        ("x matches '*.jpg'", {"x": "a\nb.JPG"}, True),
        ("x matches '*.jpg'", {"x": "a.jpg "}, False),
        ("x matches '[a]?'", {"x": "[A]b"}, True),
        ("x matches '[a]?'", {"x": "ab"}, False),
        ("x matches 'a*b*c'", {"x": "a-b-b-c"}, True),
        ("x == 'it\\'s'", {"x": "it's"}, True),
        ('x == "\'; DROP TABLE pictures; --"', {"x": "'; DROP TABLE pictures; --"}, True),
        ("width == 7", {"width": 7}, True),
        ("width == 800", {"width": None}, True),
        ("width == 800", {"width": "wide"}, False),
        ("missing == false and not missing", {}, True),
        ("name == 'oak.jpg' and folder == '/shop/chairs'", {}, True),
        ("bytes == 12345 and format == 'JPEG'", {}, True),
    ],
)
def test_the_meaning_of(expression: str, known: Metadata, expected: bool, answer: str) -> None:
    wanted = parse(expression)
    if answer == "matches":
        assert wanted.matches(picture(known)) is expected
    else:
        assert in_sqlite(wanted, [picture(known)]) == [expected]


@pytest.mark.skipif(os.sep != "/", reason="paths of POSIX systems")
@pytest.mark.parametrize(
    ("path", "folder", "name"),
    [
        ("/a.jpg", "/", "a.jpg"),
        ("/x/a.jpg", "/x", "a.jpg"),
        ("/x//a", "/x/", "a"),
        ("/x/", "/x", ""),
        ("a", "", "a"),
        ("", "", ""),
    ],
)
def test_folder_and_name_of(path: str, folder: str, name: str) -> None:
    wanted = And((Comparison("folder", "==", folder), Comparison("name", "==", name)))
    assert wanted.matches(picture(path=path))
    assert in_sqlite(wanted, [picture(path=path)]) == [1]


@pytest.mark.parametrize(
    ("expression", "tree"),
    [
        ("a", Truth("a")),
        ("A AND NOT b OR c", Or((And((Truth("A"), Not(Truth("b")))), Truth("c")))),
        ("not a == 1", Not(Comparison("a", "==", 1))),
        ("(a or b) and c", And((Or((Truth("a"), Truth("b"))), Truth("c")))),
        ("((a))", Truth("a")),
        ("a not contains 'x'", Not(TextMatch("a", "contains", "x"))),
        ("a in [1, 2.0, 'x', True, NULL]", OneOf("a", (1, 2.0, "x", True, None))),
        ("`a ``b`` c`==-1", Comparison("a `b` c", "==", -1)),
        ("größe<.5", Comparison("größe", "<", 0.5)),
        ("हिन्दी >= 1e3", Comparison("हिन्दी", ">=", 1000.0)),
        ('a == "\\"\\\\\\n\\t\\r\\\'"', Comparison("a", "==", "\"\\\n\t\r'")),
        ("a\n  == 5.", Comparison("a", "==", 5.0)),
    ],
)
def test_reading(expression: str, tree: Filter) -> None:
    assert parse(expression) == tree


def test_equal_filters_are_those_with_the_same_kinds_of_values() -> None:
    assert parse("x == 1") != parse("x == true")
    assert parse("x == 1") != parse("x == 1.0")
    assert parse("x  ==  1") == parse("(x == 1)")


# --- the guide -------------------------------------------------------------------------------


def guide_blocks(language: str) -> Iterator[str]:
    yield from re.findall(rf"^```{language}\n(.*?)^```$", GUIDE.read_text("utf-8"), re.DOTALL | re.MULTILINE)


def guide_examples() -> list[tuple[str, list[int]]]:
    lines = [line.rsplit("→", 1) for block in guide_blocks("filter") for line in block.splitlines()]
    return [(left.strip(), [int(i) for i in right.split() if i != "none"]) for left, right in lines]


def test_the_guide_has_examples() -> None:
    assert len(guide_examples()) >= 15


@pytest.mark.parametrize(("expression", "ids"), guide_examples())
def test_an_example_of_the_guide(expression: str, ids: list[int]) -> None:
    shop = [picture(**json.loads(line)) for block in guide_blocks("json") for line in block.splitlines()]
    wanted = parse(expression, columns={name for p in shop for name in p.metadata})
    assert [p.id for p in shop if wanted.matches(p)] == ids
    assert [p.id for p, answer in zip(shop, in_sqlite(wanted, shop), strict=True) if answer] == ids


def test_an_error_of_the_guide() -> None:
    errors = list(guide_blocks("text"))
    assert len(errors) == 2
    for block in errors:
        expression = block.splitlines()[1].strip()
        with pytest.raises(FilterError) as caught:
            parse(expression, columns=["category"])
        assert str(caught.value) == block.rstrip()


@pytest.mark.parametrize("limit", [MAX_LENGTH, MAX_DEPTH, MAX_PATTERN])
def test_the_guide_names_the_limit(limit: int) -> None:
    assert f"{limit:,}" in GUIDE.read_text("utf-8").rsplit("## ", 1)[1]


# --- errors ----------------------------------------------------------------------------------

COLUMNS = ["category", "price", "in_stock", "unit price"]


@pytest.mark.parametrize(
    ("expression", "position", "message"),
    [
        ("", 0, "the filter is empty; write a condition such as width > 100"),
        ("  ", 2, "the filter is empty; write a condition such as width > 100"),
        ("category = 'chair'", 9, "use == to compare"),
        ("category === 'chair'", 9, "use == to compare"),
        ("price <> 3", 6, "use != to compare"),
        ("price => 3", 6, "use >= to compare"),
        ("price ≤ 3", 6, "use <= to compare"),
        ("in_stock && price > 3", 9, "use and"),
        ("in_stock || price > 3", 9, "use or"),
        ("!in_stock", 0, "use not"),
        ("category == chair", 12, 'put text in quotes: "chair" (columns cannot be compared)'),
        ("category == “chair”", 12, 'put text in straight quotes: "text"'),
        ("category == 'chair", 12, "the text has no closing '"),
        (r"path matches 'C:\photos'", 16, r"write \\ for a backslash; other escapes are \" \' \n \r \t"),
        ("'category' == 'chair'", 0, "a condition starts with a column; without quotes: category"),
        ("10 < price", 0, "a condition starts with a column, not with 10"),
        ("true", 0, "a condition starts with a column, not with true"),
        ("categroy == 1", 0, "there is no column categroy; did you mean category?"),
        ("price > 1 and IN_STOCK", 14, "there is no column IN_STOCK; did you mean in_stock?"),
        ("unit_price > 1", 0, "there is no column unit_price; did you mean `unit price`?"),
        (
            "zzz",
            0,
            "there is no column zzz; there are bytes, category, cluster, folder, format, height, in_stock, "
            "missing, name, path, price, `unit price`, width",
        ),
        ("shop.price > 1", 0, "put a column name with . in back quotes: `shop.price`"),
        ("in-stock", 0, "put a column name with - in back quotes: `in-stock`"),
        ("`price > 1", 0, "the column name has no closing `"),
        ("`` > 1", 0, "the column name between the back quotes is empty"),
        ("price >", 7, "expected a value after >, but the filter ends"),
        ("price > >", 8, "expected a value after >, not >"),
        ("price > 100px", 8, "100px is not a number; put text in quotes"),
        ("price == 1_000", 9, "1_000 is not a number; put text in quotes"),
        ("category == 007", 12, 'a number has no leading zeros; put text in quotes: "007"'),
        ("price < 1e999", 8, "the number is too large; the largest is about 1.8e308"),
        (
            "price < 9223372036854775808",
            8,
            "whole numbers reach from -9223372036854775808 to 9223372036854775807",
        ),
        ("price < null", 8, "null has no order; compare it with == or !="),
        ("in_stock >= true", 12, "true has no order; compare it with == or !="),
        ("price in 3", 9, 'expected a list after in, such as ("a", "b")'),
        ("price in ()", 10, "the list is empty; write at least one value"),
        ("price in (1 2)", 12, "expected , or ), not 2"),
        ("price in (1, 2", 9, "this ( is never closed"),
        ("price in [1)", 11, "expected , or ], not )"),
        ("price contains 3", 15, "expected text in quotes after contains, not 3"),
        ("category like 'c%'", 9, "use contains or matches"),
        ("category is null", 9, "use == null or != null"),
        ("price between 1 and 2", 6, "use >= and <=, such as price >= 10 and price <= 20"),
        ("price not 3", 10, "expected in, contains or matches after not"),
        ("price 3", 6, "expected a comparison such as == after price, not 3"),
        ("price > 3 in_stock", 10, "expected and, or, or the end, not in_stock"),
        ("1 < price < 3", 0, "a condition starts with a column, not with 1"),
        ("price > 1 < 3", 10, "expected and, or, or the end, not <"),
        ("price > 1 and", 13, "expected a condition, but the filter ends"),
        ("and price", 0, "expected a condition, not and"),
        ("(price > 1", 0, "this ( is never closed"),
        ("(price > 1 price", 11, "expected and, or, or ), not price"),
        ("price > 1)", 9, "this ) closes nothing"),
        ("price % 2", 6, "% means nothing here"),
        ("price == 'a\0'", 11, "the character U+0000 cannot be used in a filter"),
    ],
)
def test_a_mistake(expression: str, position: int, message: str) -> None:
    with pytest.raises(FilterError) as caught:
        parse(expression, columns=COLUMNS)
    shown = expression.replace("\0", " ")  # what cannot be printed would shift the caret
    assert str(caught.value) == f"{message}\n  {shown}\n  {' ' * position}^"
    assert caught.value.position == position
    assert caught.value.expression == expression


WORDS = "price x and or not in contains matches null true ü 1 -1.5 1e 0x `a` 'b' \"c\""
SIGNS = "( ) [ ] , == = < >= ! && ' \" ` \\ . -"
pieces = st.sampled_from([*WORDS.split(), *SIGNS.split()])
some_pieces = st.lists(pieces, max_size=12)


@given(some_pieces.map(" ".join) | some_pieces.map("".join) | st.text(max_size=20))
@example("\ud800")
@example("price == '\udcff'")
@example("²")
def test_anything_is_read_or_refused_at_a_place(expression: str) -> None:
    read_or_refused(expression)


def read_or_refused(expression: str) -> None:
    wanted = error = None
    try:
        wanted = parse(expression, columns=["price"])
    except FilterError as caught:
        error = caught
    if wanted:
        assert parse(str(wanted)) == wanted
    if error:
        assert 0 <= error.position <= len(expression)
        assert str(error).encode()


@given(trees(st.sampled_from(["price", "ü", "unit price"])), st.data())
def test_a_piece_of_a_filter_is_read_or_refused_at_a_place(wanted: Filter, data: st.DataObject) -> None:
    whole = str(wanted)
    read_or_refused(whole[: data.draw(st.integers(0, len(whole)))])


@pytest.mark.parametrize(
    "build",
    [
        lambda: Comparison("x", "=", 1),
        lambda: Comparison("x", "<", None),
        lambda: Comparison("x", "==", float("nan")),
        lambda: Comparison("x", "==", float("inf")),
        lambda: Comparison("x", "==", 2**63),
        lambda: Comparison("x", "==", "\ud800"),
        lambda: OneOf("x", ()),
        lambda: OneOf("x", ("a\0b",)),
        lambda: TextMatch("x", "like", "a"),
        lambda: And((Truth("x"),)),
    ],
)
def test_a_tree_that_cannot_be_written_cannot_be_built(build: object) -> None:
    assert callable(build)
    with pytest.raises(UsageError):
        build()


# --- limits ----------------------------------------------------------------------------------


def test_the_longest_filter_works_in_sqlite() -> None:
    for start, last in [("name or ", "a"), ("a or ", "b"), ("a or b and ", "c"), ("name and not b or ", "c")]:
        wanted = parse(start * ((MAX_LENGTH - 1) // len(start)) + last)
        shown = picture({"c": 0})
        assert in_sqlite(wanted, [shown]) == [wanted.matches(shown)]
    numbers = parse(f"a in ({'1,' * (MAX_LENGTH // 2 - 6)}2)")
    assert in_sqlite(numbers, [picture({"a": 2})]) == [1]


def test_a_filter_that_is_too_long_is_refused() -> None:
    with pytest.raises(FilterError, match=r"has 10,002 characters; at most 10,000 are allowed"):
        parse("a" * (MAX_LENGTH + 2))
    parse("a" * MAX_LENGTH)


@pytest.mark.parametrize(
    "level", ["not {}", "({})", "not ({} and b)", "(b or {} and (c or d))", "(a and {} or b and not c)"]
)
def test_depth_is_limited_to_what_sqlite_can_take(level: str) -> None:
    def nested(levels: int) -> str:
        return level.format(nested(levels - 1)) if levels else "name == 'oak.jpg'"

    deepest = next(n for n in range(200, 0, -1) if reads(nested(n)))
    assert MAX_DEPTH / 2 <= deepest <= MAX_DEPTH
    wanted = parse(nested(deepest))
    assert in_sqlite(wanted, [picture({"b": 0})]) == [wanted.matches(picture({"b": 0}))]
    with pytest.raises(FilterError, match=r"nested too deeply; at most 32 levels are allowed"):
        parse(nested(deepest + 1))


def reads(expression: str) -> bool:
    try:
        parse(expression)
    except FilterError:
        return False
    return True


@pytest.mark.parametrize("width", [1, 2, 3, 10, 50])
@pytest.mark.parametrize("bushy", [0, 3, 6])
def test_filters_that_are_wide_and_deep_work_in_sqlite(width: int, bushy: int) -> None:
    expression = "b"
    for level in range(MAX_DEPTH):
        word = (" and ", " or ")[level % 2]
        wider = word.join(
            [f"not ({expression})"] * (2 if level < bushy else 1) + ["b", "name"][:width] * width
        )
        if len(wider) > MAX_LENGTH or not reads(wider):
            break
        expression = wider
    wanted = parse(expression)
    assert in_sqlite(wanted, [picture()]) == [wanted.matches(picture())]


def test_patterns_of_any_allowed_length_are_quick_and_work_in_sqlite() -> None:
    text = "ᾳa" * (MAX_PATTERN // 2)
    for operator in ("contains", "matches"):
        wanted = TextMatch("x", operator, text)
        assert (
            wanted.matches(picture({"x": text.upper()}))
            == in_sqlite(wanted, [picture({"x": text.upper()})])[0]
        )
    hostile = TextMatch("x", "matches", "*a" * (MAX_PATTERN // 2 - 1) + "b")
    assert not hostile.matches(picture({"x": "a" * 5_000}))
    assert in_sqlite(hostile, [picture({"x": "a" * 5_000})]) == [0]
    with pytest.raises(FilterError, match="longer than 1,000 characters"):
        parse(f"x contains '{'a' * (MAX_PATTERN + 1)}'")


def test_a_long_filter_is_shown_around_the_mistake_alone() -> None:
    expression = "price > 1 and " * 50 + "price %% 2" + " and price > 1" * 50
    with pytest.raises(FilterError) as caught:
        parse(expression)
    _, shown, caret = str(caught.value).splitlines()
    assert len(shown) < 130
    assert shown[caret.index("^")] == "%"
