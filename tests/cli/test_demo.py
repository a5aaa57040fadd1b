"""`lookalike demo`, once and again."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

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
