"""Solids, and what a knife leaves of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from lookalike.demo.studio.canvas import FINE, Canvas
from lookalike.demo.studio.light import Ball, Material, occlusion, shaded, shadow
from lookalike.demo.studio.mathematics import (
    Array,
    Axes,
    Index,
    Mask,
    Point,
    along,
    column,
    dot,
    exact,
    normalised,
    out_of,
    power,
)
from lookalike.demo.studio.texture import noise

BodyPaint: TypeAlias = Callable[[Array], Array]
"""(3, n) places in the body's own frame -> (3, n) linear colour in [0, 1]."""

_SKIN, _FLESH = Material(), Material(gloss=0.35, rough=0.4, wrap=0.5)
_STEPS, _COARSE_ROUNDS, _LAST_ROUNDS = 4, 6, 1


@dataclass(frozen=True, slots=True)
class Shape:
    """A solid seen from its middle: how far the surface is in each direction.

    With c the cosine of the angle to the top and h = (1 + c) / 2, the radius is
    1 + top h^sharp + bottom (1 - h)^keen - dimples at the poles, times the lobes.

    Attributes:
        stretch: scale along the body's own x, y, z.
        top: how much longer the top is (a pear's neck).
        sharp: how narrow that is, a whole number.
        bottom: as `top`, below (a strawberry's tip).
        keen: as `sharp`, below.
        dimple: depth of the hollow at the top.
        wide: width of that hollow.
        dent: depth of the hollow at the bottom.
        lobes: number of ribs around; 0 for none.
        rib: depth of the ribs.
        groove: depth of one furrow from pole to pole, as in a peach.
    """

    stretch: Point = (1.0, 1.0, 1.0)
    top: float = 0.0
    sharp: int = 8
    bottom: float = 0.0
    keen: int = 8
    dimple: float = 0.0
    wide: float = 0.25
    dent: float = 0.0
    lobes: int = 0
    rib: float = 0.0
    groove: float = 0.0

    def excess(self, q: Array) -> Array:
        """How far places (3, n) in the stretched frame are outside the surface, (n,)."""
        square = dot(q, q) + np.float32(1e-9)
        distance = np.sqrt(square)
        c = q[1] / distance
        h = 0.5 + 0.5 * c
        radius = np.ones_like(c)
        if self.top:
            radius += self.top * power(h, self.sharp)
        if self.bottom:
            radius += self.bottom * power(1.0 - h, self.keen)
        s2 = 1.0 - c * c
        if self.dimple:
            radius -= self.dimple * power(h, 3) / (1.0 + s2 * (1.0 / (self.wide * self.wide)))
        if self.dent:
            radius -= self.dent * power(1.0 - h, 3) / (1.0 + s2 * 16.0)
        if self.lobes:
            radius += self.rib * self._ribs(q / distance)
        if self.groove:
            radius -= self.groove * self._furrow(q / distance, s2)
        return exact(distance - radius)

    def _ribs(self, d: Array) -> Array:
        """cos(lobes * angle) * sine(polar angle)^lobes as a power of a complex number."""
        real, imaginary = d[0], d[2]
        for _ in range(self.lobes - 1):
            real, imaginary = real * d[0] - imaginary * d[2], real * d[2] + imaginary * d[0]
        return exact(real)

    @staticmethod
    def _furrow(d: Array, s2: Array) -> Array:
        sideways = d[0] * d[0] / (s2 + 0.02)
        return exact((d[2] > 0.0) * s2 / (1.0 + sideways * 60.0))


@dataclass(frozen=True, slots=True)
class Cut:
    """A knife's plane through a body: what lies above it is taken away.

    Attributes:
        facing: unit normal of the cut face in the body's own frame.
        offset: distance of the plane from the body's middle along it, in the body's radius.
        paint: colour of the flesh.
        material: of the flesh.
    """

    facing: Point
    offset: float
    paint: BodyPaint
    material: Material = _FLESH


