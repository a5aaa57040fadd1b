"""Writing to a local gallery: each method is one transaction of SQLite."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lookalike.errors import CollectionBusy, CollectionError, NotInCollection, UsageError
from lookalike.files import FileIdentity
from lookalike.gallery import array_files
from lookalike.gallery.base import Partition, Picture, Space, Vectors, Writing
from lookalike.gallery.columns import cleaned, widen
from lookalike.gallery.picture_rows import metadata_text, values
from lookalike.gallery.ranking import checked
from lookalike.gallery.store import Store, Transaction, as_text
from lookalike.results import Failure, Metadata
from lookalike.vectors import to_half

SETTLE_EVERY = 20_000
"""New vectors after which a long writing lets the index files catch up, so that others who search
meanwhile, or after a crash, need not do it themselves."""

PARTITION = "partition"
"""The note with what is said about the clusters; the clusters are with the pictures."""


class WriteLock:
    """The right of one process, and in it of one holder, to write to a directory."""

    def __init__(self, directory: Path) -> None:
        from filelock import FileLock

        self._directory = directory
        self._pid = directory / "write.pid"
        # Always a new lock: the same one would let a second holder in this process pass.
        self._lock = FileLock(directory / "write.lock", thread_local=False)

    def acquire(self, patience: float = 0.0) -> None:
        """Take the lock, waiting at most `patience` seconds.

        Raises:
            CollectionBusy: somebody else has it.
        """
        from filelock import Timeout

        try:
            self._lock.acquire(timeout=patience)
            self._pid.write_text(str(os.getpid()), encoding="ascii")
        except Timeout:
            raise CollectionBusy(self._busy()) from None
        except OSError as error:
            self._lock.release()
            raise CollectionError(
                f"{self._directory} cannot be written to: {error.strerror or error}"
            ) from error

    def release(self) -> None:
        """Give the lock back."""
        self._pid.unlink(missing_ok=True)
        self._lock.release()

    def _busy(self) -> str:
        try:
            pid = self._pid.read_text(encoding="ascii").strip()
        except (OSError, ValueError):
            pid = ""
        if pid == str(os.getpid()):
            return f"this process is already writing to {self._directory}: wait until it ends"
        who = f"another process (pid {pid})" if pid else "another process"
        return f"{who} is writing to {self._directory}: wait until it ends or stop it"


class LocalWriting(Writing):
    """The right to write to a local gallery.

    Args:
        store: its database.
        directory: its directory.
        settle: brings all index files up to date where that is worth it.
    """

    def __init__(self, store: Store, directory: Path, settle: Callable[[], None]) -> None:
        self._store = store
        self._directory = directory
        self._lock = WriteLock(directory)
        self._settle = settle
        self._unsettled = 0
        self._held = False

    def __enter__(self) -> LocalWriting:
        self._lock.acquire()
        self._held = True
        return self

    def __exit__(self, *exc: object) -> None:
        try:
            if exc[:1] in ((), (None,)):  # in a hurry otherwise: whoever opens next catches up
                self._settle()
        finally:
            self._held = False
            self._lock.release()

    def register(self, space: Space) -> None:
        self._check_held()
        with self._store.transaction() as transaction:
            _number(transaction, space)

    def put(self, space: Space, pictures: Sequence[Picture], vectors: Vectors) -> list[int]:
        self._check_held()
        halves = to_half(checked(vectors, space.dimension, len(pictures))).astype("<f2")
        metadata = [cleaned(picture.metadata) for picture in pictures]
        with self._store.transaction() as transaction:
            number = _number(transaction, space)
            _widen_columns(transaction, metadata)
            ids = [_put(transaction, number, *each) for each in zip(pictures, metadata, strict=True)]
            _put_vectors(transaction, number, ids, halves)
        self._count(len(ids))
        return ids

    def put_vectors(self, space: Space, ids: Sequence[int], vectors: Vectors) -> None:
        self._check_held()
        halves = to_half(checked(vectors, space.dimension, len(ids))).astype("<f2")
        with self._store.transaction() as transaction:
            for id in ids:
                _check_known(transaction, id)
            number = _number(transaction, space)
            _put_vectors(transaction, number, ids, halves)
        self._count(len(ids))

    def touch(self, files: Mapping[int, FileIdentity]) -> None:
        self._check_held()
        if len({file.path for file in files.values()}) < len(files):
            raise UsageError("touch: two pictures cannot have the same path")
        with self._store.transaction() as transaction:
            for id in files:
                _check_known(transaction, id)
                # Out of the way first, so that two pictures may exchange their paths.
                transaction.run("UPDATE pictures SET path = CAST(? AS TEXT) WHERE id = ?", [_parked(id), id])
            for id, file in files.items():
                _forget(transaction, file.path)
                _remove_at(transaction, file.path)
                transaction.run(
                    "UPDATE pictures SET path = CAST(? AS TEXT), size = ?, mtime_ns = ?, missing = 0 "
                    "WHERE id = ?",
                    [as_text(file.path), file.size, file.mtime_ns, id],
                )

    def mark_missing(self, ids: Sequence[int], missing: bool = True) -> None:
        self._check_held()
        with self._store.transaction() as transaction:
            for id in ids:
                changed = transaction.run("UPDATE pictures SET missing = ? WHERE id = ?", [missing, id])
                _check_changed(changed.rowcount, id)

    def set_metadata(self, rows: Iterable[tuple[int, Metadata]]) -> None:
        self._check_held()
        kinds: dict[str, str] = {}
        with self._store.transaction() as transaction:
            for id, metadata in rows:
                clean = cleaned(metadata)
                widen(kinds, [clean])
                changed = transaction.run(
                    "UPDATE pictures SET metadata = ? WHERE id = ?", [metadata_text(clean), id]
                )
                _check_changed(changed.rowcount, id)
            _merge_columns(transaction, kinds)

    def remember_failures(self, failures: Iterable[tuple[FileIdentity, Failure]]) -> None:
        self._check_held()
        with self._store.transaction() as transaction:
            for file, failure in failures:
                transaction.run(
                    "INSERT OR REPLACE INTO failures VALUES (CAST(? AS TEXT), ?, ?, CAST(? AS TEXT))",
                    [as_text(file.path), file.size, file.mtime_ns, as_text(failure.reason)],
                )
                _remove_at(transaction, file.path)

    def forget_failures(self, paths: Sequence[str]) -> None:
        self._check_held()
        with self._store.transaction() as transaction:
            for path in paths:
                _forget(transaction, path)

    def remove(self, ids: Sequence[int]) -> None:
        self._check_held()
        with self._store.transaction() as transaction:
            for id in ids:
                _drop_vectors(transaction, id)
                transaction.run("DELETE FROM pictures WHERE id = ?", [id])

    def set_note(self, key: str, text: str | None) -> None:
        self._check_held()
        with self._store.transaction() as transaction:
            _set_note(transaction, key, text)

    def set_distinct(self, pairs: Iterable[tuple[str, str]], distinct: bool = True) -> None:
        self._check_held()
        ordered = ((min(pair), max(pair)) for pair in pairs)
        with self._store.transaction() as transaction:
            transaction.run_many(
                "INSERT OR IGNORE INTO distinct_contents VALUES (?, ?)"
                if distinct
                else "DELETE FROM distinct_contents WHERE first = ? AND second = ?",
                ordered,
            )

    def set_partition(self, partition: Partition | None) -> None:
        self._check_held()
        with self._store.transaction() as transaction:
            transaction.run("UPDATE pictures SET cluster = NULL WHERE cluster IS NOT NULL")
            _set_note(transaction, PARTITION, None if partition is None else partition.about)
            if partition is not None:
                pairs = zip(partition.clusters.tolist(), partition.ids.tolist(), strict=True)
                transaction.run_many("UPDATE pictures SET cluster = ? WHERE id = ?", pairs)

    def keep_arrays(self, name: str, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        self._check_held()
        path, stamp = array_files.path_of(self._directory, name), uuid.uuid4().hex
        # A crash between file and stamp leaves arrays that nobody takes for current.
        try:
            array_files.write(path, arrays, stamp)
        except OSError as error:
            raise CollectionError(f"{path} cannot be written: {error.strerror or error}") from error
        with self._store.transaction() as transaction:
            transaction.run("INSERT OR REPLACE INTO arrays VALUES (?, ?)", [name, stamp])

    def drop_arrays(self, name: str) -> None:
        self._check_held()
        path = array_files.path_of(self._directory, name)
        with self._store.transaction() as transaction:
            transaction.run("DELETE FROM arrays WHERE name = ?", [name])
        with suppress(OSError):  # nobody reads it any more
            path.unlink()

    def _check_held(self) -> None:
        if not self._held:
            raise CollectionError("not allowed to write now: write inside `with gallery.writing()`")

    def _count(self, vectors: int) -> None:
        self._unsettled += vectors
        if self._unsettled >= SETTLE_EVERY:
            self._unsettled = 0
            self._settle()


def _number(transaction: Transaction, space: Space) -> int:
    """The space's number; it is registered if it is new."""
    transaction.run(
        "INSERT INTO spaces (identity, model, output, runtime, dimension) VALUES (?, ?, ?, ?, ?) "
        "ON CONFLICT DO NOTHING",
        [space.identity, space.model, space.output, space.runtime, space.dimension],
    )
    number, dimension = transaction.run(
        "SELECT number, dimension FROM spaces WHERE identity = ?", [space.identity]
    ).fetchone()
    if dimension != space.dimension:
        raise CollectionError(
            f"{space.model}: its vectors have {dimension} numbers in this collection, not {space.dimension}"
        )
    return int(number)


