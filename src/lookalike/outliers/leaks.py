"""From a gallery to the pictures that splits share: copies of training pictures among those for testing.

Copies are found as `duplicates` finds them (the same bytes, perceptual hashes, patches and neighbours, each
pair verified by its pixels), but only pairs across splits are looked for. Pictures with the same bytes are
looked at as one, which may lie in several splits.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, combinations, product

from lookalike.clusters.scope import scope
from lookalike.duplicates.calibrating import calibration_of
from lookalike.duplicates.finding import Finder
from lookalike.duplicates.pairs import Pair, check_precision
from lookalike.duplicates.reading import Reading
from lookalike.duplicates.sketches import Sketches
from lookalike.errors import UsageError
from lookalike.filters import Filter, value_of
from lookalike.gallery.base import Gallery, Picture, Space
from lookalike.outliers.finding import rows
from lookalike.progress import Stages, silent
from lookalike.results import Leak, Leaks

PRECISION = 0.9
"""Least probability of a leak: somebody looks at them, and one missed costs more than one too many."""

MOST_SPLITS = 20
"""More values than these are no splits; somebody has named another column."""

_TRIED = 8  # pictures of another split that a copy is compared with, beyond the pairs found


_Groups = Mapping[str, Mapping[str, Sequence[int]]]
"""The pictures with the same bytes: by content hash, and then by split; ascending."""


@dataclass(frozen=True, slots=True)
class _Splits:
    """Which split each picture is in.

    Attributes:
        pictures: those in a split, by id.
        split: of each of them.
        sizes: pictures of each split, the largest first.
    """

    pictures: Mapping[int, Picture]
    split: Mapping[int, str]
    sizes: Mapping[str, int]

    def smaller_first(self, a: int, b: int) -> tuple[int, int]:
        """Two pictures of different splits, that of the smaller split first."""
        order = list(self.sizes)
        return (a, b) if order.index(self.split[a]) > order.index(self.split[b]) else (b, a)


def find(
    gallery: Gallery,
    space: Space,
    reading: Reading,
    column: str,
    *,
    where: Filter | None = None,
    precision: float = PRECISION,
    progress: Stages | None = None,
) -> Leaks:
    """The pictures that splits share.

    Args:
        gallery: whose pictures.
        space: whose vectors say what looks alike.
        reading: reads pictures.
        column: of the metadata: which split a picture is in.
        where: only pictures it matches are looked at.
        precision: least probability that a pair are copies, in (0, 1].
        progress: called now and then.

    Raises:
        UsageError: the column is unknown or has no splits; precision is out of range; there are
            no pictures.
    """
    check_precision(precision)
    started, tell = time.perf_counter(), progress or silent
    seen = scope(gallery, space, where, [column])
    pictures = rows(gallery, seen.ids.tolist())
    splits = _splits(pictures, column)
    groups = _contents(splits)
    sketches = Sketches(gallery, reading)
    calibrate = partial(calibration_of, gallery, space, sketches, partial(tell, "calibrating"))
    between = {
        id_: frozenset(by_split) for by_split in groups.values() for ids in by_split.values() for id_ in ids
    }
    finder = Finder(gallery, space, sketches, calibrate, precision, between=between)
    found = finder.find(tell)
    pairs = [pair for pair in found.pairs if pair.kind != "exact"]
    near = chain(pairs, _completed(pairs, groups, splits, finder))
    leaks = _leaks(near, groups, splits)
    return Leaks(
        tuple(leaks),
        column,
        splits.sizes,
        len(pictures) - len(splits.split),
        len(pictures),
        finder.compared,
        found.failed,
        round(time.perf_counter() - started, 3),
    )


def _splits(pictures: Sequence[Picture], column: str) -> _Splits:
    split = {
        picture.id: text
        for picture in pictures
        if (value := value_of(picture, column)) is not None and (text := _text(value))
    }
    names = sorted(set(split.values()))
    if not names:
        raise UsageError(f"no picture that was looked at has a value of {column!r}")
    if len(names) == 1:
        raise UsageError(
            f"{column!r} has one value only, {names[0]!r}: leaks are looked for between two splits or more"
        )
    if len(names) > MOST_SPLITS or len(names) == len(split) > 3:
        raise UsageError(
            f"there are {len(names):,} values of {column!r} for {len(split):,} pictures, too many for splits "
            f"(at most {MOST_SPLITS}): name the column that says train or test"
        )
    counts = {name: sum(one == name for one in split.values()) for name in names}
    sizes = dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
    return _Splits({p.id: p for p in pictures if p.id in split}, split, sizes)


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:g}" if isinstance(value, float) else str(value).strip()


def _contents(splits: _Splits) -> _Groups:
    """The pictures with the same bytes."""
    groups: dict[str, dict[str, list[int]]] = {}
    for id_, picture in splits.pictures.items():
        groups.setdefault(picture.content, {}).setdefault(splits.split[id_], []).append(id_)
    return groups


def _leaks(near: Iterable[Pair], groups: _Groups, splits: _Splits) -> list[Leak]:
    """For each picture the surest copy in each larger split, the surest first.

    Pictures with the same bytes in the same split have the same copies, so one is looked at for all.
    """
    leaks = []
    for pair, id_, other in _surest(chain(_exact(groups), _across(near, groups, splits)), splits):
        twins = groups[splits.pictures[id_].content][splits.split[id_]]
        leaks += [_leak(pair, twin, other, splits) for twin in twins]
    leaks.sort(key=lambda leak: (_KINDS.index(leak.kind), -leak.probability, leak.path, leak.other_split))
    return leaks


def _exact(groups: _Groups) -> Iterator[Pair]:
    """Of the same bytes in several splits the first pictures of each two of them."""
    for by_split in groups.values():
        for a, b in combinations(by_split.values(), 2):
            yield Pair(a[0], b[0], "exact", 1.0, 1.0)


def _across(pairs: Iterable[Pair], groups: _Groups, splits: _Splits) -> Iterator[Pair]:
    """Pairs of pictures of different splits, from pairs that stand for all with the same bytes: of these the
    first ones of each split."""
    for pair in pairs:
        first, second = (groups[splits.pictures[id_].content] for id_ in (pair.first, pair.second))
        for (name, a), (other, b) in product(first.items(), second.items()):
            if name != other:
                yield replace(pair, first=a[0], second=b[0])


def _completed(pairs: Sequence[Pair], groups: _Groups, splits: _Splits, finder: Finder) -> Iterator[Pair]:
    """The pairs that the finder left out, since its two pictures were linked through a third one: with three
    splits, a picture may have a copy in each of the others."""
    if len(splits.sizes) == 2:
        return  # whatever is linked has a pair across, since only such pairs link
    near = _near(pairs)
    names = {id_: set(groups[splits.pictures[id_].content]) for id_ in near}
    for ids in _linked(near):
        for id_ in ids:
            known = names[id_].union(*(names[other] for other in near[id_]))
            for name in (name for name in splits.sizes if name not in known):
                others = [other for other in ids if name in names[other]][:_TRIED]
                yield from (pair for other in others if (pair := finder.compare(id_, other)) is not None)


def _near(pairs: Iterable[Pair]) -> dict[int, set[int]]:
    """For each picture those it is paired with."""
    near: dict[int, set[int]] = {}
    for pair in pairs:
        near.setdefault(pair.first, set()).add(pair.second)
        near.setdefault(pair.second, set()).add(pair.first)
    return near


def _linked(near: Mapping[int, set[int]]) -> list[list[int]]:
    """The pictures that pairs link, directly or through others."""
    groups, seen = [], set[int]()
    for start in sorted(near):
        if start in seen:
            continue
        group, waiting = {start}, [start]
        while waiting:
            fresh = near[waiting.pop()] - group
            group |= fresh
            waiting.extend(fresh)
        seen |= group
        groups.append(sorted(group))
    return groups


_KINDS = ("exact", "pixels", "near", "edited")


def _surest(pairs: Iterable[Pair], splits: _Splits) -> Iterator[tuple[Pair, int, int]]:
    """For each picture and each larger split the surest pair, the picture, and its copy there."""
    best: dict[tuple[int, str], tuple[tuple[object, ...], Pair]] = {}
    for pair in pairs:
        id_, other = splits.smaller_first(pair.first, pair.second)
        rank = (_KINDS.index(pair.kind), -pair.probability, other)
        key = (id_, splits.split[other])
        if key not in best or rank < best[key][0]:
            best[key] = rank, pair
    for _, pair in best.values():
        yield pair, *splits.smaller_first(pair.first, pair.second)


def _leak(pair: Pair, id_: int, other: int, splits: _Splits) -> Leak:
    return Leak(
        id_,
        splits.pictures[id_].path,
        splits.split[id_],
        splits.pictures[other].path,
        splits.split[other],
        pair.kind,
        pair.probability,
        pair.similarity,
    )
