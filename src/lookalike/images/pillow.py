"""Pictures of every format, damaged ones as far as it goes, by Pillow. It is slower, and runs decoders on
whatever bytes there are, so it belongs into a process that may be killed: see `lookalike.sandbox`."""

from __future__ import annotations

import importlib
import io
import math
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from lookalike.errors import PictureError
from lookalike.images.base import Decoded, Limits, check_bytes, check_pixels
from lookalike.images.colours import to_rgb
from lookalike.images.jpeg import jpeg_factor

if TYPE_CHECKING:
    from PIL import Image, ImageFile

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
    with pillow_errors(limits):
        image = _open(data, name)
        size = image.size
        check_pixels(*size, limits)
        if name == "JPEG":
            factor = jpeg_factor(min(size), min_side)
            image.draft(None, (max(1, size[0] // factor), max(1, size[1] // factor)))
        _check_memory(image, name, size, len(data), limits)
        more = name != "JPEG" and (_is_deep(image) or _has_frames(data, name))
        image.load()
        if name != "JPEG":
            size = image.size  # some decoders turn it themselves
        method = transposition(image)
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
def pillow_errors(limits: Limits) -> Iterator[None]:
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


def transposition(image: Image.Image) -> Image.Transpose | None:
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
