"""Bring the rows of a gallery in step with the files that a plan removed, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lookalike.duplicates.journal import Journal
from lookalike.duplicates.plan import Plan
from lookalike.gallery.base import Gallery, Picture, Writing
from lookalike.results import ApplyReport


def follow(
    gallery: Gallery, writing: Writing, planned: Plan, report: ApplyReport, *, merge: bool, hardlink: bool
) -> None:
    """Mark what was removed as missing.

    Args:
        gallery: whose rows.
        writing: the right to write them.
        planned: the plan.
        report: what applying it did.
        merge: first give what is known about removed pictures to those kept; the journal says so.
        hardlink: the files are still there, as links.
    """
    gone = {applied.path for applied in report.applied}
    rows = gallery.at_paths([*gone, *(group.keep.path for group in planned.groups)])
    if merge:
        _merge(planned, gone, rows, writing, str(report.journal))
    if not hardlink:
        writing.mark_missing([row.id for path, row in rows.items() if path in gone])


def _merge(
    planned: Plan, gone: set[str], rows: Mapping[str, Picture], writing: Writing, journal: str
) -> None:
    with Journal.reopen(journal) as lines:
        for group in planned.groups:
            kept = rows.get(group.keep.path)
            if kept is None:
                continue
            taken = [rows[copy.path] for copy in group.copies if copy.path in gone & rows.keys()]
            before, after = dict(kept.metadata), _merged([kept, *taken])
            if after != before:
                note = lines.note("metadata", {"path": kept.path, "before": before, "after": after})
                writing.set_metadata([(kept.id, after)])
                lines.done(note.number)


def revert_metadata(gallery: Gallery, note: Mapping[str, Any]) -> None:
    """Undo what `follow` noted about one picture's metadata, unless they have changed since."""
    row = gallery.at_path(note["path"])
    if row is not None and dict(row.metadata) == note["after"]:
        with gallery.writing() as writing:
            writing.set_metadata([(row.id, note["before"])])


def _merged(pictures: Sequence[Picture]) -> dict[str, Any]:
    """What is known about several pictures; the first one that says something about a column counts."""
    merged: dict[str, Any] = {}
    for picture in pictures:
        for column, value in picture.metadata.items():
            if merged.get(column) is None:
                merged[column] = value
    return merged
