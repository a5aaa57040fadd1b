"""Pairs of copies into groups: stars around the picture kept, and no chains.

That A is a copy of B and B of C does not make A a copy of C: a small crop leads from one picture to
another that shares nothing with it. So every member of a group was itself compared with the one kept.

A pair has two directions. Keeping k is *safe* for m when nothing is lost if m goes: there is no *doubt* (see
`doubt`). A crop may go when the whole picture stays, but not the other way round, however many pixels the
crop has. When only one direction is safe, the picture to keep stands *above* the other one, whatever their
ranks.

1. From the best picture to the worst, but those above a picture before it: one that is not to be removed
   keeps all pictures that are still free and safe with it. What is paired with one of these but not with
   the one kept (the neighbours that were looked at are few) is compared with it now, and joins if that is
   safe.
2. From the best to the worst again: what is still free has only doubtful pairs with pictures that stay. It
   is shown in a star of one of them, and not proposed for removal. Copies go before bursts. What is paired
   only with pictures that are to go is compared with those kept for them.

Had pictures of a low rank but above others no precedence, a crop that keeps its own copy would stay beside
the whole picture. Each pair is looked at a fixed number of times, and the comparisons asked for are at most
one for each picture and `MAX_FAILED` for each star; so the cost grows with the pairs, whatever their shape.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from lookalike.duplicates.pairs import Match, Pair
from lookalike.errors import UsageError

MAX_EXTRA = 0.05
"""The share of a picture that its copy need not show. Less than that is the inaccuracy of a found
transform and of the edges of overlaid text."""

MIN_SCALE = 0.75
"""How much smaller a copy may be shown in a picture that shows more than it: three quarters of its width."""

MAX_GROWTH = 1.05
"""From which scale on a picture with borders holds a larger copy, and is not merely a copy with borders."""

UNTOUCHED = 0.95
"""Share of what two pictures both show that agrees at the least when nothing was written or laid over one
of them. (50 photos: cut, mirrored, turned, shrunk, encoded again 0.975 and more; a faint watermark 0.91,
large letters 0.69 in the median.)"""

MAX_BLOB = 0.008
"""The largest place where two copies may disagree when nothing was laid over one of them, as a share of what
both show. (Encoded again, cut, mirrored, turned: 0.006 at the most; a watermark 0.014 and more.)"""

MAX_RECOLOURED = 8.0
"""How far the colours of copies may differ, in units of CIELAB. Encoding, blur and noise change them by 4 at
the most, and by 1 to 3 mostly; a warm filter by 17, another hue by 10 to 40."""

MIN_RECOLOURED = 3.0
"""How far they may differ at any rate. Noise moves the colours of grey things by 2 in pictures of 640 pixels,
by more in smaller ones."""

SAME_HUES = 1.25
"""How far they may differ where they are weak, as a multiple of the weaker one's chroma, so that a faint cast
over grey things is told from them. (79 photos with a
chroma of 2 to 6: turning the hue by 126 degrees moves them by 1.35 times their chroma at the least, by 1.7 in
the median.)"""

IN_GREY = 0.3
"""Chroma below which a picture is saved in grey, so that it has no colours that could be lost. (739 photos in
grey, as JPEG and WebP: 0.1 at the most. Photos of grey things: 0.5 and more.)"""

TONED = 2.2
"""Variety below which a picture has one tone. (739 photos in sepia, in two tones, in grey with an orange
cast: 2.1 at the most, but 2.5 and more with much noise or as JPEG of quality 10. As they were, 17 in 100 of
these photos of clothes and groceries are less varied, most of them of grey things; of those with a chroma of
8 and more 7 in 100.)"""

MAX_FAILED = 16
"""After so many comparisons that brought no member, a star asks for no more. A star whose copies were all
missed as neighbours still fills, since there each one brings a member; only where a chain leads away from
the copies do they fail."""

MAX_BESIDE = 3
"""With so many pictures that are kept for its copies a picture that may not go is compared, to be shown."""

MORE = "it shows more than the one kept"
SMALLER = "the one kept shows it smaller, as a part of another picture"
ENLARGED = "the one kept shows it enlarged, as a part of another picture"
BORDER = "the one kept adds nothing but a border"
TOUCHED = "something covers a part of one of the two: text, or another picture"
RECOLOURED = "its colours are not those of the one kept"
ALTERED = "its colours are not those of the one kept, or something covers a part of one of the two"
TINTED = "it is in grey, and the one kept is in shades of one colour: the one kept may be a tinted copy of it"
BURST = "another photo, taken within seconds"
REFERENCE = "in a reference folder"
DECIDED = "decided to be no copy of another one in this group"
FULLER = "it holds more than what was compared: further frames, what is transparent, or finer colours"
LARGER = "it has more pixels than the one kept"
UNSEEN = "what it shows was not compared with the one kept"
OLDER = "it is older than the one kept, which shows more around it"
DIFFERENT = "at full size a small place differs: a number, a word, or the like"
UNREAD = "one of the two files could not be read at full size: it has vanished or changed, or is damaged"
PART = "it was compared with a part of the one kept"

Compare = Callable[[int, int], Pair | None]
"""Two pictures (the kept one first) to the pair they are, or None when they are no copies."""

ComparePart = Callable[[Pair, Pair], Pair | None]
"""The pair of a picture kept and a member, and that of the member and another picture, to the pair of the
picture kept and the other one, if what the kept one shows of the member is in the other one."""


@dataclass(frozen=True, slots=True)
class Member:
    """A picture in a star.

    Attributes:
        pair: `first` is the picture kept, `second` this one.
        doubt: why its removal is not proposed, in one clause; None when it is proposed.
    """

    pair: Pair
    doubt: str | None = None

    @property
    def id(self) -> int:
        """The member's id."""
        return self.pair.second


