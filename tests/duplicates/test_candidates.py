"""Candidates: the fast ways against the slow, obvious ones."""

from __future__ import annotations

import tempfile
from collections import Counter
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lookalike.duplicates import candidates
from lookalike.duplicates.candidates import PARTNERS, VOTES, Patches, by_features, by_hash, by_neighbours
from lookalike.errors import UsageError


def listed(pairs: np.ndarray) -> list[tuple[int, int]]:
    return [(int(a), int(b)) for a, b in pairs]


def connected(pairs: list[tuple[int, int]], count: int) -> bool:
    """Whether every picture can be reached from the first one."""
    reached, before = {0}, 0
    while before < len(reached):
        before = len(reached)
        reached |= {x for pair in pairs if reached & set(pair) for x in pair}
    return len(reached) == count


# --- perceptual hashes -----------------------------------------------------------------------


def near_by_looking_at_all(hashes: list[int], far: int) -> list[tuple[int, int]]:
    return [
        (a, b) for a, b in combinations(range(len(hashes)), 2) if (hashes[a] ^ hashes[b]).bit_count() <= far
    ]


@given(
    st.lists(st.integers(0, 2**64 - 1), max_size=8),
    st.lists(st.tuples(st.integers(0, 7), st.sets(st.integers(0, 63), max_size=9)), max_size=25),
    st.integers(0, 7),
)
def test_by_hash_finds_what_looking_at_all_finds(
    seeds: list[int], changes: list[tuple[int, set[int]]], far: int
) -> None:
    changed = [seeds[i] ^ sum(1 << bit for bit in bits) for i, bits in changes if i < len(seeds)]
    hashes = seeds + changed
    found = by_hash(np.array(hashes, np.uint64), far)
    assert found.dtype == np.int64
    assert listed(found) == near_by_looking_at_all(hashes, far)


def test_by_hash_of_many_finds_what_looking_at_all_finds() -> None:
    dice = np.random.default_rng(3)
    hashes = dice.integers(0, 2**64, 500, dtype=np.uint64)
    hashes[200:] = hashes[dice.integers(0, 200, 300)]
    for _ in range(8):  # each time one bit of some
        hashes[dice.integers(0, 500, 150)] ^= np.uint64(1) << dice.integers(0, 64, 150).astype(np.uint64)
    assert listed(by_hash(hashes)) == near_by_looking_at_all([int(h) for h in hashes], 7)


@pytest.mark.parametrize("count", [0, 1])
def test_by_hash_of_next_to_nothing_is_nothing(count: int) -> None:
    assert by_hash(np.zeros(count, np.uint64)).shape == (0, 2)


def test_a_crowd_with_one_hash_is_linked_but_not_all_with_all() -> None:
    found = listed(by_hash(np.zeros(3000, np.uint64)))
    assert len(found) <= 4 * candidates.REACH * 3000
    assert connected(found, 3000)
    assert len(set(found)) == len(found)


# --- local features --------------------------------------------------------------------------


class Table:
    """Pictures made of random patches, into which shared ones are planted."""

    def __init__(self, seed: int, pictures: int, each: int = 30) -> None:
        self.dice = np.random.default_rng(seed)
        self.pictures = pictures
        count = pictures * each
        self.each = each
        self.scales = np.full(count, 0.1, np.float16)
        self.angles = self.dice.integers(0, 360, count).astype(np.float16)
        self.descriptors = self.random(count)
        self.mirrored = self.random(count)

    def random(self, count: int) -> np.ndarray:
        return self.dice.integers(0, 256, (count, 32), dtype=np.uint8)

    def share(
        self, a: int, b: int, count: int, turn: float = 0, growth: float = 1, flip: bool = False
    ) -> None:
        """Make `count` patches of b copies of the same ones of a."""
        i, j = np.arange(count) + a * self.each, np.arange(count) + b * self.each
        angle = 180 - self.angles[i].astype(float) if flip else self.angles[i].astype(float)
        self.angles[j] = (angle + turn) % 360
        self.scales[j] = self.scales[i] * np.float16(growth)
        same = (self.mirrored, self.descriptors) if flip else (self.descriptors, self.mirrored)
        self.descriptors[j], self.mirrored[j] = same[0][i], same[1][i]

    def patches(self, blocks: int = 1) -> list[Patches]:
        found = []
        for places in np.array_split(np.arange(self.pictures, dtype=np.int32), blocks):
            rows = (
                slice(int(places[0]) * self.each, int(places[-1] + 1) * self.each)
                if len(places)
                else slice(0)
            )
            arrays = (self.scales[rows], self.angles[rows], self.descriptors[rows], self.mirrored[rows])
            found.append(Patches(places, np.arange(len(places) + 1) * self.each, *arrays))
        return found


