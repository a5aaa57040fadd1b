"""The system's trash: sending a file there, and finding it again.

send2trash does the sending. It does not tell where a file went, so the trash is looked through after
it: by the freedesktop.org specification (version 1.0), each file in `files/` has a note of the same
name in `info/` that says where it came from. On macOS there are no such notes, and a file is known by
its name and bytes.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from urllib.parse import unquote_to_bytes

from lookalike.duplicates.moving import identity

_INFO = ".trashinfo"


def send(path: str) -> str | None:
    """Send a file to the trash.

    Returns:
        Where it is now; None when the trash does not tell.

    Raises:
        OSError: the system has no trash for it, or refuses; it is where it was then.
    """
    from send2trash import send2trash

    there = identity(path)
    before = set(found(path))
    try:
        send2trash(path)
    except OSError:
        if identity(path) == there:
            raise
    new = [file for file in found(path) if file not in before]
    return next((file for file in new if identity(file) == there), new[0] if new else None)


def found(path: str) -> Iterator[str]:
    """The files in the trash that came from a path; on macOS, those that may have."""
    for folder, top in _folders(path):
        if sys.platform == "darwin":
            yield from (os.path.join(folder, name) for name in _names(folder, path))
            continue
        info = os.path.join(folder, "info")
        for name in _names(info, path):
            if name.endswith(_INFO) and _same(_origin(os.path.join(info, name), top), path):
                file = os.path.join(folder, "files", name.removesuffix(_INFO))
                if os.path.lexists(file):
                    yield file


def forget(file: str) -> None:
    """Remove the note about a file that has been taken out of the trash."""
    folder, name = os.path.split(file)
    if os.path.basename(folder) == "files":
        with suppress(OSError):
            os.unlink(os.path.join(os.path.dirname(folder), "info", name + _INFO))


def _folders(path: str) -> Iterator[tuple[str, str]]:
    """The folders where a file from this path may be in the trash, each with the one to which the
    paths in its notes are relative."""
    home = os.path.expanduser("~")
    if sys.platform == "darwin":
        yield os.path.join(home, ".Trash"), home
        return
    data = os.environ.get("XDG_DATA_HOME") or os.path.join(home, ".local", "share")
    yield os.path.join(data, "Trash"), data
    top = _mount_point(path)
    yield os.path.join(top, ".Trash", str(os.getuid())), top
    yield os.path.join(top, f".Trash-{os.getuid()}"), top


def _mount_point(path: str) -> str:
    folder = os.path.dirname(os.path.realpath(path))
    while not os.path.ismount(folder):
        folder = os.path.dirname(folder)
    return folder


def _names(folder: str, path: str) -> list[str]:
    """The names in a folder of the trash that a file of this name may have got: it may have been
    numbered before its ending or after its first part, or cut short."""
    start = os.path.basename(path).partition(".")[0][:100]
    try:
        return sorted(name for name in os.listdir(folder) if name.startswith(start))
    except OSError:
        return []


def _origin(info: str, top: str) -> str | None:
    """Where a note says that its file came from."""
    try:
        with open(info, "rb") as file:
            lines = file.read(1 << 16).splitlines()
    except OSError:
        return None
    for line in lines:
        key, equals, value = line.partition(b"=")
        if equals and key.strip() == b"Path":
            return os.path.normpath(os.path.join(top, os.fsdecode(unquote_to_bytes(value.strip()))))
    return None


def _same(origin: str | None, path: str) -> bool:
    if origin is None or os.path.basename(origin) != os.path.basename(path):
        return False
    folder, own = os.path.dirname(origin), os.path.dirname(os.path.abspath(path))
    return folder == own or os.path.realpath(folder) == os.path.realpath(own)