def _put(transaction: Transaction, space: int, picture: Picture, metadata: Metadata) -> int:
    """Insert or update one picture, without its vector."""
    _forget(transaction, picture.path)
    known = transaction.run(
        "SELECT id, content FROM pictures WHERE path = CAST(? AS TEXT)", [as_text(picture.path)]
    ).fetchone()
    if known is None:
        inserted = transaction.run(
            "INSERT INTO pictures (path, size, mtime_ns, content, width, height, format, phash, truncated, "
            "missing, metadata) VALUES (CAST(? AS TEXT), ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [*values(picture), metadata_text(metadata)],
        )
        return int(inserted.lastrowid or 0)
    id, content = known
    if content != picture.content:
        _drop_vectors(transaction, id)
        transaction.run("UPDATE pictures SET cluster = NULL WHERE id = ?", [id])
    transaction.run(
        "UPDATE pictures SET path = CAST(? AS TEXT), size = ?, mtime_ns = ?, content = ?, width = ?, "
        "height = ?, format = ?, phash = ?, truncated = ?, missing = ?, metadata = coalesce(?, metadata) "
        "WHERE id = ?",
        [*values(picture), metadata_text(metadata) if metadata else None, id],
    )
    return int(id)


def _put_vectors(
    transaction: Transaction, space: int, ids: Sequence[int], halves: npt.NDArray[np.float16]
) -> None:
    last = dict(zip(ids, halves, strict=True))  # of two for the same picture the later one counts
    transaction.run_many("DELETE FROM vectors WHERE space = ? AND picture = ?", ((space, id) for id in last))
    transaction.run_many(
        "INSERT INTO vectors (space, picture, vector) VALUES (?, ?, ?)",
        ((space, id, half.tobytes()) for id, half in last.items()),
    )


