"""A FAISS index over the stored vectors of one space: finds candidates, never final answers.

One kind of index serves both ways of searching: vectors in cells (`IndexIVFScalarQuantizer`).
With one cell and 16-bit floats every search looks at everything: that is the exact index. With
about 2·sqrt(n) cells and 8 bits a number it is half the size, and a search may look into only
the cells nearest to the query. Looking into all of them is exact again, once the caller has
compared the candidates with the stored vectors: `Candidates.bound` says whether it has seen
enough, `reaching` finds the rest.

That bound is proven, whatever is added after training. A code stands for a vector y near the true
one x, and for a query q of length 1, |q·x - q·y| <= |x - y| (Cauchy and Schwarz). `add` decodes
what it has just encoded, and keeps the largest distance. Vectors beyond the trained range, whose
codes are cut off, would make it useless for all others; they are kept apart as *misfits*, and
are candidates of every exact search.

Figures behind the constants: `benchmarks/search.py`.
"""

from __future__ import annotations

import json
import os
import struct
import threading
import zlib
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from lookalike.gallery.base import Ids, Vectors
from lookalike.gallery.vector_table import Stored
from lookalike.vectors import cosines

Fetch = Callable[[Ids], Stored]

TARGET_RECALL = 0.985
"""An approximate search looks into as many cells as it takes to reach this recall@10 for stored
vectors. For vectors that are not stored it may differ a little: at a million, 0.991 against 0.987."""

OVERFETCH = 64
"""How many more candidates than asked for an exact search takes out of the index to compare them
exactly. The 8-bit codes alone give recall@10 0.97 at a million vectors."""

APPROXIMATE_OVERFETCH = 16
"""The same for an approximate search; more did not find more."""

MEASURED_QUERIES = 500
"""How many stored vectors recall is measured with, for a standard error of about 0.003."""

MEASURE_AGAIN = 1.25
"""Probes and recall are measured anew when an index has grown by this factor."""

