"""The page of one explanation in a real browser: heat over the pictures, by pointer and by keyboard."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lookalike
from lookalike.images import thumbnail_jpeg
from lookalike.reports import explanation_page, write_page

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory, photo: Any) -> Path:
    first, second = photo(1, (480, 320)), photo(2, (200, 300))
    pictures = thumbnail_jpeg(first, 400), thumbnail_jpeg(second, 400)
    file: Path = tmp_path_factory.mktemp("explanation") / "heat.html"
    write_page(file, explanation_page(lookalike.explain(first, second), pictures, "Two & <b>more</b>"))
    return file


@pytest.fixture
def opened(browser: Any, page: Path) -> Iterator[Any]:
    browser.get_log("browser")
    browser.get(page.as_uri())
    yield browser
    # Chromium warns of the test's own reading of pixels.
    assert [said for said in browser.get_log("browser") if said["level"] != "WARNING"] == []
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def _told(browser: Any) -> str:
    return browser.find_element("id", "told").text


def _pixels(browser: Any, place: str) -> np.ndarray:
    """(7, 7, 4) of the middles of the places of one picture's heat."""
    data = browser.execute_script(
        "const c = document.querySelector(arguments[0] + ' canvas');"
        "return Array.from(c.getContext('2d').getImageData(0, 0, c.width, c.height).data)",
        place,
    )
    whole = np.array(data).reshape(168, 168, 4)
    return whole[12::24, 12::24]


def _explanation(page: Path) -> Any:
    return json.loads(re.search(r'id="explanation">(.*?)</script>', page.read_text("utf-8")).group(1))  # type: ignore[union-attr]


def test_heat_lies_on_what_the_network_sees(opened: Any) -> None:
    for place, size in (("#query", (480, 320)), ("#found", (200, 300))):
        image, heat = (
            opened.execute_script(
                "const b = document.querySelector(arguments[0]).getBoundingClientRect();"
                "return [b.left, b.top, b.width, b.height]",
                f"{place} {one}",
            )
            for one in ("img", "canvas")
        )
        width, height = size
        assert image[2] / image[3] == pytest.approx(width / height, abs=0.02)
        side = min(size) * 224 / 240
        scale = image[2] / width
        expected = [(width - side) / 2, (height - side) / 2, side, side]
        found = [(heat[0] - image[0]) / scale, (heat[1] - image[1]) / scale, heat[2] / scale, heat[3] / scale]
        assert found == pytest.approx(expected, abs=1.5)


def test_where_more_is_added_it_is_hotter(opened: Any, page: Path) -> None:
    told = _explanation(page)
    for place, heat in (("#query", told["queries"][0]), ("#found", told["found"])):
        opacity = _pixels(opened, place)[..., 3]
        shares = np.array(heat["shares"])
        assert np.corrcoef(opacity.ravel(), shares.ravel())[0, 1] > 0.8
    assert _told(opened) == f"All places together add up to {told['similarity']:.3f}."


def test_a_place_shows_what_it_agrees_with(opened: Any, page: Path) -> None:
    from selenium.webdriver import ActionChains, Keys

    told = _explanation(page)
    before = _pixels(opened, "#found")
    canvas = opened.find_element("css selector", "#query canvas")
    ActionChains(opened).move_to_element(canvas).perform()  # the middle: row 3, column 3
    share = told["queries"][0]["shares"][3][3]
    assert _told(opened).startswith(f"This place adds {share:.4f}, ")
    after = _pixels(opened, "#found")
    assert not np.array_equal(before, after)
    pairs = np.array(told["pairs"][3 * 7 + 3]).reshape(7, 7)
    agreeing = pairs > 0.5 * pairs.max()
    assert after[..., 3][agreeing].mean() > after[..., 3][~agreeing].mean()

    # By keyboard: the best place first, then its neighbours, and Escape leaves.
    ActionChains(opened).move_to_element(opened.find_element("css selector", "h1")).perform()
    canvas.send_keys(Keys.ARROW_RIGHT)
    best = max(max(row) for row in told["queries"][0]["shares"])
    assert _told(opened).startswith(f"This place adds {best:.4f}, ")
    canvas.send_keys(Keys.ESCAPE)
    assert _told(opened).startswith("All places together")
    np.testing.assert_array_equal(_pixels(opened, "#found"), before)


def test_heat_comes_and_goes(opened: Any) -> None:
    from selenium.webdriver import ActionChains

    def shown() -> list[bool]:
        return [one.is_displayed() for one in opened.find_elements("css selector", ".heat")]

    button = opened.find_element("id", "toggle")
    assert shown() == [True, True]
    button.click()
    assert (shown(), button.get_attribute("aria-pressed"), _told(opened)) == ([False, False], "false", "")
    ActionChains(opened).send_keys("h").perform()
    assert (shown(), button.get_attribute("aria-pressed")) == ([True, True], "true")


def test_names_are_text_and_a_phone_has_no_sideways_scroll(opened: Any) -> None:
    assert opened.title == "Two & <b>more</b>"
    size = {"width": 390, "height": 800, "deviceScaleFactor": 1, "mobile": True}
    opened.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    assert opened.execute_script("return document.documentElement.scrollWidth") <= 390
