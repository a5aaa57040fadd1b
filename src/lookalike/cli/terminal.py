"""What the terminal shows: paths, tables, progress. Rich is loaded when it is needed."""

from __future__ import annotations

import json
import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from lookalike.progress import Attempts, Progress, Stages
from lookalike.results import Failure, as_json

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import TaskID
    from rich.table import Table

FAILURES_SHOWN = 10
GAP = 2  # blanks between the columns of a table
WIDEST_CELL = 40  # characters of a metadata value
# Rows are never cut where nobody can widen the window.
WIDTH_WITHOUT_TERMINAL = 160


@contextmanager
def told_warnings() -> Iterator[None]:
    """Tell what the library warns of in this block in a line of standard error, after it."""
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always", UserWarning)
        yield
    for warning in warned:
        click.echo(f"Warning: {warning.message}", err=True)


def console(*, err: bool = False) -> Console:
    """Rich's console for standard output or standard error."""
    from rich.console import Console

    stream = sys.stderr if err else sys.stdout
    width = None if stream.isatty() or "COLUMNS" in os.environ else WIDTH_WITHOUT_TERMINAL
    return Console(file=stream, width=width, highlight=False, soft_wrap=False, emoji=False, markup=False)


def plain_table(*columns: tuple[str, str]) -> Table:
    """A calm table without lines.

    Args:
        columns: (heading, kind): `left` and `right` stay on one line, `fold` goes on below where
            the window is narrow.
    """
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="dim")
    for heading, kind in columns:
        table.add_column(
            heading,
            justify="right" if kind == "right" else "left",
            overflow="fold" if kind == "fold" else "ellipsis",
            no_wrap=kind != "fold",
        )
    return table


def many(number: int, thing: str) -> str:
    """A number of things.

    >>> many(1, "picture"), many(1200, "picture")
    ('1 picture', '1,200 pictures')
    """
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"


def echo_json(result: object) -> None:
    """One line of JSON on standard output."""
    click.echo(json.dumps(as_json(result), ensure_ascii=False, allow_nan=False))


def short_path(path: str) -> str:
    """The path as seen from the current directory when it lies below it, fit to be shown."""
    here = os.path.join(os.getcwd(), "")
    return visible(path[len(here) :] if path.startswith(here) else path)


def visible(text: str) -> str:
    r"""The text with line breaks and other control characters written out, so that a strange
    file name cannot upset a table or a terminal.

    >>> visible("a\nb\x1b[31m.jpg")
    'a\\nb\\x1b[31m.jpg'
    """
    if text.isprintable():
        return text
    shown = (c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return "".join(shown)


def cell(value: Any) -> str:
    """A metadata value as a table shows it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = f"{value:g}" if isinstance(value, float) else visible(str(value))
    return text if len(text) <= WIDEST_CELL else text[: WIDEST_CELL - 1] + "…"


def echo_failures(failures: Sequence[Failure], more: str = "`lookalike info --failures` lists all") -> None:
    """List files that could not be used on standard error, the first few with their reasons.

    Args:
        failures: the files; nothing is said when there are none.
        more: where the others are listed.
    """
    if not failures:
        return
    click.echo(f"{many(len(failures), 'file')} could not be used:", err=True)
    for failure in failures[:FAILURES_SHOWN]:
        click.echo(f"  {short_path(failure.path)}: {failure.reason}", err=True)
    if len(failures) > FAILURES_SHOWN:
        click.echo(f"  … and {len(failures) - FAILURES_SHOWN:,} more: {more}", err=True)


@contextmanager
def progress_bar(total: int | None, word: str = "unusable") -> Iterator[Attempts | None]:
    """A progress bar on standard error while it is a terminal; None otherwise.

    Args:
        total: files in all, or None when that is not known.
        word: what the second number is that is reported, if any.
    """
    if not sys.stderr.isatty():
        yield None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[failed]}"), TimeRemainingColumn())
    with Bar(*columns, console=console(err=True), transient=True) as bar:
        task = bar.add_task("", total=total, failed="")

        def update(done: int, failed: int) -> None:
            bar.update(task, completed=done, failed=f"{failed} {word}" if failed else "")

        yield update


@contextmanager
def plain_bar(total: int | None = None) -> Iterator[Progress | None]:
    """The same for work of which nothing can fail."""
    with progress_bar(total) as update:
        yield None if update is None else lambda done, _: update(done, 0)


@contextmanager
def stage_bar() -> Iterator[Stages | None]:
    """A progress bar for work in stages on standard error while it is a terminal; None otherwise."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Bar(*columns, console=console(err=True), transient=True) as bar:
        tasks: dict[str, TaskID] = {}

        def update(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                for over in tasks.values():
                    bar.update(over, visible=False)
                tasks[stage] = bar.add_task(stage, total=None)
            bar.update(tasks[stage], completed=done, total=total or None)

        yield update
