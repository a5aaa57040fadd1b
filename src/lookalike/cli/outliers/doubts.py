"""Labels in doubt, as table, CSV and page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from lookalike.cli.outliers.odd import MOST, SHOWN, echo_more, echo_next
from lookalike.cli.terminal import Stages, cell, console, many, plain_table, short_path, visible

if TYPE_CHECKING:
    from lookalike.collection import Collection
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


def find(
    pictures: Collection,
    column: str,
    where: str | None,
    threshold: float | None,
    _threads: int | None,
    progress: Stages | None,
) -> DoubtfulLabels:
    """Ask the collection."""
    more = {} if threshold is None else {"threshold": threshold}
    return pictures.doubtful_labels(column, where=where, progress=progress, **more)


def first(found: DoubtfulLabels, limit: int | None) -> DoubtfulLabels:
    """The first ones."""
    return replace(found, doubtful=found.doubtful[:limit])


def count(found: DoubtfulLabels) -> int:
    """How many there are."""
    return len(found.doubtful)


def rows(found: DoubtfulLabels) -> Iterator[Sequence[Scalar]]:
    """The table, a row for each picture."""
    for one in found.doubtful:
        near = one.neighbours[0]
        told = (one.label, one.suggested, one.score, one.share, one.own_share)
        yield one.path, *told, near.path, near.label, near.similarity


def show(found: DoubtfulLabels, shown: DoubtfulLabels, *, to_see: bool) -> None:
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
    click.echo(summary(found))
    if found.unlabelled:
        click.echo(f"{many(found.unlabelled, 'picture')} without a label: not looked at.")
    echo_next(len(shown.doubtful), "--html labels.html", to_see=to_see)


def summary(found: DoubtfulLabels) -> str:
    """How many are in doubt."""
    pictures = f"{many(found.images, 'picture')} and {found.labels:,} labels of {visible(found.column)}"
    if not found.doubtful:
        return f"No label is in doubt, of {pictures}."
    verb = "is" if len(found.doubtful) == 1 else "are"
    return f"{many(len(found.doubtful), 'label')} {verb} in doubt, of {pictures}."


# --- the page -------------------------------------------------------------------------------


def title(found: DoubtfulLabels) -> str:
    """The page's heading."""
    return f"Labels in doubt: {found.column}"


def page(found: DoubtfulLabels) -> dict[str, Any]:
    """What else the page says."""
    intro = f"{summary(found)} Below each picture those nearest to it, with their labels."
    return {"intro": intro, "empty": "No label is in doubt.", "most": MOST}


def sections(found: DoubtfulLabels) -> list[Section]:
    """One section for each label, that with the highest score first."""
    from lookalike.reports import Section

    by_label: dict[str, list[DoubtfulLabel]] = {}
    for one in found.doubtful:
        by_label.setdefault(cell(one.label), []).append(one)
    return [Section(label, [_shown(one) for one in some]) for label, some in by_label.items()]


def _shown(one: DoubtfulLabel) -> Any:
    from lookalike.reports import Shown

    note = f"{one.share:.0%} of the votes, {one.own_share:.0%} for {cell(one.label)}"
    near = [Shown(near.path, (cell(near.label),)) for near in one.neighbours]
    return Shown(one.path, (f"{one.score:.2f}", f"rather {cell(one.suggested)}"), note, beside=near)
