"""Files on disk: finding them, telling whether they changed, reading them.

Nothing here knows what a picture is beyond the names picture files usually have.
"""

from __future__ import annotations

import hashlib
import os
import stat
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import BinaryIO

from lookalike.errors import PictureError, UsageError
from lookalike.results import Failure

EXTENSIONS = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".apng", ".gif", ".webp"}
    | {".tif", ".tiff", ".bmp", ".dib", ".avif", ".heic", ".heif", ".hif"}
)
"""How the names of pictures end, in lower case. Other files in folders are passed over."""

COLLECTION_FOLDER = ".lookalike"
"""Folders of this name hold collections and are never entered."""


@dataclass(frozen=True, slots=True)
class FileIdentity:
    """What tells whether a file has changed without reading it.

    Attributes:
        path: absolute path.
        size: bytes.
        mtime_ns: time of the last change in nanoseconds since 1970.
    """

    path: str
    size: int
    mtime_ns: int


# --- one file --------------------------------------------------------------------------------


def content_hash(data: bytes) -> str:
    """SHA-256 of the bytes, hexadecimal.

    >>> content_hash(b"")[:8]
    'e3b0c442'
    """
    return hashlib.sha256(data).hexdigest()


def identify(path: str | os.PathLike[str]) -> FileIdentity:
    """The identity of a file, links followed.

    Raises:
        PictureError: it cannot be looked at, or is no file (a folder, a pipe, a device).
    """
    absolute = os.path.abspath(path)
    try:
        return _identity(absolute, os.stat(absolute))
    except (OSError, ValueError) as error:
        raise PictureError(_reason(error), printable(absolute)) from error


def read(path: str | os.PathLike[str], *, max_bytes: int) -> bytes:
    """The bytes of a file.

    Args:
        path: a regular file or a link to one; pipes and devices are refused, since reading
            them may never end.
        max_bytes: the largest size accepted.

    Raises:
        PictureError: it cannot be read, is no regular file, or is larger than `max_bytes`.
    """
    try:
        with open(path, "rb", buffering=0, opener=_open_at_once) as file:
            size = _identity(os.fspath(path), os.fstat(file.fileno())).size
            check_size(size, max_bytes)
            return _all_of(file, size)
    except PictureError as error:
        raise PictureError(error.reason, printable(os.fspath(path))) from None
    except (OSError, ValueError) as error:
        raise PictureError(_reason(error), printable(os.fspath(path))) from error


def _all_of(file: BinaryIO, size: int) -> bytes:
    """`size` bytes of a file; one read may give fewer, on network drives above all."""
    data = file.read(size) or b""
    while len(data) < size:
        more = file.read(size - len(data))
        if not more:
            raise PictureError("cannot be read: the file became shorter meanwhile")
        data += more
    return data


def are_one(first: str, second: str) -> bool:
    """Whether two paths lead to the same file, through a hard link or a symbolic one; also False when
    one cannot be looked at."""
    try:
        return os.path.samefile(first, second)
    except (OSError, ValueError):
        return False


def is_gone(path: str) -> bool:
    """Whether there is nothing at a path any more. A folder that may not be looked into, or a
    drive that does not answer, does not make its files gone."""
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return True
    except (OSError, ValueError):
        return False
    return False


def is_unchanged(file: FileIdentity) -> bool:
    """Whether a file is there, and is as it was."""
    try:
        return identify(file.path) == file
    except PictureError:
        return False


def _open_at_once(path: str, flags: int) -> int:
    """Open without waiting: a pipe that nobody writes to would keep us for ever."""
    return os.open(path, flags | os.O_NONBLOCK)


def check_size(size: int, max_bytes: int) -> None:
    """Refuse what is larger than allowed.

    Raises:
        PictureError: `size` is more than `max_bytes`.
    """
    if size > max_bytes:
        raise PictureError(f"file too large: {size} bytes, the limit is {max_bytes}")


def printable(path: str) -> str:
    r"""The path with bytes that are not UTF-8 written as `\xNN`, so that it can be shown and stored.

    >>> printable("caf\udce9.jpg")
    'caf\\xe9.jpg'
    """
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _identity(path: str, status: os.stat_result) -> FileIdentity:
    if not stat.S_ISREG(status.st_mode):
        kind = "folder" if stat.S_ISDIR(status.st_mode) else "pipe or device"
        raise PictureError(f"cannot be read: a {kind}, not a file")
    return FileIdentity(path, status.st_size, status.st_mtime_ns)