@dataclass(frozen=True, slots=True)
class Star:
    """A picture to keep and the pictures that were compared with it.

    Attributes:
        kept: its id.
        members: at least one, the best first.
    """

    kept: int
    members: tuple[Member, ...]

    @property
    def proposed(self) -> tuple[int, ...]:
        """Ids of the members whose removal is proposed."""
        return tuple(member.id for member in self.members if member.doubt is None)


def doubt(pair: Pair) -> str | None:
    """Why removing `pair.second` would lose something although `pair.first` stays; None if it would not.

    Plain borders of the copy do not count as something it shows (`Side.extra`). Those of the picture kept
    do make a difference (`Side.overlap`): a photo is not given up for a screenshot with black around
    it that shows it smaller, nor for a copy that has more pixels only because of its border.
    """
    if pair.kind == "burst":
        return BURST
    if pair.kind in ("exact", "pixels"):
        return None
    if pair.match is None:
        return UNSEEN
    kept, copy, growth = pair.match.first, pair.match.second, 1 / pair.match.scale
    if copy.extra > MAX_EXTRA:
        return MORE
    if why := _altered(pair.match):
        return why
    if max(kept.extra, 1 - kept.overlap) <= MAX_EXTRA:
        return None
    if growth < MIN_SCALE:
        return SMALLER
    if kept.extra <= MAX_EXTRA:
        return BORDER if growth <= MAX_GROWTH else None
    return ENLARGED if growth > MAX_GROWTH else None


def _altered(match: Match) -> str | None:
    """What of the second picture's looks would be lost, if anything."""
    kept, copy = match.first, match.second
    weaker = min(kept.chroma, copy.chroma)
    recoloured = match.recoloured > min(MAX_RECOLOURED, max(MIN_RECOLOURED, SAME_HUES * weaker))
    loses_colours = recoloured and copy.chroma > IN_GREY
    if match.agreeing < UNTOUCHED or match.blob > MAX_BLOB:
        return ALTERED if loses_colours else TOUCHED
    if loses_colours:
        return RECOLOURED
    return TINTED if recoloured and kept.variety < TONED else None


def shows_more(pair: Pair) -> bool:
    """Whether the first picture of a pair shows more than the second one."""
    return pair.match is not None and pair.match.first.extra > MAX_EXTRA


def show_the_same(pair: Pair) -> bool:
    """Whether two pictures that are not the same pixels show all of each other, and nothing else."""
    match = pair.match
    if pair.kind not in ("near", "edited") or match is None:
        return False
    sides = match.first, match.second
    untouched = match.agreeing >= UNTOUCHED and match.blob <= MAX_BLOB
    return untouched and all(side.extra <= MAX_EXTRA and side.overlap >= 1 - MAX_EXTRA for side in sides)


