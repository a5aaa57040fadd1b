"""The review page in a real browser: deciding, saving, the keyboard, and copies laid on what is kept."""

from __future__ import annotations

import io
import json
import math
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from lookalike.duplicates import plan as plans
from lookalike.images import thumbnail_jpeg
from lookalike.reports import review_page, write_page
from lookalike.results import Copy, DuplicateGroup, Duplicates, PictureFacts

pytestmark = pytest.mark.browser

WIDTH, HEIGHT = 1200, 900  # of the picture kept, which is drawn at half that size
SLOW = 30.0  # seconds
BROKEN = "/pics/caf\udce9 <b>.jpg"  # a name that is no UTF-8, as JSON and as HTML


def _blobs(seed: int) -> Image.Image:
    """A picture of soft colours, nowhere the same as when turned or mirrored."""
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((WIDTH // 2, HEIGHT // 2), Image.Resampling.BICUBIC)


def _applied(transform: np.ndarray, size: tuple[int, int]) -> Image.Image:
    """The picture kept under a transform of full-size pixels, drawn at half that size on grey."""
    half = transform.copy()
    half[:, 2] /= 2
    back = np.linalg.inv(np.vstack([half, [0, 0, 1]]))[:2]
    shape = (size[0] // 2, size[1] // 2)
    data = tuple(back.ravel().tolist())
    return _blobs(1).transform(
        shape, Image.Transform.AFFINE, data, Image.Resampling.BICUBIC, fillcolor="gray"
    )


def _turned(degrees: float, scale: float = 1.0) -> np.ndarray:
    c, s = scale * math.cos(math.radians(degrees)), scale * math.sin(math.radians(degrees))
    x, y = WIDTH / 2, HEIGHT / 2
    return np.array([[c, -s, x - c * x + s * y], [s, c, y - s * x - c * y]])


# Of each edit: the transform of full-size pixels, and the size of the copy.
EDITS: dict[str, tuple[np.ndarray, tuple[int, int]]] = {
    "mirrored crop": (np.array([[-1.0, 0, 900], [0, 1, -150]]), (720, 540)),
    "turned right": (np.array([[0.0, -1, HEIGHT], [1, 0, 0]]), (HEIGHT, WIDTH)),
    "a little turned": (_turned(10), (WIDTH, HEIGHT)),
    "small in a large one": (np.array([[0.4, 0, 500], [0, 0.4, 300]]), (1600, 800)),
    "squeezed": (np.array([[0.5, 0, 0], [0, 1, 0]]), (600, 900)),
}


def _facts(path: str, size: tuple[int, int] = (WIDTH, HEIGHT), length: int = 250_000) -> PictureFacts:
    return PictureFacts(path, 1, *size, length, "JPEG", "2026-11-23T08:30:00Z", "0" * 64)


def _small(image: Image.Image) -> bytes:
    return thumbnail_jpeg(np.array(image), 320)


def _rows(transform: np.ndarray) -> Any:
    return tuple(tuple(float(number) for number in row) for row in transform)


def _groups() -> Iterator[tuple[DuplicateGroup, dict[str, bytes]]]:
    kept = "/pics/kept.jpg"
    copies = [
        Copy(
            _facts(f"/pics/{name}.jpg", size),
            "edited",
            0.98,
            0.9,
            40,
            _rows(transform),
            0.36 if "crop" in name else 1.0,
            1.0,
        )
        for name, (transform, size) in EDITS.items()
    ]
    drawn = {f"/pics/{name}.jpg": _small(_applied(*edit)) for name, edit in EDITS.items()}
    yield DuplicateGroup(_facts(kept), "more pixels", tuple(copies)), {kept: _small(_blobs(1))} | drawn
    other = _small(_blobs(2))
    plain = [
        Copy(_facts(BROKEN), "exact", 1.0, overlap=1.0, overlap_copy=1.0),
        Copy(_facts("/pics/burst.jpg"), "burst", 0.7, doubt="another photo, taken within seconds"),
        Copy(_facts("/pics/unreadable.jpg"), "near", 0.99),
    ]
    group = DuplicateGroup(_facts("/pics/" + "long-name-" * 20 + ".jpg"), "it is older", tuple(plain))
    yield group, {group.keep: other, BROKEN: other, "/pics/burst.jpg": _small(_blobs(3))}


@pytest.fixture(scope="module")
def plan() -> dict[str, Any]:
    groups = [group for group, _ in _groups()]
    plan = plans.make(groups, roots=["/pics"], collection="/pics/.lookalike")
    return json.loads(plans.dumps(plan))


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory, plan: dict[str, Any]) -> str:
    drawn: dict[str, bytes] = {}
    groups = []
    for group, pictures in _groups():
        groups.append(group)
        drawn |= pictures
    file: Path = tmp_path_factory.mktemp("review") / "review.html"
    found = Duplicates(tuple(groups), 500, 1.0, 0.99)
    write_page(file, review_page(found, drawn.get, plan, "Copies & more", facts={"precision": "0.99"}))
    return file.as_uri()


def _open(browser: Any, page: str, width: int = 1280, *, dark: bool = False, calm: bool = True) -> None:
    browser.get_log("browser")
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    features = [
        {"name": "prefers-color-scheme", "value": "dark" if dark else "light"},
        {"name": "prefers-reduced-motion", "value": "reduce" if calm else "no-preference"},
    ]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    browser.get(page)


@pytest.fixture(autouse=True)
def as_found(browser: Any) -> Iterator[None]:
    """Leave the shared browser without our screen sizes, colours and unsaved changes."""
    yield
    assert browser.get_log("browser") == []
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    browser.get("about:blank")


def _keys(browser: Any, *keys: str) -> None:
    from selenium.webdriver import ActionChains

    for key in keys:
        ActionChains(browser).send_keys(key).perform()


def _texts(browser: Any, *ids: str) -> list[str]:
    return [browser.execute_script(f"return document.getElementById('{name}').textContent") for name in ids]


def _focused(browser: Any) -> str:
    return browser.execute_script(
        "const e = document.activeElement;"
        "return e.getAttribute('aria-label') || e.id || e.textContent.trim() || e.tagName"
    )


def _wait_until(browser: Any, name: str) -> None:
    """For the focus to be there: a dialog says a little later that it was closed."""
    end = time.monotonic() + SLOW
    while (focused := _focused(browser)) != name:
        assert time.monotonic() < end, focused
        time.sleep(0.02)


def _ticks(browser: Any) -> list[bool]:
    return browser.execute_script(
        "return [...document.querySelectorAll('.copy .tick input')].map(b => b.checked)"
    )


# --- opening ------------------------------------------------------------------------------------


def test_opens_without_complaint_and_pictures_load_when_they_come_near(browser: Any, page: str) -> None:
    _open(browser, page)
    assert _texts(browser, "shown", "ticked", "freed") == ["2 groups", "7 of 8 copies ticked", "1.8 MB"]
    browser.execute_script("document.querySelectorAll('.group')[1].scrollIntoView()")
    loaded = browser.execute_async_script(
        "const done = arguments[0], all = [...document.querySelectorAll('.group img')];"
        "const look = () => all.every(i => i.naturalWidth) ? done(all.length) : setTimeout(look, 20); look()"
    )
    assert loaded == 9
    assert browser.execute_script("return performance.getEntriesByType('resource').length") == 0


@pytest.mark.parametrize("width", [320, 390, 768, 1280, 2560])
def test_nothing_sticks_out_sideways(browser: Any, page: str, width: int) -> None:
    _open(browser, page, width)
    for opened in (False, True):
        if opened:
            browser.execute_script("document.querySelector('.look').click()")
        assert browser.execute_script("return document.documentElement.scrollWidth") <= width
        sticking = browser.execute_script(
            "return [...document.querySelectorAll(arguments[0])].filter(e =>"
            " !e.closest('.skip, svg, .choices > *, .plane') &&"
            " e.getBoundingClientRect().right > innerWidth + 1).map(e => e.outerHTML.slice(0, 80))",
            "dialog *" if opened else ".page *",
        )
        assert sticking == []


@pytest.mark.parametrize("width", [320, 390, 768, 1280])
def test_no_button_lies_on_another_one(browser: Any, page: str, width: int) -> None:
    _open(browser, page, width)
    boxes = browser.execute_script(
        "return [...document.querySelectorAll('.desk button')].map(e => e.getBoundingClientRect())"
        ".map(r => [r.left, r.top, r.right, r.bottom])"
    )
    for i, (left, top, right, bottom) in enumerate(boxes):
        for other in boxes[:i]:
            assert left >= other[2] or other[0] >= right or top >= other[3] or other[1] >= bottom


def test_dark_mode_changes_the_colours_and_text_stays_readable(browser: Any, page: str) -> None:
    contrasts = []
    for dark in (False, True):
        _open(browser, page, dark=dark)
        browser.execute_script("document.querySelector('.look').click()")
        contrasts.append(browser.execute_script(CONTRASTS))
    (light_page, *light), (dark_page, *dark_) = contrasts
    assert light_page > 0.8
    assert dark_page < 0.05
    assert min(light + dark_) >= 4.5, contrasts


CONTRASTS = """
const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
const numbers = c => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = c; canvas.fillRect(0, 0, 1, 1);
  return [...canvas.getImageData(0, 0, 1, 1).data]; };
const light = c => numbers(c).slice(0, 3).map(v => v / 255)
  .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
  .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
const ground = e => { const c = getComputedStyle(e).backgroundColor;
  return numbers(c)[3] < 200 ? ground(e.parentElement) : c; };
const contrast = e => { const a = light(getComputedStyle(e).color), b = light(ground(e));
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05); };
return [light(getComputedStyle(document.body).backgroundColor),
  ...["h1", ".promise", "code", "kbd", ".facts dt", ".counts b", ".counts p", "#save", ".link", ".name",
      ".in", ".filters button", ".filters span", ".verdict b", ".verdict span", ".kind b", ".kind span",
      ".how", ".details dt", ".details dd", ".worse, .better", ".tick .on", ".tick .bytes", ".doubt", ".none",
      ".legend dt", ".legend dd", ".foot > p", "#nth", ".modes span", "#close", ".compare h3"]
    .map(s => contrast(document.querySelector(s)))];
"""


# --- deciding and saving ------------------------------------------------------------------------


def _download(browser: Any, folder: Path) -> Any:
    """What comes down when the save button is pressed."""
    browser.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(folder)})
    browser.execute_script("document.getElementById('save').click()")
    file = folder / "plan-reviewed.json"
    end = time.monotonic() + SLOW
    while not file.exists():
        assert time.monotonic() < end, f"no plan came, only {[*folder.iterdir()]}"
        time.sleep(0.05)
    plans.read(file)  # refuses what is no plan
    return json.loads(file.read_bytes())


