"""Clusters on the page: all of them, one of them, and where they lead."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lookalike.collection import Collection
from pages import Page
from serving import Server, make_collection, start

pytestmark = pytest.mark.browser

CARDS = "document.querySelectorAll('.cluster').length"
CARD_NUMBER = "a => Number(new URL(a.href).searchParams.get('cluster'))"
NUMBERS = f"[...document.querySelectorAll('.cluster')].map({CARD_NUMBER})"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, draw_shop: Callable[[Path], Path]) -> Iterator[Server]:
    """The drawn shop in four clusters."""
    folder = make_collection(made := tmp_path_factory.mktemp("clusters"), draw_shop(made / "pictures"))
    with Collection.open(folder / "collection") as collection:
        collection.clusters(4)
    running = start(folder)
    yield running
    assert running.stop() == 0


def opened(page: Page, query: str = "", **how: Any) -> Page:
    page.open(f"/clusters{query}", wait=f"{CARDS} > 0", **how)
    page.until("[...document.querySelectorAll('#main img')].every(i => i.complete || i.loading === 'lazy')")
    return page


def told(page: Page) -> list[dict[str, Any]]:
    return list(page.server.get("/v1/clusters").json["clusters"])


def test_every_cluster_has_a_card(page: Page) -> None:
    opened(page)
    clusters = told(page)
    assert page.text("h1") == f"{len(clusters)} clusters"
    names = [f"{one['id']} · {one['label']}" if one["label"] else f"Cluster {one['id']}" for one in clusters]
    assert page.texts(".cluster .name") == names
    sizes = [f"{one['size']} picture{'' if one['size'] == 1 else 's'}" for one in clusters]
    assert page.texts(".cluster .size") == sizes
    first = page.run("return document.querySelector('.cluster .medoid img').src")
    assert f"/v1/pictures/{clusters[0]['medoid']}/thumbnail" in first


def test_order_and_name_are_part_of_the_address(page: Page) -> None:
    opened(page)
    page.run(
        "const s = document.querySelector('.clusters-tools select'); s.value = 'cohesion';"
        "s.dispatchEvent(new Event('change'))"
    )
    page.until("location.search === '?order=cohesion'")
    by_cohesion = [one["id"] for one in page.server.get("/v1/clusters?order=cohesion").json["clusters"]]
    page.until(f"JSON.stringify({NUMBERS}) === JSON.stringify(arguments[0])", by_cohesion)
    page.find(".clusters-tools input").send_keys("no such name")
    page.until("location.search === '?order=cohesion&label=no+such+name'")
    page.said("No cluster has such a name.")
    assert page.focused("type") == "search"
    page.back()
    page.until(f"{CARDS} === arguments[0] && location.search === ''", len(by_cohesion))


def test_one_cluster_shows_its_pictures_and_leads_on(page: Page) -> None:
    opened(page)
    cluster = told(page)[0]
    page.click(".cluster")
    page.until("document.querySelector('.members') !== null")
    assert page.address == f"/clusters?cluster={cluster['id']}"
    assert len(page.all(".members li")) == cluster["size"]
    assert page.text(".members li .mark-medoid") == "stands for it"
    near = [one["id"] for one in cluster["nearest"]]
    found = page.run(f"return {NUMBERS}")
    assert found == near
    page.click(".clusters-tools .primary")
    page.until("location.pathname === '/search'")
    assert "cluster" in page.address
    page.until(f"document.querySelectorAll('#main .grid img, #main img').length >= {cluster['size']}")
    page.back()
    page.until("document.querySelector('.members') !== null")
    page.click(".members a")
    page.until(f"location.search === '?like={cluster['medoid']}'")
    page.back()
    page.until("document.querySelector('.members') !== null")
    page.click(".clusters-head .all")
    page.until("location.pathname + location.search === '/clusters'")


def test_a_cluster_that_is_not_there(page: Page) -> None:
    page.open("/clusters?cluster=999", wait="document.querySelector('.state h2') !== null")
    page.said("There is no cluster 999")
    page.click(".state a")
    page.until(f"{CARDS} > 0")


def test_without_clusters_it_is_said_what_to_run(shop: Path, page_of: Callable[[Server], Page]) -> None:
    server = start(shop)
    page = page_of(server)
    page.open("/clusters", wait="document.querySelector('.state') !== null")
    page.said("There are no clusters yet")
    page.said("lookalike cluster")
    assert server.stop() == 0


def test_clusters_of_another_model_are_none(shop: Path, page_of: Callable[[Server], Page]) -> None:
    with Collection.open(shop / "collection") as collection:
        collection.clusters()
        collection.map()
        collection.use("efficientnet-lite0", "plain")
    server = start(shop)
    page = page_of(server)
    page.allow("status of 404")
    page.open("/clusters", wait="document.querySelector('.state code') !== null")
    page.said("There are no clusters of this model yet")
    page.said("lookalike cluster")
    page.open("/map", wait="document.querySelector('.state code') !== null")
    page.said("There is no map of this model yet")
    page.said("lookalike map map.html")
    assert server.stop() == 0


@pytest.mark.parametrize("width", [390, 800, 1280])
@pytest.mark.parametrize("query", ["", "?cluster=1"])
def test_nothing_sticks_out(page: Page, width: int, query: str) -> None:
    assert opened(page, query, width=width).sticking_out() == []


@pytest.mark.parametrize("query", ["", "?cluster=1"])
@pytest.mark.parametrize("look", [{}, {"dark": True}, {"width": 390, "height": 844}])
def test_no_serious_fault_of_accessibility(page: Page, query: str, look: dict[str, Any]) -> None:
    assert opened(page, query, **look).faults() == []
