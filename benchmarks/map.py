"""How long the map's layout takes, how much memory it needs, and how true it is.

    python benchmarks/map.py [--count 1000 10000 100000] [--peers 3000] [--collection DIR] [--json FILE]

Takes vectors of 256 numbers that lie as those of pictures do (those of `neighbours.py`), builds the
neighbour graph, and lays it out in a fresh process: first from nothing, then after 0.5 % new pictures
(`update`). `graph_s` is the time of the graph, which is not part of `layout_s`; measuring and keeping
are. `memory_mb` is the largest resident size of that process. `trust` is trustworthiness (Venna and
Kaski, 2001) and `kept` the share of the 15 nearest that are kept, both measured by `plane.quality` on 500
pictures against all.

Beside it, in the same run and by the same measure: the two principal components (`pca`), and scikit-
learn's t-SNE as it is unless told otherwise (`sklearn`), up to `--peers` pictures. `--collection` takes a
collection of real pictures instead.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from neighbours import fresh, load, space_of, timed

from lookalike.gallery.local import LocalGallery
from lookalike.neighbours import graph
from lookalike.plane import starting
from lookalike.plane.keeping import plane
from lookalike.plane.quality import quality


def graphed(directory: Path) -> float:
    """Seconds for the neighbour graph; in a fresh process."""
    with LocalGallery(directory) as gallery:
        return timed(lambda: graph(gallery, space_of(gallery)))[0]


def laid_out(directory: Path) -> dict[str, float]:
    """The layout, and what that took; in a fresh process. The graph is there already."""
    with LocalGallery(directory) as gallery:
        seconds, made = timed(lambda: plane(gallery, space_of(gallery)))
        assert made.quality is not None
        return {
            "count": len(made.ids),
            "layout_s": seconds,
            "memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            "placed": int(made.placed.sum()),
            "trust": made.quality.trustworthiness,
            "kept": made.quality.neighbours_kept,
        }


def peers(directory: Path, most: int) -> dict[str, float]:
    """The same figures of other layouts of the same vectors; in a fresh process."""
    with LocalGallery(directory) as gallery:
        near = graph(gallery, space_of(gallery))
        blocks = list(gallery.scan(space_of(gallery)))
        layouts = {"pca": timed(lambda: starting.principal(blocks, near.ids))}
        if len(near.ids) <= most:
            from sklearn.manifold import TSNE

            rows = np.concatenate([vectors for _, vectors in blocks])
            layouts["sklearn"] = timed(lambda: TSNE(random_state=0).fit_transform(rows))
        result = {}
        for name, (seconds, points) in layouts.items():
            found = quality(near.ids, np.asarray(points, np.float32), blocks)
            assert found is not None
            result |= {f"{name}_s": seconds, f"{name}_trust": found.trustworthiness}
            result[f"{name}_kept"] = found.neighbours_kept
        return result


def measure(directory: Path, most: int) -> dict[str, float]:
    result = {"graph_s": fresh(graphed, directory)}
    return fresh(laid_out, directory) | result | fresh(peers, directory, most)


def runs(arguments: argparse.Namespace) -> Iterator[dict[str, float]]:
    with tempfile.TemporaryDirectory() as folder:
        if arguments.collection:
            copy = Path(folder) / "real"
            shutil.copytree(arguments.collection, copy, ignore=shutil.ignore_patterns("*.arrays"))
            yield measure(copy, arguments.peers)
            return
        for count in arguments.count:
            directory = Path(folder) / str(count)
            fresh(load, directory, 0, count)
            result = measure(directory, arguments.peers)
            fresh(load, directory, count, count // 200)
            updated = fresh(laid_out, directory)
            yield result | {"update_s": updated["layout_s"], "placed": updated["placed"]}
            shutil.rmtree(directory)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--count", type=int, nargs="+", default=[1_000, 3_000, 10_000, 30_000, 100_000])
    parser.add_argument("--peers", type=int, default=3_000, help="pictures up to which scikit-learn runs too")
    parser.add_argument("--collection", type=Path, help="a collection of real pictures to take instead")
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
