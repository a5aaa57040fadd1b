"""Duplicates on the page: gone through, laid on each other, decided, and written into a plan."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageOps

from lookalike.collection import Collection
from lookalike.duplicates import plan as plans
from pages import Page
from serving import Server, start

pytestmark = pytest.mark.browser

WRITE, READ = "write-0123456789abcdef", "read-0123456789abcdef"
PAIRS = "document.querySelectorAll('.copy .look').length"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, photo: Callable[..., np.ndarray]) -> Path:
    """`in/` with three photos and their copies: smaller, mirrored, cropped, the same; and a collection of
    them in which copies have been found."""
    folder = tmp_path_factory.mktemp("copies")
    (folder / "in").mkdir()
    first, second, third = (Image.fromarray(photo(number, (480, 360))) for number in range(3))
    for number, image in enumerate((first, second, third)):
        image.save(folder / "in" / f"photo-{number}.jpg", quality=92)
    first.resize((240, 180)).save(folder / "in" / "small.jpg")
    first.crop((60, 40, 420, 330)).save(folder / "in" / "crop.jpg", quality=92)
    ImageOps.mirror(second).save(folder / "in" / "mirrored.jpg", quality=92)
    shutil.copy(folder / "in" / "photo-2.jpg", folder / "in" / "photo-2-again.jpg")
    with Collection.open(folder / "collection") as collection:
        collection.add(folder / "in")
        collection.duplicates(threads=1)
    return folder


@pytest.fixture
def page(made: Path, page_of: Callable[[Server], Page]) -> Iterator[Page]:
    server = start(made)
    page = page_of(server)
    yield page
    page.browser.get("about:blank")  # small pictures may still be on their way
    assert server.stop() == 0


def opened(page: Page, query: str = "", **how: Any) -> Page:
    page.open(f"/duplicates{query}", wait=f"{PAIRS} > 0", **how)
    return page


def card(name: str) -> str:
    """A script that finds the card of a copy by its file's name."""
    cards = "[...document.querySelectorAll('.copy')]"
    return f"{cards}.find(c => c.querySelector('.name').textContent.includes('{name}'))"


def do(page: Page, name: str, selector: str) -> None:
    page.run(f"{card(name)}.querySelector(arguments[0]).click()", selector)


def downloaded(page: Page) -> plans.Plan:
    """The plan that the button gives."""
    page.run(
        "const make = URL.createObjectURL.bind(URL);"
        "URL.createObjectURL = blob => { window.blob = blob; return make(blob); }"
    )
    page.click("#plan")
    page.until("window.blob !== undefined")
    text = page.browser.execute_async_script("blob.text().then(arguments[0])")
    return plans.loads(text)


def going(plan: plans.Plan) -> set[str]:
    return {Path(copy.path).name for group in plan.groups for copy in group.copies if copy.remove}


# --- the list ---------------------------------------------------------------------------------


def test_every_group_is_there_with_what_is_known(page: Page, made: Path) -> None:
    opened(page)
    assert page.text(".dup-head h2") == "4 copies in 3 groups"
    assert page.text(".dup-head p").startswith("Among 7 pictures, found ")
    assert page.texts(".group h3") == ["photo-0.jpg", "photo-1.jpg", "photo-2.jpg"]
    assert page.text(".counts").replace("\n", " ").startswith("4 of 4 copies would go")
    assert page.texts(".dup-chip") == ["Same file 1", "Same picture 1", "Edited 2"]
    crop = page.run(f"return {card('crop.jpg')}.innerText")
    for words in ("Edited", "A part of the one kept", "fewer pixels", "of kept, 100 % of copy", "360 × 290"):
        assert words in crop
    page.until("[...document.querySelectorAll('.group img')].every(i => i.complete && i.naturalWidth > 0)")


