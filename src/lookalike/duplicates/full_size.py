"""What only all pixels of two copies tell: which of them shows more, and whether a small place differs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from lookalike.duplicates.closely import differs
from lookalike.duplicates.groups import DIFFERENT, Star, show_the_same
from lookalike.duplicates.helpers import Crashed
from lookalike.duplicates.keep import Candidate
from lookalike.duplicates.pairs import Pair, Transform
from lookalike.duplicates.reading import Reader, Reading
from lookalike.duplicates.sharpness import true_pixels
from lookalike.errors import NotInCollection, PictureError
from lookalike.gallery.base import Picture
from lookalike.images import Pixels

ALL = 1 << 20
"""Pixels asked of the shorter side for all that there are."""

_R = TypeVar("_R")
_Task = tuple[Picture, Picture, Transform] | None  # None where one has vanished


class FullSize:
    """Looks at pairs that were found. Only these are read at full size.

    Args:
        reading: reads pictures.
        picture: the picture of an id; raises NotInCollection when it has vanished.
        tell: called with how many pairs were looked at closely, and of how many.
    """

    def __init__(
        self, reading: Reading, picture: Callable[[int], Picture], tell: Callable[[int, int], None]
    ) -> None:
        self._reading = reading
        self._picture = picture
        self._tell = tell

    def with_detail(self, known: Mapping[int, Candidate], pairs: Sequence[Pair]) -> dict[int, Candidate]:
        """The pictures, told how much those show that were enlarged or blurred."""
        same = [pair for pair in pairs if show_the_same(pair)]
        worth: dict[int, int] = {}
        for pair, pixels in self._looked_at(_true_pixels, same):
            if isinstance(pixels, tuple):
                for id_, number in zip((pair.first, pair.second), pixels, strict=True):
                    worth[id_] = min(number, worth.get(id_, number))
        return {id_: replace(one, detail=worth.get(id_)) for id_, one in known.items()}

    def without_different(self, found: Sequence[Star]) -> list[Star]:
        """The stars; nothing is proposed that differs from the picture kept in a small place."""
        proposed = [
            member.pair
            for star in found
            for member in star.members
            if member.doubt is None and member.pair.kind in ("near", "edited")
        ]
        different: set[tuple[int, int]] = set()
        for done, (pair, differing) in enumerate(self._looked_at(_differs, proposed), start=1):
            if differing is not False:  # also where it cannot be told any more
                different.add((pair.first, pair.second))
            self._tell(done, len(proposed))
        return [_doubting(star, different) for star in found]

    def _looked_at(
        self, work: Callable[[Reader, _Task], _R], pairs: Sequence[Pair]
    ) -> Iterator[tuple[Pair, _R | Crashed]]:
        """Each pair with what looking at all of its pixels gave."""
        return zip(pairs, self._reading.spread(work, map(self._task, pairs)), strict=True)

    def _task(self, pair: Pair) -> _Task:
        try:
            rows = [replace(self._picture(id_), metadata={}) for id_ in (pair.first, pair.second)]
        except NotInCollection:
            return None
        return (rows[0], rows[1], pair.match.transform) if pair.match is not None else None


def _true_pixels(reader: Reader, task: _Task) -> tuple[int, int] | None:
    pixels = _pixels(reader, task)
    return true_pixels(*pixels) if pixels is not None else None


def _differs(reader: Reader, task: _Task) -> bool | None:
    pixels = _pixels(reader, task)
    return differs(*pixels, task[2]) if pixels is not None and task is not None else None


def _pixels(reader: Reader, task: _Task) -> tuple[Pixels, Pixels] | None:
    """All pixels of both; None when one has vanished or changed meanwhile."""
    if task is None:
        return None
    try:
        return reader.decoded(task[0], ALL).rgb, reader.decoded(task[1], ALL).rgb
    except PictureError:
        return None


def _doubting(star: Star, different: set[tuple[int, int]]) -> Star:
    members = (
        replace(member, doubt=DIFFERENT)
        if member.doubt is None and (star.kept, member.id) in different
        else member
        for member in star.members
    )
    return replace(star, members=tuple(members))
