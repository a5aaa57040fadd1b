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

from lookalike.demo.studio.body import Body, BodyPaint, Cut, Shape
from lookalike.demo.studio.canvas import Canvas, backdrop
from lookalike.demo.studio.leaf import Leaf
from lookalike.demo.studio.light import Ball, Light, Material
from lookalike.demo.studio.mathematics import (
    Array,
    Axes,
    Point,
    colour,
    cross,
    dot,
    frame,
    mix,
    power,
    smooth,
    turn,
    unit,
)
from lookalike.demo.studio.texture import clouds, noise
from lookalike.demo.studio.tube import StripPaint, Tube

__all__ = [
    "Array",
    "Axes",
    "Ball",
    "Body",
    "BodyPaint",
    "Canvas",
    "Cut",
    "Leaf",
    "Light",
    "Material",
    "Point",
    "Shape",
    "StripPaint",
    "Tube",
    "backdrop",
    "clouds",
    "colour",
    "cross",
    "dot",
    "frame",
    "mix",
    "noise",
    "power",
    "smooth",
    "turn",
    "unit",
]