def test_an_unticked_copy_stays_and_all_else_is_saved_unchanged(
    browser: Any, page: str, plan: dict[str, Any], tmp_path: Path
) -> None:
    _open(browser, page)
    boxes = browser.find_elements("css selector", ".copy .tick")
    boxes[1].click()
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", boxes[6])
    boxes[6].click()
    assert _texts(browser, "ticked", "freed") == ["7 of 8 copies ticked", "1.8 MB"]
    saved = _download(browser, tmp_path)
    expected = json.loads(json.dumps(plan))
    expected["groups"][0]["copies"][1]["remove"] = False
    expected["groups"][1]["copies"][1]["remove"] = True
    assert saved == expected
    assert saved["groups"][1]["copies"][0]["path"] == BROKEN
    assert "plan-reviewed.json went to your downloads folder" in _texts(browser, "said")[0]


def test_a_plan_that_was_not_touched_is_saved_as_it_was(
    browser: Any, page: str, plan: dict[str, Any], tmp_path: Path
) -> None:
    _open(browser, page)
    assert _download(browser, tmp_path) == plan


def test_another_picture_can_be_kept_instead(
    browser: Any, page: str, plan: dict[str, Any], tmp_path: Path
) -> None:
    _open(browser, page)
    _keys(browser, "j", "j", "c")
    card = "document.querySelectorAll('.copy')[1]"
    assert browser.execute_script(f"return {card}.querySelector('.tick input').disabled") is True
    assert _texts(browser, "ticked") == ["7 of 8 copies ticked"]  # the first is given for it
    saved = _download(browser, tmp_path)
    group, before = saved["groups"][0], plan["groups"][0]
    chosen = before["copies"][1]
    assert group["keep"] == {key: chosen[key] for key in ("path", "sha256", "bytes", "width", "height")}
    first, *others = group["copies"]
    assert {key: first[key] for key in before["keep"]} == before["keep"]
    assert (first["remove"], first["kind"], first["probability"]) == (True, "edited", chosen["probability"])
    assert [copy["path"] for copy in others] == [
        copy["path"] for copy in before["copies"] if copy is not chosen
    ]
    assert saved["groups"][1] == plan["groups"][1]
    _keys(browser, "c")  # and back
    assert _download(browser, tmp_path / "again") == plan


