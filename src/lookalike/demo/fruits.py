"""How each fruit of the demo's shop is built and painted, from the studio's parts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

import numpy as np

from lookalike.demo.studio import (
    Array,
    Axes,
    Ball,
    Body,
    BodyPaint,
    Cut,
    Leaf,
    Material,
    Point,
    Shape,
    StripPaint,
    Tube,
    clouds,
    colour,
    cross,
    dot,
    frame,
    mix,
    noise,
    power,
    smooth,
    turn,
    unit,
)

Part: TypeAlias = Body | Tube | Leaf


@dataclass(slots=True)
class Still:
    """What stands on the table: parts, each with the balls that shade it, and the floor's balls."""

    parts: list[tuple[Part, Sequence[Ball]]] = field(default_factory=list)
    balls: list[Ball] = field(default_factory=list)

    def add(self, part: Part, shaded_by: Sequence[Ball] = ()) -> None:
        """Put a part on the table."""
        self.parts.append((part, shaded_by))


@dataclass(frozen=True, slots=True)
class Dice:
    """Seeded chance for one picture, with its manner.

    Attributes:
        rng: the source.
        manner: `plain`, `leaf` (with its leaf or stalk) or `cut` (halved), where the fruit
            knows it.
        size: about 0.82 (small) to 1.0 (large).
    """

    rng: np.random.Generator
    manner: str
    size: float

    def between(self, low: float, high: float) -> float:
        """A number in [low, high), every one as likely."""
        return low + (high - low) * float(self.rng.random())

    def pose(self, lean: tuple[float, float] = (-0.1, 0.3), roll: float = 0.22) -> Axes:
        """Turned anyhow, leant and rolled a little."""
        return frame(self.between(-3.1, 3.1), self.between(*lean), self.between(-roll, roll))


Builder: TypeAlias = Callable[[Dice], Still]

_STALK = (colour("#5b4229"), colour("#8a6d45"))
_GREEN_STALK = (colour("#5f7a2e"), colour("#8fa653"))
_LEAF = (colour("#4a8530"), colour("#93bb69"))
_DARK_LEAF = (colour("#33682c"), colour("#7fae62"))


def _strip(pair: tuple[Point, Point]) -> StripPaint:
    return lambda run, across: mix(pair[0], pair[1], np.asarray(run * 0.7 + across * 0.15 + 0.1, np.float32))


def _directions(q: Array) -> Array:
    return np.asarray(q / np.sqrt(dot(q, q) + np.float32(1e-9)), np.float32)


def _streaks(q: Array, shift: float, fine: float = 1.0) -> Array:
    """Noise that runs from pole to pole, in [0, 1]."""
    d = _directions(q)
    around = np.sqrt(d[0] * d[0] + d[2] * d[2]) + np.float32(0.02)
    lines = np.stack([d[0] / around, d[1] * np.float32(0.35), d[2] / around])
    return noise(lines, 3.6 * fine, shift) * 0.55 + noise(lines, 9.0 * fine, shift + 5.0) * 0.45


def _stem(
    dice: Dice,
    start: Point,
    up: Point,
    length: float,
    width: float,
    pair: tuple[Point, Point] = _STALK,
) -> Tube:
    """A stalk from `start` towards `up`, leaning a little, thicker at its end."""
    lean = dice.between(-0.4, 0.4), dice.between(-0.1, 0.3)
    points = []
    for t, bow in ((0.0, 0.0), (0.35, 0.02), (0.7, 0.25), (1.0, 0.6)):
        x, y, z = (s + u * length * t for s, u in zip(start, up, strict=True))
        points.append((x + lean[0] * bow * length, y, z + lean[1] * bow * length))
    bend = (points[0], points[1], points[2], points[3])
    return Tube(bend, (width, width * 0.85, width * 1.5), _strip(pair))


def _leaf(dice: Dice, base: Point, length: float, blade: tuple[Point, Point] = _LEAF) -> Leaf:
    sideways = 1.0 if dice.between(0, 1) < 0.5 else -1.0
    if abs(base[0]) > 0.3:  # lean back over the fruit, not out of the picture
        sideways = -1.0 if base[0] > 0 else 1.0
    tip = unit((sideways, dice.between(0.1, 0.45), dice.between(-0.1, 0.5)))
    side = unit(cross((dice.between(-0.3, 0.3), 0.55, 1.0), tip))
    return Leaf(
        base, tip, side, length, length * dice.between(0.34, 0.42), dice.between(-0.35, -0.1), blade=blade
    )


