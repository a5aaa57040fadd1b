"""Bytes and arrays in, upright RGB out. The only user of Pillow and simplejpeg.

`decode_jpeg_fast` reads well-formed JPEGs, by far most pictures, in a fraction of a millisecond.
Everything else goes through `decode_pillow`, which is slower and, since it runs decoders on
whatever bytes there are, belongs into a process that may be killed: see `lookalike.sandbox`.
"""

from __future__ import annotations

import importlib
import io
import math
import os
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from struct import Struct
from struct import error as struct_error
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from lookalike.errors import PictureError, UsageError
from lookalike.files import check_size

if TYPE_CHECKING:
    from PIL import Image, ImageFile

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


# --- fast path: JPEG -------------------------------------------------------------------------

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
    factor = _jpeg_factor(min(width, height), min_side)
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
    factor = _jpeg_factor(min(header.width, header.height), min_side)
    return (
        0 < pixels <= limits.max_pixels
        and pixels <= _FAST_OUTPUT * factor * factor
        and (header.scans == 1 or (pixels <= _FAST_BUFFERED and pixels * header.scans <= _FAST_WORK))
    )


def _jpeg_factor(shorter: int, min_side: int) -> int:
    """By how much a JPEG is scaled down while decoding: 1, 2, 4 or 8, so that half as much
    again as `min_side` is left for a proper resize."""
    for factor in (8, 4, 2):
        if 2 * shorter >= 3 * min_side * factor:
            return factor
    return 1


_MARKER = Struct(">HH").unpack_from
_FRAME = Struct(">BHHB").unpack_from
_EXIF = b"Exif\0\0"
_XMP = b"http://ns.adobe.com/xap/1.0/\0"
_XMP_ORIENTATION = re.compile(rb'tiff:Orientation(?:="|>)([0-9])')


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
            marker, length = _MARKER(data, position)
            if marker == 0xFFDA:
                break
            if marker == 0xFFE1:
                if data.startswith(_EXIF, position + 4):
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
        orientation = _orientation(exif, xmp)
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
            marker, length = _MARKER(data, position)
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


def _orientation(exif: bytes, xmp: bytes) -> int:
    """1 to 8, or 0 for an entry that is not as it should be."""
    found = _exif_orientation(exif) if exif else None
    if found is None and xmp:
        match = _XMP_ORIENTATION.search(xmp)
        found = int(match[1]) if match else None
    if found is None:
        return 1
    return found if 1 <= found <= 8 else 0


def _exif_orientation(exif: bytes) -> int | None:
    """Entry 0x0112 of the first directory (TIFF 6.0, section 2); None when there is none."""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(exif[:4])
    if order is None:
        return 0
    header, counter, entry = _TIFF[order]
    (start,) = header(exif, 4)
    (count,) = counter(exif, start)
    found = None
    for position in range(start + 2, start + 2 + 12 * count, 12):
        tag, kind, values, value = entry(exif, position)
        if tag == 0x0112:
            if kind != 3 or values != 1 or found is not None:
                return 0
            found = value
    return found


_TIFF = {
    order: (
        Struct(f"{order}L").unpack_from,
        Struct(f"{order}H").unpack_from,
        Struct(f"{order}HHLHxx").unpack_from,
    )
    for order in "<>"
}


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


# --- what EXIF says about the taking ---------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ExifFacts:
    """What a picture's EXIF data say about how it was taken.

    Attributes:
        taken: when, ISO 8601 to the second in the camera's local time, e.g. `2019-05-04T12:30:00`;
            None when that is not known.
        camera: a camera is named, by its maker or model.
    """

    taken: str | None = None
    camera: bool = False


def exif_facts(data: bytes) -> ExifFacts:
    """Read what EXIF says about the taking, without decoding pixels. Any bytes are harmless: what
    cannot be understood is not known.

    JPEG, PNG, WebP and TIFF files are read, and HEIC files as cameras write them.

    Args:
        data: the whole file. Of a JPEG the first 128 KiB are enough, unless another large segment
            comes before the EXIF data.

    >>> exif_facts(b"no picture")
    ExifFacts(taken=None, camera=False)
    """
    try:
        return _facts_of(_exif_block(data))
    except struct_error:  # it ends early, or points to beyond its end
        return ExifFacts()