def test_nothing_goes_for_a_crop_that_is_kept_instead_but_what_is_ticked(
    browser: Any, page: str, plan: dict[str, Any], tmp_path: Path
) -> None:
    _open(browser, page)
    browser.find_elements("css selector", ".copy .tick")[3].click()  # one stays, whichever is kept
    browser.execute_script("document.querySelectorAll('.copy .prefer')[0].click()")
    assert _ticks(browser)[:5] == [False] * 5
    assert browser.execute_script("return document.querySelector('.kept .tick input').checked") is False
    assert "mirrored crop.jpg cannot stand in" in _texts(browser, "said")[0]
    saved = _download(browser, tmp_path)["groups"][0]
    assert [copy["remove"] for copy in saved["copies"]] == [False] * 5
    assert saved["copies"][1]["doubt"] == "it was compared with the picture that was to be kept"
    browser.execute_script(
        "document.querySelectorAll('.copy .prefer')[1].click()"
    )  # another one, that shows all
    assert _ticks(browser)[:5] == [True, False, True, False, True]
    assert browser.execute_script("return document.querySelector('.kept .tick input').checked") is True
    browser.execute_script("document.querySelectorAll('.copy .prefer')[1].click()")  # and back
    assert _ticks(browser)[:5] == [True, True, True, False, True]


