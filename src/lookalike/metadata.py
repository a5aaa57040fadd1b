"""What is known about pictures, read from a table: CSV, TSV, JSON Lines, JSON or Parquet.

One row is one picture; one column names the file (`KEYS`), the others are its metadata. A value is
text, a whole number, a number, true or false, or missing (None).

In CSV and TSV, where everything is text, the type of a column comes from all of its cells; empty
cells are missing. The first that fits all others is taken:

- truth: `true` and `false` in any case;
- whole numbers that fit 64 bits, without leading zeros (`00123` is a code, not a number);
- numbers such as `-1.5` or `2e3`, again without leading zeros and not too large for a float;
- text, as it stands in the file. `nan` and `inf` are text.
"""

from __future__ import annotations

import csv
import datetime
import decimal
import io
import itertools
import json
import math
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from lookalike.errors import MissingExtra, UsageError
from lookalike.results import Metadata, Scalar

FILE_KEYS = ("path", "file", "filename", "image")
KEYS = (*FILE_KEYS, "id")
"""Names of the column that tells which picture a row is about, in any case; the first found in this
order is taken. `id` is a picture's number in the collection, all others name its file."""

SUFFIXES = (".csv", ".tsv", ".jsonl", ".json", ".parquet")
"""The kinds of files that can be read."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a metadata file.

    Attributes:
        key: the file it speaks of, as it stands there, or `id:NUMBER`.
        metadata: the other columns.
        place: where it stands, such as `line 3` or `row 2`.
    """

    key: str
    metadata: Metadata
    place: str


class MetadataTable:
    """The rows of a metadata file, found by the path of a picture.

    A row's file is looked for, in this order: relative to the folder of the metadata file,
    relative to each source, and, where the row names a file without a folder and no such file is
    in those places, as any picture with this file name. Where the rows have an `id` instead, they
    are about pictures that are in the collection already.
    """

    def __init__(self, file: Path, rows: Iterable[Row], sources: Sequence[Path] = ()) -> None:
        self.file = file
        self.rows = tuple(rows)
        """All rows, in the order of the file."""
        folders = dict.fromkeys(os.path.abspath(f) for f in (file.parent, *sources))
        self._folders = tuple(folders)
        self._places = tuple(self._by_path(folder) for folder in self._folders)
        self._bare = {row.key: row for row in self.rows if row.key == os.path.basename(row.key)}
        self._used: dict[str, str] = {}

    @classmethod
    def read(cls, file: Path, sources: Sequence[Path] = ()) -> MetadataTable:
        """Read a metadata file.

        Args:
            file: its suffix, one of SUFFIXES, says what it is.
            sources: the folders that are indexed; paths in the file may be relative to them.

        Raises:
            UsageError: the file cannot be read, is not what its suffix says, has no column that
                names the picture, or has a row that is wrong; the message names the row.
            MissingExtra: for Parquet without the extra `parquet`.
        """
        return cls(file, read_rows(file), sources)

    @property
    def columns(self) -> tuple[str, ...]:
        """The metadata columns, in the order in which they first come."""
        return tuple(dict.fromkeys(name for row in self.rows for name in row.metadata))

    def match(self, path: str, id: int | None = None) -> Metadata | None:
        """What the table says about a picture.

        Args:
            path: the picture's absolute path.
            id: its number in the collection; None for one that is not in it yet.

        Returns:
            The row's metadata; None when no row speaks of the picture.

        Raises:
            UsageError: a row that names a file without a folder fits this and another picture.
        """
        if id is not None and (row := self._bare.get(f"id:{id}")):
            return self._use(row, path)
        for rows in self._places:
            if row := rows.get(path):
                return self._use(row, path)
        row = self._bare.get(os.path.basename(path))
        return self._use(row, path) if row and not self._is_there(row) else None

    def unmatched(self) -> list[str]:
        """The files of the rows that `match` has not given so far, as they stand in the table."""
        return [row.key for row in self.rows if row.key not in self._used]

    def _use(self, row: Row, path: str) -> Metadata:
        other = self._used.setdefault(row.key, path)
        if other != path:
            raise UsageError(
                f"{self.file}, {row.place}: {row.key} is both {other} and {path}; write it with its folder"
            )
        return row.metadata

    def _is_there(self, row: Row) -> bool:
        return any(os.path.exists(os.path.join(folder, row.key)) for folder in self._folders)

    def _by_path(self, folder: str) -> dict[str, Row]:
        """The rows by absolute path, when relative ones start in a folder."""
        found: dict[str, Row] = {}
        for row in self.rows:
            first = found.setdefault(os.path.normpath(os.path.join(folder, row.key)), row)
            if first is not row:
                raise UsageError(
                    f"{self.file}: {first.place} and {row.place} are both about {row.key}; remove one of them"
                )
        return found


