"""A writing process is killed at random moments; what it was told is kept must be there."""

from __future__ import annotations

import random
import sqlite3
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np

from lookalike.gallery.base import Space
from lookalike.gallery.local import DATABASE, LocalGallery
from lookalike.vectors import canonical, cosines

SPACE = Space("a" * 64, "small", "embedding", "onnxruntime", 16)
BATCH = 40
KILLS = 15

# Writes batch after batch, replaces and removes some, and tells each step that is done. The index
# file is brought up to date every few batches, so that kills hit that as well.
WRITER = """
    import sys
    from pathlib import Path
    import numpy as np
    from lookalike.files import FileIdentity
    from lookalike.gallery import local_writing, space_search
    from lookalike.gallery.base import Picture, Space
    from lookalike.gallery.local import LocalGallery

    local_writing.SETTLE_EVERY = space_search.SAVE_FROM = 150
    space = Space("a" * 64, "small", "embedding", "onnxruntime", 16)
    first, batch = int(sys.argv[2]), int(sys.argv[3])
    with LocalGallery(Path(sys.argv[1]), exact_limit=600) as gallery, gallery.writing() as writing:
        print("ready", flush=True)
        for number in range(first, 10**6):
            rows = [
                Picture(FileIdentity(f"/{number:06}/{i}", number, i), f"{number}.{i}", 1, 1, "PNG", 0)
                for i in range(batch)
            ]
            vectors = np.random.default_rng(number).standard_normal((batch, 16)).astype(np.float32)
            ids = writing.put(space, rows, vectors)
            print("put", number, flush=True)
            if number % 5 == 0:
                writing.remove(ids)
                print("removed", number, flush=True)
"""


def test_killed_at_any_moment_nothing_acknowledged_is_lost(tmp_path: Path) -> None:
    folder = tmp_path / "collection"
    chance = random.Random(0)
    put: set[int] = set()
    removed: set[int] = set()
    for _ in range(KILLS):
        # Of a killed step that was never told the next number may be there: hence 2.
        first = max(put, default=-1) + 2
        told = run_and_kill(folder, first, chance.randint(0, 12), chance.uniform(0.0, 0.03))
        put |= {number for word, number in told if word == "put"}
        removed |= {number for word, number in told if word == "removed"}
        check(folder, put, removed)
    assert len(put) > 2 * KILLS  # else nothing was tried


def run_and_kill(folder: Path, first: int, steps: int, seconds: float) -> list[tuple[str, int]]:
    """What a writer had told that was killed so many seconds after so many steps."""
    command = [sys.executable, "-c", textwrap.dedent(WRITER), str(folder), str(first), str(BATCH)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
        lines = [writer.stdout.readline() for _ in range(steps)]
        time.sleep(seconds)
        writer.kill()
        lines += [line for line in writer.stdout if line.endswith("\n")]
    return [(word, int(number)) for word, number in map(str.split, lines)]


def check(folder: Path, put: set[int], removed: set[int]) -> None:
    with sqlite3.connect(folder / DATABASE) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()
    with LocalGallery(folder, exact_limit=1000) as gallery:
        batches: dict[int, int] = {}
        for picture in gallery.pictures():
            batches[picture.file.size] = batches.get(picture.file.size, 0) + 1
        assert set(batches.values()) <= {BATCH}, "a batch is there in part"
        assert put - removed - set(batches) <= {n for n in put if n % 5 == 0}, "an acknowledged batch is lost"
        assert not removed & set(batches), "an acknowledged removal is undone"
        assert not list(gallery.without_vector(SPACE))
        check_search(gallery)


def check_search(gallery: LocalGallery) -> None:
    """The search finds what a comparison with everything finds."""
    parts = list(gallery.scan(SPACE))
    if not parts:
        return
    ids = np.concatenate([ids for ids, _ in parts])
    vectors = np.concatenate([vectors for _, vectors in parts])
    queries = canonical(np.random.default_rng(1).standard_normal((5, 16)).astype(np.float32))
    for query, found in zip(queries, gallery.search(SPACE, queries, 10, exact=True), strict=True):
        true = cosines(query, vectors)
        order = np.lexsort((ids, -true))[:10]
        assert found.ids.tolist() == ids[order].tolist()
        assert found.similarities.tolist() == true[order].tolist()
