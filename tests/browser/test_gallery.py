"""A gallery of drawn pictures in a real browser: light, dark, as wide as a phone, and by keyboard."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from lookalike.images import thumbnail_jpeg
from lookalike.reports import Section, Shown, picture_gallery, write_page

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory, photo: Any) -> str:
    def thumbnail(path: str) -> bytes | None:
        number = path.rpartition("-")[2]
        return thumbnail_jpeg(photo(int(number)), 120) if number.isdecimal() else None

    names = [f"/shop/photo-{number}" for number in range(12)]
    beside = [Shown(name, ("0.80",)) for name in names[:3]]
    sections = [
        Section(f"Group {i}", [Shown(name, mark="medoid" if j == 0 else "") for j, name in enumerate(names)])
        for i in range(9)
    ]
    note = "labelled red, its neighbours say blue"
    doubtful = [Shown(name, ("0.91", "isolated"), note, beside=beside) for name in names]
    sections.append(Section("<b>Odd " + "long-name-" * 30, doubtful, "n " * 300, {"x" * 60: "y" * 300}, 99))
    sections.append(Section("Single", [Shown("/nowhere/gone.jpg", mark="medoid")]))
    file: Path = tmp_path_factory.mktemp("gallery") / "gallery.html"
    write_page(
        file, picture_gallery("Groups & more", sections, thumbnail, facts={"pictures": "12"}, intro="All.")
    )
    return file.as_uri()


def _open(browser: Any, gallery: str, width: int = 1280, dark: bool = False) -> None:
    browser.get_log("browser")
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
    browser.get(gallery)


@pytest.fixture(autouse=True)
def as_found(browser: Any) -> Iterator[None]:
    """Leave the shared browser without our screen sizes and colours."""
    yield
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def _frames(browser: Any) -> None:
    browser.execute_async_script("requestAnimationFrame(() => requestAnimationFrame(arguments[0]))")


def _press(browser: Any, *keys: str) -> None:
    from selenium.webdriver import ActionChains

    ActionChains(browser).send_keys(*keys).perform()
    _frames(browser)


def test_a_picture_shown_again_far_below_is_painted(browser: Any, gallery: str) -> None:
    _open(browser, gallery)
    assert browser.get_log("browser") == []
    assert browser.execute_script("return performance.getEntriesByType('resource').length") == 0
    box = browser.execute_async_script(
        "const done = arguments[0], image = document.querySelectorAll('#s8 .shot img')[5];"
        "image.scrollIntoView({ block: 'center' });"
        "const wait = async () => { while (!image.src) await new Promise(requestAnimationFrame);"
        "  await image.decode(); };"
        "wait().then(() => { const b = image.getBoundingClientRect();"
        "  setTimeout(() => done([b.left, b.top, b.right, b.bottom]), 100); })"
    )
    with Image.open(io.BytesIO(browser.get_screenshot_as_png())) as screen:
        assert np.asarray(screen.convert("L").crop(tuple(map(int, box)))).std() > 10


@pytest.mark.parametrize("width", [320, 390, 768, 1280, 2560])
def test_nothing_sticks_out_sideways(browser: Any, gallery: str, width: int) -> None:
    _open(browser, gallery, width)
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    sticking = browser.execute_script(
        "return [...document.querySelectorAll('main *, .head *')].filter(e => !e.closest('svg, dialog') &&"
        " e.getBoundingClientRect().right > innerWidth + 1).map(e => e.outerHTML.slice(0, 80))"
    )
    assert sticking == []


def test_dark_mode_changes_the_colours_and_text_stays_readable(browser: Any, gallery: str) -> None:
    contrasts = []
    for dark in (False, True):
        _open(browser, gallery, dark=dark)
        contrasts.append(browser.execute_script(CONTRASTS))
    (light_page, *light), (dark_page, *dark_) = contrasts
    assert light_page > 0.8
    assert dark_page < 0.05
    assert min(light + dark_) >= 4.5


def test_the_list_says_where_one_is_before_the_page_is_drawn(browser: Any, gallery: str) -> None:
    record = (
        "addEventListener('DOMContentLoaded', () =>"
        " { window.atFirst = document.querySelector('.index [aria-current] bdi')?.textContent; })"
    )
    script = browser.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": record})
    try:
        _open(browser, gallery)
    finally:
        browser.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", script)
    assert browser.execute_script("return window.atFirst") == "Group 0"


CONTRASTS = """
const light = c => c.match(/[\\d.]+/g).slice(0, 3).map(v => v / 255)
  .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
  .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
const ground = e => { const c = getComputedStyle(e).backgroundColor;
  return c === "rgba(0, 0, 0, 0)" ? ground(e.parentElement) : c; };
const contrast = e => { const a = light(getComputedStyle(e).color), b = light(ground(e));
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05); };
return [light(getComputedStyle(document.body).backgroundColor),
  ...["h1", ".head p", ".facts dt", ".index a", ".index a[aria-current]", "h2", ".size", ".part .note",
      ".mark", ".name", ".badges", ".shot .note", ".beside p", ".none", ".foot"]
    .map(s => contrast(document.querySelector(s)))];
"""


def _current(browser: Any) -> str:
    return str(
        browser.execute_script("return document.querySelector('.index [aria-current] bdi').textContent")
    )


def _follows(browser: Any, heading: str) -> None:
    """The list comes to a section; a browser says what is in sight when it has the time."""
    from selenium.webdriver.support.wait import WebDriverWait

    WebDriverWait(browser, 20).until(
        lambda _: _current(browser) == heading, f"the list is not at {heading!r}"
    )


def test_the_list_follows_finds_and_leads(browser: Any, gallery: str) -> None:
    _open(browser, gallery)
    assert _current(browser) == "Group 0"
    browser.find_element("css selector", "a[href='#s8']").click()
    _follows(browser, "Group 7")
    top = browser.execute_script("return document.getElementById('s8').getBoundingClientRect().top")
    assert 0 <= top < 60
    _press(browser, "/")
    _press(browser, *"GROUP 4")
    shown = "return [...document.querySelectorAll('.index li:not([hidden]) bdi')].map(e => e.textContent)"
    assert browser.execute_script(shown) == ["Group 4"]
    _press(browser, "\ue007")  # Enter
    _follows(browser, "Group 4")


def test_keys_go_from_section_to_section_and_open_pictures(browser: Any, gallery: str) -> None:
    from selenium.webdriver.common.keys import Keys

    focused = "return [document.activeElement.closest('.part')?.id, document.activeElement.title]"
    _open(browser, gallery)
    _press(browser, "j", "j")
    assert browser.execute_script(focused) == ["s3", "/shop/photo-0"]
    _press(browser, Keys.ARROW_RIGHT)
    assert browser.execute_script(focused) == ["s3", "/shop/photo-1"]
    _press(browser, Keys.ENTER)
    said = (
        "return document.getElementById('large').open && document.querySelector('#large .path').textContent"
    )
    assert browser.execute_script(said) == "/shop/photo-1"
    _press(browser, Keys.ARROW_RIGHT)
    assert browser.execute_script(said) == "/shop/photo-2"
    assert browser.execute_script("return document.querySelector('#large img').naturalWidth") == 120
    _press(browser, Keys.ESCAPE)
    assert browser.execute_script(said) is False
    assert browser.execute_script(focused) == ["s3", "/shop/photo-2"]
    _press(browser, "k", Keys.ARROW_DOWN)
    part, below = browser.execute_script(focused)
    assert part == "s2"
    assert below != "/shop/photo-0"
    assert browser.execute_script("return getComputedStyle(document.activeElement).outlineStyle") == "solid"
