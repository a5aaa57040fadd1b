"""The map in a real browser: moving, zooming, colours, filters, lasso, neighbours, search, keys."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lookalike.files import FileIdentity
from lookalike.gallery.base import Picture
from lookalike.reports import write_page
from lookalike.reports.atlas import Sheets
from lookalike.reports.map import map_page
from lookalike.reports.map_data import Column, MapData

pytestmark = pytest.mark.browser

KINDS = ("apple", "</script><b>pear", "plum", "fig")
SLOW = 30.0


def _path(number: int) -> str:
    return f"/shop/{KINDS[number % 4][:3]}x/{number}-é\udce9.jpg"


def _data(count: int) -> MapData:
    """Pictures in four heaps, with their kind, a number that grows to the right, and odd letters in names."""
    dice = np.random.default_rng(0)
    kinds = np.arange(count) % 4
    middles = np.array([[0, 0], [10, 0], [0, 10], [10, 10]])
    points = (middles[kinds] + dice.normal(0, 1.3, (count, 2))).astype(np.float32)
    pictures = [
        Picture(FileIdentity(_path(number), 1, 1), "0" * 64, 40, 30, "JPEG", 0, id=number + 7)
        for number in range(count)
    ]
    near = (np.arange(count)[:, None] + 4 * np.arange(1, 9)) % count  # of the same kind
    columns = [
        Column("kind", "text", [KINDS[kind] for kind in kinds]),
        Column("price", "number", [None if n % 50 == 0 else float(points[n, 0]) for n in range(count)]),
        Column("kept", "truth", [n % 3 == 0 for n in range(count)]),
    ]
    similarities = np.tile(np.linspace(0.95, 0.5, 8, dtype=np.float32), (count, 1))
    importance = dice.permutation(count).astype(np.int32)
    return MapData(pictures, points, near.astype(np.int32), similarities, columns, "kind", importance)


def _sheets(data: MapData, side: int, some: int) -> Sheets:
    """Plain colours: red for the first kind, and so on."""
    dyes = np.array([[200, 40, 40], [40, 160, 60], [60, 60, 200], [210, 180, 60]], np.uint8)
    sheets = Sheets(side, some)
    for place in np.argsort(data.importance)[:some]:
        sheets.add(int(place), np.full((30, 40, 3), dyes[place % 4], np.uint8))
    return sheets


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], str]:
    made: dict[int, str] = {}

    def page(count: int) -> str:
        if count not in made:
            data = _data(count)
            sheets = [_sheets(data, 32, count), _sheets(data, 96, min(count, 300))]
            file: Path = tmp_path_factory.mktemp("map") / "map.html"
            write_page(file, map_page(data, sheets, "Fruit & <more>", facts={"trustworthiness": "0.99"}))
            made[count] = file.as_uri()
        return made[count]

    return page


@pytest.fixture(autouse=True)
def as_found(browser: Any) -> Iterator[None]:
    """No complaint in the console, and the shared browser as it was."""
    yield
    assert browser.get_log("browser") == []
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    browser.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": False})
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    browser.get("about:blank")


def _open(browser: Any, page: str, width: int = 1280, *, dark: bool = False, link: str = "") -> None:
    browser.get_log("browser")
    size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    features = [
        {"name": "prefers-color-scheme", "value": "dark" if dark else "light"},
        {"name": "prefers-reduced-motion", "value": "reduce"},
    ]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    browser.get("about:blank")
    browser.get(page + link)
    _until(browser, "return lookalikeMap.draw.frames > 0 && lookalikeMap.atlas.waiting.size === 0")


def _until(browser: Any, script: str) -> None:
    end = time.monotonic() + SLOW
    while not browser.execute_script(script):
        assert time.monotonic() < end, script
        time.sleep(0.03)


def _state(browser: Any, expression: str) -> Any:
    """What an expression is after the next frame; `m` is the page's own state."""
    return browser.execute_async_script(
        "const done = arguments[0]; requestAnimationFrame(() => requestAnimationFrame(() => {"
        f"const m = lookalikeMap; done({expression}); }}))"
    )


