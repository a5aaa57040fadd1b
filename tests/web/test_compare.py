"""Comparing two pictures on the page, where they agree, and what is in the collection."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lookalike.collection import Collection
from pages import Page
from serving import Server, make_collection, start

pytestmark = pytest.mark.browser

TOLD = "document.querySelector('.verdict-name') !== null"


@pytest.fixture(scope="module")
def server(
    tmp_path_factory: pytest.TempPathFactory,
    draw_shop: Callable[[Path], Path],
    photo: Callable[..., np.ndarray],
) -> Iterator[Server]:
    """A server of the drawn shop with a photo and a part of it, mirrored; `copy.jpg` lies outside."""
    folder = tmp_path_factory.mktemp("served")
    pictures = draw_shop(folder / "pictures")
    whole = photo(3, (480, 360))
    part = Image.fromarray(whole[40:320, 60:400, :][:, ::-1].copy())
    Image.fromarray(whole).save(pictures / "whole.png")
    part.save(pictures / "zz-part.jpg", quality=90)
    part.resize((300, 247)).save(folder / "copy.jpg", quality=80)
    make_collection(folder, pictures)
    running = start(folder)
    yield running
    assert running.stop() == 0


def _id(server: Server, name: str) -> int:
    with server.client() as client:
        (found,) = client.pictures(where=f'name == "{name}" or path matches "*{name}"')
        return found.id


def test_two_pictures_say_how_alike_they_are(page: Page) -> None:
    first, second = _id(page.server, "whole.png"), _id(page.server, "zz-part.jpg")
    told = page.server.post("/v1/compare", ("first_id", str(first)), ("second_id", str(second))).json
    page.open(f"/compare?a={first}&b={second}", wait=TOLD)
    assert told["verdict"] == "edited copy"
    assert page.text(".verdict-name") == "An edited copy"
    scores = page.text(".verdict .scores")
    assert f"{told['similarity']:.2f}" in scores
    page.until("[...document.querySelectorAll('.place img')].every(i => i.naturalWidth > 0)")
    assert page.sticking_out() == []
    assert page.texts(".one .name") == ["whole.png", "zz-part.jpg"]


def test_a_verdict_is_what_the_numbers_support(
    page_of: Callable[[Server], Page], tmp_path: Path, draw_shop: Callable[[Path], Path]
) -> None:
    """A model's limit says what unrelated pictures reach, not what is different; a calibration says that."""
    server = start(make_collection(tmp_path, draw_shop(tmp_path / "pictures")))
    page = page_of(server)
    other = next(
        number
        for number in range(2, 13)
        if server.post("/v1/compare", ("first_id", "1"), ("second_id", str(number))).json["verdict"]
        == "different"
    )
    page.open(f"/compare?a=1&b={other}", wait=TOLD)
    assert page.text(".verdict-name") == "No copy"
    with Collection.open(tmp_path / "collection") as collection:
        collection.calibrate()
    curve = server.get("/v1/calibration").json["calibration"]
    for number in range(2, 13):
        told = server.post("/v1/compare", ("first_id", "1"), ("second_id", str(number))).json
        if told["verdict"] not in ("alike", "different"):
            continue
        chance = 1 / (1 + math.exp(-(curve["slope"] * told["similarity"] + curve["intercept"])))
        page.open(f"/compare?a=1&b={number}", wait=TOLD)
        said = "Probably the same thing" if chance >= 0.5 else "Probably not the same thing"
        assert page.text(".verdict-name") == said
        assert "the same thing" in page.text(".verdict .scores")
    assert server.stop() == 0


def test_where_the_first_lies_in_the_second_is_drawn(page: Page) -> None:
    first, second = _id(page.server, "whole.png"), _id(page.server, "zz-part.jpg")
    page.open(f"/compare?a={second}&b={first}", wait=TOLD)
    points = page.find(".outline polygon:last-child").get_attribute("points")
    corners = np.array([[float(number) for number in point.split(",")] for point in points.split()])
    expected = np.array([[400, 40], [60, 40], [60, 320], [400, 320]])
    assert np.abs(corners - expected).max() < 4
    toggle = "[...document.querySelectorAll('.compare-tools button')][1]"
    page.run(f"{toggle}.click()")
    assert page.run(f"return {toggle}.getAttribute('aria-pressed')") == "false"
    assert not page.find(".outline").is_displayed()


def test_the_heat_is_that_of_the_server_and_goes_away(page: Page) -> None:
    from selenium.webdriver.common.keys import Keys

    first, second = _id(page.server, "whole.png"), _id(page.server, "zz-part.jpg")
    told = page.server.post("/v1/explain", ("id", str(first)), ("found_id", str(second))).json
    page.open(f"/compare?a={first}&b={second}", wait=TOLD)
    page.click(".compare-tools .secondary")
    page.until("document.querySelectorAll('.exact .heat').length === 2")
    page.said(f"add up to {told['similarity']:.3f}")
    page.run("document.querySelector('.heat').focus()")
    page.press(Keys.ARROW_RIGHT)
    page.said("This place adds")
    page.click(".compare-tools .secondary")
    page.until("document.querySelectorAll('.heat').length === 0")


def test_swapping_is_a_state(page: Page) -> None:
    page.open("/compare?a=1&b=2", wait=TOLD)
    names = page.texts(".one .name")
    page.run("[...document.querySelectorAll('.compare-tools button')].at(-1).click()")
    page.until("location.search === '?a=2&b=1'")
    page.until("document.querySelector('.one .name')?.textContent === arguments[0]", names[1])
    page.back()
    page.until("document.querySelector('.one .name')?.textContent === arguments[0]", names[0])


