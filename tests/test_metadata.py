"""Metadata files: what is read from each kind, how rows find their pictures, what errors say."""

from __future__ import annotations

import csv
import datetime
import decimal
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike.errors import MissingExtra, UsageError
from lookalike.filters import parse
from lookalike.metadata import MetadataTable, Row, _typed, checked
from lookalike.results import Scalar

SHARED = Path(__file__).parents[2] / "shared" / "data"


def write(file: Path, content: str | bytes) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return file


def rows(file: Path) -> list[tuple[str, dict[str, Scalar]]]:
    return [(row.key, dict(row.metadata)) for row in MetadataTable.read(file).rows]


def types(row: dict[str, Scalar]) -> list[type]:
    return [type(value) for value in row.values()]


# --- CSV and TSV -----------------------------------------------------------------------------


def test_csv_types_come_from_the_whole_column(tmp_path: Path) -> None:
    file = write(
        tmp_path / "a.csv",
        "path,sold,stock,price,code,note,mixed,empty\n"
        "a.jpg,True,3,1,00123,nan,1,\n"
        "b.jpg,false,-4,2.5,7,inf,two,\n"
        "c.jpg,,,,,,,\n",
    )
    a, b, c = rows(file)
    columns = dict.fromkeys(["sold", "stock", "price", "code", "note", "mixed", "empty"])
    assert a == (
        "a.jpg",
        {"sold": True, "stock": 3, "price": 1.0, "code": "00123", "note": "nan", "mixed": "1", "empty": None},
    )
    assert types(a[1])[:3] == [bool, int, float]
    assert b[1] == {
        "sold": False, "stock": -4, "price": 2.5, "code": "7", "note": "inf", "mixed": "two", "empty": None,
    }  # fmt: skip
    assert c[1] == columns


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["TRUE", "False"], [True, False]),
        (["true", "1"], ["true", "1"]),
        (["yes", "no"], ["yes", "no"]),
        (["0", "-0"], [0, 0]),
        (["01"], ["01"]),
        (["-01.5"], ["-01.5"]),
        (["0.5", ".5", "5.", "1e3", "-2E-3"], [0.5, 0.5, 5.0, 1000.0, -0.002]),
        (["1e999"], ["1e999"]),
        (["9223372036854775807", "-9223372036854775808"], [2**63 - 1, -(2**63)]),
        (["9223372036854775808"], [2.0**63]),
        (["NaN", "1.5"], ["NaN", "1.5"]),
        (["Infinity"], ["Infinity"]),
        (["1_000"], ["1_000"]),
        (["٣"], ["٣"]),
        (["0x10"], ["0x10"]),
        (["1,5"], ["1,5"]),
        ([" 5", "6 "], [5, 6]),
        ([" a "], [" a "]),
        ([" "], [" "]),
        (["", ""], [None, None]),
        ([], []),
    ],
)
def test_the_type_of_a_column(cells: list[str], expected: list[Scalar]) -> None:
    found = _typed(cells)
    assert found == expected
    assert list(map(type, found)) == list(map(type, expected))


@given(st.lists(st.one_of(st.integers(), st.floats(), st.booleans(), st.text()).map(str)))
def test_any_column_is_typed_with_values_that_metadata_can_hold(cells: list[str]) -> None:
    found = _typed(cells)
    assert [value is None for value in found] == [cell == "" for cell in cells]
    kinds = {type(value) for value in found if value is not None}
    assert len(kinds) <= 1
    if kinds != {str}:
        numbered = {str(i): value for i, value in enumerate(found)}
        assert checked(numbered, "here") == numbered


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("name", ["a.csv", "a.CSV"])
def test_csv_with_each_delimiter_quotes_and_a_byte_order_mark(
    tmp_path: Path, name: str, delimiter: str
) -> None:
    lines = [
        ["File", "title, long", "n"],
        ["a.jpg", 'says "hi"\nand; more,\tthere', "1"],
        [],
        ["b.jpg", "ü", ""],
    ]
    with (tmp_path / name).open("w", encoding="utf-8-sig", newline="") as stream:
        csv.writer(stream, delimiter=delimiter).writerows(lines)
    assert rows(tmp_path / name) == [
        ("a.jpg", {"title, long": 'says "hi"\nand; more,\tthere', "n": 1}),
        ("b.jpg", {"title, long": "ü", "n": None}),
    ]


def test_tsv_keeps_commas(tmp_path: Path) -> None:
    assert rows(write(tmp_path / "a.tsv", "image\ta,b,c\nx.png\t1,2\n")) == [("x.png", {"a,b,c": "1,2"})]


