"""One SQLite file, safe to use from many threads, its errors turned into ours.

Nothing else in the package talks to SQLite. Every thread has its own connection; readers see what
was committed last and never wait for the writer (write-ahead log).
"""

from __future__ import annotations

import sqlite3
import threading
import weakref
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lookalike.errors import CollectionBusy, CollectionDamaged, CollectionError, UsageError
from lookalike.gallery.schema import FORMAT, format_of, migrate

Row = tuple[Any, ...]

PATIENCE = 30.0
"""Seconds to wait for a lock of SQLite, which only the moments of commits and checkpoints hold."""


class Connection(sqlite3.Connection):
    """A connection that can be referred to weakly, so that an ended thread's is given back."""

    def __del__(self) -> None:
        self.close()


class Store:
    """The database of one gallery.

    Args:
        path: the file; it need not exist.

    Raises:
        CollectionTooNew: a later version wrote it.
        CollectionDamaged: it cannot be read, or is not a collection's.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._threads = threading.local()
        self._opened: weakref.WeakSet[Connection] = weakref.WeakSet()
        self._closed = False
        self.current = self._is_current()

    def migrate(self) -> None:
        """Make or update the tables. The caller holds the write lock."""
        with _our_errors(self.path):
            migrate(self._connection(), self.path)
        self.current = True

    def rows(self, sql: str, parameters: Sequence[object] = ()) -> list[Row]:
        """All rows of a query."""
        with _our_errors(self.path):
            return self._connection().execute(sql, parameters).fetchall()

    def row(self, sql: str, parameters: Sequence[object] = ()) -> Row | None:
        """The only row of a query, or None."""
        found = self.rows(sql, parameters)
        return found[0] if found else None

    def stream(self, sql: str, parameters: Sequence[object] = ()) -> Iterator[Row]:
        """The rows of a query one by one; to be used up at once, as it holds a snapshot open."""
        with _our_errors(self.path):
            yield from self._connection().execute(sql, parameters)

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """All statements inside are kept together, or none if an error leaves the block."""
        with _our_errors(self.path):
            connection = self._connection()
            try:  # already around BEGIN: an interrupt may come right after it
                connection.execute("BEGIN IMMEDIATE")
                yield Transaction(connection)
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    def close(self) -> None:
        """Close the connections of all threads."""
        self._closed = True
        for connection in list(self._opened):
            connection.close()

    def _is_current(self) -> bool:
        if not self.path.exists():
            return False
        with _our_errors(self.path):
            return format_of(self._connection(), self.path) == FORMAT

    def _connection(self) -> Connection:
        if self._closed:
            raise CollectionError(f"{self.path.parent} has been closed: open it again")
        connection: Connection | None = getattr(self._threads, "connection", None)
        if connection is None:
            connection = _connect(self.path)
            self._threads.connection = connection
            self._opened.add(connection)
        return connection


class Transaction:
    """The statements of one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def run(self, sql: str, parameters: Sequence[object] = ()) -> sqlite3.Cursor:
        """Execute one statement."""
        return self._connection.execute(sql, parameters)

    def run_many(self, sql: str, parameters: Iterable[Sequence[object]]) -> None:
        """Execute one statement for each set of parameters."""
        self._connection.executemany(sql, parameters)


def as_text(text: str) -> bytes:
    """Text for `CAST(? AS TEXT)`: also a path whose bytes are no valid UTF-8.

    Python hands out such paths with lone surrogates (`os.fsdecode`), which `sqlite3` refuses.
    """
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise UsageError(f"{text!a} has characters that cannot be stored: {error.reason}") from None


def _connect(path: Path) -> Connection:
    connection = sqlite3.connect(
        path, timeout=PATIENCE, isolation_level=None, check_same_thread=False, factory=Connection
    )
    connection.text_factory = lambda text: text.decode("utf-8", "surrogateescape")
    connection.execute("PRAGMA synchronous = NORMAL")
    return connection


@contextmanager
def _our_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise _translated(error, path) from error


def _translated(error: sqlite3.Error, path: Path) -> CollectionError:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the low byte is the primary code
    if code in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
        return CollectionDamaged(
            f"{path} is damaged ({error}): restore the directory from a copy, or delete it and index again"
        )
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return CollectionBusy(f"another program keeps {path} locked: close it and try again")
    if code == sqlite3.SQLITE_FULL:
        return CollectionError(f"{path}: the disk is full; what was written before is kept")
    if code in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM):
        return CollectionError(f"{path} cannot be opened: it and its directory must be readable and writable")
    return CollectionDamaged(f"{path} cannot be read: {error}")
