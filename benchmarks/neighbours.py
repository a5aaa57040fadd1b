"""How long the neighbour graph takes, how much it finds and how much memory it needs.

    python benchmarks/neighbours.py [--count 10000 100000] [--collection DIR] [--skip-faiss] [--json FILE]

Draws vectors of 256 numbers that lie as those of pictures do (kinds, kinds within kinds, near copies),
puts them into a collection in a temporary directory, and computes the graph in a fresh process: first
from nothing, then once more (`again`: it is only read), then after 0.5 % new pictures (`update`). Reading
the vectors and keeping the graph are part of it. `recall` is measured here, on 1,000 pictures against all
others, and not taken from the graph, which says `said`.
FAISS's exact search for the same neighbours runs in the same process and on the same processors;
`ratio` is our time by its time. `memory` is the largest resident size of a process that does nothing
but compute the graph. `--collection` takes the vectors of a collection of real pictures instead.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from lookalike.files import FileIdentity
from lookalike.gallery.base import Picture, Space
from lookalike.gallery.local import LocalGallery
from lookalike.neighbours import GRAPH_K, SPARE, Graph, graph

DIMENSION = 256
BATCH = 10_000
SAMPLE = 1000
SPACE = Space("benchmark", "drawn", "embedding", "none", DIMENSION)
LEVELS = ((40, 1.0), (1500, 0.7), (20_000, 0.6))
"""How many kinds there are on each level, and how far apart they lie; then each picture by 0.5. With
these the nearest other has a median cosine of 0.77 and the 11th of 0.58 at 10,000 pictures; of 6,800
photographs of fruit, clothes, groceries and other things it was 0.82 and 0.59."""


def drawn(count: int, seed: int) -> np.ndarray:
    """Unit vectors of kinds within kinds, with fewer and fewer differences along later axes."""
    scale = (np.arange(1, DIMENSION + 1) ** -0.35).astype(np.float32)
    rng, rows = np.random.default_rng(seed), np.zeros((count, DIMENSION), np.float32)
    parents = rng.integers(0, LEVELS[-1][0], count)  # a kind of the last level lies in one of each above
    for level, (kinds, size) in enumerate(LEVELS):
        centres = np.random.default_rng(level).standard_normal((kinds, DIMENSION), np.float32)
        rows += size * centres[parents % kinds]
    rows += 0.5 * rng.standard_normal((count, DIMENSION), np.float32)
    rows *= scale
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def picture(number: int) -> Picture:
    file = FileIdentity(f"/pictures/{number:08}.jpg", number, number)
    return Picture(file, f"{number:064x}", 400, 300, "JPEG", number)


def load(directory: Path, start: int, count: int) -> None:
    with LocalGallery(directory) as gallery, gallery.writing() as writing:
        for first in range(start, start + count, BATCH):
            some = min(BATCH, start + count - first)
            writing.put(SPACE, [picture(first + i) for i in range(some)], drawn(some, 1 + first))


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    started = time.perf_counter()
    result = work()
    return time.perf_counter() - started, result


def space_of(gallery: LocalGallery) -> Space:
    return gallery.spaces()[0]


def compute(directory: Path) -> dict[str, float]:
    """The graph, and what that took; to be called in a fresh process."""
    with LocalGallery(directory) as gallery:
        seconds, made = timed(lambda: graph(gallery, space_of(gallery)))
        return {
            "count": len(made.ids),
            "seconds": seconds,
            "said": made.recall,
            "memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            "again_s": timed(lambda: graph(gallery, space_of(gallery)))[0],
        }


def compare(directory: Path, with_all: bool) -> dict[str, float]:
    """Recall of the graph kept there, and the time of FAISS for the same; in a fresh process."""
    import faiss

    with LocalGallery(directory) as gallery:
        made = graph(gallery, space_of(gallery))
        rows = np.concatenate([vectors for _, vectors in gallery.scan(space_of(gallery))])
    sample = np.sort(np.random.default_rng(5).permutation(len(rows))[:SAMPLE])
    result = {"recall": recall(made, rows, sample)}
    if with_all:
        metric = faiss.METRIC_INNER_PRODUCT
        result["faiss_s"] = timed(lambda: faiss.knn(rows, rows, GRAPH_K + SPARE, metric=metric))[0]
    return result


def recall(made: Graph, rows: np.ndarray, sample: np.ndarray) -> float:
    """Share of the true nearest that the graph has, equally near ones included; in float64."""
    hits = 0
    for place in sample:
        exact = rows.astype(np.float64) @ rows[place] if len(rows) < 50_000 else rows @ rows[place]
        exact[place] = -2
        last = np.sort(np.partition(exact, -GRAPH_K)[-GRAPH_K:])[0]
        hits += int((made.similarities[place] >= last - 1e-6).sum())
    return hits / (len(sample) * GRAPH_K)


def fresh(work: Callable[..., Any], *arguments: object) -> Any:
    """The result of some work in a process of its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(work, arguments)


def measure(directory: Path, with_all: bool) -> dict[str, float]:
    result = fresh(compute, directory) | fresh(compare, directory, with_all)
    if "faiss_s" in result:
        result["ratio"] = result["seconds"] / result["faiss_s"]
    return result


def runs(arguments: argparse.Namespace) -> Iterator[dict[str, float]]:
    with tempfile.TemporaryDirectory() as folder:
        if arguments.collection:
            copy = Path(folder) / "real"
            shutil.copytree(arguments.collection, copy, ignore=shutil.ignore_patterns("*.arrays"))
            yield measure(copy, not arguments.skip_faiss)
            return
        for count in arguments.count:
            directory = Path(folder) / str(count)
            fresh(load, directory, 0, count)
            result = measure(directory, not arguments.skip_faiss)
            fresh(load, directory, count, count // 200)
            yield result | {"update_s": fresh(compute, directory)["seconds"]}
            shutil.rmtree(directory)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--count", type=int, nargs="+", default=[10_000, 100_000], help="pictures to draw")
    parser.add_argument("--collection", type=Path, help="a collection whose vectors to take instead")
    parser.add_argument("--skip-faiss", action="store_true", help="do not run FAISS's exact search")
    parser.add_argument("--json", type=Path, help="write the figures into this file")
    arguments = parser.parse_args()
    results = []
    for result in runs(arguments):
        results.append(result)
        print("  ".join(f"{name} {value:.4g}" for name, value in result.items()), flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=2))


if __name__ == "__main__":
    sys.exit(main())