def checked(values: Mapping[str, object], place: str) -> Metadata:
    """The values, when all of them are what a picture's metadata can hold.

    Args:
        values: by column.
        place: what the message begins with, such as `prices.csv, line 3`.

    Raises:
        UsageError: a name is empty; a value is a list, an object or something else that is no
            text, number, truth or None; a number is not finite or beyond 64 bits; a text or name
            has a NUL or half of a surrogate pair, which neither SQLite nor JSON keeps.

    >>> checked({"price": 3, "tags": ["a"]}, "row 1")
    Traceback (most recent call last):
    lookalike.errors.UsageError: row 1, column tags: a list; allowed are text, numbers, true and false
    """
    result: dict[str, Scalar] = {}
    for name, value in values.items():
        problem = "a column without a name" if not name else _problem(name) or _problem(value)
        if problem:
            raise UsageError(f"{place}, column {name.encode('utf-8', 'replace').decode()}: {problem}")
        # _problem has seen that it is one of these; bool() and the like take subclasses' extras off.
        assert value is None or isinstance(value, (str, bool, int, float))
        result[name] = value
    return result


def _problem(value: object) -> str | None:
    """Why a value cannot be kept; None when it can."""
    if value is None or isinstance(value, bool):
        return None
    if isinstance(value, int):
        return None if -(2**63) <= value < 2**63 else "a whole number that does not fit 64 bits"
    if isinstance(value, float):
        return None if math.isfinite(value) else f"{value} is not a number that can be compared"
    if isinstance(value, str):
        bad = next((c for c in value if c == "\0" or "\ud800" <= c <= "\udfff"), None)
        return f"the character U+{ord(bad):04X} is not allowed in text" if bad else None
    kinds: dict[type, str] = {list: "a list", dict: "an object"}
    kind = kinds.get(type(value), f"a value of type {type(value).__name__}")
    return f"{kind}; allowed are text, numbers, true and false"


# --- files -----------------------------------------------------------------------------------

_Record = tuple[str, Mapping[str, object]]
"""Place of a row and its values by column, the key among them."""


def read_rows(file: Path) -> list[Row]:
    """The rows of a metadata file; see `MetadataTable.read`."""
    records = read_records(file)
    key = _key_column(file, records)
    return [_row(file, place, values, key) for place, values in records]


def read_records(file: Path) -> list[_Record]:
    """The rows of a table of any of the kinds in SUFFIXES, each with its place, such as `line 3`.

    Raises:
        UsageError: the file cannot be read, or is not what its suffix says.
        MissingExtra: for Parquet without the extra `parquet`.
    """
    readers: dict[str, Callable[[Path], Iterable[_Record]]] = {
        ".csv": _read_csv,
        ".tsv": _read_csv,
        ".jsonl": _read_json_lines,
        ".json": _read_json,
        ".parquet": _read_parquet,
    }
    reader = readers.get(file.suffix.lower())
    if reader is None:
        raise UsageError(
            f"{file}: metadata is read from {', '.join(SUFFIXES)}, not from {file.suffix or 'this'}"
        )
    try:
        return list(reader(file))
    except OSError as error:
        raise UsageError(f"{file}: {error.strerror or error}") from error


