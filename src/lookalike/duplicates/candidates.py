"""Which pairs of pictures are worth comparing: three ways of not looking at all of them.

- `by_hash`: perceptual hashes that differ in few bits (blurred, tiny, encoded again);
- `by_features`: many patches of the one occur in the other (crops, collages, pasted pictures);
- `by_neighbours`: nearest by the vector of the whole picture (everything that keeps its look).

Each is about linear in the number of pictures: hashes and patches meet in sorted tables, and places
where more meet than can be copies (blank scans, a pattern that is everywhere) are cut off.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt

Hashes = npt.NDArray[np.uint64]
Places = npt.NDArray[np.int64]
Pairs = npt.NDArray[np.int64]
"""(m, 2) int64: places of two pictures, the smaller first, each pair once, in ascending order."""

Codes = npt.NDArray[np.uint64]
"""Votes: the pair, how the one lies in the other, and the patch that votes, in one number."""

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


@dataclass(frozen=True, slots=True)
class Patches:
    """The local features of many pictures.

    Attributes:
        pictures: (m,) int32, the place of the picture that each patch is of.
        scales: (m,) float16; see `features.Features`.
        angles: (m,) float16.
        descriptors: blocks of together (m, 32) uint8; may lie on a disk, since each is read
            once for each table.
        mirrored: likewise.
    """

    pictures: npt.NDArray[np.int32]
    scales: npt.NDArray[np.float16]
    angles: npt.NDArray[np.float16]
    descriptors: Sequence[npt.NDArray[np.uint8]]
    mirrored: Sequence[npt.NDArray[np.uint8]]


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


Progress = Callable[[int, int], None]

_TABLES = 10
_RARE = 8  # bits of a key beyond those that tell as many patches apart as there are
_WORD = 64  # bits: the first of each descriptor, compared where keys meet; the other bits make keys
_ALIKE = 11  # of the first bits, in how many patches that vote may differ
_BALANCED = 120  # of the bits that make keys, those that are set about as often as not

_TURNS = 18  # of 20 degrees, the first being no turn, give or take 10
_GROWTHS = 16  # of a factor 2 and overlapping by half, the eighth being none
_HOWS = _TURNS * _GROWTHS * 2  # ways to vote for one pair
_VOTERS = 1 << 10  # more than the features of a picture, which lie side by side
_AT_ONCE = 10_000_000  # patches that are sorted, and whose votes are counted, at once: about a gigabyte


def by_features(patches: Patches, pictures: int, *, old: int = 0, progress: Progress | None = None) -> Voted:
    """The pairs that share at least `VOTES` patches.

    Locality-sensitive hashing (P. Indyk and R. Motwani, STOC 1998): in each of some tables, patches
    meet that agree in all of a few random bits of their descriptors. Those that meet and are alike in
    other bits vote for how much one picture would be turned and grown to become the other.

    Args:
        patches: of all pictures.
        pictures: how many pictures there are.
        old: pairs among the first so many pictures are left out: they have been compared before.
        progress: called with tables done and their number.
    """
    count = len(patches.pictures)
    bits = int(np.log2(count + 1)) + _RARE
    draw = np.random.default_rng(20)
    balanced = _balanced(patches.descriptors)
    parts = count // _AT_ONCE + 1
    with TemporaryDirectory(prefix="lookalike-") as folder:
        spilled = [Path(folder) / str(part) for part in range(parts)]
        for path in spilled:
            path.touch()  # where no two patches meet, nothing is written
        for table in range(_TABLES):
            mask = _mask(draw.choice(balanced, min(bits, len(balanced)), replace=False))
            for part in range(parts):
                keys, places, words = _keyed(patches, mask, part, parts)
                for a, b in _meetings(keys, draw):
                    alike = np.bitwise_count(words[a] ^ words[b]) <= _ALIKE
                    codes = _votes(patches, places[a[alike]], places[b[alike]], pictures, old)
                    _spill(codes, spilled)
            if progress:
                progress(table + 1, _TABLES)
        counted = [_counted(path, pictures) for path in spilled]
    return _best(counted, pictures)


def _keyed(
    patches: Patches, mask: npt.NDArray[np.uint64], part: int, parts: int
) -> tuple[Hashes, Places, Hashes]:
    """Of one part of the keys: the keys, the places of their patches and those patches' first words;
    first all plain patches, then the mirrored ones."""
    keys, places, words = [np.zeros(0, np.uint64)], [np.zeros(0, np.int64)], [np.zeros(0, np.uint64)]
    start = 0
    for block in (*patches.descriptors, *patches.mirrored):
        some = np.ascontiguousarray(block).view(np.uint64)
        of = _keys(some, mask)
        chosen = np.flatnonzero((of >> np.uint64(40)) % np.uint64(parts) == part)
        keys.append(of[chosen])
        places.append(chosen + start)
        words.append(some[chosen, 0])
        start += len(some)
    return np.concatenate(keys), np.concatenate(places), np.concatenate(words)


def _balanced(blocks: Sequence[npt.NDArray[np.uint8]]) -> npt.NDArray[np.intp]:
    """The bits that are set about as often as not, in a sample of patches; none of the first word."""
    step = max(1, sum(map(len, blocks)) // 20_000)
    sample = np.concatenate([np.zeros((1, 32), np.uint8), *(block[::step] for block in blocks)])
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
    """One number for each patch: the same for those that agree in all bits of the mask."""
    keys = np.zeros(len(words), np.uint64)
    for word in range(4):
        keys += (words[:, word] & mask[word]) * _MIXING[word]
        keys ^= keys >> np.uint64(29)
    mixed: Hashes = keys * _MIXING[0]
    return mixed


def _meetings(keys: Hashes, draw: np.random.Generator) -> Iterator[tuple[Places, Places]]:
    """Places in `keys` of the same ones, but for those of a crowd: each with the next few, in a random
    order."""
    bits = np.uint64(len(keys).bit_length())
    low = (np.uint64(1) << bits) - np.uint64(1)
    odd = int(draw.integers(1 << 62)) | 1
    mixed = np.arange(len(keys), dtype=np.uint64) * np.uint64(odd) & low
    # Key and place in one number: sorting numbers is ten times faster than sorting places by them.
    codes = np.sort(keys & ~low | mixed)
    keys, places = codes >> bits, ((codes & low) * np.uint64(pow(odd, -1, 1 << 64)) & low).astype(np.int64)
    begins = np.flatnonzero(_first(keys))
    sizes = np.diff(np.append(begins, len(keys)))
    fit = np.repeat((sizes > 1) & (sizes <= CROWD), sizes)  # alone, or a pattern that is everywhere
    keys, places = keys[fit], places[fit]
    for step in range(1, REACH + 1):
        same = np.flatnonzero(keys[step:] == keys[:-step])
        if not len(same):
            break
        yield places[same], places[same + step]


def _votes(patches: Patches, a: Places, b: Places, pictures: int, old: int) -> Codes:
    """What two sets of patches that meet vote for; a place from `len(patches)` on is mirrored."""
    count = len(patches.pictures)
    useful = (a < count) | (b < count)  # two mirrored ones say what the two plain ones say
    a, b = a[useful], b[useful]
    flipped = (a >= count) ^ (b >= count)
    a, b = a % count, b % count
    useful = patches.pictures[a] != patches.pictures[b]
    useful &= np.maximum(patches.pictures[a], patches.pictures[b]) >= old
    a, b, flipped = a[useful], b[useful], flipped[useful]
    swap = patches.pictures[a] > patches.pictures[b]
    a, b = np.where(swap, b, a), np.where(swap, a, b)
    pair = patches.pictures[a].astype(np.int64) * pictures + patches.pictures[b]
    vote = pair * _HOWS + _how(patches, a, b, flipped)
    codes = (vote * _VOTERS + a % _VOTERS).astype(np.uint64)
    wide: Codes = np.concatenate([codes, codes + np.uint64(2 * _VOTERS)])  # the growth after it, too
    return wide


def _how(patches: Patches, a: Places, b: Places, flipped: npt.NDArray[np.bool_]) -> Places:
    """How the picture of a is turned, grown and mirrored to become that of b: 0 to `_HOWS` - 1."""
    angle = patches.angles[a].astype(np.float32)
    turned = patches.angles[b] - np.where(flipped, 180 - angle, angle)
    turn = np.round(turned % 360 / (360 / _TURNS)).astype(np.int64) % _TURNS
    grown = np.log2(patches.scales[b].astype(np.float32) / patches.scales[a].astype(np.float32))
    growth = np.clip(np.floor(grown).astype(np.int64) + _GROWTHS // 2 - 1, 0, _GROWTHS - 2)
    how: Places = (turn * _GROWTHS + growth) * 2 + flipped
    return how


def _spill(codes: Codes, files: Sequence[Path]) -> None:
    """Put votes into files, those for the same pair into the same one: memory stays bounded."""
    part = codes // np.uint64(_HOWS * _VOTERS) % np.uint64(len(files))
    for number, file in enumerate(files):
        with file.open("ab") as handle:
            handle.write(codes[part == number].tobytes())


def _counted(file: Path, pictures: int) -> Voted:
    """The votes of one file, counted: a patch has one vote, however often it met another."""
    codes = np.sort(np.fromfile(file, np.uint64))
    voted = codes[_first(codes)] // np.uint64(_VOTERS)
    starts = np.flatnonzero(_first(voted))
    counts = np.diff(np.concatenate([starts, [len(voted)]]))
    votes, counts = voted[starts][counts >= VOTES].astype(np.int64), counts[counts >= VOTES]
    pair = votes // _HOWS
    order = np.lexsort((-counts, pair))
    pair, counts, votes = pair[order], counts[order], votes[order]
    best = _first(pair)
    pairs = np.column_stack([pair[best] // max(1, pictures), pair[best] % max(1, pictures)])
    return Voted(pairs, counts[best], (votes[best] & 1).astype(bool))


def _first(ordered: npt.NDArray[np.generic]) -> npt.NDArray[np.bool_]:
    """Where something else begins. (`np.unique` hashes integers, which is 20 times slower here.)"""
    first = np.ones(len(ordered), bool)
    first[1:] = ordered[1:] != ordered[:-1]
    return first


def _best(parts: Sequence[Voted], pictures: int) -> Voted:
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