def _at(browser: Any, picture: int) -> tuple[int, int]:
    x, y = _state(browser, f"m.view.toScreen(m.xs[{picture}], m.ys[{picture}])")
    return round(x), round(y)


def _mouse(browser: Any, kind: str, x: float, y: float, **more: object) -> None:
    event = {"type": kind, "x": x, "y": y, "button": "left", "buttons": 1, "clickCount": 1, **more}
    browser.execute_cdp_cmd("Input.dispatchMouseEvent", event)


def _click(browser: Any, x: float, y: float) -> None:
    _mouse(browser, "mousePressed", x, y)
    _mouse(browser, "mouseReleased", x, y)


def _keys(browser: Any, *keys: str) -> None:
    from selenium.webdriver import ActionChains

    for key in keys:
        ActionChains(browser).send_keys(key).perform()


def _find(browser: Any, selector: str) -> Any:
    return browser.find_element("css selector", selector)


def _texts(browser: Any, selector: str) -> list[str]:
    return [element.text for element in browser.find_elements("css selector", selector)]


# --- seeing -------------------------------------------------------------------------------------


def test_opens_with_dots_thumbnails_and_names(browser: Any, pages: Callable[[int], str]) -> None:
    _open(browser, pages(400))
    drawn = _state(browser, "m.draw.drawn")
    assert drawn["thumbnails"] > 10
    assert drawn["dots"] > 50
    assert drawn["labels"] == 4
    assert _find(browser, "h1").text == "Fruit & <more>"
    assert _find(browser, "#count").text == "400 pictures"
    assert [text.split("\n") for text in _texts(browser, "#legend button")] == [
        [kind, "100"] for kind in sorted(KINDS)
    ]
    assert browser.execute_script("return performance.getEntriesByType('resource').length") == 0


def test_thumbnails_show_the_right_picture(browser: Any, pages: Callable[[int], str]) -> None:
    """The colour in the middle of each thumbnail on the screen is that of the picture's kind."""
    _open(browser, pages(400))
    seen = _state(
        browser,
        "(copy => (copy.drawImage(m.draw.context.canvas, 0, 0), m.draw.tiles.map(([i, x, y, w, h]) =>"
        " [i % 4, ...copy.getImageData(x + w / 2, y + h / 2, 1, 1).data])))"
        "(new OffscreenCanvas(1280, 800).getContext('2d', { willReadFrequently: true }))",
    )
    expected = [(200, 40, 40), (40, 160, 60), (60, 60, 200), (210, 180, 60)]
    near = [np.abs(np.array(rgb[:3]) - expected[kind]).max() < 12 for kind, *rgb in seen]
    assert len(near) > 10
    assert np.mean(near) > 0.6  # the others lie under a name


@pytest.mark.parametrize("width", [320, 390, 768, 1280])
def test_nothing_sticks_out(browser: Any, pages: Callable[[int], str], width: int) -> None:
    _open(browser, pages(400), width)
    sticking = browser.execute_script(
        "return [...document.querySelectorAll('.map-side, .tools, .tools button, .map-side > *')].filter(e =>"
        " { const b = e.getBoundingClientRect(); return b.width && (b.right > innerWidth + 1 || b.left < -1"
        "  || b.bottom > innerHeight + 1); }).map(e => e.outerHTML.slice(0, 60))"
    )
    assert sticking == []


def test_dark_mode_by_the_system_and_by_the_switch(browser: Any, pages: Callable[[int], str]) -> None:
    _open(browser, pages(400), dark=True)
    assert browser.execute_script("return document.documentElement.dataset.theme") == "dark"
    dark = _state(browser, "m.colours.css(0)")
    _find(browser, "#theme").click()
    assert browser.execute_script("return document.documentElement.dataset.theme") == "light"
    assert _state(browser, "m.colours.css(0)") != dark
    for theme in ("light", "dark"):
        if theme == "dark":
            _find(browser, "#theme").click()
        contrasts = browser.execute_script(CONTRASTS)
        assert min(contrasts) >= 4.5, theme