_BATCH = 1024  # vectors in memory at once; 16,384 took 80 MB more for nothing
_TRAIN_PER_CELL = 40  # FAISS asks for 39 vectors a cell
_TRAIN_ROUNDS = 8  # of k-means; more brought no recall
_WIDER_CODES = 0.2  # codes reach so much beyond the sample's range: vectors outside fit less badly
_FOOTER = struct.Struct("<II8s")
_MAGIC = b"lookali2"  # the first format's slack was not proven


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known about an index; kept at the end of its file.

    Attributes:
        stamp: a random text; the store knows the stamp of the file that belongs to it.
        last_row: it covers the rows up to this one.
        vectors: how many it holds, gone ones included.
        trained: how many there were when its cells were made.
        measured: how many there were when probes and recall were measured.
        cells: 1 in an exact index.
        probes: cells an approximate search looks into.
        recall: recall@10 then, in [0, 1]; 1.0 with one cell.
        slack: a cosine computed from a code is off by no more than this, but for misfits.
        misfits: the rows whose codes are worse than any code within the trained range.
    """

    stamp: str = ""
    last_row: int = 0
    vectors: int = 0
    trained: int = 0
    measured: int = 0
    cells: int = 1
    probes: int = 1
    recall: float = 1.0
    slack: float = 0.0
    misfits: tuple[int, ...] = ()

    @property
    def kind(self) -> str:
        """`exact` or `approximate`."""
        return "exact" if self.cells == 1 else "approximate"


@dataclass(frozen=True, slots=True)
class Candidates:
    """What an index found for one query.

    Attributes:
        rows: (m,) int64 row numbers in no promised order; some may be gone from the store.
        bound: no row that was looked at and is not among these has a larger cosine;
            -inf when all are here.
    """

    rows: Ids
    bound: float


class VectorIndex:
    """Vectors by row number. `add` and `remove` must not run beside anything else; searches may."""

    def __init__(self, index: Any, facts: Facts) -> None:
        self._index = index
        self._worst_fit = _worst_fit(index)
        self.facts = facts

    def add(self, rows: Ids, vectors: Vectors) -> None:
        """Add (n, d) vectors under new row numbers."""
        codes = self._index.sa_encode(vectors)
        errors = np.linalg.norm(np.subtract(vectors, self._index.sa_decode(codes), dtype=np.float64), axis=1)
        self._index.add_sa_codes(codes, rows)
        fits = errors <= self._worst_fit
        error = float(errors[fits].max(initial=0.0))
        slack = error + (1 + error) * _rounding(vectors.shape[1])
        self.facts = replace(
            self.facts,
            vectors=int(self._index.ntotal),
            slack=max(slack, self.facts.slack),
            misfits=(*self.facts.misfits, *rows[~fits].tolist()),
        )

    def keep_only(self, rows: Ids) -> None:
        """Drop all but these rows."""
        self._index.remove_ids(_faiss().IDSelectorNot(_selector(rows)))
        misfits = tuple(self._misfits(rows).tolist())
        self.facts = replace(self.facts, vectors=int(self._index.ntotal), misfits=misfits)

    def candidates(
        self, query: Vectors, count: int, *, exact: bool = True, among: Ids | None = None
    ) -> Candidates:
        """About the `count` most similar rows.

        Args:
            query: (d,) canonical vector.
            count: how many at most.
            exact: look at every vector, not only at the likely ones.
            among: only these rows.
        """
        facts = self.facts
        probes = facts.cells if exact else facts.probes
        count = min(count, facts.vectors)
        if count == 0:
            return Candidates(np.empty(0, np.int64), -np.inf)
        scores, rows = self._search(query[None], count, probes, among)
        found = rows[0][rows[0] >= 0]
        if exact and facts.misfits:
            found = np.union1d(found, self._misfits(among))
        full = count < facts.vectors and rows[0, -1] >= 0
        return Candidates(found, float(scores[0, -1]) + facts.slack if full else -np.inf)

    def reaching(self, query: Vectors, cosine: float, among: Ids | None = None) -> Ids:
        """All rows that may have at least this cosine; when nothing can be ruled out, all rows.

        Args:
            query: (d,) canonical vector.
            cosine: in [-1, 1].
            among: only these rows.
        """
        selector = None if among is None else _selector(among)  # must outlive the search
        parameters = _faiss().SearchParametersIVF(nprobe=self.facts.cells, sel=selector)
        # FAISS gives what is above the limit, not what is at it.
        limit = float(np.nextafter(np.float32(cosine - self.facts.slack), np.float32(-np.inf)))
        _, _, rows = self._index.range_search(query[None], limit, params=parameters)
        return np.union1d(rows, self._misfits(among))

    def measured(self, fetch: Fetch, rows: Ids) -> Facts:
        """The facts with probes and recall measured on some of these rows, if it is time."""
        if self.facts.cells == 1 or self.facts.vectors < MEASURE_AGAIN * self.facts.measured:
            return self.facts
        sample = fetch(_sample(rows, MEASURED_QUERIES))
        truths = self._truths(sample, fetch)
        recall, probes = 0.0, 1
        while True:
            recall = self._recall(sample, truths, probes, fetch)
            if recall >= TARGET_RECALL or probes == self.facts.cells:
                break
            probes = min(probes + (probes + 1) // 2, self.facts.cells)  # by half each time
        return replace(self.facts, measured=self.facts.vectors, probes=probes, recall=recall)

    def save(self, path: Path) -> None:
        """Write a new file and wait until it is on the disk.

        Raises:
            OSError, RuntimeError: the file cannot be written.
        """
        _faiss().write_index(self._index, str(path))
        with path.open("r+b") as file:
            facts = json.dumps(asdict(self.facts)).encode()
            checksum = _checksum(file, path.stat().st_size)
            file.seek(0, os.SEEK_END)
            file.write(facts + _FOOTER.pack(len(facts), zlib.crc32(facts, checksum), _MAGIC))
            file.flush()
            os.fsync(file.fileno())

    def _search(self, queries: Vectors, count: int, probes: int, among: Ids | None) -> tuple[Vectors, Ids]:
        # FAISS starts no threads for one query, so there is nothing to configure.
        selector = None if among is None else _selector(among)  # must outlive the search
        parameters = _faiss().SearchParametersIVF(nprobe=probes, sel=selector)
        scores, rows = self._index.search(queries, count, params=parameters)
        return scores, rows

    def _misfits(self, among: Ids | None) -> Ids:
        misfits = np.array(self.facts.misfits, np.int64)
        return misfits if among is None else np.intersect1d(misfits, among)

    def _truths(self, sample: Stored, fetch: Fetch) -> list[float]:
        """For each sampled vector the cosine of its tenth neighbour."""
        _, rows = self._search(sample.vectors, 11 + OVERFETCH, self.facts.cells, None)
        tenths = []
        for place, query in enumerate(sample.vectors):
            found = fetch(rows[place][rows[place] >= 0])
            true = cosines(query, found.vectors)
            others = np.sort(true[found.rows != sample.rows[place]])[::-1][:10]
            tenths.append(float(others[-1]) if others.size else -2.0)
        return tenths

    def _recall(self, sample: Stored, tenths: list[float], probes: int, fetch: Fetch) -> float:
        """Share of the ten nearest others that a search finds; equally near ones count as well."""
        _, rows = self._search(sample.vectors, 11 + APPROXIMATE_OVERFETCH, probes, None)
        hits = 0
        for place, query in enumerate(sample.vectors):
            found = fetch(rows[place][rows[place] >= 0])
            true = cosines(query, found.vectors)[found.rows != sample.rows[place]]
            hits += min(10, int((true >= tenths[place]).sum()))
        return hits / (min(10, max(self.facts.vectors - 1, 1)) * max(len(sample.rows), 1))


class Tail:
    """The rows that are newer than the index: an exact index that grows while it is searched."""

    def __init__(self, dimension: int) -> None:
        self._lock = threading.Lock()
        self._index = _empty(dimension, Facts())

    def __len__(self) -> int:
        return self._index.facts.vectors

    def add(self, rows: Ids, vectors: Vectors) -> None:
        """Add (n, d) vectors under new row numbers."""
        with self._lock:
            self._index.add(rows, vectors)

    def candidates(self, query: Vectors, count: int, among: Ids | None = None) -> Candidates:
        """As `VectorIndex.candidates`, always exact."""
        with self._lock:
            return self._index.candidates(query, count, among=among)

    def reaching(self, query: Vectors, cosine: float, among: Ids | None = None) -> Ids:
        """As `VectorIndex.reaching`."""
        with self._lock:
            return self._index.reaching(query, cosine, among)


def build(rows: Ids, fetch: Fetch, dimension: int, facts: Facts, *, approximate: bool) -> VectorIndex:
    """A new index over these rows, read in batches: never all vectors are in memory as float32.

    Args:
        rows: (n,) ascending row numbers.
        fetch: reads stored vectors.
        dimension: length of a vector.
        facts: up to which row these are; the rest is found out.
        approximate: in many cells; one vector is never split into several.
    """
    facts = replace(facts, vectors=0, trained=len(rows), slack=0.0, misfits=())
    index = (
        _trained(rows, fetch, dimension, facts) if approximate and len(rows) > 1 else _empty(dimension, facts)
    )
    extend(index, rows, fetch)
    index.facts = index.measured(fetch, rows)
    return index


def extend(index: VectorIndex, rows: Ids, fetch: Fetch) -> None:
    """Add stored rows to an index in batches."""
    for start in range(0, len(rows), _BATCH):
        stored = fetch(rows[start : start + _BATCH])
        index.add(stored.rows, stored.vectors)


def load(path: Path, *, change: bool = False) -> VectorIndex | None:
    """The index in this file; None when there is none or it is damaged.

    Args:
        path: where `VectorIndex.save` put it.
        change: read it into memory so that it can be changed; otherwise it is mapped, and
            processes that use the same file share the memory.
    """
    facts = peek(path)
    if facts is None or not _intact(path):
        return None
    try:
        index = _faiss().read_index(str(path), 0 if change else _faiss().IO_FLAG_MMAP_IFC)
    except RuntimeError:
        return None
    if peek(path) != facts:  # replaced in between: the facts may be those of another index
        return load(path, change=change)
    return VectorIndex(index, replace(facts, vectors=int(index.ntotal)))


def peek(path: Path) -> Facts | None:
    """The facts in this file without reading the rest; None when it has none."""
    try:
        with path.open("rb") as file:
            length, _ = _footer(file)
            file.seek(-_FOOTER.size - length, os.SEEK_END)
            facts = json.loads(file.read(length))
            return Facts(**facts | {"misfits": tuple(facts["misfits"])})
    except (OSError, ValueError, TypeError, KeyError, struct.error):
        return None


def _intact(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            _, checksum = _footer(file)
            return _checksum(file, path.stat().st_size - _FOOTER.size) == checksum
    except (OSError, ValueError, struct.error):
        return False


def _footer(file: BinaryIO) -> tuple[int, int]:
    """Length of the facts and checksum of everything before the footer."""
    file.seek(-_FOOTER.size, os.SEEK_END)
    length, checksum, magic = _FOOTER.unpack(file.read(_FOOTER.size))
    if magic != _MAGIC:
        raise ValueError("not an index file")
    return length, checksum


def _checksum(file: BinaryIO, size: int) -> int:
    """CRC-32 of the first `size` bytes: 60 ms for the index of a million vectors."""
    file.seek(0)
    checksum = 0
    while size > 0 and (part := file.read(min(size, 1 << 20))):
        checksum = zlib.crc32(part, checksum)
        size -= len(part)
    return checksum


def _empty(dimension: int, facts: Facts) -> VectorIndex:
    """One cell, around the origin, of 16-bit floats."""
    center = _faiss().IndexFlatIP(dimension)
    center.add(np.zeros((1, dimension), np.float32))
    index = _faiss().IndexIVFScalarQuantizer(
        center, dimension, 1, _faiss().ScalarQuantizer.QT_fp16, _faiss().METRIC_INNER_PRODUCT, False
    )
    index.train(np.zeros((1, dimension), np.float32))
    return VectorIndex(index, replace(facts, cells=1, probes=1, recall=1.0))


def _trained(rows: Ids, fetch: Fetch, dimension: int, facts: Facts) -> VectorIndex:
    """Empty cells around the centres of a sample, 8 bits for each number's distance from them."""
    cells = max(2, int(2 * len(rows) ** 0.5))
    sample = fetch(_sample(rows, _TRAIN_PER_CELL * cells)).vectors
    index = _faiss().IndexIVFScalarQuantizer(
        _faiss().IndexFlatIP(dimension),
        dimension,
        cells,
        _faiss().ScalarQuantizer.QT_8bit,
        _faiss().METRIC_INNER_PRODUCT,
    )
    index.sq.rangestat_arg = _WIDER_CODES
    index.cp.niter = _TRAIN_ROUNDS
    index.cp.spherical = True
    index.cp.min_points_per_centroid = 1  # else FAISS prints a warning for small collections
    index.train(sample)
    return VectorIndex(index, replace(facts, cells=cells))


