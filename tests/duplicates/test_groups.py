from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass
from itertools import combinations, pairwise, permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike.duplicates import groups
from lookalike.duplicates.groups import Star, doubt, stars
from lookalike.duplicates.pairs import Match, Pair, Side
from lookalike.errors import UsageError

BOX = (0.0, 0.0, 100.0, 100.0)
WHOLE = Side(overlap=1.0, extra=0.0, box=BOX)


def match(first: Side = WHOLE, second: Side = WHOLE, *, scale: float = 1.0, inliers: int = 100) -> Match:
    """What was found between two pictures, the second of which is `scale` times as large."""
    return Match(inliers, ((scale, 0.0, 0.0), (0.0, scale, 0.0)), scale, first, second)


def part(overlap: float) -> Side:
    """A picture that shows something else as well."""
    return Side(overlap=overlap, extra=1 - overlap, box=BOX)


def near(first: int, second: int, probability: float = 0.99) -> Pair:
    return Pair(first, second, "near", probability, 0.9, match())


def exact(first: int, second: int) -> Pair:
    return Pair(first, second, "exact", 1.0, 1.0)


def burst(first: int, second: int) -> Pair:
    return Pair(first, second, "burst", 0.0, 0.9)


def crop(whole: int, piece: int, share: float = 0.5, scale: float = 1.0) -> Pair:
    """`piece` is cut out of `whole` and then scaled."""
    return Pair(whole, piece, "edited", 0.99, 0.8, match(part(share), WHOLE, scale=scale))


def table(found: list[Star]) -> dict[int, dict[int, str | None]]:
    """Each picture kept to its members and their doubts."""
    return {star.kept: {member.id: member.doubt for member in star.members} for star in found}


def never(first: int, second: int) -> Pair | None:
    raise AssertionError(f"asked about {first} and {second}")


# --- doubts ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pair", "expected"),
    [
        (exact(1, 2), None),
        (Pair(1, 2, "pixels", 1.0), None),
        (near(1, 2), None),
        (Pair(1, 2, "near", 0.99), groups.UNSEEN),
        (burst(1, 2), groups.BURST),
        (crop(1, 2), None),
        (crop(1, 2).reversed(), groups.MORE),
        (crop(1, 2, share=0.97).reversed(), None),  # within what the transform can tell
        (crop(1, 2, scale=1.2), None),
        (crop(1, 2, scale=1.5), groups.SMALLER),
        (crop(1, 2, share=0.97, scale=1.5), None),  # the whole picture, only smaller
        (Pair(1, 2, "near", 0.99, 0.9, match(scale=4.0)), None),  # what the ranking wanted
    ],
)
def test_what_is_in_doubt(pair: Pair, expected: str | None) -> None:
    assert doubt(pair) == expected


def test_a_photo_is_not_given_up_for_a_small_showing_with_black_around_it() -> None:
    screen = Side(overlap=0.4, extra=0.0, box=BOX)  # plain borders
    pair = Pair(1, 2, "edited", 0.99, 0.9, match(screen, WHOLE, scale=1 / 0.6))
    assert doubt(pair) == groups.SMALLER
    assert doubt(pair.reversed()) is None
    assert table(stars([pair], [1, 2])) == {2: {1: None}}


# --- stars -----------------------------------------------------------------------------------


def test_a_star_around_the_best() -> None:
    assert table(stars([near(2, 1), near(3, 1)], [1, 2, 3])) == {1: {2: None, 3: None}}


def test_pairs_run_from_the_one_kept() -> None:
    (star,) = stars([crop(1, 2).reversed(), exact(3, 1)], [1, 3, 2])
    assert [(m.pair.first, m.pair.second) for m in star.members] == [(1, 3), (1, 2)]
    assert star.members[1].pair == crop(1, 2).reversed().reversed()


def test_a_chain_is_not_followed() -> None:
    found = stars([near(1, 2), near(2, 3)], [1, 2, 3])
    assert table(found) == {1: {2: None}}


def test_what_was_missed_as_a_neighbour_is_compared() -> None:
    chain = [near(i, i + 1) for i in range(1, 60)]
    found = stars(chain, list(range(1, 61)), compare=near)
    assert table(found) == {1: dict.fromkeys(range(2, 61))}


