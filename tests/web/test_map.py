"""The map on the page: walked about in, deep-linked, and a way into searches."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from lookalike.collection import Collection
from pages import Page
from serving import Server, start

pytestmark = pytest.mark.browser

COUNT = 40


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, photo: Callable[..., np.ndarray]) -> Path:
    """`in/` with forty pictures in two folders and a table about them, and a collection of them, laid out."""
    folder = tmp_path_factory.mktemp("laid-out")
    rows = ["path,number,shape"]
    for number in range(COUNT):
        kind = ("left", "right")[number % 2]
        (folder / "in" / kind).mkdir(parents=True, exist_ok=True)
        size = (160, 120) if number % 2 else (120, 160)
        Image.fromarray(photo(number, size)).save(folder / "in" / kind / f"{number:02}.jpg")
        rows.append(f"{kind}/{number:02}.jpg,{number},{('round', 'square', 'flat')[number % 3]}")
    (folder / "table.csv").write_text("\n".join(rows))
    with Collection.open(folder / "collection") as collection:
        collection.add(folder / "in", metadata=folder / "table.csv")
        collection.map()
    return folder


@pytest.fixture(scope="module")
def server(made: Path) -> Iterator[Server]:
    running = start(made)
    yield running
    assert running.stop() == 0


def opened(page: Page, query: str = "", **how: Any) -> Page:
    page.open(f"/map{query}", wait="globalThis.lookalikeMap?.draw.frames > 0", **how)
    page.until("lookalikeMap.atlas.waiting.size === 0 && lookalikeMap.atlas.wanted.size === 0")
    return page


def at(page: Page, number: int) -> tuple[float, float]:
    """Where a picture is in the window."""
    left, top, x, y = page.run(
        "const b = document.getElementById('plane').getBoundingClientRect(), m = lookalikeMap;"
        "const i = arguments[0]; return [b.left, b.top, ...m.view.toScreen(m.xs[i], m.ys[i])]",
        number,
    )
    return left + x, top + y


def mouse(page: Page, kind: str, x: float, y: float, **more: Any) -> None:
    page.cdp("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1, **more)


def click(page: Page, x: float, y: float) -> None:
    mouse(page, "mousePressed", x, y)
    mouse(page, "mouseReleased", x, y)


def act(page: Page, name: str) -> None:
    """Press a button for what is open or selected."""
    buttons = "[...document.querySelectorAll('.map-acts button')]"
    page.run(f"{buttons}.find(b => b.textContent === arguments[0]).click()", name)


# --- over HTTP ----------------------------------------------------------------------------------


def test_the_map_over_http_is_that_of_the_library(server: Server, made: Path) -> None:
    with server.client() as client, Collection.open(made / "collection") as collection:
        points, true = client.map(), collection.map().points
    assert points is not None
    assert [(one.id, one.path) for one in points] == [(one.id, one.path) for one in true]
    ours, theirs = (np.array([[one.x, one.y] for one in some]) for some in (points, true))
    scaled = (theirs - theirs.min(axis=0)) / (theirs.max(axis=0) - theirs.min(axis=0)).max()
    np.testing.assert_allclose(ours - ours.min(axis=0), scaled, atol=1e-4)
    answer = server.get("/v1/map")
    assert server.get("/v1/map", **{"If-None-Match": answer.headers["etag"]}).status == 304
    assert json.loads(answer.body)["count"] == COUNT


def test_what_is_written_is_seen_at_once(made: Path, tmp_path: Path) -> None:
    shutil.copytree(made / "collection", tmp_path / "collection")
    server = start(tmp_path)

    def shapes() -> list[str]:
        [column] = [one for one in server.get("/v1/map").json["columns"] if one["name"] == "shape"]
        return list(column["values"])

    assert set(shapes()) == {"round", "flat", "square"}
    body = b'{"shape": "odd"}'
    assert (
        server.ask("PATCH", "/v1/pictures/1/metadata", body, {"Content-Type": "application/json"}).status
        == 200
    )
    assert "odd" in shapes()
    with Collection.open(tmp_path / "collection") as collection, collection.gallery.writing() as writing:
        writing.set_metadata([(2, {"shape": "odder"})])
    assert "odder" in shapes()
    assert server.stop() == 0


def test_without_a_layout_it_is_said_what_to_run(
    tmp_path: Path, draw_shop: Callable[[Path], Path], page_of: Callable[[Server], Page]
) -> None:
    with Collection.open(tmp_path / "collection") as collection:
        collection.add(draw_shop(tmp_path / "pictures"))
    server = start(tmp_path)
    assert (server.get("/v1/map").status, server.get("/v1/map").code) == (404, "no_map_yet")
    with server.client() as client:
        assert client.map() is None
    page = page_of(server)
    page.open("/map")
    page.said("There is no map yet")
    page.said("lookalike map map.html")
    assert server.stop() == 0


def test_what_came_or_went_since_does_not_break_it(
    made: Path, tmp_path: Path, photo: Callable[..., np.ndarray]
) -> None:
    shutil.copytree(made / "in", tmp_path / "in")
    with Collection.open(tmp_path / "c") as collection:
        collection.add(tmp_path / "in")
        collection.map()
        (tmp_path / "in" / "left" / "00.jpg").unlink()
        Image.fromarray(photo(99, (120, 160))).save(tmp_path / "in" / "left" / "02.jpg")
        Image.fromarray(photo(98, (120, 160))).save(tmp_path / "in" / "left" / "new.jpg")
        collection.add(tmp_path / "in")
        stored = collection.stored_map()
        assert stored is not None
        assert stored["count"] == COUNT - 2
        names = set(stored["paths"]["names"])
        assert not names & {"00.jpg", "02.jpg", "new.jpg"}
        collection.map()
        again = collection.stored_map()
        assert again is not None
        assert again["count"] == COUNT


# --- walking about --------------------------------------------------------------------------------


def test_pictures_colours_and_filters(page: Page) -> None:
    opened(page)
    assert page.text("#count") == f"{COUNT} pictures"
    assert page.run("return lookalikeMap.draw.drawn.thumbnails") > 5
    page.run(
        "const s = document.getElementById('colour'); s.value = 'shape'; s.dispatchEvent(new Event('change'))"
    )
    page.until("location.search.includes('by=shape')")
    page.run("document.querySelector('#legend button').click()")
    page.until("lookalikeMap.filter.count < arguments[0]", COUNT)
    page.run("lookalikeMap.view.zoomAt(2, 300, 300)")
    page.find("#search").send_keys("left")
    page.until("location.search.includes('q=left')")
    count = page.run("return lookalikeMap.filter.count")
    opened(page, page.address.removeprefix("/map"))
    assert page.run("return lookalikeMap.filter.count") == count
    assert page.run("return document.getElementById('colour').value") == "shape"


def test_a_picture_is_a_step_that_back_undoes(page: Page) -> None:
    opened(page)
    click(page, *at(page, 7))
    page.until("!document.getElementById('panel').hidden")
    first = page.address
    assert "id=" in first
    shown = page.texts(".neighbours span")  # similarities as everywhere: % is for probabilities
    assert shown == [f"{float(text):.2f}" for text in shown]
    assert shown == sorted(shown, reverse=True)
    page.run("document.querySelectorAll('.neighbours button')[0].click()")
    page.until("location.pathname + location.search !== arguments[0]", first)
    page.back()
    page.until("location.pathname + location.search === arguments[0]", first)
    page.back()
    page.until("document.getElementById('panel').hidden")
    page.forward()
    page.until("!document.getElementById('panel').hidden")
    opened(page, first.removeprefix("/map"))
    page.until("!document.getElementById('panel').hidden")


def test_a_picture_leads_to_its_search(page: Page) -> None:
    opened(page)
    click(page, *at(page, 4))
    page.until("!document.getElementById('panel').hidden")
    number = page.run("return lookalikeMap.idOf(lookalikeMap.panels.focus)")
    act(page, "Search for it")
    page.until("location.pathname === '/search'")
    assert page.address == f"/search?like={number}"
    page.until("document.querySelectorAll('#main img').length > 3")
    page.back()
    page.until("location.pathname === '/map' && globalThis.lookalikeMap.draw.frames > 0")


def test_the_lasso_leads_to_a_search_and_a_list(page: Page) -> None:
    opened(page)
    chosen = [at(page, number) for number in range(COUNT)]
    x, y = chosen[11]
    page.press("l")
    ring = [(x - 30, y - 30), (x + 30, y - 30), (x + 30, y + 30), (x - 30, y + 30)]
    mouse(page, "mousePressed", *ring[0])
    for point in [*ring[1:], ring[0]]:
        mouse(page, "mouseMoved", *point, buttons=1)
    mouse(page, "mouseReleased", *ring[0])
    page.until("lookalikeMap.panels.selected.length > 0")
    paths = page.run("return document.getElementById('paths').value").split()
    inside = [i for i, (u, v) in enumerate(chosen) if abs(u - x) < 30 and abs(v - y) < 30]
    assert len(paths) == len(inside)
    page.run("lookalikeMap.panels.select([3, 5])")
    ids = page.run("return [3, 5].map(lookalikeMap.idOf)")
    act(page, "Search with these")
    page.until("location.pathname === '/search'")
    assert page.address == f"/search?like={ids[0]:.0f}&also={ids[1]:.0f}"


def test_pointing_shows_what_it_is_and_keys_move(page: Page) -> None:
    opened(page)
    mouse(page, "mouseMoved", *at(page, 9))
    page.until("!document.getElementById('card').hidden")
    assert ".jpg" in page.text("#card b")
    page.run("document.getElementById('plane').focus()")
    before = page.run("return [lookalikeMap.view.x, lookalikeMap.view.zoom]")
    page.press("+")
    page.until("lookalikeMap.view.zoom > arguments[0] * 1.5", before[1])
    page.press("d")  # the page follows the system: there is nothing to choose
    assert page.run("return document.querySelector('.map-view').dataset.theme === undefined")


def test_leaving_ends_it(page: Page) -> None:
    opened(page)
    page.run("document.querySelector('.views a[href*=duplicates]').click()")
    page.until("document.querySelector('[data-view=duplicates]') !== null")
    address = page.address
    page.press("+", "n", "s")
    assert page.address == address


# --- for everyone -----------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [390, 800, 1280])
def test_it_fills_the_window_and_nothing_sticks_out(page: Page, width: int) -> None:
    opened(page, width=width)
    assert page.run("return document.documentElement.scrollHeight <= innerHeight + 1")
    assert page.sticking_out() == []


@pytest.mark.parametrize("look", [{}, {"dark": True}, {"width": 390, "height": 844}])
def test_no_serious_fault_of_accessibility(page: Page, look: dict[str, Any]) -> None:
    opened(page, **look)
    assert page.faults() == []
    click(page, *at(page, 7))
    page.until("!document.getElementById('panel').hidden")
    assert page.faults() == []
