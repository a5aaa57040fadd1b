"""Light, materials that take it, and what stands in its way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lookalike.demo.studio.mathematics import (
    Array,
    Point,
    column,
    cross,
    dot,
    exact,
    power,
    smooth,
    unit,
)


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
    body = albedo * (column(light.warm) * key + room * darkened + bounce)
    glow = albedo * albedo * ((1.0 - lambert) * 0.10)
    sheen = _reflections(normal, light, view, material, facing, rim) * (0.35 + 0.65 * lit) * open_sky
    down = material.velvet * (rim * 0.5 + power(1.0 - facing, 2) * 0.22) * (room + key)
    return np.asarray(body + glow + sheen + down * (albedo * 0.5 + 0.35), dtype=np.float32)


def _reflections(
    normal: Array, light: Light, view: Point, material: Material, facing: Array, rim: Array
) -> Array:
    """What a glossy skin mirrors: the softbox as a soft square, and the white room at the rim."""
    mirrored = normal * (facing * 2.0) - column(view)
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
    return exact(material.gloss * (box * strength + haze + room))


def occlusion(points: Array, normal: Array | Point, balls: Sequence[Ball]) -> Array:
    """Share of the sky that balls leave open, (n,) in [0, 1].

    The cosine-weighted solid angle of a sphere above the horizon is (n.d) r^2 / d^3.
    """
    open_sky = np.ones(points.shape[1], np.float32)
    for ball in balls:
        offset = column(ball.centre) - points
        square = dot(offset, offset) + np.float32(1e-6)
        hidden = np.clip(dot(offset, normal), 0.0, None) * (ball.radius * ball.radius)
        open_sky *= 1.0 - np.clip(hidden / (square * np.sqrt(square)), 0.0, 1.0)
    return open_sky


def shadow(points: Array, light: Light, balls: Sequence[Ball], softness: float = 0.32) -> Array:
    """Share of the softbox that balls leave visible, (n,) in [0, 1]."""
    lit = np.ones(points.shape[1], np.float32)
    for ball in balls:
        offset = column(ball.centre) - points
        ahead = dot(offset, light.towards)
        miss = np.sqrt(np.clip(dot(offset, offset) - ahead * ahead, 0.0, None)) / ball.radius
        spread = softness + 0.22 * np.clip(ahead / ball.radius, 0.0, 4.0)
        edge = np.clip((miss - (1.0 - spread)) / (2.0 * spread), 0.0, 1.0)
        hidden = (1.0 - edge * edge * (3.0 - 2.0 * edge)) * np.clip(ahead * 4.0 / ball.radius, 0.0, 1.0)
        lit *= 1.0 - hidden
    return lit
