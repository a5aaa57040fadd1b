"""Moving files so that none is overwritten, lost half-way, or taken for another.

A path is looked at and moved, never a link's target: symbolic links are refused. What is removed from
disk here are only files that this module made itself, or whose bytes were just seen elsewhere.
"""

from __future__ import annotations

import ctypes
import errno
import hashlib
import os
import shutil
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache

from lookalike.errors import PictureError

_BLOCK = 1 << 20  # bytes read at a time
_NO_ATOMIC_CALL = (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP)


@dataclass(frozen=True, slots=True)
class Seen:
    """A regular file, as it was when it was read.

    Attributes:
        sha256: of its bytes, hexadecimal.
        bytes: its size.
        mtime_ns: time of the last change in nanoseconds since 1970.
        mode: permission bits, e.g. 0o644.
        device: of the file system it lies on.
        inode: its number there.
    """

    sha256: str
    bytes: int
    mtime_ns: int
    mode: int
    device: int
    inode: int

    @property
    def identity(self) -> tuple[int, int]:
        """Device and inode: equal for two names of one file."""
        return self.device, self.inode


def look(path: str) -> Seen:
    """Read a file to its end.

    Raises:
        PictureError: it is no regular file, or changed while it was read.
        OSError: there is none, or it cannot be read.
    """
    digest = hashlib.sha256()
    return _seen(path, digest.update, digest.hexdigest)


def load(path: str) -> tuple[Seen, bytes]:
    """Like `look`, with the bytes. Raises what `look` raises."""
    data = bytearray()
    seen = _seen(path, data.extend, lambda: hashlib.sha256(data).hexdigest())
    return seen, bytes(data)


def _seen(path: str, feed: Callable[[bytes], object], sha256: Callable[[], str]) -> Seen:
    # Without waiting: a pipe that nobody writes to would keep us for ever.
    file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        before = os.fstat(file)
        require_regular(before)
        for block in _blocks(file):
            feed(block)
        after = os.fstat(file)
    finally:
        os.close(file)
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise PictureError("is being written to")
    return Seen(
        sha256(),
        after.st_size,
        after.st_mtime_ns,
        stat.S_IMODE(after.st_mode),
        after.st_dev,
        after.st_ino,
    )


def _blocks(file: int) -> Iterator[bytes]:
    while block := os.read(file, _BLOCK):
        yield block


def require_regular(status: os.stat_result) -> None:
    """Refuse what is no ordinary file.

    Raises:
        PictureError: it is a folder, a symbolic link, a pipe or a device.
    """
    if stat.S_ISLNK(status.st_mode):
        raise PictureError("is a symbolic link")
    if not stat.S_ISREG(status.st_mode):
        raise PictureError("is a folder" if stat.S_ISDIR(status.st_mode) else "is no ordinary file")


def try_to_look(path: str | None) -> Seen | None:
    """Like `look`; None when there is no such file, or none that can be read."""
    try:
        return look(path) if path else None
    except (OSError, PictureError):
        return None


def identity(path: str) -> tuple[int, int] | None:
    """Device and inode of what is at a path, links not followed; None when there is nothing."""
    try:
        status = os.lstat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def reason_of(error: OSError | PictureError) -> str:
    """Why a step could not be done, in one clause."""
    if isinstance(error, PictureError):
        return error.reason
    if isinstance(error, FileNotFoundError):
        return "is not there any more"
    if error.errno == errno.ELOOP:
        return "is a symbolic link"
    return (error.strerror or str(error) or type(error).__name__).lower()


# --- moving ----------------------------------------------------------------------------------


def move(source: str, target: str) -> None:
    """Rename a file within one file system, never overwriting.

    Where the system has no atomic call for that (network drives, mostly), `target` is looked for
    right before the renaming.

    Raises:
        FileExistsError: there is something at `target`.
        OSError: with `errno.EXDEV` when `target` is on another file system, or any other.
    """
    try:
        _rename_exclusively(source, target)
    except OSError as error:
        if error.errno not in _NO_ATOMIC_CALL:
            raise
        if os.path.lexists(target):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), target) from None
        os.rename(source, target)


