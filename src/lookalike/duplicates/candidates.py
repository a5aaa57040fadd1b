"""Which pairs of pictures are worth comparing: three ways of not looking at all of them.

- `by_hash`: perceptual hashes that differ in few bits (blurred, tiny, encoded again);
- `by_features`: many patches of the one occur in the other (crops, collages, pasted pictures);
- `by_neighbours`: nearest by the vector of the whole picture (everything that keeps its look).

Each is about linear in the number of pictures: hashes and patches meet in sorted tables, and places
where more meet than can be copies (blank scans, a pattern that is everywhere) are cut off.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt

from lookalike.duplicates import ordering
from lookalike.errors import UsageError
from lookalike.progress import Progress

Hashes = npt.NDArray[np.uint64]
Places = npt.NDArray[np.int64]
Pairs = npt.NDArray[np.int64]
"""(m, 2) int64: places of two pictures, the smaller first, each pair once, in ascending order."""

FAR = 7
"""Bits in which the perceptual hashes of two pictures that are compared may differ. All but a few
of the copies that only were encoded again, shrunk, blurred or turned grey differ in fewer; and with
four quarters of 16 bits, one quarter then differs in one bit at the most, which makes it fast."""

CROWD = 96
"""Patches that occur more often, mirrored ones included, are a pattern that tells nothing."""

REACH = 6
"""Of several patches or hashes that are the same, each meets the next so many, in another order in
each table: a hundred copies of one picture need not all be compared with each other."""

VOTES = 5
"""Patches that must agree on turn and size. Of 5,200 photos of garments and groceries, 1.9 pairs a
picture have as many. So have 0.96 of the collages with their pictures, 0.97 of the crops to a quarter of
the area and 0.70 of those to a tenth, and 0.80 of the pictures pasted at 30 to 50 % of the side."""

PARTNERS = 16
"""Of the pictures that share patches with a picture, so many are compared with it."""

_MANY = 1000  # of the same quarter hash: by chance there are 15 among a million

# --- perceptual hashes -----------------------------------------------------------------------


def by_hash(hashes: Hashes, far: int = FAR) -> Pairs:
    """The pairs whose hashes differ in few bits.

    Multi-index hashing (M. Norouzi et al., "Fast Search in Hamming Space with Multi-Index
    Hashing", CVPR 2012): of four quarters at least one differs in at most `far` // 4 bits.

    Args:
        hashes: (n,) uint64.
        far: 0 to 7.

    Returns:
        All such pairs, except where more than a thousand have the same quarter hash: there only
        those next to each other.
    """
    found = [np.zeros((0, 2), np.int64)]
    for shift in (0, 16, 32, 48):
        quarter = ((hashes >> np.uint64(shift)) & np.uint64(0xFFFF)).astype(np.int64)
        # The other bits decide the order within a quarter: the most alike lie side by side.
        order = np.lexsort((hashes, quarter))
        found.extend(_met(quarter[order], order, hashes, flip, far) for flip in _flips(far // 4))
    return _unique(np.concatenate(found))


def _flips(bits: int) -> list[int]:
    return [0] if bits == 0 else [0, *(1 << bit for bit in range(16))]


def _met(quarter: npt.NDArray[np.int64], order: Places, hashes: Hashes, flip: int, far: int) -> Pairs:
    """Near pairs of which one's quarter, in ascending order, is the other's with one bit flipped,
    or none."""
    rows = np.arange(len(order)) if flip == 0 else np.flatnonzero(quarter & flip)
    begin, end = (np.searchsorted(quarter, quarter[rows] ^ flip, side) for side in ("left", "right"))
    first = rows + 1 if flip == 0 else begin
    count = np.where(end - begin > _MANY, np.minimum(end - first, REACH), end - first)
    found = [np.zeros((0, 2), np.int64)]
    for a, b in _expanded(first, count):
        pair = order[rows[a]], order[b]
        close = np.bitwise_count(hashes[pair[0]] ^ hashes[pair[1]]) <= far
        found.append(np.column_stack(pair)[close])
    return np.concatenate(found)


def _expanded(first: Places, count: Places, most: int = 1 << 22) -> Iterator[tuple[Places, Places]]:
    """Each row with each place from `first` on, `count` of them, some millions at a time."""
    ends = np.cumsum(count)
    start = 0
    while start < len(count):
        before = int(ends[start - 1]) if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, before + most, "right")))
        many = count[start:stop]
        rows = np.repeat(np.arange(start, stop), many)
        offsets = np.arange(len(rows)) - np.repeat(np.cumsum(many) - many, many)
        yield rows, first[rows] + offsets
        start = stop


def _unique(pairs: Pairs) -> Pairs:
    ordered = np.sort(pairs, axis=1)
    return np.unique(ordered[ordered[:, 0] != ordered[:, 1]], axis=0)


# --- local features --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class Patches:
    """The local features of some pictures, one picture after the other.

    Attributes:
        places: (n,) int32, the place of each picture; -1 for one that is left out.
        starts: (n + 1,) int64: those of picture i lie from starts[i] to starts[i + 1].
        scales: (m,) float16; see `features.Features`.
        angles: (m,) float16.
        descriptors: (m, 32) uint8; like all of these it may lie on a disk, since it is read from
            the first to the last, once for each table.
        mirrored: likewise.
    """

    places: npt.NDArray[np.int32]
    starts: npt.NDArray[np.int64]
    scales: npt.NDArray[np.float16]
    angles: npt.NDArray[np.float16]
    descriptors: npt.NDArray[np.uint8]
    mirrored: npt.NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.descriptors)

    def some_at_once(self) -> Iterator[Patches]:
        """The same in pieces of a thousand pictures: what is made of so many fits into memory that is used
        again, while more would be new pages each time."""
        for first in range(0, len(self.places), _PICTURES):
            starts = self.starts[first : first + _PICTURES + 1]
            these = slice(int(starts[0]), int(starts[-1]))
            yield Patches(
                self.places[first : first + _PICTURES],
                starts - starts[0],
                self.scales[these],
                self.angles[these],
                self.descriptors[these],
                self.mirrored[these],
            )

    def owners(self, mirrored: bool) -> npt.NDArray[np.uint64]:
        """(m,) what patch each is: see `_Keyed`. Of pictures that are left out it means nothing."""
        counts = np.diff(self.starts)
        number = np.arange(len(self)) - np.repeat(self.starts[:-1], counts)
        owner = np.repeat(self.places.astype(np.int64) << _PLACE, counts)
        owner += ((number % _VOTERS) << 1) + mirrored
        return owner.astype(np.uint64)


@dataclass(frozen=True, slots=True)
class Voted:
    """Pairs of pictures that share patches.

    Attributes:
        pairs: as `Pairs`.
        votes: (m,) int64, patches that agree on turn and size.
        mirrored: (m,) bool, whether they agree on one being the other's mirror image.
    """

    pairs: Pairs
    votes: npt.NDArray[np.int64]
    mirrored: npt.NDArray[np.bool_]


_TABLES = 10
_RARE = 8  # bits of a key beyond those that tell as many patches apart as there are
_WORD = 64  # bits: the first of each descriptor, compared where keys meet; the other bits make keys
_ALIKE = 11  # of the first bits, in how many patches that vote may differ
_BALANCED = 120  # of the bits that make keys, those that are set about as often as not

_TURNS = 18  # of 20 degrees, the first being no turn, give or take 10
_GROWTHS = 16  # of a factor 2 and overlapping by half, the eighth being none
_HOWS = _TURNS * _GROWTHS * 2  # ways to vote for one pair
_VOTERS = 1 << 10  # more than the features of a picture, which lie side by side
_PLACE = 11  # bits of an owner below the place of its picture
_AT_ONCE = 5_000_000  # patches that are sorted, and whose votes are counted, at once: 400 MB a thread
_PICTURES = 1024  # whose patches are dealt out at once
_CHUNK = 1 << 15  # patches whose keys are made at once: what that takes stays in the processor's cache
_MOST = 1 << 27  # pictures; beyond, the votes for a single one do not fit into 63 bits


def by_features(
    blocks: Sequence[Patches],
    pictures: int,
    *,
    old: int = 0,
    threads: int = 1,
    progress: Progress | None = None,
) -> Voted:
    """The pairs that share at least `VOTES` patches.

    Locality-sensitive hashing (P. Indyk and R. Motwani, STOC 1998): in each of some tables, patches
    meet that agree in all of a few random bits of their descriptors. Those that meet and are alike in
    other bits vote for how much one picture would be turned and grown to become the other. Keys and
    votes that are too many to be sorted at once go to temporary files, in parts that are not.

    Args:
        blocks: the patches of all pictures.
        pictures: how many pictures there are.
        old: pairs among the first so many pictures are left out: they have been compared before.
        threads: tables that are made side by side; it makes no difference to what is found.
        progress: called with tables done and their number.

    Raises:
        UsageError: more than 134 million pictures.
    """
    if pictures > _MOST:
        raise UsageError(f"copies can be looked for among {_MOST:,} pictures at most, not {pictures:,}")
    count = sum(map(len, blocks))
    bits = int(np.log2(count + 1)) + _RARE
    draw = np.random.default_rng(20)
    balanced = _balanced([block.descriptors for block in blocks])
    parts = 2 * count // _AT_ONCE + 1
    tables = [
        _Table(
            _mask(draw.choice(balanced, min(bits, len(balanced)), replace=False)),
            [int(draw.integers(1 << 62)) | 1 for _ in range(parts)],
        )
        for _ in range(_TABLES)
    ]
    with TemporaryDirectory(prefix="lookalike-") as folder, ThreadPoolExecutor(threads) as pool:
        votes = _Votes(Path(folder), pictures, parts)
        made = [pool.submit(_vote, table, blocks, votes, old) for table in tables]
        try:
            for done, table in enumerate(made, start=1):
                table.result()
                if progress:
                    progress(done, _TABLES)
        finally:
            pool.shutdown(cancel_futures=True)  # as when it is interrupted
        return _best([votes.counted(part) for part in range(votes.parts)])


@dataclass(frozen=True, slots=True)
class _Table:
    """One of the tables: the bits that make its keys, and for each part an odd number that makes the order in
    which patches meet."""

    mask: npt.NDArray[np.uint64]
    odd: Sequence[int]


@dataclass(frozen=True, slots=True, eq=False)
class _Keyed:
    """Patches that may meet.

    Attributes:
        keys: (m,) uint64: those that meet have the same.
        words: (m,) uint64, the first bits of their descriptors.
        owners: (m,) uint64: the place of the picture, the number of the patch in it, and whether it is the
            one of the mirrored picture (one bit).
        shapes: (m,) uint32, angle and scale, two float16 in one number, which is quicker to move.
    """

    keys: Hashes
    words: Hashes
    owners: npt.NDArray[np.uint64]
    shapes: npt.NDArray[np.uint32]

    def __getitem__(self, which: npt.NDArray[np.intp]) -> _Keyed:
        return _Keyed(self.keys[which], self.words[which], self.owners[which], self.shapes[which])

    def put(self, folder: Path, of: npt.NDArray[np.int32], parts: int) -> None:
        """Into files of a folder, those of each part behind what is there, in the same order."""
        for name in _FIELDS:
            _append([folder / f"{part}-{name}" for part in range(parts)], getattr(self, name), of)

    @classmethod
    def take(cls, folder: Path, part: int) -> _Keyed:
        """What was put into the files of a part, which are removed."""
        return cls(**{name: _taken(folder / f"{part}-{name}", dtype) for name, dtype in _FIELDS.items()})


_FIELDS = {"keys": np.uint64, "words": np.uint64, "owners": np.uint64, "shapes": np.uint32}


def _vote(table: _Table, blocks: Sequence[Patches], votes: _Votes, old: int) -> None:
    with TemporaryDirectory(prefix="lookalike-") as folder:
        parts = _in_parts(_all_keyed(blocks, table.mask), len(table.odd), Path(folder))
        for keyed, odd in zip(parts, table.odd, strict=True):
            together = _together(keyed, odd)
            for a, b in _meetings(together):
                votes.add(*_cast(together, a, b, old))


def _all_keyed(blocks: Sequence[Patches], mask: npt.NDArray[np.uint64]) -> Iterator[_Keyed]:
    """First all plain patches, then the mirrored ones, block by block."""
    for mirrored in (False, True):
        for block in chain.from_iterable(block.some_at_once() for block in blocks):
            words = np.ascontiguousarray(block.mirrored if mirrored else block.descriptors).view(np.uint64)
            shapes = np.column_stack([block.angles, block.scales]).view(np.uint32)[:, 0]
            keyed = _Keyed(_keys(words, mask), words[:, 0], block.owners(mirrored), shapes)
            if (block.places < 0).any():
                keyed = keyed[np.flatnonzero(np.repeat(block.places >= 0, np.diff(block.starts)))]
            yield keyed


def _in_parts(all_: Iterator[_Keyed], parts: int, folder: Path) -> Iterator[_Keyed]:
    """The same patches, those with the same key together; by way of files when there are several parts."""
    if parts == 1:
        yield _joined(list(all_))
        return
    for keyed in all_:
        keyed.put(folder, ((keyed.keys >> np.uint64(40)) % np.uint64(parts)).astype(np.int32), parts)
    for part in range(parts):
        yield _Keyed.take(folder, part)


def _append(files: Sequence[Path], values: npt.NDArray[Any], of: npt.NDArray[np.int32]) -> None:
    """Each value behind what is in the file it is of."""
    ordered, ends = ordering.dealt(values, of, len(files))
    for number in np.flatnonzero(np.diff(ends)).tolist():
        with files[number].open("ab") as file:
            ordered[ends[number] : ends[number + 1]].tofile(file)


def _taken(path: Path, dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    values = np.fromfile(path, dtype) if path.exists() else np.zeros(0, dtype)
    path.unlink(missing_ok=True)
    return values


def _joined(keyed: Sequence[_Keyed]) -> _Keyed:
    nothing = np.zeros(0, np.uint64)
    return _Keyed(
        np.concatenate([nothing, *(k.keys for k in keyed)]),
        np.concatenate([nothing, *(k.words for k in keyed)]),
        np.concatenate([nothing, *(k.owners for k in keyed)]),
        np.concatenate([np.zeros(0, np.uint32), *(k.shapes for k in keyed)]),
    )


def _balanced(blocks: Sequence[npt.NDArray[np.uint8]]) -> npt.NDArray[np.intp]:
    """The bits that are set about as often as not, in a sample of patches; none of the first word."""
    starts = np.cumsum([0, *map(len, blocks)])
    step = max(1, int(starts[-1]) // 20_000)
    some = [block[-start % step :: step] for start, block in zip(starts.tolist(), blocks, strict=False)]
    sample = np.concatenate([np.zeros((1, 32), np.uint8), *some])  # the same however they lie in blocks
    share = np.unpackbits(sample, axis=1, bitorder="little")[:, _WORD:].mean(axis=0)
    return _WORD + np.argsort(np.abs(share - 0.5), kind="stable")[:_BALANCED]


def _mask(bits: npt.NDArray[np.intp]) -> npt.NDArray[np.uint64]:
    chosen = np.zeros(256, np.uint8)
    chosen[bits] = 1
    return np.packbits(chosen, bitorder="little").view(np.uint64)


_MIXING = np.array(
    [0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xD6E8FEB86659FD93], np.uint64
)
"""Large odd numbers, which make one number of four without losing a bit of any by design."""


def _keys(words: npt.NDArray[np.uint64], mask: npt.NDArray[np.uint64]) -> Hashes:
    """One number for each patch: the same for those that agree in all bits of the mask, which has none of the
    first word."""
    keys = np.zeros(len(words), np.uint64)
    for start in range(0, len(words), _CHUNK):
        some, made = words[start : start + _CHUNK], keys[start : start + _CHUNK]
        for word in range(1, 4):
            made += (some[:, word] & mask[word]) * _MIXING[word]
            made ^= made >> np.uint64(29)
        made *= _MIXING[0]
    return keys


def _together(keyed: _Keyed, odd: int) -> _Keyed:
    """Those that may meet, but for a crowd, with those of the same key side by side, in an order that an odd
    number makes; of each key only the bits that were compared."""
    bits = np.uint64(len(keyed.keys).bit_length())
    low = (np.uint64(1) << bits) - np.uint64(1)
    # Key and place in one number: sorting numbers is ten times faster than sorting places by them.
    codes = np.arange(len(keyed.keys), dtype=np.uint64)
    codes *= np.uint64(odd)
    codes &= low
    codes |= keyed.keys & ~low
    codes = ordering.ascending(codes)
    keys = codes >> bits
    begins = np.flatnonzero(_first(keys))
    sizes = np.diff(np.append(begins, len(keys)))
    # The others are alone, or a pattern that is everywhere.
    fit = np.flatnonzero(np.repeat((sizes > 1) & (sizes <= CROWD), sizes))
    places = ((codes[fit] & low) * np.uint64(pow(odd, -1, 1 << 64)) & low).astype(np.int64)
    return _Keyed(keys[fit], keyed.words[places], keyed.owners[places], keyed.shapes[places])


def _meetings(together: _Keyed) -> Iterator[tuple[Places, Places]]:
    """Which have the same key and are alike in other bits, too: each is compared with the next few."""
    keys, words = together.keys, together.words
    for step in range(1, REACH + 1):
        same = keys[step:] == keys[:-step]
        if not same.any():
            break
        same &= np.bitwise_count(words[step:] ^ words[:-step]) <= _ALIKE
        first = np.flatnonzero(same)
        yield first, first + step


def _cast(keyed: _Keyed, a: Places, b: Places, old: int) -> tuple[Places, Places, Places, Places]:
    """What two sets of patches that meet vote for: the places of both pictures, the smaller first, how
    the one becomes the other, and the number of the first one's patch."""
    one, other = keyed.owners[a].astype(np.int64), keyed.owners[b].astype(np.int64)
    useful = (one & other & 1) == 0  # two mirrored ones say what the two plain ones say
    useful &= one >> _PLACE != other >> _PLACE
    useful &= np.maximum(one, other) >> _PLACE >= old
    rows = np.flatnonzero(useful)
    one, other = one[rows], other[rows]
    of_one, of_other = keyed.shapes[a[rows]], keyed.shapes[b[rows]]
    swap, first, second = one > other, np.minimum(one, other), np.maximum(one, other)
    how = _how(np.where(swap, of_other, of_one), np.where(swap, of_one, of_other), (one ^ other) & 1)
    return first >> _PLACE, second >> _PLACE, how, (first >> 1) % _VOTERS


def _how(a: npt.NDArray[np.uint32], b: npt.NDArray[np.uint32], flipped: Places) -> Places:
    """How the pictures of patches of the shapes a are turned, grown and mirrored to become those of b: 0 to
    `_HOWS` - 1."""
    (angle_a, scale_a), (angle_b, scale_b) = (
        shapes.view(np.float16).reshape(-1, 2).astype(np.float32).T for shapes in (a, b)
    )
    turned = angle_b - np.where(flipped == 1, 180 - angle_a, angle_a)
    turn = np.round(turned % 360 / (360 / _TURNS)).astype(np.int64) % _TURNS
    grown = np.log2(scale_b / scale_a)
    growth = np.clip(np.floor(grown).astype(np.int64) + _GROWTHS // 2 - 1, 0, _GROWTHS - 2)
    how: Places = (turn * _GROWTHS + growth) * 2 + flipped
    return how


class _Votes:
    """Votes in files: those for pairs of the same first pictures in the same one, so that each can be counted
    by itself.

    Args:
        folder: where the files are.
        pictures: how many there are.
        parts: files, at least; more where the votes of one would not fit into 63 bits.
    """

    def __init__(self, folder: Path, pictures: int, parts: int) -> None:
        self._pictures = max(1, pictures)
        most = (1 << 63) // (self._pictures * _HOWS * _VOTERS)
        self._span = min(-(-self._pictures // parts), most)
        self.parts = -(-self._pictures // self._span)
        self._files = [folder / f"votes-{part}" for part in range(self.parts)]
        self._lock = threading.Lock()

    def add(self, a: Places, b: Places, how: Places, voter: Places) -> None:
        """Take the votes of patches of pictures a for being those of b."""
        part = (a // self._span).astype(np.int32)
        pair = a % self._span * self._pictures + b
        codes = ((pair * _HOWS + how) * _VOTERS + voter).astype(np.uint64)
        with self._lock:
            _append(self._files, codes, part)

    def counted(self, part: int) -> Voted:
        """Those of one file, counted: a patch has one vote, however often it met another."""
        codes = np.sort(_enough(_taken(self._files[part], np.uint64)))
        codes = np.concatenate([codes, codes + np.uint64(2 * _VOTERS)])  # the growth after it, too
        codes.sort(kind="stable")  # which merges the two
        voted = codes[_first(codes)] // np.uint64(_VOTERS)
        starts = np.flatnonzero(_first(voted))
        counts = np.diff(np.concatenate([starts, [len(voted)]]))
        votes, counts = voted[starts][counts >= VOTES].astype(np.int64), counts[counts >= VOTES]
        pair = votes // _HOWS
        order = np.lexsort((-counts, pair))
        pair, counts, votes = pair[order], counts[order], votes[order]
        best = _first(pair)
        first = pair[best] // self._pictures + part * self._span
        pairs = np.column_stack([first, pair[best] % self._pictures])
        return Voted(pairs, counts[best], (votes[best] & 1).astype(bool))


def _enough(codes: Hashes) -> Hashes:
    """The votes for pairs that may have enough of them, which few pairs have: those of which too few share a
    number made of the pair are left out."""
    bits = max(1, len(codes).bit_length() - 1)
    number = (codes // np.uint64(_HOWS * _VOTERS) * _MIXING[0] >> np.uint64(64 - bits)).astype(np.intp)
    enough: Hashes = codes[(np.bincount(number) >= VOTES)[number]]
    return enough


def _first(ordered: npt.NDArray[np.generic]) -> npt.NDArray[np.bool_]:
    """Where something else begins. (`np.unique` hashes integers, which is 20 times slower here.)"""
    first = np.ones(len(ordered), bool)
    first[1:] = ordered[1:] != ordered[:-1]
    return first


def _best(parts: Sequence[Voted]) -> Voted:
    """Of each picture the partners with the most votes: a pair stays if either side wants it."""
    pairs = np.concatenate([part.pairs for part in parts])
    votes = np.concatenate([part.votes for part in parts])
    mirrored = np.concatenate([part.mirrored for part in parts])
    pair = np.tile(np.arange(len(pairs)), 2)  # each pair for the one picture, and for the other
    picture, partner = pairs.T.ravel(), pairs[:, ::-1].T.ravel()
    order = np.lexsort((partner, -votes[pair], picture))
    rank = np.arange(len(order)) - np.searchsorted(picture[order], picture[order])
    wanted = np.zeros(len(pairs), bool)
    wanted[pair[order[rank < PARTNERS]]] = True
    pairs, votes, mirrored = pairs[wanted], votes[wanted], mirrored[wanted]
    order = np.lexsort((pairs[:, 1], pairs[:, 0]))
    return Voted(pairs[order], votes[order], mirrored[order])


# --- neighbours ------------------------------------------------------------------------------


def by_neighbours(
    neighbours: npt.NDArray[np.int32], similarities: npt.NDArray[np.float32], most: int
) -> Pairs:
    """The most similar pairs of a neighbour graph.

    Args:
        neighbours: (n, k) int32, places of each picture's neighbours; -1 where there is none.
        similarities: (n, k), their cosines.
        most: pairs to give; a pair that both have in their lists counts once.

    Returns:
        The pairs, most similar first (not in ascending order, unlike elsewhere here).
    """
    rows = np.repeat(np.arange(len(neighbours)), neighbours.shape[1])
    others, values = neighbours.ravel().astype(np.int64), np.asarray(similarities, np.float32).ravel()
    there = others >= 0
    pairs = np.sort(np.column_stack([rows[there], others[there]]), axis=1)
    pairs, first = np.unique(pairs, axis=0, return_index=True)
    order = np.argsort(-values[there][first], kind="stable")[:most]
    return pairs[order]
