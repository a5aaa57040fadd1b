"""`lookalike demo`, once and again."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lookalike.collection import Collection
from lookalike.demo import fruitshop

Shell = Callable[..., Any]


def quickly(product: fruitshop.Product) -> np.ndarray:
    """Instead of a drawn fruit."""
    dice = np.random.default_rng(zlib.crc32(product.name.encode()))
    return np.repeat(np.repeat(dice.integers(0, 256, (4, 4, 3), np.uint8), 24, axis=0), 24, axis=1)


def test_the_demo_draws_indexes_and_answers(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fruitshop, "picture", quickly)
    first = shell("demo", "--folder", "shop", columns=80)
    assert (first.code, first.err) == (0, "")
    lines = [line.rstrip() for line in first.out.splitlines()]
    assert max(map(len, lines)) <= 80
    assert lines[0] == "A shop with 300 fruits, drawn into shop/pictures,"
    assert sum(line.startswith("1  ") for line in lines) == 3
    page = tmp_path / "shop" / "lookalikes.html"
    drawn = page.read_bytes()

    again = shell("demo", "--folder", "shop", "--json").json
    assert set(again) == {"index", "searches", "page"}
    assert (again["index"]["unchanged"], again["index"]["added"]) == (300, 0)
    sold_out, _, cheap = again["searches"]
    assert all(hit["metadata"]["in_stock"] for hit in sold_out["results"])
    assert all(hit["metadata"]["in_stock"] and hit["metadata"]["price"] < 0.5 for hit in cheap["results"])
    assert page.read_bytes() == drawn

    narrow = shell("demo", "--folder", "shop", columns=50).out
    assert "indexed before, with name, price and stock" in narrow
    assert "in stock" in narrow  # the columns stay, the names go on below
    assert "…" not in narrow


def test_the_shop_is_served(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from lookalike.server import running
    from lookalike.server.settings import Settings

    served: list[Settings] = []

    def run(settings: Settings, auth: object, *, started: Callable[[str], None], read_again: object) -> None:
        served.append(settings)
        started("http://127.0.0.1:8123")

    monkeypatch.setattr(fruitshop, "picture", quickly)
    monkeypatch.setattr(running, "run", run)
    ended = shell("demo", "--folder", "shop", "--serve", "--port", "8123")
    assert ended.code == 0, ended.err
    (settings,) = served
    assert (settings.host, settings.port) == ("127.0.0.1", 8123)
    lines = ended.out.splitlines()
    assert "The shop is open: http://127.0.0.1:8123" in lines
    link = next(line for line in lines if "/search?like=" in line)
    with Collection.open(settings.deployments["default"].collection) as shop:
        info = shop.info()
        assert info.images == 308
        assert info.clusters is not None
        assert shop.calibration is not None
        story = fruitshop.STORIES[0]
        asked = shop.picture(tmp_path / "shop" / story.picture)
        assert f"like={asked.id}&where={story.where}" in link
        assert asked.metadata["in_stock"] is False
        copies = [one for one in shop.gallery.pictures() if "/copies/" in one.path]
        assert {one.metadata["variety"] for one in copies} < {one.name for one in fruitshop.VARIETIES}
    again = shell("demo", "--folder", "shop", "--serve")
    assert served[-1].port in (0, 8000)
    assert again.code == 0


@pytest.mark.parametrize("arguments", [("--serve", "--json"), ("--port", "1")])
def test_what_does_not_go_together_is_said(shell: Shell, arguments: tuple[str, ...]) -> None:
    ended = shell("demo", *arguments)
    assert (ended.code, ended.out) == (2, "")
    assert "--serve" in ended.err
