"""Undoing a journal: everything back to where it was, the last step first."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from typing import Any

from lookalike.duplicates import restoring
from lookalike.duplicates.journal import Journal, Note, Step, read
from lookalike.duplicates.moving import reason_of
from lookalike.errors import CollectionBusy, CollectionError, LookalikeError, PictureError
from lookalike.results import Failure, UndoReport

Revert = Callable[[Mapping[str, Any]], None]
"""Undoes a note of the journal, given its payload. It may be called again for the same note, when undoing
was interrupted; a LookalikeError that it raises leaves the note for the next time."""


def undo(journal: str | os.PathLike[str], *, revert: Mapping[str, Revert] | None = None) -> UndoReport:
    """Bring back what a journal says was taken.

    It works after a crash at any moment, also one while undoing, and may be called again: what is back is
    left alone, and what could not be brought back is tried once more.

    Args:
        journal: the file that `apply` named.
        revert: for each kind of note in it, such as `metadata`, what undoes one.

    Returns:
        What was brought back by this call, and what could not be: a file is never overwritten, and
        comes back only with the bytes it had. Both are empty when nothing is left to do.

    Raises:
        UsageError: there is no such journal.
        CollectionBusy: another process is working with it.
    """
    known = read(journal)
    with _for_writing(journal) as marks:
        record = read(journal) if marks else known
        damaged = "cannot be understood; what it says was not undone"
        skipped = [Failure(os.fspath(journal), f"line {line} {damaged}") for line in record.damaged]
        restored: list[str] = []
        for step in reversed(record.left):
            try:
                back = _undone(step, revert or {})
            except (OSError, LookalikeError) as error:
                skipped.append(_failure(step, error, journal))
                continue
            if back:
                restored.append(back)
            _mark(marks, step)
    return UndoReport(tuple(restored), tuple(skipped))


def _for_writing(journal: str | os.PathLike[str]) -> Journal | nullcontext[None]:
    """The journal, to mark what is undone; None when it cannot be written: a full disk or a read-only
    folder keeps nothing from coming back."""
    try:
        return Journal.reopen(journal)
    except CollectionBusy:
        raise
    except CollectionError:
        return nullcontext()


def _undone(step: Step | Note, revert: Mapping[str, Revert]) -> str | None:
    """Undo one step; gives the path that is back by it, if one is."""
    if isinstance(step, Step):
        return step.path if restoring.bring_back(step) else None
    if step.kind not in revert:
        raise PictureError(f"nobody here knows how to undo {step.kind!r}")
    revert[step.kind](step.payload)
    return None


def _failure(step: Step | Note, error: OSError | LookalikeError, journal: str | os.PathLike[str]) -> Failure:
    reason = reason_of(error) if isinstance(error, (OSError, PictureError)) else str(error)
    if isinstance(step, Step):
        return Failure(step.path, reason)
    return Failure(os.fspath(journal), f"step {step.number}, {step.kind}: {reason}")


def _mark(journal: Journal | None, step: Step | Note) -> None:
    """Write down that a step is undone. Where that cannot be written, the next time finds it out."""
    if journal:
        try:
            journal.undone(step.number)
        except CollectionError:
            return