def test_a_collage_of_a_member_is_shown_if_the_part_kept_is_in_it() -> None:
    screenshot, photo_, collage = 1, 2, 3
    member = crop(screenshot, photo_)
    pairs = [member, crop(collage, photo_, share=0.25, scale=4.0)]
    asked = []

    def part_(through: Pair, pair: Pair) -> Pair:
        asked.append((through, pair))
        return Pair(through.first, pair.second, "edited", 0.995, match=through.match.then(pair.match))

    assert table(stars(pairs, [1, 2, 3])) == {1: {2: None}}
    found = stars(pairs, [1, 2, 3], part=part_)
    assert list(table(found)[1]) == [2, 3]
    assert table(found)[1][3] is not None
    assert asked == [(member, pairs[1].reversed())]
    assert table(stars(pairs, [1, 2, 3], part=part_, distinct=[(1, 3)])) == {1: {2: None}}
    only_shown = [crop(1, 2, scale=0.25), *pairs[1:]]  # then the screenshot does not show all of it
    assert 3 not in table(stars(only_shown, [1, 2, 3], part=part_)).get(1, {})


def test_one_match_after_another() -> None:
    half = Match(50, ((0.5, 0.0, 10.0), (0.0, 0.5, 20.0)), 0.5, part(0.6), WHOLE, agreeing=0.99)
    turned = Match(40, ((0.0, -2.0, 7.0), (2.0, 0.0, 9.0)), 2.0, part(0.5), part(0.25), blob=0.004)
    both = half.then(turned)
    assert both.transform == ((0.0, -1.0, -33.0), (1.0, 0.0, 29.0))
    assert (both.scale, both.inliers, both.agreeing, both.blob) == (1.0, 40, 0.99, 0.004)
    assert both.first.overlap == pytest.approx(0.3)
    assert both.first.extra == pytest.approx(0.4 + 0.6 * 0.5)
    assert both.first.box == (-20.0, -40.0, 200.0, 200.0)
    assert both.second == turned.second


def test_the_whole_picture_keeps_a_crop_of_more_pixels() -> None:
    assert table(stars([crop(1, 2)], [2, 1])) == {1: {2: None}}


def test_the_whole_picture_comes_before_a_crop_that_has_a_copy() -> None:
    found = stars([crop(1, 2), near(2, 3)], [2, 3, 1], compare=lambda a, b: crop(a, b))
    assert table(found) == {1: {2: None, 3: None}}


def test_a_tower_of_crops_is_settled_from_its_top() -> None:
    tower = [crop(i + 1, i) for i in range(1, 3000)]
    found = stars(tower, list(range(1, 3001)), compare=crop)
    assert table(found) == {3000: dict.fromkeys(range(1, 3000))}


def test_pictures_above_one_another_in_a_circle_come_to_an_end() -> None:
    found = stars([crop(1, 2), crop(2, 3), crop(3, 1)], [1, 2, 3])
    assert table(found) == {2: {3: None, 1: groups.MORE}}


def test_a_copy_with_a_border_is_not_kept_for_its_pixels() -> None:
    bordered = Side(overlap=0.8, extra=0.0, box=BOX)
    for scale in (0.5, 1.0):  # how large the bordered one is shown without its border
        pair = Pair(1, 2, "edited", 0.99, 0.9, match(bordered, WHOLE, scale=scale))
        expected: dict[int, dict[int, str | None]] = {1: {2: None}} if scale < 1 else {2: {1: None}}
        assert table(stars([pair], [1, 2])) == expected


def test_an_enlarged_crop_and_its_whole_are_shown_but_both_stay() -> None:
    pair = crop(1, 2, scale=2.0)
    assert table(stars([pair], [1, 2])) == {1: {2: groups.SMALLER}}
    assert table(stars([pair], [2, 1])) == {2: {1: groups.MORE}}


def test_a_collage_does_not_swallow_its_parts() -> None:
    pairs = [crop(9, part_, share=0.25, scale=4.0) for part_ in (1, 2, 3, 4)]
    found = stars(pairs, [9, 1, 2, 3, 4], compare=never)
    assert table(found) == {9: dict.fromkeys((1, 2, 3, 4), groups.SMALLER)}


