"""What EXIF data say: which way is up, when a picture was taken, and whether a camera is named."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from struct import Struct
from struct import error as struct_error

SEGMENT = Struct(">HH").unpack_from
"""How a segment of a JPEG begins: its marker, and its length without that."""
EXIF = b"Exif\0\0"
"""How a JPEG's segment with EXIF data goes on."""

_XMP_ORIENTATION = re.compile(rb'tiff:Orientation(?:="|>)([0-9])')
_TIFF = {
    order: (
        Struct(f"{order}L").unpack_from,
        Struct(f"{order}H").unpack_from,
        Struct(f"{order}HHLHxx").unpack_from,
    )
    for order in "<>"
}


# --- which way is up -------------------------------------------------------------------------


def orientation_of(exif: bytes, xmp: bytes) -> int:
    """Which way is up: 1 to 8, 1 being upright; 0 for an entry that is not as it should be.

    Args:
        exif: a TIFF structure; empty when there is none.
        xmp: an XMP packet, asked when EXIF does not say; likewise.

    Raises:
        struct.error: the structure ends early.
    """
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


# --- the taking ------------------------------------------------------------------------------


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
        marker, length = SEGMENT(data, position)
        if marker == 0xFFDA:
            break
        if marker == 0xFFE1 and data.startswith(EXIF, position + 4):
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
            return data[position + 8 : position + 8 + length].removeprefix(EXIF)
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
