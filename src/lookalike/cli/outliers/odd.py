"""Pictures that stand out, as table, CSV and page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from lookalike.cli.terminal import Stages, console, echo_failures, many, plain_table, short_path

if TYPE_CHECKING:
    from lookalike.collection import Collection
    from lookalike.reports import Section
    from lookalike.results import Outlier, Outliers, Scalar

COLUMNS = ("path", "score", "reason", "detail", "isolation", "nearest", "similarity")
SHOWN = 20
"""Rows that a table has at most."""

MOST = 60
"""Pictures of a section that a page shows."""


def find(
    pictures: Collection,
    _column: str | None,
    where: str | None,
    threshold: float | None,
    threads: int | None,
    progress: Stages | None,
) -> Outliers:
    """Ask the collection."""
    more = {} if threshold is None else {"threshold": threshold}
    return pictures.outliers(where=where, threads=threads, progress=progress, **more)


def first(found: Outliers, limit: int | None) -> Outliers:
    """The first ones."""
    return replace(found, outliers=found.outliers[:limit])


def count(found: Outliers) -> int:
    """How many there are."""
    return len(found.outliers)


def rows(found: Outliers) -> Iterator[Sequence[Scalar]]:
    """The table, a row for each picture."""
    for one in found.outliers:
        near = one.neighbours[0] if one.neighbours else None
        nearest = (near.path, near.similarity) if near else (None, None)
        yield one.path, one.score, one.reason, one.reasons[0].detail, one.isolation, *nearest


def show(found: Outliers, shown: Outliers, *, to_see: bool) -> None:
    """The table, on the terminal."""
    out = console()
    if shown.outliers:
        table = plain_table(("score", "right"), ("reason", "left"), ("path", "fold"), ("", "fold"))
        for one in shown.outliers[:SHOWN]:
            more = [reason.name for reason in one.reasons[1:]]
            detail = "; ".join([one.reasons[0].detail, *more])
            table.add_row(f"{one.score:.2f}", one.reason, short_path(one.path), detail)
        out.print(table)
        out.print()
    echo_more(len(shown.outliers))
    echo_failures(found.failed, more="--json lists all")
    click.echo(summary(found))
    if found.usual:
        click.echo(f"Not counted, since more than a tenth of the pictures are so: {', '.join(found.usual)}.")
    echo_next(len(shown.outliers), "--html outliers.html", to_see=to_see)


def summary(found: Outliers) -> str:
    """How many stand out of how many."""
    among = f"among {many(found.images, 'picture')}"
    if not found.outliers:
        return f"Nothing stands out {among}. --threshold 0.3 shows what comes nearest to it."
    return f"{many(len(found.outliers), 'outlier')} {among}."


def echo_more(number: int) -> None:
    """Say that there are more than the table shows."""
    if number > SHOWN:
        console().print(f"… and {number - SHOWN:,} more: --html, --csv or --json has all\n")


def echo_next(number: int, option: str, *, to_see: bool) -> None:
    """Say how to look at them."""
    if number and to_see:
        click.echo(f"To look at them, add\n  {option}")


# --- the page -------------------------------------------------------------------------------


def title(_found: Outliers) -> str:
    """The page's heading."""
    return "Outliers"


def page(found: Outliers) -> dict[str, Any]:
    """What else the page says."""
    facts = {"not counted": ", ".join(found.usual)} if found.usual else {}
    return {"intro": summary(found), "facts": facts, "empty": "Nothing stands out.", "most": MOST}


def sections(found: Outliers) -> list[Section]:
    """One section for each reason, that with the highest score first."""
    from lookalike.reports import Section

    by_reason: dict[str, list[Outlier]] = {}
    for one in found.outliers:
        by_reason.setdefault(one.reason, []).append(one)
    return [
        Section(reason[:1].upper() + reason[1:], [_shown(one) for one in some], MEANINGS.get(reason, ""))
        for reason, some in by_reason.items()
    ]


MEANINGS = {
    "isolated": "Far from everything: below each picture those that come nearest to it.",
    "nearly blank": "All of one tone, but for noise.",
    "very dark": "Hardly any of it can be seen.",
    "very bright": "Hardly any of it can be seen.",
    "blurred": "Out of focus, moved, or enlarged.",
    "tiny": "Too few pixels to say what is on it.",
    "odd aspect": "A strip: pictures are looked at as squares, so little is seen of it.",
    "cut off": "The file ends early, and with it the picture.",
}


def _shown(one: Outlier) -> Any:
    from lookalike.reports import Shown

    near = [Shown(near.path, (f"{near.similarity:.2f}",)) for near in one.neighbours]
    others = [reason.name for reason in one.reasons[1:]]
    beside = near if one.reason == "isolated" else []
    return Shown(one.path, (f"{one.score:.2f}", *others), one.reasons[0].detail, beside=beside)
