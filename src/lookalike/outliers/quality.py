"""What makes a picture unusable by itself, measured from its pixels: blank, dark, bright, blurred."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lookalike.images import Pixels

SIDE = 256
"""Pixels of the longer side at which pictures are measured: blur that cannot be seen at this size does not
keep anybody from using a picture."""

_SMALL = 64  # pixels of the longer side for tones: noise and thin lines are averaged away
_BOX = 9  # pixels of the second blur (Crété et al.)


@dataclass(frozen=True, slots=True)
class Quality:
    """What was measured of one picture.

    Attributes:
        contrast: how far apart the tones of its pixels are, in [0, 255]: from the 1st to the 99th
            percentile of the colour in which that is most.
        lightest: the tone (luma) that 95 % of it are darker than, in [0, 255].
        darkest: the tone that 95 % of it are lighter than, in [0, 255].
        blur: how little a further blur changes it, in [0, 1]: 0 is sharp, 1 is without any edge.
    """

    contrast: float
    lightest: float
    darkest: float
    blur: float


def measure(rgb: Pixels) -> Quality:
    """What the pixels of a picture say about it.

    Args:
        rgb: (h, w, 3) uint8, of any size; a larger one is brought to `SIDE`.
    """
    import cv2

    seen = _at_most(rgb, SIDE)
    grey = np.asarray(cv2.cvtColor(seen, cv2.COLOR_RGB2GRAY), np.uint8)
    small = _at_most(seen, _SMALL)
    tones = np.percentile(small.reshape(-1, 3), (1, 99), axis=0)
    luma = np.percentile(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), (5, 95))
    return Quality(float((tones[1] - tones[0]).max()), float(luma[1]), float(luma[0]), blur(grey))


def blur(grey: npt.NDArray[np.uint8]) -> float:
    """How blurred a grey picture is, in [0, 1].

    What is sharp loses much of its differences from pixel to pixel when it is blurred, what is blurred
    already loses few. Unlike the variance of the Laplacian this does not depend on how much there is to
    see. Source: F. Crété, T. Dolmiere, P. Ladret, M. Nicolas, "The blur effect: perception and
    estimation with a new no-reference perceptual blur metric", SPIE 2007.

    Args:
        grey: (h, w) uint8.

    Returns:
        The larger one of both directions; 1.0 where nothing differs.
    """
    import cv2

    values = grey.astype(np.float32)
    found = []
    for axis, box in ((0, (1, _BOX)), (1, (_BOX, 1))):
        again = np.asarray(cv2.blur(values, box), np.float32)
        before = np.abs(np.diff(values, axis=axis))
        after = np.abs(np.diff(again, axis=axis))
        total = float(before.sum(dtype=np.float64))
        lost = float(np.maximum(0, before - after).sum(dtype=np.float64))
        found.append(1 - lost / total if total > 0 else 1.0)
    return max(found)


def _at_most(rgb: Pixels, side: int) -> Pixels:
    import cv2

    height, width = rgb.shape[:2]
    scale = side / max(height, width)
    if scale >= 1:
        return rgb
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8)