def test_the_file_names_stay_text(tmp_path: Path) -> None:
    assert rows(write(tmp_path / "a.csv", "path,n\n17,1\n18,2\n")) == [("17", {"n": 1}), ("18", {"n": 2})]


@pytest.mark.parametrize("header", ["path,file", "file,path", "image,filename", "n,IMAGE", "x,Filename"])
def test_the_key_column_is_the_first_of_the_known_names(tmp_path: Path, header: str) -> None:
    order = ["path", "file", "filename", "image", "n", "x"]
    wanted = min(header.split(","), key=lambda name: order.index(name.lower()))
    assert rows(write(tmp_path / "a.csv", f"{header}\n{header}\n"))[0][0] == wanted


def test_a_header_alone_is_a_table_without_rows(tmp_path: Path) -> None:
    table = MetadataTable.read(write(tmp_path / "a.csv", "path,n\n"))
    assert table.rows == ()
    assert table.columns == ()
    assert table.match("/x.jpg") is None


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("path,n\na.jpg,1\nb.jpg\n", "line 3: 1 cells, but the header has 2 columns"),
        ('path,n\n"a\n.jpg",1\nb.jpg,1,2\n', "line 4: 3 cells, but the header has 2 columns"),
        ("name,n\na,1\n", "no column names the pictures; call it path (or file, filename, image, id). "
                          "The columns are name, n"),
        ("path,\na,1\n", "column 2 has no name in the header; name it or remove it"),
        ("path,n,n\na,1,2\n", "two columns are called n; rename one of them"),
        ("path,n\n,2\n", "line 2: column path names no file"),
        ('path,n\n"a,2\n', "line 2: unexpected end of data"),
        ("path,n\na,b\0\n", "line 2, column n: the character U+0000 is not allowed in text"),
        (b"path,n\na,\xff\n", "not UTF-8 text (byte 9); save it as UTF-8"),
        ("path,n\n".encode("utf-16"), "not UTF-8 text (byte 0); save it as UTF-8"),
        ("", "the file is empty"),
        ("\ufeff\n", "the file is empty"),
    ],
)  # fmt: skip
def test_a_csv_file_that_is_wrong(tmp_path: Path, content: str | bytes, message: str) -> None:
    file = write(tmp_path / "a.csv", content)
    with pytest.raises(UsageError) as caught:
        MetadataTable.read(file)
    assert str(caught.value) in (f"{file}: {message}", f"{file}, {message}")


def test_a_cell_that_is_too_large_is_refused_with_its_line(tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", f"path,n\na,1\nb,{'x' * 200_000}\n")
    with pytest.raises(UsageError, match="line 3: field larger than field limit"):
        MetadataTable.read(file)


# --- JSON ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a.jsonl", "a.json"])
def test_json_keeps_its_types(tmp_path: Path, name: str) -> None:
    objects: list[dict[str, Scalar]] = [
        {"n": 1, "path": "a.jpg", "x": 1.0, "t": True, "s": "1", "z": None},
        {"path": "b.jpg", "more": "ü\u2028"},
    ]
    content = (
        "\n\n".join(json.dumps(o, ensure_ascii=False) for o in objects)
        if name == "a.jsonl"
        else json.dumps(objects)
    )
    table = MetadataTable.read(write(tmp_path / name, content))
    assert [row.key for row in table.rows] == ["a.jpg", "b.jpg"]
    assert table.columns == ("n", "x", "t", "s", "z", "more")
    first, second = (dict(row.metadata) for row in table.rows)
    assert first == {"n": 1, "x": 1.0, "t": True, "s": "1", "z": None}
    assert types(first) == [int, float, bool, str, type(None)]
    assert second == {"more": "ü\u2028"}


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ('{"path": "a", "tags": ["x"]}', "column tags: a list; allowed are text, numbers, true and false"),
        (
            '{"path": "a", "size": {"w": 1}}',
            "column size: an object; allowed are text, numbers, true and false",
        ),
        ('{"path": "a", "n": 9223372036854775808}', "column n: a whole number that does not fit 64 bits"),
        ('{"path": "a", "n": 1e999}', "column n: inf is not a number that can be compared"),
        ('{"path": "a", "n": "\\ud800"}', "column n: the character U+D800 is not allowed in text"),
        ('{"path": "a", "": 1}', "column : a column without a name"),
        ('{"path": 7}', "column path names no file"),
        ('{"n": 7}', "column path names no file"),
        ("[1]", 'not an object; write {"path": …}'),
        ('{"path": "a", "n": NaN}', "NaN is not a number that can be compared"),
        ('{"path": "a", ', "not JSON: "),
        ('{"path": "a", "n": ' + "9" * 5000 + "}", "not JSON that can be read: "),
        ("[" * 100_000, "not JSON that can be read: "),
    ],
)
def test_a_json_row_that_is_wrong(tmp_path: Path, row: str, message: str) -> None:
    file = write(tmp_path / "a.jsonl", '{"path": "fine"}\n' + row)
    with pytest.raises(UsageError) as caught:
        MetadataTable.read(file)
    text = str(caught.value)
    assert text.startswith(f"{file}, line 2")
    assert message in text