def _place(centre: Point, axes: Axes, radius: float, own: Point) -> Point:
    x, y, z = (
        centre[i] + radius * (axes[0][i] * own[0] + axes[1][i] * own[1] + axes[2][i] * own[2])
        for i in range(3)
    )
    return x, y, z


def _round_ball(centre: Point, radius: float, shape: Shape) -> Ball:
    """The stand-in of a roundish body: as wide as it, touching the floor."""
    reach = radius * 0.5 * (shape.stretch[0] + shape.stretch[2])
    return Ball((centre[0], max(centre[1], reach * 0.92), centre[2]), reach * 0.96)


# --- pome fruit -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Skin:
    """A two-colour skin: ground, blush over part of it, streaks in the blush, specks.

    Attributes:
        ground: colour of the shaded side.
        blush: colour of the sunny side.
        share: how much is blushed, -1 nothing to 1 all.
        streaked: how much the blush breaks into streaks, in [0, 1].
        specks: strength of the pale dots, in [0, 1].
        speck: their colour.
        hollow: colour around the stem.
    """

    ground: str
    blush: str
    share: float
    streaked: float = 0.5
    specks: float = 0.4
    speck: str = "#f0dfae"
    hollow: str = "#b9a548"


def _skin(skin: Skin, dice: Dice) -> BodyPaint:
    sun, shift = dice.between(-3.1, 3.1), dice.between(0, 60)
    share = skin.share + dice.between(-0.18, 0.18)
    cosine, sine = turn(sun)
    ground, blush, speck, hollow = (colour(c) for c in (skin.ground, skin.blush, skin.speck, skin.hollow))
    deep: Point = (blush[0] * 0.62, blush[1] * 0.5, blush[2] * 0.55)

    def paint(q: Array) -> Array:
        d = _directions(q)
        patches = clouds(q, 1.1, shift)
        streaks = _streaks(q, shift)
        sunny = d[0] * (cosine * 0.55) + d[2] * (sine * 0.55) + d[1] * 0.12 + (patches - 0.5) * 1.3 + share
        over = smooth(-0.55, 0.45, sunny)
        broken = smooth(0.28, 0.66, streaks + (over - 0.5) * 0.5)
        over = over * (1.0 - skin.streaked + skin.streaked * broken)
        base = mix(_shade(ground, patches), mix(blush, deep, smooth(0.45, 0.8, streaks) * 0.8), over)
        base = mix(base, hollow, smooth(0.84, 0.98, d[1]) * 0.65)
        dots = smooth(0.68, 0.95, noise(q, 17.0, shift + 9.0))
        return mix(base, speck, dots * skin.specks)

    return paint


def _shade(base: Point, patches: Array) -> Array:
    """A colour with quiet variation, lighter and darker by an eighth."""
    return np.asarray(mix(base, base, patches) * (0.86 + 0.28 * patches), dtype=np.float32)


def _pome_flesh(cream: str, rim: str, core_height: float) -> BodyPaint:
    light, edge = colour(cream), colour(rim)

    def paint(q: Array) -> Array:
        x, y = q[0], q[1] - core_height
        r = np.sqrt(x * x + y * y + q[2] * q[2] + np.float32(1e-6))
        base = _shade(light, clouds(q, 2.0, 3.0) * 0.5 + 0.3)
        base = mix(base, edge, smooth(0.84, 0.98, np.sqrt(dot(q, q))) * 0.55)
        lens = np.abs(x) * 1.25 + y * y * 1.6
        line = 1.0 - smooth(0.0, 0.035, np.abs(lens - 0.40))
        base = mix(base, colour("#c9b56a"), line * 0.5)
        chamber = 1.0 - smooth(0.022, 0.042, power(np.abs(np.abs(x) - 0.14) * 1.5, 2) + y * y * 0.5)
        base = mix(base, colour("#d2bd84"), chamber * 0.8)
        seed = 1.0 - smooth(0.009, 0.021, power((np.abs(x) - 0.14) * 1.9, 2) + power(y + 0.02, 2) * 0.7)
        axis = (1.0 - smooth(0.0, 0.022, np.abs(x))) * (r > 0.2) * (y > -0.9)
        base = mix(base, colour("#cdbb7a"), axis * 0.55)
        return mix(base, colour("#4a2d18"), seed)

    return paint


