"""What must be true before a file is taken from its place. Whatever a plan says, these hold:

- a picture goes only while the one kept for it is there, has its bytes, and can be decoded;
- no picture that a group keeps goes, under whatever name;
- nothing goes that is not below one of the plan's roots when all links are followed, that is no
  ordinary file, or that has changed since the plan was made.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from lookalike.duplicates.moving import Seen, identity, load, look, reason_of, require_regular
from lookalike.duplicates.plan import Plan, PlanFile
from lookalike.duplicates.ways import is_below
from lookalike.errors import PictureError
from lookalike.files import printable

CheckDecodable = Callable[[bytes], None]
"""Takes the bytes of a picture; raises PictureError when it cannot be decoded."""


class Guard:
    """Looks at files before they go.

    Args:
        plan: what is to be done.
        check_decodable: tries to decode a picture.
    """

    def __init__(self, plan: Plan, check_decodable: CheckDecodable) -> None:
        self._check = check_decodable
        self._roots = [os.path.realpath(root) for root in plan.roots]
        kept = [group.keep.path for group in plan.groups]
        self._kept_places = {place(path) for path in kept}
        self._kept_files = {identity(path) for path in kept} - {None}
        self._decoded: set[str] = set()

    def keeper(self, file: PlanFile) -> Seen:
        """Look at the picture that a group keeps.

        Raises:
            PictureError: it is not there, has changed, or cannot be read or decoded.
        """
        try:
            return self._whole(file)
        except (OSError, PictureError) as error:
            raise PictureError(f"the picture to keep {_what(error)}: {printable(file.path)}") from error

    def _whole(self, file: PlanFile) -> Seen:
        _require_size(file)
        if file.sha256 in self._decoded:
            return _unchanged(look(file.path), file)
        seen, data = load(file.path)
        _unchanged(seen, file)
        try:
            self._check(data)
        except PictureError as error:
            raise PictureError(f"cannot be decoded ({error.reason})") from error
        self._decoded.add(file.sha256)
        return seen

    def copy(self, file: PlanFile, kept: Seen) -> Seen:
        """Look at a picture that is to go.

        Args:
            file: the picture.
            kept: the one that its group keeps, as it was just seen.

        Raises:
            PictureError: it must stay.
            OSError: it cannot be looked at.
        """
        self._require_inside(file.path)
        _require_size(file)
        seen = _unchanged(look(file.path), file)
        if seen.identity == kept.identity:
            raise PictureError("is the same file as the picture to keep: removing it would free nothing")
        self._require_unkept(file.path, seen)
        return seen

    def sidecar(self, path: str) -> Seen:
        """Look at a sidecar that is to go. Raises what `copy` raises."""
        self._require_inside(path)
        seen = look(path)
        self._require_unkept(path, seen)
        return seen

    def still_there(self, file: PlanFile, seen: Seen) -> bool:
        """Whether a kept picture is still what was seen, as far as can be told without reading it."""
        try:
            status = os.lstat(file.path)
        except OSError:
            return False
        now = status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
        return now == (*seen.identity, seen.bytes, seen.mtime_ns)

    def _require_inside(self, path: str) -> None:
        if not os.path.isabs(path) or os.path.normpath(path) != path:
            raise PictureError("is not named by a plain absolute path, without `.` and `..`")
        folder = os.path.dirname(place(path))
        if not any(is_below(folder, root) for root in self._roots):
            raise PictureError("lies outside the folders of the plan")

    def _require_unkept(self, path: str, seen: Seen) -> None:
        if place(path) in self._kept_places or seen.identity in self._kept_files:
            raise PictureError("is kept by a group of the plan")


def place(path: str) -> str:
    """The one path of a name in a folder: links to folders followed, a link of this name not."""
    folder, name = os.path.split(path)
    return os.path.join(os.path.realpath(folder), name)


def _what(error: OSError | PictureError) -> str:
    """What is wrong with a picture, as the rest of a sentence."""
    reason = reason_of(error)
    return (
        reason
        if isinstance(error, PictureError) or reason.startswith("is ")
        else f"cannot be read ({reason})"
    )


def _require_size(file: PlanFile) -> None:
    """Refuse before reading what cannot be the file of the plan."""
    status = os.lstat(file.path)
    require_regular(status)
    if status.st_size != file.bytes:
        raise PictureError("has changed since the plan was made")


def _unchanged(seen: Seen, file: PlanFile) -> Seen:
    if seen.sha256 != file.sha256:
        raise PictureError("has changed since the plan was made")
    return seen
