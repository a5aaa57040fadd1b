"""Labels in doubt, as table, CSV and page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from lookalike.cli.outliers.showing import Listing
from lookalike.cli.outputs import Answer
from lookalike.cli.terminal import cell, many, plain_table, short_path, visible

if TYPE_CHECKING:
    from rich.table import Table

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
    listing = Listing(
        columns=COLUMNS,
        row=_row,
        table=partial(_table, found.column),
        sections=_sections,
        title=f"Labels in doubt: {found.column}",
        summary=_summary(found),
        empty="No label is in doubt.",
        file="labels.html",
        below="Below each picture those nearest to it, with their labels.",
        notes=[f"{many(found.unlabelled, 'picture')} without a label: not looked at."]
        if found.unlabelled
        else [],
    )
    shown = found.doubtful[:limit]
    return listing.answer(replace(found, doubtful=shown), shown, len(found.doubtful), to_see=to_see)


def _row(one: DoubtfulLabel) -> Sequence[Scalar]:
    near = one.neighbours[0]
    told = (one.label, one.suggested, one.score, one.share, one.own_share)
    return one.path, *told, near.path, near.label, near.similarity


def _table(column: str, some: Sequence[DoubtfulLabel]) -> Table:
    table = plain_table(
        ("score", "right"), (visible(column), "left"), ("neighbours say", "left"), ("path", "fold")
    )
    for one in some:
        own, said = f"{cell(one.label)} {one.own_share:.0%}", f"{cell(one.suggested)} {one.share:.0%}"
        table.add_row(f"{one.score:.2f}", own, said, short_path(one.path))
    return table


def _summary(found: DoubtfulLabels) -> str:
    """How many are in doubt."""
    pictures = f"{many(found.images, 'picture')} and {found.labels:,} labels of {visible(found.column)}"
    if not found.doubtful:
        return f"No label is in doubt, of {pictures}."
    verb = "is" if len(found.doubtful) == 1 else "are"
    return f"{many(len(found.doubtful), 'label')} {verb} in doubt, of {pictures}."


# --- the page -------------------------------------------------------------------------------


def _sections(some: Sequence[DoubtfulLabel]) -> list[Section]:
    """One section for each label, that with the highest score first."""
    from lookalike.reports import Section

    by_label: dict[tuple[type, Scalar], list[DoubtfulLabel]] = {}
    for one in some:  # by type, too: 1 and True are equal
        by_label.setdefault((type(one.label), one.label), []).append(one)
    return [
        Section(cell(label), [_shown(one) for one in labelled], _whole(label))
        for (_, label), labelled in by_label.items()
    ]


def _whole(label: Scalar) -> str:
    """A label that the heading cuts short."""
    return visible(label) if isinstance(label, str) and cell(label) != visible(label) else ""


def _shown(one: DoubtfulLabel) -> Any:
    from lookalike.reports import Shown

    note = f"{one.share:.0%} of the votes, {one.own_share:.0%} for {cell(one.label)}"
    near = [Shown(near.path, (cell(near.label),)) for near in one.neighbours]
    return Shown(one.path, (f"{one.score:.2f}", f"rather {cell(one.suggested)}"), note, beside=near)