def test_kinds_are_chosen_and_part_of_the_address(page: Page) -> None:
    opened(page)
    page.run("document.querySelectorAll('.dup-chip')[2].click()")
    page.until(f"{PAIRS} === 3")  # the smaller one is in a group with one that was edited
    assert page.address == "/duplicates?kind=edited"
    page.run("document.querySelectorAll('.dup-chip')[0].click()")
    page.until(f"{PAIRS} === 4")
    assert page.address == "/duplicates?kind=edited&kind=exact"
    page.back()
    page.until(f"{PAIRS} === 3 && location.search === '?kind=edited'")
    page.back()
    page.until(f"{PAIRS} === 4 && document.querySelectorAll('[aria-pressed=true]').length === 0")
    opened(page, "?kind=exact")
    assert page.texts(".group h3") == ["photo-2.jpg"]


def test_what_is_in_doubt_is_of_a_kind_and_not_counted_as_one(page: Page) -> None:
    page.open("/info")
    answers(
        page,
        "if (address.includes('/v1/duplicates?')) return window.real(address).then(async answer => {"
        " const told = await answer.json(); told.removals -= 1; return new Response(JSON.stringify(told),"
        " { headers: { 'Content-Type': 'application/json' } }) })",
    )
    page.click(".views a[href='/duplicates']")
    page.until(f"{PAIRS} > 0")
    assert page.texts(".dup-chip") == ["Same file 1", "Same picture 1", "Edited 2", "Only in doubt 1 of 4"]
    page.run("document.querySelectorAll('.dup-chip')[3].click()")
    page.until("location.search === '?doubtful=1'")


def test_of_thousands_of_groups_only_those_near_the_window_are_drawn(page: Page) -> None:
    page.open("/info")
    answers(
        page,
        "if (address.includes('/v1/duplicates?')) { const query = new URL(address, location).searchParams;"
        " window.told ??= window.real('/v1/duplicates').then(answer => answer.json());"
        " return window.told.then(told => {"
        "  const two = told.groups.filter(one => one.members.length === 1);"
        "  const [after, most] = [Number(query.get('after')), Number(query.get('limit'))];"
        "  const length = Math.min(most, 2000 - after), next = after + most < 2000 ? after + most : null;"
        "  const groups = Array.from({ length }, (_, i) => two[(after + i) % 2]);"
        "  return new Response(JSON.stringify({ ...told, groups, next, total: 2000, copies: 2000 }),"
        "  { headers: { 'Content-Type': 'application/json' } }) }) }",
    )
    page.click(".views a[href='/duplicates']")
    page.until(f"{PAIRS} > 0")
    most = page.until(
        "(scrollTo(0, document.documentElement.scrollHeight),"
        f" window.most = Math.max(window.most ?? 0, {PAIRS}),"
        " document.querySelectorAll('.group').length === 2000 && window.most)"
    )
    page.until("document.querySelector('.group:last-child h3') !== null")
    page.until(f"{PAIRS} < 60")
    assert most < 200
    # Two that stand beside each other begin at the same height, also where one is taller.
    tops = page.run(
        "return [...document.querySelectorAll('.group:has(h3)')].map(e => ["
        " e.getBoundingClientRect().top, e.querySelector('.copies').getBoundingClientRect().top])"
    )
    for group, copies in tops:
        assert copies - group == pytest.approx(tops[0][1] - tops[0][0], abs=1)
    page.run("scrollTo(0, 0)")
    page.until("document.querySelector('.group h3') !== null")
    page.press("j", "x")
    page.until("document.querySelector('.counts')?.textContent.startsWith('3 of 2,000')")


# --- deciding -----------------------------------------------------------------------------------


def test_the_plan_is_the_proposed_one(page: Page, made: Path) -> None:
    opened(page)
    assert "apply plan-reviewed.json in your downloads folder" in page.text(".promise")
    plan = downloaded(page)
    page.said("plan-reviewed.json went to your downloads folder")
    with Collection.open(made / "collection") as collection:
        told = collection.found_duplicates()
        assert told is not None
        assert plan.groups == collection.plan(told.found).groups
        assert not collection.rehearse(plan).skipped