shares = st.tuples(
    st.integers(0, 9),
    st.sampled_from([0, 45, 90, 200]),
    st.sampled_from([0.35, 0.5, 1.0, 1.4, 2.0]),
    st.booleans(),
)


@settings(max_examples=25)
@given(st.integers(0, 1000), st.lists(shares, min_size=1, max_size=6), st.integers(1, 3))
def test_pairs_that_share_patches_are_found(
    seed: int, planted: list[tuple[int, float, float, bool]], blocks: int
) -> None:
    """Pictures 2k and 2k + 1 share some patches; there are no others to be found."""
    table = Table(seed, 2 * len(planted))
    for place, (count, turn, growth, flip) in enumerate(planted):
        table.share(2 * place, 2 * place + 1, count, turn, growth, flip)
    found = by_features(table.patches(blocks), table.pictures)
    expected = [
        ((2 * place, 2 * place + 1), count, flip)
        for place, (count, _, _, flip) in enumerate(planted)
        if count >= VOTES
    ]
    assert listed(found.pairs) == [pair for pair, _, _ in expected]
    assert found.votes.tolist() == [count for _, count, _ in expected]
    assert found.mirrored.tolist() == [flip for _, _, flip in expected]


def test_patches_that_differ_a_little_meet() -> None:
    table = Table(1, 2, each=200)
    table.share(0, 1, 200)
    flips = table.dice.random((200, 256)) < 0.06  # 15 of the 256 bits
    table.descriptors[200:] ^= np.packbits(flips, axis=1)
    found = by_features(table.patches(), 2)
    assert listed(found.pairs) == [(0, 1)]
    assert found.votes[0] > 50


def test_patches_that_do_not_agree_on_turn_and_size_have_no_say() -> None:
    table = Table(1, 2)
    table.share(0, 1, 12)
    table.angles[30:42] = (table.angles[:12].astype(float) + np.arange(12) * 30) % 360
    assert not len(by_features(table.patches(), 2).pairs)


def test_a_patch_votes_once_however_often_it_occurs() -> None:
    table = Table(1, 2)
    table.share(0, 1, 1)
    table.descriptors[31:40] = table.descriptors[0]  # nine times in the second, once in the first
    table.angles[31:40] = table.angles[30]
    assert not len(by_features(table.patches(), 2).pairs)


def test_a_pattern_that_is_everywhere_tells_nothing() -> None:
    pictures = candidates.CROWD + 5
    table = Table(1, pictures, each=10)
    for other in range(1, pictures):
        table.share(0, other, 6)
    assert not len(by_features(table.patches(), pictures).pairs)


def test_many_copies_of_one_picture_are_linked_but_not_all_with_all() -> None:
    table = Table(1, 80)
    for other in range(1, 80):
        table.share(0, other, 25)
    found = listed(by_features(table.patches(), 80).pairs)
    assert connected(found, 80)
    assert len(found) <= 80 * PARTNERS


def test_old_pairs_are_left_out() -> None:
    table = Table(1, 6)
    for a, b in ((0, 1), (2, 4), (3, 5)):
        table.share(a, b, 10)
    assert listed(by_features(table.patches(), 6).pairs) == [(0, 1), (2, 4), (3, 5)]
    assert listed(by_features(table.patches(), 6, old=2).pairs) == [(2, 4), (3, 5)]
    assert listed(by_features(table.patches(), 6, old=5).pairs) == [(3, 5)]
    assert listed(by_features(table.patches(), 6, old=6).pairs) == []


