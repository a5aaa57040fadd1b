"""Bent rods: stalks, bananas, peppers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

import numpy as np

from lookalike.demo.studio.canvas import Canvas
from lookalike.demo.studio.light import Ball, Material, occlusion, shaded, shadow
from lookalike.demo.studio.mathematics import Array, Point, normalised, out_of, power

StripPaint: TypeAlias = Callable[[Array, Array], Array]
"""(n,) along in [0, 1], (n,) across in [-1, 1] -> (3, n) linear colour in [0, 1]."""

_BARK = Material(gloss=0.2, rough=0.5)


@dataclass(frozen=True, slots=True)
class Tube:
    """A round stem, or a whole banana, along a curve with four control points.

    Attributes:
        bend: the control points of a cubic Bezier curve, world units.
        width: its radius at the beginning, the middle and the end.
        paint: colour by place along and across.
        material: of the surface.
        facets: flatness of the sides in [0, 1].
        power_ends: how abruptly the width falls to its end values; higher is more abrupt.
    """

    bend: tuple[Point, Point, Point, Point]
    width: Point
    paint: StripPaint
    material: Material = _BARK
    facets: float = 0.0
    power_ends: int = 2
    pieces: int = 22

    def draw(self, canvas: Canvas, balls: Sequence[Ball] = ()) -> None:
        """Draw it; the balls shade it."""
        line = [canvas.project(self.at(i / self.pieces)) for i in range(self.pieces + 1)]
        most = max(self.width) + canvas.grain
        low = min(p[0] for p in line) - most, min(p[1] for p in line) - most
        high = max(p[0] for p in line) + most, max(p[1] for p in line) + most
        index = canvas.box(low, high)
        if not index.size:
            return
        x, y = canvas.rays(index)
        run, side, depth = self._nearest(line, x, y)
        width = self._width(run)
        cover = np.clip((width - np.abs(side)) / canvas.grain + 0.5, 0.0, 1.0)
        seen = cover > 0.0
        index, x, y, run, side, depth = index[seen], x[seen], y[seen], run[seen], side[seen], depth[seen]
        cover, width = cover[seen], width[seen]
        across = np.clip(side / width, -1.0, 1.0)
        lift = np.sqrt(np.clip(1.0 - across * across, 0.0, 1.0))
        depth = depth + lift * width
        places = canvas.world(x, y, depth)
        normal = self._normal(canvas, line, run, across, lift)
        open_sky = occlusion(places, normal, balls) if balls else np.ones_like(run)
        open_sky = open_sky * (1.0 - (0.5 - 0.5 * normal[1]) * np.clip(1.0 - places[1] * 2.0, 0, 1) * 0.7)
        lit = shadow(places, canvas.light, balls) if balls else np.ones_like(run)
        albedo = self.paint(run, across)
        light = shaded(albedo, normal, canvas.light, canvas.axes[2], self.material, open_sky, lit)
        canvas.lay(index, light, depth, cover)

    def at(self, t: float) -> Point:
        """The curve's point at t in [0, 1]."""
        s = 1.0 - t
        weights = (s * s * s, 3 * s * s * t, 3 * s * t * t, t * t * t)
        x, y, z = (sum(w * p[axis] for w, p in zip(weights, self.bend, strict=True)) for axis in range(3))
        return x, y, z

    def balls(self, count: int = 9) -> list[Ball]:
        """Stand-ins for its shadow."""
        runs = [(i + 0.5) / count for i in range(count)]
        widths = self._width(np.asarray(runs, np.float32))
        return [Ball(self.at(t), float(w)) for t, w in zip(runs, widths, strict=True)]

    def _width(self, run: Array) -> Array:
        first, middle, last = self.width
        to_first = power(np.clip(1.0 - 2.0 * run, 0.0, 1.0), self.power_ends)
        to_last = power(np.clip(2.0 * run - 1.0, 0.0, 1.0), self.power_ends)
        return np.asarray(middle + (first - middle) * to_first + (last - middle) * to_last, np.float32)

    def _nearest(self, line: Sequence[Point], x: Array, y: Array) -> tuple[Array, Array, Array]:
        """For each pixel the nearest place on the curve: how far along, signed offset, depth."""
        best = np.full(x.shape, 1e9, np.float32)
        run, side, depth = (np.zeros_like(x) for _ in range(3))
        for i, (a, b) in enumerate(pairwise(line)):
            dx, dy = b[0] - a[0], b[1] - a[1]
            length = dx * dx + dy * dy + 1e-9
            t = np.clip(((x - a[0]) * dx + (y - a[1]) * dy) / length, 0.0, 1.0)
            ox, oy = x - (a[0] + t * dx), y - (a[1] + t * dy)
            square = ox * ox + oy * oy
            nearer = square < best
            turned = (ox * dy - oy * dx) >= 0.0
            np.copyto(best, square, where=nearer)
            np.copyto(run, (i + t) / self.pieces, where=nearer)
            np.copyto(side, turned * 2.0 - 1.0, where=nearer, casting="same_kind")
            np.copyto(depth, a[2] + t * (b[2] - a[2]), where=nearer)
        return run, side * np.sqrt(best), depth

    def _normal(self, canvas: Canvas, line: Sequence[Point], run: Array, across: Array, lift: Array) -> Array:
        """Round across the curve's direction on the picture, flattened into facets if asked."""
        tangents = [(b[0] - a[0], b[1] - a[1]) for a, b in pairwise(line)]
        table = np.asarray([*tangents, tangents[-1]], np.float32).T
        place = np.clip(run * self.pieces - 0.5, 0.0, self.pieces - 1.001)
        whole = place.astype(np.int32)
        part = place - whole
        dx, dy = table[:, whole] * (1.0 - part) + table[:, whole + 1] * part
        length = np.sqrt(dx * dx + dy * dy) + np.float32(1e-9)
        bent = across
        if self.facets:
            fold = across * 1.25 + 0.2
            nearest = np.round(fold)
            flat = fold - nearest
            bent = across - self.facets * (flat - 3.2 * flat * flat * flat) * 0.8
            lift = np.sqrt(np.clip(1.0 - bent * bent, 0.0, 1.0))
        flat_normal = np.stack([bent * dy / length, -bent * dx / length, lift + 0.02])
        return normalised(out_of(canvas.axes, flat_normal))
