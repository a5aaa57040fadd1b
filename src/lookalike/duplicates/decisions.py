"""By what a decision of people goes that two pictures are no copies of each other."""

from __future__ import annotations

import hashlib
import os

Key = tuple[str, str]


def keys(first: tuple[str, str], second: tuple[str, str]) -> Key:
    """The two names under which a gallery keeps a decision about two pictures.

    It goes by the pictures' bytes, so that it holds when they are moved. The bytes of two equal files cannot
    tell them from further ones, so there it goes by their paths as well.

    Args:
        first: content (SHA-256) and path of a picture.
        second: those of another one.

    >>> keys(("aa", "/1.jpg"), ("bb", "/2.jpg"))
    ('aa', 'bb')
    >>> keys(("aa", "/1.jpg"), ("aa", "/2.jpg"))[0]
    'aa at 9c4df46df1d121b8'
    """
    if first[0] != second[0]:
        return first[0], second[0]
    return at_path(*first), at_path(*second)


def at_path(content: str, path: str) -> str:
    """The name of one of several files with the same bytes."""
    return f"{content} at {hashlib.sha256(os.fsencode(path)).hexdigest()[:16]}"
