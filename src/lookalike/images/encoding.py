"""Pixels as files, small and whole, and words as pixels: for pages and figures."""

from __future__ import annotations

import io

import numpy as np
import numpy.typing as npt

from lookalike.images.base import Pixels


def encode_jpeg(rgb: Pixels, quality: int = 90) -> bytes:
    """A JPEG of a picture at its full size.

    Args:
        rgb: (h, w, 3) uint8.
        quality: 1 to 100.
    """
    import simplejpeg

    data: bytes = simplejpeg.encode_jpeg(np.ascontiguousarray(rgb), quality, colorsubsampling="420")
    return data


def thumbnail_jpeg(rgb: Pixels, side: int) -> bytes:
    """A small JPEG of a picture, for reports.

    Args:
        rgb: (h, w, 3) uint8.
        side: pixels of the longer side; smaller pictures keep their size.
    """
    from PIL import Image

    image = Image.fromarray(rgb)
    image.thumbnail((side, side), Image.Resampling.LANCZOS, reducing_gap=2.0)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=82)
    return buffer.getvalue()


def encode_png(rgb: Pixels, software: str) -> bytes:
    """A PNG of a picture.

    Args:
        rgb: (h, w, 3) uint8.
        software: what it says it was made by.
    """
    from PIL import Image, PngImagePlugin

    buffer, facts = io.BytesIO(), PngImagePlugin.PngInfo()
    facts.add_text("Software", software)
    Image.fromarray(rgb).save(buffer, "PNG", optimize=True, pnginfo=facts)
    return buffer.getvalue()


def written(text: str, height: float) -> npt.NDArray[np.uint8]:
    """A line of text in Pillow's own typeface (Latin letters only; others become boxes), for figures.

    Args:
        text: one line.
        height: of the letters, in pixels.

    Returns:
        (h, w) uint8: how much of each pixel is ink, 255 for all of it.
    """
    from PIL import Image, ImageDraw, ImageFont

    font = ImageFont.load_default(height)
    left, _, right, _ = font.getbbox(text)
    mask = Image.new("L", (max(1, int(right - left) + 2), int(height * 1.5)), 0)
    ImageDraw.Draw(mask).text((1 - left, 0), text, 255, font)
    return np.array(mask)
