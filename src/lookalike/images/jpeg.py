"""Ordinary JPEGs, by far most pictures, in a fraction of a millisecond; and what their headers say."""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct
from struct import error as struct_error

import numpy as np
import numpy.typing as npt

from lookalike.images.base import Decoded, Limits, Pixels
from lookalike.images.exif import EXIF, SEGMENT, orientation_of

_FAST_BUFFERED = 16_000_000  # pixels of a JPEG of several scans: 6 bytes each while decoding
_FAST_WORK = 250_000_000  # pixels x scans, about two seconds
_FAST_OUTPUT = 50_000_000  # pixels in memory after scaling


@dataclass(frozen=True, slots=True)
class JpegHeader:
    """What stands before the pixels of a JPEG.

    Attributes:
        width: pixels, before the EXIF turn.
        height: likewise.
        scans: passes over the picture; 1 for most, many for progressive ones.
        orientation: 1 to 8, as EXIF has it; 1 is upright.
    """

    width: int
    height: int
    scans: int
    orientation: int


def decode_jpeg_fast(data: bytes, *, min_side: int, limits: Limits) -> Decoded | None:
    """Decode a JPEG in this process, as fast as can be.

    Returns:
        The picture, or None for anything out of the ordinary: another format, CMYK, more than
        8 bits, damage of any kind, an odd header, so many pixels or scans that decoding would
        take long or much memory. `decode_pillow` may still succeed then, or knows the reason.
    """
    header = jpeg_header(data)
    if header is None or not _is_tame(header, min_side, limits):
        return None
    import simplejpeg

    width, height = header.width, header.height
    factor = jpeg_factor(min(width, height), min_side)
    smallest = (-(-height // factor), -(-width // factor)) if factor > 1 else (0, 0)
    try:
        rgb = simplejpeg.decode_jpeg(
            data, fastdct=True, fastupsample=True, min_height=smallest[0], min_width=smallest[1]
        )
    except Exception:  # noqa: BLE001 - whatever it is, the slow path finds the reason
        return None
    if header.orientation > 1:
        rgb = turn(rgb, header.orientation)
        if header.orientation >= 5:
            width, height = height, width
    return Decoded(rgb, width, height, "JPEG")


def _is_tame(header: JpegHeader, min_side: int, limits: Limits) -> bool:
    pixels = header.width * header.height
    factor = jpeg_factor(min(header.width, header.height), min_side)
    return (
        0 < pixels <= limits.max_pixels
        and pixels <= _FAST_OUTPUT * factor * factor
        and (header.scans == 1 or (pixels <= _FAST_BUFFERED and pixels * header.scans <= _FAST_WORK))
    )


def jpeg_factor(shorter: int, min_side: int) -> int:
    """By how much a JPEG is scaled down while decoding: 1, 2, 4 or 8, so that half as much
    again as `min_side` is left for a proper resize."""
    for factor in (8, 4, 2):
        if 2 * shorter >= 3 * min_side * factor:
            return factor
    return 1


_FRAME = Struct(">BHHB").unpack_from
_XMP = b"http://ns.adobe.com/xap/1.0/\0"


def jpeg_header(data: bytes) -> JpegHeader | None:
    """Read what stands before the pixels; None for what is not an ordinary JPEG (grey or
    three colours, 8 bits, Huffman-coded, headers in order)."""
    if data[:3] != b"\xff\xd8\xff":
        return None
    exif = xmp = b""
    frame = None
    position = 2
    try:
        while True:
            marker, length = SEGMENT(data, position)
            if marker == 0xFFDA:
                break
            if marker == 0xFFE1:
                if data.startswith(EXIF, position + 4):
                    if exif:  # continued in a second segment
                        return None
                    exif = data[position + 10 : position + 2 + length]
                elif data.startswith(_XMP, position + 4):
                    xmp = data[position + 33 : position + 2 + length]
            elif 0xFFC0 <= marker <= 0xFFC2 and frame is None:
                frame = (marker, *_FRAME(data, position + 4))
            elif not (0xFFE0 <= marker <= 0xFFFE or marker in (0xFFC4, 0xFFDB, 0xFFDD)):
                return None
            position += 2 + length
        if frame is None or frame[1] != 8 or frame[4] not in (1, 3):
            return None
        kind, _, height, width, colours = frame
        single = kind != 0xFFC2 and data[position + 4] == colours
        orientation = orientation_of(exif, xmp)
    except (struct_error, IndexError):
        return None
    scans = 1 if single else data.count(b"\xff\xda", position)
    return JpegHeader(width, height, scans, orientation) if orientation else None


def jpeg_steps(data: bytes) -> npt.NDArray[np.float32] | None:
    """The steps to which a JPEG's brightness was rounded, by frequency: downwards, across.

    Returns:
        (8, 8) float32, from 1 on (the quantization table of the first component, ITU-T T.81, B.2.4.1); None
        for what is no JPEG, or has no such table before its pixels.
    """
    tables: dict[int, npt.NDArray[np.float32]] = {}
    first = None
    position = 2
    try:
        while data.startswith(b"\xff\xd8\xff"):
            marker, length = SEGMENT(data, position)
            segment = data[position + 4 : position + 2 + length]
            if marker == 0xFFDA:
                break
            if marker == 0xFFDB:
                tables |= _quantization_tables(segment)
            elif 0xFFC0 <= marker <= 0xFFC2:
                first = segment[8]  # its table's number, after depth, size, number of colours, and its name
            position += 2 + length
    except (struct_error, IndexError, ValueError):
        return None
    return None if first is None else tables.get(first)


def _quantization_tables(segment: bytes) -> dict[int, npt.NDArray[np.float32]]:
    tables = {}
    while segment:
        kind, number = ">u2" if segment[0] >> 4 else ">u1", segment[0] & 15
        steps = np.frombuffer(segment, kind, 64, 1).astype(np.float32)
        tables[number] = np.zeros((8, 8), np.float32)
        tables[number].ravel()[_ZIGZAG] = np.maximum(steps, 1)
        segment = segment[1 + 64 * np.dtype(kind).itemsize :]
    return tables


_ZIGZAG = sorted(range(64), key=lambda k: (k // 8 + k % 8, k // 8 if (k // 8 + k % 8) % 2 else k % 8))
"""Where the numbers of a table stand, row by row, in the order in which it has them (ITU-T T.81, A.3.6)."""


def turn(rgb: Pixels, orientation: int) -> Pixels:
    """The picture as EXIF orientation 1 to 8 means it, C-contiguous."""
    import cv2

    match orientation:
        case 2:
            return cv2.flip(rgb, 1)  # type: ignore[return-value]
        case 3:
            return cv2.rotate(rgb, cv2.ROTATE_180)  # type: ignore[return-value]
        case 4:
            return cv2.flip(rgb, 0)  # type: ignore[return-value]
        case 5:
            return cv2.transpose(rgb)  # type: ignore[return-value]
        case 6:
            return cv2.rotate(rgb, cv2.ROTATE_90_CLOCKWISE)  # type: ignore[return-value]
        case 7:
            return cv2.flip(cv2.transpose(rgb), -1)  # type: ignore[return-value]
        case 8:
            return cv2.rotate(rgb, cv2.ROTATE_90_COUNTERCLOCKWISE)  # type: ignore[return-value]
    return rgb