def test_a_json_file_that_is_no_list(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not a list of objects"):
        MetadataTable.read(write(tmp_path / "a.json", '{"path": "a"}'))


def test_a_json_row_is_named_by_its_number(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="row 2, column t: a list"):
        MetadataTable.read(write(tmp_path / "a.json", '[{"path": "a"}, {"path": "b", "t": []}]'))


# --- Parquet ---------------------------------------------------------------------------------


def parquet(file: Path, columns: dict[str, list[Any]]) -> Path:
    pyarrow = pytest.importorskip("pyarrow", reason="needs lookalike[parquet]")
    parquet = pytest.importorskip("pyarrow.parquet")
    parquet.write_table(pyarrow.table(columns), file)
    return file


def test_parquet_keeps_its_types(tmp_path: Path) -> None:
    file = parquet(
        tmp_path / "a.parquet",
        {
            "path": ["a.jpg", "b.jpg"],
            "n": [1, None],
            "x": [0.5, float("nan")],
            "t": [True, False],
            "day": [datetime.date(2020, 2, 29), None],
            "price": [decimal.Decimal("1.50"), None],
        },
    )
    assert rows(file) == [
        ("a.jpg", {"n": 1, "x": 0.5, "t": True, "day": "2020-02-29", "price": 1.5}),
        ("b.jpg", {"n": None, "x": None, "t": False, "day": None, "price": None}),
    ]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([1], "row 1, column v: a list"),
        ({"a": 1}, "row 1, column v: an object"),
        (b"x", "row 1, column v: a value of type bytes"),
        (float("inf"), "row 1, column v: inf is not a number"),
    ],
)
def test_a_parquet_value_that_is_wrong(tmp_path: Path, value: object, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        MetadataTable.read(parquet(tmp_path / "a.parquet", {"path": ["a"], "v": [value]}))


def test_a_damaged_parquet_file(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow", reason="needs lookalike[parquet]")
    for content in (b"", b"PAR1", b"PAR1" + b"\0" * 100 + b"PAR1"):
        with pytest.raises(UsageError, match="not a Parquet file that can be read"):
            MetadataTable.read(write(tmp_path / "a.parquet", content))


def test_parquet_without_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(MissingExtra, match=r"install lookalike\[parquet\]"):
        MetadataTable.read(write(tmp_path / "a.parquet", b""))


# --- files -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.json", "a.jsonl", "a.parquet"])
def test_a_file_that_is_not_there(tmp_path: Path, name: str) -> None:
    if name == "a.parquet":
        pytest.importorskip("pyarrow", reason="needs lookalike[parquet]")
    with pytest.raises(UsageError, match="No such file"):
        MetadataTable.read(tmp_path / name)


def test_a_folder_is_no_metadata(tmp_path: Path) -> None:
    (tmp_path / "a.csv").mkdir()
    with pytest.raises(UsageError, match="Is a directory"):
        MetadataTable.read(tmp_path / "a.csv")


@pytest.mark.parametrize("name", ["a.xlsx", "a"])
def test_another_kind_of_file(tmp_path: Path, name: str) -> None:
    with pytest.raises(
        UsageError, match=r"metadata is read from \.csv, \.tsv, \.jsonl, \.json, \.parquet, not"
    ):
        MetadataTable.read(write(tmp_path / name, "x"))


# --- finding pictures ------------------------------------------------------------------------


def table(file: Path, *keys: str, sources: tuple[Path, ...] = ()) -> MetadataTable:
    return MetadataTable(file, [Row(key, {"n": i}, f"line {i + 2}") for i, key in enumerate(keys)], sources)


def test_rows_are_found_relative_to_the_file_then_to_the_sources(tmp_path: Path) -> None:
    meta, first, second = tmp_path / "meta", tmp_path / "first", tmp_path / "second"
    known = table(meta / "m.csv", "a.jpg", "./sub/../b.jpg", str(first / "c.jpg"), sources=(first, second))
    assert known.match(str(meta / "a.jpg")) == {"n": 0}
    assert known.match(str(first / "b.jpg")) == {"n": 1}
    assert known.match(str(first / "c.jpg")) == {"n": 2}
    assert known.match(str(first / "d.jpg")) is None
    assert known.unmatched() == []


def test_the_folder_of_the_file_comes_before_the_sources(tmp_path: Path) -> None:
    known = table(tmp_path / "m.csv", "x/a.jpg", "a.jpg", sources=(tmp_path / "x",))
    assert known.match(str(tmp_path / "x" / "a.jpg")) == {"n": 0}
    assert known.unmatched() == ["a.jpg"]


def test_a_bare_name_is_found_anywhere(tmp_path: Path) -> None:
    known = table(tmp_path / "m.csv", "a.jpg", "sub/b.jpg", "c.jpg")
    assert known.match("/elsewhere/a.jpg") == {"n": 0}
    assert known.match("/elsewhere/a.jpg") == {"n": 0}
    assert known.match("/elsewhere/b.jpg") is None
    assert known.unmatched() == ["sub/b.jpg", "c.jpg"]


def test_a_bare_name_that_fits_two_pictures_is_refused(tmp_path: Path) -> None:
    known = table(tmp_path / "m.csv", "a.jpg")
    known.match("/one/a.jpg")
    with pytest.raises(UsageError, match=r"m\.csv, line 2: a\.jpg is both /one/a\.jpg and /two/a\.jpg"):
        known.match("/two/a.jpg")


def test_a_bare_name_with_its_file_in_place_is_no_other_picture(tmp_path: Path) -> None:
    write(tmp_path / "a.jpg", "")
    known = table(tmp_path / "m.csv", "a.jpg")
    assert known.match(str(tmp_path / "sub" / "a.jpg")) is None
    assert known.match(str(tmp_path / "a.jpg")) == {"n": 0}


@pytest.mark.parametrize("again", ["a.jpg", "./a.jpg", "x/../a.jpg"])
def test_two_rows_about_one_picture_are_refused(tmp_path: Path, again: str) -> None:
    with pytest.raises(UsageError, match=r"line 2 and line 4 are both about .*a\.jpg"):
        table(tmp_path / "m.csv", "a.jpg", "b.jpg", again)


def test_checked_names_the_place_and_the_column() -> None:
    assert checked({"a": 1, "b": None}, "here") == {"a": 1, "b": None}
    for bad in (
        {"a": float("nan")},
        {"a": 2**63},
        {"a": ()},
        {"": 1},
        {"a": "\0"},
        {"a\0": 1},
        {"\ud800": 1},
    ):
        with pytest.raises(UsageError, match=r"^here, column "):
            checked(bad, "here")


# --- the data beside the project ---------------------------------------------------------------


@pytest.mark.parametrize("name", ["clothing", "fruits", "grocery"])
def test_labels_of_the_shared_data(name: str) -> None:
    file = SHARED / name / "labels.csv"
    if not file.exists():
        pytest.skip(f"needs the data sets beside the project ({name}/labels.csv)")
    known = MetadataTable.read(file)
    images = list(file.parent.rglob("*.jpg"))
    assert len(images) == len(known.rows) > 400
    assert all(known.match(str(path.absolute())) for path in images)
    assert known.unmatched() == []
    expressions = {
        "clothing": "kids == false",
        "fruits": "fruit == 'Apple'",
        "grocery": "role == 'catalogue'",
    }
    parse(expressions[name], columns=known.columns)
    if name == "clothing":
        assert types(dict(known.rows[0].metadata)) == [str, bool, int]


def test_rows_with_an_id_are_about_pictures_of_the_collection(tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", "id,price\n7,3\n9,4\n")
    table = MetadataTable.read(file)
    assert table.match("/anything.jpg", 7) == {"price": 3}
    assert table.match("/new.jpg") is None
    assert table.match("/other.jpg", 8) is None
    assert table.unmatched() == ["id:9"]


def test_an_id_beside_a_path_is_metadata(tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", "id,path\n7,a.jpg\n")
    assert MetadataTable.read(file).match(str(tmp_path / "a.jpg")) == {"id": 7}


def test_an_id_that_is_no_number_is_refused(tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", "id,price\nx7,3\n")
    with pytest.raises(UsageError, match="line 2: column id must be a picture's number, got 'x7'"):
        MetadataTable.read(file)