def test_parts_that_have_copies_stay_apart_from_the_collage() -> None:
    pairs = [crop(9, 1, share=0.25, scale=4.0), crop(9, 2, share=0.25, scale=4.0), near(1, 11)]
    found = stars(pairs, [9, 1, 2, 11])
    assert table(found) == {9: {2: groups.SMALLER}, 1: {11: None}}


def test_copies_are_explained_before_bursts() -> None:
    pairs = [burst(1, 3), crop(3, 2, scale=2.0)]
    assert table(stars(pairs, [1, 2, 3])) == {2: {3: groups.MORE}}
    assert table(stars([burst(1, 2), burst(1, 3), burst(2, 3)], [1, 2, 3])) == {
        1: {2: groups.BURST, 3: groups.BURST}
    }


def test_of_several_pairs_for_the_same_two_the_surest_counts() -> None:
    several = [near(1, 2, 0.8), near(2, 1, 0.9), burst(1, 2)]
    for pairs in permutations(several):
        (star,) = stars(pairs, [1, 2])
        assert star.members[0].pair == near(1, 2, 0.9)


# --- protected and decided -------------------------------------------------------------------


def test_the_protected_are_kept_whatever_the_ranking() -> None:
    assert table(stars([near(1, 2)], [1, 2], protected={2})) == {2: {1: None}}


def test_two_protected_ones_are_not_shown() -> None:
    assert stars([exact(1, 2)], [1, 2], protected={1, 2}) == []
    assert table(stars([exact(1, 2), near(1, 3)], [1, 2, 3], protected={1, 2})) == {1: {3: None}}


def test_a_protected_member_is_in_doubt() -> None:
    pairs = [crop(1, 2), near(1, 3)]  # 2 is protected, but shows less than 1, which keeps 3
    assert table(stars(pairs, [1, 2, 3], protected={2})) == {1: {2: groups.REFERENCE, 3: None}}


def test_what_was_decided_distinct_does_not_meet() -> None:
    assert stars([near(1, 2)], [1, 2], distinct=[(2, 1)]) == []
    pairs = [near(1, 2), near(2, 3), near(1, 3)]
    assert stars(pairs, [1, 2, 3], distinct=[(1, 2), (2, 3), (3, 1)]) == []
    chain = [near(1, 2), near(2, 3)]
    assert table(stars(chain, [1, 2, 3], distinct=[(3, 1)], compare=near)) == {1: {2: None}}


def test_a_third_copy_does_not_remove_two_that_were_decided_distinct() -> None:
    for pairs in permutations([near(1, 2), near(1, 3)]):
        found = stars(pairs, [1, 2, 3], distinct=[(2, 3)])
        assert table(found) == {1: {2: None, 3: groups.DECIDED}}


def test_a_picture_without_a_rank_is_an_error() -> None:
    with pytest.raises(UsageError, match="picture 7 is in a pair but not in the ranking"):
        stars([near(1, 7)], [1, 2])


# --- how much is compared --------------------------------------------------------------------


def test_comparisons_are_bounded() -> None:
    """A component by mistake: everything hangs on one copy, but is no copy of the best."""
    asked: Counter[tuple[int, int]] = Counter()

    def compare(first: int, second: int) -> None:
        asked[first, second] += 1

    pairs = [near(1, 2), *(near(2, other) for other in range(3, 500))]
    stars(pairs, list(range(1, 500)), compare=compare)
    assert len(asked) <= groups.MAX_FAILED + groups.MAX_BESIDE * 500
    assert set(asked.values()) == {1}


def test_nothing_is_compared_twice() -> None:
    asked = []
    pairs = [near(1, 2), near(1, 3), near(2, 4), near(3, 4)]
    stars(pairs, [1, 2, 3, 4], compare=lambda *ids: asked.append(ids))
    assert asked == [(1, 4)]


def test_the_neighbours_in_a_burst_are_not_compared() -> None:
    found = stars([near(1, 2), burst(2, 3)], [1, 2, 3], compare=never)
    assert table(found) == {1: {2: None}}


