"""Pages and tables as files: written whole, and never over a file that is something else."""

from __future__ import annotations

import contextlib
import csv
import io
import os
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from lookalike.errors import LookalikeError, UsageError
from lookalike.results import Scalar

# --- pages ----------------------------------------------------------------------------------

MARK = '<meta name="generator" content="lookalike">'
"""What pages of ours have near their beginning: only these are ever replaced."""

ENDINGS = (".html", ".htm")


def write_page(file: Path, page: str) -> None:
    """Write a page so that the file is at every moment either the old one or the new one, whole.

    Raises:
        UsageError: there is a file already that is no page of ours; one slip, and it would be a picture.
        LookalikeError: the file cannot be written.
    """
    _write(file, _encoded(page), "page", check_page)


def check_page(file: Path) -> None:
    """Refuse a place where no page can be written, before the work that leads to it.

    Raises:
        UsageError: it is a folder, in no folder, is not called like a page, or is a file that is no
            page of ours.
    """
    _check_place(file)
    if file.suffix.lower() not in ENDINGS:
        raise UsageError(f"{file}: a page ends in .html; choose another name for the page")
    if file.is_file() and not _has(file, MARK):
        raise UsageError(f"{file} exists and lookalike did not make it: choose another name for the page")


# --- tables ---------------------------------------------------------------------------------


def write_table(file: Path, columns: Sequence[str], rows: Iterable[Sequence[Scalar]]) -> None:
    """Write a table as CSV in UTF-8, whole or not at all.

    Truths are `true` and `false`, and None is empty. Text that a spreadsheet would take for a
    formula gets an apostrophe before it, as OWASP's page on CSV injection advises: names and labels
    often come from elsewhere. Bytes of file names that are no UTF-8 stay as they are.

    Args:
        file: where to; a table with the same columns is replaced.
        columns: their names.
        rows: of each as many values as there are columns.

    Raises:
        UsageError: there is a file already that is no table with these columns.
        LookalikeError: the file cannot be written.
    """
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(columns)
    lines.writerows([cell(value) for value in row] for row in rows)
    _write(file, _encoded(text.getvalue()), "table", lambda file: check_table(file, columns))


def check_table(file: Path, columns: Sequence[str]) -> None:
    """Refuse a place where no such table can be written, before the work that leads to it.

    Raises:
        UsageError: it is a folder, in no folder, or a file that is no table with these columns.
    """
    _check_place(file)
    heading = ",".join(columns).encode()
    if file.is_file() and not _begins(file, heading + b"\n", heading + b"\r\n"):
        raise UsageError(
            f"{file} exists and is no table with the columns {', '.join(columns)}: "
            f"choose another name for the table"
        )


def cell(value: Scalar) -> str:
    """A value as a table has it.

    >>> cell("red"), cell(True), cell(None), cell(-0.5), cell("=1+1"), cell("-")
    ('red', 'true', '', '-0.5', "'=1+1", "'-")
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else str(value)


_FORMULA = ("=", "+", "-", "@", "\t", "\r")


# --- figures --------------------------------------------------------------------------------

FIGURE_MARK = "lookalike map"
"""What stands within the first bytes of figures that may be replaced."""


def write_figure(file: Path, figure: bytes) -> None:
    """Write a figure, whole or not at all.

    Args:
        file: where to; a figure of ours is replaced.
        figure: a picture's bytes, with `FIGURE_MARK` among the first.

    Raises:
        UsageError: there is a file already that is no figure of ours.
        LookalikeError: the file cannot be written.
    """
    _write(file, figure, "figure", check_figure)


def check_figure(file: Path) -> None:
    """Refuse a place where no figure can be written, before the work that leads to it.

    Raises:
        UsageError: it is a folder, in no folder, or a file that is no figure of ours.
    """
    _check_place(file)
    if file.is_file() and not _has(file, FIGURE_MARK):
        raise UsageError(f"{file} exists and lookalike did not draw it: choose another name for the figure")


# --- all -----------------------------------------------------------------------------------


def _check_place(file: Path) -> None:
    if file.is_dir() or not file.absolute().parent.is_dir():
        raise UsageError(f"{file} cannot be written: choose a file in a folder that exists")


def _has(file: Path, mark: str) -> bool:
    """Whether a file has a mark of ours near its beginning; an empty one has nothing to lose."""
    with file.open("rb") as handle:
        start = handle.read(1000)
    return not start or mark.encode() in start


def _begins(file: Path, *beginnings: bytes) -> bool:
    """Whether a file starts like one of ours; an empty one has nothing to lose."""
    with file.open("rb") as handle:
        start = handle.read(1000).lstrip().lower()
    return not start or start.startswith(tuple(beginning.lower() for beginning in beginnings))


def _encoded(text: str) -> bytes:
    """Bytes of file names that are no UTF-8 stay as they are."""
    return text.encode("utf-8", errors="surrogateescape")


def _write(file: Path, data: bytes, what: str, check: Callable[[Path], None]) -> None:
    temporary = None
    try:
        check(file)
        with tempfile.NamedTemporaryFile(
            dir=file.parent, prefix=".", suffix=file.suffix, delete=False
        ) as handle:
            temporary = handle.name
            handle.write(data)
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, file)
    except OSError as error:
        if temporary:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
        reason = error.strerror or str(error)
        raise LookalikeError(
            f"cannot write the {what} {file}: {reason}; choose a file in a folder you can write to"
        ) from error


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
