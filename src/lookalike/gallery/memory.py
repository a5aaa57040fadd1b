"""The obvious gallery: everything in dicts, every search compares with every row.

It is the reference the other galleries are tested against, and good enough for tests and small
throw-away sets. Nothing is kept when it is closed.
"""

from __future__ import annotations

import itertools
import os
import secrets
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from lookalike.errors import CollectionBusy, CollectionError, NotInCollection, UsageError
from lookalike.files import FileIdentity
from lookalike.filters import value_of
from lookalike.gallery.array_files import checked_arrays, checked_name
from lookalike.gallery.base import (
    Gallery,
    Ids,
    IndexInfo,
    Matches,
    Partition,
    Picture,
    Space,
    Vectors,
    Writing,
)
from lookalike.gallery.columns import cleaned, kind_of, widen
from lookalike.gallery.facets import facet
from lookalike.gallery.ranking import checked, checked_k, nearest
from lookalike.results import Facet, Failure, Metadata, Scalar
from lookalike.vectors import canonical, cosines

if TYPE_CHECKING:
    from lookalike.filters import Filter


class MemoryGallery(Gallery):
    """A gallery in this process's memory, one thread writing at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last_id = 0
        self._spaces: dict[str, Space] = {}
        self._pictures: dict[int, Picture] = {}
        self._vectors: dict[tuple[str, int], Vectors] = {}
        self._columns: dict[str, str] = {}
        self._failures: dict[str, tuple[FileIdentity, str]] = {}
        self._last_version = 0
        self._versions: dict[tuple[str, int], int] = {}
        self._notes: dict[str, str] = {}
        self._distinct: set[tuple[str, str]] = set()
        self._arrays: dict[str, dict[str, npt.NDArray[Any]]] = {}
        self._partition: str | None = None

    def writing(self) -> MemoryWriting:
        return MemoryWriting(self)

    def spaces(self) -> list[Space]:
        return list(self._spaces.values())

    def get(self, ids: Sequence[int]) -> list[Picture]:
        return [self._picture(id) for id in ids]

    def at_paths(self, paths: Sequence[str]) -> dict[str, Picture]:
        return {p.path: p for p in self._pictures.values() if p.path in paths}

    def with_content(self, content: str) -> list[Picture]:
        return [p for p in self.pictures() if p.content == content]

    def pictures(
        self, where: Filter | None = None, *, under: str | None = None, after: int = 0, skip: int = 0
    ) -> Iterator[Picture]:
        found = (
            picture
            for number, picture in sorted(self._pictures.items())
            if number > after and (where is None or where.matches(picture)) and _below(picture.path, under)
        )
        return itertools.islice(found, skip, None)

    def count(self, where: Filter | None = None) -> int:
        return sum(1 for _ in self.pictures(where))

    def totals(self) -> tuple[int, int, int]:
        rows = list(self.pictures())
        return len(rows), sum(row.missing for row in rows), sum(row.file.size for row in rows)

    def columns(self) -> Mapping[str, str]:
        return dict(self._columns)

    def facets(self, columns: Sequence[str], where: Filter | None = None, *, values: int = 20) -> list[Facet]:
        found = []
        for column in columns:
            counts: dict[tuple[str | None, Scalar], int] = {}
            for picture in self.pictures(where):
                value = value_of(picture, column)
                key = kind_of(value), value
                counts[key] = counts.get(key, 0) + 1
            known = ((value, count) for (kind, value), count in counts.items() if kind is not None)
            found.append(facet(column, known, values))
        return found

    def failures(self, *, under: str | None = None) -> Iterator[tuple[FileIdentity, str]]:
        for path in sorted(self._failures, key=lambda path: path.encode("utf-8", "surrogateescape")):
            if _below(path, under):
                yield self._failures[path]

    def failed_at(self, paths: Sequence[str]) -> dict[str, tuple[FileIdentity, str]]:
        return {path: failure for path, failure in self._failures.items() if path in paths}

    def hashes(self) -> tuple[Ids, npt.NDArray[np.uint64]]:
        found = [(p.id, p.phash) for p in self.pictures() if not p.missing]
        table = np.array(found, np.int64).reshape(-1, 2)
        return table[:, 0], table[:, 1].astype(np.uint64)

    def same_content(self) -> Iterator[list[int]]:
        groups: dict[str, list[int]] = {}
        for picture in self.pictures():
            if not picture.missing:
                groups.setdefault(picture.content, []).append(picture.id)
        return (ids for ids in groups.values() if len(ids) > 1)

    def note(self, key: str) -> str | None:
        return self._notes.get(key)

    def distinct(self, contents: Sequence[str] | None = None) -> set[tuple[str, str]]:
        return {pair for pair in self._distinct if contents is None or set(pair) & set(contents)}

    def arrays(self, name: str) -> dict[str, npt.NDArray[Any]] | None:
        kept = self._arrays.get(checked_name(name))
        return None if kept is None else dict(kept)

    def partition(self) -> Partition | None:
        if self._partition is None:
            return None
        found = [(p.id, p.cluster) for p in self.pictures() if p.cluster is not None]
        table = np.array(found, np.int64).reshape(-1, 2)
        return Partition(table[:, 0], table[:, 1].astype(np.int32), self._partition)

    def has_partition(self) -> bool:
        return self._partition is not None

    def versions(self, space: Space) -> tuple[Ids, Ids]:
        ids = self._with_vector(space)
        versions = [self._versions[space.identity, id] for id in ids]
        return np.array(ids, np.int64), np.array(versions, np.int64)

    def vectors(self, space: Space, ids: Sequence[int]) -> Vectors:
        rows = np.empty((len(ids), space.dimension), np.float32)
        for place, id in enumerate(ids):
            if (space.identity, id) not in self._vectors:
                raise NotInCollection(f"picture {id} has no vector of {space.model} in this collection")
            rows[place] = self._vectors[space.identity, id]
        return rows

    def scan(self, space: Space, batch: int = 4096) -> Iterator[tuple[Ids, Vectors]]:
        ids = self._with_vector(space)
        for start in range(0, len(ids), batch):
            part = ids[start : start + batch]
            yield np.array(part, np.int64), self.vectors(space, part)

    def without_vector(self, space: Space) -> Iterator[Picture]:
        return (p for p in self.pictures() if (space.identity, p.id) not in self._vectors)

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
        wanted = {picture.id for picture in self.pictures(where)}
        ids = [id for id in self._with_vector(space) if id in wanted]
        rows = self.vectors(space, ids)
        return [
            nearest(np.array(ids, np.int64), cosines(query, rows), k)
            for query in canonical(checked(queries, space.dimension))
        ]

    def index_info(self, space: Space) -> IndexInfo:
        return IndexInfo("exact", len(self._with_vector(space)), 0, 1.0)

    def stamp(self) -> str:
        return secrets.token_hex(16)  # nothing that is computed from it takes long

    def bytes_used(self) -> int:
        return 0

    def close(self) -> None:
        """Nothing to give back."""

    def _picture(self, id: int) -> Picture:
        if id not in self._pictures:
            raise NotInCollection(f"there is no picture {id} in this collection")
        return self._pictures[id]

    def _with_vector(self, space: Space) -> list[int]:
        return sorted(id for identity, id in self._vectors if identity == space.identity)


class MemoryWriting(Writing):
    """The right to write to a `MemoryGallery`."""

    def __init__(self, gallery: MemoryGallery) -> None:
        self._gallery = gallery

    def __enter__(self) -> MemoryWriting:
        if not self._gallery._lock.acquire(blocking=False):
            raise CollectionBusy("this process is already writing to this collection: wait until it ends")
        return self

    def __exit__(self, *exc: object) -> None:
        self._gallery._lock.release()

    def register(self, space: Space) -> None:
        known = self._gallery._spaces.setdefault(space.identity, space)
        if known.dimension != space.dimension:
            raise CollectionError(
                f"{space.model}: its vectors have {known.dimension} numbers in this collection, "
                f"not {space.dimension}"
            )

    def put(self, space: Space, pictures: Sequence[Picture], vectors: Vectors) -> list[int]:
        rows = canonical(checked(vectors, space.dimension, len(pictures)))
        metadata = [cleaned(picture.metadata) for picture in pictures]
        self.register(space)
        widen(self._gallery._columns, metadata)
        return [self._put(space, *each) for each in zip(pictures, metadata, rows, strict=True)]

    def put_vectors(self, space: Space, ids: Sequence[int], vectors: Vectors) -> None:
        rows = canonical(checked(vectors, space.dimension, len(ids)))
        self._gallery.get(ids)
        self.register(space)
        for id, row in zip(ids, rows, strict=True):
            self._set_vector(space, id, row)

    def touch(self, files: Mapping[int, FileIdentity]) -> None:
        if len({file.path for file in files.values()}) < len(files):
            raise UsageError("touch: two pictures cannot have the same path")
        self._gallery.get(list(files))
        for file in files.values():
            self._gallery._failures.pop(file.path, None)
            other = self._gallery.at_path(file.path)
            if other is not None and other.id not in files:
                self.remove([other.id])
        for id, file in files.items():
            self._change(id, file=file, missing=False)

    def mark_missing(self, ids: Sequence[int], missing: bool = True) -> None:
        self._gallery.get(ids)
        for id in ids:
            self._change(id, missing=missing)

    def set_metadata(self, rows: Iterable[tuple[int, Metadata]]) -> None:
        clean = [(id, cleaned(metadata)) for id, metadata in rows]
        self._gallery.get([id for id, _ in clean])
        widen(self._gallery._columns, (metadata for _, metadata in clean))
        for id, metadata in clean:
            self._change(id, metadata=metadata)

    def remember_failures(self, failures: Iterable[tuple[FileIdentity, Failure]]) -> None:
        for file, failure in failures:
            self._gallery._failures[file.path] = (file, failure.reason)
            picture = self._gallery.at_path(file.path)
            if picture is not None:
                self.remove([picture.id])

    def forget_failures(self, paths: Sequence[str]) -> None:
        for path in paths:
            self._gallery._failures.pop(path, None)

    def remove(self, ids: Sequence[int]) -> None:
        for id in ids:
            self._gallery._pictures.pop(id, None)
            self._drop_vectors(id)

    def set_note(self, key: str, text: str | None) -> None:
        if text is None:
            self._gallery._notes.pop(key, None)
        else:
            self._gallery._notes[key] = text

    def set_distinct(self, pairs: Iterable[tuple[str, str]], distinct: bool = True) -> None:
        ordered = {(min(pair), max(pair)) for pair in pairs}
        if distinct:
            self._gallery._distinct |= ordered
        else:
            self._gallery._distinct -= ordered

    def set_partition(self, partition: Partition | None) -> None:
        gallery = self._gallery
        gallery._partition = None if partition is None else partition.about
        pairs = () if partition is None else zip(partition.ids, partition.clusters, strict=True)
        clusters = {int(id): int(cluster) for id, cluster in pairs}
        for id in list(gallery._pictures):
            self._change(id, cluster=clusters.get(id))

    def keep_arrays(self, name: str, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        kept = {key: array.copy() for key, array in checked_arrays(arrays).items()}
        for array in kept.values():
            array.flags.writeable = False
        self._gallery._arrays[checked_name(name)] = kept

    def drop_arrays(self, name: str) -> None:
        self._gallery._arrays.pop(checked_name(name), None)

    def _put(self, space: Space, picture: Picture, metadata: Metadata, vector: Vectors) -> int:
        gallery = self._gallery
        known = gallery.at_path(picture.path)
        if known is None:
            gallery._last_id += 1
        elif known.content != picture.content:
            self._drop_vectors(known.id)
        id = gallery._last_id if known is None else known.id
        kept = known.metadata if known is not None and not metadata else metadata
        same = known is not None and known.content == picture.content
        cluster = known.cluster if known is not None and same else None
        gallery._pictures[id] = replace(picture, id=id, metadata=kept, cluster=cluster)
        self._set_vector(space, id, vector)
        gallery._failures.pop(picture.path, None)
        return id

    def _change(self, id: int, **facts: object) -> None:
        self._gallery._pictures[id] = replace(self._gallery._pictures[id], **facts)  # type: ignore[arg-type]

    def _set_vector(self, space: Space, id: int, vector: Vectors) -> None:
        self._gallery._last_version += 1
        self._gallery._vectors[space.identity, id] = vector
        self._gallery._versions[space.identity, id] = self._gallery._last_version

    def _drop_vectors(self, id: int) -> None:
        for key in [key for key in self._gallery._vectors if key[1] == id]:
            del self._gallery._vectors[key], self._gallery._versions[key]


def _below(path: str, folder: str | None) -> bool:
    return folder is None or path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)
