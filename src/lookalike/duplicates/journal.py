r"""The journal of what was done to files, by which it can be undone.

A journal is JSON Lines. Its first line says what it is; a step is written, and waited for until it is
on the disk, before it is taken, and once more when it is done:

    {"lookalike": "duplicates journal", "version": 1, "made": "2026-11-23T01:50:00Z", ...}
    {"step": "trash", "number": 1, "path": "/photos/a.jpg", "sha256": "...", ...}
    {"done": 1, "to": "/home/ann/.local/share/Trash/files/a.jpg"}

`{"failed": 1, "reason": "..."}` means that the file is where it was, `{"undone": 1}` that it is back
there. Other kinds of steps, such as `metadata`, are *notes*: they are written with `Journal.note`, and
whoever wrote them undoes them.

A last line that was cut short by a crash stands for a step that was never begun.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

from lookalike.duplicates.moving import reason_of, sync_folder
from lookalike.errors import CollectionBusy, CollectionError, UsageError
from lookalike.files import printable

KIND: Final = "duplicates journal"
VERSION: Final = 1
FOLDER: Final = "journals"
"""The folder of a collection's directory that its journals are in."""
FILE_STEPS: Final = ("trash", "quarantine", "hardlink")
"""The kinds of steps that are about a file."""


@dataclass(frozen=True, slots=True)
class Step:
    """A file that is taken away.

    Attributes:
        number: of the step in its journal, from 1.
        kind: `trash`, `quarantine` or `hardlink`.
        path: where the file was.
        sha256: of its bytes, hexadecimal.
        bytes: its size.
        mtime_ns: time of its last change in nanoseconds since 1970.
        mode: its permission bits.
        inode: its number in the file system.
        aside: a name in its folder that nothing else uses; it, and names that begin with it, are for
            files that are in the way or unfinished while the step is taken or undone.
        to: where it goes, or the kept picture that it becomes a hard link to; None for the trash, which
            chooses a place itself.
        done: the step was finished.
    """

    number: int
    kind: str
    path: str
    sha256: str
    bytes: int
    mtime_ns: int
    mode: int
    inode: int
    aside: str
    to: str | None
    done: bool = False

    @property
    def copy(self) -> str:
        """The name of a copy on its way back to `path`."""
        return f"{self.aside}-copy"

    @property
    def link(self) -> str:
        """The name of a hard link that makes room at `path`."""
        return f"{self.aside}-link"

    @property
    def part(self) -> str | None:
        """The name of an unfinished copy in the quarantine; None for other kinds."""
        if self.kind != "quarantine" or self.to is None:
            return None
        return os.path.join(os.path.dirname(self.to), os.path.basename(self.aside))


@dataclass(frozen=True, slots=True)
class Note:
    """A step that is not about a file.

    Attributes:
        number: of the step in its journal, from 1.
        kind: a word, such as `metadata`.
        payload: what was written with it.
    """

    number: int
    kind: str
    payload: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Record:
    """What a journal says.

    Attributes:
        facts: its first line.
        left: the steps that have been begun and not undone, in the order they were taken.
        damaged: numbers of lines that cannot be understood, from 1.
        size: bytes up to the end of its last whole line.
        last: the highest number of a step; 0 without steps.
    """

    facts: Mapping[str, Any]
    left: tuple[Step | Note, ...]
    damaged: tuple[int, ...]
    size: int
    last: int