def _worst_fit(index: Any) -> float:
    """The farthest an 8-bit code can be from a vector within the trained range: half a step in
    each number. Infinite with 16-bit floats, which reach beyond every vector."""
    trained = _faiss().vector_to_array(index.sq.trained)  # the lowest numbers, then the ranges
    return float(np.linalg.norm(trained[len(trained) // 2 :]) / 255 / 2) if len(trained) else float("inf")


def _rounding(dimension: int) -> float:
    """More than FAISS's 32-bit sums can be off.

    A sum of d products is off by at most d·2**-24 of the sum of their sizes. Sizes are at most
    1 for query and centre, and 2 more for query and code; decoding adds less than
    2**-18·sqrt(d) for numbers between -2 and 2. All this is less than (d + 32)·2**-21.
    """
    return float((dimension + 32) * 2.0**-21)


def _sample(rows: Ids, count: int) -> Ids:
    """At most `count` of these rows, always the same ones."""
    if len(rows) <= count:
        return rows
    return np.sort(np.random.default_rng(0).choice(rows, count, replace=False))


def _selector(rows: Ids) -> Any:
    """A bit for each row number up to the highest."""
    bits = np.zeros(int(rows.max(initial=0)) + 1, np.bool_)
    bits[rows] = True
    return _faiss().IDSelectorBitmap(np.packbits(bits, bitorder="little"))


def _faiss() -> Any:
    """FAISS, imported at first use; its own type hints leave out what it adds in Python."""
    import faiss

    return faiss