def _rename_exclusively(source: str, target: str) -> None:
    rename = _system_rename()
    if rename is None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    if rename(os.fsencode(source), os.fsencode(target)) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), source, None, target)


@cache
def _system_rename() -> Callable[[bytes, bytes], int] | None:
    """The system's own renaming that never overwrites; None where there is none.

    Linux: renameat2(2) with RENAME_NOREPLACE (1). macOS: renamex_np(2) with RENAME_EXCL (4).
    """
    library = ctypes.CDLL(None, use_errno=True)
    if sys.platform == "darwin" and hasattr(library, "renamex_np"):
        return lambda source, target: int(library.renamex_np(source, target, ctypes.c_uint(4)))
    if sys.platform == "linux" and hasattr(library, "renameat2"):
        here = -100  # AT_FDCWD: relative paths start at the working directory
        return lambda source, target: int(library.renameat2(here, source, here, target, ctypes.c_uint(1)))
    return None


def carry(source: str, target: str, *, aside: str, part: str, sha256: str) -> None:
    """Move a file to another file system: copy, wait for the disk, compare, remove.

    Args:
        source: the file.
        target: where to; nothing may be there.
        aside: an unused name in the folder of `source`, which the file has meanwhile, so that what
            is removed at the end is what was copied.
        part: an unused name in the folder of `target`, which the unfinished copy has.
        sha256: the bytes it must have.

    Raises:
        PictureError: it has other bytes.
        OSError: a step failed. In both cases the file is back at `source`, unless something else is
            there by now: then it is at `aside`.
    """
    move(source, aside)
    made = part
    try:
        copy(aside, part, sha256)
        move(part, target)
        made = target
        sync_folder(os.path.dirname(target))
    except (OSError, PictureError):
        discard(made)
        move(aside, source)
        raise
    os.unlink(aside)


def copy(source: str, target: str, sha256: str) -> None:
    """Copy a file with its times and permissions to a new one, and wait for the disk.

    Raises:
        PictureError: source or copy has not the bytes with this SHA-256; there is no copy then.
        OSError: something is at `target`, or copying failed; there is no copy then either.
    """
    file = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        try:
            _fill(file, source)
            _dress(target, os.lstat(source), source)
            os.fsync(file)
        finally:
            os.close(file)
        if look(target).sha256 != sha256:
            raise PictureError("has changed since the plan was made")
    except (OSError, PictureError):
        discard(target)
        raise


def _fill(file: int, source: str) -> None:
    reading = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        for block in _blocks(reading):
            while block:
                block = block[os.write(file, block) :]
    finally:
        os.close(reading)


def _dress(target: str, status: os.stat_result, source: str) -> None:
    """Owner, permissions, times and extended attributes, as far as they may be given."""
    with suppress(OSError):
        os.chown(target, status.st_uid, status.st_gid)
    shutil.copystat(source, target, follow_symlinks=False)


def set_times(path: str, mtime_ns: int, mode: int) -> None:
    """Give a file its time of change and its permissions, unless it has them already."""
    status = os.lstat(path)
    if stat.S_IMODE(status.st_mode) != mode:
        os.chmod(path, mode)
    if status.st_mtime_ns != mtime_ns:
        os.utime(path, ns=(status.st_atime_ns, mtime_ns))


def discard(path: str) -> None:
    """Remove a file that was made here; nothing happens when it is not there."""
    with suppress(FileNotFoundError):
        os.unlink(path)


def sync_folder(path: str) -> None:
    """Wait until the names in a folder are on the disk, where the system can tell."""
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with suppress(OSError):  # some network drives cannot
            os.fsync(folder)
    finally:
        os.close(folder)
