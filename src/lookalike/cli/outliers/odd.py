"""Pictures that stand out, as table, CSV and page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lookalike.cli.outliers.showing import Listing
from lookalike.cli.outputs import Answer
from lookalike.cli.terminal import many, plain_table, short_path

if TYPE_CHECKING:
    from rich.table import Table

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
    usual = ", ".join(found.usual)
    listing = Listing(
        columns=COLUMNS,
        row=_row,
        table=_table,
        sections=_sections,
        title="Outliers",
        summary=_summary(found),
        empty="Nothing stands out.",
        file="outliers.html",
        facts={"not counted": usual} if usual else {},
        notes=[f"Not counted, since more than a tenth of the pictures are so: {usual}."] if usual else [],
        failed=found.failed,
    )
    shown = found.outliers[:limit]
    return listing.answer(replace(found, outliers=shown), shown, len(found.outliers), to_see=to_see)


def _row(one: Outlier) -> Sequence[Scalar]:
    near = one.neighbours[0] if one.neighbours else None
    nearest = (near.path, near.similarity) if near else (None, None)
    return one.path, one.score, one.reason, one.reasons[0].detail, one.isolation, *nearest


def _table(some: Sequence[Outlier]) -> Table:
    table = plain_table(("score", "right"), ("reason", "left"), ("path", "fold"), ("", "fold"))
    for one in some:
        detail = "; ".join([one.reasons[0].detail, *(reason.name for reason in one.reasons[1:])])
        table.add_row(f"{one.score:.2f}", one.reason, short_path(one.path), detail)
    return table


def _summary(found: Outliers) -> str:
    """How many stand out of how many."""
    among = f"among {many(found.images, 'picture')}"
    if not found.outliers:
        return f"Nothing stands out {among}. --threshold 0.3 shows what comes nearest to it."
    return f"{many(len(found.outliers), 'outlier')} {among}."


# --- the page -------------------------------------------------------------------------------


def _sections(some: Sequence[Outlier]) -> list[Section]:
    """One section for each reason, that with the highest score first."""
    from lookalike.reports import Section

    by_reason: dict[str, list[Outlier]] = {}
    for one in some:
        by_reason.setdefault(one.reason, []).append(one)
    return [
        Section(reason[:1].upper() + reason[1:], [_shown(one) for one in these], MEANINGS.get(reason, ""))
        for reason, these in by_reason.items()
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
