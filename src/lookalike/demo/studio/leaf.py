"""Leaves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lookalike.demo.studio.canvas import Canvas
from lookalike.demo.studio.light import Ball, Material, shaded, shadow
from lookalike.demo.studio.mathematics import (
    Array,
    Point,
    colour,
    column,
    cross,
    dot,
    exact,
    mix,
    normalised,
)

_BLADE = Material(gloss=0.35, rough=0.5, wrap=0.4)


@dataclass(frozen=True, slots=True)
class Leaf:
    """A thin blade on a bent plane.

    Attributes:
        base: where it is attached, world units.
        tip: direction of its length, a unit vector.
        side: direction of its width, a unit vector at right angles to `tip`.
        length: world units.
        width: its half, world units.
        droop: how far the tip bends away from the plane, in lengths.
        fold: how much it is folded along the rib.
        blade: colours of the blade and of its veins.
        full: where it is widest: False near the base (pointed), True in the middle.
    """

    base: Point
    tip: Point
    side: Point
    length: float
    width: float
    droop: float = 0.25
    fold: float = 0.35
    blade: tuple[Point, Point] = (colour("#4f8a2f"), colour("#8fb865"))
    full: bool = True
    material: Material = _BLADE

    def draw(self, canvas: Canvas, balls: Sequence[Ball] = ()) -> None:
        """Draw it; the balls shade it."""
        away = cross(self.tip, self.side)
        origin = canvas.project(self.base)
        tip, side, off = (self._seen(canvas, direction) for direction in (self.tip, self.side, away))
        reach = self.length * (1.0 + self.droop) + self.width
        index = canvas.box((origin[0] - reach, origin[1] - reach), (origin[0] + reach, origin[1] + reach))
        x, y = canvas.rays(index)
        a, b = self._flat(x - origin[0], y - origin[1], tip, side, off)
        half = self._half(np.clip(a, 0.0, 1.0))
        stretch = self.length * (tip[0] ** 2 + tip[1] ** 2) ** 0.5 + 1e-3
        inside = np.minimum((half - np.abs(b)) * self.width, np.minimum(a, 1.0 - a) * stretch)
        cover = np.clip(inside / canvas.grain + 0.5, 0.0, 1.0)
        seen = cover > 0.0
        index, x, y, a, b, half, cover = (v[seen] for v in (index, x, y, a, b, half, cover))
        bend = a * a * (self.droop * self.length) + np.abs(b) * (self.fold * self.width * -0.5)
        depth = origin[2] + a * (self.length * tip[2]) + b * (self.width * side[2]) + bend * off[2]
        normal = self._normal(canvas, away, a, b)
        places = canvas.world(x, y, depth)
        lit = 0.35 + 0.65 * shadow(places + normal * 0.03, canvas.light, balls)
        open_sky = np.ones_like(lit)
        light = shaded(
            self._paint(a, b, half), normal, canvas.light, canvas.axes[2], self.material, open_sky, lit
        )
        canvas.lay(index, light, depth, cover)

    @staticmethod
    def _seen(canvas: Canvas, direction: Point) -> Point:
        right, up, near = canvas.axes
        x, y, z = (sum(d * a for d, a in zip(direction, axis, strict=True)) for axis in (right, up, near))
        return x, y, z

    def _flat(self, x: Array, y: Array, tip: Point, side: Point, off: Point) -> tuple[Array, Array]:
        """Undo the projection: along in lengths, across in half widths. The bend depends on the
        result, so it is found by a few rounds."""
        tx, ty, sx, sy = (
            tip[0] * self.length,
            tip[1] * self.length,
            side[0] * self.width,
            side[1] * self.width,
        )
        scale = tx * sy - ty * sx
        scale = scale if abs(scale) > 1e-4 else 1e-4
        a, b = np.zeros_like(x), np.zeros_like(x)
        for _ in range(5):
            bend = a * a * (self.droop * self.length) - np.abs(b) * (self.fold * self.width * 0.5)
            u, v = x - bend * off[0], y - bend * off[1]
            a = np.clip((u * sy - v * sx) / scale, -0.5, 1.5)
            b = np.clip((v * tx - u * ty) / scale, -2.0, 2.0)
        return a, b

    def _half(self, a: Array) -> Array:
        if self.full:
            return np.asarray(np.sqrt(a) * (1.0 - a) * (1.0 + 0.9 * a) * 1.95, np.float32)
        return np.asarray(np.sqrt(np.sqrt(a + 0.02)) * (1.0 - a) * 1.55, np.float32)

    def _paint(self, a: Array, b: Array, half: Array) -> Array:
        body, vein = self.blade
        rib = np.clip(1.0 - np.abs(b) * self.width / 0.012, 0.0, 1.0)
        place = (a - np.abs(b) * 0.28) * 9.0
        wave = np.abs(place - np.round(place))
        veins = np.clip(1.0 - wave * 9.0, 0.0, 1.0) * 0.35
        shade = 0.86 + 0.2 * np.clip(wave * 2.0, 0.0, 1.0)
        share = np.clip(rib * 0.8 + veins * (np.abs(b) < half * 0.9), 0.0, 1.0)
        return mix(exact(column(body) * shade), vein, exact(share))

    def _normal(self, canvas: Canvas, away: Point, a: Array, b: Array) -> Array:
        crease = np.where(b > 0, self.fold, -self.fold).astype(np.float32) * 0.8 - b * 0.25
        slope = a * (-2.0 * self.droop)
        place = (a - np.abs(b) * 0.28) * 9.0
        ripple = (place - np.round(place)) * 0.35
        tangent = column(self.tip) * (slope + ripple) + column(self.side) * crease
        normal = normalised(exact(column(away) + tangent))
        flip = np.where(dot(normal, canvas.axes[2]) < 0.0, -1.0, 1.0).astype(np.float32)
        return normal * flip