def apple(skin: Skin, shape: Shape, flesh: tuple[str, str] = ("#f6eccb", "#e9e0a8")) -> Builder:
    """An apple: hollow at the stem, sometimes a leaf, sometimes halved."""

    def build(dice: Dice) -> Still:
        radius = 0.93 * dice.size
        cut, axes = None, dice.pose()
        if dice.manner == "cut":
            axes = frame(dice.between(-0.35, 0.35), dice.between(-0.25, -0.05), dice.between(-0.3, 0.3))
            cut = Cut((0.0, 0.0, 1.0), dice.between(0.0, 0.1), _pome_flesh(*flesh, core_height=-0.02))
        centre = (0.0, radius * shape.stretch[1] * 0.93, 0.0)
        ball = _round_ball(centre, radius, shape)
        still = Still(balls=[ball if cut is None else replace(ball, centre=(0.0, ball.centre[1], -0.3))])
        still.add(Body(centre, radius, axes, shape, _skin(skin, dice), Material(0.62, 0.16, 0.22), cut))
        foot = _place(centre, axes, radius, (0.0, shape.stretch[1] * (1.0 - shape.dimple * 0.98), 0.0))
        stem = _stem(dice, foot, axes[1], dice.between(0.36, 0.55), 0.03)
        still.add(stem, still.balls if cut is None else ())
        if dice.manner == "leaf":
            still.add(_leaf(dice, stem.at(0.75), dice.between(0.62, 0.8)))
        return still

    return build


def pear(skin: Skin, shape: Shape, size: float = 0.74) -> Builder:
    """A pear: standing, or lying on its side when `cut`."""

    def build(dice: Dice) -> Still:
        radius = size * dice.size
        lying = dice.manner == "cut"
        roll = dice.between(1.15, 1.3) if lying else dice.between(-0.16, 0.16)
        axes = frame(dice.between(-3.1, 3.1) if not lying else 0.0, dice.between(-0.06, 0.12), roll)
        lift = radius * (0.96 if not lying else 0.9)
        centre = (0.36 if lying else 0.0, lift * shape.stretch[1], 0.0)
        neck = _place(centre, axes, radius, (0.0, (1.0 + shape.top * 0.5) * shape.stretch[1], 0.0))
        still = Still(balls=[_round_ball(centre, radius, shape), Ball(neck, radius * 0.5)])
        still.add(Body(centre, radius, axes, shape, _skin(skin, dice), Material(0.4, 0.3, 0.25, bump=0.05)))
        foot = _place(centre, axes, radius, (0.0, (0.97 + shape.top - shape.dimple) * shape.stretch[1], 0.0))
        stem = _stem(dice, foot, axes[1], dice.between(0.34, 0.46), 0.032)
        still.add(stem)
        if dice.manner == "leaf":
            still.add(_leaf(dice, stem.at(0.6), dice.between(0.55, 0.7)))
        return still

    return build


# --- citrus ---------------------------------------------------------------------------------


def _peel(tone: str, deep: str, dice: Dice, greenish: float) -> BodyPaint:
    light, dark, shift = colour(tone), colour(deep), dice.between(0, 60)

    def paint(q: Array) -> Array:
        d = _directions(q)
        patches = clouds(q, 1.3, shift)
        base = mix(light, dark, smooth(0.25, 0.8, patches) * 0.7)
        pores = smooth(0.55, 0.8, noise(q, 14.0, shift))
        base = base * (1.0 - 0.10 * pores)
        ends = smooth(0.86, 1.0, np.abs(d[1]))
        base = mix(base, colour("#9aa83a"), ends * greenish)
        button = 1.0 - smooth(0.0022, 0.0042, (1.0 - d[1]) + noise(q, 9.0) * 0.001)
        return mix(base, colour("#a8974e"), button)

    return paint


def _segments(pulp: str, pale: str, peel: str, count: int, dice: Dice) -> BodyPaint:
    """The face of a citrus fruit cut across: peel, pith, segments with their skins."""
    wet, white, rind = colour(pulp), colour("#fbf3dc"), colour(peel)
    inner, shift = colour(pale), dice.between(0, 60)

    def paint(q: Array) -> Array:
        x, z = q[0], q[2]
        r = np.sqrt(x * x + z * z + np.float32(1e-6))
        real, imaginary = x / r, z / r
        c, s = real, imaginary
        for _ in range(count - 1):
            c, s = c * real - s * imaginary, c * imaginary + s * real
        # |sin(count * angle / 2)| * r is about the distance to the next skin between segments.
        between = np.sqrt(np.clip((1.0 - c) * 0.5, 0.0, 1.0)) * r / (0.5 * count)
        rays = noise(np.stack([real, r * 0.5, imaginary]), 9.0, shift)
        vesicles = rays * 0.6 + noise(q, 7.0, shift) * 0.4
        base = mix(wet, inner, smooth(0.35, 0.85, vesicles) * 0.75)
        skins = 1.0 - smooth(0.010, 0.024, between)
        corner = smooth(0.78, 0.86, r + 0.05 * (1.0 - np.sqrt(np.clip((1.0 - c) * 0.5, 0.0, 1.0))))
        core = 1.0 - smooth(0.08, 0.13, r)
        base = mix(base, white, np.clip(np.maximum(np.maximum(skins * 0.85, corner), core), 0.0, 1.0))
        return mix(base, rind, smooth(0.925, 0.96, r))

    return paint


