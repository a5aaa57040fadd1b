"""The folders that were indexed into a gallery. What is removed as a copy must lie in one of them, and names
of pictures in tables may be relative to them."""

from __future__ import annotations

import json
from collections.abc import Sequence

from lookalike.gallery.base import Gallery

_NOTE = "roots"  # the note of the gallery in which they are kept, as JSON


def known(gallery: Gallery) -> list[str]:
    """Absolute paths, in the order in which they were first indexed."""
    folders: list[str] = json.loads(gallery.note(_NOTE) or "[]")
    return folders


def remember(gallery: Gallery, folders: Sequence[str]) -> None:
    """Add folders, absolute paths, to those that are known.

    Raises:
        CollectionBusy: another process is writing.
    """
    before = known(gallery)
    new = [folder for folder in folders if folder not in before]
    if new:
        with gallery.writing() as writing:
            writing.set_note(_NOTE, json.dumps([*before, *new]))
