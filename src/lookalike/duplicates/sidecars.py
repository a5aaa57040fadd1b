"""Files that belong to a picture by their name: what editors and archives write next to it."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection

ENDINGS = (".xmp", ".json")
"""How the names of sidecars end, in lower case."""


def of(path: str, gone: Collection[str] = ()) -> list[str]:
    """The sidecars of a picture, sorted.

    Args:
        path: the picture's.
        gone: files to be taken as not there any more.

    Returns:
        `NAME.EXT.xmp` and `NAME.EXT.json`, which can belong to this picture alone; `NAME.xmp` and
        `NAME.json` only when no other file of the folder, sidecars aside, is called `NAME.…`, in
        upper or lower case. Links and folders are none.
    """
    folder, name = os.path.split(path)
    stem = os.path.splitext(name)[0]
    try:
        there = os.listdir(folder)
    except OSError:
        return []
    start = stem.casefold()
    names = [other for other in there if other != name and other.casefold().startswith(start)]
    own = [other for other in names if _is_sidecar(other, name) and name != stem]
    shared = [other for other in names if _is_sidecar(other, stem)]
    if shared and not any(_rivals(other, stem, os.path.join(folder, other) in gone) for other in names):
        own += shared
    paths = [os.path.join(folder, other) for other in own]
    return sorted(sidecar for sidecar in set(paths) - set(gone) if _is_file(sidecar))


def _is_sidecar(name: str, of: str) -> bool:
    stem, ending = os.path.splitext(name)
    return stem == of and ending.lower() in ENDINGS


def _rivals(name: str, stem: str, gone: bool) -> bool:
    """Whether another file, no sidecar, has the stem as well."""
    own, ending = os.path.splitext(name)
    return own.casefold() == stem.casefold() and ending.lower() not in ENDINGS and not gone


def _is_file(path: str) -> bool:
    try:
        return stat.S_ISREG(os.lstat(path).st_mode)
    except OSError:
        return False
