"""Bringing one file back to where a step took it from, whatever had been done of the step.

Where files can be, for a step that was begun:

| place | what is there |
|---|---|
| `path` | the file itself, before the step and after undoing it; or the hard link |
| `to` | the file, after it was moved |
| `aside` | the file, while it is copied to another file system or replaced by a link |
| `copy` | a copy on its way back, perhaps unfinished |
| `link` | a hard link that makes room for the copy |
| `part` | a copy on its way to the quarantine, perhaps unfinished |

What has the right bytes is told by reading it, never by what should have happened.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import suppress

from lookalike.duplicates import trash
from lookalike.duplicates.journal import Step
from lookalike.duplicates.moving import (
    Seen,
    copy,
    discard,
    identity,
    move,
    set_times,
    sync_folder,
    try_to_look,
)
from lookalike.errors import PictureError
from lookalike.files import printable


def bring_back(step: Step) -> bool:
    """Undo a step, so that the file is where it was, with its bytes, time and permissions.

    Returns:
        False when it was there already, or nothing had been done.

    Raises:
        PictureError: something else is there now, or the file cannot be found.
        OSError: it could not be moved; it is still where it was found.
    """
    here = try_to_look(step.path)
    if here is None or here.sha256 != step.sha256:
        if os.path.lexists(step.path):
            return _taken(step)
        _return(step)
    elif step.kind == "hardlink" and here.inode != step.inode:
        _separate(step, here)
    else:
        _tidy(step)
        return False
    _tidy(step)
    return True


def _taken(step: Step) -> bool:
    """Something else is where the file was. That is an error, unless the step never happened."""
    place = next(_places(step), None)
    if place is None and not step.done:
        return False
    where = f"; the picture is at {printable(place)}" if place else ""
    raise PictureError(f"something else is there now, and is not overwritten{where}")


def _return(step: Step) -> None:
    """Bring the file back to an empty place."""
    place = next(_places(step), None)
    if place is None and step.kind == "hardlink":
        place = _same_bytes(step)
    if place is None:
        raise PictureError(f"cannot be found{_where(step)}")
    os.makedirs(os.path.dirname(step.path), exist_ok=True)
    if step.kind == "hardlink" and place not in (step.aside, step.copy):
        _copied(step, place)
        place = step.copy
    try:
        move(place, step.path)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        _copied(step, place)
        move(step.copy, step.path)
        sync_folder(os.path.dirname(step.path))
        os.unlink(place)
    with suppress(PermissionError):
        set_times(step.path, step.mtime_ns, step.mode)
    if step.kind == "trash":
        trash.forget(place)


def _separate(step: Step, linked: Seen) -> None:
    """Give the file its own bytes again, where it is a hard link now."""
    original = try_to_look(step.aside)
    own = step.aside if original and original.sha256 == step.sha256 else step.copy
    if own != step.aside:
        _copied(step, step.path)
    discard(step.link)
    move(step.path, step.link)
    if identity(step.link) != linked.identity:
        move(step.link, step.path)
        raise PictureError("was replaced while it was undone")
    move(own, step.path)


def _copied(step: Step, source: str) -> None:
    """Make the copy that is to be the file again."""
    discard(step.copy)
    copy(source, step.copy, step.sha256)
    with suppress(PermissionError):
        set_times(step.copy, step.mtime_ns, step.mode)


def _places(step: Step) -> Iterator[str]:
    """Where the file is, the best place first."""
    for place in _possible_places(step):
        seen = try_to_look(place)
        if seen and seen.sha256 == step.sha256:
            yield place


def _possible_places(step: Step) -> Iterator[str]:
    yield from (step.aside, step.copy, step.link)
    if step.to and step.kind != "hardlink":
        yield step.to
    if step.kind == "trash":
        yield from trash.found(step.path)


def _same_bytes(step: Step) -> str | None:
    """The kept picture, if it can still give its bytes to a hard link that was deleted."""
    kept = try_to_look(step.to)
    return step.to if kept and kept.sha256 == step.sha256 else None


def _where(step: Step) -> str:
    if step.kind == "trash":
        return ": it is not in the trash any more" + (f" ({printable(step.to)})" if step.to else "")
    return f" at {printable(step.to or '')}"


def _tidy(step: Step) -> None:
    """Remove what only this step can have left behind, now that the file is back."""
    here = try_to_look(step.path)
    if here is not None and here.sha256 == step.sha256:
        for name in (step.aside, step.copy, step.link, step.part):
            if name:
                discard(name)
