"""The tables of a local gallery, and how older formats become the newest.

`FORMAT` is kept in SQLite's `user_version`. To change the tables, append one script to
`MIGRATIONS`: a new collection runs all of them, an old one those it lacks. A script is never
edited once released.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from lookalike.errors import CollectionDamaged, CollectionTooNew

APPLICATION = 0x4C4B414C
"""SQLite's `application_id` of a collection: "LKAL"."""

_FIRST = """
-- `stamp` is random and the same in the derived index that was written last. A file with another
-- stamp belongs to another collection, or to a later state of one that was restored from a copy.
CREATE TABLE spaces (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    identity TEXT NOT NULL UNIQUE,
    model TEXT NOT NULL,
    output TEXT NOT NULL,
    runtime TEXT NOT NULL,
    dimension INTEGER NOT NULL,
    stamp TEXT NOT NULL DEFAULT ''
);

CREATE TABLE pictures (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    path TEXT NOT NULL UNIQUE,
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    content TEXT NOT NULL,
    width INTEGER NOT NULL,
    height INTEGER NOT NULL,
    format TEXT NOT NULL,
    phash INTEGER NOT NULL,
    truncated INTEGER NOT NULL,
    missing INTEGER NOT NULL,
    metadata TEXT NOT NULL
);
CREATE INDEX pictures_content ON pictures (content);

-- A row number is never used twice, and a changed vector gets a new one. So the rows above the
-- highest one in a derived index are all it lacks, and a row of it that is not here is gone.
CREATE TABLE vectors (
    row INTEGER PRIMARY KEY AUTOINCREMENT,
    space INTEGER NOT NULL,
    picture INTEGER NOT NULL,
    vector BLOB NOT NULL
);
CREATE UNIQUE INDEX vectors_picture ON vectors (space, picture);

CREATE TABLE columns (name TEXT PRIMARY KEY, kind TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE failures (
    path TEXT PRIMARY KEY,
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    reason TEXT NOT NULL
) WITHOUT ROWID;
"""

_SECOND = """
CREATE TABLE notes (key TEXT PRIMARY KEY, text TEXT NOT NULL) WITHOUT ROWID;

-- Contents (SHA-256) that are no duplicates of each other, because somebody said so; first <= second.
CREATE TABLE distinct_contents (
    first TEXT NOT NULL,
    second TEXT NOT NULL,
    PRIMARY KEY (first, second)
) WITHOUT ROWID;
CREATE INDEX distinct_contents_second ON distinct_contents (second);

-- The random stamp of the file of derived arrays that belongs to this state; see `spaces.stamp`.
CREATE TABLE arrays (name TEXT PRIMARY KEY, stamp TEXT NOT NULL) WITHOUT ROWID;
"""

_THIRD = """
-- Positive: a cluster. -1: noise. NULL: not looked at. A note tells where they come from.
ALTER TABLE pictures ADD COLUMN cluster INTEGER;
"""

MIGRATIONS = (_FIRST, _SECOND, _THIRD)
"""Script i takes a collection from format i to i + 1; each runs in one transaction."""

FORMAT = len(MIGRATIONS)
"""The format this version writes, and the newest it reads."""


def format_of(connection: sqlite3.Connection, path: Path) -> int:
    """The format of this database; 0 for an empty one.

    Raises:
        CollectionTooNew: it was written by a later version.
        CollectionDamaged: it is the database of something else.
    """
    (found,) = connection.execute("PRAGMA user_version").fetchone()
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if tables == 0 and found == 0:
        return 0
    if application != APPLICATION:
        raise CollectionDamaged(
            f"{path} is a database, but not a collection of lookalike: move it away or choose "
            "another directory"
        )
    if found > FORMAT:
        raise CollectionTooNew(
            f"{path.parent} was written by a later version of lookalike (format {found}; this version "
            f"reads up to {FORMAT}): update lookalike to open it. Nothing was changed"
        )
    return int(found)


def migrate(connection: sqlite3.Connection, path: Path) -> None:
    """Bring a database to the newest format, or make a new one, in one transaction.

    The caller holds the write lock.
    """
    connection.execute("PRAGMA page_size = 8192")  # 15 vectors of 256 numbers a page, not 7 on 4096
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("BEGIN IMMEDIATE")
    try:
        for script in MIGRATIONS[format_of(connection, path) :]:
            for statement in _statements(script):
                connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION}")
        connection.execute(f"PRAGMA user_version = {FORMAT}")
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def _statements(script: str) -> list[str]:
    """The statements of a script. (`executescript` would commit before the first.)"""
    statements, begun = [], ""
    for line in script.splitlines(keepends=True):
        begun += line
        if sqlite3.complete_statement(begun):
            statements.append(begun)
            begun = ""
    return statements
