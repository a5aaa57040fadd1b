"""Pictures and fields as the parts of a form."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from lookalike import files

Asked = str | os.PathLike[str] | bytes | int
"""A picture: a path, the bytes of a file, or the id of an indexed one."""

Part = tuple[str, "bytes | str", "str | None"]
"""A field's name, its value, and the file's name if it is one."""

MAX_BYTES = 512 << 20


def picture_part(file: str, number: str, picture: Asked) -> list[Part]:
    """A picture as the part of a form; `number`: what the field is called of one that is named by its id."""
    if isinstance(picture, int):
        return [(number, str(picture), None)]
    if isinstance(picture, bytes):
        return [(file, picture, "picture")]
    return [(file, files.read(picture, max_bytes=MAX_BYTES), os.path.basename(os.fspath(picture)))]


def files_first(pictures: Iterable[Asked]) -> list[Asked]:
    """Pictures in the order in which a server takes them from a form."""
    return sorted(pictures, key=lambda one: isinstance(one, int))


def fields(values: Mapping[str, Any]) -> list[Part]:
    """Values that are not None as parts."""
    return [(name, str(value), None) for name, value in values.items() if value is not None]


def multipart(parts: Sequence[Part]) -> tuple[bytes, str]:
    """The body and its content type (RFC 7578)."""
    boundary = uuid.uuid4().hex
    lines: list[bytes] = []
    for name, value, file in parts:
        shown = "" if file is None else f'; filename="{_quoted(file)}"'
        kind = b"" if file is None else b"Content-Type: application/octet-stream\r\n"
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"{shown}\r\n'.encode()
        lines += [head, kind, b"\r\n", value if isinstance(value, bytes) else value.encode(), b"\r\n"]
    return b"".join([*lines, f"--{boundary}--\r\n".encode()]), f"multipart/form-data; boundary={boundary}"


def _quoted(name: str) -> str:
    shown = files.printable(name)
    return shown.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")


def name_of(picture: Asked) -> str:
    """What results call it."""
    if isinstance(picture, bytes):
        return "<bytes>"
    return f"#{picture}" if isinstance(picture, int) else files.printable(os.fspath(picture))