CONTRASTS = """
const light = c => c.match(/[\\d.]+/g).slice(0, 3).map(v => v / 255)
  .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
  .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
const card = document.createElement("p");
card.style.color = "var(--card)";
document.body.append(card);
const ground = light(getComputedStyle(card).color);
card.remove();
return ["h1", "#count", ".by span", "#legend span", "#legend b", ".about summary"].map(s => {
  const text = light(getComputedStyle(document.querySelector(s)).color);
  return (Math.max(text, ground) + 0.05) / (Math.min(text, ground) + 0.05); });
"""


# --- moving -------------------------------------------------------------------------------------


def test_dragging_moves_the_map_with_the_pointer(browser: Any, pages: Callable[[int], str]) -> None:
    _open(browser, pages(400))
    x, y = _at(browser, 0)
    _mouse(browser, "mousePressed", 700, 400)
    for step in range(1, 6):
        _mouse(browser, "mouseMoved", 700 + 20 * step, 400 - 10 * step)
    _mouse(browser, "mouseReleased", 800, 350)
    assert _at(browser, 0) == (x + 100, y - 50)
    assert _find(browser, "#panel").is_displayed() is False


def test_the_wheel_zooms_around_the_pointer(browser: Any, pages: Callable[[int], str]) -> None:
    _open(browser, pages(400))
    x, y = _at(browser, 5)
    before = _state(browser, f"[m.view.scale, ...m.view.toWorld({x}, {y})]")
    for _ in range(6):
        _mouse(browser, "mouseWheel", x, y, deltaX=0, deltaY=-200, buttons=0)
    after = _state(browser, f"[m.view.scale, ...m.view.toWorld({x}, {y})]")
    assert after[0] > 5 * before[0]
    assert after[1:] == pytest.approx(before[1:])
    drawn = _state(browser, "m.draw.drawn")
    assert drawn["dots"] + drawn["thumbnails"] < 200  # what is out of sight is not drawn


def test_two_fingers_zoom(browser: Any, pages: Callable[[int], str]) -> None:
    _open(browser, pages(400), 390)
    browser.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": True, "maxTouchPoints": 2})
    before = _state(browser, "m.view.scale")
    for kind, apart in [("touchStart", 40), ("touchMove", 60), ("touchMove", 90), ("touchMove", 120)]:
        points = [{"x": 195 - apart, "y": 350, "id": 0}, {"x": 195 + apart, "y": 350, "id": 1}]
        browser.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    browser.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    assert _state(browser, "m.view.scale") == pytest.approx(3 * before, rel=0.05)


def test_keys_move_zoom_and_show_the_whole(browser: Any, pages: Callable[[int], str]) -> None:
    from selenium.webdriver.common.keys import Keys

    _open(browser, pages(400))
    _keys(browser, Keys.TAB, Keys.TAB)
    assert browser.execute_script("return document.activeElement.id") == "plane"
    whole = _state(browser, "[m.view.x, m.view.y, m.view.scale]")
    _keys(browser, "+", "+", Keys.ARROW_RIGHT)
    x, _, scale = _state(browser, "[m.view.x, m.view.y, m.view.scale]")
    assert scale == pytest.approx(whole[2] * 1.6**2)
    assert x > whole[0]
    _keys(browser, "-", "0")
    assert _state(browser, "[m.view.x, m.view.y, m.view.scale]") == pytest.approx(whole)


def test_all_tools_can_be_reached_by_tab_and_have_names(browser: Any, pages: Callable[[int], str]) -> None:
    from selenium.webdriver.common.keys import Keys

    _open(browser, pages(400))
    reached = []
    for _ in range(24):
        _keys(browser, Keys.TAB)
        reached.append(browser.execute_script("return document.activeElement.id"))
    for tool in (
        "plane",
        "search",
        "colour",
        "closer",
        "farther",
        "whole",
        "lasso",
        "inview",
        "theme",
        "keys",
    ):
        assert tool in reached
    nameless = browser.execute_script(
        "return [...document.querySelectorAll('button, input, select, canvas[tabindex]')].filter(e =>"
        " !(e.getAttribute('aria-label') || e.labels?.length || e.textContent.trim())).map(e => e.outerHTML)"
    )
    assert nameless == []


