"""Removing copies: the plan, carrying it out and undoing it, with a collection's rows kept in step."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

from lookalike import files, roots
from lookalike.duplicates import following, plan, removal, undoing
from lookalike.duplicates.journal import FOLDER
from lookalike.duplicates.plan import Plan
from lookalike.duplicates.ways import To, is_below
from lookalike.errors import CollectionError, PictureError, UsageError
from lookalike.gallery.base import Gallery
from lookalike.progress import Attempts
from lookalike.results import ApplyReport, Duplicates, UndoReport
from lookalike.sandbox import Decoder

_TRIED_SIDE = 64  # pixels asked of the shorter side of a picture that is decoded to see whether it can be


def planned(
    gallery: Gallery, directory: Path, found: Duplicates, paths: Sequence[str | os.PathLike[str]] | None
) -> Plan:
    """The plan that removes the copies that nothing speaks against.

    Args:
        gallery: the collection's.
        directory: the collection's.
        found: the copies.
        paths: the files and folders that were compared with the collection; None when they were looked for
            within it. Nothing outside of them, or of the folders that were indexed, is ever touched.
    """
    allowed = _indexed(gallery, found) if paths is None else [os.path.abspath(path) for path in paths]
    folders = [path if os.path.isdir(path) else os.path.dirname(path) for path in allowed]
    return plan.make(found.groups, roots=folders, collection=directory)


def _indexed(gallery: Gallery, found: Duplicates) -> list[str]:
    """The indexed folders; and those of pictures that were indexed by themselves."""
    known = roots.known(gallery)
    paths = [member.path for group in found.groups for member in group.members]
    outside = [path for path in paths if not any(is_below(path, root) for root in known)]
    return known + sorted({os.path.dirname(path) for path in outside})


def apply(
    gallery: Gallery,
    directory: Path,
    planned: Plan,
    *,
    to: str | os.PathLike[str],
    merge_metadata: bool,
    decoder: Decoder,
    progress: Attempts | None = None,
) -> ApplyReport:
    """Remove what a plan says, as far as it is safe, and mark it as missing.

    Args:
        gallery: the collection's.
        directory: the collection's, where the journal is written.
        planned: the plan.
        to: `trash`, `hardlink`, or the path of a quarantine folder.
        merge_metadata: what is known about a removed picture goes to the one kept.
        decoder: tries the pictures that are kept.
        progress: called now and then.

    Raises:
        UsageError: `to` cannot be used.
        CollectionError: no journal can be written, or another process is writing; nothing was done.
    """
    with gallery.writing() as writing:  # before anything is done: others may be writing
        report = removal.apply(
            planned,
            to=_way(to),
            journal_folder=directory / FOLDER,
            check_decodable=partial(_check_decodable, decoder),
            progress=progress,
        )
        if report.journal is not None:
            following.follow(
                gallery, writing, planned, report, merge=merge_metadata, hardlink=to == "hardlink"
            )
    return report


def rehearse(planned: Plan, *, to: str | os.PathLike[str], decoder: Decoder) -> ApplyReport:
    """What `apply` would do, with the same checks; nothing is changed."""
    return removal.rehearse(planned, to=_way(to), check_decodable=partial(_check_decodable, decoder))


def undo(gallery: Gallery, journal: str | os.PathLike[str]) -> UndoReport:
    """Bring back what `apply` removed, the metadata as they were, and mark it as there.

    Raises:
        UsageError: there is no such journal.
    """
    report = undoing.undo(journal, revert={"metadata": partial(following.revert_metadata, gallery)})
    with suppress(CollectionError), gallery.writing() as writing:  # the files are back, which is what counts
        # Not only those of this call: an earlier one may have found the gallery busy.
        missing = [row for row in gallery.pictures() if row.missing]
        writing.mark_missing([row.id for row in missing if files.is_unchanged(row.file)], missing=False)
    return report


def _way(to: str | os.PathLike[str]) -> To:
    if not os.fspath(to):
        raise UsageError("to must be trash, hardlink or a folder; got nothing")
    return to if to in ("trash", "hardlink") else Path(to)  # type: ignore[return-value]


def _check_decodable(decoder: Decoder, data: bytes) -> None:
    if decoder.decode(data, min_side=_TRIED_SIDE).truncated:
        raise PictureError("is damaged or ends early")
