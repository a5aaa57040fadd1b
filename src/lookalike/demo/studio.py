"""A tiny photo studio: solid shapes, a softbox, a floor, and a camera, in NumPy alone.

Every picture is made of `+ - * /` and square roots on float32, which IEEE 754 defines to the last
bit; powers, sines and noise are built from them. So a picture has the same pixels on every
machine, and a test can pin its hash.

The world is right-handed with y up and the floor at y = 0; one unit is about the radius of an
apple. The camera is orthographic and looks down a little. Parts are drawn into one canvas with a
depth buffer, at twice the final size, and averaged down.

Arrays: a *field* is (3, n) float32, one column a point; a *row* is (n,) float32.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[np.float32]
Point: TypeAlias = tuple[float, float, float]
Axes: TypeAlias = tuple[Point, Point, Point]
BodyPaint: TypeAlias = Callable[[Array], Array]
"""(3, n) places in the body's own frame -> (3, n) linear colour in [0, 1]."""
StripPaint: TypeAlias = Callable[[Array, Array], Array]
"""(n,) along in [0, 1], (n,) across in [-1, 1] -> (3, n) linear colour in [0, 1]."""
Index: TypeAlias = npt.NDArray[np.int64]
Mask: TypeAlias = npt.NDArray[np.bool_]

SIDE = 256
"""Pixels on each side of a finished picture."""
_FINE = 2 * SIDE
_SHIFT = _FINE.bit_length() - 1  # _FINE is a power of two
_LATTICE = 64
_SOFT = 4  # the backdrop has one value for so many fine pixels each way
_STEPS, _COARSE_ROUNDS, _FINE_ROUNDS = 4, 6, 1


# --- small exact mathematics ----------------------------------------------------------------


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


def _exact(values: npt.ArrayLike) -> Array:
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
    return _exact(t * t * (3.0 - 2.0 * t))


def mix(first: Array | Point, second: Array | Point, share: Array) -> Array:
    """Blend two colours (fields or single ones): `share` 0 gives the first, 1 the second."""
    a, b = _column(first), _column(second)
    return a + (b - a) * share