def test_each_picture_has_its_best_partners() -> None:
    pictures = PARTNERS + 6
    table = Table(1, pictures, each=60)
    for other in range(1, pictures):
        table.share(0, other, 4 + other)
    found = by_features(table.patches(), pictures)
    partners = Counter(x for pair in listed(found.pairs) for x in pair)
    assert all(partners[other] for other in range(pictures - PARTNERS, pictures))


def test_neither_how_patches_lie_nor_threads_make_a_difference(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    table = Table(1, 40)
    for a in range(0, 40, 2):
        table.share(a, a + 1, a % 30)
    once = by_features(table.patches(), 40)
    monkeypatch.setattr(candidates, "_AT_ONCE", 300)
    monkeypatch.setattr(candidates, "_PICTURES", 4)
    monkeypatch.setattr(candidates, "_CHUNK", 50)
    assert len(once.pairs) > 10
    for threads in (1, 3):
        again = by_features(table.patches(7), 40, threads=threads)
        for name in ("pairs", "votes", "mirrored"):
            assert np.array_equal(getattr(once, name), getattr(again, name))


@pytest.mark.parametrize("pictures", [0, 1, 5])
def test_without_patches_there_are_no_pairs(pictures: int) -> None:
    nothing, none = np.zeros(0, np.float16), np.zeros((0, 32), np.uint8)
    starts = np.zeros(pictures + 1, np.int64)
    block = Patches(np.arange(pictures, dtype=np.int32), starts, nothing, nothing, none, none)
    for blocks in ([], [block]):
        found = by_features(blocks, pictures)
        assert found.pairs.shape == (0, 2)
        assert len(found.votes) == len(found.mirrored) == 0


def test_pictures_that_are_left_out_have_no_say() -> None:
    table = Table(1, 6)
    for a, b in ((0, 1), (2, 4), (3, 5)):
        table.share(a, b, 10)
    (block,) = table.patches()
    places = np.array([-1, 4, 3, -1, 0, 1], np.int32)
    assert listed(by_features([replace(block, places=places)], 5).pairs) == [(0, 3)]


def test_too_many_pictures_are_refused() -> None:
    with pytest.raises(UsageError, match="among 134,217,728 pictures at most"):
        by_features([], (1 << 27) + 1)


def met_one_by_one(keyed: candidates._Keyed, odd: int) -> set[tuple[int, int]]:
    """The numbers of patches that meet and are alike, looked at key by key."""
    bits = len(keyed.keys).bit_length()
    same: dict[int, list[int]] = {}
    for patch, key in enumerate(keyed.keys.tolist()):
        same.setdefault(key >> bits, []).append(patch)
    met = set()
    for patches in same.values():
        patches.sort(key=lambda patch: patch * odd % (1 << bits))
        for place, a in enumerate(patches if len(patches) <= candidates.CROWD else []):
            for b in patches[place + 1 : place + 1 + candidates.REACH]:
                if int(keyed.words[a] ^ keyed.words[b]).bit_count() <= candidates._ALIKE:
                    met.add((a, b))
    return met


@settings(max_examples=40)
@given(
    st.integers(0, 1000),
    st.integers(1, 1500),
    st.sampled_from([3, 12, 100, 2000]),
    st.integers(0, 2**62),
)
def test_patches_meet_as_they_do_one_by_one(seed: int, count: int, different: int, half: int) -> None:
    dice = np.random.default_rng(seed)
    keys = dice.integers(0, 2**64, different, dtype=np.uint64)[dice.integers(0, different, count)]
    words = dice.integers(0, 2**64, 2, dtype=np.uint64)[dice.integers(0, 2, count)]
    words ^= dice.integers(0, 2**16, count, dtype=np.uint64)
    numbers = np.arange(count, dtype=np.uint64)
    shapes = numbers.astype(np.uint32)
    keyed = candidates._Keyed(keys, words, numbers, shapes)
    together = candidates._together(keyed, 2 * half + 1)
    assert np.array_equal(together.shapes, shapes[together.owners.astype(int)])
    met = [
        (int(a), int(b))
        for one, other in candidates._meetings(together)
        for a, b in zip(together.owners[one], together.owners[other], strict=True)
    ]
    assert len(met) == len(set(met))
    assert set(met) == met_one_by_one(keyed, 2 * half + 1)


@settings(max_examples=40)
@given(st.integers(0, 1000), st.integers(0, 3000), st.integers(2, 40), st.integers(1, 3))
def test_votes_are_counted_as_they_are_one_by_one(seed: int, count: int, pictures: int, parts: int) -> None:
    dice = np.random.default_rng(seed)
    first, second = np.sort(dice.integers(0, pictures, (count, 2)), axis=1).T
    first, second = first[first < second], second[first < second]
    how = dice.integers(0, 3, len(first)) * 2 + dice.integers(0, 2, len(first))
    voter = dice.integers(0, 8, len(first))
    voters: dict[tuple[int, int], dict[int, set[int]]] = {}
    for a, b, one, patch in zip(*(x.tolist() for x in (first, second, how, voter)), strict=True):
        for near in (one, one + 2):
            voters.setdefault((a, b), {}).setdefault(near, set()).add(patch)
    most = {pair: max(map(len, hows.values())) for pair, hows in sorted(voters.items())}
    with tempfile.TemporaryDirectory() as folder:
        votes = candidates._Votes(Path(folder), pictures, parts)
        for some in np.array_split(np.arange(len(first)), 3):
            votes.add(first[some], second[some], how[some], voter[some])
        counted = [votes.counted(part) for part in range(votes.parts)]
    found = {
        pair: (votes, flip)
        for part in counted
        for pair, votes, flip in zip(listed(part.pairs), part.votes, part.mirrored, strict=True)
    }
    assert {pair: int(votes) for pair, (votes, _) in found.items()} == {
        pair: count for pair, count in most.items() if count >= VOTES
    }
    for pair, (count, flip) in found.items():
        first_best = next(how for how, who in sorted(voters[pair].items()) if len(who) == count)
        assert flip == bool(first_best & 1)


@pytest.mark.parametrize("pictures", [4_000_000, 1 << 27])
def test_votes_do_not_overflow(tmp_path: Path, pictures: int) -> None:
    """Beyond some four million pictures, a pair and all else of a vote need more than 64 bits."""
    first = np.array([0, 7, pictures - 2] * 9)
    second = np.array([5, pictures - 1, pictures - 1] * 9)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(candidates, "VOTES", 9)
        votes = candidates._Votes(tmp_path, pictures, 1)
        votes.add(first, second, np.full(27, 575 - 2), np.repeat(np.arange(9), 3) + 1000)
        found = [votes.counted(part) for part in range(votes.parts)]
    pairs = [pair for some in found for pair in listed(some.pairs)]
    assert pairs == [(0, 5), (7, pictures - 1), (pictures - 2, pictures - 1)]
    assert np.concatenate([some.votes for some in found]).tolist() == [9, 9, 9]


def test_no_file_is_left_behind(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    table = Table(1, 4)
    table.share(0, 1, 10)
    seen: list[tuple[int, int]] = []
    by_features(table.patches(), 4, progress=lambda done, all_: seen.append((done, all_)))
    assert seen == [(n + 1, seen[-1][1]) for n in range(seen[-1][1])]
    assert not list(tmp_path.iterdir())

    def fail(done: int, all_: int) -> None:
        assert list(tmp_path.rglob("*"))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        by_features(table.patches(), 4, progress=fail)
    assert not list(tmp_path.iterdir())


# --- neighbours ------------------------------------------------------------------------------


@given(st.integers(0, 1000), st.integers(0, 12), st.integers(0, 4), st.integers(0, 20))
def test_by_neighbours_gives_the_most_similar_pairs(seed: int, count: int, k: int, most: int) -> None:
    dice = np.random.default_rng(seed)
    alike = dice.random((count, count)).astype(np.float32)
    alike = np.maximum(alike, alike.T)
    neighbours = np.full((count, k), -1, np.int32)
    similarities = np.zeros((count, k), np.float32)
    best: dict[tuple[int, int], float] = {}
    for row in range(count):
        others = [int(o) for o in np.argsort(-alike[row]) if o != row][: max(0, k - seed % 2)]
        for place, other in enumerate(others):
            neighbours[row, place], similarities[row, place] = other, alike[row, other]
            best[min(row, other), max(row, other)] = float(alike[row, other])
    expected = sorted(best, key=lambda pair: -best[pair])[:most]
    assert listed(by_neighbours(neighbours, similarities, most)) == expected
