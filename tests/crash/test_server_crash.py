"""A server under write load is ended in the middle of it: what it acknowledged is there."""

from __future__ import annotations

import hashlib
import io
import random
import signal
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lookalike.client import Client
from lookalike.collection import Collection
from lookalike.errors import LookalikeError
from lookalike.gallery.local import DATABASE
from lookalike.results import StoredPicture
from serving import Server, make_collection, start

WRITERS = 3
KILLS = 3


def jpeg(seed: int) -> bytes:
    noise = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).resize((64, 64), Image.Resampling.BICUBIC).save(buffer, "JPEG")
    return buffer.getvalue()


class Load:
    """Writers that add pictures, change and remove some, and note what was acknowledged."""

    def __init__(self, server: Server, first: int) -> None:
        self.there: dict[str, dict[str, int]] = {}
        self.gone: set[str] = set()
        self.tried = 0
        self._lock = threading.Lock()
        self._threads = [
            threading.Thread(target=self._write, args=(server, first + 10_000 * number))
            for number in range(WRITERS)
        ]
        for thread in self._threads:
            thread.start()

    def _write(self, server: Server, seed: int) -> None:
        with Client(server.url, timeout=60) as client:
            for number in range(seed, seed + 10_000):
                data, told = jpeg(number), {"seed": number}
                content = hashlib.sha256(data).hexdigest()
                try:
                    (added,) = client.add(data, metadata=told)
                    self.tried += 1
                    assert isinstance(added, StoredPicture)
                    if number % 5 == 4:
                        with self._lock:
                            self.gone.add(content)  # from here on it may be gone
                        client.remove([added.id])
                        continue
                    with self._lock:
                        self.there[content] = told
                except LookalikeError:
                    return

    def wait_until_busy(self) -> None:
        while self.tried < 5:
            assert any(thread.is_alive() for thread in self._threads), "all writers were refused"
            time.sleep(0.01)

    def join(self) -> None:
        for thread in self._threads:
            thread.join()


@pytest.fixture
def folder(tmp_path: Path, draw_shop: Callable[[Path], Path]) -> Path:
    return make_collection(tmp_path, draw_shop(tmp_path / "pictures"))


def check(folder: Path, there: dict[str, dict[str, int]]) -> None:
    directory = folder / "collection"
    with sqlite3.connect(directory / DATABASE) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()
    with Collection.open(directory) as collection:
        assert not list(collection.gallery.without_vector(collection.space))
        for content, told in there.items():
            (row,) = collection.gallery.with_content(content)
            assert dict(row.metadata) == told
            assert hashlib.sha256(Path(row.path).read_bytes()).hexdigest() == content
    for file in (directory / "uploads").glob("[!.]*"):
        assert hashlib.sha256(file.read_bytes()).hexdigest() == file.stem  # whole, or not there


def test_killed_under_write_load_nothing_acknowledged_is_lost(folder: Path) -> None:
    chance = random.Random(0)
    there: dict[str, dict[str, int]] = {}
    for round_ in range(KILLS):
        server = start(folder)
        load = Load(server, 100_000 * round_)
        load.wait_until_busy()
        time.sleep(chance.uniform(0, 0.5))
        assert server.stop(signal.SIGKILL) == -signal.SIGKILL
        load.join()
        there |= load.there
        check(folder, there)
    assert len(there) >= 5 * KILLS * 4 // 5 - KILLS * WRITERS


def test_ended_under_write_load_what_is_in_work_is_acknowledged(folder: Path) -> None:
    server = start(folder)
    load = Load(server, 0)
    load.wait_until_busy()
    assert server.stop(signal.SIGTERM) == 0
    load.join()
    check(folder, load.there)
    # Each writer had at most one request in work, and that was finished: nothing is there that nobody knows.
    with Collection.open(folder / "collection") as collection:
        uploaded = {row.content for row in collection.gallery.pictures() if "/uploads/" in row.path}
    assert load.there.keys() <= uploaded
    assert uploaded <= load.there.keys() | load.gone