def colour(text: str) -> Point:
    """Linear light of an sRGB colour `#rrggbb`, with gamma 2 (a square, so exact)."""
    red, green, blue = (int(text[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return red * red, green * green, blue * blue


def dot(a: Array | Point, b: Array | Point) -> Array:
    """The scalar product of each column of two fields, or of a field and one vector."""
    return _exact(a[0] * b[0] + a[1] * b[1] + a[2] * b[2])


def along(frame: Axes, points: Array) -> Array:
    """The coordinates of world directions in a frame given by its three unit axes."""
    return np.stack([dot(points, axis) for axis in frame])


def out_of(frame: Axes, points: Array) -> Array:
    """The inverse of `along`: coordinates in a frame -> world directions."""
    x, y, z = (_column(axis) for axis in frame)
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


def _column(value: Array | Point) -> Array:
    return np.asarray(value, dtype=np.float32).reshape(3, -1)


def _normalised(points: Array) -> Array:
    return _exact(points / np.sqrt(dot(points, points) + np.float32(1e-12)))


# --- noise ----------------------------------------------------------------------------------


@cache
def _lattice() -> Array:
    """Smoothed random values in [0, 1], one period of 64 cells and one cell of overlap."""
    values = np.random.Generator(np.random.PCG64(20)).random((_LATTICE,) * 3, dtype=np.float32)
    for axis in range(3):
        values = values * 0.5 + (np.roll(values, 1, axis) + np.roll(values, -1, axis)) * 0.25
    values = np.clip((values - 0.5) * 2.9 + 0.5, 0.0, 1.0)
    return np.ascontiguousarray(np.pad(values, (0, 1), mode="wrap")).reshape(-1)


def noise(points: Array, cells: float, shift: float = 0.0) -> Array:
    """Smooth random values in [0, 1] over space, mean one half.

    Args:
        points: (3, n) places.
        cells: how many bumps fit into one unit.
        shift: another number gives other values.
    """
    scaled = points * (cells * 2.0) + (shift + 1024.0)
    whole = scaled.astype(np.int32)
    fx, fy, fz = scaled - whole
    x, y, z = whole & (_LATTICE - 1)
    pitch = _LATTICE + 1
    base = (x * pitch + y) * pitch + z
    values = _lattice()

    def edge(offset: int) -> Array:
        low = values.take(base + offset)
        return _exact(low + (values.take(base + (offset + 1)) - low) * fz)

    near = edge(0)
    near = near + (edge(pitch) - near) * fy
    far = edge(pitch * pitch)
    far = far + (edge(pitch * pitch + pitch) - far) * fy
    return np.asarray(near + (far - near) * fx, dtype=np.float32)


def clouds(points: Array, cells: float, shift: float = 0.0) -> Array:
    """Two octaves of `noise`: large soft patches with smaller ones on them."""
    return noise(points, cells, shift) * 0.68 + noise(points, cells * 2.3, shift + 17.3) * 0.32


# --- light and materials --------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Light:
    """The softbox and the room.

    Attributes:
        towards: unit vector from the scene to the softbox.
        key: its brightness.
        room: brightness of the white room around.
        warm: colour of the key light, linear.
    """

    towards: Point
    key: float = 0.85
    room: float = 0.55
    warm: Point = (1.0, 0.97, 0.92)


@dataclass(frozen=True, slots=True)
class Material:
    """How a surface takes the light.

    Attributes:
        gloss: strength of reflections in [0, 1].
        rough: width of the highlight's soft border.
        wrap: how far light creeps around the edge, as in flesh, in [0, 1].
        velvet: pale rim of down or bloom in [0, 1].
        bump: height of small dents; 0 for smooth.
        bumps: dents in one unit.
    """

    gloss: float = 0.6
    rough: float = 0.25
    wrap: float = 0.25
    velvet: float = 0.0
    bump: float = 0.0
    bumps: float = 12.0


@dataclass(frozen=True, slots=True)
class Ball:
    """A stand-in for a shape when shadows are cast: centre and radius."""

    centre: Point
    radius: float


def shaded(
    albedo: Array, normal: Array, light: Light, view: Point, material: Material, open_sky: Array, lit: Array
) -> Array:
    """The light that reaches the camera, linear, (3, n).

    Args:
        albedo: (3, n) colour of the surface.
        normal: (3, n) unit normals.
        light: the lamps.
        view: unit vector to the camera.
        material: gloss and softness.
        open_sky: (n,) share of the room that can be seen from the point.
        lit: (n,) share of the softbox likewise.
    """
    facing = np.clip(dot(normal, view), 0.0, 1.0)
    lambert = np.clip((dot(normal, light.towards) + material.wrap) / (1.0 + material.wrap), 0.0, 1.0)
    key = lambert * (0.35 + 0.65 * lambert) * lit * light.key
    up = normal[1] * 0.5 + 0.5
    room = open_sky * light.room * (0.42 + 0.58 * up)
    rim = power(1.0 - facing, 4)
    darkened = 1.0 - 0.28 * power(1.0 - facing, 2)
    bounce = (1.0 - up) * open_sky * 0.16
    body = albedo * (_column(light.warm) * key + room * darkened + bounce)
    glow = albedo * albedo * ((1.0 - lambert) * 0.10)
    sheen = _reflections(normal, light, view, material, facing, rim) * (0.35 + 0.65 * lit) * open_sky
    down = material.velvet * (rim * 0.5 + power(1.0 - facing, 2) * 0.22) * (room + key)
    return np.asarray(body + glow + sheen + down * (albedo * 0.5 + 0.35), dtype=np.float32)


def _reflections(
    normal: Array, light: Light, view: Point, material: Material, facing: Array, rim: Array
) -> Array:
    """What a glossy skin mirrors: the softbox as a soft square, and the white room at the rim."""
    mirrored = normal * (facing * 2.0) - _column(view)
    across = unit(cross((0.0, 1.0, 0.0), light.towards))
    upwards = cross(light.towards, across)
    ahead = dot(mirrored, light.towards)
    half, soft = 0.26, material.rough
    box = smooth(-soft, soft, ahead * half - np.abs(dot(mirrored, across)))
    box = box * smooth(-soft, soft, ahead * half * 1.25 - np.abs(dot(mirrored, upwards)))
    box = box * (ahead > 0.0)
    haze = power(np.clip(ahead, 0.0, 1.0), 6) * 0.10
    room = smooth(-0.4, 0.9, mirrored[1]) * (0.035 + rim * 0.42)
    strength = 0.62 * (1.0 - 0.72 * min(material.rough * 1.4, 1.0))
    return _exact(material.gloss * (box * strength + haze + room))


def occlusion(points: Array, normal: Array | Point, balls: Sequence[Ball]) -> Array:
    """Share of the sky that balls leave open, (n,) in [0, 1].

    The cosine-weighted solid angle of a sphere above the horizon is (n.d) r^2 / d^3.
    """
    open_sky = np.ones(points.shape[1], np.float32)
    for ball in balls:
        offset = _column(ball.centre) - points
        square = dot(offset, offset) + np.float32(1e-6)
        hidden = np.clip(dot(offset, normal), 0.0, None) * (ball.radius * ball.radius)
        open_sky *= 1.0 - np.clip(hidden / (square * np.sqrt(square)), 0.0, 1.0)
    return open_sky


def shadow(points: Array, light: Light, balls: Sequence[Ball], softness: float = 0.32) -> Array:
    """Share of the softbox that balls leave visible, (n,) in [0, 1]."""
    lit = np.ones(points.shape[1], np.float32)
    for ball in balls:
        offset = _column(ball.centre) - points
        ahead = dot(offset, light.towards)
        miss = np.sqrt(np.clip(dot(offset, offset) - ahead * ahead, 0.0, None)) / ball.radius
        spread = softness + 0.22 * np.clip(ahead / ball.radius, 0.0, 4.0)
        edge = np.clip((miss - (1.0 - spread)) / (2.0 * spread), 0.0, 1.0)
        hidden = (1.0 - edge * edge * (3.0 - 2.0 * edge)) * np.clip(ahead * 4.0 / ball.radius, 0.0, 1.0)
        lit *= 1.0 - hidden
    return lit


# --- the canvas -----------------------------------------------------------------------------


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
        self.pixels = np.zeros((3, _FINE * _FINE), np.float32)
        self.depth = np.full(_FINE * _FINE, -100.0, np.float32)

    @property
    def axes(self) -> Axes:
        """Right, up and towards-the-camera, as unit vectors."""
        cosine, sine = turn(self.tilt)
        return (1.0, 0.0, 0.0), (0.0, cosine, -sine), (0.0, sine, cosine)

    @property
    def grain(self) -> float:
        """World units in one fine pixel."""
        return self.span / _FINE

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
        columns = np.arange(max(int(left) - 1, 0), min(int(right) + 2, _FINE))
        rows = np.arange(max(int(top) - 1, 0), min(int(bottom) + 2, _FINE))
        return (rows[:, None] * _FINE + columns[None, :]).reshape(-1)

    def rays(self, index: Index) -> tuple[Array, Array]:
        """Right and up of these pixels' centres, projected units."""
        half = self.span / 2
        right = ((index & (_FINE - 1)).astype(np.float32) + 0.5) * self.grain - half
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
    rows = np.arange(0, _FINE, _SOFT)
    right, up = canvas.rays((rows[:, None] * _FINE + rows).reshape(-1) + (_FINE + 1) * (_SOFT // 2))
    cosine, sine = turn(canvas.tilt)
    # The floor is where the height is zero: up * cosine + depth * sine + middle = 0.
    depth = -(up * cosine + canvas.middle) / sine
    floor = canvas.world(right, up, depth)
    open_sky = 0.30 + 0.70 * occlusion(floor, (0.0, 1.0, 0.0), balls)
    lit = shadow(floor, canvas.light, balls)
    fall = 1.0 - 0.045 * (right * right + up * up) + 0.04 * up
    light = (0.37 * lit + 0.66 * open_sky) * fall
    # Light between a pale floor and its shadow keeps the floor's tint: shadows are never grey.
    pale = _column(tint)
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


# --- parts ----------------------------------------------------------------------------------


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
        return _exact(distance - radius)

    def _ribs(self, d: Array) -> Array:
        """cos(lobes * angle) * sine(polar angle)^lobes as a power of a complex number."""
        real, imaginary = d[0], d[2]
        for _ in range(self.lobes - 1):
            real, imaginary = real * d[0] - imaginary * d[2], real * d[2] + imaginary * d[0]
        return _exact(real)

    @staticmethod
    def _furrow(d: Array, s2: Array) -> Array:
        sideways = d[0] * d[0] / (s2 + 0.02)
        return _exact((d[2] > 0.0) * s2 / (1.0 + sideways * 60.0))


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
    material: Material = Material(gloss=0.35, rough=0.4, wrap=0.5)


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
    material: Material = Material()
    cut: Cut | None = None

    def draw(self, canvas: Canvas, balls: Sequence[Ball] = ()) -> None:
        """Draw it; the balls shade it (its own stand-in must not be among them)."""
        found = self._found(canvas)
        if found is None:
            return
        index, x, y, start, sliced = found
        z, gap = self._march(canvas, x, y, start, ~sliced * np.float32(0.1), _FINE_ROUNDS)
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
        index = index[(index & (_FINE | 1)) == 0]  # even columns of even rows
        x, y = canvas.rays(index)
        square = reach * reach - (x - right) ** 2 - (y - up) ** 2
        index, x, y, square = index[square > 0], x[square > 0], y[square > 0], square[square > 0]
        if not index.size:
            return None
        start, _ = self._sliced(canvas, x, y, _exact(depth + np.sqrt(square)))
        z, gap = self._march(canvas, x, y, start, 0.0, _COARSE_ROUNDS)
        near = gap < 3.0 * canvas.grain
        index, z = index[near], z[near]
        index = (index[:, None] + np.asarray([0, 1, _FINE, _FINE + 1])).reshape(-1)
        x, y = canvas.rays(index)
        z = z.repeat(4)
        plane, sliced = self._sliced(canvas, x, y, z + np.float32(self.radius))
        sliced &= plane < z + 4.0 * canvas.grain
        return index, x, y, z + (plane - z) * sliced, sliced

    def _own(self, world: Array) -> Array:
        """World places -> the body's stretched frame, where the shape's radius is about 1."""
        own = along(self.axes, world - _column(self.centre))
        return own / (_column(self.shape.stretch) * np.float32(self.radius))

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
        height = dot(canvas.world(x, y, start) - _column(self.centre), normal)
        height = height - self.cut.offset * self.radius
        slope = float(dot(_column(canvas.axes[2]), normal)[0])
        above = height > 0.0
        return start - above * height / np.float32(slope), above

    def _facing(self) -> Array:
        assert self.cut is not None
        return out_of(self.axes, _column(self.cut.facing))

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
        return _normalised(np.stack(slopes))

    def _bumped(self, normal: Array, places: Array, material: Material) -> Array:
        if not material.bump:
            return normal
        own = (places - _column(self.centre)) / np.float32(self.radius)
        here, reach = noise(own, material.bumps), 0.12 / material.bumps
        slopes = []
        for axis in np.eye(3, dtype=np.float32):
            slopes.append(noise(own + axis[:, None] * np.float32(reach), material.bumps) - here)
        return _normalised(_exact(normal - np.stack(slopes) * (material.bump / reach * 0.1)))


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
    material: Material = Material(gloss=0.2, rough=0.5)
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
        return _normalised(out_of(canvas.axes, flat_normal))


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
    material: Material = Material(gloss=0.35, rough=0.5, wrap=0.4)

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
        return mix(_exact(_column(body) * shade), vein, _exact(share))

    def _normal(self, canvas: Canvas, away: Point, a: Array, b: Array) -> Array:
        crease = np.where(b > 0, self.fold, -self.fold).astype(np.float32) * 0.8 - b * 0.25
        slope = a * (-2.0 * self.droop)
        place = (a - np.abs(b) * 0.28) * 9.0
        ripple = (place - np.round(place)) * 0.35
        tangent = _column(self.tip) * (slope + ripple) + _column(self.side) * crease
        normal = _normalised(_exact(_column(away) + tangent))
        flip = np.where(dot(normal, canvas.axes[2]) < 0.0, -1.0, 1.0).astype(np.float32)
        return normal * flip
