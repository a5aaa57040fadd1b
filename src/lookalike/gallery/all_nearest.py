"""The nearest others of every vector: exactly for few, by groups of similar ones for many.

Many vectors are put into a tree by k-means: *groups* of about a hundred, each made of *leaves* of
about 25. All of a group are compared with the same leaves, as one product of matrices: those that
its members lie nearest to. How many it takes is read off a sample, whose true neighbours are looked
up: the first as many vectors as hold `TARGET` of them. So there is one thing to choose, the recall, and
another sample says whether it was reached.

Memory: what `Rows` holds, the lists (8 bytes a neighbour), and some 100 MB.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from lookalike.gallery.base import Ids, Vectors
from lookalike.gallery.knn import (
    Lists,
    centres,
    in_threads,
    most_similar,
    nearest_in_blocks,
    nearest_rows,
)
from lookalike.progress import Progress, silent
from lookalike.vectors import from_half, to_half

TARGET = 0.99
"""Share of a sample's true neighbours that must lie among what is compared: a little more than what is
wanted (0.98), since another sample may be harder."""

SAMPLE = 500
"""Vectors that are compared with all others, once to choose and once to measure: a standard error
of recall of about 0.003."""

LARGEST_FLOAT32 = 250_000
"""Up to so many vectors are held with 32 bits a number, 1 KiB a picture of 256 numbers; more of them
with 16, which is as exact but has to be unpacked whenever one is looked at."""

_LEAF = 25
_GROUP = 128
_BRANCHES = 64
_MOST = 20_000  # vectors that one group may be compared with
_VOTES = 12  # nearest leaves for which each member of a group votes
_BLOCK = 8192
_QUERIES = 256


class Rows:
    """All vectors of a space in memory, by place.

    Args:
        count: how many there will be.
        dimension: numbers in one.
    """

    def __init__(self, count: int, dimension: int) -> None:
        kind = np.float32 if count <= LARGEST_FLOAT32 else np.float16
        self._held: npt.NDArray[Any] = np.empty((count, dimension), kind)
        self._filled = 0

    def __len__(self) -> int:
        return self._filled

    def append(self, vectors: Vectors) -> None:
        """Add (m, d) canonical vectors."""
        part = self._held[self._filled : self._filled + len(vectors)]
        part[:] = vectors
        if part.dtype == np.float16:
            # Rounding gives the stored row nearly always, and `to_half`, which is slow, always.
            wrong = (from_half(part) != vectors).any(axis=1)
            part[wrong] = to_half(vectors[wrong])
        self._filled += len(vectors)

    def only(self, wanted: npt.NDArray[np.bool_]) -> Rows:
        """Those that are wanted, (len(self),) truths."""
        rows = Rows(0, self._held.shape[1])
        rows._held, rows._filled = self._held[: self._filled][wanted], int(wanted.sum())
        return rows

    def __getitem__(self, places: Any) -> Vectors:
        """The canonical vectors at these places, (m, d) float32."""
        found = self._held[: self._filled][places]
        return np.ascontiguousarray(found) if found.dtype == np.float32 else from_half(found)

    def blocks(self) -> Iterator[tuple[int, Vectors]]:
        """All of them in parts: the place of the first, and the vectors. What has to be unpacked
        comes some thousand at a time."""
        step = _BLOCK if self._held.dtype == np.float16 else max(1, self._filled)
        for start in range(0, self._filled, step):
            yield start, self[start : start + step]


@dataclass(frozen=True, slots=True)
class Built:
    """What `all_nearest` found.

    Attributes:
        lists: of every vector the nearest others.
        reach: with how many others each was compared, about.
        recall: share of the true nearest that were found, measured on a sample; 1.0 when every
            vector was compared with every other.
    """

    lists: Lists
    reach: int
    recall: float


def all_nearest(rows: Rows, count: int, *, measured: int, exact_limit: int, progress: Progress) -> Built:
    """The `count` nearest others of every vector.

    Args:
        rows: the vectors.
        count: neighbours of each.
        measured: recall is that of so many nearest, at most `count`: the others are spare.
        exact_limit: up to so many vectors all are compared with all.
        progress: called with how many vectors are done, and of how many.
    """
    if len(rows) <= exact_limit:
        return Built(nearest_of(rows, np.arange(len(rows)), count, progress), len(rows), 1.0)
    lists, drawn = Lists.empty(len(rows), count), np.random.default_rng(0).permutation(len(rows))
    tree = _Tree(rows)
    reach = max(tree.reach(np.sort(drawn[:SAMPLE]), measured), 2 * count)

    def search(group: int) -> int:
        members, among = tree.groups[group], np.sort(tree.candidates(group, reach))
        found = nearest_rows(rows[members], rows[among], count, np.searchsorted(among, members))
        found.places[:] = np.where(found.places < 0, -1, among[found.places])
        lists.put(members, found)
        return len(members)

    _follow(in_threads(search, range(len(tree.groups))), len(rows), progress)
    return Built(lists, reach, recall(rows, lists, np.sort(drawn[-SAMPLE:]), measured))


def nearest_of(rows: Rows, places: Ids, count: int, progress: Progress) -> Lists:
    """The `count` nearest others of some of the vectors, each compared with all.

    Args:
        rows: the vectors.
        places: which of them.
        count: neighbours of each.
        progress: called with how many are done, and of how many.
    """
    lists = Lists.empty(len(places), count)

    def search(start: int) -> int:
        part = places[start : start + _QUERIES]
        lists.put(slice(start, start + len(part)), nearest_in_blocks(rows[part], rows.blocks(), count, part))
        return len(part)

    _follow(in_threads(search, range(0, len(places), _QUERIES)), len(places), progress)
    return lists


def recall(rows: Rows, lists: Lists, sample: Ids, count: int) -> float:
    """Share of the `count` nearest others that the lists of these places have; one that is as near
    as the last of them counts as well."""
    true = nearest_of(rows, sample, count, silent)
    last = true.similarities[:, -1:]
    hits = (lists.similarities[sample][:, :count] >= last).sum()
    return float(hits / (len(sample) * count))


class _Tree:
    """Groups of similar vectors, made of leaves."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        parts = _parts(rows)
        self.groups = [np.concatenate(leaves) for leaves in parts]
        self._leaves = [leaf for leaves in parts for leaf in leaves]
        self._sizes = np.array([len(leaf) for leaf in self._leaves])
        self._centres = np.stack([rows[leaf].mean(axis=0) for leaf in self._leaves])
        self._centres /= np.maximum(np.linalg.norm(self._centres, axis=1, keepdims=True), 1e-9)
        firsts = np.cumsum([0, *map(len, parts)])
        self._own = [np.arange(*ends) for ends in pairwise(firsts)]
        self._order = list(in_threads(self._ordered, range(len(parts))))

    def candidates(self, group: int, count: int) -> Ids:
        """Places of at least `count` vectors to compare a group with, as far as its order reaches."""
        order = self._order[group]
        enough = int(np.searchsorted(np.cumsum(self._sizes[order]), count)) + 1
        return np.concatenate([self._leaves[leaf] for leaf in order[:enough]])

    def reach(self, sample: Ids, count: int) -> int:
        """How many vectors a group must be compared with to see `TARGET` of its neighbours."""
        places = nearest_of(self._rows, sample, count, silent).places
        leaf_of, group_of = np.empty((2, len(self._rows)), np.int64)
        for number, leaf in enumerate(self._leaves):
            leaf_of[leaf] = number
        for number, group in enumerate(self.groups):
            group_of[group] = number
        needed = np.full(places.shape, _MOST)
        for row, group in enumerate(group_of[sample]):
            order = self._order[group]
            position = np.full(len(self._leaves), -1)
            position[order] = np.cumsum(self._sizes[order])
            seen = position[leaf_of[places[row]]]
            needed[row] = np.where(seen < 0, _MOST, seen)
        return int(np.quantile(needed, TARGET, method="higher"))

    def _ordered(self, group: int) -> Ids:
        """The leaves to compare a group with, best first: its own, then by the members' votes.

        Each member votes for the leaves nearest to it; leaves without a vote are taken by their
        similarity to the middle of the group.
        """
        members, own = self._rows[self.groups[group]], self._own[group]
        middle = members.mean(axis=0, keepdims=True)
        near = most_similar(middle, self._centres, _MOST // _LEAF)[0]
        near = np.concatenate([own, near[~np.isin(near, own)]])
        voted = most_similar(members, self._centres[near], _VOTES)
        votes = np.bincount(voted.ravel(), minlength=len(near))
        votes[: len(own)] = len(members) + 1
        return near[np.argsort(-votes, kind="stable")]


def _follow(steps: Iterable[int], total: int, progress: Progress) -> None:
    done = 0
    for step in steps:
        done += step
        progress(done, total)


def _parts(rows: Rows) -> list[list[Ids]]:
    """All vectors in groups of leaves."""
    branches = _cut(rows, np.arange(len(rows)), _GROUP)
    found = in_threads(lambda branch: _split(rows, branch, _GROUP), branches)
    groups = [group for some in found for group in some]
    return list(in_threads(lambda group: _split(rows, group, _LEAF), groups))


def _split(rows: Rows, places: Ids, size: int) -> list[Ids]:
    """Parts of about `size` similar vectors, none larger than half as much again."""
    pending, parts = [places], []
    while pending:
        part = pending.pop()
        if len(part) <= 1.5 * size:
            parts.append(part)
        else:
            pending += _cut(rows, part, size)
    return parts


def _cut(rows: Rows, places: Ids, size: int) -> list[Ids]:
    """At least two parts, at most `_BRANCHES`, of similar vectors."""
    count = min(_BRANCHES, max(2, round(len(places) / size)))
    middles = centres(rows[places[:: max(1, len(places) // (64 * count))]], count)
    blocks = (places[start : start + _BLOCK] for start in range(0, len(places), _BLOCK))
    found = np.concatenate([most_similar(rows[block], middles, 1)[:, 0] for block in blocks])
    parts = [places[found == number] for number in np.unique(found)]
    # Equal vectors stay together however often they are split: cut them as they come.
    return parts if len(parts) > 1 else np.array_split(places, count)
