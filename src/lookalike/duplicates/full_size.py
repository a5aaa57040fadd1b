"""What only all pixels of two copies tell: which of them shows more, and whether a small place differs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from lookalike.duplicates.closely import differs
from lookalike.duplicates.groups import DIFFERENT, Star, show_the_same
from lookalike.duplicates.keep import Candidate
from lookalike.duplicates.pairs import Pair
from lookalike.duplicates.sharpness import true_pixels
from lookalike.duplicates.sketches import Reading
from lookalike.errors import NotInCollection, PictureError
from lookalike.gallery.base import Picture
from lookalike.images import Pixels

ALL = 1 << 20
"""Pixels asked of the shorter side for all that there are."""


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
        for pair, pixels in zip(same, self._reading.each(self._true_pixels, same), strict=True):
            if pixels is not None:
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
        looked = self._reading.each(self._differs, proposed)
        for done, (pair, differing) in enumerate(zip(proposed, looked, strict=True), start=1):
            if differing:
                different.add((pair.first, pair.second))
            self._tell(done, len(proposed))
        return [_doubting(star, different) for star in found]

    def _true_pixels(self, pair: Pair) -> tuple[int, int] | None:
        pixels = self._pixels(pair)
        return true_pixels(*pixels) if pixels is not None else None

    def _differs(self, pair: Pair) -> bool:
        """Also where it cannot be told any more."""
        pixels = self._pixels(pair)
        return pixels is None or pair.match is None or differs(*pixels, pair.match.transform)

    def _pixels(self, pair: Pair) -> tuple[Pixels, Pixels] | None:
        """All pixels of both; None when one has vanished or changed meanwhile."""
        try:
            first, second = (self._picture(id_) for id_ in (pair.first, pair.second))
            return self._reading.decoded(first, ALL).rgb, self._reading.decoded(second, ALL).rgb
        except (PictureError, NotInCollection):
            return None


def _doubting(star: Star, different: set[tuple[int, int]]) -> Star:
    members = (
        replace(member, doubt=DIFFERENT)
        if member.doubt is None and (star.kept, member.id) in different
        else member
        for member in star.members
    )
    return replace(star, members=tuple(members))