_DATE = re.compile(rb"(\d{4}):(\d\d):(\d\d) (\d\d:\d\d:\d\d)")
_MAKER, _MODEL, _DETAILS, _TAKEN, _DIGITIZED = 0x010F, 0x0110, 0x8769, 0x9003, 0x9004
_PARTS = 10_000  # segments or chunks of a file that are looked through for EXIF data
_HEIC_EXIF = re.compile(rb"Exif\0\0(?=II\*\0|MM\0\*)")
_PNG_CHUNK = Struct(">L4s").unpack_from
_WEBP_CHUNK = Struct("<4sL").unpack_from


def _exif_block(data: bytes) -> bytes:
    """The TIFF structure that holds the EXIF data; anything else when there is none."""
    if data.startswith(b"\xff\xd8\xff"):
        return _jpeg_exif(data)
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return _png_exif(data)
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return _webp_exif(data)
    if data[4:8] == b"ftyp":  # boxes of boxes; but cameras put these letters before the structure
        match = _HEIC_EXIF.search(data)
        return data[match.end() : match.end() + 0xFFFF] if match else b""
    return data


def _jpeg_exif(data: bytes) -> bytes:
    position = 2
    for _ in range(_PARTS):
        marker, length = _MARKER(data, position)
        if marker == 0xFFDA:
            break
        if marker == 0xFFE1 and data.startswith(_EXIF, position + 4):
            return data[position + 10 : position + 2 + length]
        position += 2 + length
    return b""


def _png_exif(data: bytes) -> bytes:
    position = 8
    for _ in range(_PARTS):
        length, name = _PNG_CHUNK(data, position)
        if name == b"eXIf":
            return data[position + 8 : position + 8 + length]
        position += length + 12
    return b""


def _webp_exif(data: bytes) -> bytes:
    position = 12
    for _ in range(_PARTS):
        name, length = _WEBP_CHUNK(data, position)
        if name == b"EXIF":
            return data[position + 8 : position + 8 + length].removeprefix(_EXIF)
        position += 8 + length + length % 2
    return b""


def _facts_of(exif: bytes) -> ExifFacts:
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(exif[:4])
    if order is None:
        return ExifFacts()
    number = _TIFF[order][0]
    first = _exif_values(exif, order, *number(exif, 4))
    named = first.get(_MAKER, b"") + first.get(_MODEL, b"")
    taken = None
    if _DETAILS in first:
        details = _exif_values(exif, order, *number(first[_DETAILS].ljust(4, b"\0"), 0))
        taken = _exif_date(details.get(_TAKEN)) or _exif_date(details.get(_DIGITIZED))
    return ExifFacts(taken, bool(named.strip(b" \0")))


def _exif_values(exif: bytes, order: str, start: int) -> dict[int, bytes]:
    """The entries of a directory (TIFF 6.0, section 2) that are text, or one number of 32 bits: the bytes
    of each, by tag, at most 100."""
    number, counter, _ = _TIFF[order]
    (entries,) = counter(exif, start)
    found = {}
    directory = exif[start + 2 : start + 2 + 12 * entries]
    for tag, kind, length, value in Struct(f"{order}HHL4s").iter_unpack(directory):
        if kind == 2 and length > 4:
            (place,) = number(value, 0)
            found[tag] = exif[place : place + min(length, 100)]
        elif kind == 2:
            found[tag] = value[:length]
        elif kind in (4, 13) and length == 1:
            found[tag] = value
    return found


def _exif_date(text: bytes | None) -> str | None:
    match = _DATE.match(text or b"")
    if match is None:
        return None
    year, month, day, time = (part.decode("ascii") for part in match.groups())
    date = f"{year}-{month}-{day}T{time}"
    try:
        datetime.fromisoformat(date)
    except ValueError:  # 0000:00:00, as cameras write that do not know
        return None
    return date


# --- slow path: everything -------------------------------------------------------------------

