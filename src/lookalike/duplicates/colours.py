"""How far the colours of two copies differ.

Whether pictures are copies is decided without colours, so that a picture in grey is found. But a
shop shows one coat in five colours by five copies of one photo, and none of them may go.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Small = npt.NDArray[np.uint8]
Matrix = npt.NDArray[np.float64]
Floats = npt.NDArray[np.float32]
Hues = npt.NDArray[np.complex64]

_MOST = 0.98  # what differs more than so many of all is local
_LOCAL = 5.0  # and may differ so many times as much as all on average

SIDE = 64
"""Pixels of the longer side at which colours are compared: fine details do not matter."""


_LEVELS = 16  # parts of equally many pixels, from dark to light, in each of which a cast is one colour


@dataclass(frozen=True, slots=True)
class Colouring:
    """How coloured the part of a picture is that another one shows, in units of CIELAB.

    Attributes:
        chroma: the mean; about 0 when it is grey.
        variety: mean distance of its colours from the mean of those that are as light; about 0 when it has
            one tone, such as sepia, or a cast over grey things.
    """

    chroma: float
    variety: float


@dataclass(frozen=True, slots=True)
class Colours:
    """The colours of the part that two pictures both show. All in units of CIELAB, where 2 is the
    least difference people notice.

    Attributes:
        first: those of the first picture.
        second: those of the second one.
        difference: mean distance between the hues and chromas, lightness left aside; or a part of the
            largest ones, where only a small thing has other colours.
    """

    first: Colouring
    second: Colouring
    difference: float


def small(rgb: Small) -> Small:
    """The picture with at most `SIDE` pixels along its longer side, (h, w, 3) uint8."""
    import cv2

    height, width = rgb.shape[:2]
    scale = min(1.0, SIDE / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8)


def compare_colours(first: Small, second: Small, transform: Matrix) -> Colours:
    """Lay the first picture over the second and compare their colours.

    Args:
        first: (h, w, 3) uint8 RGB, of `small`.
        second: likewise.
        transform: (2, 3), takes points of the first to the second, in shares of the longer side.
    """
    import cv2

    height, width = second.shape[:2]
    linear = transform[:, :2] * (max(height, width) / max(first.shape[:2]))
    shift = transform[:, 2] * max(height, width) + linear @ (0.5, 0.5) - 0.5
    forth = np.column_stack([linear, shift])
    there = cv2.warpAffine(np.full(first.shape[:2], 255, np.uint8), forth, (width, height)) > 127
    inner = cv2.erode(there.view(np.uint8), np.ones((3, 3), np.uint8), borderValue=1) > 0
    there = inner if inner.any() else there  # at the edge the colours of a border mix in
    if not there.any():
        return Colours(Colouring(0.0, 0.0), Colouring(0.0, 0.0), 0.0)
    scale = float(np.sqrt(abs(np.linalg.det(linear))))
    first, second = _blurred(first, 1 / scale), _blurred(second, scale)
    laid = cv2.warpAffine(first, forth, (width, height), borderMode=cv2.BORDER_REPLICATE)
    (light_a, a), (light_b, b) = _lab(np.asarray(laid, np.uint8), there), _lab(second, there)
    far = np.abs(a - b)
    most = int(_MOST * (len(far) - 1))
    local = float(np.partition(far, most)[most])
    difference = max(float(far.mean()), local / _LOCAL)
    return Colours(_colouring(light_a, a), _colouring(light_b, b), difference)


def _colouring(lightness: Floats, hues: Hues) -> Colouring:
    off = 0.0
    for equally_light in np.array_split(hues[np.argsort(lightness, kind="stable")], min(_LEVELS, len(hues))):
        off += float(np.abs(equally_light - equally_light.mean()).sum())
    return Colouring(float(np.abs(hues).mean()), off / len(hues))


def _blurred(rgb: Small, shrink: float) -> Small:
    """The picture as it looks after being shrunk: mixing fine details makes colours weaker."""
    import cv2

    if shrink <= 1.2:
        return rgb
    return np.asarray(cv2.GaussianBlur(rgb, (0, 0), 0.5 * (shrink**2 - 1) ** 0.5), np.uint8)


def _lab(rgb: Small, where: npt.NDArray[np.bool_]) -> tuple[Floats, Hues]:
    """These pixels in CIELAB: L, (n,), and a and b, (n,), as one number, whose size is the chroma."""
    import cv2

    some = rgb[where][None].astype(np.float32) / 255
    lab = np.asarray(cv2.cvtColor(some, cv2.COLOR_RGB2Lab), np.float32)[0]
    return lab[:, 0], np.ascontiguousarray(lab[:, 1:]).view(np.complex64)[:, 0]
