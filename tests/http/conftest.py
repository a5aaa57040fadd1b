"""Servers for the tests of this folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from serving import Server, make_collection, start


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, draw_shop: Callable[[Path], Path]) -> Iterator[Server]:
    """A server for the tests of one module."""
    folder = tmp_path_factory.mktemp("served")
    running = start(make_collection(folder, draw_shop(folder / "pictures")))
    yield running
    assert running.stop() == 0


@pytest.fixture
def shop(tmp_path: Path, draw_shop: Callable[[Path], Path]) -> Path:
    """A folder with pictures, a collection of them, and a query, the test's own to change."""
    return make_collection(tmp_path, draw_shop(tmp_path / "pictures"))


@pytest.fixture
def serving(shop: Path) -> Iterator[Callable[..., Server]]:
    """Starts servers of `shop` with options of one's own."""
    running: list[Server] = []

    def begin(*options: str, **environment: Any) -> Server:
        running.append(start(shop, *options, **environment))
        return running[-1]

    yield begin
    for one in running:
        one.stop()
