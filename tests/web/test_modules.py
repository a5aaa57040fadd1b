"""Modules of the page by themselves, in the browser: the language of filters, and asking again."""

from __future__ import annotations

import itertools

import pytest

from lookalike.files import FileIdentity
from lookalike.filters import parse
from lookalike.gallery.base import Picture
from pages import Page

pytestmark = pytest.mark.browser

TRUTHS = ["in_stock", "new one"]
WHERES = [
    "",
    "in_stock",
    "in_stock == true",
    "in_stock == false",
    "not in_stock",
    "`new one`",
    "kind",
    "kind == true",
    'kind == "a"',
    'kind == "it\\"s \\\\ b`"',
    'kind in ("a", "b") and price >= 2 and price <= 3.5',
    "price <= -1e3",
    "price >= 1 and price >= 2",
    'kind == "a" and kind == "b"',
    'kind contains "A" and in_stock',
    'kind == "a" or price > 2',
    '(kind == "a" or price > 2) and in_stock',
    'in_stock and (kind == "a" or price > 2) and (price < 3 or kind == null)',
    'kind != "a and b"',
    'kind == "a and b" and price < 3',
    "price in (1, 2, 3)",
    "price == null and not (in_stock or kind == 'b')",
    "in_stock AND price > 1",
    'kind == "or"',
]
VALUES = {
    "kind": [None, "a", "b", "a and b", 'it"s \\ b`', "or", ""],
    "price": [None, -1000, 1, 2, 3.5],
    "in_stock": [None, True, False],
    "new one": [None, True],
}


def _pictures() -> list[Picture]:
    told = [dict(zip(VALUES, values, strict=True)) for values in itertools.product(*VALUES.values())]
    file = FileIdentity("/shop/a.jpg", 1, 1)
    return [Picture(file, "0", 4, 3, "JPEG", 0, metadata=one, id=at) for at, one in enumerate(told, 1)]


def test_a_filter_means_the_same_after_the_page_has_taken_it_apart(page: Page) -> None:
    page.open("/")
    written = page.browser.execute_async_script(
        "const [wheres, truths, done] = arguments;"
        "const base = document.querySelector('script[type=module]').src;"
        "import(base.replace('app.js', 'filters.js')).then(({ parse, format }) =>"
        " done(wheres.map(one => format(parse(one, new Set(truths))))))",
        WHERES,
        TRUTHS,
    )
    pictures = _pictures()
    for before, after in zip(WHERES, written, strict=True):
        if not before:
            assert after == ""
            continue
        asked, made = parse(before, list(VALUES)), parse(after, list(VALUES))
        assert [asked.matches(one) for one in pictures] == [made.matches(one) for one in pictures], after


def test_a_busy_server_is_asked_again(page: Page) -> None:
    page.open("/", wait="document.querySelectorAll('.item').length > 0")
    page.run(
        "window.notices = []; new MutationObserver(all => all.flatMap(one => [...one.addedNodes])"
        ".filter(one => one.matches?.('.notice')).forEach(one => window.notices.push(one.textContent)))"
        ".observe(document.body, { childList: true, subtree: true });"
        "const real = window.fetch; window.refused = 0;"
        "const busy = { error: { status: 429, code: 'overloaded', message: 'busy', request_id: 'x' } };"
        "window.fetch = (address, ...rest) => String(address).includes('/v1/info') && window.refused++ < 1"
        " ? Promise.resolve(new Response(JSON.stringify(busy),"
        " { status: 429, headers: { 'Retry-After': '1' } }))"
        " : real(address, ...rest);"
    )
    page.click(".views a[href='/info']")
    page.until("document.querySelector('.figures') !== null")
    assert page.run("return window.notices") == ["The server is busy; trying again in a moment."]
    assert page.run("return window.refused") == 2


def test_a_server_that_stays_busy_is_told_and_can_be_tried_again(page: Page) -> None:
    page.open("/", wait="document.querySelectorAll('.item').length > 0")
    page.run(
        "window.real = window.fetch;"
        "const said = { error: { status: 500, code: 'internal', message: 'it broke', request_id: 'x' } };"
        "window.fetch = (address, ...rest) => String(address).includes('/v1/info')"
        " ? Promise.resolve(new Response(JSON.stringify(said), { status: 500 })) : real(address, ...rest);"
    )
    page.click(".views a[href='/info']")
    page.said("That did not work")
    page.said("it broke")
    page.run("window.fetch = window.real")
    page.click(".state .primary")
    page.until("document.querySelector('.figures') !== null")