# --- colours and filters ------------------------------------------------------------------------


def test_the_legend_filters(browser: Any, pages: Callable[[int], str]) -> None:
    _open(browser, pages(400))
    entries = browser.find_elements("css selector", "#legend button")
    entries[0].click()
    entries[2].click()
    assert _find(browser, "#count").text == "200 of 400 pictures"
    shown = _state(browser, "[...m.filter.shown].map((s, i) => s ? i : -1).filter(i => i >= 0)")
    chosen = {sorted(KINDS)[0], sorted(KINDS)[2]}
    assert {KINDS[i % 4] for i in shown} == chosen
    assert entries[0].get_attribute("aria-pressed") == "true"
    assert len({entry.rect["width"] for entry in entries}) == 1  # one below the other, as before
    assert _state(browser, "m.draw.drawn.faint") == 200
    assert _state(browser, "m.draw.drawn.labels") == 2
    entries[0].click()
    entries[2].click()
    assert _find(browser, "#count").text == "400 pictures"


def test_a_column_of_numbers_has_a_scale(browser: Any, pages: Callable[[int], str]) -> None:
    from selenium.webdriver.support.ui import Select

    _open(browser, pages(400))
    Select(_find(browser, "#colour")).select_by_visible_text("price")
    assert len(browser.find_elements("css selector", "#legend rect")) == 40
    assert _state(browser, "new Set(m.colours.of).size") > 20
    browser.execute_script(
        "const low = document.querySelector('#legend input'); low.value = 500;"
        "low.dispatchEvent(new Event('input'))"
    )
    _until(browser, "return lookalikeMap.filter.count < 400")
    middle = _state(browser, "(m.colours.extent[0] + m.colours.extent[1]) / 2")
    shown = _state(browser, "[...m.filter.shown].map((s, i) => s ? m.colours.column.numbers[i] : null)")
    values = [value for value in shown if value is not None]
    assert values
    assert min(values) >= middle
    Select(_find(browser, "#colour")).select_by_visible_text("kept")
    assert [text.split("\n")[0] for text in _texts(browser, "#legend button")] == ["yes", "no"]
    assert _find(browser, "#count").text == "400 pictures"


def test_search_finds_names_and_metadata_and_goes_there(browser: Any, pages: Callable[[int], str]) -> None:
    from selenium.webdriver.common.keys import Keys

    _open(browser, pages(400))
    _keys(browser, "/")
    assert browser.execute_script("return document.activeElement.id") == "search"
    _keys(browser, "plum 7")
    _until(browser, "return lookalikeMap.filter.count < 400")
    shown = _state(browser, "[...m.filter.shown].map((s, i) => s ? i : -1).filter(i => i >= 0)")
    price = _data(400).columns[1].values
    expected = [i for i in range(400) if i % 4 == 2 and ("7" in str(i) or "7" in f"{price[i] or 0:.6g}")]
    assert set(shown) == set(expected)
    assert _state(browser, "m.draw.drawn.labels") == 1  # of values that nothing shown has, none is named
    before = _state(browser, "m.view.scale")
    _keys(browser, Keys.ENTER)
    assert _state(browser, "m.view.scale") > before
    _keys(browser, Keys.ESCAPE)
    assert _find(browser, "#count").text == "400 pictures"
    assert _find(browser, "#search").get_attribute("value") == ""


# --- pictures -----------------------------------------------------------------------------------


def test_pointing_at_a_picture_tells_what_it_is(browser: Any, pages: Callable[[int], str]) -> None:
    _open(browser, pages(400))
    tile = _state(browser, "m.draw.tiles.at(-1)")
    _mouse(browser, "mouseMoved", tile[1] + tile[3] / 2, tile[2] + tile[4] / 2, buttons=0)
    card = _find(browser, "#card")
    assert card.is_displayed()
    assert f"{tile[0]}-é" in card.text
    assert KINDS[tile[0] % 4] in card.text
    _mouse(browser, "mouseMoved", 640, 790, buttons=0)
    assert not card.is_displayed()


