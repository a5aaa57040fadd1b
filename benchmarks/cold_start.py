"""How long the shell waits: `lookalike --help`, and a search in a large collection.

    python benchmarks/cold_start.py PICTURE --size 100000

Every run is a process of its own, nothing is kept warm but the disk cache. The collection's
vectors are drawn around cluster centres; the query is a real picture. "python" is the bare
interpreter, "imports" loads what a search needs and nothing more: what no search can be below.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from lookalike import Embedder
from lookalike.files import FileIdentity
from lookalike.gallery.base import Picture, Space
from lookalike.gallery.local import LocalGallery

BATCH = 10_000
IMPORTS = "import click, cv2, faiss, numpy, onnxruntime, simplejpeg, sqlite3"


def fill(directory: Path, size: int) -> None:
    """A collection of `size` pictures that exist in name only, with metadata."""
    embedder = Embedder.load()
    space = Space(
        embedder.identity, embedder.card.name, embedder.output, embedder.runtime, embedder.dimension
    )
    dice = np.random.default_rng(0)
    centres = dice.normal(size=(500, space.dimension))
    with LocalGallery(directory) as gallery, gallery.writing() as writing:
        writing.register(space)
        for start in range(0, size, BATCH):
            numbers = range(start, min(start + BATCH, size))
            noise = dice.normal(size=(len(numbers), space.dimension)) * 0.7
            vectors = (centres[dice.integers(0, len(centres), len(numbers))] + noise).astype(np.float32)
            vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
            pictures = [picture(number) for number in numbers]
            writing.put(space, pictures, vectors)


def picture(number: int) -> Picture:
    """A row without a file."""
    file = FileIdentity(f"/nowhere/{number // 1000:04}/{number:07}.jpg", 40_000, number)
    metadata = {"price": number % 500, "category": f"kind {number % 40}", "in_stock": number % 3 > 0}
    return Picture(file, f"{number:064x}", 400, 300, "JPEG", number, metadata=metadata)


def seconds(command: list[str], runs: int) -> str:
    """Median and range of the wall-clock time of a command."""
    times = []
    for _ in range(runs + 1):
        start = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        times.append(time.perf_counter() - start)
    times = times[1:]  # the first fills the disk cache
    return f"{statistics.median(times):6.3f}  ({min(times):.3f} to {max(times):.3f})"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("picture")
    parser.add_argument("--size", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=9)
    options = parser.parse_args()
    lookalike = [sys.executable, "-m", "lookalike"]
    with tempfile.TemporaryDirectory() as place:
        directory = Path(place) / "collection"
        fill(directory, options.size)
        search = [*lookalike, "search", options.picture, "-c", str(directory)]
        commands = {
            "python": [sys.executable, "-c", ""],
            "imports": [sys.executable, "-c", IMPORTS],
            "lookalike --help": [*lookalike, "--help"],
            f"search in {options.size:,}": search,
            "… --json": [*search, "--json"],
            "… --where": [*search, "--where", "price < 100 and in_stock"],
        }
        print(f"{'seconds':24} median  (range of {options.runs} runs)")
        for name, command in commands.items():
            print(f"{name:24} {seconds(command, options.runs)}", flush=True)


if __name__ == "__main__":
    main()
