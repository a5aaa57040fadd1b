"""Labels in doubt, as table, CSV and page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from lookalike.cli.outliers.showing import MOST, SHOWN, echo_more, echo_next, introduction
from lookalike.cli.outputs import Answer, Page
from lookalike.cli.terminal import cell, console, many, plain_table, short_path, visible

if TYPE_CHECKING:
    from lookalike.reports import Section
    from lookalike.results import DoubtfulLabel, DoubtfulLabels, Scalar

COLUMNS = (
    "path",
    "label",
    "suggested",
    "score",
    "share",
    "own_share",
    "nearest",
    "nearest_label",
    "similarity",
)


def answer(found: DoubtfulLabels, limit: int | None, *, to_see: bool) -> Answer:
    """What was found, as it is shown.

    Args:
        found: all of it.
        limit: only the first ones are shown; None means all.
        to_see: say which option makes a page.
    """
    shown = replace(found, doubtful=found.doubtful[:limit])
    page = Page(
        f"Labels in doubt: {found.column}",
        partial(_sections, shown),
        introduction(
            _summary(found),
            "Below each picture those nearest to it, with their labels.",
            number=len(found.doubtful),
            limit=limit,
        ),
        empty="No label is in doubt.",
        most=MOST,
    )
    show = partial(_show, found, shown, to_see=to_see)
    return Answer(shown, show, COLUMNS, partial(_rows, shown), page)


def _rows(found: DoubtfulLabels) -> Iterator[Sequence[Scalar]]:
    """The table, a row for each picture."""
    for one in found.doubtful:
        near = one.neighbours[0]
        told = (one.label, one.suggested, one.score, one.share, one.own_share)
        yield one.path, *told, near.path, near.label, near.similarity


def _show(found: DoubtfulLabels, shown: DoubtfulLabels, *, to_see: bool) -> None:
    """The table, on the terminal."""
    out = console()
    if shown.doubtful:
        column = (visible(found.column), "left")
        table = plain_table(("score", "right"), column, ("neighbours say", "left"), ("path", "fold"))
        for one in shown.doubtful[:SHOWN]:
            said = f"{cell(one.suggested)} {one.share:.0%}"
            table.add_row(
                f"{one.score:.2f}", f"{cell(one.label)} {one.own_share:.0%}", said, short_path(one.path)
            )
        out.print(table)
        out.print()
    echo_more(len(shown.doubtful))
    click.echo(_summary(found))
    if found.unlabelled:
        click.echo(f"{many(found.unlabelled, 'picture')} without a label: not looked at.")
    echo_next(len(shown.doubtful), "--html labels.html", to_see=to_see)


def _summary(found: DoubtfulLabels) -> str:
    """How many are in doubt."""
    pictures = f"{many(found.images, 'picture')} and {found.labels:,} labels of {visible(found.column)}"
    if not found.doubtful:
        return f"No label is in doubt, of {pictures}."
    verb = "is" if len(found.doubtful) == 1 else "are"
    return f"{many(len(found.doubtful), 'label')} {verb} in doubt, of {pictures}."


# --- the page -------------------------------------------------------------------------------


def _sections(found: DoubtfulLabels) -> list[Section]:
    """One section for each label, that with the highest score first."""
    from lookalike.reports import Section

    by_label: dict[tuple[type, Scalar], list[DoubtfulLabel]] = {}
    for one in found.doubtful:  # by type, too: 1 and True are equal
        by_label.setdefault((type(one.label), one.label), []).append(one)
    return [
        Section(cell(label), [_shown(one) for one in some], _whole(label))
        for (_, label), some in by_label.items()
    ]


def _whole(label: Scalar) -> str:
    """A label that the heading cuts short."""
    return visible(label) if isinstance(label, str) and cell(label) != visible(label) else ""


def _shown(one: DoubtfulLabel) -> Any:
    from lookalike.reports import Shown

    note = f"{one.share:.0%} of the votes, {one.own_share:.0%} for {cell(one.label)}"
    near = [Shown(near.path, (cell(near.label),)) for near in one.neighbours]
    return Shown(one.path, (f"{one.score:.2f}", f"rather {cell(one.suggested)}"), note, beside=near)
