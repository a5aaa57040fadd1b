"""Searching one space: an index from a file, the rows newer than it, and the last word of SQLite.

The index only proposes. Every candidate is read back from SQLite and compared exactly, so that a
cosine is the same number whatever found it, rows that are gone drop out, and a damaged or old
index can cost time but never a wrong answer. An exact search first compares the likeliest; as long
as others may belong to the answer, it compares all that may, and be it every row.
"""

from __future__ import annotations

import logging
import os
import threading
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from lookalike.gallery.base import Ids, IndexInfo, Matches, Vectors
from lookalike.gallery.ranking import nearest
from lookalike.gallery.vector_index import (
    APPROXIMATE_OVERFETCH,
    OVERFETCH,
    Candidates,
    Facts,
    Tail,
    VectorIndex,
    build,
    extend,
    load,
    peek,
)
from lookalike.gallery.vector_table import VectorTable
from lookalike.vectors import cosines

EXACT_LIMIT = 200_000
"""From this many vectors on, search is approximate unless told otherwise: below it an exact search
takes at most about 4 ms (256 numbers, one core) and 110 MB."""

FEW = 1024
"""A filter that leaves no more rows than this is answered without the index."""

LARGEST_APPROXIMATE = 100
"""An approximate search is measured for ten results; one for more than this is answered exactly."""

SAVE_FROM = 10_000
"""With fewer changes no index file is written: reading the rows themselves takes some 30 ms, and
indexing a folder need not load FAISS (measured: 0.13 s)."""

SAVE_SHARE = 0.03
"""Share of the vectors that must have changed before the index file is written anew."""

MISFIT_SHARE = 0.01
"""With a larger share of misfits, and more than `FEW`, an index is made anew instead of renewed:
every exact search compares them all."""

_LOOK = 4096  # rows read back at once
_WIDER = 4  # so many times more candidates, when so many are gone that too few are left

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Snapshot:
    """What is searched: the index, the rows added since, and the row up to which they reach."""

    index: VectorIndex
    tail: Tail
    last_row: int

    def candidates(self, query: Vectors, count: int, exact: bool, among: Ids | None) -> Candidates:
        old = self.index.candidates(query, count, exact=exact, among=among)
        new = self.tail.candidates(query, count, among=among)
        # The rows added since are in no index: none is here twice.
        return Candidates(np.concatenate([old.rows, new.rows]), max(old.bound, new.bound))

    def reaching(self, query: Vectors, cosine: float, among: Ids | None) -> Ids:
        old = self.index.reaching(query, cosine, among)
        return np.union1d(old, self.tail.reaching(query, cosine, among))