def _key_column(file: Path, records: Sequence[_Record]) -> str:
    columns = dict.fromkeys(name for _, values in records for name in values)
    folded = {name.casefold(): name for name in reversed(columns)}
    key = next((folded[name] for name in KEYS if name in folded), None)
    if records and key is None:
        raise UsageError(
            f"{file}: no column names the pictures; call it path (or file, filename, image, id). "
            f"The columns are {', '.join(columns)}"
        )
    return key or KEYS[0]


def _row(file: Path, place: str, values: Mapping[str, object], key: str) -> Row:
    name = values.get(key)
    if key.casefold() == "id":
        if isinstance(name, bool) or not str(name).isdecimal():
            raise UsageError(f"{file}, {place}: column {key} must be a picture's number, got {name!r}")
        name = f"id:{int(str(name))}"
    elif not isinstance(name, str) or not name:
        raise UsageError(f"{file}, {place}: column {key} names no file")
    known = checked(values, f"{file}, {place}")
    return Row(name, {column: value for column, value in known.items() if column != key}, place)


def _text_of(file: Path) -> str:
    try:
        text = file.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"{file}: not UTF-8 text (byte {error.start}); save it as UTF-8") from error
    if not text.strip():
        raise UsageError(f"{file}: the file is empty")
    return text


# --- CSV and TSV -----------------------------------------------------------------------------


def _read_csv(file: Path) -> Iterator[_Record]:
    text = _text_of(file)
    delimiter = "\t" if file.suffix.lower() == ".tsv" else _delimiter(text)
    lines = _csv_lines(file, text, delimiter)
    _, header = next(lines)
    _check_header(file, header)
    rows = list(lines)
    for line, cells in rows:
        if len(cells) != len(header):
            raise UsageError(
                f"{file}, line {line}: {len(cells)} cells, but the header has {len(header)} columns"
            )
    by_column = [[cells[i] for _, cells in rows] for i in range(len(header))]
    columns = [
        cells if name.casefold() in FILE_KEYS else _typed(cells)  # a file may well be called 17
        for name, cells in zip(header, by_column, strict=True)
    ]
    for i, (line, _) in enumerate(rows):
        yield f"line {line}", {name: column[i] for name, column in zip(header, columns, strict=True)}


def _delimiter(text: str) -> str:
    """The one of comma, semicolon and tab that gives the header the most columns."""

    def columns(delimiter: str) -> int:
        return len(next(csv.reader(io.StringIO(text), delimiter=delimiter), ()))

    try:
        return max(",;\t", key=columns)
    except csv.Error:
        return ","  # the reader meets the error again and names its line


