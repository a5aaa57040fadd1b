"""What comparing needs of a picture: its local features, and its pixels made small."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lookalike.duplicates.colours import small
from lookalike.duplicates.features import Features, describe, grey_at
from lookalike.duplicates.hashes import perceptual_hash
from lookalike.images import Decoded, Pixels

GREY = 320
"""Pixels of the longer side of the grey picture that is laid over others."""

LOOK_SIDE = GREY * 2 // 3
"""Pixels asked of the shorter side when a picture is read for its look."""


@dataclass(frozen=True, slots=True)
class Look:
    """The pixels of a picture, made small.

    Attributes:
        grey: (h, w) uint8, the longer side `GREY` pixels or less.
        colours: (h, w, 3) uint8 RGB; see `colours.small`.
    """

    grey: npt.NDArray[np.uint8]
    colours: npt.NDArray[np.uint8]

    @classmethod
    def of(cls, rgb: Pixels) -> Look:
        """The look of a picture, (h, w, 3) uint8."""
        return cls(grey_at(rgb, GREY, enlarge=False), small(rgb))


@dataclass(frozen=True, slots=True)
class Sketch:
    """What comparing needs of a picture.

    Attributes:
        features: its local features.
        read: gives its look; asked only when the features say that there is something to look at.
        size: width and height in pixels at full size.
        phash: its perceptual hash.
        jpeg: it was read by a decoder that takes short cuts: its pixels are not quite those of a PNG
            made of it.
    """

    features: Features
    read: Callable[[], Look]
    size: tuple[int, int]
    phash: int
    jpeg: bool = False

    @property
    def look(self) -> Look:
        """Its pixels without details."""
        return self.read()


def sketch(decoded: Decoded) -> Sketch:
    """The sketch of a picture that is no part of a collection."""
    look = Look.of(decoded.rgb)
    size = decoded.width, decoded.height
    hashed = perceptual_hash(decoded.rgb)
    return Sketch(describe(decoded.rgb), lambda: look, size, hashed, decoded.format == "JPEG")