def citrus(
    peel: tuple[str, str], pulp: tuple[str, str], shape: Shape, radius: float, count: int = 10
) -> Builder:
    """An orange, lemon, lime or grapefruit: whole, with a leaf, or cut across."""

    def build(dice: Dice) -> Still:
        size = radius * dice.size
        axes = dice.pose((-0.1, 0.5), 0.4)
        long = shape.stretch[1] > 1.15
        if long and dice.manner != "cut":
            axes = frame(0.0, dice.between(-0.3, 0.3), 1.25 + dice.between(-0.3, 0.2))
        skin = _peel(*peel, dice, 0.35)
        material = Material(0.5, 0.34, 0.25, bump=0.15, bumps=15.0)
        centre = (0.0, size * (0.97 if long else shape.stretch[1] * 0.97), 0.0)
        cut = None
        if dice.manner == "cut":
            axes = frame(dice.between(-0.3, 0.3), dice.between(0.75, 1.0), dice.between(-0.25, 0.25))
            face = _segments(*pulp, peel[0], count, dice)
            cut = Cut((0.0, 1.0, 0.0), 0.0, face, Material(0.22, 0.4, 0.5, bump=0.1, bumps=9.0))
        ball = _round_ball(centre, size, shape)
        still = Still(balls=[ball if cut is None else Ball((0.0, size * 0.85, -0.3), size * 0.86)])
        still.add(Body(centre, size, axes, shape, skin, material, cut))
        if dice.manner == "leaf":
            foot = _place(centre, axes, size, (0.0, shape.stretch[1] * (1 + shape.top - shape.dimple), 0.0))
            stem = _stem(dice, foot, axes[1], 0.16, 0.035, pair=_GREEN_STALK)
            still.add(stem)
            still.add(_leaf(dice, stem.at(0.5), dice.between(0.75, 0.95), _DARK_LEAF))
        return still

    return build


# --- stone fruit ----------------------------------------------------------------------------


def stone(skin: Skin, shape: Shape, radius: float, material: Material, bloom: float = 0.0) -> Builder:
    """A peach, apricot or plum: a furrow from pole to pole, down or bloom on the skin."""

    def build(dice: Dice) -> Still:
        size = radius * dice.size
        axes = frame(dice.between(-0.9, 0.9), dice.between(-0.05, 0.4), dice.between(-0.5, 0.5))
        centre = (0.0, size * 0.5 * (shape.stretch[1] + shape.stretch[0]) * 0.95, 0.0)
        paint = _skin(skin, dice)
        if bloom:
            paint = _bloomed(paint, bloom, dice.between(0, 60))
        still = Still(balls=[_round_ball(centre, size, shape)])
        still.add(Body(centre, size, axes, shape, paint, material))
        if dice.manner == "leaf":
            foot = _place(centre, axes, size, (0.0, shape.stretch[1] * (1.0 - shape.dimple), 0.0))
            stem = _stem(dice, foot, axes[1], 0.3, 0.03)
            still.add(stem, still.balls)
            still.add(_leaf(dice, stem.at(0.8), dice.between(0.8, 1.0), _DARK_LEAF))
        return still

    return build


def _bloomed(paint: BodyPaint, strength: float, shift: float) -> BodyPaint:
    """The pale wax of plums and grapes, rubbed off in places."""
    wax = colour("#aab4d6")

    def bloomed(q: Array) -> Array:
        worn = smooth(0.3, 0.75, clouds(q, 1.8, shift))
        return mix(paint(q), wax, worn * strength)

    return bloomed


