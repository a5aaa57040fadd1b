"""Small exact mathematics: the same to the last bit on every machine."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[np.float32]
Point: TypeAlias = tuple[float, float, float]
Axes: TypeAlias = tuple[Point, Point, Point]
Index: TypeAlias = npt.NDArray[np.int64]
Mask: TypeAlias = npt.NDArray[np.bool_]


def turn(angle: float) -> tuple[float, float]:
    """Cosine and sine of an angle in radians, from their series (the same on every machine).

    >>> cosine, sine = turn(1.0)
    >>> round(cosine, 9), round(sine, 9)
    (0.540302306, 0.841470985)
    """
    eighth = angle / 8.0
    square = eighth * eighth
    sine = eighth * (1 - square / 6 * (1 - square / 20 * (1 - square / 42 * (1 - square / 72))))
    cosine = 1 - square / 2 * (1 - square / 12 * (1 - square / 30 * (1 - square / 56)))
    for _ in range(3):
        cosine, sine = cosine * cosine - sine * sine, 2 * sine * cosine
    return cosine, sine


def exact(values: npt.ArrayLike) -> Array:
    """As float32, for the type checker; the values are float32 already."""
    return np.asarray(values, dtype=np.float32)


def power(base: Array, exponent: int) -> Array:
    """`base ** exponent` for a positive whole exponent, by repeated squaring."""
    if exponent == 1:
        return base
    half = power(base, exponent // 2)
    return half * half * base if exponent % 2 else half * half


def smooth(low: float, high: float, value: Array) -> Array:
    """0 below `low`, 1 above `high`, an S-curve between."""
    t = np.clip((value - low) * (1.0 / (high - low)), 0.0, 1.0)
    return exact(t * t * (3.0 - 2.0 * t))


def mix(first: Array | Point, second: Array | Point, share: Array) -> Array:
    """Blend two colours (fields or single ones): `share` 0 gives the first, 1 the second."""
    a, b = column(first), column(second)
    return a + (b - a) * share


def colour(text: str) -> Point:
    """Linear light of an sRGB colour `#rrggbb`, with gamma 2 (a square, so exact)."""
    red, green, blue = (int(text[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return red * red, green * green, blue * blue


def dot(a: Array | Point, b: Array | Point) -> Array:
    """The scalar product of each column of two fields, or of a field and one vector."""
    return exact(a[0] * b[0] + a[1] * b[1] + a[2] * b[2])


def along(frame: Axes, points: Array) -> Array:
    """The coordinates of world directions in a frame given by its three unit axes."""
    return np.stack([dot(points, axis) for axis in frame])


def out_of(frame: Axes, points: Array) -> Array:
    """The inverse of `along`: coordinates in a frame -> world directions."""
    x, y, z = (column(axis) for axis in frame)
    return np.asarray(x * points[0] + y * points[1] + z * points[2], dtype=np.float32)


def frame(yaw: float = 0.0, lean: float = 0.0, roll: float = 0.0) -> Axes:
    """The axes of a body turned about y, then leant towards the camera, then rolled to the side."""
    (cy, sy), (cl, sl), (cr, sr) = turn(yaw), turn(lean), turn(roll)

    def place(point: Point) -> Point:
        x, y, z = point
        x, z = cy * x + sy * z, cy * z - sy * x
        y, z = cl * y - sl * z, sl * y + cl * z
        return cr * x - sr * y, sr * x + cr * y, z

    return place((1.0, 0.0, 0.0)), place((0.0, 1.0, 0.0)), place((0.0, 0.0, 1.0))


def unit(vector: Point) -> Point:
    """The vector with length 1."""
    length = float(np.sqrt(vector[0] ** 2 + vector[1] ** 2 + vector[2] ** 2))
    return vector[0] / length, vector[1] / length, vector[2] / length


def cross(a: Point, b: Point) -> Point:
    """The vector product."""
    return a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]


def column(value: Array | Point) -> Array:
    """A point as a field of one column; a field as it is."""
    return np.asarray(value, dtype=np.float32).reshape(3, -1)


def normalised(points: Array) -> Array:
    """A field whose columns have length 1."""
    return exact(points / np.sqrt(dot(points, points) + np.float32(1e-12)))
