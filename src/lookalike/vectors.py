"""What a vector is: a unit row that sixteen-bit floats can hold.

Every vector lookalike computes, stores or compares is *canonical*: normalised, rounded to
16-bit floats, and normalised again in 32 bits. A vector that has been stored and read back is
therefore the vector that was computed, bit for bit, and a cosine is the same number whether the
two pictures come from a collection or straight from their files.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float32]


def unit(rows: npt.NDArray[np.floating]) -> Vectors:
    """Rows scaled to length 1; a row of zeros stays zero.

    Args:
        rows: (n, d), any float type.

    Returns:
        (n, d) float32. Each row's bits depend on that row alone.
    """
    wide = np.ascontiguousarray(rows, dtype=np.float64)
    lengths = np.sqrt(np.add.reduce(wide * wide, axis=1, keepdims=True))
    return (wide / np.where(lengths > 0, lengths, 1)).astype(np.float32)


def to_half(rows: npt.NDArray[np.floating]) -> npt.NDArray[np.float16]:
    """Rows as they are stored: unit length, 16-bit floats. (n, d) float16.

    A canonical row gives a stored row that reads as the same bits. Rounding it once more would
    not do: it was divided by a length that is 1 to three digits only, and so may lie closer to
    other 16-bit numbers (happens to one row in a hundred when rows are short).
    """
    half = unit(rows).astype(np.float16)
    lengths = np.square(rows, dtype=np.float64).sum(axis=1)
    ones = np.flatnonzero(np.abs(lengths - 1) < 1e-5)  # all others cannot be canonical
    if len(ones):
        half[ones] = _as_stored(np.asarray(rows[ones], np.float32), half[ones])
    return half


def _as_stored(rows: Vectors, half: npt.NDArray[np.float16]) -> npt.NDArray[np.float16]:
    """The stored rows that rows of length 1 were read from, or `half` where there are none."""
    largest = np.abs(half).argmax(axis=1)[:, None]
    given, top = np.take_along_axis(rows, largest, 1), np.take_along_axis(half, largest, 1)
    for stored in (np.nextafter(top, np.float16(0)), np.nextafter(top, 2 * top), top):
        # Had the largest number been stored as this, the row was divided by this length.
        length = stored.astype(np.float64) / given
        guess = (rows * length).astype(np.float16)
        half = np.where((from_half(guess) == rows).all(axis=1, keepdims=True), guess, half)
    return half


def from_half(rows: npt.NDArray[np.float16]) -> Vectors:
    """Stored rows as they are compared: 32-bit floats of unit length. (n, d) float32."""
    return unit(rows)


def canonical(rows: npt.NDArray[np.floating]) -> Vectors:
    """Rows as storing and reading them back would give them. (n, d) float32.

    >>> v = canonical(np.array([[3.0, 4.0]]))
    >>> bool((canonical(v) == v).all())
    True
    """
    return from_half(to_half(rows))


def cosines(query: Vectors, rows: Vectors) -> Vectors:
    """Cosine of one unit vector with each of n unit rows, in [-1, 1].

    Summed in 64 bits row by row, so that the number depends on the two vectors alone and not on
    how many others are compared in the same call, or in which order.

    Args:
        query: (d,) float32 unit vector.
        rows: (n, d) float32 unit rows.

    Returns:
        (n,) float32.
    """
    products = rows.astype(np.float64, order="C") * query.astype(np.float64)
    sums: Vectors = np.clip(np.add.reduce(products, axis=1), -1.0, 1.0).astype(np.float32)
    return sums
