from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike.duplicates.bursts import burst_pairs, moment
from lookalike.duplicates.groups import BURST, stars
from lookalike.duplicates.pairs import Pair

START = 1_600_000_000.0


def ids(pairs: list[Pair]) -> list[tuple[int, int]]:
    return [(pair.first, pair.second) for pair in pairs]


def test_alike_and_within_seconds() -> None:
    times = {1: START, 2: START + 3, 3: START + 10, 4: START + 1}
    edges = [(1, 2, 0.9), (2, 1, 0.9), (1, 3, 0.95), (1, 4, 0.7), (2, 3, 0.9)]
    found = burst_pairs(times, edges, alike=0.8)
    assert found == [Pair(1, 2, "burst", 0.0, 0.9)]


def test_a_burst_is_a_chain_in_time_but_its_pairs_look_alike() -> None:
    times = {1: START, 2: START + 2, 3: START + 4, 4: START + 6}
    edges = [(1, 2, 0.9), (2, 3, 0.9), (3, 4, 0.9), (1, 3, 0.85), (1, 4, 0.5)]
    assert ids(burst_pairs(times, edges, alike=0.8)) == [(1, 2), (1, 3), (2, 3), (3, 4)]
    assert ids(burst_pairs(times, edges, alike=0.8, seconds=1.0)) == []


def test_copies_join_a_burst_but_are_no_pair_of_it() -> None:
    times = {1: START, 2: START, 3: START + 1}
    edges = [(1, 2, 1.0), (2, 3, 0.9), (1, 3, 0.9)]
    assert ids(burst_pairs(times, edges, alike=0.8, copies=[(2, 1)])) == [(1, 3), (2, 3)]


def test_pictures_without_a_time_and_a_picture_with_itself() -> None:
    edges = [(1, 2, 0.9), (1, 1, 1.0)]
    assert burst_pairs({1: START}, edges, alike=0.8) == []


def test_a_group_is_a_star_around_the_best() -> None:
    times = {id_: START + id_ for id_ in range(1, 5)}
    edges = [(a, b, 0.9) for a in range(1, 5) for b in range(1, a)]
    (star,) = stars(burst_pairs(times, edges, alike=0.8), [3, 1, 2, 4])
    assert star.kept == 3
    assert {member.id: member.doubt for member in star.members} == dict.fromkeys((1, 2, 4), BURST)
    assert star.proposed == ()


@given(
    st.dictionaries(st.integers(1, 9), st.floats(0, 12), max_size=9),
    st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9), st.sampled_from([0.5, 0.9])), max_size=20),
)
def test_against_the_obvious(times: dict[int, float], edges: list[tuple[int, int, float]]) -> None:
    """Joining sets again and again until nothing changes."""
    one_each = {(min(a, b), max(a, b)): s for a, b, s in edges if a != b}
    near = [pair for pair, s in one_each.items() if s >= 0.8 and set(pair) <= times.keys()]
    sets = [{id_} for id_ in times]
    for _ in times:
        for a, b in near:
            if abs(times[a] - times[b]) <= 3.0:
                merged = [s for s in sets if {a, b} & s]
                sets = [s for s in sets if not {a, b} & s] + [set().union(*merged)]
    expected = sorted(pair for pair in near if any(set(pair) <= s for s in sets))
    unique = [(a, b, s) for (a, b), s in one_each.items()]
    assert ids(burst_pairs(times, unique, alike=0.8)) == expected
    turned = [(b, a, s) for a, b, s in reversed(unique)]
    assert ids(burst_pairs(times, turned, alike=0.8)) == expected


@pytest.mark.parametrize(
    ("date", "expected"),
    [
        ("1970-01-01T00:00:10", 10.0),
        ("1970-01-01T00:00:10Z", 10.0),
        ("1970-01-01T01:00:10+01:00", 10.0),
        ("1970-01-01T00:00:10.5", 10.5),
        ("", None),
        ("yesterday", None),
    ],
)
def test_moments(date: str, expected: float | None) -> None:
    assert moment(date) == expected