def test_doubts_about_a_picture_that_is_not_kept_are_not_shown(browser: Any, page: str) -> None:
    _open(browser, page)
    seen = "return [...document.querySelectorAll('.doubt')].map(each => each.checkVisibility())"
    browser.execute_script("document.querySelectorAll('.group')[1].scrollIntoView()")
    assert browser.execute_script(seen) == [True]
    browser.execute_script("document.querySelectorAll('.group')[1].querySelectorAll('.prefer')[1].click()")
    assert browser.execute_script(seen) == [False]


def test_what_is_kept_instead_is_compared_with(browser: Any, page: str) -> None:
    _open(browser, page)
    _keys(browser, "j", "c", "\ue007")
    assert _texts(browser, "pair", "prefer") == ["mirrored crop.jpg and kept.jpg", "Keep the first again"]
    _keys(browser, "j")
    assert _texts(browser, "pair") == ["mirrored crop.jpg and turned right.jpg"]
    _keys(browser, "k", "c")
    assert _texts(browser, "pair", "prefer") == ["kept.jpg and mirrored crop.jpg", "Keep this one"]


def test_leaving_asks_only_when_something_was_changed_and_not_saved(
    browser: Any, page: str, tmp_path: Path
) -> None:
    asks = (
        "const event = new Event('beforeunload', {cancelable: true}); dispatchEvent(event);"
        "return event.defaultPrevented"
    )
    _open(browser, page)
    _keys(browser, "j", "\ue007", "j")  # looking is no change
    assert browser.execute_script(asks) is False
    _keys(browser, "x")
    assert browser.execute_script(asks) is True
    _download(browser, tmp_path)
    assert browser.execute_script(asks) is False