def cherries(skin: Skin) -> Builder:
    """A pair on long stems; one alone when `plain` and small."""

    def build(dice: Dice) -> Still:
        radius = 0.56 * dice.size
        shape = Shape((1.0, 0.93, 1.0), dimple=0.26, wide=0.32, groove=0.03)
        knot = (dice.between(-0.25, 0.25), 1.98, dice.between(-0.2, 0.0))
        spots = (
            [(-0.52, 0.12), (0.55, -0.16)]
            if dice.manner != "cut"
            else [(-0.8, 0.0), (0.05, 0.42), (0.72, -0.25)]
        )
        still = Still()
        places = [(x + dice.between(-0.06, 0.06), radius * 0.9, z) for x, z in spots]
        balls = [Ball(place, radius * 0.97) for place in places]
        still.balls.extend(balls)
        for i, centre in enumerate(places):
            others = [ball for j, ball in enumerate(balls) if j != i]
            axes = frame(dice.between(-3, 3), dice.between(0.0, 0.25), centre[0] * 0.25)
            still.add(Body(centre, radius, axes, shape, _skin(skin, dice), Material(0.95, 0.10, 0.2)), others)
            foot = _place(centre, axes, radius, (0.0, 0.7, 0.0))
            near = _place(centre, axes, radius, (0.0, 1.7, 0.0))
            bend = (foot, near, (knot[0] + centre[0] * 0.25, 1.6, knot[2]), knot)
            still.add(Tube(bend, (0.03, 0.022, 0.04), _strip(_GREEN_STALK)), balls[i : i + 1])
        if dice.manner == "leaf":
            still.add(_leaf(dice, knot, dice.between(0.6, 0.75)))
        return still

    return build


# --- the rest -------------------------------------------------------------------------------


def _calyx(
    dice: Dice, centre: Point, axes: Axes, size: float, height: float, count: int, blade: tuple[Point, Point]
) -> list[Leaf]:
    """A star of narrow leaves around the stem."""
    leaves = []
    first = dice.between(0, 1)
    for i in range(count):
        cosine, sine = turn((i + first + dice.between(-0.15, 0.15)) * 6.283185 / count)
        own_tip, own_side = (cosine, dice.between(0.0, 0.28), sine), (-sine, 0.0, cosine)
        tip = unit(_place((0.0, 0.0, 0.0), axes, 1.0, own_tip))
        side = _place((0.0, 0.0, 0.0), axes, 1.0, own_side)
        side = unit(cross(cross(tip, side), tip))
        base = _place(centre, axes, size, (0.0, height, 0.0))
        length = size * dice.between(0.52, 0.68)
        leaves.append(Leaf(base, tip, side, length, length * 0.19, 0.12, 0.5, blade, full=False))
    return leaves


def tomato(skin: Skin, shape: Shape, radius: float, truss: bool) -> Builder:
    """A tomato with its green star; `truss` puts three on the table."""

    def build(dice: Dice) -> Still:
        size = radius * dice.size
        spots = [(0.0, 0.0)]
        if truss:
            spots = [(-0.62, 0.1), (0.58, 0.28), (0.02, -0.5)][: 2 if dice.manner == "plain" else 3]
        still = Still()
        places = [(x, size * shape.stretch[1] * 0.95, z) for x, z in spots]
        balls = [_round_ball(place, size, shape) for place in places]
        still.balls.extend(balls)
        for i, centre in enumerate(places):
            axes = dice.pose((0.0, 0.4), 0.25)
            others = [ball for j, ball in enumerate(balls) if j != i]
            still.add(Body(centre, size, axes, shape, _skin(skin, dice), Material(0.9, 0.12, 0.3)), others)
            height = shape.stretch[1] * (1.0 - shape.dimple * 0.75)
            for leaf in _calyx(dice, centre, axes, size, height, 5, _LEAF):
                still.add(leaf)
            foot = _place(centre, axes, size, (0.0, height - 0.05, 0.0))
            still.add(_stem(dice, foot, axes[1], size * 0.3, size * 0.045, pair=_GREEN_STALK))
        return still

    return build


def strawberry(dice: Dice) -> Still:
    """A strawberry, lying with its tip towards the viewer's side."""
    size = 0.8 * dice.size
    shape = Shape((0.86, 1.0, 0.86), bottom=0.42, keen=5, dimple=0.12, wide=0.6)
    axes = frame(dice.between(-3, 3), dice.between(0.25, 0.5), dice.between(-1.0, 1.0))
    centre = (0.0, size * 1.0, 0.0)
    red, deep, pale = colour("#d8242b"), colour("#a3101d"), colour("#f1b3a0")
    shift = dice.between(0, 50)

    def paint(q: Array) -> Array:
        base = mix(red, deep, smooth(0.3, 0.8, clouds(q, 1.6, shift)) * 0.6)
        base = mix(base, pale, smooth(0.62, 0.98, q[1] + (noise(q, 3.0, shift) - 0.5) * 0.3) * 0.8)
        seed, pit = _seeds(q)
        base = base * (1.0 - 0.45 * pit)
        return mix(base, colour("#f2cf6b"), seed)

    still = Still(balls=[Ball((0.0, size * 0.85, 0.0), size * 0.85)])
    still.add(Body(centre, size, axes, shape, paint, Material(0.8, 0.2, 0.35, bump=0.12, bumps=7.0)))
    leaves = 9 if dice.manner == "leaf" else 7
    for leaf in _calyx(dice, centre, axes, size, 0.9, leaves, _LEAF):
        still.add(replace(leaf, width=leaf.length * 0.26))
    still.add(
        _stem(dice, _place(centre, axes, size, (0.0, 0.86, 0.0)), axes[1], 0.3, 0.03, pair=_GREEN_STALK)
    )
    return still