def _reason(error: OSError | ValueError) -> str:
    """Why a file or folder cannot be read, in one clause."""
    if isinstance(error, IsADirectoryError):
        return "cannot be read: a folder, not a file"
    detail = error.strerror if isinstance(error, OSError) else str(error)
    return f"cannot be read: {(detail or type(error).__name__).lower()}"


# --- many files ------------------------------------------------------------------------------


def walk(
    sources: Iterable[str | os.PathLike[str]],
    *,
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
    hidden: bool = False,
) -> Iterator[FileIdentity | Failure]:
    """Find picture files, lazily and in a stable order.

    Args:
        sources: each one of
            a folder, searched with all folders below it for files whose names end like a
            picture's (`EXTENSIONS`);
            a file, always taken;
            a pattern with `*`, `?`, `[...]` or `**` (any number of folders), which takes what
            it matches as a shell would, in folders and in itself again only names like a
            picture's, unless the pattern spells out how the name ends (`scans/*.dat`);
            `@FILE`, a list of files and folders, one a line or separated by NUL bytes;
            `-`, such a list on standard input. Relative names in a list start at the current
            directory.
        include: patterns, of which a file in a folder must match at least one, if there are any.
        exclude: patterns, of which neither a file in a folder nor a folder may match one. A
            pattern with a slash is compared with the path relative to the source, one without
            with the name.
        hidden: take files and enter folders whose names begin with a dot.

    Yields:
        A `FileIdentity` for each file, never the same path twice, or a `Failure` for what
        cannot be looked at: a folder without permission, a file that vanished, a link to
        nothing, a name that is not valid UTF-8. Links are followed; a folder that can be
        reached in several ways is entered once for each source, and not through the link if
        it lies below the source itself. Memory does not grow with the number of files in one
        source; for several sources it takes some 60 bytes a file.

    Raises:
        UsageError: a source does not exist. Raised by the call itself, before the first file.
    """
    keep = _Filter(tuple(include), tuple(exclude), hidden)
    searches = [_search(os.fspath(source), keep) for source in sources]
    return _distinct(searches) if len(searches) > 1 else _chain(searches)


Found = FileIdentity | Failure
Search = Callable[[], Iterator[Found]]


def _chain(searches: Iterable[Search]) -> Iterator[Found]:
    for search in searches:
        yield from search()


def _distinct(searches: Iterable[Search]) -> Iterator[Found]:
    """What the searches find, without paths found before (of which only hashes are kept)."""
    seen: set[int] = set()
    for found in _chain(searches):
        key = hash(found.path)
        if key not in seen:
            seen.add(key)
            yield found


def _search(source: str, keep: _Filter) -> Search:
    """How to search one source; raises UsageError when it does not exist."""
    if source == "-":
        return lambda: _listed(sys.stdin.buffer, keep)
    if os.path.lexists(source):
        return lambda: _named(source, keep)
    if source.startswith("@"):
        return _list_file(source, keep)
    if _is_pattern(source):
        return _pattern(source, keep)
    raise UsageError(f"{printable(source)}: no such file or folder")


def _named(path: str, keep: _Filter) -> Iterator[Found]:
    """A file that was named, or what a folder that was named holds."""
    path = os.path.abspath(path)
    if os.path.isdir(path):
        yield from _folder(path, keep)
    else:
        yield _look(path)


def _list_file(source: str, keep: _Filter) -> Search:
    path = source[1:]
    if not os.path.isfile(path):
        raise UsageError(f"{printable(source)}: there is no list {printable(path)!r} to read names from")

    def search() -> Iterator[Found]:
        try:
            with open(path, "rb") as names:
                yield from _listed(names, keep)
        except OSError as error:
            yield Failure(printable(os.path.abspath(path)), _reason(error))

    return search


def _listed(names: BinaryIO, keep: _Filter) -> Iterator[Found]:
    for name in _split(names):
        yield from _named(os.fsdecode(name), keep)


def _split(names: BinaryIO, block: int = 1 << 16) -> Iterator[bytes]:
    """The names of a list, without holding all of it; a NUL byte in the first block tells how
    they are separated."""
    rest = names.read(block)
    separator = b"\0" if b"\0" in rest else b"\n"
    while rest:
        *whole, rest = rest.split(separator)
        for name in whole:
            if name := _trimmed(name, separator):
                yield name
        more = names.read(block)
        if not more:
            break
        rest += more
    if name := _trimmed(rest, separator):
        yield name


def _trimmed(name: bytes, separator: bytes) -> bytes:
    return name.removesuffix(b"\r") if separator == b"\n" else name


