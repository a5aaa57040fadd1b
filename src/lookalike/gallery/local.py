"""The gallery a collection uses: one directory with SQLite as the truth and FAISS to find fast.

- `collection.sqlite`: pictures, metadata, vectors (float16), failures, decisions; see `schema`
- `vectors-N.faiss`: the derived index of space N, which may be deleted any time; see `space_search`
- `NAME.arrays`: derived arrays, which may be deleted any time; see `array_files`
- `write.lock`: locked while somebody writes; `write.pid` tells who
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lookalike.errors import CollectionError, CollectionNotFound, NotInCollection
from lookalike.files import FileIdentity
from lookalike.filters import Filter, sql_of_values, to_sql
from lookalike.gallery import array_files
from lookalike.gallery.base import Gallery, Ids, IndexInfo, Matches, Partition, Picture, Space, Vectors
from lookalike.gallery.facets import facet
from lookalike.gallery.local_writing import PARTITION, LocalWriting, WriteLock
from lookalike.gallery.picture_rows import COLUMNS, picture
from lookalike.gallery.ranking import checked, checked_k
from lookalike.gallery.space_search import EXACT_LIMIT, SpaceSearch
from lookalike.gallery.store import Row, Store, as_text
from lookalike.gallery.vector_table import VectorTable
from lookalike.results import Facet, Scalar
from lookalike.vectors import canonical

DATABASE = "collection.sqlite"
"""The file that makes a directory a collection."""

_PAGE = 1000  # pictures read at once
_PATIENCE = 30.0  # seconds to wait while another process makes or migrates the tables


class LocalGallery(Gallery):
    """A gallery in a directory of this machine. Safe to use from several threads.

    Args:
        directory: where it lives.
        create: make the directory and an empty gallery if there is none.
        exact_limit: from this many vectors in a space on, its search is approximate unless
            asked otherwise.

    Raises:
        CollectionNotFound: there is none and `create` is False.
        CollectionTooNew: a later version wrote it.
        CollectionDamaged: it cannot be read.
        CollectionError: the directory cannot be made or written to.
    """

    def __init__(self, directory: Path, *, create: bool = True, exact_limit: int = EXACT_LIMIT) -> None:
        self._directory = Path(directory)
        self._exact_limit = exact_limit
        self._searches: dict[str, tuple[VectorTable, SpaceSearch]] = {}
        self._lock = threading.Lock()
        path = self._directory / DATABASE
        if not path.is_file():
            if not create:
                raise CollectionNotFound(f"{directory} holds no collection: make one with `lookalike index`")
            _make(self._directory)
        self._store = Store(path)
        if not self._store.current:
            self._migrate()

    def writing(self) -> LocalWriting:
        return LocalWriting(self._store, self._directory, self._settle)

    # --- rows --------------------------------------------------------------------------------

    def spaces(self) -> list[Space]:
        found = self._store.rows(
            "SELECT identity, model, output, runtime, dimension FROM spaces ORDER BY number"
        )
        return [Space(*row) for row in found]

    def get(self, ids: Sequence[int]) -> list[Picture]:
        found: dict[int, Picture] = {}
        for start in range(0, len(ids), _PAGE):
            found.update((row.id, row) for row in self._page(ids[start : start + _PAGE]))
        for id in ids:
            if id not in found:
                raise NotInCollection(f"there is no picture {id} in this collection")
        return [found[id] for id in ids]

    def at_paths(self, paths: Sequence[str]) -> dict[str, Picture]:
        found = self._at(f"SELECT {COLUMNS} FROM pictures", paths)
        return {row.path: row for row in map(picture, found)}

    def has_content(self, content: str) -> bool:
        return self._store.row("SELECT 1 FROM pictures WHERE content = ? LIMIT 1", [content]) is not None

    def with_content(self, content: str) -> list[Picture]:
        found = self._store.rows(f"SELECT {COLUMNS} FROM pictures WHERE content = ? ORDER BY id", [content])
        return [picture(row) for row in found]

    def pictures(
        self, where: Filter | None = None, *, under: str | None = None, after: int = 0, skip: int = 0
    ) -> Iterator[Picture]:
        # The ids first, eight bytes each: reading goes on page by page while others write.
        parts = [part for part in (_matching(where), _below(under)) if part]
        condition = " AND ".join(f"({sql})" for sql, _ in parts) or "1"
        parameters = [value for _, values in parts for value in values]
        sql = f"SELECT id FROM pictures WHERE ({condition}) AND id > ? ORDER BY id"
        ids = self._ids(sql, [*parameters, after])[skip:]
        for start in range(0, len(ids), _PAGE):
            yield from self._page(ids[start : start + _PAGE].tolist())

    def count(self, where: Filter | None = None) -> int:
        condition, parameters = _matching(where) or ("1", [])
        ((count,),) = self._store.rows(f"SELECT count(*) FROM pictures WHERE {condition}", parameters)
        return int(count)

    def totals(self) -> tuple[int, int, int]:
        ((count, missing, size),) = self._store.rows(
            "SELECT count(*), total(missing), total(size) FROM pictures"
        )
        return int(count), int(missing), int(size)

    def columns(self) -> Mapping[str, str]:
        return dict(self._store.rows("SELECT name, kind FROM columns ORDER BY name"))

    def facets(self, columns: Sequence[str], where: Filter | None = None, *, values: int = 20) -> list[Facet]:
        known = self.columns()
        chosen: tuple[str, list[object]] = ("1", [])
        if where is not None:  # asked once, and not for each column
            condition, parameters = to_sql(where)
            ids = self._ids(f"SELECT id FROM pictures WHERE {condition}", parameters)
            chosen = "id IN (SELECT value FROM json_each(?))", [json.dumps(ids.tolist())]

        def counts(column: str) -> Iterator[tuple[Scalar, int]]:
            asked = sql_of_values(column, chosen, in_metadata=column in known)
            for kind, value, count in self._store.stream(*asked):
                yield bool(value) if kind == "truth" else value, count

        return [facet(column, counts(column), values) for column in columns]

    def failures(self, *, under: str | None = None) -> Iterator[tuple[FileIdentity, str]]:
        condition, parameters = _below(under) or ("1", [])
        last = b""
        while True:
            found = self._store.rows(
                f"SELECT path, size, mtime_ns, reason FROM failures WHERE ({condition}) "
                "AND path > CAST(? AS TEXT) ORDER BY path LIMIT ?",
                [*parameters, last, _PAGE],
            )
            if not found:
                return
            yield from ((FileIdentity(*file), reason) for *file, reason in found)
            last = as_text(found[-1][0])

    def failed_at(self, paths: Sequence[str]) -> dict[str, tuple[FileIdentity, str]]:
        found = self._at("SELECT path, size, mtime_ns, reason FROM failures", paths)
        return {path: (FileIdentity(path, size, time), reason) for path, size, time, reason in found}

    def hashes(self) -> tuple[Ids, npt.NDArray[np.uint64]]:
        ids, hashes = self._pairs("SELECT id, phash FROM pictures WHERE NOT missing ORDER BY id")
        return ids, hashes.view(np.uint64)

    def same_content(self) -> Iterator[list[int]]:
        # The inner query reads the index on content alone.
        found = self._store.rows(
            "SELECT group_concat(id) FROM pictures WHERE NOT missing AND content IN "
            "(SELECT content FROM pictures GROUP BY content HAVING count(*) > 1) "
            "GROUP BY content HAVING count(*) > 1 ORDER BY min(id)"
        )
        for (ids,) in found:
            yield sorted(map(int, ids.split(",")))

    # --- what was found out and decided ------------------------------------------------------

    def note(self, key: str) -> str | None:
        found = self._store.row("SELECT text FROM notes WHERE key = CAST(? AS TEXT)", [as_text(key)])
        return None if found is None else str(found[0])

    def distinct(self, contents: Sequence[str] | None = None) -> set[tuple[str, str]]:
        select = "SELECT first, second FROM distinct_contents"
        if contents is None:
            return set(self._store.rows(select))
        found: set[tuple[str, str]] = set()
        for start in range(0, len(contents), _PAGE):
            part = json.dumps(contents[start : start + _PAGE])
            for side in ("first", "second"):
                among = f"{select} WHERE {side} IN (SELECT value FROM json_each(?))"
                found.update(self._store.rows(among, [part]))
        return found

    def arrays(self, name: str) -> dict[str, npt.NDArray[Any]] | None:
        path = array_files.path_of(self._directory, name)
        found = self._store.row("SELECT stamp FROM arrays WHERE name = ?", [name])
        return None if found is None else array_files.read(path, found[0])

    def partition(self) -> Partition | None:
        # One statement, so that both are of one moment: what is said about it comes first.
        found = self._store.stream(
            "SELECT 0, 0, text FROM notes WHERE key = ? UNION ALL "
            "SELECT * FROM (SELECT id, cluster, '' FROM pictures WHERE cluster IS NOT NULL ORDER BY id)",
            [PARTITION],
        )
        first = next(found, None)
        if first is None or first[0] != 0:
            return None
        pairs = np.fromiter(((id, cluster) for id, cluster, _ in found), np.dtype("i8, i4"))
        return Partition(pairs["f0"].copy(), pairs["f1"].copy(), str(first[2]))

    def has_partition(self) -> bool:
        return self.note(PARTITION) is not None

    # --- vectors -----------------------------------------------------------------------------

    def versions(self, space: Space) -> tuple[Ids, Ids]:
        return self._pairs(
            "SELECT picture, row FROM vectors WHERE space = "
            "(SELECT number FROM spaces WHERE identity = ?) ORDER BY picture",
            [space.identity],
        )

    def vectors(self, space: Space, ids: Sequence[int]) -> Vectors:
        rows = np.empty((len(ids), space.dimension), np.float32)
        known = self._search_of(space)
        for start in range(0, len(ids), _PAGE):
            part = ids[start : start + _PAGE]
            found: dict[int, Vectors] = {}
            if known is not None:
                stored = known[0].of_pictures(np.array(part, np.int64))
                found = dict(zip(stored.pictures.tolist(), stored.vectors, strict=True))
            for place, id in enumerate(part, start):
                if id not in found:
                    raise NotInCollection(f"picture {id} has no vector of {space.model} in this collection")
                rows[place] = found[id]
        return rows

    def scan(self, space: Space, batch: int = 4096) -> Iterator[tuple[Ids, Vectors]]:
        known = self._search_of(space)
        for stored in known[0].by_picture(batch) if known else ():
            yield stored.pictures, stored.vectors

    def without_vector(self, space: Space) -> Iterator[Picture]:
        last = 0
        while True:
            found = self._store.rows(
                f"SELECT {COLUMNS} FROM pictures WHERE id > ? AND NOT EXISTS (SELECT 1 FROM vectors WHERE "
                "space = (SELECT number FROM spaces WHERE identity = ?) AND picture = id) "
                "ORDER BY id LIMIT ?",
                [last, space.identity, _PAGE],
            )
            if not found:
                return
            yield from map(picture, found)
            last = found[-1][0]

    def search(
        self,
        space: Space,
        queries: Vectors,
        k: int,
        *,
        where: Filter | None = None,
        exact: bool = False,
    ) -> list[Matches]:
        checked_k(k)
        queries = canonical(checked(queries, space.dimension))
        known = self._search_of(space)
        if known is None:
            return [Matches(np.empty(0, np.int64), np.empty(0, np.float32)) for _ in queries]
        table, search = known
        condition = _matching(where)
        among = table.rows_of_pictures(*condition) if condition else None
        return [search.search(query, k, exact=exact, among=among) for query in queries]

    def index_info(self, space: Space) -> IndexInfo:
        known = self._search_of(space)
        return known[1].info() if known else IndexInfo("exact", 0, 0, 1.0)

    def stamp(self) -> str:
        parts = []
        for entry in os.scandir(self._directory):
            # Each commit is appended to SQLite's log; the file of locks beside it changes by reading, too.
            if entry.is_file() and not entry.name.endswith(("-shm", ".lock", ".pid")):
                with suppress(FileNotFoundError):
                    facts = entry.stat()
                    parts.append(f"{entry.name} {facts.st_mtime_ns} {facts.st_size} {facts.st_ino}")
        return hashlib.sha256("\n".join(sorted(parts)).encode()).hexdigest()

    def bytes_used(self) -> int:
        return sum(entry.stat().st_size for entry in os.scandir(self._directory) if entry.is_file())

    def close(self) -> None:
        self._searches.clear()
        self._store.close()

    # --- inside ------------------------------------------------------------------------------

    def _at(self, select: str, paths: Sequence[str]) -> Iterator[Row]:
        """The rows of a table at these paths."""
        for start in range(0, len(paths), _PAGE):
            part = [as_text(path) for path in paths[start : start + _PAGE]]
            places = ", ".join(["CAST(? AS TEXT)"] * len(part))
            yield from self._store.rows(f"{select} WHERE path IN ({places})", part)

    def _page(self, ids: Sequence[int]) -> list[Picture]:
        """The pictures with these ids that exist, ascending."""
        found = self._store.rows(
            f"SELECT {COLUMNS} FROM pictures WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id",
            [f"[{','.join(str(int(id)) for id in ids)}]"],
        )
        return [picture(row) for row in found]

    def _ids(self, sql: str, parameters: Sequence[object]) -> Ids:
        return np.fromiter((id for (id,) in self._store.stream(sql, parameters)), np.int64)

    def _pairs(self, sql: str, parameters: Sequence[object] = ()) -> tuple[Ids, Ids]:
        """Two columns of integers."""
        found = np.fromiter(self._store.stream(sql, parameters), np.dtype("i8, i8"))
        return found["f0"].copy(), found["f1"].copy()

    def _search_of(self, space: Space) -> tuple[VectorTable, SpaceSearch] | None:
        """The space's table and search; None when the gallery does not know it."""
        known = self._searches.get(space.identity)
        if known is not None:
            return known
        found = self._store.row("SELECT number, dimension FROM spaces WHERE identity = ?", [space.identity])
        if found is None:
            return None
        number, dimension = found
        if dimension != space.dimension:
            raise CollectionError(
                f"{space.model}: its vectors have {dimension} numbers in this collection, "
                f"not {space.dimension}"
            )
        table = VectorTable(self._store, number, space)
        path = self._directory / f"vectors-{number}.faiss"
        search = SpaceSearch(table, path, self._exact_limit, self._try_to_save)
        with self._lock:
            return self._searches.setdefault(space.identity, (table, search))

    def _settle(self) -> None:
        for space in self.spaces():
            if known := self._search_of(space):
                known[1].settle()

    def _try_to_save(self) -> None:
        """Let the index files be written, unless somebody else has the right to write."""
        try:
            with self.writing():
                pass  # leaving it settles
        except CollectionError:
            return

    def _migrate(self) -> None:
        lock = WriteLock(self._directory)
        lock.acquire(_PATIENCE)
        try:
            self._store.migrate()
        finally:
            lock.release()


def _make(directory: Path) -> None:
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CollectionError(f"{directory} cannot be made: {error.strerror}") from error


def _matching(where: Filter | None) -> tuple[str, list[object]] | None:
    return None if where is None else to_sql(where)


def _below(folder: str | None) -> tuple[str, list[object]] | None:
    """Condition for a path that is this one or lies in this folder, as a range of the path's index."""
    if folder is None:
        return None
    inside = folder.rstrip(os.sep) + os.sep
    after = inside[:-1] + chr(ord(os.sep) + 1)
    condition = "path = CAST(? AS TEXT) OR (path >= CAST(? AS TEXT) AND path < CAST(? AS TEXT))"
    return condition, [as_text(folder), as_text(inside), as_text(after)]
