"""Where an answer goes besides the terminal: JSON, a table, a page with the pictures."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from lookalike.cli.options import json_option
from lookalike.cli.terminal import echo_json, stage_bar
from lookalike.progress import Stages

if TYPE_CHECKING:
    from lookalike.collection import Collection
    from lookalike.reports import Section
    from lookalike.results import Scalar

Command = TypeVar("Command", bound=Callable[..., Any])

PREVIEWS = ((500, 480), (2_000, 320), (sys.maxsize, 200))
"""How many pictures a page may have for previews of so many pixels: all of them are in the one file, at
about 33, 23 and 12 kB each."""


@dataclass(frozen=True, slots=True)
class Page:
    """The page of an answer.

    Attributes:
        title: its heading.
        sections: makes its sections, with all their pictures; only called when there is a page.
        intro: sentences below the heading.
        facts: what else to say at the top; the collection is said without.
        empty: what is said when there is no section.
        most: pictures shown of each section; None for the usual number.
    """

    title: str
    sections: Callable[[], Sequence[Section]]
    intro: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)
    empty: str = "There is nothing to show."
    most: int | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command found, in every form that it can be asked for.

    Attributes:
        found: what `--json` prints.
        show: prints it on the terminal otherwise.
        columns: of the table.
        rows: makes the table's rows; only called when there is one.
        page: the page.
    """

    found: Any
    show: Callable[[], None]
    columns: Sequence[str]
    rows: Callable[[], Iterable[Sequence[Scalar]]]
    page: Page


def deliver(
    answer: Answer, collection: Collection, *, csv: str | None, html: str | None, as_json: bool
) -> None:
    """Print an answer, and then write the files that were asked for: a page takes a while.

    Args:
        answer: what was found.
        collection: whose pictures the page shows.
        csv: the table's file, if any.
        html: the page's file, if any.
        as_json: print JSON.
    """
    if as_json:
        echo_json(answer.found)
    else:
        answer.show()
    if csv is not None:
        write_csv(csv, answer.columns, answer.rows())
    if html is not None:
        page = answer.page
        write_gallery(
            html,
            collection,
            page.title,
            page.sections(),
            facts=page.facts,
            intro=page.intro,
            empty=page.empty,
            most=page.most,
        )


def output_options(command: Command) -> Command:
    """`--json` as `as_json`, `--csv FILE` and `--html FILE`."""
    for decorator in (
        json_option,
        click.option("--html", metavar="FILE", help="Also write a page with the pictures."),
        click.option("--csv", metavar="FILE", help="Also write a table with a row for each picture."),
    ):
        command = decorator(command)
    return command


def check_outputs(*, html: str | None, csv: str | None = None, columns: Sequence[str] = ()) -> None:
    """Say at once that a file cannot be written, or is something else, not after an hour of work.

    Args:
        html: the page's file, if any.
        csv: the table's file, if any.
        columns: of the table: a file with other columns is never overwritten.

    Raises:
        UsageError: it cannot.
    """
    from lookalike import reports

    if html is not None:
        reports.check_page(Path(html))
    if csv is not None:
        reports.check_table(Path(csv), columns)


def write_csv(file: str, columns: Sequence[str], rows: Iterable[Sequence[Scalar]]) -> None:
    """Write the table that was asked for, and say so."""
    from lookalike import reports

    reports.write_table(Path(file), columns, rows)
    click.echo(f"Wrote {file}", err=True)


def write_gallery(
    file: str,
    collection: Collection,
    title: str,
    sections: Sequence[Section],
    *,
    facts: Mapping[str, str] | None = None,
    intro: str = "",
    empty: str = "There is nothing to show.",
    most: int | None = None,
    charts: Sequence[str] = (),
) -> None:
    """Write the page that was asked for, and say so.

    Args:
        file: where to.
        collection: whose pictures.
        title: the page's heading.
        sections: with all their pictures: only the first are shown, and the others counted.
        facts: what else to say at the top; the collection is said without.
        intro: a sentence below the heading.
        empty: what is said when there is no section.
        most: pictures shown of each section; None for the usual number.
        charts: figures at the top, as HTML.
    """
    from lookalike import reports
    from lookalike.reports import gallery

    shown = reports.bounded(sections, most or gallery.MOST)
    said = {"collection": os.path.abspath(collection.directory), **(facts or {})}
    with stage_bar() as progress:
        thumbnail = previews(collection, len(gallery.paths(shown)), progress)
        page = reports.picture_gallery(
            title, shown, thumbnail, facts=said, intro=intro, empty=empty, total=len(sections), charts=charts
        )
    reports.write_page(Path(file), page)
    click.echo(f"Wrote {file}", err=True)


def previews(collection: Collection, total: int, progress: Stages | None) -> Callable[[str], bytes | None]:
    """Makes the small pictures of a page, one after the other.

    Args:
        collection: whose pictures.
        total: how many there will be: the more, the smaller.
        progress: called with each.
    """
    side = next(side for most, side in PREVIEWS if total <= most)
    numbers = count(1)

    def preview(path: str) -> bytes | None:
        if progress:
            progress("making the page", next(numbers), total)
        return collection.thumbnail(path, side)

    return preview
