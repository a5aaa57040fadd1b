"""A contact sheet of drawn fruit in a real browser: light, dark, and as wide as a phone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lookalike.demo import fruitshop
from lookalike.images import thumbnail_jpeg
from lookalike.reports import contact_sheet, write_page
from lookalike.results import Hit, SearchResult

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def sheet(tmp_path_factory: pytest.TempPathFactory) -> str:
    shop = {product.path: product for product in fruitshop.products()[::25]}

    def thumbnail(path: str) -> bytes | None:
        return thumbnail_jpeg(fruitshop.picture(shop[path]), 200) if path in shop else None

    hits = tuple(
        Hit(i, i, path, 1 - i / 20, metadata={"name": shop[path].name, "x" * 60: "y" * 300})
        for i, path in enumerate(shop, start=1)
    )
    results = [SearchResult(path, hits) for path in [*shop][:5]]
    results.append(SearchResult("/nowhere/" + "long-name-" * 30 + "<script>fail()</script>.jpg", ()))
    file: Path = tmp_path_factory.mktemp("sheet") / "sheet.html"
    write_page(file, contact_sheet(results, thumbnail, "Fruit & more", facts={"pictures": "12"}))
    return file.as_uri()


def _open(browser: Any, sheet: str, width: int = 1280, dark: bool = False) -> None:
    browser.get_log("browser")
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
    browser.get(sheet)


@pytest.fixture(autouse=True)
def as_found(browser: Any) -> Iterator[None]:
    """Leave the shared browser without our screen sizes and colours."""
    yield
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def test_opens_without_complaint_and_every_image_loads(browser: Any, sheet: str) -> None:
    _open(browser, sheet)
    assert browser.get_log("browser") == []
    unloaded = browser.execute_async_script(
        "const done = arguments[0], all = [...document.images];"
        "const seen = async i => { i.scrollIntoView();"
        "  while (!i.src) await new Promise(requestAnimationFrame);"
        "  await i.decode(); };"
        "all.reduce((before, i) => before.then(() => seen(i)), Promise.resolve()).then(() =>"
        " done([all.length, all.filter(i => !(i.naturalWidth > 0)).map(i => i.alt)]))"
    )
    assert unloaded == [65, []]
    assert browser.execute_script("return performance.getEntriesByType('resource').length") == 0


@pytest.mark.parametrize("width", [320, 390, 768, 1280, 2560])
def test_nothing_sticks_out_sideways(browser: Any, sheet: str, width: int) -> None:
    _open(browser, sheet, width)
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    sticking = browser.execute_script(
        "return [...document.querySelectorAll('body *')].filter(e => !e.closest('.skip, svg') &&"
        " e.getBoundingClientRect().right > innerWidth + 1).map(e => e.outerHTML.slice(0, 80))"
    )
    assert sticking == []


def test_dark_mode_changes_the_colours_and_text_stays_readable(browser: Any, sheet: str) -> None:
    contrasts = []
    for dark in (False, True):
        _open(browser, sheet, dark=dark)
        contrasts.append(browser.execute_script(CONTRASTS))
    (light_page, *light), (dark_page, *dark_) = contrasts
    assert light_page > 0.8
    assert dark_page < 0.05
    assert min(light + dark_) >= 4.5


CONTRASTS = """
const light = c => c.match(/[\\d.]+/g).slice(0, 3).map(v => v / 255)
  .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
  .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
const ground = e => { const c = getComputedStyle(e).backgroundColor;
  return c === "rgba(0, 0, 0, 0)" ? ground(e.parentElement) : c; };
const contrast = e => { const a = light(getComputedStyle(e).color), b = light(ground(e));
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05); };
return [light(getComputedStyle(document.body).backgroundColor),
  ...["h1", ".head p", ".facts dt", ".asked p", ".rank", ".similarity", ".name", ".chips dt", ".chips dd",
      ".empty", ".none", ".foot", ".jump a"].map(s => contrast(document.querySelector(s)))];
"""


def test_keyboard_reaches_the_skip_link_first_and_then_the_hits(browser: Any, sheet: str) -> None:
    from selenium.webdriver import ActionChains
    from selenium.webdriver.common.keys import Keys

    _open(browser, sheet)
    seen = []
    for _ in range(5):
        ActionChains(browser).send_keys(Keys.TAB).perform()
        seen.append(
            browser.execute_script(
                "return document.activeElement.className || document.activeElement.tagName"
            )
        )
    assert seen == ["skip", "SUMMARY", "asked", "hit", "hit"]
    outline = browser.execute_script("return getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