def stars(
    pairs: Iterable[Pair],
    ranking: Sequence[int],
    *,
    compare: Compare = lambda first, second: None,
    distinct: Iterable[tuple[int, int]] = (),
    protected: AbstractSet[int] = frozenset(),
    fuller: AbstractSet[int] = frozenset(),
    part: ComparePart = lambda through, pair: None,
) -> list[Star]:
    """The groups of copies, by rank of the picture kept. The order of `pairs` makes no difference.

    - No picture is proposed for removal twice, and none that is kept or protected.
    - A picture is in one star at most.
    - Of every pair at least one picture is in a star, except pairs decided distinct and those of two
      protected pictures.

    Args:
        pairs: the copies that were found, in any direction; of several for the same two pictures
            the surest counts.
        ranking: ids, the best picture to keep first; at least all those in `pairs`.
        compare: asked about pictures that may be copies but are not among `pairs`.
        distinct: pairs of ids that were decided to be no copies of each other. They never come
            together in a star, nor are both proposed for removal for a third one's sake.
        protected: ids of pictures that are never proposed for removal; they are kept first.
        fuller: ids of pictures whose files hold more than the pixels that were compared. They may go
            only for one with the same bytes.
        part: asked about a picture that is no copy of the one kept, but of a member that may go: whether it
            is a copy of the part of the picture kept that the member shows.

    Raises:
        UsageError: a picture of a pair is not in the ranking.
    """
    return _Grouping(pairs, ranking, compare, distinct, protected, fuller, part).stars()


_KINDS = ("exact", "pixels", "near", "edited", "burst")


def _surest(pair: Pair) -> tuple[object, ...]:
    """Lowest for the pair to go by, when there are several of the same two pictures."""
    match = pair.match
    found = (-match.inliers, match.transform) if match else (0, ())
    return (_KINDS.index(pair.kind), -pair.probability, *found, -(pair.similarity or 0.0))


