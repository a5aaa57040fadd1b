"""What only all pixels of two copies tell: which of them shows more, which was made from the other, and
whether a small place differs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from lookalike.duplicates.closely import differs
from lookalike.duplicates.groups import DIFFERENT, UNREAD, Star, show_the_same
from lookalike.duplicates.helpers import Crashed
from lookalike.duplicates.keep import Candidate
from lookalike.duplicates.lineage import Source, made
from lookalike.duplicates.pairs import Pair, Transform
from lookalike.duplicates.reading import Reader, Reading
from lookalike.duplicates.sharpness import true_pixels
from lookalike.errors import PictureError
from lookalike.gallery.base import Picture
from lookalike.progress import Progress

ALL = 1 << 20
"""Pixels asked of the shorter side for all that there are."""

_R = TypeVar("_R")
_Task = tuple[Picture, Picture, Transform] | None


class FullSize:
    """Looks at pairs that were found. Only these are read at full size.

    Args:
        reading: reads pictures.
        picture: the row of a picture of a pair.
        tell: called with how many pairs were looked at closely, and of how many.
    """

    def __init__(self, reading: Reading, picture: Callable[[int], Picture], tell: Progress) -> None:
        self._reading = reading
        self._picture = picture
        self._tell = tell

    def with_detail(self, known: Mapping[int, Candidate], pairs: Sequence[Pair]) -> dict[int, Candidate]:
        """The pictures, told how much those show that were enlarged or blurred, and which were made from
        another one. What is true of a picture is so of all with the same bytes."""
        content = {id_: one.picture.content for id_, one in known.items()}
        same = [pair for pair in pairs if show_the_same(pair) or pair.kind == "pixels"]
        worth: dict[str, int] = {}
        derived: set[str] = set()
        for pair, seen in self._looked_at(_weighed, same):
            if isinstance(seen, _Weighed):
                for id_, number, made_ in zip((pair.first, pair.second), seen.pixels, seen.made, strict=True):
                    worth[content[id_]] = min(number, worth.get(content[id_], number))
                    derived |= {content[id_]} if made_ else set()
        return {
            id_: replace(one, detail=worth.get(content[id_]), derived=content[id_] in derived)
            for id_, one in known.items()
        }

    def without_different(self, found: Sequence[Star]) -> list[Star]:
        """The stars; nothing is proposed that differs from the picture kept in a small place, or of which
        that cannot be told any more."""
        proposed = [
            member.pair
            for star in found
            for member in star.members
            if member.doubt is None and member.pair.kind in ("near", "edited")
        ]
        doubts: dict[tuple[int, int], str] = {}
        for done, (pair, differing) in enumerate(self._looked_at(_differs, proposed), start=1):
            if differing is not False:
                doubts[pair.first, pair.second] = DIFFERENT if differing is True else UNREAD
            self._tell(done, len(proposed))
        return [_doubting(star, doubts) for star in found]

    def _looked_at(
        self, work: Callable[[Reader, _Task], _R], pairs: Sequence[Pair]
    ) -> Iterator[tuple[Pair, _R | Crashed]]:
        """Each pair with what looking at all of its pixels gave."""
        return zip(pairs, self._reading.spread(work, map(self._task, pairs)), strict=True)

    def _task(self, pair: Pair) -> _Task:
        first, second = self._picture(pair.first), self._picture(pair.second)
        return (first, second, pair.match.transform) if pair.match is not None else None


@dataclass(frozen=True, slots=True)
class _Weighed:
    """How many pixels each of two copies is worth, and whether it was made from the other one."""

    pixels: tuple[int, int]
    made: tuple[bool, bool]


def _weighed(reader: Reader, task: _Task) -> _Weighed | None:
    both = _both(reader, task)
    if both is None or task is None:
        return None
    first, second = both
    one, other = true_pixels(first.rgb, second.rgb)
    of_first, of_second = made(first, second, task[2])
    # Whatever its size, a picture shows no more than the one that it was made from.
    pixels = min(one, other) if of_first else one, min(one, other) if of_second else other
    return _Weighed(pixels, (of_first, of_second))


def _differs(reader: Reader, task: _Task) -> bool | None:
    both = _both(reader, task)
    return differs(both[0].rgb, both[1].rgb, task[2]) if both is not None and task is not None else None


def _both(reader: Reader, task: _Task) -> tuple[Source, Source] | None:
    """All pixels of both; None when one has vanished or changed meanwhile."""
    if task is None:
        return None
    try:
        return _source(reader, task[0]), _source(reader, task[1])
    except PictureError:
        return None


def _source(reader: Reader, picture: Picture) -> Source:
    data = reader.as_indexed(picture)
    return Source.of(reader.of_bytes(data, ALL).rgb, data)


def _doubting(star: Star, doubts: Mapping[tuple[int, int], str]) -> Star:
    members = (
        replace(member, doubt=member.doubt or doubts.get((star.kept, member.id))) for member in star.members
    )
    return replace(star, members=tuple(members))
