"""Pictures that cover a collection, as table, CSV and page."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from lookalike.cli.outputs import Answer, Page
from lookalike.cli.terminal import console, many, plain_table, short_path

if TYPE_CHECKING:
    from lookalike.reports import Section
    from lookalike.results import Representatives, Scalar

COLUMNS = ("rank", "path", "covers", "reached")


def answer(found: Representatives, asked: int) -> Answer:
    """What was found, as it is shown.

    Args:
        found: the pictures.
        asked: how many there were to be.
    """
    most = len(found.representatives)
    page = Page("Representatives", partial(_sections, found), _covered(found), most=most)
    return Answer(found, partial(_show, found, asked=asked), COLUMNS, partial(_rows, found), page)


def _rows(found: Representatives) -> Iterator[tuple[Scalar, ...]]:
    """One row a representative."""
    for one in found.representatives:
        yield one.rank, one.path, one.covers, one.reached


def _show(found: Representatives, *, asked: int) -> None:
    """The pictures, and how well they cover the collection, on the terminal."""
    out = console()
    table = plain_table(("", "right"), ("covers", "right"), ("reached", "right"), ("path", "fold"))
    for one in found.representatives:
        table.add_row(str(one.rank), f"{one.covers:,}", f"{one.reached:.3f}", short_path(one.path))
    out.print(table)
    out.print()
    out.print(_covered(found), soft_wrap=True)
    if len(found.representatives) < asked:
        out.print("All others are the same as one of these.")


def _covered(found: Representatives) -> str:
    """How well representatives cover the collection, in a line."""
    return (
        f"{many(len(found.representatives), 'picture')} for {found.images:,}: every one has a similarity of "
        f"at least {found.similarity:.3f} to the nearest of them (coverage radius {found.radius:.3f})"
    )


def _sections(found: Representatives) -> list[Section]:
    """One section with all of them."""
    from lookalike.reports import Section, Shown

    shown = [Shown(one.path, badges=(f"covers {one.covers:,}",)) for one in found.representatives]
    return [Section("Pictures that cover all others", shown)]
