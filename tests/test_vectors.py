from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from lookalike.vectors import canonical, cosines, from_half, to_half, unit

NUMBERS = st.floats(-1e6, 1e6, width=32)
ROWS = arrays.arrays(np.float32, st.tuples(st.integers(1, 6), st.integers(1, 24)), elements=NUMBERS)
# Sixteen-bit rounding makes this row 2e-4 too long: normalised once more, it would round elsewhere.
AWKWARD = np.array([[0.70593, -0.70829]], np.float32)


def slow_unit(row: np.ndarray) -> list[float]:
    numbers = [float(number) for number in row]
    length = math.sqrt(math.fsum(number * number for number in numbers))
    return [number / length if length else 0.0 for number in numbers]


def slow_cosine(a: np.ndarray, b: np.ndarray) -> float:
    return math.fsum(float(x) * float(y) for x, y in zip(a, b, strict=True))


def drawn(n: int, d: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, d))


@given(ROWS)
def test_unit_against_a_slow_reference(rows: np.ndarray) -> None:
    assert unit(rows) == pytest.approx(np.array([slow_unit(row) for row in rows]), abs=1e-6)
    assert unit(rows).dtype == np.float32


@given(ROWS)
@example(AWKWARD)
def test_what_is_stored_is_what_was_computed(rows: np.ndarray) -> None:
    vectors = canonical(rows)
    np.testing.assert_array_equal(from_half(to_half(vectors)), vectors)
    np.testing.assert_array_equal(from_half(to_half(rows)), vectors)
    np.testing.assert_array_equal(canonical(vectors), vectors)


@pytest.mark.parametrize("dimension", [1, 2, 3, 5, 16, 256])
def test_what_is_stored_is_what_was_computed_for_many_rows(dimension: int) -> None:
    rows = drawn(20_000, dimension)
    rows[::2, 0] *= 20  # one number outweighs the others, as in sparse vectors
    vectors = canonical(rows)
    np.testing.assert_array_equal(from_half(to_half(vectors)), vectors)


@given(ROWS)
def test_canonical_stays_close(rows: np.ndarray) -> None:
    # Half a unit in the last of 11 digits each, once for rounding and once for the length.
    assert canonical(rows) == pytest.approx(unit(rows), rel=2e-3, abs=1e-6)


@given(ROWS, st.randoms(use_true_random=False))
def test_a_row_does_not_depend_on_its_neighbours(rows: np.ndarray, random) -> None:
    order = list(range(len(rows)))
    random.shuffle(order)
    together = canonical(rows)
    np.testing.assert_array_equal(canonical(rows[order]), together[order])
    for i in range(len(rows)):
        np.testing.assert_array_equal(canonical(rows[i : i + 1])[0], together[i])


def test_the_layout_in_memory_does_not_matter() -> None:
    rows = drawn(40, 256)
    vectors = canonical(rows)
    np.testing.assert_array_equal(canonical(np.asfortranarray(rows)), vectors)
    np.testing.assert_array_equal(
        cosines(vectors[3], np.asfortranarray(vectors)), cosines(vectors[3], vectors)
    )


def test_zero_rows_stay_zero() -> None:
    rows = np.array([[0, 0, 0], [3, 0, 4]], np.float32)
    np.testing.assert_array_equal(canonical(rows)[0], [0, 0, 0])
    assert canonical(rows)[1] == pytest.approx([0.6, 0, 0.8], abs=1e-3)
    np.testing.assert_array_equal(cosines(canonical(rows)[0], canonical(rows)), [0, 0])


def test_no_rows() -> None:
    none = np.zeros((0, 7), np.float32)
    assert canonical(none).shape == to_half(none).shape == (0, 7)
    assert cosines(np.ones(7, np.float32), none).shape == (0,)


def test_damaged_numbers_end() -> None:
    rows = np.array([[np.nan, 1.0], [1.0, 0.0]], np.float32)
    assert np.isnan(canonical(rows)[0]).any()
    np.testing.assert_array_equal(canonical(rows)[1], [1, 0])


@given(ROWS)
def test_cosines_against_a_slow_reference(rows: np.ndarray) -> None:
    vectors = canonical(rows)
    expected = [slow_cosine(vectors[0], row) for row in vectors]
    assert cosines(vectors[0], vectors) == pytest.approx(np.clip(expected, -1, 1), abs=1e-7)


@given(ROWS)
def test_cosines_are_symmetric_bounded_and_one_with_themselves(rows: np.ndarray) -> None:
    vectors = canonical(rows)
    table = np.stack([cosines(vector, vectors) for vector in vectors])
    np.testing.assert_array_equal(table, table.T)
    assert (abs(table) <= 1).all()
    length = abs(vectors).sum(axis=1) > 0
    assert np.diag(table)[length] == pytest.approx(1.0, abs=1e-6)


def test_a_cosine_does_not_depend_on_the_others() -> None:
    vectors = canonical(drawn(300, 256))
    together = cosines(vectors[0], vectors)
    alone = [cosines(vectors[0], vectors[i : i + 1])[0] for i in range(len(vectors))]
    np.testing.assert_array_equal(together, alone)


def test_cosines_are_clipped() -> None:
    long = np.full(3, 0.57736, np.float32)  # a little longer than 1
    assert slow_cosine(long, long) > 1
    np.testing.assert_array_equal(cosines(long, np.stack([long, -long])), [1, -1])
