"""Every view as axe-core judges it: light, dark, and as narrow as a phone; nothing sticks out."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pages import Page
from serving import Server

pytestmark = pytest.mark.browser

FOUND = "document.querySelectorAll('.item').length > 0 && document.querySelectorAll('.facet').length > 0"
STATES = {
    "start": ("/", FOUND),
    "found": ("/search?like=1&also=2&against=3&trail=4 5&where=in_stock&threshold=0.01", FOUND),
    "part": ("/search?like=1&region=0.2,0.2,0.5,0.5", f"{FOUND} && document.querySelector('.part')"),
    "details": ("/search?like=1&show=2", f"{FOUND} && document.querySelector('#details-name')"),
    "nothing": ("/?where=price > 100", "document.querySelector('.instead .state')"),
    "lost": ("/search?like=u-0123456789abcdef", "document.querySelector('.instead .state')"),
    "compare": ("/compare?a=1&b=2", "document.querySelector('.verdict-name')"),
    "compare nothing": ("/compare", "document.querySelectorAll('.slot').length === 2"),
    "collection": ("/info", "document.querySelector('.figures')"),
    "nowhere": ("/nonsense", "document.querySelector('.state')"),
}
LOOKS = {"light": {}, "dark": {"dark": True}, "phone": {"width": 390, "height": 844}}


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("state", STATES)
def test_no_serious_fault_and_nothing_sticks_out(page: Page, state: str, look: str) -> None:
    path, ready = STATES[state]
    if state == "nowhere":
        page.allow("404")
    page.open(path, wait=f"({ready}) && !document.querySelector('[aria-busy=true]')", **LOOKS[look])
    assert page.sticking_out() == []
    assert page.faults() == []


@pytest.mark.parametrize("look", LOOKS)
def test_heat_of_several_pictures_has_no_serious_fault(page: Page, look: str) -> None:
    page.open(
        "/search?like=1&also=2&show=3",
        wait=f"{FOUND} && document.querySelector('#details-name')",
        **LOOKS[look],
    )
    page.run("document.querySelector('dialog.details .actions button[aria-pressed]').click()")
    page.until("document.querySelectorAll('.which img').length === 2")
    page.until("document.querySelectorAll('dialog.details .heat').length === 2")
    assert page.sticking_out() == []
    assert page.faults() == []


@pytest.mark.parametrize("width", [320, 600, 900, 2400])
def test_other_widths(page: Page, width: int) -> None:
    for path, ready in (STATES["start"], STATES["found"], STATES["compare"]):
        page.open(path, width=width, wait=ready)
        assert page.sticking_out() == []


def test_signing_in_has_no_serious_fault(page_of: Callable[[Server], Page], guarded: Server) -> None:
    page = page_of(guarded)
    page.open("/", wait="document.querySelector('#token') !== null")
    assert page.faults() == []