class _Grouping:
    """The work of one call of `stars`."""

    def __init__(
        self,
        pairs: Iterable[Pair],
        ranking: Sequence[int],
        compare: Compare,
        distinct: Iterable[tuple[int, int]],
        protected: AbstractSet[int],
        fuller: AbstractSet[int],
        part: ComparePart,
    ) -> None:
        self.compare = compare
        self.part = part
        self.protected = protected
        self.fuller = fuller
        self.distinct = _neighbours(distinct)
        self.rank = {id_: place for place, id_ in enumerate(ranking)}
        self.pairs = self._pairs_of(pairs)
        self.order = sorted(self.pairs, key=self._place)
        self.members: dict[int, list[Member]] = {}  # of each picture kept
        self.taken: dict[int, int] = {}  # each member to the picture kept for it
        self.refused: set[tuple[int, int]] = set()  # compared, and no copies
        self.reached: set[int] = set()  # pictures whose turn was or is

    def stars(self) -> list[Star]:
        for id_ in self.order:
            self._settle(id_)
        for bursts in (False, True):
            for kept in self.order:
                if kept not in self.taken:
                    self._take_doubtful(kept, bursts)
        for id_ in self.order:
            if self._free(id_):
                self._show_beside(id_)
        kept_first = sorted(self.members, key=self._place)
        return [Star(kept, tuple(sorted(self.members[kept], key=self._member))) for kept in kept_first]

    def _pairs_of(self, pairs: Iterable[Pair]) -> dict[int, dict[int, Pair]]:
        """For each picture the pairs it is in, by the other picture. Both places hold the same pair;
        `_pair` turns it round when needed."""
        found: dict[int, dict[int, Pair]] = {}
        for pair in pairs:
            for id_ in (pair.first, pair.second):
                if id_ not in self.rank:
                    raise UsageError(f"picture {id_} is in a pair but not in the ranking")
            if not self._may_meet(pair.first, pair.second):
                continue
            known = found.get(pair.first, {}).get(pair.second)
            if known is None or _surest(_upwards(pair)) < _surest(_upwards(known)):
                found.setdefault(pair.first, {})[pair.second] = pair
                found.setdefault(pair.second, {})[pair.first] = pair
        return found

    def _may_meet(self, a: int, b: int) -> bool:
        both_protected = a in self.protected and b in self.protected
        return a != b and not both_protected and b not in self.distinct.get(a, ())

    def _place(self, id_: int) -> tuple[bool, int]:
        return id_ not in self.protected, self.rank[id_]

    def _member(self, member: Member) -> tuple[bool, int]:
        return self._place(member.id)

    def _free(self, id_: int) -> bool:
        return id_ not in self.taken and id_ not in self.members

    def _doubt(self, pair: Pair) -> str | None:
        """As the function, for a pair from a picture kept to a free one, and with what people said."""
        if pair.second in self.protected:
            return REFERENCE
        if pair.first in self.protected and pair.match and 1 / pair.match.scale < MIN_SCALE:
            return LARGER
        decided = self.distinct.get(pair.second)
        if decided and any(self.taken.get(id_) == pair.first for id_ in decided):
            return DECIDED
        why = doubt(pair)
        return FULLER if why is None and pair.kind != "exact" and pair.second in self.fuller else why

    def _add(self, pair: Pair, why: str | None) -> None:
        self.members.setdefault(pair.first, []).append(Member(pair, why))
        self.taken[pair.second] = pair.first

    def _pair(self, kept: int, other: int) -> Pair:
        pair = self.pairs[kept][other]
        return pair if pair.first == kept else pair.reversed()

    def _around(self, id_: int) -> list[int]:
        """The free pictures paired with this one, the best first."""
        return sorted(filter(self._free, self.pairs[id_]), key=self._place)

    def _settle(self, id_: int) -> None:
        """Let a picture keep what it can, after all that stand above it had their turn. Each has one turn,
        also when they stand above one another in a circle."""
        if id_ in self.reached:
            return
        self.reached.add(id_)
        waiting = [(id_, iter(self._around(id_)))]
        while waiting:
            current, others = waiting[-1]
            above = next((other for other in others if self._stands_above(other, current)), None)
            if above is not None:
                self.reached.add(above)
                waiting.append((above, iter(self._around(above))))
                continue
            waiting.pop()
            if current not in self.taken:
                self._take_safe(current)

    def _stands_above(self, other: int, id_: int) -> bool:
        return (
            other not in self.reached
            and other not in self.taken
            and id_ not in self.taken
            and self._doubt(self._pair(other, id_)) is None
            and self._doubt(self._pair(id_, other)) is not None
        )

    def _take_safe(self, kept: int) -> None:
        """Give a picture all free ones that may go when it stays: those paired with it, then those
        paired with its members, as far as a comparison says so."""
        for other in self._around(kept):
            self._join(self._pair(kept, other))
        asked: set[int] = set()
        failed = 0
        for member in self.members.get(kept, ()):  # which grows meanwhile
            for other in self._around(member.id):
                burst = self.pairs[member.id][other].kind == "burst"
                known = other in asked or other in self.pairs[kept]
                if burst or known or not self._may_go(kept, other):
                    continue
                if failed == MAX_FAILED:
                    return
                asked.add(other)
                failed += not self._join_if_compared(kept, other)

    def _may_go(self, kept: int, other: int) -> bool:
        return other not in self.protected and self._may_meet(kept, other)

    def _join_if_compared(self, kept: int, other: int) -> bool:
        return self._are_copies(kept, other) and self._join(self._pair(kept, other))

    def _are_copies(self, kept: int, other: int) -> bool:
        """Compare the two, unless they have been compared; then they are a pair, or refused."""
        if (kept, other) in self.refused:
            return False
        pair = self.pairs[kept].get(other) or self.compare(kept, other)
        if pair is None:
            self.refused.add((kept, other))
            return False
        self.pairs[kept][other] = self.pairs[other][kept] = pair
        return True

    def _join(self, pair: Pair) -> bool:
        """Make `pair.second` a member if it may go; whether it may."""
        safe = self._doubt(pair) is None
        if safe:
            self._add(pair, None)
        return safe

    def _take_doubtful(self, kept: int, bursts: bool) -> None:
        """Give a picture what is still free around it, to be shown; by way of bursts, or of copies."""
        for other in self._around(kept):
            pair = self._pair(kept, other)
            if (pair.kind == "burst") == bursts:
                self._add(pair, self._doubt(pair))

    def _show_beside(self, id_: int) -> None:
        """Show a picture that is paired only with such as are to go beside the one kept for one of these."""
        copies = [
            other for other, pair in self.pairs[id_].items() if pair.kind != "burst" and other in self.taken
        ]
        beside = {self.taken[other] for other in copies if self._may_go(self.taken[other], id_)}
        for kept in sorted(beside, key=self._place)[:MAX_BESIDE]:
            if self._are_copies(kept, id_):
                pair = self._pair(kept, id_)
                self._add(pair, self._doubt(pair))
                return
        self._show_part(id_, [other for other in copies if self.taken[other] in beside])

    def _show_part(self, id_: int, copies: Sequence[int]) -> None:
        """Show a collage or the like of a member beside a picture that shows all of this member, but has so
        much around it, as a screenshot, that the two have little in common."""
        for other in sorted(copies, key=self._place)[:MAX_BESIDE]:
            member = next(member for member in self.members[self.taken[other]] if member.id == other)
            pair = self.part(member.pair, self._pair(other, id_)) if member.doubt is None else None
            if pair is not None:
                self._add(pair, self._doubt(pair) or PART)
                return


def _upwards(pair: Pair) -> Pair:
    return pair if pair.first < pair.second else pair.reversed()


def _neighbours(pairs: Iterable[tuple[int, int]]) -> dict[int, set[int]]:
    found: dict[int, set[int]] = {}
    for a, b in pairs:
        found.setdefault(a, set()).add(b)
        found.setdefault(b, set()).add(a)
    return found
