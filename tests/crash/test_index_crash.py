"""`lookalike index` is killed at random moments while the folder changes; nothing may be wrong after."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
from PIL import Image

from lookalike import files
from lookalike.collection import Collection
from lookalike.embedder import Embedder
from lookalike.gallery.local import DATABASE
from lookalike.vectors import canonical, cosines

PICTURES = 400
KILLS = 12
BATCH = 16

# The command itself, with batches so small that many are written; tells when one begins and ends.
DRIVER = f"""
    import sys
    from lookalike import indexing
    from lookalike.cli import main
    from lookalike.gallery.local_writing import LocalWriting

    indexing.BATCH_PICTURES = {BATCH}
    put = LocalWriting.put

    def told(self, *args):
        print("begin", flush=True)
        ids = put(self, *args)
        print("end", flush=True)
        return ids

    LocalWriting.put = told
    main()
"""


def test_killed_at_any_moment_the_next_run_goes_on(tmp_path: Path) -> None:
    chance = random.Random(0)
    folder, collection = tmp_path / "in", tmp_path / "collection"
    folder.mkdir()
    for number in range(PICTURES):
        draw(folder / f"{number:03}.jpg", number)
    known = 0
    for number in range(KILLS):
        run_and_kill(folder, collection, chance.randint(0, 8), chance.uniform(0, 0.03))
        images = check(collection)
        assert images >= known  # what was there is not lost; files that vanish are only marked
        known = images
        change(folder, chance, number)
    assert known > PICTURES / 4  # else little was tried
    subprocess.run(
        command(folder, collection), check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    check(collection)
    check_complete(folder, collection)


def draw(path: Path, seed: int) -> None:
    noise = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), np.uint8)
    Image.fromarray(noise).resize((64, 64), Image.Resampling.BICUBIC).save(path)


def change(folder: Path, chance: random.Random, number: int) -> None:
    """Rename one file, replace one, copy one and delete one."""
    renamed, replaced, copied, deleted = chance.sample(sorted(folder.iterdir()), 4)
    renamed.rename(folder / f"renamed-{number}.jpg")
    draw(replaced, 1000 + number)
    shutil.copy(copied, folder / f"copy-{number}.jpg")
    deleted.unlink()


def command(folder: Path, collection: Path) -> list[str]:
    code = textwrap.dedent(DRIVER)
    return [sys.executable, "-c", code, "index", str(folder), "-c", str(collection), "--json"]


def run_and_kill(folder: Path, collection: Path, steps: int, seconds: float) -> None:
    """Kill the command so many seconds after so many batches began or ended."""
    with subprocess.Popen(
        command(folder, collection), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdout is not None
        for _ in range(steps):
            process.stdout.readline()
        time.sleep(seconds)
        process.kill()


def check(directory: Path) -> int:
    """The store is whole, every row has its vector, and the search finds what comparing with all
    finds; gives the number of rows."""
    if not (directory / DATABASE).exists():
        return 0
    with sqlite3.connect(directory / DATABASE) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()
    with Collection.open(directory) as collection:
        gallery = collection.gallery
        if not gallery.spaces():
            return 0
        space = collection.space
        assert not list(gallery.without_vector(space))
        rows = list(gallery.pictures())
        assert len({row.path for row in rows}) == len(rows)
        parts = list(gallery.scan(space))
        if not parts:
            return len(rows)
        ids = np.concatenate([ids for ids, _ in parts])
        vectors = np.concatenate([vectors for _, vectors in parts])
        assert ids.tolist() == [row.id for row in rows]
        queries = canonical(np.random.default_rng(1).standard_normal((3, space.dimension)))
        for query, found in zip(queries, gallery.search(space, queries, 10), strict=True):
            true = cosines(query, vectors)
            order = np.lexsort((ids, -true))[:10]
            assert found.ids.tolist() == ids[order].tolist()
            assert found.similarities.tolist() == true[order].tolist()
        return len(rows)


def check_complete(folder: Path, directory: Path) -> None:
    """Every file has one row with its own identity, content and vector."""
    with Collection.open(directory) as collection:
        rows = [row for row in collection.gallery.pictures() if not row.missing]
        assert sorted(row.path for row in rows) == sorted(map(str, folder.iterdir()))
        assert all(not os.path.exists(row.path) for row in collection.gallery.pictures() if row.missing)
        vectors = collection.gallery.vectors(collection.space, [row.id for row in rows])
        assert vectors.tobytes() == Embedder.load().embed([row.path for row in rows]).tobytes()
        for row in rows:
            assert row.file == files.identify(row.path)
            assert row.content == files.content_hash(Path(row.path).read_bytes())
        report = collection.add(folder)
        assert (report.unchanged, report.images) == (len(rows), collection.info().images)