def test_all_shown_can_be_unticked_and_be_as_proposed_again(browser: Any, page: str) -> None:
    _open(browser, page)
    proposed = _ticks(browser)
    browser.execute_script("document.querySelector('[data-kind=edited]').click()")
    browser.execute_script("document.getElementById('untick').click()")
    assert _ticks(browser) == [False] * 5 + proposed[5:]
    browser.execute_script("document.getElementById('again').click()")
    assert _ticks(browser) == proposed


def test_filters_show_copies_of_a_kind_and_those_in_doubt(browser: Any, page: str) -> None:
    def press(chip: str) -> list[str]:
        browser.execute_script("document.querySelector(arguments[0]).click()", f".filters {chip}")
        return browser.execute_script(
            "return [...document.querySelectorAll('.copy')].filter(c => c.checkVisibility() ||"
            " !c.hidden && !c.closest('.group').hidden).map(c => c.dataset.kind)"
        )

    _open(browser, page)
    assert press("[data-kind=exact]") == ["exact"]
    assert _texts(browser, "shown") == ["1 of 2 groups"]
    assert press("[data-kind=burst]") == ["exact", "burst"]
    assert press("[data-doubtful]") == ["burst"]
    assert press("[data-kind=burst]") == []
    assert browser.execute_script("return document.getElementById('none').checkVisibility()")
    press("[data-doubtful]")
    assert len(press("[data-kind=exact]")) == 8
    assert _texts(browser, "shown") == ["2 groups"]


# --- the keyboard -------------------------------------------------------------------------------


def test_the_keyboard_goes_through_copies_decides_and_compares(browser: Any, page: str) -> None:
    from selenium.webdriver.common.keys import Keys

    names = [f"Remove {name}.jpg" for name in EDITS]
    _open(browser, page)
    _keys(browser, "j")
    assert _focused(browser) == names[0]
    _keys(browser, "j", Keys.ARROW_DOWN, "k")
    assert _focused(browser) == names[1]
    _keys(browser, "x")
    assert _ticks(browser)[:3] == [True, False, True]
    _keys(browser, Keys.SPACE)
    assert _ticks(browser)[:3] == [True, True, True]
    _keys(browser, Keys.ENTER)
    assert _texts(browser, "pair", "nth") == ["kept.jpg and turned right.jpg", "Copy 2 of 8"]
    _keys(browser, "2", "j", "x")
    assert _texts(browser, "pair") == ["kept.jpg and a little turned.jpg"]
    assert browser.execute_script("return document.querySelector('[name=mode]:checked').value") == "over"
    assert not browser.execute_script("return document.getElementById('decide').checked")
    _keys(browser, Keys.ESCAPE)
    assert not browser.execute_script("return document.getElementById('compare').open")
    _wait_until(browser, names[2])
    assert _ticks(browser)[:3] == [True, True, False]


def test_everything_can_be_reached_by_tab(browser: Any, page: str) -> None:
    from selenium.webdriver.common.keys import Keys

    _open(browser, page)
    seen = []
    for _ in range(50):
        _keys(browser, Keys.TAB)
        if browser.execute_script("return document.activeElement === document.body"):
            break
        seen.append(_focused(browser))
        outline = browser.execute_script(
            "const e = document.activeElement, shown = e.closest('.copy') && e.matches('input')"
            " ? e.closest('.copy') : e; return getComputedStyle(shown).outlineStyle"
        )
        assert outline in ("solid", "auto"), seen[-1]
    assert seen[:2] == ["Skip to the groups", "save"]
    assert {"untick", "again"} <= set(seen)
    for copy in [*EDITS, "burst", "unreadable"]:
        first = seen.index(f"Compare {copy}.jpg")
        assert seen[first + 1 : first + 3] == [f"Keep {copy}.jpg instead", f"Remove {copy}.jpg"]


