"""Pictures that splits share, as table, CSV and page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from lookalike.cli.outliers.odd import MOST, SHOWN, echo_more, echo_next
from lookalike.cli.terminal import Stages, console, echo_failures, many, plain_table, short_path, visible

if TYPE_CHECKING:
    from lookalike.collection import Collection
    from lookalike.reports import Section
    from lookalike.results import Leak, Leaks, Scalar

COLUMNS = ("path", "split", "other", "other_split", "kind", "probability", "similarity")


def find(
    pictures: Collection,
    column: str,
    where: str | None,
    threshold: float | None,
    threads: int | None,
    progress: Stages | None,
) -> Leaks:
    """Ask the collection."""
    more = {} if threshold is None else {"precision": threshold}
    return pictures.leaks(column, where=where, threads=threads, progress=progress, **more)


def first(found: Leaks, limit: int | None) -> Leaks:
    """The first ones."""
    return replace(found, leaks=found.leaks[:limit])


def count(found: Leaks) -> int:
    """How many there are."""
    return len(found.leaks)


def rows(found: Leaks) -> Iterator[Sequence[Scalar]]:
    """The table, a row for each picture."""
    for one in found.leaks:
        found_as = (one.kind, one.probability, one.similarity)
        yield one.path, one.split, one.other, one.other_split, *found_as


def show(found: Leaks, shown: Leaks, *, to_see: bool) -> None:
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
    click.echo(summary(found))
    if found.unsplit:
        click.echo(f"{many(found.unsplit, 'picture')} in no split: not looked at.")
    echo_next(len(shown.leaks), "--html leaks.html", to_see=to_see)


def summary(found: Leaks) -> str:
    """How many leak between which splits."""
    splits = ", ".join(f"{visible(name)} {size:,}" for name, size in found.splits.items())
    where = f"{visible(found.column)}: {splits}"
    number = len({one.path for one in found.leaks})
    if not number:
        return f"No picture is shared by two splits ({where})."
    verb = "is a copy of one" if number == 1 else "are copies of ones"
    return f"{many(number, 'picture')} {verb} in a larger split ({where})."


# --- the page -------------------------------------------------------------------------------


def title(found: Leaks) -> str:
    """The page's heading."""
    return f"Leaks between splits: {found.column}"


def page(found: Leaks) -> dict[str, Any]:
    """What else the page says."""
    intro = f"{summary(found)} Below each picture its copy in the larger split."
    return {"intro": intro, "empty": "No picture is shared by two splits.", "most": MOST}


def sections(found: Leaks) -> list[Section]:
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