def _seeds(q: Array) -> tuple[Array, Array]:
    """Seeds on a brick pattern around the axis, and the pits they sit in; both in [0, 1].

    The angle is the exact, piecewise straight one: x / (|x| + |z|), unrolled to [0, 4).
    """
    share = q[0] / (np.abs(q[0]) + np.abs(q[2]) + np.float32(1e-6))
    angle = np.where(q[2] >= 0.0, share + 1.0, 3.0 - share).astype(np.float32)
    row = q[1] * 5.2
    level = np.floor(row)
    column = angle * 3.5 + level * 0.5
    across = (column - np.floor(column) - 0.5) * np.sqrt(q[0] * q[0] + q[2] * q[2]) * 0.46
    down = (row - level - 0.5) * 0.19
    square = across * across * 2.2 + down * down
    fade = 1.0 - smooth(0.7, 0.86, q[1])
    return (1.0 - smooth(0.0006, 0.0014, square)) * fade, (1.0 - smooth(0.0008, 0.0052, square)) * fade


def kiwi(flesh: tuple[str, str], fur: tuple[str, str]) -> Builder:
    """A kiwi: whole, or cut across to its rays and black seeds."""

    def build(dice: Dice) -> Still:
        size = 0.84 * dice.size
        shape = Shape((1.0, 1.22, 1.0), top=0.03, sharp=30)
        shift = dice.between(0, 50)
        brown, dark = colour(fur[0]), colour(fur[1])

        def skin(q: Array) -> Array:
            hairs = _streaks(q, shift, 1.6) * 0.5 + noise(q, 13.0, shift) * 0.5
            return mix(
                brown,
                dark,
                smooth(0.25, 0.75, hairs) * 0.75 + smooth(0.985, 0.998, np.abs(_directions(q)[1])) * 0.25,
            )

        cut = None
        axes = frame(dice.between(-0.5, 0.5), dice.between(-0.2, 0.3), 1.2 + dice.between(-0.3, 0.3))
        if dice.manner != "plain":
            axes = frame(dice.between(-0.3, 0.3), dice.between(0.7, 1.0), dice.between(-0.25, 0.25))
            face = _kiwi_face(*flesh, fur[0], dice.between(0, 50))
            cut = Cut((0.0, 1.0, 0.0), dice.between(0.0, 0.2), face, Material(0.25, 0.4, 0.55, bump=0.06))
        centre = (0.0, size * 0.98, 0.0)
        back = 0.0 if cut is None else -0.35
        still = Still(balls=[Ball((0.0, size * 0.9, back), size * 0.92)])
        fuzzy = Material(0.12, 0.6, 0.3, velvet=0.35, bump=0.10, bumps=13.0)
        still.add(Body(centre, size, axes, shape, skin, fuzzy, cut))
        return still

    return build


def _kiwi_face(tone: str, deep: str, fur: str, shift: float) -> BodyPaint:
    light, dark = colour(tone), colour(deep)

    def paint(q: Array) -> Array:
        x, z = q[0], q[2]
        r = np.sqrt(x * x + z * z + np.float32(1e-6))
        ray = np.stack([x / r, r * np.float32(0.15), z / r])
        rays = noise(ray, 7.0, shift)
        base = mix(
            dark, light, smooth(0.3, 0.75, rays) * smooth(0.25, 0.6, r) * (1.0 - smooth(0.7, 0.98, r) * 0.5)
        )
        heart = 1.0 - smooth(0.16, 0.30, r * (1.0 + (rays - 0.5) * 0.5))
        base = mix(base, colour("#f2efcf"), heart)
        halo = smooth(0.26, 0.34, r) * (1.0 - smooth(0.5, 0.62, r))
        seeds = (
            smooth(
                0.58, 0.66, noise(np.stack([x / r * 1.3, r * np.float32(0.5), z / r * 1.3]), 7.5, shift + 7.0)
            )
            * halo
        )
        base = mix(base, colour("#17120c"), seeds * smooth(0.30, 0.36, r) * (1.0 - smooth(0.46, 0.54, r)))
        return mix(base, colour(fur), smooth(0.955, 0.98, r))

    return paint