def test_what_is_decided_is_in_the_plan_and_survives_loading_again(page: Page, made: Path) -> None:
    opened(page)
    do(page, "crop.jpg", ".tick input")
    page.until("document.querySelector('.counts')?.textContent.startsWith('3 of 4')")
    do(page, "mirrored.jpg", ".prefer")
    page.until("document.querySelector('.group.chosen h3')?.textContent === 'photo-1.jpg'")
    assert (
        page.run(f"return {card('mirrored.jpg')}.querySelector('.prefer').textContent")
        == "Stays, as you chose"
    )
    opened(page)
    assert page.run(f"return {card('crop.jpg')}.querySelector('.tick input').checked") is False
    plan = downloaded(page)
    assert going(plan) == {"small.jpg", "photo-2-again.jpg", "photo-1.jpg"}
    assert "mirrored.jpg" in {Path(group.keep.path).name for group in plan.groups}
    with Collection.open(made / "collection") as collection:
        report = collection.rehearse(plan)
        assert {Path(one.path).name for one in report.applied} == going(plan)
    page.run("document.querySelector('.dup-desk .plain').click()")
    page.until("document.querySelector('.counts')?.textContent.startsWith('4 of 4')")
    assert page.all(".group.chosen") == []


def test_nothing_goes_for_a_crop_that_is_kept_instead(page: Page) -> None:
    opened(page)
    do(page, "crop.jpg", ".prefer")
    page.said("crop.jpg cannot stand in for what was to stay: of its group nothing goes but what you tick.")
    group = "document.querySelector('.group.chosen')"
    assert page.run(f"return [...{group}.querySelectorAll('.tick input')].some(box => box.checked)") is False
    assert not {"photo-1.jpg", "photo-2.jpg", "crop.jpg"} & going(downloaded(page))
    do(page, "crop.jpg", ".prefer")  # and back
    page.until("document.querySelector('.counts')?.textContent.startsWith('4 of 4')")


def test_no_duplicates_are_remembered_and_can_be_taken_back(page: Page) -> None:
    opened(page)
    do(page, "photo-2-again.jpg", ".dup-acts .prefer:last-child")
    page.said("photo-2-again.jpg: remembered as no duplicate.")
    assert page.server.get("/v1/duplicates").json["total"] == 2
    assert page.text(".counts").startswith("3 of 3")
    assert page.text(".dup-head h2") == "3 copies in 2 groups"
    assert page.texts(".dup-chip") == ["Same picture 1", "Edited 2"]
    page.click(".copy.away button")
    page.until(f"{PAIRS} === 4")
    assert page.server.get("/v1/duplicates").json["total"] == 3


def test_by_keyboard(page: Page) -> None:
    opened(page)
    page.press("j")
    page.press("x")
    page.until("document.querySelector('.counts')?.textContent.startsWith('3 of 4')")
    page.press("j", "k", "x")
    page.until("document.querySelector('.counts')?.textContent.startsWith('4 of 4')")
    page.press("c")
    page.until("document.querySelector('.group.chosen') !== null")
    page.press("c")
    page.until("document.querySelector('.group.chosen') === null")


# --- two laid on each other ---------------------------------------------------------------------------


def test_a_pair_is_a_state_of_its_own(page: Page) -> None:
    opened(page)
    do(page, "crop.jpg", ".look")
    page.until("document.querySelector('dialog')?.open")
    assert "pair=" in page.address
    page.press("2")
    page.until("location.search.endsWith('view=over')")
    address = page.address
    page.back()
    page.until("!document.querySelector('dialog')?.open")
    assert page.address == "/duplicates"
    page.forward()
    page.until("document.querySelector('dialog')?.open")
    opened(page, address.removeprefix("/duplicates"))
    page.until("document.querySelector('dialog')?.open")
    assert page.run("return document.querySelector('.laid').dataset.mode") == "over"
    assert page.text(".dup-compare h2") == "photo-0.jpg and crop.jpg"
    page.click(".dup-compare header button")
    page.until("!document.querySelector('dialog')?.open && location.search === ''")