class Journal:
    """A journal that is being written by this process, and by no other.

    Every method that writes comes back when the line is on the disk.

    Raises:
        CollectionError: when a line cannot be written. What it announces must not be done then.
    """

    def __init__(self, path: str, file: int, size: int, last: int) -> None:
        self.path = path
        """The file."""
        self._file = file
        self._size = size
        self._last = last

    @classmethod
    def create(cls, folder: str, facts: Mapping[str, Any]) -> Journal:
        """Begin a journal in a folder, which is made if need be, under a name of its own.

        Args:
            folder: where.
            facts: what its first line says besides what it is.
        """
        now = datetime.now(UTC)
        try:
            os.makedirs(folder, exist_ok=True)
            path, file = _create(folder, f"apply-{now:%Y%m%dT%H%M%SZ}")
        except OSError as error:
            raise _unwritable(folder, error) from error
        journal = cls(path, file, 0, 0)
        try:
            journal._own()
            header = {"lookalike": KIND, "version": VERSION, "made": f"{now:%Y-%m-%dT%H:%M:%SZ}"}
            journal._write({**header, **facts})
            sync_folder(folder)
        except (OSError, CollectionError) as error:
            journal.close()
            with suppress(OSError):
                os.unlink(path)
            raise _unwritable(folder, error) if isinstance(error, OSError) else error from None
        return journal

    @classmethod
    def reopen(cls, path: str | os.PathLike[str]) -> Journal:
        """Go on with a journal, after its last whole line.

        Raises:
            UsageError: there is no such file, or it is no journal.
            CollectionBusy: another process is writing to it.
            CollectionError: it cannot be written to.
        """
        name = os.fspath(path)
        read(name)  # that it is one, before it is opened for writing
        try:
            file = os.open(name, os.O_RDWR | os.O_CLOEXEC)
        except OSError as error:
            raise _unwritable(name, error) from error
        journal = cls(name, file, 0, 0)
        try:
            journal._own()
            record = read(name)  # once more: another process may have gone on with it before we owned it
            journal._size, journal._last = record.size, record.last
            os.ftruncate(file, record.size)
        except OSError as error:
            journal.close()
            raise _unwritable(name, error) from error
        except BaseException:
            journal.close()
            raise
        return journal

    def step(self, **facts: Any) -> Step:
        """Write down a step before it is taken.

        Args:
            facts: the attributes of `Step`, less `number` and `done`.
        """
        step = Step(number=self._last + 1, **facts)
        line = {key: value for key, value in asdict(step).items() if key not in ("number", "kind", "done")}
        self._write({"step": step.kind, "number": step.number, **line})
        self._last = step.number
        return step

    def note(self, kind: str, payload: Mapping[str, Any]) -> Note:
        """Write down a step that is not about a file, before it is taken. `undo` hands it to the
        caller's function for this kind.

        Args:
            kind: a word that is not in `FILE_STEPS`, such as `metadata`.
            payload: what undoing needs, as JSON can hold it; `step` and `number` are taken.
        """
        if kind in FILE_STEPS or {"step", "number"} & payload.keys():
            raise UsageError(f"a note cannot be of the kind {kind!r} or hold the keys step and number")
        note = Note(self._last + 1, kind, dict(payload))
        self._write({"step": kind, "number": note.number, **payload})
        self._last = note.number
        return note

    def done(self, number: int, **facts: Any) -> None:
        """Write down that a step was taken, with what became known by it (attributes of `Step`)."""
        self._write({"done": number, **facts})

    def failed(self, number: int, reason: str) -> None:
        """Write down that a step was not taken: its file is where it was."""
        self._write({"failed": number, "reason": reason})

    def undone(self, number: int) -> None:
        """Write down that a step was undone."""
        self._write({"undone": number})

    def close(self) -> None:
        """Give the file back. Closing twice is harmless."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _own(self) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            message = (
                f"{printable(self.path)}: another process is working with this journal: wait until it ends"
            )
            raise CollectionBusy(message) from None
        except OSError as error:
            if error.errno not in (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS):  # network drives without locks
                raise

    def _write(self, line: Mapping[str, Any]) -> None:
        data = json.dumps(line, ensure_ascii=True, allow_nan=False).encode("ascii") + b"\n"
        try:
            written = 0
            while written < len(data):
                written += os.pwrite(self._file, data[written:], self._size + written)
            os.fsync(self._file)
        except OSError as error:
            with suppress(OSError):  # no half line before the next one
                os.ftruncate(self._file, self._size)
            raise _unwritable(self.path, error) from error
        self._size += len(data)


def _create(folder: str, stem: str) -> tuple[str, int]:
    number = 1
    while True:
        path = os.path.join(os.path.abspath(folder), f"{stem}{f'-{number}' if number > 1 else ''}.jsonl")
        try:
            return path, os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except FileExistsError:
            number += 1


def _unwritable(path: str, error: OSError) -> CollectionError:
    return CollectionError(f"{printable(path)}: the journal cannot be written: {reason_of(error)}")


# --- reading ---------------------------------------------------------------------------------


def those_in(folder: str | os.PathLike[str]) -> list[str]:
    """The paths of the journals in a folder, the newest first; none when there is no such folder."""
    try:
        stems = [name.removesuffix(".jsonl") for name in os.listdir(folder) if name.endswith(".jsonl")]
    except OSError:
        return []
    return [os.path.join(folder, f"{stem}.jsonl") for stem in sorted(stems, reverse=True)]


def took(path: str | os.PathLike[str], files: Iterable[str]) -> list[str]:
    """Which of these files a journal says were taken and not brought back, as far as that is still so."""
    try:
        left = read(path).left
    except UsageError:
        return []
    steps = {step.path: step for step in left if isinstance(step, Step)}
    known = (steps[file] for file in files if file in steps)
    return [step.path for step in known if step.kind == "hardlink" or not os.path.lexists(step.path)]


def read(path: str | os.PathLike[str]) -> Record:
    """What a journal says. A last line that was cut short does not count.

    Raises:
        UsageError: there is no such file, it cannot be read, or it is no journal that this version
            of lookalike knows.
    """
    name = printable(os.fspath(path))
    try:
        with open(path, "rb") as file:
            data = file.read()
    except FileNotFoundError as error:
        raise UsageError(f"{name}: there is no such journal") from error
    except OSError as error:
        raise UsageError(f"{name}: the journal cannot be read: {reason_of(error)}") from error
    size = data.rfind(b"\n") + 1
    first, *rest = [_parsed(line) for line in data[:size].splitlines()] or [None]
    if first is None or first.get("lookalike") != KIND:
        raise UsageError(f"{name}: is no journal of `lookalike duplicates apply`")
    if first.get("version") != VERSION:
        message = f"version {first.get('version')} of the journal, this lookalike knows {VERSION}"
        raise UsageError(f"{name}: {message}: update lookalike")
    left: dict[int, Step | Note] = {}
    seen, damaged = [0], []
    for place, line in enumerate(rest, start=2):
        try:
            seen.append(_replay(left, line))
        except (KeyError, TypeError, ValueError):
            damaged.append(place)
    return Record(first, tuple(left.values()), tuple(damaged), size, max(seen))


def _parsed(line: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(line)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _replay(left: dict[int, Step | Note], line: dict[str, Any] | None) -> int:
    """Take one line into account; gives the number of its step."""
    if line is None:
        raise ValueError
    if "step" in line:
        begun = _begun(line)
        left[begun.number] = begun
        return begun.number
    for word in ("failed", "undone"):
        if word in line:
            left.pop(line[word], None)
            return int(line[word])
    known = left[line["done"]]
    if isinstance(known, Step):
        left[known.number] = replace(known, done=True, **_without(line, "done"))
    return known.number


def _begun(line: Mapping[str, Any]) -> Step | Note:
    facts = _without(line, "step", "number")
    if line["step"] in FILE_STEPS:
        return Step(number=line["number"], kind=line["step"], **facts)
    return Note(line["number"], line["step"], facts)


def _without(line: Mapping[str, Any], *keys: str) -> dict[str, Any]:
    return {key: value for key, value in line.items() if key not in keys}
