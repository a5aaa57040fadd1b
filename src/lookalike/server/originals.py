"""The files of indexed pictures, and nothing else.

A request names a picture by its number. The path comes from the collection alone; it must lie, links
followed, in a folder that was indexed; and the bytes must be those that were indexed as a picture. So a
file that was put in a picture's place afterwards, or a link that leads elsewhere, is never given out.
"""

from __future__ import annotations

import os

from lookalike import files
from lookalike.collection import Collection
from lookalike.duplicates.ways import is_below
from lookalike.errors import PictureError, RequestError
from lookalike.gallery.base import Picture
from lookalike.images import Limits

TYPES = {
    "JPEG": "image/jpeg",
    "PNG": "image/png",
    "GIF": "image/gif",
    "WebP": "image/webp",
    "TIFF": "image/tiff",
    "BMP": "image/bmp",
    "AVIF": "image/avif",
    "HEIC": "image/heic",
}
"""Media types by `Picture.format`."""


def original(collection: Collection, picture: Picture) -> bytes:
    """The bytes of an indexed picture's file.

    Raises:
        RequestError: 404, the file is gone, or has changed, or may not be given out.
    """
    if not _is_inside(picture.path, collection.roots()):
        raise _gone("its file does not lie in a folder that was indexed")
    try:
        data = files.read(os.path.realpath(picture.path), max_bytes=Limits().max_bytes)
    except PictureError as error:
        raise _gone(error.reason) from None
    if files.content_hash(data) != picture.content:
        raise _gone("the file has changed since it was indexed")
    return data


def _is_inside(path: str, roots: list[str]) -> bool:
    """Whether a path, links followed, stays in the indexed folder it lies in. A file that was indexed by
    itself must be no link."""
    around = [root for root in roots if is_below(path, root)] or [os.path.dirname(path)]
    real = os.path.realpath(path)
    return any(is_below(real, os.path.realpath(root)) for root in around)


def _gone(reason: str) -> RequestError:
    return RequestError(f"the file of this picture is not available: {reason}", 404, "no_original")
