"""How fast pictures are indexed, all included, against the bare network in the same process.

    python benchmarks/indexing.py ../shared/data/clothing/images --count 3781
    python benchmarks/indexing.py ../shared/data/clothing/images --count 40000 --threads 2

The pictures of the folder are repeated, each time with another comment in the JPEG, until there
are COUNT different files. Each line is a process of its own. "bare" is the network alone, one
thread, on the first 128 pictures made ready beforehand, in the same process just before and just
after indexing; "share" is indexing divided by bare times threads. Machines are noisy: compare
shares, not pictures a second.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from lookalike import Collection, Embedder
from lookalike.sandbox import Decoder

BARE_SECONDS = 2.0
INPUTS = 128


def repeated(source: Path, target: Path, count: int) -> None:
    """Fill a folder with `count` different JPEG files made of the pictures in another."""
    originals = [path.read_bytes() for path in sorted(source.glob("*.jpg"))]
    for number in range(count):
        data = originals[number % len(originals)]
        text = f"copy {number}".encode()
        comment = b"\xff\xfe" + (len(text) + 2).to_bytes(2, "big") + text
        folder = target / f"{number // 1000:03}"
        folder.mkdir(exist_ok=True)
        (folder / f"{number:06}.jpg").write_bytes(data[:2] + comment + data[2:])


def ready_inputs(embedder: Embedder, folder: Path) -> list[np.ndarray]:
    """The first pictures of a folder as the network takes them."""
    with Decoder() as decoder:
        some = [decoder.decode(path, min_side=embedder.min_side) for path in files_in(folder)[:INPUTS]]
    return [embedder._input(embedder.square(picture.rgb)) for picture in some]


def files_in(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.jpg"))


def bare(embedder: Embedder, inputs: list[np.ndarray]) -> float:
    """Pictures a second of the network alone."""
    network, tensor = embedder._network, embedder._output.tensor
    runs, start = 0, time.perf_counter()
    while time.perf_counter() - start < BARE_SECONDS:
        for ready in inputs:
            network.run(ready, [tensor])
        runs += len(inputs)
    return runs / (time.perf_counter() - start)


def child(folder: Path, threads: int, runtime: str) -> None:
    """One measurement; prints a line of JSON."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
    embedder = Embedder.load(runtime=runtime)
    inputs = ready_inputs(embedder, folder)
    before = bare(embedder, inputs)
    with (
        tempfile.TemporaryDirectory() as place,
        Collection.open(Path(place) / "c", runtime=runtime) as collection,
    ):
        report = collection.add(folder, threads=threads)
    after = bare(embedder, inputs)
    network = statistics.mean([before, after])
    print(
        json.dumps(
            {
                "runtime": runtime,
                "threads": threads,
                "pictures": report.added,
                "pictures_per_second": round(report.images_per_second, 1),
                "bare": round(network, 1),
                "share": round(report.images_per_second / network / threads, 3),
                "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
            }
        )
    )


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pictures", type=Path, help="folder of JPEG files")
    parser.add_argument("--count", type=int, default=3781)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--runtime", nargs="+", default=["onnxruntime"])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(options.pictures, options.threads[0], options.runtime[0])
        return
    with tempfile.TemporaryDirectory() as place:
        repeated(options.pictures, Path(place), options.count)
        print(
            f"{'runtime':12} {'threads':>7} {'pictures':>8} {'per s':>7} "
            f"{'bare':>7} {'share':>6} {'peak MB':>7}"
        )
        for _ in range(options.runs):
            for runtime in options.runtime:
                for threads in options.threads:
                    command = [sys.executable, __file__, place, "--child"]
                    command += ["--threads", str(threads), "--runtime", runtime]
                    row = json.loads(
                        subprocess.run(command, check=True, capture_output=True, text=True).stdout
                    )
                    print(
                        f"{row['runtime']:12} {row['threads']:7} {row['pictures']:8} "
                        f"{row['pictures_per_second']:7.1f} {row['bare']:7.1f} "
                        f"{row['share']:6.3f} {row['peak_mb']:7}",
                        flush=True,
                    )


if __name__ == "__main__":
    main()
