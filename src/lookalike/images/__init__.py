"""Bytes and arrays in, upright RGB out. The only user of Pillow and simplejpeg.

`decode_jpeg_fast` reads well-formed JPEGs, by far most pictures, in a fraction of a millisecond.
Everything else goes through `decode_pillow`, which is slower and, since it runs decoders on
whatever bytes there are, belongs into a process that may be killed: see `lookalike.sandbox`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lookalike.images.base import KNOWN, Decoded, Limits, Pixels, check_bytes, check_pixels
from lookalike.images.colours import to_rgb
from lookalike.images.encoding import encode_jpeg, encode_png, thumbnail_jpeg, written
from lookalike.images.exif import ExifFacts, exif_facts
from lookalike.images.given import from_array, from_pillow
from lookalike.images.jpeg import JpegHeader, decode_jpeg_fast, jpeg_header, jpeg_steps, turn
from lookalike.images.pillow import decode_pillow, lift_pillow_limit

if TYPE_CHECKING:
    from lookalike.images.base import Source as Source

__all__ = [
    "KNOWN",
    "Decoded",
    "ExifFacts",
    "JpegHeader",
    "Limits",
    "Pixels",
    "check_bytes",
    "check_pixels",
    "decode",
    "decode_jpeg_fast",
    "decode_pillow",
    "encode_jpeg",
    "encode_png",
    "exif_facts",
    "from_array",
    "from_pillow",
    "jpeg_header",
    "jpeg_steps",
    "lift_pillow_limit",
    "thumbnail_jpeg",
    "to_rgb",
    "turn",
    "written",
]


def decode(data: bytes, *, min_side: int, limits: Limits) -> Decoded:
    """Decode a picture in this process, without protection against hostile bytes; see
    `lookalike.sandbox.Decoder` for the safe way.

    Args:
        data: the whole file.
        min_side: what is needed of the shorter side, in pixels. Larger pictures are scaled down
            on the way when half as much again is left, which saves time and memory; smaller
            ones are not scaled up.
        limits: what is refused; `seconds` has no effect here.

    Raises:
        PictureError: with a short, stable reason.
    """
    check_bytes(data, limits)
    fast = decode_jpeg_fast(data, min_side=min_side, limits=limits)
    return fast or decode_pillow(data, min_side=min_side, limits=limits)
