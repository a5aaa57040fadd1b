"""Pictures that splits share, as table, CSV and page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lookalike.cli.outliers.showing import Listing
from lookalike.cli.outputs import Answer
from lookalike.cli.terminal import many, plain_table, short_path, visible

if TYPE_CHECKING:
    from rich.table import Table

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
    listing = Listing(
        columns=COLUMNS,
        row=_row,
        table=_table,
        sections=_sections,
        title=f"Leaks between splits: {found.column}",
        summary=_summary(found),
        empty="No picture is shared by two splits.",
        file="leaks.html",
        below="Below each picture its copy in the larger split.",
        notes=[f"{many(found.unsplit, 'picture')} in no split: not looked at."] if found.unsplit else [],
        failed=found.failed,
    )
    shown = found.leaks[:limit]
    return listing.answer(replace(found, leaks=shown), shown, len(found.leaks), to_see=to_see)


def _row(one: Leak) -> Sequence[Scalar]:
    return one.path, one.split, one.other, one.other_split, one.kind, one.probability, one.similarity


def _table(some: Sequence[Leak]) -> Table:
    from lookalike.reports.details import sure

    table = plain_table(("kind", "left"), ("sure", "right"), ("picture", "fold"), ("is also in", "fold"))
    for one in some:
        picture = f"{visible(one.split)}: {short_path(one.path)}"
        other = f"{visible(one.other_split)}: {short_path(one.other)}"
        table.add_row(one.kind, sure(one.probability), picture, other)
    return table


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


def _sections(some: Sequence[Leak]) -> list[Section]:
    """One section for each kind of copy, the surest first."""
    from lookalike.reports import Section
    from lookalike.reports.review import KINDS

    by_kind: dict[str, list[Leak]] = {}
    for one in some:
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