# --- folders ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Filter:
    """Which entries of a folder are of interest. `path` is relative to the source."""

    include: tuple[str, ...]
    exclude: tuple[str, ...]
    hidden: bool
    pattern: tuple[str, ...] = ()  # of a source with wildcards, in parts; () takes everything
    any_name: bool = False

    def enters(self, path: str, name: str) -> bool:
        return self._visible(path, name) and _may_lead(tuple(path.split("/")), self.pattern)

    def takes(self, path: str, name: str) -> bool:
        return (
            (self.any_name or os.path.splitext(name)[1].lower() in EXTENSIONS)
            and self._visible(path, name)
            and (not self.include or _any_matches(self.include, path, name))
            and (not self.pattern or _is_below(tuple(path.split("/")), self.pattern))
        )

    def _visible(self, path: str, name: str) -> bool:
        if name == COLLECTION_FOLDER or (name.startswith(".") and not self.hidden):
            return False
        return not _any_matches(self.exclude, path, name)


def _folder(root: str, keep: _Filter) -> Iterator[Found]:
    """What a folder holds. Folders behind links come last, so that a folder that lies below
    the root is found by its own path."""
    entered: set[tuple[int, int]] = set()
    links: list[tuple[str, str]] = []
    waiting = [(root, "")]
    while waiting or links:
        path, relative = waiting.pop() if waiting else links.pop(0)
        try:
            status = os.stat(path)
            if (status.st_dev, status.st_ino) in entered:
                continue
            entered.add((status.st_dev, status.st_ino))
            with os.scandir(path) as entries:
                content = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            yield Failure(printable(path), _reason(error))
            continue
        below: list[tuple[str, str]] = []
        for entry in content:
            inner = f"{relative}{entry.name}"
            if _is_folder(entry):
                if keep.enters(inner, entry.name):
                    (links if entry.is_symlink() else below).append((entry.path, f"{inner}/"))
            elif keep.takes(inner, entry.name):
                yield _look(entry.path)
        waiting.extend(reversed(below))


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a loop of links
        return False


def _look(path: str) -> Found:
    """The identity of a file, or why it has none."""
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:
        return Failure(printable(path), "file name is not valid UTF-8: rename the file")
    try:
        return identify(path)
    except PictureError as error:
        return Failure(path, error.reason)


# --- patterns --------------------------------------------------------------------------------


def _is_pattern(text: str) -> bool:
    return any(mark in text for mark in "*?[")


def _pattern(source: str, keep: _Filter) -> Search:
    """How to search what a pattern matches: the folder before its first wildcard, filtered."""
    parts = source.split("/")
    first = next(i for i, part in enumerate(parts) if _is_pattern(part))
    root = "/".join(parts[:first]) or ("/" if first else ".")
    if not os.path.isdir(root):
        raise UsageError(f"{printable(source)}: there is no folder {printable(root)!r}")
    end = os.path.splitext(parts[-1])[1]
    narrowed = _Filter(
        keep.include,
        keep.exclude,
        keep.hidden,
        pattern=tuple(part for part in parts[first:] if part),
        any_name=len(end) > 1 and not _is_pattern(end),
    )
    return lambda: _folder(os.path.abspath(root), narrowed)


def _any_matches(patterns: Iterable[str], path: str, name: str) -> bool:
    return any(
        matches(path, pattern) if "/" in pattern else fnmatchcase(name, pattern) for pattern in patterns
    )


def matches(path: str, pattern: str) -> bool:
    """Whether a relative path matches a pattern: `*`, `?` and `[...]` within one part of the
    path, `**` for any number of parts. A leading slash in the pattern is ignored.

    >>> matches("shop/red/apple.jpg", "shop/**/*.jpg"), matches("shop/red/apple.jpg", "shop/*.jpg")
    (True, False)
    """
    return _parts_match(tuple(path.split("/")), tuple(pattern.strip("/").split("/")))


def _parts_match(path: tuple[str, ...], pattern: tuple[str, ...]) -> bool:
    if not pattern:
        return not path
    if pattern[0] == "**":
        return any(_parts_match(path[skip:], pattern[1:]) for skip in range(len(path) + 1))
    return bool(path) and fnmatchcase(path[0], pattern[0]) and _parts_match(path[1:], pattern[1:])


def _is_below(path: tuple[str, ...], pattern: tuple[str, ...]) -> bool:
    """Whether the path or a folder it lies in matches."""
    return any(_parts_match(path[:depth], pattern) for depth in range(1, len(path) + 1))


def _may_lead(folder: tuple[str, ...], pattern: tuple[str, ...]) -> bool:
    """Whether something that matches may lie in this folder, or the folder itself matches."""
    for part, wanted in zip(folder, pattern, strict=False):
        if wanted == "**":
            return True
        if not fnmatchcase(part, wanted):
            return False
    return True