def grapes(skin: Skin, bloom: float) -> Builder:
    """A bunch, lying on the table, stalk upwards."""

    def build(dice: Dice) -> Still:
        radius = 0.285 * dice.size
        rows = (3, 4, 3, 4, 3, 2, 1) if dice.size > 0.9 else (3, 4, 3, 3, 2, 1)
        places: list[Point] = []
        for layer, row in enumerate(rows):
            for i in range(row):
                x = (i - (row - 1) / 2) * radius * 1.78 + dice.between(-0.05, 0.05)
                y = radius + (len(rows) - 1 - layer) * 0.175 + dice.between(-0.05, 0.05)
                z = layer * radius * 0.95 - 0.75 + dice.between(-0.07, 0.07) + (0.12 if i % 2 else 0.0)
                places.append((x, max(y, radius), z))
        balls = [Ball(place, radius) for place in places]
        still = Still(balls=[Ball((0.0, 0.5, -0.3), 0.7), Ball((0.0, 0.35, 0.3), 0.5), *balls[-4:]])
        paint = _skin(skin, dice)
        paint = _bloomed(paint, bloom, dice.between(0, 50)) if bloom else paint
        shape, material = Shape((1.0, 1.08, 1.0)), Material(0.75, 0.14, 0.5)
        for i, place in enumerate(places):
            near = [b for j, b in enumerate(balls) if j != i and _apart(b.centre, place) < radius * 2.6]
            still.add(Body(place, radius, dice.pose((-0.6, 0.6), 0.6), shape, paint, material), near)
        stalk = (
            (0.0, 1.1, -0.7),
            (0.02, 1.4, -0.75),
            (-0.05, 1.6, -0.75),
            (dice.between(-0.3, 0.3), 1.85, -0.75),
        )
        still.add(Tube(stalk, (0.05, 0.04, 0.06), _strip(_GREEN_STALK)))
        if dice.manner == "leaf":
            still.add(replace(_leaf(dice, (0.0, 1.5, -0.7), 0.75), width=0.36))
        return still

    return build


