"""Pillow's modes, from one bit to floats, CMYK and LAB, as RGB."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from lookalike.images.base import Pixels

if TYPE_CHECKING:
    from PIL import Image

_BAND = 4_000_000  # pixels that are converted at a time


def to_rgb(image: Image.Image, factor: int = 1) -> Image.Image:
    """A loaded picture of any mode as RGB, shrunk by a whole factor on the way. Large ones are
    converted in bands, so that only the small result is held besides the picture itself."""
    from PIL import Image

    grey = _grey_range(image)
    rows = max(1, _BAND // (image.width * factor)) * factor
    if rows >= image.height:
        return _band(image, grey, factor)
    result = Image.new("RGB", (-(-image.width // factor), -(-image.height // factor)))
    for top in range(0, image.height, rows):
        band = image.crop((0, top, image.width, min(top + rows, image.height)))
        result.paste(_band(band, grey, factor), (0, top // factor))
    return result


def _band(image: Image.Image, grey: tuple[float, float], factor: int) -> Image.Image:
    from PIL import Image

    if image.mode.startswith(("I", "F")):
        rgb = Image.fromarray(grey8(np.asarray(image), *grey)).convert("RGB")
    elif image.mode == "LAB":
        rgb = _from_lab(image)
    elif image.has_transparency_data:
        rgb = _on_white(image)
    else:
        rgb = image.convert("RGB")
    return rgb.reduce(factor) if factor > 1 else rgb


def _grey_range(image: Image.Image) -> tuple[float, float]:
    """Which values of a grey picture of more than 8 bits are black and white: the whole range
    of the type for 16 bits; for 32 bits and floats, which have no agreed range, the smallest
    usual one that holds all values, or else the values' own."""
    if image.mode.startswith("I;16"):
        return 0.0, 65535.0
    if image.mode not in ("I", "F"):
        return 0.0, 255.0
    values = np.asarray(image)
    finite = values[np.isfinite(values)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    usual = [1.0, 255.0, 65535.0] if image.mode == "F" else [255.0, 65535.0]
    if image.mode == "I" and image.format == "PNG":  # whose 16 bits older Pillows widen
        usual = [65535.0]
    for limit in usual:
        if low >= 0 and high <= limit:
            return 0.0, limit
    return low, high


def grey8(values: npt.NDArray[Any], black: float, white: float) -> Pixels:
    """Values from black to white as 0 to 255; what is no number becomes black."""
    scaled = (values.astype(np.float32) - black) * (255.0 / ((white - black) or 1.0))
    grey: Pixels = np.clip(np.nan_to_num(scaled) + 0.5, 0, 255).astype(np.uint8)
    return grey


def _on_white(image: Image.Image) -> Image.Image:
    from PIL import Image

    plain = {"La": "LA", "RGBa": "RGBA"}.get(image.mode, image.mode)
    rgba = image.convert(plain).convert("RGBA")
    white = Image.new("RGB", image.size, "white")
    white.paste(rgba, mask=rgba)
    return white


def _from_lab(image: Image.Image) -> Image.Image:
    from PIL import ImageCms

    lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    return ImageCms.buildTransform(lab, srgb, "LAB", "RGB").apply(image)
