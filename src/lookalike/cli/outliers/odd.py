"""Pictures that stand out, as table, CSV and page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from lookalike.cli.outliers.showing import MOST, SHOWN, echo_more, echo_next, introduction
from lookalike.cli.outputs import Answer, Page
from lookalike.cli.terminal import console, echo_failures, many, plain_table, short_path

if TYPE_CHECKING:
    from lookalike.reports import Section
    from lookalike.results import Outlier, Outliers, Scalar

COLUMNS = ("path", "score", "reason", "detail", "isolation", "nearest", "similarity")


def answer(found: Outliers, limit: int | None, *, to_see: bool) -> Answer:
    """What was found, as it is shown.

    Args:
        found: all of it.
        limit: only the first ones are shown; None means all.
        to_see: say which option makes a page.
    """
    shown = replace(found, outliers=found.outliers[:limit])
    page = Page(
        "Outliers",
        partial(_sections, shown),
        introduction(_summary(found), number=len(found.outliers), limit=limit),
        {"not counted": ", ".join(found.usual)} if found.usual else {},
        "Nothing stands out.",
        MOST,
    )
    show = partial(_show, found, shown, to_see=to_see)
    return Answer(shown, show, COLUMNS, partial(_rows, shown), page)


def _rows(found: Outliers) -> Iterator[Sequence[Scalar]]:
    """The table, a row for each picture."""
    for one in found.outliers:
        near = one.neighbours[0] if one.neighbours else None
        nearest = (near.path, near.similarity) if near else (None, None)
        yield one.path, one.score, one.reason, one.reasons[0].detail, one.isolation, *nearest


def _show(found: Outliers, shown: Outliers, *, to_see: bool) -> None:
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
    click.echo(_summary(found))
    if found.usual:
        click.echo(f"Not counted, since more than a tenth of the pictures are so: {', '.join(found.usual)}.")
    echo_next(len(shown.outliers), "--html outliers.html", to_see=to_see)


def _summary(found: Outliers) -> str:
    """How many stand out of how many."""
    among = f"among {many(found.images, 'picture')}"
    if not found.outliers:
        return f"Nothing stands out {among}. --threshold 0.3 shows what comes nearest to it."
    return f"{many(len(found.outliers), 'outlier')} {among}."


# --- the page -------------------------------------------------------------------------------


def _sections(found: Outliers) -> list[Section]:
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