def test_space_swaps_and_flicker_respects_those_who_want_calm(browser: Any, page: str) -> None:
    from selenium.webdriver.common.keys import Keys

    opacity = "return getComputedStyle(document.querySelector('img.second')).opacity"
    flickering = "return document.getElementById('stage').getAnimations({subtree: true}).length"
    _open(browser, page)
    _keys(browser, "j", Keys.ENTER, "2", Keys.SPACE)
    assert browser.execute_script(opacity) == "0"
    _keys(browser, "f")
    assert browser.execute_script(opacity) == "1"
    assert browser.execute_script(flickering) == 0
    assert not browser.execute_script("return document.getElementById('flicker').checkVisibility()")
    _open(browser, page, calm=False)
    _keys(browser, "j", Keys.ENTER, "f")
    assert browser.execute_script(flickering) >= 1
    assert browser.execute_script("return document.getElementById('flicker').ariaPressed") == "true"
    _keys(browser, "f")
    assert not browser.execute_script("return document.getElementById('stage').matches('.flickering')")


# --- laying one on the other --------------------------------------------------------------------


def _compare(browser: Any, number: int, mode: str) -> None:
    browser.execute_async_script(
        "const [number, mode, done] = arguments;"
        "document.querySelectorAll('.look')[number].click();"
        "document.querySelector(`[name=mode][value=${mode}]`).click();"
        "Promise.all([...document.querySelectorAll('.plane img')].map(i => i.decode())).then(() => done())",
        number,
        mode,
    )


def _placed(browser: Any) -> Sequence[np.ndarray]:
    """Of both images the 2 x 3 matrix that takes full-size pixels to pixels of the stage."""
    found = browser.execute_script(
        "return [...document.querySelectorAll('.plane img')].map(i => {"
        " const m = new DOMMatrix(getComputedStyle(i).transform);"
        " return [m.a, m.c, m.e, m.b, m.d, m.f, i.offsetWidth, i.offsetHeight]; })"
    )
    return [np.array(numbers) for numbers in found]


