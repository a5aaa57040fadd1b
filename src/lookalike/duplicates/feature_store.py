"""Features kept with a collection: blocks of them, as derived arrays of its gallery.

Each block is written as its features are found, and mapped from the disk from then on, so that memory
does not grow with the collection; only where no more files can be opened, it stays in memory. Which blocks
there are is a note of the gallery; so blocks can be put together, and a crash between any two steps leaves
the old ones or the new one.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from typing import Any

import numpy as np
import numpy.typing as npt

from lookalike.duplicates.candidates import Patches
from lookalike.duplicates.features import Features
from lookalike.errors import CollectionError
from lookalike.gallery.base import Gallery

VERSION = 5
"""To be raised when `features.describe` finds other features: those kept are then found anew."""

BLOCK = 4096
"""Pictures whose features lie together."""

SMALL = 64
"""Blocks that are not full yet, of which there may be so many before they are put together: each is an open
file, and putting together those of 10,000 pictures takes 2 seconds."""


@dataclass(frozen=True, slots=True)
class Found:
    """Features of a picture.

    Attributes:
        id: the picture's.
        content: eight bytes of its content hash: they tell whether features are of these bytes.
        features: its features.
    """

    id: int
    content: int
    features: Features


class FeatureStore:
    """The features of a gallery's pictures, and of others, which have negative ids and are not kept."""

    def __init__(self, gallery: Gallery) -> None:
        self._gallery = gallery
        self._blocks: dict[int, _Block] = {}  # by number; those that are not kept have negative ones
        self._where: dict[int, tuple[int, int]] = {}

    def load(self) -> None:
        """Take what the gallery has, unless that was done."""
        if not self._blocks:
            numbers: list[int] = json.loads(self._gallery.note(_note()) or "[]")
            for number in numbers:
                self._load(number)

    def has(self, id_: int) -> bool:
        """Whether there are features of a picture."""
        return id_ in self._where

    def knows(self, id_: int, content: int) -> bool:
        """Whether there are features of these bytes; those of others are forgotten."""
        number, row = self._where.get(id_, (0, -1))
        if row >= 0 and int(self._blocks[number].contents[row]) == content:
            return True
        self._where.pop(id_, None)
        return False

    def features(self, id_: int) -> Features:
        """The features of a picture that it has."""
        number, row = self._where[id_]
        return self._blocks[number].features(row)

    def patches(self, ids: Sequence[int]) -> list[Patches]:
        """The features of those of these pictures that it has, with the places in `ids`."""
        places = {number: np.full(len(block.ids), -1, np.int32) for number, block in self._blocks.items()}
        for place, id_ in enumerate(ids):
            if id_ in self._where:
                number, row = self._where[id_]
                places[number][row] = place
        return [block.patches(places[number]) for number, block in self._blocks.items()]

    def add(self, found: Sequence[Found]) -> None:
        """Take features, and keep them if they are of the gallery's pictures and nobody else writes."""
        block = _Block.of(found)
        if found[0].id < 0 or not self._keep(block, instead_of=()):
            self._take(min(0, *self._blocks) - 1 if self._blocks else -1, block)
        elif self._are_many_small():
            self._put_together()

    def tidy(self) -> None:
        """Drop what earlier versions kept, and make one block of several that are not full, if there are
        many, without what is outdated."""
        self._drop_earlier()
        self._put_together()

    # --- inside ------------------------------------------------------------------------------

    def _drop_earlier(self) -> None:
        """Nobody reads features of earlier versions any more."""
        for version in range(1, VERSION):
            numbers = self._earlier(version)
            if not numbers:
                continue
            with suppress(CollectionError), self._gallery.writing() as writing:
                for number in reversed(numbers):  # so that those left after a crash are found
                    writing.drop_arrays(_name(number, version))
                writing.set_note(_note(version), None)

    def _earlier(self, version: int) -> list[int]:
        """The blocks that a version kept: before the fourth they were numbered without a note."""
        note = self._gallery.note(_note(version))
        if note is not None:
            numbers: list[int] = json.loads(note)
            return numbers
        kept = (number for number in count() if self._gallery.arrays(_name(number, version)) is None)
        return list(range(next(kept)))

    def _are_many_small(self) -> bool:
        """Whether there are too many of which any two make one: told without asking the gallery, as often as
        something is added."""
        small = (number >= 0 and len(block.ids) < BLOCK // 2 for number, block in self._blocks.items())
        return sum(small) > SMALL

    def _put_together(self) -> None:
        rows = self._current()
        small = [number for number in sorted(rows) if len(rows[number]) < BLOCK]
        if len(small) <= SMALL:
            return
        parts: list[list[int]] = [[]]
        for number in small:
            if sum(len(rows[one]) for one in parts[-1]) + len(rows[number]) > BLOCK:
                parts.append([])
            parts[-1].append(number)
        for part in parts:  # one after the other, since all of them may not fit into memory
            if len(part) == 1 and len(rows[part[0]]) == len(self._blocks[part[0]].ids):
                continue  # nearly full, and nothing in it is outdated: it would be written as it is
            if not self._keep(_Block.joined([self._blocks[one].only(rows[one]) for one in part]), part):
                return
            for number in part:
                del self._blocks[number]

    def _current(self) -> dict[int, npt.NDArray[np.intp]]:
        """The rows of each block that is kept that are of pictures the gallery has, and not outdated."""
        there = self._gallery.hashes()[0]
        rows = {}
        for number, block in self._blocks.items():
            if number >= 0:
                newest = [self._where.get(id_) == (number, row) for row, id_ in enumerate(block.ids.tolist())]
                rows[number] = np.flatnonzero(np.array(newest, bool) & np.isin(block.ids, there))
        return rows

    def _keep(self, block: _Block, instead_of: Sequence[int]) -> bool:
        """Write a block, which takes the place of others; whether that could be done."""
        number = max([-1, *self._blocks]) + 1
        try:
            with self._gallery.writing() as writing:
                writing.keep_arrays(_name(number), block.arrays())
                kept = [other for other in self._blocks if other >= 0 and other not in instead_of]
                writing.set_note(_note(), json.dumps([*kept, number]))
                for other in instead_of:
                    writing.drop_arrays(_name(other))
        except CollectionError:  # it serves without
            return False
        if not self._load(number):  # when no more files can be opened, say
            self._take(number, block)
        return True

    def _load(self, number: int) -> bool:
        """Take a block from the disk; whether it is there and whole."""
        arrays = self._gallery.arrays(_name(number))
        with suppress(TypeError):  # one of another layout
            if arrays is not None:
                self._take(number, _Block(**arrays))
                return True
        return False

    def _take(self, number: int, block: _Block) -> None:
        self._blocks[number] = block
        self._where |= {id_: (number, row) for row, id_ in enumerate(block.ids.tolist())}


def _note(version: int = VERSION) -> str:
    """The note under which a gallery keeps the numbers of the blocks."""
    return f"duplicates/features-{version}"


def _name(number: int, version: int = VERSION) -> str:
    return f"features-{version}-{number}"


@dataclass(frozen=True, slots=True, eq=False)
class _Block:
    """The features of some pictures, one after the other: those of row i lie from starts[i] on."""

    ids: npt.NDArray[np.int64]
    contents: npt.NDArray[np.uint64]
    starts: npt.NDArray[np.int64]
    points: npt.NDArray[np.float16]
    scales: npt.NDArray[np.float16]
    angles: npt.NDArray[np.float16]
    descriptors: npt.NDArray[np.uint8]
    mirrored: npt.NDArray[np.uint8]

    @classmethod
    def of(cls, found: Sequence[Found]) -> _Block:
        each = [one.features for one in found]
        return cls(
            np.array([one.id for one in found], np.int64),
            np.array([one.content for one in found], np.uint64),
            np.concatenate([[0], np.cumsum([len(f) for f in each])]).astype(np.int64),
            np.concatenate([f.points for f in each]).astype(np.float16),
            np.concatenate([f.scales for f in each]).astype(np.float16),
            np.concatenate([f.angles for f in each]).astype(np.float16),
            np.concatenate([f.descriptors for f in each]),
            np.concatenate([f.mirrored for f in each]),
        )

    @classmethod
    def joined(cls, blocks: Sequence[_Block]) -> _Block:
        """One block of several."""
        ends = np.cumsum([0, *(int(block.starts[-1]) for block in blocks)])
        starts = [block.starts[:-1] + end for block, end in zip(blocks, ends, strict=False)]
        arrays = {
            name: np.concatenate([getattr(block, name) for block in blocks])
            for name in cls.__slots__
            if name != "starts"
        }
        return cls(starts=np.concatenate([*starts, ends[-1:]]).astype(np.int64), **arrays)

    def only(self, rows: npt.NDArray[np.intp]) -> _Block:
        """Some of its pictures."""
        if len(rows) == len(self.ids):
            return self
        counts = np.diff(self.starts)
        chosen = np.flatnonzero(np.isin(np.repeat(np.arange(len(counts)), counts), rows))
        arrays = {name: getattr(self, name)[chosen] for name in _PATCHES}
        starts = np.concatenate([[0], np.cumsum(counts[rows])]).astype(np.int64)
        return _Block(self.ids[rows], self.contents[rows], starts, **arrays)

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        return {name: getattr(self, name) for name in self.__slots__}

    def features(self, row: int) -> Features:
        part = slice(int(self.starts[row]), int(self.starts[row + 1]))
        return Features(
            np.asarray(self.points[part], np.float32),
            np.asarray(self.scales[part], np.float32),
            np.asarray(self.angles[part], np.float32),
            np.asarray(self.descriptors[part]),
            np.asarray(self.mirrored[part]),
        )

    def patches(self, places: npt.NDArray[np.int32]) -> Patches:
        return Patches(places, self.starts, self.scales, self.angles, self.descriptors, self.mirrored)


_PATCHES = ("points", "scales", "angles", "descriptors", "mirrored")
"""The arrays of a block that have a row for each patch."""
