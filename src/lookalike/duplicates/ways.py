"""The ways a file can be taken from its place: to the trash, to a quarantine folder, or to make room
for a hard link."""

from __future__ import annotations

import errno
import os
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Literal

from lookalike.duplicates import trash
from lookalike.duplicates.journal import Step
from lookalike.duplicates.moving import Seen, carry, discard, identity, look, move, sync_folder, try_to_look
from lookalike.duplicates.plan import PlanCopy, PlanGroup
from lookalike.errors import PictureError, UsageError
from lookalike.files import printable

To = Literal["trash", "hardlink"] | Path
"""Where removed pictures go: a `Path` is a quarantine folder."""


class Way(ABC):
    """One way of taking files from their places."""

    kind: ClassVar[str]
    takes_sidecars: ClassVar[bool] = True

    @abstractmethod
    def target(self, path: str, group: PlanGroup) -> str | None:
        """Where a file of a group will go; None when that is not known before.

        Raises:
            PictureError: it cannot go there.
        """

    @abstractmethod
    def take(self, step: Step) -> str | None:
        """Take the file from its place.

        Returns:
            Where it is now, or what it is a hard link to; None when that is not known.

        Raises:
            OSError, PictureError: it could not be done; whether the file is in its place is to be seen.
        """

    def refusal(self, group: PlanGroup, copy: PlanCopy) -> str | None:
        """Why a copy cannot go this way; None when it can."""
        return None


def way(to: To, roots: Sequence[str]) -> Way:
    """The way with this name, or to this folder.

    Raises:
        UsageError: there is no such way, or the folder cannot be a quarantine.
    """
    if to == "trash":
        return Trash()
    if to == "hardlink":
        return HardLink()
    if not isinstance(to, Path):
        raise UsageError(f"to: must be 'trash', 'hardlink' or a Path, got {to!r}")
    return Quarantine(to, roots)


class Trash(Way):
    """To the system's trash, which chooses a name itself."""

    kind = "trash"

    def target(self, path: str, group: PlanGroup) -> None:
        return None

    def take(self, step: Step) -> str | None:
        return trash.send(step.path)


class Quarantine(Way):
    """Into a folder, in the folders it has below its root. Nothing in there is overwritten."""

    kind = "quarantine"

    def __init__(self, folder: Path, roots: Sequence[str]) -> None:
        self._folder = os.path.realpath(folder)
        self._roots = [os.path.realpath(root) for root in roots]
        self._given: set[str] = set()
        if self._folder in self._roots:
            raise UsageError(
                f"{printable(str(folder))}: is a folder of the plan and cannot be the quarantine too"
            )
        if os.path.lexists(self._folder) and not os.path.isdir(self._folder):
            raise UsageError(f"{printable(str(folder))}: is no folder and cannot be the quarantine")

    def target(self, path: str, group: PlanGroup) -> str:
        real = os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))
        root = next(root for root in self._roots if is_below(real, root))
        target = self._unused(os.path.join(self._folder, os.path.relpath(real, root)))
        if not is_below(os.path.realpath(os.path.dirname(target)), self._folder):
            raise PictureError(f"a link leads out of the quarantine folder: {os.path.dirname(target)}")
        self._given.add(target)
        return target

    def take(self, step: Step) -> str:
        assert step.to is not None
        assert step.part is not None
        os.makedirs(os.path.dirname(step.to), exist_ok=True)
        try:
            move(step.path, step.to)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            carry(step.path, step.to, aside=step.aside, part=step.part, sha256=step.sha256)
        return step.to

    def _unused(self, path: str) -> str:
        """The path, or `NAME (2).EXT` and so on."""
        stem, ending = os.path.splitext(path)
        number, candidate = 1, path
        while os.path.lexists(candidate) or candidate in self._given:
            number += 1
            candidate = f"{stem} ({number}){ending}"
        return candidate


class HardLink(Way):
    """Another name of the kept file takes the place of a copy with the same bytes."""

    kind = "hardlink"
    takes_sidecars = False

    def target(self, path: str, group: PlanGroup) -> str:
        return group.keep.path

    def refusal(self, group: PlanGroup, copy: PlanCopy) -> str | None:
        if copy.kind == "exact" and copy.sha256 == group.keep.sha256:
            return None
        return f"only copies with the same bytes can become hard links, and this one is {copy.kind!r}"

    def take(self, step: Step) -> str:
        assert step.to is not None
        move(step.path, step.aside)
        try:
            aside = look(step.aside)
            if aside.sha256 != step.sha256:
                raise PictureError("has changed since the plan was made")
            os.link(step.to, step.path, follow_symlinks=False)
        except (OSError, PictureError):
            move(step.aside, step.path)
            raise
        linked = try_to_look(step.path)
        if linked is None or linked.sha256 != step.sha256 or linked.identity == aside.identity:
            self._take_back(step, linked)
            raise PictureError("the picture to keep changed meanwhile")
        sync_folder(os.path.dirname(step.path))
        discard(step.aside)
        return step.to

    def _take_back(self, step: Step, linked: Seen | None) -> None:
        """Remove the link again, and nothing but the link."""
        move(step.path, step.link)
        move(step.aside, step.path)
        if linked and identity(step.link) == linked.identity:
            discard(step.link)


def is_below(path: str, folder: str) -> bool:
    """Whether a path is a folder's or lies in it, by the names alone."""
    return path == folder or path.startswith(folder.rstrip("/") + "/")