def _mapped(placed: np.ndarray, points: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Full-size points on the stage: first to the element's own pixels, then by its matrix."""
    matrix = placed[:6].reshape(2, 3)
    return points / size * placed[6:] @ matrix[:, :2].T + matrix[:, 2]


@pytest.mark.parametrize("width", [390, 1280])
def test_each_point_of_a_copy_lies_on_its_point_of_the_picture_kept(
    browser: Any, page: str, width: int
) -> None:
    points = np.random.default_rng(5).uniform((0, 0), (WIDTH, HEIGHT), (20, 2))
    _open(browser, page, width)
    for number, (name, (transform, size)) in enumerate(EDITS.items()):
        there = points @ transform[:, :2].T + transform[:, 2]
        for mode in ("over", "diff"):
            _compare(browser, number, mode)
            kept, copy = _placed(browser)
            apart = _mapped(kept, points, (WIDTH, HEIGHT)) - _mapped(copy, there, size)
            # Pixels; the elements' sizes are read as whole numbers here.
            assert abs(apart).max() < 1, (name, mode)
            browser.execute_script("document.getElementById('compare').close()")


def _stage(browser: Any) -> np.ndarray:
    png = browser.find_element("id", "stage").screenshot_as_png
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"), dtype=float)


def _inside(shape: tuple[int, ...], corners: np.ndarray, margin: float) -> np.ndarray:
    """Which pixels lie within a convex polygon, and at least `margin` from its sides."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    inside = np.ones(shape[:2], bool)
    middle = corners.mean(axis=0)
    for a, b in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        normal = np.array([a[1] - b[1], b[0] - a[0]]) / np.hypot(*(b - a))
        normal *= np.sign(normal @ (middle - a))
        inside &= (x + 0.5 - a[0]) * normal[0] + (y + 0.5 - a[1]) * normal[1] > margin
    return inside


def _quad(size: tuple[int, int]) -> np.ndarray:
    width, height = size
    return np.array([(0, 0), (width, 0), (width, height), (0, height)], dtype=float)


@pytest.mark.parametrize("number", range(len(EDITS)), ids=list(EDITS))
def test_a_copy_laid_on_the_picture_kept_shows_the_same_pixels(browser: Any, page: str, number: int) -> None:
    _, size = [*EDITS.values()][number]
    _open(browser, page)
    _compare(browser, number, "over")
    stages = []
    for value in (0, 100):
        browser.execute_script(
            "const o = document.getElementById('opacity'); o.value = arguments[0];"
            "o.dispatchEvent(new Event('input'))",
            value,
        )
        stages.append(_stage(browser))
    kept, copy = stages
    places = _placed(browser)
    frames = [
        _mapped(places[0], _quad((WIDTH, HEIGHT)), (WIDTH, HEIGHT)),
        _mapped(places[1], _quad(size), size),
    ]
    shared = _inside(kept.shape, frames[0], 5) & _inside(kept.shape, frames[1], 5)
    assert shared.mean() > 0.005
    apart = abs(kept - copy).mean(axis=2)[shared]
    assert apart.mean() < 4
    assert np.quantile(apart, 0.99) < 14
    # Laid anywhere else it would not agree.
    moved = abs(kept - np.roll(copy, (12, 25), (0, 1))).mean(axis=2)[shared]
    assert moved.mean() > 3 * apart.mean()


def test_the_difference_of_a_copy_is_dark_and_that_of_another_photo_is_not(browser: Any, page: str) -> None:
    brightness = []
    _open(browser, page)
    for number in (0, 6):
        _compare(browser, number, "diff")
        stage = _stage(browser)
        place = _placed(browser)[1]
        size = EDITS["mirrored crop"][1] if number == 0 else (WIDTH, HEIGHT)
        brightness.append(stage[_inside(stage.shape, _mapped(place, _quad(size), size), 5)].mean())
        browser.execute_script("document.getElementById('compare').close()")
    same, other = brightness
    assert same < 8
    assert other > 60


def test_side_by_side_outlines_what_the_copy_shows(browser: Any, page: str) -> None:
    _open(browser, page)
    _compare(browser, 0, "side")
    transform, size = EDITS["mirrored crop"]
    kept, _ = _placed(browser)
    back = np.linalg.inv(np.vstack([transform, [0, 0, 1]]))[:2]
    expected = _mapped(kept, _quad(size) @ back[:, :2].T + back[:, 2], (WIDTH, HEIGHT))
    drawn = browser.execute_script("return document.querySelector('.edge.first').getAttribute('d')")
    corners = np.array([[float(n) for n in corner.split()] for corner in drawn.strip("MZ").split("L")])
    assert abs(corners - expected).max() < 1
    stage = _stage(browser)
    frame = _inside(stage.shape, _mapped(kept, _quad((WIDTH, HEIGHT)), (WIDTH, HEIGHT)), 4)
    shown = _inside(stage.shape, expected, 4)
    assert stage[shown].mean() > 1.5 * stage[frame & ~_inside(stage.shape, expected, -4)].mean()


def test_pictures_without_preview_or_transform_can_still_be_compared(browser: Any, page: str) -> None:
    _open(browser, page)
    _compare(browser, 6, "over")
    assert "corners only" in _texts(browser, "note")[0]
    browser.execute_script("document.getElementById('after').click()")
    assert browser.execute_script("return document.querySelector('.lost').checkVisibility()")
    assert browser.execute_script("return document.querySelector('img.second').checkVisibility()") is False