def test_another_pair_may_be_opened_before_the_browser_has_gone_back(page: Page) -> None:
    """Closing goes a step back, which a browser does in its own time: what is asked for meanwhile waits."""
    opened(page)
    for name, next_one in (("crop.jpg", "mirrored.jpg"), ("mirrored.jpg", "small.jpg")):
        do(page, name, ".look")
        page.until("document.querySelector('dialog')?.open")
        page.run(
            "document.querySelector('dialog').addEventListener('close', () =>"
            f" {card(next_one)}.querySelector('.look').click(), {{ once: true }});"
            "document.querySelector('.dup-compare header button').click()"
        )
        page.until(
            f"document.querySelector('.dup-compare h2')?.textContent.endsWith('{next_one}')"
            " && document.querySelector('dialog').open"
        )
        page.browser.execute_async_script("setTimeout(arguments[0], 300)")
        assert page.run("return document.querySelector('dialog').open"), next_one
        page.click(".dup-compare header button")
        page.until("!document.querySelector('dialog').open && location.search === ''")


def stage(page: Page) -> np.ndarray:
    """What the two pictures that are laid on each other look like, in grey."""
    page.browser.execute_async_script(
        "const done = arguments[0]; const frame = () => new Promise(requestAnimationFrame);"
        "const all = [...document.querySelectorAll('.plane img')].filter(i => !i.hidden);"
        "Promise.all(all.map(i => i.decode())).then(frame).then(frame).then(() => done())"
    )
    png = page.find("#stage").screenshot_as_png
    return np.asarray(Image.open(io.BytesIO(png)).convert("L"))[20:-20, 20:-20]


def test_a_copy_lies_where_it_belongs(page: Page) -> None:
    """Laid over each other, both pictures show the same at each point, so that their difference is dark."""
    opened(page)
    for name in ("crop.jpg", "mirrored.jpg", "small.jpg"):
        do(page, name, ".look")
        page.until("document.querySelector('dialog')?.open")
        page.press("2")
        assert stage(page).std() > 20, name  # there is something to see
        page.press("3")
        page.run(
            "const g = document.getElementById('gain'); g.value = 1; g.dispatchEvent(new Event('input'))"
        )
        assert stage(page).mean() < 9, name
        page.press("1")
        page.click(".dup-compare header button")
        page.until("!document.querySelector('dialog')?.open")


def test_deciding_while_comparing(page: Page) -> None:
    opened(page)
    do(page, "small.jpg", ".look")
    page.until("document.querySelector('dialog')?.open")
    page.press("x")
    page.until("document.querySelector('.counts')?.textContent.startsWith('3 of 4')")
    assert page.run("return document.getElementById('decide').checked") is False
    page.press("c")
    page.until("document.querySelector('.dup-compare h2')?.textContent === 'small.jpg and photo-0.jpg'")
    page.press("c")
    page.until("document.querySelector('.dup-compare h2')?.textContent === 'photo-0.jpg and small.jpg'")
    page.press("j")
    page.until("document.querySelector('.dup-compare h2')?.textContent === 'photo-1.jpg and mirrored.jpg'")


# --- from the beginning, and for whoever may only look -----------------------------------------------------


