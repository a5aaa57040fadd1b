"""Photos taken within seconds that look alike: no copies, but people like to choose among them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from lookalike.duplicates.pairs import Pair

SECONDS = 3.0
"""How far apart two shots of a burst may be. Cameras take several a second; a person who presses the
button again and again needs one or two."""


def moment(date: str) -> float | None:
    """A date as seconds that can be subtracted from each other; None when it cannot be understood.

    Args:
        date: ISO 8601. Without a zone, as cameras write it, it is taken as UTC: the difference between
            two photos of one camera is right all the same.

    >>> moment("2019-05-04T12:30:02") - moment("2019-05-04T12:30:00Z")
    2.0
    """
    try:
        parsed = datetime.fromisoformat(date)
    except ValueError:
        return None
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()


def burst_pairs(
    times: Mapping[int, float],
    edges: Iterable[tuple[int, int, float]],
    *,
    alike: float,
    seconds: float = SECONDS,
    copies: Iterable[tuple[int, int]] = (),
) -> list[Pair]:
    """The pairs of pictures that belong to one burst and look alike.

    A burst is a chain: each of its pictures was taken within `seconds` of another one that looks like
    it. The first and the last may be farther apart in time, and are a pair if they look alike as well.

    Args:
        times: when each picture was taken, in seconds from any moment; pictures without a time belong
            to no burst.
        edges: two ids and the cosine of their vectors, e.g. the edges of the neighbour graph, each
            once or in both directions.
        alike: the least cosine of two pictures that look alike.
        seconds: as above.
        copies: pairs of ids that are copies of each other, which are no pairs of a burst.

    Returns:
        Pairs of kind `burst` and probability 0.0, `first` the lower id, by ids; each two pictures
        once.
    """
    known = {_upwards(*pair) for pair in copies}
    likely = {
        _upwards(a, b): similarity
        for a, b, similarity in edges
        if similarity >= alike and a != b and a in times and b in times
    }
    bursts = _Bursts()
    for a, b in likely:
        if abs(times[a] - times[b]) <= seconds:
            bursts.join(a, b)
    return [
        Pair(a, b, "burst", 0.0, likely[a, b])
        for a, b in sorted(likely.keys() - known)
        if bursts.of(a) == bursts.of(b)
    ]


def _upwards(a: int, b: int) -> tuple[int, int]:
    return (a, b) if a < b else (b, a)


class _Bursts:
    """Pictures joined to sets; each set is known by one of its pictures."""

    def __init__(self) -> None:
        self.parent: dict[int, int] = {}

    def of(self, id_: int) -> int:
        while (above := self.parent.get(id_, id_)) != id_:
            self.parent[id_] = self.parent.get(above, above)
            id_ = above
        return id_

    def join(self, a: int, b: int) -> None:
        self.parent[self.of(a)] = self.of(b)
