"""The page of a real server in a real browser, with no word in its console."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pages import Page
from serving import Server, make_collection, start

TOKENS = "write-0123456789abcdef", "read-0123456789abcdef"
"""What `guarded` wants to see: for writing, and for reading."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, draw_shop: Callable[[Path], Path]) -> Iterator[Server]:
    """A server of the drawn shop for the tests of one module."""
    folder = tmp_path_factory.mktemp("served")
    running = start(make_collection(folder, draw_shop(folder / "pictures")))
    yield running
    assert running.stop() == 0


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory, draw_shop: Callable[[Path], Path]) -> Iterator[Server]:
    """A server with two tokens."""
    folder = tmp_path_factory.mktemp("guarded")
    make_collection(folder, draw_shop(folder / "pictures"))
    running = start(
        folder,
        "--cors",
        "https://ok.example",
        LOOKALIKE_SERVE_TOKEN=TOKENS[0],
        LOOKALIKE_SERVE_READ_TOKEN=TOKENS[1],
    )
    yield running
    assert running.stop() == 0


@pytest.fixture
def shop(tmp_path: Path, draw_shop: Callable[[Path], Path]) -> Path:
    """A folder with pictures, a collection of them, and a query, the test's own to change."""
    return make_collection(tmp_path, draw_shop(tmp_path / "pictures"))


@pytest.fixture
def page_of(browser: Any) -> Iterator[Callable[[Server], Page]]:
    """Opens the page of a server; at the end of the test its console must have been silent."""
    opened: list[Page] = []

    def begin(server: Server) -> Page:
        browser.get_log("browser")
        opened.append(Page(browser, server))
        return opened[-1]

    yield begin
    for page in opened:
        said = page.complaints()
        page.close()
        assert said == []


@pytest.fixture
def page(page_of: Callable[[Server], Page], server: Server) -> Page:
    """The page of `server`."""
    return page_of(server)