def test_the_server_looks_for_copies(made: Path, tmp_path: Path, page_of: Callable[[Server], Page]) -> None:
    shutil.copytree(made / "in", tmp_path / "in")
    with Collection.open(tmp_path / "collection") as collection:
        collection.add(tmp_path / "in")
    server = start(tmp_path)
    page = page_of(server)
    page.open("/duplicates")
    page.said("Nobody has looked for copies yet")
    page.run(  # it may be gone again before one looks
        "window.bars = 0; new MutationObserver(all => all.flatMap(one => [...one.addedNodes])"
        ".filter(one => one.matches?.('.dup-progress')).forEach(() => (window.bars += 1)))"
        ".observe(document.body, { childList: true, subtree: true })"
    )
    page.run(  # and what stands there meanwhile
        "window.titles = new Set(); new MutationObserver(() => {"
        " if (document.querySelector('.dup-progress')) window.titles.add("
        " document.querySelector('.state h2')?.textContent) }).observe(document.body,"
        " { childList: true, subtree: true, characterData: true })"
    )
    page.click(".state .primary")
    page.until(f"{PAIRS} === 4")
    page.until("document.querySelector('.dup-progress') === null")
    assert "Nobody has looked for copies yet" not in page.run("return [...window.titles]")
    assert page.run("return window.bars") > 0
    (tmp_path / "in" / "later.jpg").write_bytes((tmp_path / "in" / "small.jpg").read_bytes())
    with Collection.open(tmp_path / "collection") as collection:
        collection.add(tmp_path / "in")
    opened(page)
    page.said("1 picture came later and was not looked at.")
    page.run("[...document.querySelectorAll('button')].find(b => b.textContent === 'Look again').click()")
    page.until(f"{PAIRS} === 5")
    assert server.stop() == 0


def test_whoever_may_only_look_decides_nothing_for_others(
    made: Path, page_of: Callable[[Server], Page]
) -> None:
    server = start(made, "--token", WRITE, "--read-token", READ)
    page = page_of(server)
    page.open("/", wait="document.getElementById('token') !== null")
    page.find("#token").send_keys(READ + "\n")
    page.until("document.querySelector('.views') !== null")
    opened(page)
    buttons = {button.text for button in page.all("#main button")}
    assert not buttons & {"Look again", "Not duplicates"}
    assert "Keep this one" in buttons
    assert downloaded(page).removals == 4
    assert server.stop() == 0


# --- for everyone -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [390, 800, 1280])
def test_nothing_sticks_out(page: Page, width: int) -> None:
    opened(page, width=width)
    assert page.sticking_out() == []


@pytest.mark.parametrize("look", [{}, {"dark": True}, {"width": 390, "height": 844}])
def test_no_serious_fault_of_accessibility(page: Page, look: dict[str, Any]) -> None:
    opened(page, **look)
    assert page.faults() == []
    do(page, "crop.jpg", ".look")
    page.until("document.querySelector('dialog')?.open")
    assert page.faults() == []


def test_decisions_are_kept_by_paths(page: Page, made: Path) -> None:
    opened(page)
    do(page, "small.jpg", ".tick input")
    kept = page.run(
        "return Object.entries({...sessionStorage}).filter(([key]) => key.startsWith('lookalike'))"
    )
    assert json.loads(kept[0][1])["removes"] == [[str(made / "in" / "small.jpg"), False]]


# --- when something is in the way -----------------------------------------------------------------------


def answers(page: Page, script: str) -> None:
    """Let a script answer some requests: it has `address`, `method` and `refuse(status, code)`."""
    page.run(
        "window.real ??= window.fetch; window.fetch = (address, options = {}) => {"
        "const refuse = (status, code) => Promise.resolve(new Response(JSON.stringify({ error: {"
        " status, code, message: `refused: ${code}`, request_id: 'x' } }), { status }));"
        f"const method = options.method ?? 'GET'; {script}; return window.real(address, options); }}"
    )


def test_what_is_decided_counts_also_where_it_is_not_shown(page: Page) -> None:
    opened(page)
    do(page, "photo-2-again.jpg", ".tick input")
    page.until("document.querySelector('.counts')?.textContent.startsWith('3 of 4')")
    freed = page.text(".counts")
    page.run("document.querySelectorAll('.dup-chip')[2].click()")
    page.until(f"{PAIRS} === 3")
    assert page.text(".counts") == freed
    opened(page, "?kind=edited")
    assert page.text(".counts") == freed
    assert downloaded(page).removals == 3


