"""Pictures that are given as arrays or Pillow images, not as files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from lookalike.errors import PictureError
from lookalike.images.base import Decoded, Limits, Pixels, check_pixels
from lookalike.images.colours import grey8, to_rgb
from lookalike.images.pillow import pillow_errors, transposition

if TYPE_CHECKING:
    from PIL import Image


def from_array(array: npt.ArrayLike) -> Decoded:
    """A picture given as an array, row by row from the top.

    Args:
        array: (h, w) or (h, w, 1) grey, (h, w, 3) RGB or (h, w, 4) RGB and alpha, which is laid
            on white; of uint8, uint16 (0 to 65535), bool, or floats in [0, 1].

    Raises:
        PictureError: any other shape or type, no pixels, floats out of range.

    >>> from_array(np.zeros((2, 3), bool)).rgb.shape
    (2, 3, 3)
    """
    values = np.asarray(array)
    if not (values.ndim == 2 or (values.ndim == 3 and values.shape[2] in (1, 3, 4))):
        raise PictureError(
            f"an array of shape {values.shape}; allowed are (h, w), (h, w, 1), (h, w, 3) and (h, w, 4)"
        )
    if values.size == 0:
        raise PictureError(f"no pixels: an array of shape {values.shape}")
    pixels = _to_uint8(values)
    if pixels.ndim == 2:
        pixels = pixels[:, :, None]
    if pixels.shape[2] == 4:
        alpha = pixels[:, :, 3:].astype(np.uint32)
        pixels = ((pixels[:, :, :3] * alpha + 255 * (255 - alpha) + 127) // 255).astype(np.uint8)
    rgb = np.ascontiguousarray(np.broadcast_to(pixels, (*pixels.shape[:2], 3)))
    return Decoded(rgb, rgb.shape[1], rgb.shape[0], "array")


def _to_uint8(values: npt.NDArray[Any]) -> Pixels:
    if values.dtype == np.uint8:
        return values
    if values.dtype == np.bool_:
        return values.astype(np.uint8) * np.uint8(255)
    if values.dtype == np.uint16:
        return grey8(values, 0, 65535)
    if not np.issubdtype(values.dtype, np.floating):
        allowed = "uint8, uint16, bool and floats in [0, 1]"
        raise PictureError(f"an array of {values.dtype}; allowed are {allowed}")
    low, high = float(values.min()), float(values.max())
    if not (low >= 0.0 and high <= 1.0):  # also when either is no number
        raise PictureError(f"an array of floats from {low:g} to {high:g}; allowed is [0, 1]")
    return grey8(values, 0, 1)


def from_pillow(image: Image.Image) -> Decoded:
    """A picture given as a Pillow image of any mode, turned as its EXIF says, at full size.

    Raises:
        PictureError: it is no Pillow image, cannot be loaded, or has no pixels.
    """
    from PIL import Image

    if not isinstance(image, Image.Image):
        raise PictureError(
            f"not a picture: {type(image).__name__}; allowed are a path, bytes, "
            f"a NumPy array or a Pillow image"
        )
    limits = Limits()
    with pillow_errors(limits):
        image.load()
        check_pixels(*image.size, limits)
        method = transposition(image)
        rgb = to_rgb(image)
        if method is not None:
            rgb = rgb.transpose(method)
        return Decoded(np.array(rgb), rgb.width, rgb.height, "array")