def _widen_columns(transaction: Transaction, rows: Iterable[Metadata]) -> None:
    kinds: dict[str, str] = {}
    widen(kinds, rows)
    _merge_columns(transaction, kinds)


def _merge_columns(transaction: Transaction, kinds: Mapping[str, str]) -> None:
    transaction.run_many(
        "INSERT INTO columns VALUES (CAST(? AS TEXT), ?) ON CONFLICT DO UPDATE SET kind = 'mixed' "
        "WHERE kind <> excluded.kind",
        ((as_text(name), kind) for name, kind in kinds.items()),
    )


def _set_note(transaction: Transaction, key: str, text: str | None) -> None:
    transaction.run("DELETE FROM notes WHERE key = CAST(? AS TEXT)", [as_text(key)])
    if text is not None:
        transaction.run(
            "INSERT INTO notes VALUES (CAST(? AS TEXT), CAST(? AS TEXT))", [as_text(key), as_text(text)]
        )


def _check_known(transaction: Transaction, id: int) -> None:
    _check_changed(len(transaction.run("SELECT 1 FROM pictures WHERE id = ?", [id]).fetchall()), id)


def _check_changed(count: int, id: int) -> None:
    if count == 0:
        raise NotInCollection(f"there is no picture {id} in this collection")


def _parked(id: int) -> bytes:
    return f"\0{id}".encode()  # no file has such a path


def _forget(transaction: Transaction, path: str) -> None:
    transaction.run("DELETE FROM failures WHERE path = CAST(? AS TEXT)", [as_text(path)])


def _remove_at(transaction: Transaction, path: str) -> None:
    found = transaction.run(
        "SELECT id FROM pictures WHERE path = CAST(? AS TEXT)", [as_text(path)]
    ).fetchone()
    if found is not None:
        _drop_vectors(transaction, found[0])
        transaction.run("DELETE FROM pictures WHERE id = ?", found)


def _drop_vectors(transaction: Transaction, id: int) -> None:
    # By space, because the index on vectors begins with it.
    transaction.run("DELETE FROM vectors WHERE space IN (SELECT number FROM spaces) AND picture = ?", [id])
