"""A `Picture` as a row of the table `pictures`, and back."""

from __future__ import annotations

import json
from typing import Any

from lookalike.files import FileIdentity
from lookalike.gallery.base import Picture
from lookalike.gallery.store import as_text
from lookalike.results import Metadata

COLUMNS = (
    "id, path, size, mtime_ns, content, width, height, format, phash, truncated, missing, metadata, cluster"
)
"""What `picture` reads, in this order."""


def picture(row: tuple[Any, ...]) -> Picture:
    """The picture in a row of `COLUMNS`."""
    (
        id, path, size, mtime_ns, content, width, height, format, phash, truncated, missing, metadata, cluster
    ) = row  # fmt: skip
    return Picture(
        FileIdentity(path, size, mtime_ns),
        content,
        width,
        height,
        format,
        phash,
        bool(truncated),
        bool(missing),
        json.loads(metadata),
        id,
        cluster,
    )


def values(picture: Picture) -> list[object]:
    """The values of `COLUMNS` without id, metadata and cluster; the path for `CAST(? AS TEXT)`."""
    return [
        as_text(picture.path),
        picture.file.size,
        picture.file.mtime_ns,
        picture.content,
        picture.width,
        picture.height,
        picture.format,
        picture.phash,
        picture.truncated,
        picture.missing,
    ]


def metadata_text(metadata: Metadata) -> str:
    """The metadata as JSON, in plain ASCII."""
    return json.dumps(metadata, allow_nan=False, separators=(",", ":"))
