"""How well clusters agree with what people call the pictures, and what they cost.

    python benchmarks/clusters.py [--data ../shared/data] [--count 1000 10000 100000] [--json FILE]

Quality: clothes by garment, groceries by product and by category, fruits by variety, each set in a
collection of its own. Ours at its defaults, the same for all sets, beside scikit-learn on the same vectors in
the same process: k-means, which is told the true number of kinds (10 starts each, the mean over 3 seeds), and
HDBSCAN with the best of four smallest sizes, which is chosen by looking at the truth. AMI and ARI, noise
counted as clusters of one. `ahead` says whether ours has the highest AMI, and the highest ARI, of the three.
The other levels are for comparison.

Cost: vectors drawn as for `benchmarks/neighbours.py`, each number of them in a fresh process: the neighbour
graph, then the clusters with the graph already there (reading, finding, describing and keeping them), then
0.5 % new pictures put into them (bringing the graph up to date included), then 100 representatives, then
`MEANS` clusters by k-means, `means`, and its processor time, `means_cpu`. `cpu`
is the processor time of the first two on all cores together, for when others use the machine as well, and
`memory` the largest resident size of that process. `--skip-quality` and `--skip-cost` leave one out.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from neighbours import fresh, load, space_of, timed

from lookalike import Collection
from lookalike.clusters import assigned
from lookalike.clusters.communities import DEFAULT_LEVEL, LEVELS
from lookalike.clusters.finding import Request, find
from lookalike.clusters.representatives import representatives
from lookalike.clusters.updating import update
from lookalike.evaluation.partitions import ami, ari
from lookalike.gallery.local import LocalGallery
from lookalike.neighbours import graph

SETS = (("clothing", "garment"), ("grocery", "product"), ("grocery", "category"), ("fruits", "variety"))
SEEDS = 3
MEANS = 100
SMALLEST = (3, 5, 10, 20)
Scores = dict[str, tuple[float, float, float]]


# --- quality ---------------------------------------------------------------------------------


def indexed(folder: Path, data: Path, name: str) -> Collection:
    """A collection of one set, with its labels as metadata."""
    collection = Collection.open(folder / name)
    collection.add([data / name], metadata=data / name / "labels.csv")
    return collection


def quality(collection: Collection, column: str) -> dict[str, Any]:
    """AMI, ARI and number of clusters of each way, for the pictures whose kind is known."""
    gallery, space = collection.gallery, collection.space
    rows = np.concatenate([vectors for _, vectors in gallery.scan(space)])
    kinds = [picture.metadata.get(column) for picture in gallery.pictures()]
    known = np.array([kind is not None for kind in kinds])
    truth = np.unique([str(kind) for kind in kinds], return_inverse=True)[1][known]

    def scores(clusters: np.ndarray) -> tuple[float, float, float]:
        return ami(truth, clusters[known]), ari(truth, clusters[known]), float(clusters.max() + 1)

    found: Scores = {
        f"ours, level {level}": scores(ours(collection, level)) for level in range(1, LEVELS + 1)
    }
    found["k-means"] = means(rows, len(set(truth.tolist())), scores)
    found["hdbscan"] = max(hdbscan(rows, scores), key=lambda each: each[0])
    mine, others = found[f"ours, level {DEFAULT_LEVEL}"], (found["k-means"], found["hdbscan"])
    ahead = [mine[i] > max(other[i] for other in others) for i in (0, 1)]
    return {"pictures": len(truth), "kinds": len(set(truth.tolist())), "scores": found, "ahead": ahead}


def ours(collection: Collection, level: int) -> np.ndarray:
    collection.clusters(level=level)
    kept = assigned(collection.gallery, collection.space)
    assert kept is not None
    return np.where(kept.clusters > 0, kept.clusters - 1, -1)


def means(rows: np.ndarray, k: int, scores: Callable[..., Any]) -> tuple[float, float, float]:
    from sklearn.cluster import KMeans

    runs = [scores(KMeans(k, n_init=10, random_state=seed).fit_predict(rows)) for seed in range(SEEDS)]
    first, second, third = (float(value) for value in np.mean(runs, axis=0))
    return first, second, third


def hdbscan(rows: np.ndarray, scores: Callable[..., Any]) -> Iterator[tuple[float, float, float]]:
    from sklearn.cluster import HDBSCAN

    for smallest in SMALLEST:
        yield scores(HDBSCAN(min_cluster_size=smallest, copy=True).fit_predict(rows))


def all_quality(data: Path, folder: Path) -> Iterator[dict[str, Any]]:
    for name in dict.fromkeys(name for name, _ in SETS):
        with indexed(folder, data, name) as collection:
            for column in (column for other, column in SETS if other == name):
                yield {"set": name, "by": column} | quality(collection, column)


def show(result: dict[str, Any]) -> None:
    print(f"{result['set']} by {result['by']}: {result['pictures']} pictures, {result['kinds']} kinds")
    for way, (first, second, count) in result["scores"].items():
        print(f"  {way:<14} AMI {first:.3f}  ARI {second:.3f}  clusters {count:.0f}")
    print(f"  ahead (level {DEFAULT_LEVEL}): AMI {result['ahead'][0]}, ARI {result['ahead'][1]}", flush=True)


# --- cost ------------------------------------------------------------------------------------


def first_costs(directory: Path) -> dict[str, float]:
    """Graph and clusters, and what they took; to be called in a fresh process."""
    with LocalGallery(directory) as gallery:
        space = space_of(gallery)
        graph_s, made = timed(lambda: graph(gallery, space))
        clusters_s, found = timed(lambda: find(gallery, space, Request()))
        return {
            "count": len(made.ids),
            "graph_s": graph_s,
            "clusters_s": clusters_s,
            "cpu_s": time.process_time(),
            "clusters": len(found.clusters),
            "noise": len(found.noise),
            "memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        }


def later_costs(directory: Path) -> dict[str, float]:
    """New pictures put into clusters, representatives, and k-means; likewise."""
    with LocalGallery(directory) as gallery:
        space = space_of(gallery)
        update_s, found = timed(lambda: update(gallery, space))
        representatives_s, _ = timed(lambda: representatives(gallery, space, 100))
        before = time.process_time()
        means_s, _ = timed(lambda: find(gallery, space, Request(k=MEANS)))
        return {
            "update_s": update_s,
            "added": found.added,
            "representatives_s": representatives_s,
            "means_s": means_s,
            "means_cpu_s": time.process_time() - before,
        }


def costs(counts: list[int], folder: Path) -> Iterator[dict[str, float]]:
    for count in counts:
        directory = folder / str(count)
        fresh(load, directory, 0, count)
        result = fresh(first_costs, directory)
        fresh(load, directory, count, count // 200)
        yield result | fresh(later_costs, directory)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared" / "data")
    parser.add_argument("--count", type=int, nargs="+", default=[1000, 3000, 10_000, 30_000, 100_000])
    parser.add_argument("--skip-quality", action="store_true")
    parser.add_argument("--skip-cost", action="store_true")
    parser.add_argument("--json", type=Path, help="write the figures into this file")
    arguments = parser.parse_args()
    results: dict[str, list[Any]] = {"quality": [], "cost": []}
    with tempfile.TemporaryDirectory() as folder:
        if not arguments.skip_quality:
            for judged in all_quality(arguments.data, Path(folder)):
                results["quality"].append(judged)
                show(judged)
        if not arguments.skip_cost:
            print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")
            for cost in costs(arguments.count, Path(folder)):
                results["cost"].append(cost)
                print("  ".join(f"{name} {value:.4g}" for name, value in cost.items()), flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=2))


if __name__ == "__main__":
    sys.exit(main())
