"""What all ways of reading a picture share: what it may cost, what comes of it, and what its first bytes
claim it to be."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from lookalike.errors import PictureError, UsageError
from lookalike.files import check_size

if TYPE_CHECKING:
    from PIL import Image

    Source = str | os.PathLike[str] | bytes | npt.NDArray[Any] | Image.Image
    """What may be given for a picture: a path, the bytes of a file, an array, a Pillow image."""

Pixels = npt.NDArray[np.uint8]

KNOWN = "JPEG, PNG, GIF, WebP, TIFF, BMP, AVIF, HEIC"


@dataclass(frozen=True, slots=True)
class Limits:
    """What a picture may cost. A picture that would cost more is a `PictureError`.

    Attributes:
        max_pixels: width x height; the default is twice what Pillow warns at, some 13,000 x
            13,000.
        max_bytes: size of the file.
        seconds: wall-clock time of decoding one picture.
        memory: bytes the helper process may allocate, its own 50 MB included.
    """

    max_pixels: int = 178_956_970
    max_bytes: int = 512 << 20
    seconds: float = 20.0
    memory: int = 1 << 30

    def __post_init__(self) -> None:
        for name in self.__slots__:
            if not getattr(self, name) > 0:
                raise UsageError(f"{name} must be more than 0, got {getattr(self, name)}")


@dataclass(frozen=True, slots=True)
class Decoded:
    """A picture, upright.

    Attributes:
        rgb: (h, w, 3) uint8, C-contiguous, sRGB values as the file has them; may be smaller
            than the full picture.
        width: pixels of the full picture after the EXIF turn.
        height: likewise.
        format: `JPEG`, `PNG`, `GIF`, `WebP`, `TIFF`, `BMP`, `AVIF`, `HEIC`, or `array`.
        truncated: the file is damaged or ends early, and `rgb` is what could be decoded.
        more: the file holds more than `rgb` can show at any size: further frames or pages, what is
            transparent, or more than eight bits.
    """

    rgb: Pixels
    width: int
    height: int
    format: str
    truncated: bool = False
    more: bool = False


def check_bytes(data: bytes, limits: Limits) -> str:
    """The format the bytes claim to be, told by their first few.

    Raises:
        PictureError: there are none, too many, or they start like no picture.
    """
    if not data:
        raise PictureError("empty file")
    check_size(len(data), limits.max_bytes)
    for start, name in _SIGNATURES:
        if data.startswith(start):
            return name
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WebP"
    if data[4:8] == b"ftyp":
        end = min(int.from_bytes(data[:4], "big"), 256)
        brands = {data[i : i + 4] for i in range(8, end, 4)}
        if brands & {b"avif", b"avis"}:
            return "AVIF"
        if brands & {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}:
            return "HEIC"
    raise PictureError(f"not a picture lookalike knows ({KNOWN})")


_SIGNATURES = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),
    (b"MM\0+", "TIFF"),
    (b"BM", "BMP"),
)


def check_pixels(width: int, height: int, limits: Limits) -> None:
    """Refuse pictures without pixels and with too many.

    Raises:
        PictureError: width or height is 0, or there are more than `max_pixels`.
    """
    if width <= 0 or height <= 0:
        raise PictureError(f"no pixels: {width} x {height}")
    if width * height > limits.max_pixels:
        raise PictureError(f"too many pixels: {width} x {height}, the limit is {limits.max_pixels}")
