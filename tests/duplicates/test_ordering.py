"""Sorting by counting against the obvious ways."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lookalike.duplicates.ordering import ascending, dealt


@given(st.lists(st.integers(0, 6), max_size=40), st.sampled_from([np.uint64, np.uint32]))
def test_dealt_keeps_each_part_in_its_order(parts: list[int], kind: type[np.generic]) -> None:
    values = np.arange(len(parts), dtype=kind)[::-1]
    ordered, ends = dealt(values, np.array(parts, np.int32), 7)
    assert ordered.dtype == kind
    assert len(ends) == 8
    for part in range(7):
        expected = [int(value) for value, its in zip(values, parts, strict=True) if its == part]
        assert ordered[ends[part] : ends[part + 1]].tolist() == expected


@settings(max_examples=60)
@given(
    st.integers(0, 1000),
    st.integers(0, 5000),
    st.sampled_from([1, 3, 20, 300, 2**20]),
    st.sampled_from([0, 8, 40, 63]),
)
def test_ascending_is_what_sorting_gives(seed: int, count: int, different: int, shift: int) -> None:
    """However many are the same, and wherever the bits are in which they differ."""
    dice = np.random.default_rng(seed)
    pool = dice.integers(0, 2**64, different, dtype=np.uint64) >> np.uint64(shift)
    numbers = pool[dice.integers(0, different, count)]
    before = numbers.copy()
    assert np.array_equal(ascending(numbers), np.sort(before))
    assert np.array_equal(numbers, before)


@pytest.mark.parametrize("count", [127, 128, 129, 255, 256, 257, 383, 384, 385, 511, 512, 513])
def test_ascending_at_the_edges_of_windows(count: int) -> None:
    numbers = np.arange(count, dtype=np.uint64)[::-1] << np.uint64(50)
    assert np.array_equal(ascending(numbers), numbers[::-1])