def test_the_protected_and_the_decided_are_not_compared() -> None:
    chain = [near(1, 2), near(2, 3), near(2, 4)]
    assert table(stars(chain, [1, 2, 3, 4], compare=never, protected={1, 3}, distinct=[(1, 4)])) == {
        1: {2: None}
    }


def test_known_pairs_are_not_compared_again() -> None:
    whole = [near(a, b) for a in range(1, 9) for b in range(a + 1, 9)]
    assert len(stars(whole, list(range(1, 9)), compare=never)) == 1


# --- properties ------------------------------------------------------------------------------

IDS = st.integers(1, 9)
OVERLAPS = st.sampled_from([0.2, 0.94, 0.96, 1.0])


@st.composite
def some_pairs(draw: st.DrawFn) -> Pair:
    first, second = draw(IDS), draw(IDS)
    kind = draw(st.sampled_from(["exact", "pixels", "near", "edited", "edited", "burst"]))
    found = None
    if kind in ("near", "edited"):
        sides = part(draw(OVERLAPS)), part(draw(OVERLAPS))
        found = match(*sides, scale=draw(st.sampled_from([0.25, 0.5, 1.0, 2.0, 4.0])))
    return Pair(first, second, kind, draw(st.sampled_from([0.9, 0.99])), match=found)


@st.composite
def worlds(draw: st.DrawFn) -> dict[str, object]:
    """Arguments of `stars`, with the truth that `compare` knows as `true`."""
    true = {frozenset((p.first, p.second)): p for p in draw(st.lists(some_pairs(), max_size=30))}
    true = {ids: pair for ids, pair in true.items() if len(ids) == 2}
    given_ = [pair for pair in true.values() if draw(st.booleans())]
    return {
        "true": true,
        "pairs": given_,
        "ranking": draw(st.permutations(range(1, 10))),
        "distinct": draw(st.lists(st.tuples(IDS, IDS), max_size=6)),
        "protected": draw(st.frozensets(IDS, max_size=3)),
    }


def solve(world: dict[str, object], seed: int | None = None) -> list[Star]:
    true: dict[frozenset[int], Pair] = world["true"]  # type: ignore[assignment]
    pairs: list[Pair] = list(world["pairs"])  # type: ignore[call-overload]
    if seed is not None:
        turned = random.Random(seed)
        pairs = [pair.reversed() if turned.random() < 0.5 else pair for pair in pairs]
        turned.shuffle(pairs)
    return stars(
        pairs,
        world["ranking"],  # type: ignore[arg-type]
        compare=lambda first, second: true.get(frozenset((first, second))),
        distinct=world["distinct"],  # type: ignore[arg-type]
        protected=world["protected"],  # type: ignore[arg-type]
    )


@given(worlds())
def test_nobody_is_lost(world: dict[str, object]) -> None:
    found = solve(world)
    kept = [star.kept for star in found]
    shown = [member.id for star in found for member in star.members]
    proposed = [id_ for star in found for id_ in star.proposed]
    assert len(set(kept + shown)) == len(kept + shown)  # in one star, in one place
    assert not set(proposed) & world["protected"]  # type: ignore[operator]
    true: dict[frozenset[int], Pair] = world["true"]  # type: ignore[assignment]
    for star in found:
        assert star.members
        for member in star.members:
            assert member.pair.first == star.kept
            assert frozenset((star.kept, member.id)) in true
            if member.doubt is None:
                assert doubt(member.pair) is None


@given(worlds())
def test_decisions_hold(world: dict[str, object]) -> None:
    decided = {frozenset(pair) for pair in world["distinct"]}  # type: ignore[attr-defined]
    for star in solve(world):
        assert all(frozenset((star.kept, member.id)) not in decided for member in star.members)
        assert all(frozenset(ids) not in decided for ids in permutations(star.proposed, 2))