@dataclass(frozen=True, slots=True)
class Body:
    """A solid fruit.

    Attributes:
        centre: of the shape, world units.
        radius: world units for a shape radius of 1.
        axes: the body's own axes in the world.
        shape: its form.
        paint: its skin.
        material: of the skin.
        cut: a knife's plane, or None.
    """

    centre: Point
    radius: float
    axes: Axes
    shape: Shape
    paint: BodyPaint
    material: Material = _SKIN
    cut: Cut | None = None

    def draw(self, canvas: Canvas, balls: Sequence[Ball] = ()) -> None:
        """Draw it; the balls shade it (its own stand-in must not be among them)."""
        found = self._found(canvas)
        if found is None:
            return
        index, x, y, start, sliced = found
        z, gap = self._march(canvas, x, y, start, ~sliced * np.float32(0.1), _LAST_ROUNDS)
        cover = np.clip(1.25 - gap / canvas.grain, 0.0, 1.0).reshape(-1, 4)
        sliced &= gap <= 0.0
        kept = (cover > 0.0).any(axis=1)
        # Coverage and depth are found for each fine pixel, light for one of each four, but for
        # all four where the knife's edge runs between them.
        fine = kept.repeat(4)
        index, z, sliced = index[fine], z[fine], sliced[fine]
        x, y = x[fine], y[fine]
        one = np.arange(0, index.size, 4) + cover[kept].argmax(axis=1)
        light = self._lit(canvas, canvas.world(x[one], y[one], z[one]), balls, sliced[one])[:, :, None]
        faces = sliced.reshape(-1, 4)
        edge = np.flatnonzero((faces.any(axis=1) & ~faces.all(axis=1)).repeat(4))
        if edge.size:
            light = light.repeat(4, axis=2)
            places = canvas.world(x[edge], y[edge], z[edge])
            each = self._lit(canvas, places, balls, sliced[edge])
            light[:, edge[::4] // 4] = each.reshape(3, -1, 4)
        canvas.lay(index.reshape(-1, 4), light, z.reshape(-1, 4), cover[kept])

    def _found(self, canvas: Canvas) -> tuple[Index, Array, Array, Array, Mask] | None:
        """Find the body with one ray for every four pixels.

        Returns:
            The fine pixels near it with their rays, depths close to its surface, and
            whether the knife's plane is met first; None when it is out of the picture.
        """
        shape = self.shape
        reach = self.radius * (1.01 + shape.top + shape.bottom + shape.rib) * max(shape.stretch)
        reach += 3.0 * canvas.grain
        right, up, depth = canvas.project(self.centre)
        index = canvas.box((right - reach, up - reach), (right + reach, up + reach))
        index = index[(index & (FINE | 1)) == 0]  # even columns of even rows
        x, y = canvas.rays(index)
        square = reach * reach - (x - right) ** 2 - (y - up) ** 2
        index, x, y, square = index[square > 0], x[square > 0], y[square > 0], square[square > 0]
        if not index.size:
            return None
        start, _ = self._sliced(canvas, x, y, exact(depth + np.sqrt(square)))
        z, gap = self._march(canvas, x, y, start, 0.0, _COARSE_ROUNDS)
        near = gap < 3.0 * canvas.grain
        index, z = index[near], z[near]
        index = (index[:, None] + np.asarray([0, 1, FINE, FINE + 1])).reshape(-1)
        x, y = canvas.rays(index)
        z = z.repeat(4)
        plane, sliced = self._sliced(canvas, x, y, z + np.float32(self.radius))
        sliced &= plane < z + 4.0 * canvas.grain
        return index, x, y, z + (plane - z) * sliced, sliced

    def _own(self, world: Array) -> Array:
        """World places -> the body's stretched frame, where the shape's radius is about 1."""
        own = along(self.axes, world - column(self.centre))
        return own / (column(self.shape.stretch) * np.float32(self.radius))

    def _to_own(self, canvas: Canvas) -> list[tuple[float, float, float, float]]:
        """Rows of the map from projected right, up, depth and 1 to the body's stretched frame."""
        x, y, z = self.centre
        rows = []
        for axis, stretch in zip(self.axes, self.shape.stretch, strict=True):
            right, up, near = (sum(a * b for a, b in zip(axis, seen, strict=True)) for seen in canvas.axes)
            offset = axis[0] * -x + axis[1] * (canvas.middle - y) + axis[2] * -z
            unit_length = stretch * self.radius
            rows.append((right / unit_length, up / unit_length, near / unit_length, offset / unit_length))
        return rows

    def _gap(self, world: Array) -> Array:
        return self.shape.excess(self._own(world)) * (self.radius * min(self.shape.stretch))

    def _march(
        self, canvas: Canvas, x: Array, y: Array, start: Array, back: Array | float, rounds: int
    ) -> tuple[Array, Array]:
        """Walk along each ray to the surface, at most `back` towards the camera.

        Returns:
            The depth of the nearest approach, and how far outside the surface that is.
        """
        rows = self._to_own(canvas)
        origin = np.stack([x * a + y * b + start * c + d for a, b, c, d in rows])
        step = np.asarray([[c] for _, _, c, _ in rows], np.float32)
        scale, close = self.radius * min(self.shape.stretch), 0.1 * canvas.grain
        least = np.broadcast_to(np.asarray(-back, np.float32), x.shape)
        best = self.shape.excess(origin) * scale
        where = np.zeros_like(x)
        active = np.flatnonzero(np.abs(best) > close)
        walked, gap = where[active], best[active]
        for _ in range(rounds):
            begin, floor, at, near = origin[:, active], least[active], where[active], best[active]
            for _ in range(_STEPS):
                walked = np.maximum(walked + gap * 0.85, floor)
                gap = self.shape.excess(begin - step * walked) * scale
                nearer = np.abs(gap) < np.abs(near)
                at, near = at + (walked - at) * nearer, near + (gap - near) * nearer
            where[active], best[active] = at, near
            # Those that have arrived, and those that have come out behind the body, are done.
            going = (np.abs(gap) > close) & (walked < 3.0 * self.radius)
            active, walked, gap = active[going], walked[going], gap[going]
        return start - where, best

    def _sliced(self, canvas: Canvas, x: Array, y: Array, start: Array) -> tuple[Array, Mask]:
        """Move rays that begin on the side taken away by the knife to its plane."""
        if self.cut is None:
            return start, np.zeros(start.size, bool)
        facing = self._facing()
        normal: Point = (float(facing[0, 0]), float(facing[1, 0]), float(facing[2, 0]))
        height = dot(canvas.world(x, y, start) - column(self.centre), normal)
        height = height - self.cut.offset * self.radius
        slope = float(dot(column(canvas.axes[2]), normal)[0])
        above = height > 0.0
        return start - above * height / np.float32(slope), above

    def _facing(self) -> Array:
        assert self.cut is not None
        return out_of(self.axes, column(self.cut.facing))

    def _lit(self, canvas: Canvas, places: Array, balls: Sequence[Ball], face: Mask) -> Array:
        """The light from places on the skin and, where `face`, on the knife's plane."""
        light = np.empty_like(places)
        for cut, chosen in ((None, ~face), (self.cut, face)):
            if chosen.any():
                light[:, chosen] = self._lit_side(canvas, places[:, chosen], balls, cut)
        return light

    def _lit_side(self, canvas: Canvas, places: Array, balls: Sequence[Ball], cut: Cut | None) -> Array:
        own, paint = self._own(places), cut.paint if cut else self.paint
        material = cut.material if cut else self.material
        albedo = paint(own)
        normal = self._facing().repeat(places.shape[1], axis=1) if cut else self._normal(places)
        normal = self._bumped(normal, places, material)
        open_sky = occlusion(places, normal, balls) if balls else np.ones(places.shape[1], np.float32)
        low = np.clip(places[1] / (self.radius * 0.9), 0.0, 1.0)
        open_sky = open_sky * (1.0 - (0.5 - 0.5 * normal[1]) * (1.0 - low) * 0.75)
        lit = shadow(places + normal * 0.02, canvas.light, balls) if balls else np.ones_like(low)
        return shaded(albedo, normal, canvas.light, canvas.axes[2], material, open_sky, lit)

    def _normal(self, places: Array) -> Array:
        reach = np.float32(0.012 * self.radius)
        here = self._gap(places)
        slopes = []
        for axis in np.eye(3, dtype=np.float32):
            slopes.append(self._gap(places + axis[:, None] * reach) - here)
        return normalised(np.stack(slopes))

    def _bumped(self, normal: Array, places: Array, material: Material) -> Array:
        if not material.bump:
            return normal
        own = (places - column(self.centre)) / np.float32(self.radius)
        here, reach = noise(own, material.bumps), 0.12 / material.bumps
        slopes = []
        for axis in np.eye(3, dtype=np.float32):
            slopes.append(noise(own + axis[:, None] * np.float32(reach), material.bumps) - here)
        return normalised(exact(normal - np.stack(slopes) * (material.bump / reach * 0.1)))
