"""The vectors of one space in SQLite, by row number."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from lookalike.gallery.base import Ids, Space, Vectors
from lookalike.gallery.store import Store
from lookalike.vectors import from_half


@dataclass(frozen=True, slots=True)
class Stored:
    """Some stored vectors, by ascending row.

    Attributes:
        rows: (n,) int64 row numbers; a row number is never used twice.
        pictures: (n,) int64, the pictures' ids.
        vectors: (n, d) float32 canonical unit rows.
    """

    rows: Ids
    pictures: Ids
    vectors: Vectors


class VectorTable:
    """Reads the vectors of one space.

    Args:
        store: the database.
        number: the space's number there.
        space: the space.
    """

    def __init__(self, store: Store, number: int, space: Space) -> None:
        self.space = space
        self._store = store
        self._number = number

    def stamp(self) -> str:
        """The stamp of the index file that belongs to this table; empty when none was written."""
        ((stamp,),) = self._store.rows("SELECT stamp FROM spaces WHERE number = ?", [self._number])
        return str(stamp)

    def set_stamp(self, stamp: str) -> None:
        """From now on the index file with this stamp is the right one. Only for the writer."""
        with self._store.transaction() as transaction:
            transaction.run("UPDATE spaces SET stamp = ? WHERE number = ?", [stamp, self._number])

    def last_row(self) -> int:
        """The highest row number ever used, in any space."""
        found = self._store.row("SELECT seq FROM sqlite_sequence WHERE name = 'vectors'")
        return int(found[0]) if found else 0

    def count(self) -> int:
        """How many vectors there are."""
        ((count,),) = self._store.rows("SELECT count(*) FROM vectors WHERE space = ?", [self._number])
        return int(count)

    def rows(self, above: int, last: int) -> Ids:
        """The row numbers in (above, last], ascending."""
        # `+space` keeps SQLite from going through the index on (space, picture) and sorting.
        return self._ids(
            "SELECT row FROM vectors WHERE row > ? AND row <= ? AND +space = ? ORDER BY row",
            [above, last, self._number],
        )

    def rows_of_pictures(self, condition: str, parameters: list[object]) -> Ids:
        """The rows of the pictures for which an SQL condition on `pictures` holds."""
        return self._ids(
            "SELECT row FROM vectors WHERE space = ? AND picture IN "
            f"(SELECT id FROM pictures WHERE {condition})",
            [self._number, *parameters],
        )

    def fetch(self, rows: Ids) -> Stored:
        """Those of these rows that still exist, each once."""
        found = self._store.rows(
            "SELECT row, picture, vector FROM vectors "
            "WHERE row IN (SELECT value FROM json_each(?)) AND +space = ? ORDER BY row",
            [f"[{','.join(map(str, rows.tolist()))}]", self._number],
        )
        return self._stored(found)

    def of_pictures(self, ids: Ids) -> Stored:
        """The vectors of these pictures, those that have one."""
        found = self._store.rows(
            "SELECT row, picture, vector FROM vectors "
            "WHERE space = ? AND picture IN (SELECT value FROM json_each(?)) ORDER BY row",
            [self._number, f"[{','.join(map(str, ids.tolist()))}]"],
        )
        return self._stored(found)

    def by_picture(self, batch: int) -> Iterator[Stored]:
        """All vectors by ascending picture, at most `batch` at a time."""
        last = 0
        while True:
            found = self._store.rows(
                "SELECT row, picture, vector FROM vectors WHERE space = ? AND picture > ? "
                "ORDER BY picture LIMIT ?",
                [self._number, last, batch],
            )
            if not found:
                return
            yield self._stored(found)
            last = found[-1][1]

    def _stored(self, found: list[tuple[int, int, bytes]]) -> Stored:
        rows = np.fromiter((row for row, _, _ in found), np.int64, len(found))
        pictures = np.fromiter((picture for _, picture, _ in found), np.int64, len(found))
        halves = np.frombuffer(b"".join(vector for _, _, vector in found), dtype="<f2")
        return Stored(rows, pictures, from_half(halves.reshape(len(found), self.space.dimension)))

    def _ids(self, sql: str, parameters: list[object]) -> Ids:
        return np.fromiter((row for (row,) in self._store.stream(sql, parameters)), np.int64)