def _apart(a: Point, b: Point) -> float:
    return float(np.sqrt((a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2 + (a[2] - b[2]) ** 2))


def bananas(dice: Dice) -> Still:
    """One, two or three bananas joined at the stalk."""
    count = {"plain": 1, "leaf": 2, "cut": 3}[dice.manner]
    mirror = 1.0 if dice.between(0, 1) < 0.5 else -1.0
    ripe, shift = dice.between(0.0, 1.0), dice.between(0, 50)
    still = Still()
    tubes = []
    for i in range(count):
        up, out = i * 0.17, i * -0.34
        bend = (
            (mirror * -1.18, 1.22 + up * 0.3, -0.12 + out * 0.35),
            (mirror * -0.86, 0.36 + up, 0.18 + out),
            (mirror * 0.30, -0.02 + up * 1.4, 0.30 + out),
            (mirror * 1.16, 0.72 + up * 1.6, 0.12 + out),
        )
        width = 0.27 * (0.9 + 0.1 * dice.size)
        paint = _banana_skin(ripe, shift + i * 7.0)
        tubes.append(Tube(bend, (0.055, width, 0.05), paint, Material(0.35, 0.35, 0.3), 0.55, 3))
    for tube in reversed(tubes):
        others = [b for other in tubes if other is not tube for b in other.balls(5)] if count > 1 else []
        still.add(tube, others[:5])
        still.balls.extend(tube.balls(7))
    return still


def _banana_skin(ripe: float, shift: float) -> StripPaint:
    yellow, deep, green, brown = (colour(c) for c in ("#f3cf3f", "#d9a421", "#a9b83c", "#5a3b1c"))

    def paint(run: Array, across: Array) -> Array:
        points = np.stack([run * 5.0, across * 0.8, run * 0.0])
        patches = clouds(points, 1.2, shift)
        base = mix(yellow, deep, smooth(0.3, 0.8, patches) * 0.55)
        lines = noise(np.stack([run * 1.2, across * 2.0, run * 0.0]), 6.0, shift)
        base = base * (0.94 + 0.12 * lines)
        base = mix(base, green, (1.0 - smooth(0.02, 0.24, run)) * 0.85)
        base = mix(base, green, smooth(0.86, 0.98, run) * 0.5)
        spots = smooth(0.72, 0.84, noise(points, 6.0, shift + 3.0)) * ripe
        base = mix(base, brown, spots * 0.75)
        return mix(base, brown, np.maximum(smooth(0.965, 0.985, run), 1.0 - smooth(0.0, 0.03, run)) * 0.9)

    return paint


def avocado(dice: Dice) -> Still:
    """An avocado: whole and pebbled, or halved with its stone."""
    size = 0.76 * dice.size
    shape = Shape((1.0, 1.05, 1.0), top=0.55, sharp=6)
    shift = dice.between(0, 50)
    dark, olive = colour("#26301b"), colour("#55652c")
    ripe = dice.between(0.0, 0.6)

    def skin(q: Array) -> Array:
        pebbles = noise(q, 9.0, shift)
        base = mix(olive, dark, np.clip(smooth(0.2, 0.8, clouds(q, 1.3, shift)) * 0.5 + ripe, 0.0, 1.0))
        return base * (0.75 + 0.5 * pebbles)

    cut_open = dice.manner != "plain"
    roll = dice.between(-0.35, 0.35) if cut_open else dice.between(0.9, 1.3)
    axes = frame(
        dice.between(-0.25, 0.25) if cut_open else dice.between(-3, 3), dice.between(-0.3, -0.15), roll
    )
    centre = (0.0 if cut_open else 0.3, size * 0.97, 0.0)
    pebbled = Material(0.4, 0.3, 0.2, bump=0.3, bumps=8.0)
    cut = Cut((0.0, 0.0, 1.0), 0.05, _avocado_flesh(shift), Material(0.3, 0.45, 0.6)) if cut_open else None
    neck = _place(centre, axes, size, (0.0, 1.0, -0.3 if cut_open else 0.0))
    base_ball = (centre[0], centre[1], -0.35) if cut_open else centre
    still = Still(balls=[Ball(base_ball, size * 0.93), Ball(neck, size * 0.5)])
    still.add(Body(centre, size, axes, shape, skin, pebbled, cut))
    if cut_open:
        stone_axes, stone_radius = dice.pose(), size * 0.46
        middle = _place(centre, axes, size, (0.0, -0.12, 0.06))
        wood, grain = colour("#8a5630"), colour("#5e3518")
        still.add(
            Body(middle, stone_radius, stone_axes, Shape((1.0, 1.06, 1.0)),
                 lambda q: mix(wood, grain, smooth(0.3, 0.8, _streaks(q, shift)) * 0.8),
                 Material(0.6, 0.2, 0.2))
        )  # fmt: skip
    return still


def _avocado_flesh(shift: float) -> BodyPaint:
    butter, green, rind = colour("#eee28e"), colour("#a9bd4d"), colour("#39451f")

    def paint(q: Array) -> Array:
        inside = Shape((1.0, 1.05, 1.0), top=0.55, sharp=6).excess(q)
        near = smooth(-0.34, -0.03, inside + (noise(q, 2.0, shift) - 0.5) * 0.06)
        base = mix(butter, green, near * near)
        hollow = np.sqrt(q[0] * q[0] + (q[1] + 0.12) * (q[1] + 0.12))
        base = base * (0.72 + 0.28 * smooth(0.46, 0.56, hollow))
        return mix(base, rind, smooth(-0.045, -0.02, inside))

    return paint


def mango(dice: Dice) -> Still:
    """A mango, lying."""
    size = 0.86 * dice.size
    shape = Shape((0.92, 1.24, 0.84), top=0.06, sharp=4, bottom=0.08, keen=6)
    axes = frame(dice.between(-0.6, 0.6), dice.between(-0.2, 0.2), 1.2 + dice.between(-0.35, 0.35))
    centre = (0.0, size * 0.95, 0.0)
    skin = Skin("#e0b23c", "#cf4a32", dice.between(-0.15, 0.2), 0.15, 0.16, "#f3dc9c", "#8fa03c")
    still = Still(
        balls=[Ball((-0.3, size * 0.88, 0.0), size * 0.85), Ball((0.3, size * 0.88, 0.0), size * 0.85)]
    )
    still.add(Body(centre, size, axes, shape, _skin(skin, dice), Material(0.5, 0.3, 0.3)))
    foot = _place(centre, axes, size, (0.0, 1.29, 0.0))
    still.add(_stem(dice, foot, axes[1], 0.14, 0.035))
    if dice.manner == "leaf":
        still.add(_leaf(dice, foot, 0.8, _DARK_LEAF))
    return still