def _csv_lines(file: Path, text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Number of the first line and the cells of each row that is not blank."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    line = 1
    try:
        for cells in reader:
            if cells:
                yield line, cells
            line = reader.line_num + 1
    except csv.Error as error:
        raise UsageError(f"{file}, line {line}: {error}") from error


def _check_header(file: Path, header: Sequence[str]) -> None:
    for i, name in enumerate(header):
        if not name.strip():
            raise UsageError(f"{file}: column {i + 1} has no name in the header; name it or remove it")
        if name in header[:i]:
            raise UsageError(f"{file}: two columns are called {name}; rename one of them")


_WHOLE = re.compile(r"-?(?:0|[1-9][0-9]{0,18})")
_NUMBER = re.compile(r"-?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")


def _typed(cells: Sequence[str]) -> list[Scalar]:
    """The cells of one column, converted to the first type that fits all; empty ones are None."""
    for convert in (_truth, _whole, _number):
        values = [convert(cell.strip()) if cell else None for cell in cells]
        if all(value is not None or not cell for value, cell in zip(values, cells, strict=True)):
            return values
    return [cell or None for cell in cells]


def _truth(cell: str) -> Scalar:
    return {"true": True, "false": False}.get(cell.lower())


def _whole(cell: str) -> Scalar:
    value = int(cell) if _WHOLE.fullmatch(cell) else 2**63
    return value if -(2**63) <= value < 2**63 else None


def _number(cell: str) -> Scalar:
    value = float(cell) if _NUMBER.fullmatch(cell) else math.inf
    return value if math.isfinite(value) else None


# --- JSON ------------------------------------------------------------------------------------


def _read_json_lines(file: Path) -> Iterator[_Record]:
    for number, line in enumerate(_text_of(file).split("\n"), start=1):
        if line.strip():
            yield f"line {number}", _object(f"{file}, line {number}", _parsed(f"{file}, line {number}", line))


def _read_json(file: Path) -> Iterator[_Record]:
    rows = _parsed(str(file), _text_of(file))
    if not isinstance(rows, list):
        raise UsageError(f'{file}: not a list of objects; write [{{"path": …}}, …]')
    for number, row in enumerate(rows, start=1):
        yield f"row {number}", _object(f"{file}, row {number}", row)


def _parsed(place: str, text: str) -> object:
    def no_number(name: str) -> NoReturn:
        raise UsageError(f"{place}: {name} is not a number that can be compared")

    try:
        result: object = json.loads(text, parse_constant=no_number)
    except UsageError:
        raise
    except json.JSONDecodeError as error:
        raise UsageError(f"{place}: not JSON: {error}") from error
    except (ValueError, RecursionError) as error:  # a number of thousands of digits, deep nesting
        raise UsageError(f"{place}: not JSON that can be read: {error}") from error
    return result


def _object(place: str, row: object) -> Mapping[str, object]:
    if not isinstance(row, dict):
        raise UsageError(f'{place}: not an object; write {{"path": …}}')
    return row


# --- Parquet ---------------------------------------------------------------------------------


def _read_parquet(file: Path) -> Iterator[_Record]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise MissingExtra(f"{file}: to read Parquet, install lookalike[parquet]") from error
    with file.open("rb") as stream:  # so that a missing file is reported as for the other kinds
        try:
            table = pyarrow.parquet.ParquetFile(stream).read()
        except (pyarrow.ArrowException, OSError, ValueError) as error:
            raise UsageError(f"{file}: not a Parquet file that can be read: {error}") from error
    _check_header(file, table.column_names)
    numbers = itertools.count(1)
    for batch in table.to_batches(max_chunksize=10_000):
        for row in batch.to_pylist():
            yield f"row {next(numbers)}", {name: _plain(value) for name, value in row.items()}


def _plain(value: object) -> object:
    """Parquet's further types: dates as ISO text, decimals as floats, NaN (how pandas writes a
    missing number) as None; all others as they are."""
    if isinstance(value, float) and math.isnan(value):
        return None
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    return float(value) if isinstance(value, decimal.Decimal) else value


# --- writing ---------------------------------------------------------------------------------


def write_parquet(
    file: Path, columns: Mapping[str, str], parts: Iterable[tuple[Mapping[str, Sequence[Scalar]], object]]
) -> None:
    """Write a table part by part, each part's vectors as lists of fixed length.

    Args:
        file: is overwritten.
        columns: names and kinds (`number`, `text`, `truth`, `whole` or `mixed`, which becomes text).
        parts: the values by column, and a (n, d) float32 array, the column `vectors`.

    Raises:
        MissingExtra: without the extra `parquet`.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise MissingExtra('Parquet needs its extra: pip install "lookalike[parquet]"') from error
    kinds = {"number": pyarrow.float64(), "truth": pyarrow.bool_(), "whole": pyarrow.int64()}
    fields = [(name, kinds.get(kind, pyarrow.string())) for name, kind in columns.items()]
    writer = None
    try:
        for values, vectors in parts:
            length = vectors.shape[1]  # type: ignore[attr-defined]
            flat = pyarrow.array(vectors.reshape(-1))  # type: ignore[attr-defined]
            arrays = [_arrow(pyarrow, values[name], kind) for name, kind in fields]
            arrays.append(pyarrow.FixedSizeListArray.from_arrays(flat, length))
            batch = pyarrow.table(arrays, names=[*columns, "vectors"])
            writer = writer or pyarrow.parquet.ParquetWriter(file, batch.schema)
            writer.write_table(batch)
    finally:
        if writer:
            writer.close()


def _arrow(pyarrow: Any, values: Sequence[Scalar], kind: Any) -> Any:
    if kind == pyarrow.string():
        return pyarrow.array([None if value is None else str(value) for value in values], kind)
    return pyarrow.array(values, kind)
