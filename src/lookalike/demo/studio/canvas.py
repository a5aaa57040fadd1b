"""The picture in work, and the floor and wall behind everything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from lookalike.demo.studio.light import Ball, Light, occlusion, shadow
from lookalike.demo.studio.mathematics import Array, Axes, Index, Point, column, out_of, turn

SIDE = 256
"""Pixels on each side of a finished picture."""
FINE = 2 * SIDE
"""Those of the picture in work."""
_SHIFT = FINE.bit_length() - 1  # FINE is a power of two
_SOFT = 4  # the backdrop has one value for so many fine pixels each way


@dataclass(slots=True)
class Canvas:
    """The picture in work: linear light and depth at twice the final size.

    Attributes:
        light: the lamps.
        tilt: how far the camera looks down, radians.
        span: world units across the picture.
        middle: height of the point in the picture's centre, world units above the floor.
        pixels: (3, 512 * 512) linear light.
        depth: (512 * 512) distance towards the camera; larger is nearer.
    """

    light: Light
    tilt: float = 0.42
    span: float = 2.85
    middle: float = 0.9
    pixels: Array = field(init=False)
    depth: Array = field(init=False)

    def __post_init__(self) -> None:
        self.pixels = np.zeros((3, FINE * FINE), np.float32)
        self.depth = np.full(FINE * FINE, -100.0, np.float32)

    @property
    def axes(self) -> Axes:
        """Right, up and towards-the-camera, as unit vectors."""
        cosine, sine = turn(self.tilt)
        return (1.0, 0.0, 0.0), (0.0, cosine, -sine), (0.0, sine, cosine)

    @property
    def grain(self) -> float:
        """World units in one fine pixel."""
        return self.span / FINE

    def project(self, point: Point) -> Point:
        """Right, up and depth of a world point, in world units from the picture's centre."""
        x, y, z = point[0], point[1] - self.middle, point[2]
        right, up, near = self.axes
        return (
            x * right[0] + y * right[1] + z * right[2],
            x * up[0] + y * up[1] + z * up[2],
            x * near[0] + y * near[1] + z * near[2],
        )

    def box(self, low: tuple[float, float], high: tuple[float, float]) -> Index:
        """Indices of the fine pixels in a rectangle given in projected units."""
        half = self.span / 2
        left, right = ((value + half) / self.grain for value in (low[0], high[0]))
        top, bottom = ((half - value) / self.grain for value in (high[1], low[1]))
        columns = np.arange(max(int(left) - 1, 0), min(int(right) + 2, FINE))
        rows = np.arange(max(int(top) - 1, 0), min(int(bottom) + 2, FINE))
        return (rows[:, None] * FINE + columns[None, :]).reshape(-1)

    def rays(self, index: Index) -> tuple[Array, Array]:
        """Right and up of these pixels' centres, projected units."""
        half = self.span / 2
        right = ((index & (FINE - 1)).astype(np.float32) + 0.5) * self.grain - half
        up = half - ((index >> _SHIFT).astype(np.float32) + 0.5) * self.grain
        return right, up

    def world(self, right: Array, up: Array, depth: Array) -> Array:
        """World places of projected points, (3, n)."""
        points = out_of(self.axes, np.stack([right, up, depth]))
        points[1] += self.middle
        return points

    def lay(self, index: Index, light: Array, depth: Array, cover: Array) -> None:
        """Put light over the picture where it is nearer.

        Args:
            index: fine pixels, of any shape.
            light: (3, ...) linear, of a shape that fits.
            depth: towards the camera, of the index's shape.
            cover: share of each pixel that is covered, in [0, 1], likewise.
        """
        cover = cover * (depth > self.depth[index])
        for plane, value in zip(self.pixels, light, strict=True):
            under = plane.take(index)
            plane[index] = under + (value - under) * cover
        solid = cover > 0.5
        self.depth[index[solid]] = depth[solid]

    def finish(self) -> npt.NDArray[np.uint8]:
        """The picture, (256, 256, 3) uint8 sRGB: averaged down, highlights rolled off, gamma 2."""
        fine = self.pixels.reshape(3, SIDE, 2, SIDE, 2)
        mean = (fine[:, :, 0, :, 0] + fine[:, :, 0, :, 1] + fine[:, :, 1, :, 0] + fine[:, :, 1, :, 1]) * 0.25
        rolled = mean / (1.0 + np.clip(mean - 0.85, 0.0, None) * 0.4)
        bytes_ = np.clip(np.sqrt(np.clip(rolled, 0.0, 1.0)) * 255.0 + 0.5, 0.0, 255.0).astype(np.uint8)
        return np.ascontiguousarray(bytes_.transpose(1, 2, 0))


def backdrop(canvas: Canvas, tint: Point, balls: Sequence[Ball]) -> None:
    """Fill the canvas with a seamless pale floor and the soft shadows of the balls on it."""
    rows = np.arange(0, FINE, _SOFT)
    right, up = canvas.rays((rows[:, None] * FINE + rows).reshape(-1) + (FINE + 1) * (_SOFT // 2))
    cosine, sine = turn(canvas.tilt)
    # The floor is where the height is zero: up * cosine + depth * sine + middle = 0.
    depth = -(up * cosine + canvas.middle) / sine
    floor = canvas.world(right, up, depth)
    open_sky = 0.30 + 0.70 * occlusion(floor, (0.0, 1.0, 0.0), balls)
    lit = shadow(floor, canvas.light, balls)
    fall = 1.0 - 0.045 * (right * right + up * up) + 0.04 * up
    light = (0.37 * lit + 0.66 * open_sky) * fall
    # Light between a pale floor and its shadow keeps the floor's tint: shadows are never grey.
    pale = column(tint)
    small = pale * light + pale * pale * (1.0 - light) * 0.16
    half = _enlarged(small.reshape(3, rows.size, rows.size))
    canvas.pixels.reshape(3, SIDE, 2, SIDE, 2)[:] = half[:, :, None, :, None]


def _enlarged(field: Array) -> Array:
    """Twice as wide and as high, with straight lines between the values."""
    for axis in (1, 2):
        padded = np.concatenate([np.take(field, [0], axis), field, np.take(field, [-1], axis)], axis)
        before, here, after = (np.take(padded, range(i, i + field.shape[axis]), axis) for i in range(3))
        pair = np.stack([before * 0.25 + here * 0.75, here * 0.75 + after * 0.25], axis + 1)
        field = pair.reshape([size * 2 if i == axis else size for i, size in enumerate(field.shape)])
    return field