@given(worlds())
def test_every_pair_is_explained(world: dict[str, object]) -> None:
    """One end is in a star; and nothing that could safely go was left."""
    found = solve(world)
    protected: frozenset[int] = world["protected"]  # type: ignore[assignment]
    decided = {frozenset(pair) for pair in world["distinct"]}  # type: ignore[attr-defined]
    keeping = {star.kept for star in found if star.proposed}
    gone = {id_ for star in found for id_ in star.proposed}
    shown = {id_ for star in found for id_ in (star.kept, *(m.id for m in star.members))}
    doubts = {member.id: member.doubt for star in found for member in star.members}
    for pair in world["pairs"]:  # type: ignore[attr-defined]
        a, b = pair.first, pair.second
        if frozenset((a, b)) in decided or {a, b} <= protected:
            continue
        assert shown & {a, b}
        for kept, member, way in ((a, b, pair), (b, a, pair.reversed())):
            free = member not in gone | keeping | protected and doubts.get(member) not in (
                groups.DECIDED,
                groups.LARGER,
            )
            blocked = any(frozenset((member, id_)) in decided for id_ in gone)
            assert not (free and not blocked and kept not in gone and doubt(way) is None)


@given(worlds(), st.integers(0, 99))
def test_the_order_of_the_pairs_makes_no_difference(world: dict[str, object], seed: int) -> None:
    found = solve(world)
    assert solve(world, seed) == found
    place = world["ranking"].index  # type: ignore[attr-defined]
    kept = [(star.kept not in world["protected"], place(star.kept)) for star in found]  # type: ignore[operator]
    assert kept == sorted(kept)


# --- pictures of a strip ---------------------------------------------------------------------


@dataclass(frozen=True)
class Strip:
    """A picture of a part of one long scene."""

    left: int
    right: int
    resolution: float
    bordered: bool

    def side(self, other: Strip) -> Side:
        shared = self.shared(other) / (self.right - self.left)
        content = 0.5 if self.bordered else 1.0
        return Side(overlap=shared * content, extra=(1 - shared) * content, box=BOX)

    def shared(self, other: Strip) -> int:
        return max(0, min(self.right, other.right) - max(self.left, other.left))


STRIPS = st.builds(
    lambda left, width, resolution, bordered: Strip(left, left + width, resolution, bordered),
    st.integers(0, 4),
    st.integers(1, 4),
    st.sampled_from([1.0, 2.0, 4.0]),
    st.booleans(),
)


def strip_pairs(strips: dict[int, Strip]) -> list[Pair]:
    return [
        Pair(a, b, "edited", 0.99, 0.9, match(s.side(t), t.side(s), scale=t.resolution / s.resolution))
        for (a, s), (b, t) in combinations(strips.items(), 2)
        if s.shared(t)
    ]


@given(st.lists(STRIPS, min_size=2, max_size=9), st.data())
def test_removing_loses_nothing_and_leaves_nothing_to_remove(
    strips: list[Strip], data: st.DataObject
) -> None:
    known = dict(enumerate(strips))
    ranking = data.draw(st.permutations(list(known)))
    for star in stars(strip_pairs(known), ranking):
        for id_ in star.proposed:
            kept, gone = strips[star.kept], strips[id_]
            assert gone.shared(kept) == gone.right - gone.left
            if kept.bordered or kept.shared(gone) < kept.right - kept.left:
                assert kept.resolution >= gone.resolution
            del known[id_]
    assert [star.proposed for star in stars(strip_pairs(known), ranking) if star.proposed] == []


@given(st.lists(STRIPS, min_size=2, max_size=9), st.data())
def test_what_a_comparison_finds_counts_like_a_pair(strips: list[Strip], data: st.DataObject) -> None:
    """A chain through the pictures is enough to settle what is nothing but copies."""
    same = [Strip(0, 1, strip.resolution, False) for strip in strips]
    pairs = {(p.first, p.second): p for p in strip_pairs(dict(enumerate(same)))}
    ranking = data.draw(st.permutations(range(len(same))))
    way = data.draw(st.permutations(range(len(same))))
    chain = [pairs[min(a, b), max(a, b)] for a, b in pairwise(way)]
    found = stars(chain, ranking, compare=lambda a, b: pairs[min(a, b), max(a, b)])
    assert [set(star.proposed) for star in found] == [set(ranking[1:])]
    assert found == stars(pairs.values(), ranking)