_PLUGINS = {  # our name: Pillow's name, the modules that must be imported first
    "JPEG": ("JPEG", "PIL.JpegImagePlugin"),
    "PNG": ("PNG", "PIL.PngImagePlugin"),
    "GIF": ("GIF", "PIL.GifImagePlugin"),
    "WebP": ("WEBP", "PIL.WebPImagePlugin"),
    "TIFF": ("TIFF", "PIL.TiffImagePlugin"),
    "BMP": ("BMP", "PIL.BmpImagePlugin"),
    "AVIF": ("AVIF", "PIL.AvifImagePlugin"),
    "HEIC": ("HEIF", "pillow_heif.HeifImagePlugin"),
}
_BAND = 4_000_000  # pixels that are converted at a time
_LEAST = 0.05  # share of the height that must have been decoded


def decode_pillow(data: bytes, *, min_side: int, limits: Limits) -> Decoded:
    """Decode a picture of any known format, damaged ones as far as it goes. Not for several
    threads at once: how strict Pillow is, is a setting of the process.

    Args and errors as for `decode`.
    """
    name = check_bytes(data, limits)
    try:
        return _decode(data, name, min_side, limits)
    except PictureError as error:
        if not error.reason.startswith("damaged"):
            raise
        with _lenient():
            try:
                decoded = _decode(data, name, min_side, limits, least=_LEAST)
            except PictureError:
                raise error from None
        return replace(decoded, truncated=True)