def test_pictures_of_ones_own_are_compared(page: Page) -> None:
    page.open("/compare", wait="document.querySelectorAll('.slot').length === 2")
    page.run("HTMLInputElement.prototype.click = function () { window.picking = this }")
    page.click(".slot .primary")
    page.until("window.picking !== undefined")
    files = [page.server.folder / "pictures" / "whole.png", page.server.folder / "copy.jpg"]
    page.run("return window.picking").send_keys("\n".join(map(str, files)))
    page.until(TOLD)
    assert page.texts(".one .name") == ["whole.png", "copy.jpg"]
    assert page.text(".verdict-name") == "An edited copy"
    page.click(".compare-tools .secondary")
    page.until("document.querySelectorAll('.heat').length === 2")
    page.browser.refresh()
    page.said("Choose it again")


def test_a_search_says_where_it_and_what_was_found_agree(page: Page) -> None:
    page.open(
        "/search?like=1&also=2&region=0.1,0.1,0.8,0.8&show=3",
        wait="document.querySelector('#details-name') !== null",
    )
    form = [("id", "1"), ("also_id", "2"), ("region", "0.1,0.1,0.8,0.8"), ("found_id", "3")]
    told = page.server.post("/v1/explain", *form).json
    page.run("document.querySelector('dialog.details .actions button[aria-pressed]').click()")
    page.until("document.querySelectorAll('dialog.details .heat').length === 2")
    shown = sum(share for row in told["queries"][0]["shares"] for share in row)
    page.said(
        f"2 pictures asked with add up to {told['similarity']:.3f}, those of the one shown to {shown:.3f}"
    )
    # Of several pictures one chooses which is shown.
    page.run("document.querySelectorAll('.which button')[1].click()")
    shown = sum(share for row in told["queries"][1]["shares"] for share in row)
    page.said(f"those of the one shown to {shown:.3f}")
    page.until("document.querySelector('.large img').src.includes('/2/')")
    assert page.texts(".which [aria-pressed=true] img") == [""]
    page.run("document.querySelector('dialog.details .actions button[aria-pressed]').click()")
    page.until("document.querySelectorAll('dialog.details .heat').length === 0")
    assert page.run("return document.querySelectorAll('dialog.details .exact').length") == 1


def test_heat_of_a_picture_that_has_vanished_says_what_happened(
    page_of: Callable[[Server], Page], tmp_path: Path, draw_shop: Callable[[Path], Path]
) -> None:
    server = start(make_collection(tmp_path, draw_shop(tmp_path / "pictures")))
    page = page_of(server)
    page.allow("422", "404")
    with server.client() as client:
        Path(client.picture(2).path).unlink()
    page.open("/search?like=1&show=2", wait="document.querySelector('#details-name') !== null")
    page.run("document.querySelector('dialog.details .actions button[aria-pressed]').click()")
    page.said("There is no heat to show: the file of this picture is not available")
    assert page.all("dialog.details .heat") == []
    page.browser.get("about:blank")  # its thumbnail is asked for again and again
    assert server.stop() == 0


def test_copies_are_looked_for_on_request(page: Page) -> None:
    first, second = _id(page.server, "whole.png"), _id(page.server, "zz-part.jpg")
    page.open(f"/search?show={first}", wait="document.querySelector('#details-name') !== null")
    page.run("document.querySelector('dialog.details .links button').click()")
    page.until("document.querySelectorAll('.copies li').length === 1")
    assert "zz-part.jpg" in page.text(".copies")
    assert "cropped" in page.text(".copies")
    page.click(".copies a")
    page.until("location.pathname + location.search === arguments[0]", f"/compare?a={first}&b={second}")
    page.until(TOLD)


def test_a_picture_of_ones_own_may_be_here_already(page: Page) -> None:
    page.open("/", wait="document.querySelectorAll('.item').length > 0")
    page.run("HTMLInputElement.prototype.click = function () { window.picking = this }")
    page.click("[data-do=pick]")
    page.until("window.picking !== undefined")
    page.run("return window.picking").send_keys(str(page.server.folder / "copy.jpg"))
    page.until("document.querySelectorAll('.score').length > 0")
    page.run(
        "[...document.querySelectorAll('.asked button')].find(b => b.textContent === 'Is it here?').click()"
    )
    page.until("document.querySelectorAll('.query .copies li').length > 0")
    assert "zz-part.jpg" in page.text(".query .copies")


def test_the_collection_is_described(page: Page) -> None:
    page.open("/info", wait="document.querySelector('.figures') !== null")
    info = page.server.get("/v1/info").json
    assert page.text(".figures a").split("\n")[0] == str(info["images"])
    text = page.text(".info-page")
    for word in ("efficientnet-lite0", "onnxruntime", "in_stock", "yes or no", "category"):
        assert word in text
    page.click(".such a")
    page.until("location.pathname === '/search' && location.search.includes('where=')")
    page.until("document.querySelectorAll('.item').length > 0")


def test_a_sold_out_product_leads_to_what_is_in_stock(page: Page) -> None:
    with page.server.client() as client:
        sold_out = next(client.pictures(where="in_stock == false"))
    page.open(f"/search?show={sold_out.id}", wait="document.querySelector('#details-name') !== null")
    page.run(
        "[...document.querySelectorAll('.links a')].find(a => a.textContent.includes('in stock')).click()"
    )
    page.until("document.querySelectorAll('.score').length > 0")
    assert page.run("return document.querySelectorAll('.item .no').length") == 0
    assert page.run("return new URLSearchParams(location.search).get('where')") == "in_stock"
