"""How long a search takes, how much it finds and how much memory it needs, from 10k to 1M vectors.

    python benchmarks/search.py [--sizes 10000 100000 1000000] [--json FILE]

Draws clustered vectors of 256 numbers, puts them into a collection in a temporary directory as
indexing does, and asks a fresh process, on one core, for the ten nearest of vectors that are not
in it. `import` loads FAISS, `open` is from there to the first answer. Recall is against a
comparison with every vector in float64; `memory` is the largest resident size of the whole process, `loading`
that of the process that puts the vectors in and builds the index. A million takes some four
minutes and 1.5 GB of disk.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from lookalike.files import FileIdentity
from lookalike.gallery.base import Picture, Space
from lookalike.gallery.local import LocalGallery
from lookalike.vectors import canonical

DIMENSION = 256
CLUSTERS = 4000
BATCH = 10_000
QUERIES = 1000
K = 10
SPACE = Space("benchmark", "drawn", "embedding", "none", DIMENSION)
LIMITS = {"exact_ms": 25.0, "approximate_ms": 2.0, "memory_mb": 600.0, "open_s": 0.5}


def draw(count: int, seed: int) -> np.ndarray:
    """Unit vectors around 4,000 centres, with fewer and fewer differences along later axes."""
    scale = (np.arange(1, DIMENSION + 1) ** -0.35).astype(np.float32)
    centres = np.random.default_rng(0).standard_normal((CLUSTERS, DIMENSION), np.float32)
    drawn = np.random.default_rng(seed)
    rows = centres[drawn.integers(0, CLUSTERS, count)]
    rows = (rows + 0.7 * drawn.standard_normal((count, DIMENSION), np.float32)) * scale
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def batches(size: int) -> Iterator[tuple[int, np.ndarray]]:
    for start in range(0, size, BATCH):
        yield start, draw(min(BATCH, size - start), 1 + start)


def queries() -> np.ndarray:
    return canonical(draw(QUERIES, 2**31))


def picture(number: int) -> Picture:
    file = FileIdentity(f"/pictures/{number // 1000:05}/{number:08}.jpg", 100_000 + number, 10**18 + number)
    metadata = {"category": f"kind {number % 50}", "price": number % 1000 / 10, "in_stock": number % 3 == 0}
    return Picture(file, f"{number:064x}", 400, 300, "JPEG", number * 2654435761, metadata=metadata)


def load(directory: Path, size: int) -> dict[str, Any]:
    """Put the vectors in, as indexing does; and what that took."""
    started = time.perf_counter()
    with LocalGallery(directory) as gallery, gallery.writing() as writing:
        for start, rows in batches(size):
            writing.put(SPACE, [picture(start + i) for i in range(len(rows))], rows)
    return {
        "load_s": time.perf_counter() - started,
        "loading_mb": peak_mb(),
    }


def truth(size: int) -> np.ndarray:
    """(QUERIES, K) ids of the nearest by comparing with everything; the n-th put has id n."""
    asked = queries().astype(np.float64)
    scores, ids = np.empty((QUERIES, 0)), np.empty((QUERIES, 0), np.int64)
    for start, rows in batches(size):
        scores = np.hstack([scores, asked @ canonical(rows).astype(np.float64).T])
        new = np.broadcast_to(np.arange(start, start + len(rows)) + 1, (QUERIES, len(rows)))
        ids = np.hstack([ids, new])
        best = np.argpartition(-scores, K, axis=1)[:, :K]
        scores, ids = np.take_along_axis(scores, best, 1), np.take_along_axis(ids, best, 1)
    return ids


def search(directory: Path) -> dict[str, Any]:
    """Opening and searching, in this process; to be called in a fresh one."""
    started = time.perf_counter()
    import faiss  # noqa: F401

    imported = time.perf_counter() - started
    started = time.perf_counter()
    gallery = LocalGallery(directory)
    gallery.search(SPACE, queries()[:1], K)
    first = time.perf_counter() - started
    exact_ms, exact_ids = timed(gallery, exact=True)
    fast_ms, fast_ids = timed(gallery, exact=False)
    info = gallery.index_info(SPACE)
    return {
        "import_s": imported,
        "open_s": first,
        "exact_ms": exact_ms,
        "approximate_ms": fast_ms,
        "kind": info.kind,
        "measured_recall": info.recall,
        "index_mb": info.bytes / 2**20,
        "disk_mb": gallery.bytes_used() / 2**20,
        "memory_mb": peak_mb(),
        "exact_ids": exact_ids,
        "approximate_ids": fast_ids,
    }


def peak_mb() -> float:
    """The largest resident size of this program so far (Linux).

    Not `ru_maxrss`, which is handed on when a process starts another program: it never falls
    below what the parent had used.
    """
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def timed(gallery: LocalGallery, *, exact: bool) -> tuple[float, list[list[int]]]:
    """Median milliseconds a query, asked one by one, and the ids found."""
    times, found = [], []
    for query in queries():
        started = time.perf_counter()
        (matches,) = gallery.search(SPACE, query[None], K, exact=exact)
        times.append(time.perf_counter() - started)
        found.append(matches.ids.tolist())
    return 1000 * float(np.median(times)), found


def fresh(step: str, directory: Path, size: int) -> dict[str, Any]:
    """A step in a new process; searches on one core."""
    command = [sys.executable, __file__, "--step", step, "--directory", str(directory), "--sizes", str(size)]
    if step == "search" and hasattr(os, "sched_setaffinity"):
        core = min(os.sched_getaffinity(0))
        done = subprocess.run(
            command, check=True, capture_output=True, preexec_fn=lambda: os.sched_setaffinity(0, {core})
        )
    else:
        done = subprocess.run(command, check=True, capture_output=True)
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def measure(size: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder) / "collection"
        loaded = fresh("load", directory, size)
        searched = fresh("search", directory, size)
    true = truth(size)
    recalls = {
        f"{kind}_recall": float(
            np.mean([len(set(a) & set(b.tolist())) / K for a, b in zip(found, true, strict=True)])
        )
        for kind in ("exact", "approximate")
        for found in [searched.pop(f"{kind}_ids")]
    }
    return {"vectors": size, **loaded, **searched, **recalls}


COLUMNS = (
    "vectors", "kind", "exact_ms", "exact_recall", "approximate_ms", "approximate_recall",
    "measured_recall", "import_s", "open_s", "memory_mb", "index_mb", "disk_mb", "load_s", "loading_mb",
)  # fmt: skip


def table(rows: list[dict[str, Any]]) -> str:
    def cell(value: object) -> str:
        return f"{value:.3f}" if isinstance(value, float) else str(value)

    cells = [list(COLUMNS), *([cell(row[name]) for name in COLUMNS] for row in rows)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(COLUMNS))]
    return "\n".join("  ".join(c.rjust(w) for c, w in zip(line, widths, strict=True)) for line in cells)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--json", type=Path, help="write the figures to this file, too")
    parser.add_argument("--step", choices=["load", "search"], help=argparse.SUPPRESS)
    parser.add_argument("--directory", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.step:
        result = (
            load(arguments.directory, *arguments.sizes)
            if arguments.step == "load"
            else search(arguments.directory)
        )
        print(json.dumps(result))
        return
    rows = [measure(size) for size in arguments.sizes]
    print(table(rows))
    print("limits at 1,000,000:", ", ".join(f"{name} <= {limit:g}" for name, limit in LIMITS.items()))
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