def _decode(data: bytes, name: str, min_side: int, limits: Limits, least: float = 0.0) -> Decoded:
    with _pillow_errors(limits):
        image = _open(data, name)
        size = image.size
        check_pixels(*size, limits)
        if name == "JPEG":
            factor = _jpeg_factor(min(size), min_side)
            image.draft(None, (max(1, size[0] // factor), max(1, size[1] // factor)))
        _check_memory(image, name, size, len(data), limits)
        more = name != "JPEG" and (_is_deep(image) or _has_frames(data, name))
        image.load()
        if name != "JPEG":
            size = image.size  # some decoders turn it themselves
        method = _transposition(image)
        rgb = to_rgb(image, max(1, 2 * min(image.size) // (3 * min_side)))
        if least and _share_decoded(rgb, upwards=name == "BMP") < least:
            raise PictureError("damaged: next to nothing could be decoded")
        if method is not None:
            rgb = rgb.transpose(method)
            size = size[::-1] if method in _swapping() else size
        return Decoded(np.array(rgb), size[0], size[1], name, more=more or _is_transparent(image))


def _is_deep(image: ImageFile.ImageFile) -> bool:
    """Whether a picture that is not loaded yet has more than eight bits a value."""
    return image.mode.startswith(("I", "F")) or any("16" in str(part[3]) for part in image.tile)


def _has_frames(data: bytes, name: str) -> bool:
    """Whether there are more frames or pages than the first."""
    with suppress(Exception):  # when what comes after it is damaged, there is nothing anybody could see
        return bool(getattr(_open(data, name), "is_animated", False))
    return False


def _is_transparent(image: Image.Image) -> bool:
    """Whether any of a loaded picture's pixels are transparent."""
    if not image.has_transparency_data:
        return False
    layer = image if "A" in image.getbands() else image.convert("RGBA")
    lowest = layer.getchannel("A").getextrema()[0]
    return isinstance(lowest, (int, float)) and lowest < 255


def _open(data: bytes, name: str) -> ImageFile.ImageFile:
    from PIL import Image, UnidentifiedImageError

    pillow_name, plugin = _PLUGINS[name]
    try:
        importlib.import_module(plugin)
    except ImportError:
        raise PictureError('needs the extra: pip install "lookalike[heif]"') from None
    try:
        return Image.open(io.BytesIO(data), formats=[pillow_name])
    except UnidentifiedImageError:
        raise PictureError(f"damaged: the {name} header cannot be understood") from None


def lift_pillow_limit() -> None:
    """Let `Limits.max_pixels` alone decide in this process, not Pillow's own limit."""
    from PIL import Image

    Image.MAX_IMAGE_PIXELS = None


@contextmanager
def _pillow_errors(limits: Limits) -> Iterator[None]:
    """The one place where what Pillow and its libraries raise becomes a `PictureError`."""
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except PictureError:
        raise
    except MemoryError:
        raise PictureError(_memory_reason(limits)) from None
    except Image.DecompressionBombError as error:
        raise PictureError(f"too many pixels: {error}") from None
    except Exception as error:  # decoders meet hostile bytes with errors of every type
        raise PictureError(f"damaged: {_clause(error)}") from error


def _clause(error: Exception) -> str:
    """An error's message as one short clause that is the same for the same cause."""
    text = " ".join(str(error).split())
    if not text or not isinstance(error, (OSError, SyntaxError, ValueError)) or "decoder error" in text:
        return "the data cannot be decoded"
    text = re.sub(r"<[^<>]* at 0x[0-9a-f]+>", "the data", text)
    return text if len(text) <= 100 else f"{text[:97]}..."


def _memory_reason(limits: Limits) -> str:
    return f"needs more memory than {limits.memory} bytes"


def _check_memory(
    image: Image.Image, name: str, size: tuple[int, int], data_bytes: int, limits: Limits
) -> None:
    """Refuse before the attempt what Pillow cannot hold within the limit."""
    pixels = image.width * image.height
    needed = data_bytes + pixels * {"1": 1, "L": 1, "P": 1}.get(image.mode, 4)
    if name in ("WebP", "AVIF", "HEIC"):
        needed += 4 * pixels  # the library's own picture
    if image.info.get("progressive"):
        needed += 6 * math.prod(size)  # coefficients, 16 bits each
    if needed > limits.memory:
        raise PictureError(_memory_reason(limits))


@contextmanager
def _lenient() -> Iterator[None]:
    from PIL import ImageFile

    before = ImageFile.LOAD_TRUNCATED_IMAGES
    ImageFile.LOAD_TRUNCATED_IMAGES = True
    try:
        yield
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = before


def _share_decoded(image: Image.Image, *, upwards: bool) -> float:
    """How far the picture reaches before nothing but its last colour follows, in [0, 1]."""
    rows = np.asarray(image)[:: -1 if upwards else 1]
    different = np.flatnonzero((rows != rows[-1, -1]).any(axis=(1, 2)))
    return float(different[-1] + 1) / len(rows) if len(different) else 0.0


def _transposition(image: Image.Image) -> Image.Transpose | None:
    """What makes a loaded picture upright, by its EXIF or XMP; None when it is, or when they
    cannot be read."""
    from PIL.Image import Transpose

    try:
        orientation = image.getexif().get(0x0112, 1)
    except Exception:  # noqa: BLE001 - damaged EXIF is no reason to refuse the picture
        return None
    table = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }
    return table.get(orientation) if isinstance(orientation, int) else None


def _swapping() -> set[Image.Transpose]:
    from PIL.Image import Transpose

    return {Transpose.TRANSPOSE, Transpose.ROTATE_270, Transpose.TRANSVERSE, Transpose.ROTATE_90}


# --- colours ---------------------------------------------------------------------------------


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
        rgb = Image.fromarray(_grey8(np.asarray(image), *grey)).convert("RGB")
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


def _grey8(values: npt.NDArray[Any], black: float, white: float) -> Pixels:
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


# --- arrays, Pillow images, thumbnails -------------------------------------------------------


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
        return _grey8(values, 0, 65535)
    if not np.issubdtype(values.dtype, np.floating):
        allowed = "uint8, uint16, bool and floats in [0, 1]"
        raise PictureError(f"an array of {values.dtype}; allowed are {allowed}")
    low, high = float(values.min()), float(values.max())
    if not (low >= 0.0 and high <= 1.0):  # also when either is no number
        raise PictureError(f"an array of floats from {low:g} to {high:g}; allowed is [0, 1]")
    return _grey8(values, 0, 1)


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
    with _pillow_errors(limits):
        image.load()
        check_pixels(*image.size, limits)
        method = _transposition(image)
        rgb = to_rgb(image)
        if method is not None:
            rgb = rgb.transpose(method)
        return Decoded(np.array(rgb), rgb.width, rgb.height, "array")


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