def test_a_click_shows_the_neighbours_and_these_lead_on(browser: Any, pages: Callable[[int], str]) -> None:
    from selenium.webdriver.common.keys import Keys

    _open(browser, pages(400))
    tile = _state(browser, "m.draw.tiles.at(-1)")
    _click(browser, tile[1] + tile[3] / 2, tile[2] + tile[4] / 2)
    first = tile[0]
    assert _state(browser, "m.panels.focus") == first
    assert _texts(browser, ".neighbours span") == [
        "0.95",
        "0.89",
        "0.82",
        "0.76",
        "0.69",
        "0.63",
        "0.56",
        "0.50",
    ]
    browser.find_elements("css selector", ".neighbours button")[1].click()
    assert _state(browser, "m.panels.focus") == (first + 8) % 400
    _keys(browser, "n")
    assert _state(browser, "m.panels.focus") == (first + 12) % 400
    _keys(browser, "n", "p")
    assert _state(browser, "m.panels.focus") == (first + 12) % 400
    _keys(browser, Keys.ESCAPE)
    assert _state(browser, "m.panels.focus") is None
    assert not _find(browser, "#panel").is_displayed()


def test_enter_opens_the_picture_in_the_middle(browser: Any, pages: Callable[[int], str]) -> None:
    from selenium.webdriver.common.keys import Keys

    _open(browser, pages(400))
    _keys(browser, Keys.TAB, Keys.TAB, Keys.ENTER)
    assert _state(browser, "m.panels.focus") is not None
    assert _find(browser, "#panel h2").text.endswith(".jpg")


def test_the_lasso_selects_what_lies_within(browser: Any, pages: Callable[[int], str]) -> None:
    _open(browser, pages(400))
    xs, ys = (np.array(_state(browser, f"[...m.{axis}]")) for axis in ("xs", "ys"))
    _find(browser, "#lasso").click()
    corners = [(0.6, 0.6), (1.02, 0.6), (1.02, 1.02), (0.6, 1.02)]
    places = [_state(browser, f"m.view.toScreen({x}, {y})") for x, y in corners]
    _mouse(browser, "mousePressed", *places[0])
    for place in places[1:]:
        _mouse(browser, "mouseMoved", *place)
    _mouse(browser, "mouseReleased", *places[-1])
    expected = np.flatnonzero((xs > 0.6) & (ys > 0.6))
    assert len(expected) > 50
    assert _state(browser, "m.panels.selected") == expected.tolist()
    assert _find(browser, "#panel h2").text == f"{len(expected)} selected"
    paths = browser.execute_script(
        "return document.getElementById('paths').value.toWellFormed()"
    ).splitlines()
    assert len(paths) == len(expected)
    assert paths[0].startswith("/shop/")
    assert _find(browser, "#lasso").get_attribute("aria-pressed") == "false"
    _button(browser, "Show only these").click()
    assert _find(browser, "#count").text == f"{len(expected)} of 400 pictures"


def _button(browser: Any, name: str) -> Any:
    return next(b for b in browser.find_elements("css selector", "#panel button") if b.text == name)


def test_a_selection_can_be_saved(browser: Any, pages: Callable[[int], str], tmp_path: Path) -> None:
    where = {"behavior": "allow", "downloadPath": str(tmp_path)}
    browser.execute_cdp_cmd("Browser.setDownloadBehavior", where)
    _open(browser, pages(400))
    _find(browser, "#inview").click()
    assert len(_state(browser, "m.panels.selected")) == 400
    _button(browser, "Save as text").click()
    end = time.monotonic() + SLOW
    while not (tmp_path / "selection.txt").is_file():
        assert time.monotonic() < end
        time.sleep(0.05)
    saved = (tmp_path / "selection.txt").read_bytes().decode("utf-8", "surrogateescape")
    assert saved.splitlines() == [_path(number) for number in range(400)]