def test_looking_again_keeps_what_is_decided(page: Page) -> None:
    opened(page)
    do(page, "crop.jpg", ".tick input")
    page.until("document.querySelector('.counts')?.textContent.startsWith('3 of 4')")
    page.run("window.before = document.querySelector('.dup-groups')")
    page.run("[...document.querySelectorAll('button')].find(b => b.textContent === 'Look again').click()")
    page.until(f"!window.before.isConnected && {PAIRS} === 4")
    page.until("document.querySelector('.counts')?.textContent.startsWith('3 of 4')")
    assert page.run(f"return {card('crop.jpg')}.querySelector('.tick input').checked") is False


def test_an_answer_that_fails_is_not_the_end_of_the_search(page: Page) -> None:
    opened(page)
    answers(
        page,
        "if (address.includes('/search') && method === 'GET') { window.polls = (window.polls ?? 0) + 1;"
        " if (window.polls === 1) return refuse(500, 'internal');"
        " if (window.polls === 2) window.bar = document.querySelector('.dup-progress') !== null; }"
        "if (address.includes('/v1/duplicates?') && window.polls > 1 && !window.mended)"
        " return refuse(500, 'broken')",
    )
    page.run("[...document.querySelectorAll('button')].find(b => b.textContent === 'Look again').click()")
    page.said("That did not work")
    page.said("refused: broken")
    assert page.run("return window.bar")
    page.run("window.mended = true")
    page.click(".state .primary")
    page.until(f"{PAIRS} === 4")


def test_what_was_found_may_not_be_readable_any_more(page: Page) -> None:
    page.open("/info")
    answers(page, "if (address.includes('/v1/duplicates?')) return refuse(404, 'no_duplicates')")
    page.click(".views a[href='/duplicates']")
    page.said("Nobody has looked for copies yet")
    assert page.text(".state .primary") == "Look for copies"


def test_of_two_lists_the_one_asked_for_last_is_shown(page: Page) -> None:
    opened(page)
    answers(
        page,
        "if (address.includes('kind=edited&') && !address.includes('kind=exact'))"
        " return new Promise(r => window.late = r).then(() => window.real(address))"
        ".finally(() => window.came = true)",
    )
    page.run("document.querySelectorAll('.dup-chip')[2].click()")
    page.until("location.search === '?kind=edited' && window.late !== undefined")
    page.run("document.querySelectorAll('.dup-chip')[2].click()")
    page.until("location.search === ''")
    page.until(f"{PAIRS} === 4")
    page.run("window.late()")
    page.until("window.came")
    page.browser.execute_async_script("setTimeout(arguments[0], 0)")
    assert page.run(f"return {PAIRS}") == 4


def test_what_cannot_be_stopped_or_undone_is_told(page: Page) -> None:
    opened(page)
    do(page, "photo-2-again.jpg", ".dup-acts .prefer:last-child")
    page.until("document.querySelector('.copy.away') !== null")
    answers(page, "if (address.includes('/distinct') && !window.mended) return refuse(500, 'internal')")
    page.click(".copy.away button")
    page.said("refused: internal")
    page.run("window.mended = true")
    page.click(".copy.away button")
    page.until(f"{PAIRS} === 4")


def test_what_is_told_is_seen_over_a_pair_and_closing_it_is_one_step_back(page: Page) -> None:
    page.open("/info", wait="document.querySelector('.figures') !== null")
    page.click(".views a[href='/duplicates']")
    page.until(f"{PAIRS} > 0")
    do(page, "crop.jpg", ".look")
    page.until("document.querySelector('dialog')?.open")
    page.press("c")
    page.until("document.querySelector('.notice')?.closest('dialog:modal')")
    assert page.run(
        "return document.querySelector('dialog:modal').contains(document.getElementById('polite'))"
    )
    page.press("c")
    page.click(".dup-compare header button")
    page.until("!document.querySelector('dialog')?.open && location.search === ''")
    page.until("document.getElementById('notices')?.parentElement === document.body")
    page.back()
    page.until("location.pathname === '/info'")
