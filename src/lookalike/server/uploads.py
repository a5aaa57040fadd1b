"""Writing through the server: uploaded pictures become files of their own and rows of the collection.

An upload is kept as `uploads/SHA256.jpg` in the collection's directory: the same bytes twice are one file
and one picture, so that adding can be repeated. The file is whole and on the disk before its row is written,
and the row is committed before the request is answered.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from lookalike import files
from lookalike.collection import Collection
from lookalike.errors import CollectionError, LookalikeError
from lookalike.gallery.base import Picture, patiently
from lookalike.images import check_bytes
from lookalike.results import Metadata, Scalar
from lookalike.server.deployments import Served

FOLDER = "uploads"

_SUFFIXES = {"JPEG": ".jpg", "PNG": ".png", "GIF": ".gif", "WebP": ".webp", "TIFF": ".tif", "BMP": ".bmp"}
_SUFFIXES |= {"AVIF": ".avif", "HEIC": ".heic"}
_MIN_SIDE = 64  # pixels decoded to find out whether it is a picture


@dataclass(frozen=True)
class Upload:
    """A picture that came.

    Attributes:
        data: the bytes of its file.
        content: their SHA-256.
        reason: why it is no usable picture; empty when it is one.
    """

    data: bytes
    content: str
    reason: str


@dataclass(frozen=True)
class Outcome:
    """What became of one uploaded picture.

    Attributes:
        picture: its row; None when it is no usable picture.
        added: False when the collection had these bytes already.
        reason: why there is no row.
    """

    picture: Picture | None
    added: bool = False
    reason: str = ""


def add(served: Served, pictures: Sequence[bytes], metadata: Sequence[Metadata | None]) -> list[Outcome]:
    """Put pictures into a collection, all at once.

    Args:
        served: the collection.
        pictures: the bytes of their files.
        metadata: what is known about each, which replaces what the collection knew; None keeps it.

    Returns:
        What became of each, in order.

    Raises:
        CollectionBusy: another process is writing.
    """
    collection = served.collection
    uploads = [Upload(data, files.content_hash(data), _reason(collection, data)) for data in pictures]
    with served.writes:
        known = {one.content: _known(collection, one.content) for one in uploads if not one.reason}
        new = {one.content: one for one in uploads if not one.reason and known[one.content] is None}
        paths = {content: _keep(collection, one) for content, one in new.items()}
        reasons = _index(collection, list(paths.values()))
        rows = {**known, **{content: collection.gallery.at_path(path) for content, path in paths.items()}}
        outcomes = [
            Outcome(rows.get(one.content), one.content in new, one.reason or reasons.get(one.content, ""))
            for one in uploads
        ]
        return _described(collection, outcomes, metadata)


def _index(collection: Collection, paths: list[str]) -> dict[str, str]:
    """Index files of uploads; gives the reasons of those that failed, by their content."""
    if not paths:
        return {}
    report = patiently(lambda: collection.add(paths, threads=1, retry=True))
    return {Path(failure.path).stem: failure.reason for failure in report.failed}


def _reason(collection: Collection, data: bytes) -> str:
    """Why bytes are no usable picture; empty when they are one. Nothing is written for those that are not."""
    try:
        collection.decode(data, _MIN_SIDE)
    except LookalikeError as error:
        return getattr(error, "reason", str(error))
    return ""


def _known(collection: Collection, content: str) -> Picture | None:
    rows = [row for row in collection.gallery.with_content(content) if not row.missing]
    return rows[0] if rows else None


def _keep(collection: Collection, upload: Upload) -> str:
    """Write the file of an upload, whole and on the disk, or not at all; gives its absolute path."""
    folder = Path(os.path.abspath(collection.directory)) / FOLDER
    path = folder / f"{upload.content}{_SUFFIXES[check_bytes(upload.data, collection.limits)]}"
    if path.exists():
        return str(path)
    temporary = ""
    try:
        folder.mkdir(exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".", delete=False) as file:
            temporary = file.name
            file.write(upload.data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        with suppress(OSError):
            os.unlink(temporary)
        raise CollectionError(f"the upload cannot be kept in {folder}: {error.strerror or error}") from error
    return str(path)


def _described(
    collection: Collection, outcomes: Sequence[Outcome], metadata: Sequence[Metadata | None]
) -> list[Outcome]:
    rows = {
        outcome.picture.id: told
        for outcome, told in zip(outcomes, metadata, strict=True)
        if outcome.picture is not None and told is not None and dict(told) != dict(outcome.picture.metadata)
    }
    if not rows:
        return list(outcomes)

    def write() -> None:
        with collection.gallery.writing() as writing:
            writing.set_metadata(rows.items())

    patiently(write)
    return [
        Outcome(collection.picture(o.picture.id), o.added) if o.picture and o.picture.id in rows else o
        for o in outcomes
    ]


def change_metadata(served: Served, number: int, told: Mapping[str, Scalar], *, replace: bool) -> Picture:
    """Change what is known about a picture.

    Args:
        served: the collection.
        number: the picture's id.
        told: the new values; unless `replace`, None forgets one and what is not named stays
            (RFC 7396, JSON merge patch).
        replace: forget what is not named.

    Returns:
        The picture as it is now.
    """
    collection = served.collection

    def write() -> None:
        with collection.gallery.writing() as writing:
            before = {} if replace else dict(collection.picture(number).metadata)
            after = {**before, **told}
            if not replace:
                after = {name: value for name, value in after.items() if told.get(name, value) is not None}
            writing.set_metadata([(number, after)])

    with served.writes:
        collection.picture(number)
        patiently(write)
        return collection.picture(number)


def remove(served: Served, numbers: Sequence[int]) -> list[str]:
    """Take pictures out of the collection; their files stay. Gives their paths."""
    with served.writes:
        return patiently(lambda: served.collection.remove(numbers))