def test_the_address_leads_back(browser: Any, pages: Callable[[int], str]) -> None:
    _open(browser, pages(400))
    browser.find_elements("css selector", "#legend button")[1].click()
    _keys(browser, "+", "d")
    _click(
        browser, *_state(browser, "m.draw.tiles.filter(t => t[1] > 320).at(-1).slice(1, 3).map(v => v + 9)")
    )
    _until(
        browser,
        "const { view } = lookalikeMap, told = new URLSearchParams(location.hash.slice(1));"
        "const at = [view.x.toFixed(4), view.y.toFixed(4), view.zoom.toFixed(2)].join();"
        "return told.get('at') === at && told.has('id') && told.get('theme') === 'dark'",
    )
    link = browser.execute_script("return location.hash")
    state = "[m.view.x, m.view.y, m.view.scale, m.filter.count, m.panels.focus, m.theme.name]"
    before = _state(browser, state)
    assert before[3] == 100
    assert before[4] is not None
    assert before[5] == "dark"
    _open(browser, pages(400), link=link)
    after = _state(browser, state)
    assert after[:3] == pytest.approx(before[:3], rel=0.01)
    assert after[3:] == before[3:]


def test_on_a_phone_colours_and_pictures_come_from_below(browser: Any, pages: Callable[[int], str]) -> None:
    _open(browser, pages(400), 390)
    side = _find(browser, "#side")
    assert side.rect["height"] < 160
    assert not _find(browser, "#search").is_displayed()
    _find(browser, "#grip").click()
    assert _find(browser, "#search").is_displayed()
    assert _find(browser, "#grip").get_attribute("aria-expanded") == "true"
    _find(browser, "#grip").click()
    tile = _state(browser, "m.draw.tiles.at(-1)")
    _click(browser, tile[1] + tile[3] / 2, tile[2] + tile[4] / 2)
    panel = _find(browser, "#panel").rect
    assert panel["width"] == 390
    assert panel["y"] + panel["height"] == pytest.approx(800, abs=1)
    assert panel["height"] <= 0.63 * 800


# --- many, few ----------------------------------------------------------------------------------


def test_what_a_frame_draws_is_bounded_by_the_screen(browser: Any, pages: Callable[[int], str]) -> None:
    """From afar dots that would cover each other are left out, from near what is out of sight; thumbnails
    never lie on each other, so that there are no more than fit."""
    count = 20_000
    _open(browser, pages(count))
    # Two thumbnails are at least half the longest and half the smallest apart, with a gap.
    most = 1280 * 800 / ((42 + 12 + 18) / 2) ** 2
    seen = []
    _state(browser, "m.view.set({x: m.xs[0], y: m.ys[0], scale: m.view.scale})")
    for _ in range(9):
        drawn = _state(browser, "m.draw.drawn")
        seen.append(drawn)
        assert drawn["thumbnails"] <= most
        assert drawn["dots"] + drawn["thumbnails"] <= count
        _keys(browser, "+")
    assert seen[0]["dots"] < 0.9 * count
    assert seen[-1]["dots"] + seen[-1]["thumbnails"] < count / 10
    assert _state(browser, "m.atlas.ready.size") <= _state(browser, "m.atlas.limit")
    sides = _state(browser, "m.draw.tiles.map(t => t.slice(1))")
    assert sides


def test_thumbnails_do_not_lie_on_each_other(browser: Any, pages: Callable[[int], str]) -> None:
    _open(browser, pages(400))
    for _ in range(4):
        boxes = np.array(_state(browser, "m.draw.tiles.map(t => t.slice(1))"))
        low, high = boxes[:, :2], boxes[:, :2] + boxes[:, 2:]
        crossing = ((low[:, None] < high) & (high[:, None] > low)).all(axis=2)
        assert crossing.sum() == len(boxes)  # each one with itself
        _keys(browser, "+")


@pytest.mark.parametrize("count", [1, 2, 3])
def test_few_pictures(browser: Any, pages: Callable[[int], str], count: int) -> None:
    _open(browser, pages(count))
    drawn = _state(browser, "m.draw.drawn")
    assert drawn["dots"] + drawn["thumbnails"] == count
    assert _find(browser, "#count").text == f"{count} picture{'s' * (count > 1)}"
    _keys(browser, "+", "s")
    assert json.dumps(_state(browser, "m.panels.selected")) is not None
