"""The decisions of people that two pictures are no copies of each other, and by what they go."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from itertools import combinations

from lookalike.errors import UsageError
from lookalike.gallery.base import Gallery, Picture

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


def decide(gallery: Gallery, pictures: Sequence[Picture], *, distinct: bool) -> int:
    """Remember that none of these pictures is a copy of another one of them, or forget that again.

    Returns:
        How many pairs that are.

    Raises:
        UsageError: there are fewer than two.
        CollectionBusy: another process is writing.
    """
    named = {row.id: (row.content, row.path) for row in pictures}
    if len(named) < 2:
        raise UsageError(f"distinct takes at least two pictures, got {len(named)}")
    pairs = [keys(*two) for two in combinations(named.values(), 2)]
    with gallery.writing() as writing:
        writing.set_distinct(pairs, distinct)
    return len(pairs)


def at_path(content: str, path: str) -> str:
    """The name of one of several files with the same bytes."""
    return f"{content} at {hashlib.sha256(os.fsencode(path)).hexdigest()[:16]}"
