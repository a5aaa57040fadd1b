"""Named arrays in one file: derived facts that can be made again, mapped instead of read.

The file: eight letters; the length of a header and a checksum over all that follows; the header,
which is JSON and tells stamp, names, types and places; the arrays, each at a multiple of 64 bytes.
"""

from __future__ import annotations

import json
import mmap
import os
import re
import struct
import zlib
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from lookalike.errors import UsageError

Array = npt.NDArray[Any]
Arrays = Mapping[str, Array]

_MAGIC = b"lookarr1"
_HEAD = struct.Struct("<8sII")
_ALIGN = 64
_PART = 1 << 20  # bytes the checksum takes at once


def checked_name(name: str) -> str:
    """The name, if it can be part of a file's.

    Raises:
        UsageError: it cannot.
    """
    if not re.fullmatch(r"[A-Za-z0-9_-]+", name):
        raise UsageError(f"arrays: expected a name of letters, digits, _ and -, got {name!r}")
    return name


def path_of(directory: Path, name: str) -> Path:
    """The file of the arrays with this name.

    Raises:
        UsageError: the name cannot be part of a file's.
    """
    return directory / f"{checked_name(name)}.arrays"


def checked_arrays(arrays: Arrays) -> dict[str, Array]:
    """The arrays, each in one piece and little-endian.

    Raises:
        UsageError: one has neither numbers nor truths.
    """
    plain = {}
    for name, given in arrays.items():
        array = np.asarray(given)
        if array.dtype.kind not in "biuf":
            raise UsageError(f"array {name!r}: expected numbers or truths, got {array.dtype}")
        plain[name] = np.asarray(array, array.dtype.newbyteorder("<"), order="C")
    return plain


def write(path: Path, arrays: Arrays, stamp: str) -> None:
    """Replace the file as a whole: a reader or a crash sees the old or the new one.

    It is not waited for until it is on the disk: a power cut may damage it, which `read` notices.

    Raises:
        UsageError: an array's type is neither numbers nor truths.
        OSError: the file cannot be written.
    """
    plain = checked_arrays(arrays)
    unfinished = path.with_name(f"{path.name}.unfinished")
    try:
        with unfinished.open("wb") as file:
            _write(file, plain, stamp)
        os.replace(unfinished, path)
    except BaseException:
        with suppress(OSError):
            unfinished.unlink()
        raise


def read(path: Path, stamp: str) -> dict[str, Array] | None:
    """The arrays in this file, read-only and mapped: they take memory where they are looked at.

    Returns:
        None when there is no such file, it is damaged, or it has another stamp.
    """
    try:
        with path.open("rb") as file:
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        magic, length, checksum = _HEAD.unpack_from(mapped)
        if magic != _MAGIC or _checksum(memoryview(mapped)[_HEAD.size :]) != checksum:
            return None
        header = json.loads(mapped[_HEAD.size : _HEAD.size + length])
        if header["stamp"] != stamp:
            return None
        return {name: _view(mapped, *place) for name, place in header["arrays"].items()}
    except (OSError, ValueError, KeyError, TypeError, struct.error):
        return None


def _write(file: BinaryIO, arrays: Arrays, stamp: str) -> None:
    header = _header(arrays, stamp)
    file.write(bytes(_HEAD.size))
    checksum, place = 0, _HEAD.size
    flat: list[Any] = [header, *(array.reshape(-1) for array in arrays.values())]
    for data in flat:
        part = memoryview(data)
        padding = memoryview(bytes(-(place + part.nbytes) % _ALIGN))
        for piece in (part, padding):
            checksum = _checksum(piece, checksum)
            file.write(piece)
        place += part.nbytes + padding.nbytes
    file.seek(0)
    file.write(_HEAD.pack(_MAGIC, len(header), checksum))


def _header(arrays: Arrays, stamp: str) -> bytes:
    """Places count from the end of the header, rounded up: they do not depend on its length."""
    places, place = {}, 0
    for name, array in arrays.items():
        places[name] = (array.dtype.str, array.shape, place)
        place += array.nbytes + -array.nbytes % _ALIGN
    return json.dumps({"stamp": stamp, "arrays": places}).encode()


def _view(mapped: mmap.mmap, dtype: str, shape: list[int], place: int) -> Array:
    _, length, _ = _HEAD.unpack_from(mapped)
    begin = _HEAD.size + length
    count = int(np.prod(shape, dtype=np.int64))
    offset = begin + -begin % _ALIGN + place
    return np.frombuffer(mapped, np.dtype(dtype), count, offset if count else 0).reshape(shape)


def _checksum(data: memoryview, checksum: int = 0) -> int:
    flat = data.cast("B") if data.nbytes else data
    for start in range(0, data.nbytes, _PART):
        checksum = zlib.crc32(flat[start : start + _PART], checksum)
    return checksum