class SpaceSearch:
    """Searches one space and keeps its index file.

    Args:
        table: the space's vectors.
        path: the index file.
        exact_limit: see `EXACT_LIMIT`.
        try_to_save: called by a reader that finds no usable index file; takes the right to write
            if it is free, and calls `settle`.
    """

    def __init__(
        self, table: VectorTable, path: Path, exact_limit: int, try_to_save: Callable[[], None]
    ) -> None:
        self._table = table
        self._path = path
        self._exact_limit = exact_limit
        self._try_to_save = try_to_save
        self._lock = threading.Lock()
        self._current: _Snapshot | None = None

    def search(self, query: Vectors, k: int, *, exact: bool = False, among: Ids | None = None) -> Matches:
        """The k most similar pictures of one canonical (d,) query; among these rows, if given."""
        if among is not None and len(among) <= FEW:
            return self._compared(query, among, k)
        snapshot = self._snapshot()
        if not exact and among is None and snapshot.index.facts.cells > 1 and k <= LARGEST_APPROXIMATE:
            found = snapshot.candidates(query, k + APPROXIMATE_OVERFETCH, False, None)
            matches = self._compared(query, found.rows, k)
            if len(matches.ids) == k:
                return matches
        return self._exact(snapshot, query, k, among)

    def info(self) -> IndexInfo:
        """How the space is searched now."""
        count = self._table.count()
        current = self._current
        facts = current.index.facts if current else self._facts()
        size = self._path.stat().st_size if self._path.exists() else 0
        if facts is not None:
            return IndexInfo(facts.kind, count, size, facts.recall)
        if count >= self._exact_limit:
            return IndexInfo("approximate", count, size, None)
        return IndexInfo("exact", count, size, 1.0)

    def settle(self) -> None:
        """Bring the index file up to date, if enough has changed. Only for the writer."""
        last, count, facts = self._table.last_row(), self._table.count(), self._facts()
        if not self._worth_saving(facts, count, last):
            return
        index = self._renewed(facts, count, last)  # without the lock: searches go on meanwhile
        index.facts = replace(index.facts, stamp=uuid.uuid4().hex)
        try:
            self._save(index)
        except (OSError, RuntimeError) as error:  # the file only saves time
            _log.warning("the search index %s could not be written: %s", self._path, error)
        else:
            self._current = None  # the next search opens the file

    # --- answering ---------------------------------------------------------------------------

    def _exact(self, snapshot: _Snapshot, query: Vectors, k: int, among: Ids | None) -> Matches:
        count = k + OVERFETCH
        while True:
            found = snapshot.candidates(query, count, True, among)
            matches = self._compared(query, found.rows, k)
            if found.bound == -np.inf:
                return matches
            if len(matches.ids) == k:
                break
            count *= _WIDER  # some were gone
        last = float(matches.similarities[-1])
        if last > found.bound:
            return matches
        return self._compared(query, snapshot.reaching(query, last, among), k)

    def _compared(self, query: Vectors, rows: Ids, k: int) -> Matches:
        """The k most similar of these rows by their stored vectors."""
        pictures, similarities = [np.empty(0, np.int64)], [np.empty(0, np.float32)]
        for start in range(0, len(rows), _LOOK):
            stored = self._table.fetch(rows[start : start + _LOOK])
            pictures.append(stored.pictures)
            similarities.append(cosines(query, stored.vectors))
        return nearest(np.concatenate(pictures), np.concatenate(similarities), k)

    # --- keeping up --------------------------------------------------------------------------

    def _snapshot(self) -> _Snapshot:
        last = self._table.last_row()
        current = self._current
        if current is not None and current.last_row >= last:
            return current
        with self._lock:
            # Through a variable: `settle` may take `_current` away at any moment.
            current = self._current = self._caught_up(self._current, last)
            return current

    def _caught_up(self, snapshot: _Snapshot | None, last: int) -> _Snapshot:
        if snapshot is None or self._outdated(snapshot):
            index = self._opened(last) or self._made(last)
            snapshot = _Snapshot(index, Tail(self._table.space.dimension), index.facts.last_row)
        rows = self._table.rows(snapshot.last_row, last)
        for start in range(0, len(rows), _LOOK):
            stored = self._table.fetch(rows[start : start + _LOOK])
            snapshot.tail.add(stored.rows, stored.vectors)
        return replace(snapshot, last_row=max(last, snapshot.last_row))

    def _outdated(self, snapshot: _Snapshot) -> bool:
        """Much has come since, and there is a newer file."""
        if len(snapshot.tail) < max(SAVE_FROM, SAVE_SHARE * snapshot.index.facts.vectors):
            return False
        facts = self._facts()
        return facts is not None and facts.last_row > snapshot.index.facts.last_row

    def _opened(self, last: int) -> VectorIndex | None:
        """The index file, unless it is of no use or lacks most rows."""
        facts = self._facts()
        if facts is None or len(self._table.rows(facts.last_row, last)) > max(SAVE_FROM, facts.vectors // 4):
            return None
        return load(self._path)

    def _made(self, last: int) -> VectorIndex:
        if self._table.count() >= SAVE_FROM:
            with suppress(OSError):
                self._path.unlink()  # so that `settle` writes it anew
            self._try_to_save()
            if (index := self._opened(self._table.last_row())) is not None:
                return index
        return self._built(last)

    def _built(self, last: int) -> VectorIndex:
        rows = self._table.rows(0, last)
        dimension, approximate = self._table.space.dimension, len(rows) >= self._exact_limit
        return build(rows, self._table.fetch, dimension, Facts(last_row=last), approximate=approximate)

    def _facts(self) -> Facts | None:
        """The facts in the index file, if it is the one that belongs to the table."""
        facts = peek(self._path)
        return facts if facts is not None and facts.stamp == self._table.stamp() else None

    def _save(self, index: VectorIndex) -> None:
        """Replace the file as a whole: a reader or a crash sees the old or the new one."""
        unfinished = self._path.with_suffix(".unfinished")
        index.save(unfinished)
        self._table.set_stamp(index.facts.stamp)
        os.replace(unfinished, self._path)

    def _worth_saving(self, facts: Facts | None, count: int, last: int) -> bool:
        if facts is None:
            return count >= SAVE_FROM
        new = len(self._table.rows(facts.last_row, last))
        gone = facts.vectors + new - count
        return new + gone >= max(SAVE_FROM, SAVE_SHARE * count)

    def _renewed(self, facts: Facts | None, count: int, last: int) -> VectorIndex:
        """The old index with what has changed, or a new one when its cells no longer fit."""
        index = load(self._path, change=True) if facts is not None and self._fits(facts, count) else None
        if index is None:
            return self._built(last)
        rows = self._table.rows(0, last)
        index.keep_only(rows)
        extend(index, rows[rows > index.facts.last_row], self._table.fetch)
        index.facts = replace(index.measured(self._table.fetch, rows), last_row=last)
        return index

    def _fits(self, facts: Facts, count: int) -> bool:
        """Whether the cells were made for about so many vectors, and for most of those in them."""
        few_misfits = len(facts.misfits) <= max(FEW, MISFIT_SHARE * facts.vectors)
        return facts.cells > 1 and self._exact_limit <= count <= 2 * facts.trained and few_misfits
