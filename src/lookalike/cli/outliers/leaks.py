"""Pictures that splits share, as table, CSV and page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from lookalike.cli.outliers.showing import MOST, SHOWN, echo_more, echo_next, introduction
from lookalike.cli.outputs import Answer, Page
from lookalike.cli.terminal import console, echo_failures, many, plain_table, short_path, visible

if TYPE_CHECKING:
    from lookalike.reports import Section
    from lookalike.results import Leak, Leaks, Scalar

COLUMNS = ("path", "split", "other", "other_split", "kind", "probability", "similarity")


def answer(found: Leaks, limit: int | None, *, to_see: bool) -> Answer:
    """What was found, as it is shown.

    Args:
        found: all of it.
        limit: only the first ones are shown; None means all.
        to_see: say which option makes a page.
    """
    shown = replace(found, leaks=found.leaks[:limit])
    page = Page(
        f"Leaks between splits: {found.column}",
        partial(_sections, shown),
        introduction(
            _summary(found),
            "Below each picture its copy in the larger split.",
            number=len(found.leaks),
            limit=limit,
        ),
        empty="No picture is shared by two splits.",
        most=MOST,
    )
    show = partial(_show, found, shown, to_see=to_see)
    return Answer(shown, show, COLUMNS, partial(_rows, shown), page)


def _rows(found: Leaks) -> Iterator[Sequence[Scalar]]:
    """The table, a row for each picture."""
    for one in found.leaks:
        found_as = (one.kind, one.probability, one.similarity)
        yield one.path, one.split, one.other, one.other_split, *found_as


def _show(found: Leaks, shown: Leaks, *, to_see: bool) -> None:
    """The table, on the terminal."""
    from lookalike.reports.details import sure

    out = console()
    if shown.leaks:
        table = plain_table(("kind", "left"), ("sure", "right"), ("picture", "fold"), ("is also in", "fold"))
        for one in shown.leaks[:SHOWN]:
            picture = f"{visible(one.split)}: {short_path(one.path)}"
            other = f"{visible(one.other_split)}: {short_path(one.other)}"
            table.add_row(one.kind, sure(one.probability), picture, other)
        out.print(table)
        out.print()
    echo_more(len(shown.leaks))
    echo_failures(found.failed, more="--json lists all")
    click.echo(_summary(found))
    if found.unsplit:
        click.echo(f"{many(found.unsplit, 'picture')} in no split: not looked at.")
    echo_next(len(shown.leaks), "--html leaks.html", to_see=to_see)


def _summary(found: Leaks) -> str:
    """How many leak between which splits."""
    splits = ", ".join(f"{visible(name)} {size:,}" for name, size in found.splits.items())
    where = f"{visible(found.column)}: {splits}"
    number = len({one.path for one in found.leaks})
    if not number:
        return f"No picture is shared by two splits ({where})."
    verb = "is a copy of one" if number == 1 else "are copies of ones"
    return f"{many(number, 'picture')} {verb} in a larger split ({where})."


# --- the page -------------------------------------------------------------------------------


def _sections(found: Leaks) -> list[Section]:
    """One section for each kind of copy, the surest first."""
    from lookalike.reports import Section
    from lookalike.reports.review import KINDS

    by_kind: dict[str, list[Leak]] = {}
    for one in found.leaks:
        by_kind.setdefault(one.kind, []).append(one)
    return [
        Section(name, [_shown(one) for one in by_kind[kind]], f"{meaning[:1].upper()}{meaning[1:]}.")
        for kind, (name, meaning) in KINDS.items()
        if kind in by_kind
    ]


def _shown(one: Leak) -> Any:
    from lookalike.reports import Shown
    from lookalike.reports.details import sure

    other = Shown(one.other, (one.other_split,))
    return Shown(one.path, (one.split, f"{sure(one.probability)} sure"), beside=[other])
