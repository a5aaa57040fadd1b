"""Searching and browsing on the page: everything a person does there, in a real browser."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from PIL import Image

from lookalike.collection import Collection
from pages import Page
from serving import Server, make_collection, start

pytestmark = pytest.mark.browser

SHOWN = "document.querySelectorAll('.item').length > 0 && !document.querySelector('.results[aria-busy]')"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, draw_shop: Callable[[Path], Path]) -> Iterator[Server]:
    """A calibrated shop in two deployments, with a picture whose file is gone."""
    folder = tmp_path_factory.mktemp("served")
    pictures = draw_shop(folder / "pictures")
    make_collection(folder, pictures)
    with Collection.open(folder / "collection") as collection:
        collection.calibrate()
    shutil.copytree(folder / "collection", folder / "other")
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 no picture")
    running = start(folder, "--deployment", "other=other")
    yield running
    assert running.stop() == 0


def asked(page: Page) -> dict[str, list[str]]:
    return parse_qs(urlsplit(page.address).query)


def names(page: Page) -> list[str]:
    page.until(SHOWN)
    return list(page.run("return [...document.querySelectorAll('.item .name')].map(e => e.textContent)"))


def upload(page: Page, *files: Path, button: str = "[data-do=pick]") -> None:
    """Choose files, as a person does in the window that the button opens."""
    page.run("HTMLInputElement.prototype.click = function () { window.picking = this }")
    page.click(button)
    page.until("window.picking !== undefined")
    page.run("return window.picking").send_keys("\n".join(map(str, files)))
    page.run("delete window.picking")


# --- browsing ---------------------------------------------------------------------------------


def test_without_a_query_one_looks_around(page: Page) -> None:
    page.open("/", wait=SHOWN)
    assert page.text("h1") == "What looks like this?"
    assert len(names(page)) == 12
    page.said("12 pictures")
    page.until("[...document.querySelectorAll('.item img')].every(i => i.naturalWidth > 0)")
    assert page.sticking_out() == []


def test_a_click_asks_for_more_like_it_and_leaves_a_trail(page: Page) -> None:
    page.open("/", wait=SHOWN)
    page.click(".item[data-id='1'] .shot")
    page.until("document.querySelectorAll('.score').length > 0")
    assert asked(page) == {"like": ["1"]}
    first = names(page)[0]
    page.click(".item .shot")
    page.until("document.querySelectorAll('.trail li').length === 2")
    page.until("document.querySelector('.asked-name')?.textContent === arguments[0]", first)
    names(page)
    assert asked(page)["trail"] == ["1"]
    scores = [float(text) for text in page.texts(".score")]
    assert scores == sorted(scores, reverse=True)
    page.click(".trail li a")
    page.until("new URLSearchParams(location.search).get('like') === '1'")
    page.until("document.querySelectorAll('.trail li').length < 2")
    page.back()
    page.until("document.querySelectorAll('.trail li').length === 2")
    page.until("document.querySelector('.asked-name')?.textContent === arguments[0]", first)
    page.back()
    page.until("new URLSearchParams(location.search).get('like') === '1'")
    page.back()
    page.until("!document.querySelector('.hero')?.hidden")
    page.until("document.querySelectorAll('.item').length === 12")


def test_a_link_leads_to_the_same_answer(page: Page) -> None:
    where = 'category == "circle" and in_stock'
    page.open(f"/search?like=1&where={where}&threshold=0.1", wait=SHOWN)
    found = page.server.post("/v1/search", ("id", "1"), ("where", where), ("threshold", "0.1")).json[
        "results"
    ]
    assert names(page) == [hit["metadata"]["name"] for hit in found]
    assert page.texts(".score") == [f"{hit['similarity']:.2f}" for hit in found]
    assert page.texts(".chance")[0].endswith("%")
    page.said("at least 0.10 alike")
    page.until("document.querySelectorAll('.chip').length > 0")
    assert [chip.strip() for chip in page.texts(".chip")] == ["category: circle", "in stock"]


# --- pictures of one's own --------------------------------------------------------------------


def test_a_picture_is_chosen_and_survives_back_but_no_fresh_load(page: Page) -> None:
    page.open("/", wait=SHOWN)
    upload(page, page.server.folder / "query.jpg")
    page.until("document.querySelectorAll('.score').length > 0")
    assert names(page)[0] == "red circle"
    assert asked(page)["like"][0].startswith("u-")
    page.until("document.querySelector('.asked-name')?.textContent === 'query.jpg'")
    page.click(".item .shot")
    page.until("document.querySelectorAll('.trail li').length === 2")
    page.back()
    page.until("document.querySelector('.asked-name')?.textContent === 'query.jpg'")
    page.until("document.querySelector('.item .name')?.textContent === 'red circle'")
    page.browser.refresh()
    page.said("This picture was only in your window")
    upload(page, page.server.folder / "query.jpg", button=".instead [data-do=pick]")
    page.until("document.querySelectorAll('.score').length > 0")
    assert names(page)[0] == "red circle"


def test_several_pictures_are_one_question(page: Page) -> None:
    page.open("/", wait=SHOWN)
    pictures = page.server.folder / "pictures"
    upload(page, pictures / "red-circle.jpg", pictures / "blue-circle.jpg")
    page.until("document.querySelectorAll('.sides li').length === 1")
    page.said("What looks like these")
    page.until("document.querySelectorAll('.score').length > 0")
    assert len(asked(page)["also"]) == 1
    assert page.texts(".chance") == []  # chances are those of one picture
    assert "circle" in names(page)[0]
    page.click(".sides li button")
    page.until("document.querySelectorAll('.chance').length > 0")


def test_a_picture_is_dropped_and_pasted(page: Page) -> None:
    page.open("/", wait=SHOWN)
    begin = (
        "const done = arguments[0]; fetch('/v1/pictures/4/original').then(r => r.blob()).then(blob => {"
        " const data = new DataTransfer(); data.items.add(new File([blob], 'a.jpg', {type: 'image/jpeg'}));"
    )
    page.browser.execute_async_script(
        begin + "for (const kind of ['dragenter', 'dragover', 'drop']) document.body.dispatchEvent("
        "new DragEvent(kind, {dataTransfer: data, bubbles: true, cancelable: true})); done(); })"
    )
    page.until("document.querySelector('.asked-name')?.textContent === 'a.jpg'")
    assert page.all(".veil") == []
    page.browser.execute_async_script(
        begin.replace("a.jpg", "b.jpg").replace("/4/", "/5/")
        + "document.body.dispatchEvent(new ClipboardEvent('paste',"
        " {clipboardData: data, bubbles: true, cancelable: true})); done(); })"
    )
    page.until("document.querySelector('.asked-name')?.textContent === 'b.jpg'")


def test_where_it_is_dropped_says_what_it_is_for(page: Page) -> None:
    page.open("/search?like=1", wait=SHOWN)
    page.browser.execute_async_script(
        "const done = arguments[0]; fetch('/v1/pictures/4/original').then(r => r.blob()).then(blob => {"
        " const data = new DataTransfer(); data.items.add(new File([blob], 'a.jpg', {type: 'image/jpeg'}));"
        " const event = kind => new DragEvent(kind, {dataTransfer: data, bubbles: true, cancelable: true});"
        " document.body.dispatchEvent(event('dragenter'));"
        " const zone = document.querySelector('.zone[data-zone=against]');"
        " zone.dispatchEvent(event('dragover')); zone.dispatchEvent(event('drop')); done(); })"
    )
    page.until("document.querySelectorAll('.sides .against').length === 1")
    assert asked(page)["like"] == ["1"]


def test_a_broken_picture_is_said_to_be_one(page: Page) -> None:
    page.allow("/v1/search - Failed to load resource", "422")
    page.open("/", wait=SHOWN)
    upload(page, page.server.folder / "broken.jpg")
    page.said("This picture cannot be used")
    assert page.all(".instead [data-do=pick]") != []


def test_what_is_no_picture_is_not_sent(page: Page) -> None:
    page.open("/", wait=SHOWN)
    upload(page, page.server.folder / "pictures" / "shop.csv")
    page.said("shop.csv is not a picture.")
    assert page.address == "/"


def test_a_picture_is_taken_with_the_camera(page: Page) -> None:
    page.open("/", wait=SHOWN)
    page.click("[data-do=camera]")
    page.until("document.querySelector('.camera video')?.videoWidth > 0")
    page.click(".camera .primary")
    page.until("document.querySelector('.asked-name')?.textContent === 'camera.jpg'")
    page.until("document.querySelectorAll('.score').length > 0")
    assert page.all(".camera") == []


def test_without_a_camera_the_systems_own_way_is_asked_for(page: Page) -> None:
    page.open("/", wait=SHOWN)
    page.run(
        "navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('', 'NotAllowedError'))"
    )
    page.run("HTMLInputElement.prototype.click = function () { window.picking = this }")
    page.click("[data-do=camera]")
    page.until("window.picking !== undefined")
    assert page.run("return window.picking.getAttribute('capture')") == "environment"
    page.run("return window.picking").send_keys(str(page.server.folder / "query.jpg"))
    page.until("document.querySelector('.asked-name')?.textContent === 'query.jpg'")


# --- the card of what is asked --------------------------------------------------------------------


def test_the_query_has_its_place_before_it_has_come(page: Page) -> None:
    """What stands below it in the sidebar does not move."""
    page.open("/info", wait="document.querySelector('.figures') !== null")
    page.run(
        "window.real = window.fetch; window.late = []; window.fetch = (address, ...rest) =>"
        " /pictures.1$|calibration/.test(address)"
        " ? new Promise(then => late.push(then)).then(() => real(address, ...rest)) : real(address, ...rest)"
    )
    _go(page, "/search?like=1")
    page.until(f"{SHOWN} && document.querySelectorAll('.facet').length > 0 && late.length > 1")
    top = "return document.querySelector('.filter-box').getBoundingClientRect().top"
    before = page.run(top)
    assert page.text(".asked-name") == ""
    page.run("late.forEach(then => then())")
    page.until("document.querySelector('.region img')?.naturalWidth > 0")
    assert page.run(top) == before
    assert page.text(".asked-name") != ""


@pytest.mark.parametrize("width", [1280, 800, 390])
@pytest.mark.parametrize("size", [(120, 300), (300, 100), (200, 200)])
def test_all_of_the_query_is_seen(page: Page, tmp_path: Path, size: tuple[int, int], width: int) -> None:
    """Whatever its shape: not cut off, and not over what stands beside it."""
    Image.new("RGB", size, "teal").save(tmp_path / "query.png")
    page.open("/", width=width)
    upload(page, tmp_path / "query.png")
    page.until("document.querySelector('.region img')?.naturalWidth > 0")
    shown, stage, text = (_box(page, one) for one in (".region img", ".asked-stage", ".asked-text"))
    assert shown["width"] / shown["height"] == pytest.approx(size[0] / size[1], rel=0.03)
    for first, last in (("top", "bottom"), ("left", "right")):
        assert stage[first] - 0.5 <= shown[first] < shown[last] <= stage[last] + 0.5
    assert stage["right"] <= text["left"] + 0.5 or stage["bottom"] <= text["top"] + 0.5


@pytest.mark.parametrize("width", [1280, 390])
def test_the_sidebar_bears_models_of_any_name(page: Page, width: int) -> None:
    page.open("/info", width=width, wait="document.querySelector('.figures') !== null")
    page.run(
        "const real = window.fetch; const add = told => ({ ...told, models: [...told.models,"
        " { ...told.models[0], output: 'an-output-with-a-very-long-name-that-goes-on-and-on' }] });"
        "window.fetch = async (address, ...rest) => { const answer = await real(address, ...rest);"
        " return /v1.info/.test(address) ? new Response(JSON.stringify(add(await answer.json())),"
        " { headers: { 'Content-Type': 'application/json' } }) : answer; }"
    )
    _go(page, "/search?like=1")
    page.until("document.querySelector('.model select')?.options.length > 1")
    side = _box(page, ".side")
    for part in (".asked", ".threshold", ".model select"):
        assert _box(page, part)["right"] <= side["right"] + 0.5, part


# --- a part, for and against ------------------------------------------------------------------


def _box(page: Page, selector: str) -> dict[str, float]:
    return dict(
        page.run("return document.querySelector(arguments[0]).getBoundingClientRect().toJSON()", selector)
    )


def _mouse(page: Page, kind: str, x: float, y: float) -> None:
    page.cdp("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", buttons=1, clickCount=1)


def test_a_part_is_drawn_with_the_mouse_and_moved_with_keys(page: Page) -> None:
    from selenium.webdriver.common.keys import Keys

    page.open("/search?like=1", wait=SHOWN)
    page.until("document.querySelector('.region img')?.naturalWidth > 0")
    box = _box(page, ".region img")
    at = lambda x, y: (box["x"] + x * box["width"], box["y"] + y * box["height"])  # noqa: E731
    _mouse(page, "mousePressed", *at(0.25, 0.25))
    _mouse(page, "mouseMoved", *at(0.5, 0.5))
    _mouse(page, "mouseMoved", *at(0.75, 0.75))
    _mouse(page, "mouseReleased", *at(0.75, 0.75))
    page.until("new URLSearchParams(location.search).has('region')")
    region = [float(share) for share in asked(page)["region"][0].split(",")]
    assert region == pytest.approx([0.25, 0.25, 0.5, 0.5], abs=0.02)
    found = page.server.post("/v1/search", ("id", "1"), ("region", asked(page)["region"][0])).json["results"]
    page.until(
        "document.querySelector('.score')?.textContent === arguments[0]", f"{found[0]['similarity']:.2f}"
    )
    page.run("document.querySelector('.part').focus()")
    before = page.address
    # Both in one go: keys that follow each other closely are one step.
    page.run(
        "for (let i = 0; i < 2; i += 1) document.activeElement.dispatchEvent("
        "new KeyboardEvent('keydown', { key: 'ArrowRight', bubbles: true, cancelable: true }))"
    )
    page.until("location.pathname + location.search !== arguments[0]", before)
    moved = [float(share) for share in asked(page)["region"][0].split(",")]
    assert moved == pytest.approx([region[0] + 0.04, *region[1:]], abs=0.002)
    assert "Arrow keys move it" in page.find(".part").get_attribute("aria-label")
    page.back()
    page.until("location.pathname + location.search === arguments[0]", before)
    page.until(
        "Math.abs(parseFloat(document.querySelector('.part')?.style.left) - arguments[0] * 100) < 0.2",
        region[0],
    )
    page.run("document.querySelector('.part').focus()")
    page.press(Keys.DELETE)
    page.until("!new URLSearchParams(location.search).has('region')")


def test_a_part_is_drawn_with_a_finger(page: Page) -> None:
    page.open("/search?like=1", width=390, wait=SHOWN)
    page.cdp("Emulation.setTouchEmulationEnabled", enabled=True, maxTouchPoints=1)
    page.until("document.querySelector('.region img')?.naturalWidth > 0")
    page.run(
        "[...document.querySelectorAll('.asked button')].find(b => b.textContent === 'Only a part').click()"
    )
    page.until("location.search.includes('region=0.2%2C0.2%2C0.6%2C0.6')")
    box = _box(page, ".handle.se")
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    points = lambda dx, dy: [{"x": x + dx, "y": y + dy}]  # noqa: E731
    page.cdp("Input.dispatchTouchEvent", type="touchStart", touchPoints=points(0, 0))
    page.cdp("Input.dispatchTouchEvent", type="touchMove", touchPoints=points(-10, -10))
    page.cdp("Input.dispatchTouchEvent", type="touchMove", touchPoints=points(-30, -30))
    page.cdp("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])
    page.until("!location.search.includes('0.6%2C0.6')")
    region = [float(share) for share in asked(page)["region"][0].split(",")]
    assert region[:2] == [0.2, 0.2]
    assert region[2] < 0.5


def test_pictures_for_and_against(page: Page) -> None:
    page.open("/search?like=1", wait=SHOWN)
    page.run("document.querySelectorAll('.item')[1].querySelector('.acts button:nth-child(2)').click()")
    page.until("document.querySelectorAll('.sides .also').length === 1")
    page.run("document.querySelectorAll('.item')[3].querySelector('.acts button:nth-child(3)').click()")
    page.until("document.querySelectorAll('.sides .against').length === 1")
    told = asked(page)
    found = page.server.post(
        "/v1/search", ("id", "1"), ("also_id", told["also"][0]), ("against_id", told["against"][0])
    ).json["results"]
    page.until(
        "document.querySelector('.score')?.textContent === arguments[0]", f"{found[0]['similarity']:.2f}"
    )
    upload(page, page.server.folder / "query.jpg", button="[data-do=against]")
    page.until("document.querySelectorAll('.sides .against').length === 2")
    for left in (2, 1, 0):
        page.click(".sides li button")
        page.until("document.querySelectorAll('.sides li').length === arguments[0]", left)
    assert asked(page) == {"like": ["1"]}


# --- filters and the threshold ----------------------------------------------------------------


def test_filters_are_made_of_the_metadata(page: Page) -> None:
    page.open("/", wait=SHOWN)
    page.until("document.querySelectorAll('.facet').length > 2")
    assert page.texts("[data-column=in_stock] label") == ["any", "yes6", "no6"] or page.texts(
        "[data-column=in_stock] small"
    ) == ["6", "6"]
    page.run("document.querySelectorAll('[data-column=in_stock] input')[1].click()")
    page.until("new URLSearchParams(location.search).get('where') === 'in_stock'")
    page.said("6 pictures of the collection")
    page.until("document.querySelector('[data-column=category] small')?.textContent === '2'")
    page.until("document.querySelectorAll('.item').length === 6")
    page.run("[...document.querySelectorAll('[data-column=category] input')][0].click()")
    page.until("document.querySelectorAll('.item').length === 2")
    page.run("[...document.querySelectorAll('[data-column=category] input')][1].click()")
    page.until("document.querySelectorAll('.item').length === 4")
    assert asked(page)["where"] == ['in_stock and category in ("circle", "square")']
    # Of a column that is chosen by, the other values stay, with what they would add.
    counts = "[...document.querySelectorAll('[data-column=category] small')].map(e => e.textContent)"
    page.until(f"{counts}.join() === '2,2,2'")
    assert page.find("#where").get_attribute("value") == asked(page)["where"][0]
    page.click(".chip")
    page.until("new URLSearchParams(location.search).get('where') === 'category in (\"circle\", \"square\")'")
    page.back()
    page.until("document.querySelectorAll('.chip').length === 2")
    page.until("document.querySelectorAll('[data-column=in_stock] input')[1]?.checked")


def test_values_chosen_in_quick_succession_are_all_chosen(page: Page) -> None:
    page.open("/", wait=SHOWN)
    page.until("document.querySelectorAll('[data-column=category] input').length === 3")
    # All at once, so that no counts can have come in between.
    page.run("document.querySelectorAll('[data-column=category] input').forEach(box => box.click())")
    page.until("new URLSearchParams(location.search).has('where')")
    assert asked(page)["where"] == ['category in ("circle", "square", "stripes")']
    page.run(
        "[...document.querySelectorAll('[data-column=category] input')].slice(1).forEach(box => box.click())"
    )
    assert asked(page)["where"] == ['category == "circle"']


def test_a_range_is_chosen_with_its_slider_and_its_boxes(page: Page) -> None:
    page.open("/", wait=SHOWN)
    page.until("document.querySelector('[data-column=price] input[type=range]') !== null")
    with page.server.client() as client:
        prices = sorted(one.metadata["price"] for one in client.pictures())
    page.run(
        "const s = document.querySelector('[data-column=price] input[type=range]'); s.value = 50;"
        "s.dispatchEvent(new Event('input')); s.dispatchEvent(new Event('change'))"
    )
    page.until("location.search.includes('price')")
    least = float(asked(page)["where"][0].rpartition(" ")[2])
    assert least == pytest.approx((prices[0] + prices[-1]) / 2, abs=0.02)
    page.until("document.querySelectorAll('.item').length === arguments[0]", sum(p >= least for p in prices))
    page.run(
        "const b = document.querySelectorAll('[data-column=price] input[type=number]')[1]; b.value = 5;"
        "b.dispatchEvent(new Event('change'))"
    )
    page.until(
        "document.querySelectorAll('.item').length === arguments[0]", sum(least <= p <= 5 for p in prices)
    )
    assert "price <= 5" in asked(page)["where"][0]


def test_how_one_chooses_by_a_column_stays_while_one_filters(
    page_of: Callable[[Server], Page], many: Server
) -> None:
    """Of what is left by a filter there may be few names and one format: all of the collection decides."""
    page = page_of(many)
    controls = (
        "[...document.querySelectorAll('.facet')].map(f => f.dataset.column + ' ' +"
        " [...f.querySelectorAll('input')].map(i => i.type)[0]).join()"
    )
    page.open("/", wait=f"document.querySelectorAll('.facet').length > 2 && {SHOWN}")
    before = page.run(f"return {controls}")
    assert "name search,format checkbox" in before
    page.run("document.querySelectorAll('[data-column=in_stock] input')[1].click()")
    page.until("document.querySelectorAll('.item').length === 6")
    page.until("document.querySelectorAll('[data-column=in_stock] input')[1]?.checked")
    assert page.run(f"return {controls}") == before
    page.open("/?where=price > 1000", wait="document.querySelectorAll('.facet').length > 2")
    assert page.run(f"return {controls}") == before


def test_prices_are_written_as_prices(page_of: Callable[[Server], Page], shop: Path) -> None:
    """All numbers of a column have as many decimals as one of them needs, up to two."""
    with Collection.open(shop / "collection") as collection, collection.gallery.writing() as writing:
        writing.set_metadata([(1, {"price": 1.3, "weight": 0.5}), (2, {"price": 1.25, "weight": 0.1234})])
    server = start(shop)
    page = page_of(server)
    told = "[...document.querySelectorAll('.item:nth-child(-n + 3) [title=price]')].map(e => e.textContent)"
    page.open("/", wait=f"{told}.join() === '1.30,1.25,5.20'")
    ends = "[...document.querySelectorAll('[data-column=price] input[type=number]')].map(e => e.value)"
    page.until(f"{ends}.join() === '1.25,6.20'")
    facts = "[...document.querySelectorAll('dialog.details .facts dd')].map(e => e.textContent)"
    page.open("/?show=1", wait=f"{facts}.includes('1.30')")
    page.until(f"{facts}.includes('0.5')")  # too many decimals for all to have them
    page.open("/info", wait="document.querySelector('.figures') !== null")
    page.said("1.25 to 6.20")
    page.browser.get("about:blank")
    assert server.stop() == 0


def test_a_filter_may_be_typed(page: Page) -> None:
    from selenium.webdriver.common.keys import Keys

    page.allow("422")
    page.open("/", wait=SHOWN)
    page.press("/")
    assert page.focused() == "where"
    page.press('name contains "red" or price > 5', Keys.ENTER)
    page.until("document.querySelectorAll('.chip').length === 1")
    count = page.server.get("/v1/facets?where=name+contains+%22red%22+or+price+%3E+5").json["pictures"]
    page.until("document.querySelectorAll('.item').length === arguments[0]", count)
    page.press(Keys.ESCAPE, "/")
    page.run("document.querySelector('#where').select()")
    page.press("categroy == 1", Keys.ENTER)
    page.said("did you mean category")
    assert page.text(".where .problem p").endswith("category?")
    page.said("This filter cannot be understood")
    page.run("document.querySelector('#where').select()")
    page.press("green", Keys.ENTER)
    page.said("Names with “green”")
    page.click(".where .problem button")
    page.until("document.querySelectorAll('.item').length === 3")
    assert {name.split()[0] for name in names(page)} == {"green"}


def test_nothing_found_says_why(page: Page) -> None:
    page.open("/?where=price > 1000", wait="document.querySelector('.state')")
    page.said("No picture matches")
    page.click(".state .primary")
    page.until(SHOWN)
    page.open("/search?like=1&threshold=0.999", wait="document.querySelector('.instead .state')")
    page.said("Nothing is so much alike")
    page.click(".state .primary")
    page.until("document.querySelectorAll('.item').length === 11")


def test_the_slider_asks_for_likeness_and_says_the_chance(page: Page) -> None:
    page.open("/search?like=1", wait=SHOWN)
    page.find("#threshold")
    assert page.text(".threshold output") == "any"
    page.run(
        "const s = document.querySelector('#threshold'); s.value = 0.6; s.dispatchEvent(new Event('input'));"
        "s.dispatchEvent(new Event('change'))"
    )
    page.until("new URLSearchParams(location.search).get('threshold') === '0.6'")
    curve = page.server.get("/v1/calibration").json["calibration"]
    assert curve is not None
    assert page.text(".threshold output").startswith("0.60, ")
    assert page.text(".threshold output").endswith("the same")
    scores = "[...document.querySelectorAll('.score')]"
    page.until(f"{scores}.length > 0 && {scores}.every(e => Number(e.textContent) >= 0.6)")
    page.back()
    page.until("document.querySelector('.threshold output')?.textContent === 'any'")


# --- details, keys ----------------------------------------------------------------------------


def test_details_are_a_state_with_a_link(page: Page) -> None:
    page.open("/search?like=1&show=2", wait="document.querySelector('#details-name') !== null")
    with page.server.client() as client:
        picture = client.picture(2)
    assert page.text("#details-name") == picture.metadata["name"]
    facts = page.text("dialog.details")
    for text in (
        picture.path.rpartition("/")[2],
        "160 × 160 pixels",
        "circle" if "circle" in picture.path else "s",
        "similarity",
    ):
        assert text in facts
    links = page.run(
        "return [...document.querySelectorAll('dialog.details .links a')].map(a => a.pathname + a.search)"
    )
    assert links == ["/compare?a=1&b=2", "/map?id=2", "/v1/pictures/2/original"]
    page.press("\ue014")
    page.until("new URLSearchParams(location.search).get('show') !== '2'")
    page.press("\ue00c")
    page.until("!new URLSearchParams(location.search).has('show')")
    assert page.run("return document.querySelector('dialog.details').open") is False
    page.click(".item .acts button")
    page.until("document.querySelector('dialog.details')?.open")
    page.back()
    page.until("!document.querySelector('dialog.details')?.open")


def test_the_grid_goes_by_keys(page: Page) -> None:
    from selenium.webdriver.common.keys import Keys

    page.open("/", wait=SHOWN)
    page.run("document.querySelector('.item a').focus()")
    index = lambda: page.run("return document.activeElement.closest('.item').dataset.index")  # noqa: E731
    page.press(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)
    assert index() == "2"
    page.press(Keys.ARROW_DOWN)
    below = int(index())
    assert below > 3
    page.press(Keys.ARROW_UP)
    assert index() == "2"
    page.press(Keys.END)
    assert index() == "11"
    page.press(Keys.HOME)
    page.press("i")
    page.until("document.querySelector('dialog.details')?.open")
    page.press(Keys.ESCAPE)
    page.until("!document.querySelector('dialog.details')?.open")
    page.until("document.activeElement.closest('.item')?.dataset.index === '0'")
    page.press(Keys.ENTER)
    page.until("document.querySelectorAll('.score').length > 0")
    assert asked(page) == {"like": ["1"]}
    page.run("document.querySelector('.item a').focus()")
    page.press("+")
    page.until("document.querySelectorAll('.sides .also').length === 1")


def test_a_link_skips_to_the_results(page: Page) -> None:
    from selenium.webdriver.common.keys import Keys

    page.open("/", wait=SHOWN)
    page.press(Keys.TAB, Keys.TAB)
    assert page.focused("textContent") == "Skip to results"
    page.press(Keys.ENTER)
    assert page.run("return document.activeElement.closest('.item').dataset.index") == "0"
    assert page.address == "/"
    page.open("/info", wait="document.querySelector('.figures') !== null")
    page.press(Keys.TAB, Keys.TAB)
    assert page.focused("className") == "brand"  # there are none to skip to


# --- the rest ---------------------------------------------------------------------------------


def test_another_deployment_is_chosen(page: Page) -> None:
    from selenium.webdriver.support.ui import Select

    page.open("/?where=in_stock", wait=SHOWN)
    Select(page.find(".deployment select")).select_by_visible_text("other")
    page.until("new URLSearchParams(location.search).get('deployment') === 'other'")
    page.until(SHOWN)
    assert "deployment=other" in page.find(".item img").get_attribute("src")
    page.click(".item .shot")
    page.until("document.querySelectorAll('.score').length > 0")
    assert asked(page)["deployment"] == ["other"]


def test_an_unknown_picture_and_an_unknown_deployment_are_told(page: Page) -> None:
    page.allow("404")
    page.open("/search?like=999", wait="document.querySelector('.instead .state')")
    page.said("not in the collection any more")
    page.open("/?deployment=nowhere", wait="document.querySelector('.state')")
    page.said("there is no deployment")


def _refusing(page: Page, part: str) -> None:
    """Let the server seem to fail for some addresses, until `window.fetch` is `window.real` again."""
    page.run(
        "window.real = window.fetch;"
        "const said = { error: { status: 503, code: 'internal', message: 'it broke', request_id: 'x' } };"
        "window.fetch = (address, ...rest) => String(address).includes(window.part)"
        " ? Promise.resolve(new Response(JSON.stringify(said), { status: 503 }))"
        " : window.real(address, ...rest); window.part = arguments[0]",
        part,
    )


def _go(page: Page, address: str) -> None:
    """Follow a link to an address, without loading the page anew."""
    page.run(
        "const a = document.createElement('a'); a.href = arguments[0]; document.body.append(a);"
        "a.click(); a.remove()",
        address,
    )


def test_without_filters_the_pictures_are_there_all_the_same(page: Page) -> None:
    page.open("/info", wait="document.querySelector('.figures') !== null")
    _refusing(page, "/v1/facets")
    _go(page, "/search?like=1")
    page.said("it broke")
    page.until(SHOWN)
    page.run("window.fetch = window.real")
    page.click(".where .problem button")
    page.until("document.querySelectorAll('.facet').length > 0")
    assert page.text(".where .problem") == ""


@pytest.mark.parametrize("address", ["/", "/search?like=1&threshold=0.1"])
def test_trying_again_draws_what_was_asked_for(page: Page, address: str) -> None:
    page.open("/info", wait="document.querySelector('.figures') !== null")
    _refusing(page, "/v1/pictures" if address == "/" else "/v1/calibration")
    _go(page, address)
    page.said("it broke")
    page.run("window.fetch = window.real")
    page.click(".state .primary")
    page.until(SHOWN)
    assert page.address == address
    _go(page, "/search?like=2")
    page.until("document.querySelector('.asked-name') !== null")


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory, draw_shop: Callable[[Path], Path]) -> Iterator[Server]:
    """A server of many small pictures."""
    import numpy as np
    from PIL import Image

    folder = tmp_path_factory.mktemp("many")
    draw_shop(folder / "pictures")
    dice = np.random.default_rng(1)
    for number in range(1500):
        size = (int(dice.integers(20, 60)), int(dice.integers(20, 60)))
        Image.new("RGB", size, tuple(dice.integers(0, 255, 3).tolist())).save(
            folder / "pictures" / f"many-{number:04}.png"
        )
    make_collection(folder, folder / "pictures")
    running = start(folder)
    yield running
    assert running.stop() == 0


def test_tab_comes_to_the_grid_wherever_one_is(page_of: Callable[[Server], Page], many: Server) -> None:
    page = page_of(many)
    page.open("/", wait=SHOWN)
    page.run("scrollTo(0, 6000)")
    page.until("!document.querySelector('.item[data-index=\"0\"]')")
    page.until("document.querySelectorAll('.shot[tabindex=\"0\"]').length === 1")


def test_the_focus_stays_when_the_grid_is_laid_out_anew(page: Page) -> None:
    page.open("/", wait=SHOWN)
    page.run("document.querySelector('.item[data-index=\"4\"] .acts button').focus()")
    page.run("window.before = document.activeElement")
    page.cdp("Emulation.setDeviceMetricsOverride", width=820, height=900, deviceScaleFactor=1, mobile=False)
    page.until("!window.before.isConnected")
    page.until("document.activeElement.closest('.item[data-index=\"4\"] .acts') !== null")


def test_many_pictures_are_few_elements(page_of: Callable[[Server], Page], many: Server) -> None:
    page = page_of(many)
    page.open("/", wait=SHOWN)
    seen = page.until(
        "(scrollTo(0, document.documentElement.scrollHeight),"
        " window.most = Math.max(window.most ?? 0, document.querySelectorAll('.item').length),"
        " [...document.querySelectorAll('.item')].some(e => e.dataset.index === '1511') && window.most)"
    )
    assert seen < 200
    page.until("document.querySelector('.item:last-child')?.getAttribute('aria-setsize') === '1512'")
    overlapping = page.run(
        "const boxes = [...document.querySelectorAll('.item')].map(e => e.getBoundingClientRect());"
        "return boxes.some((a, i) => boxes.some((b, j) => i < j && a.left < b.right - 1"
        " && b.left < a.right - 1 && a.top < b.bottom - 1 && b.top < a.bottom - 1))"
    )
    assert overlapping is False


def test_the_scroll_bar_leads_anywhere(page_of: Callable[[Server], Page], many: Server) -> None:
    """Into the middle of all pictures, of which only those there are asked for."""
    page = page_of(many)
    page.open("/", wait=SHOWN)
    full = page.run("return document.documentElement.scrollHeight")
    page.run("performance.clearResourceTimings(); scrollTo(0, arguments[0] / 2)", full)
    shown = "[...document.querySelectorAll('.item')].map(e => Number(e.dataset.index))"
    page.until(f"{shown}.some(index => index > 700 && index < 850)")
    page.until("!document.querySelector('.blank')")
    asked_for = page.run(
        "return performance.getEntriesByType('resource').filter(e => e.name.includes('skip=')).length"
    )
    assert asked_for <= 2
    with many.client() as client:
        paths = [one.path for one in client.pictures()]
    index, name = page.run(
        "const e = [...document.querySelectorAll('.item')][3];"
        "return [Number(e.dataset.index), e.querySelector('.name').textContent]"
    )
    assert Path(paths[index]).name == name
    assert page.run("return document.querySelector('.item').getAttribute('aria-setsize')") == "1512"
    # What is above comes when one goes there, and moves nothing that is seen.
    page.run("scrollTo(0, arguments[0] / 3)", full)
    page.until("!document.querySelector('.blank') && document.querySelectorAll('.item').length > 0")
    assert abs(page.run("return scrollY") - full / 3) < full / 10


def test_keys_go_to_the_end_and_on_from_there(page_of: Callable[[Server], Page], many: Server) -> None:
    from selenium.webdriver.common.keys import Keys

    page = page_of(many)
    page.open("/", wait=SHOWN)
    index = "document.activeElement.closest('.item')?.dataset.index"
    page.run("document.querySelector('.item a').focus()")
    page.press(Keys.END)
    page.until(f"{index} === '1511'")
    page.press(Keys.ARROW_LEFT)
    assert page.run(f"return {index}") == "1510"
    page.press("i")
    page.until("document.querySelector('dialog.details')?.open")
    page.press(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)  # on from the last to the first
    page.until("document.querySelector('.asked-name, #details-name') !== null")
    with many.client() as client:
        first = next(client.pictures()).id
    page.until("new URLSearchParams(location.search).get('show') === arguments[0]", str(first))


def test_a_block_that_does_not_come_can_be_asked_for_again(
    page_of: Callable[[Server], Page], many: Server
) -> None:
    page = page_of(many)
    page.open("/", wait=SHOWN)
    _refusing(page, "skip=")
    page.run("scrollTo(0, document.documentElement.scrollHeight / 2)")
    page.said("it broke")
    page.run("window.fetch = window.real; document.querySelector('.blank button').click()")
    page.until("[...document.querySelectorAll('.item')].some(e => Number(e.dataset.index) > 600)")
    page.until("!document.querySelector('.blank button')")


def test_results_go_on_beyond_the_first(page_of: Callable[[Server], Page], many: Server) -> None:
    page = page_of(many)
    page.open("/search?like=1", wait=SHOWN)
    page.until(
        "(scrollTo(0, document.documentElement.scrollHeight),"
        " Math.max(...[...document.querySelectorAll('.item')].map(e => Number(e.dataset.index))) === 999)"
    )
    place = page.until("scrollY")
    page.run("document.querySelector('.item:last-child .shot').click()")
    page.until("document.querySelectorAll('.trail li').length === 2")
    page.back()
    page.until(
        "document.querySelectorAll('.trail li').length < 2 && Math.abs(scrollY - arguments[0]) < 2", place
    )
    page.until("document.querySelector('.item:last-child')?.dataset.index === '999'")
