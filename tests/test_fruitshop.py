"""The demo's shop: always the same pictures, a catalogue that fits them, and stories that work."""

from __future__ import annotations

import csv
import hashlib
import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from lookalike.demo import fruitshop, studio
from lookalike.demo.studio.texture import _lattice
from lookalike.errors import LookalikeError, UsageError

SAMPLE = (0, 21, 76, 100, 138, 190, 214, 240, 262, 275, 299)
"""Products that between them use every part of the studio."""


def _digest(numbers: tuple[int, ...] = SAMPLE) -> str:
    shop = fruitshop.products()
    return hashlib.sha256(b"".join(fruitshop.picture(shop[i]).tobytes() for i in numbers)).hexdigest()


def test_pictures_have_the_pixels_they_always_had() -> None:
    assert _digest() == "003c1be6ab3bc46321f259bc33f103e700a61e72241bb81c7cca145a1d31522d"


def test_pictures_do_not_depend_on_the_processor() -> None:
    """NumPy picks its kernels by processor: without the wide ones the pixels stay the same."""
    known = "AVX2 FMA3 AVX512F AVX512CD AVX512_SKX AVX512_CLX AVX512_CNL AVX512_ICL AVX512_SPR X86_V3 X86_V4"
    code = "from tests.test_fruitshop import _digest; print(_digest())"
    here = Path(__file__).parents[1]
    path = os.pathsep.join([str(here), str(here / "src")])
    environment = {**os.environ, "PYTHONPATH": path, "NPY_DISABLE_CPU_FEATURES": known}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        env=environment,
        cwd=here,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == _digest()


def test_a_picture_does_not_depend_on_those_drawn_before() -> None:
    product = fruitshop.products()[30]
    alone = fruitshop.picture(product)
    fruitshop.picture(fruitshop.products()[3])
    assert np.array_equal(alone, fruitshop.picture(product))


def test_every_picture_shows_something_and_all_differ() -> None:
    seen = set()
    for product in fruitshop.products()[::7]:
        picture = fruitshop.picture(product)
        assert picture.shape == (256, 256, 3)
        assert picture.dtype == np.uint8
        corners = picture[[0, 0], [0, -1]].astype(int)
        assert corners.min() > 200, f"{product.name}: the background is not pale"
        assert (np.abs(picture.astype(int) - corners[0]).max(axis=2) > 40).mean() > 0.06, product.name
        seen.add(picture.tobytes())
    assert len(seen) == len(fruitshop.products()[::7])


def test_catalogue_is_consistent() -> None:
    shop = fruitshop.products()
    assert len(shop) == 300
    assert len({p.name for p in shop}) == len({p.path for p in shop}) == 300
    rows = list(csv.DictReader(fruitshop.catalogue().splitlines()))
    assert [row["path"] for row in rows] == [p.path for p in shop]
    assert all(0 < float(row["price"]) < 5 for row in rows)
    assert {row["in_stock"] for row in rows} == {"true", "false"}
    assert all(row["path"] == row["path"].lower() and " " not in row["path"] for row in rows)


@pytest.mark.parametrize("story", fruitshop.STORIES, ids=lambda story: story.picture)
def test_stories_ask_for_something_sold_out_that_has_stand_ins(story: fruitshop.Story) -> None:
    by_path = {product.path: product for product in fruitshop.products()}
    asked = by_path[story.picture]
    assert not asked.in_stock
    assert story.where.startswith("in_stock")
    alike = [p for p in by_path.values() if p.variety.kind == asked.variety.kind and p.in_stock]
    if "price < 0.5" in story.where:
        alike = [p for p in alike if p.price < 0.5]
    assert len(alike) >= 5


def _few(monkeypatch: pytest.MonkeyPatch) -> None:
    shop = fruitshop.products()[:3]
    monkeypatch.setattr(fruitshop, "products", lambda: shop)


def test_draw_writes_once_and_completes_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _few(monkeypatch)
    calls: list[tuple[int, int]] = []
    table = fruitshop.draw(tmp_path / "shop", lambda done, total: calls.append((done, total)))
    assert calls == [(1, 3), (2, 3), (3, 3)]
    rows = list(csv.DictReader(table.read_text(encoding="utf-8").splitlines()))
    pictures = [table.parent / row["path"] for row in rows]
    before = [picture.read_bytes() for picture in pictures]
    assert all(data.startswith(b"\xff\xd8") and 3_000 < len(data) < 20_000 for data in before)

    calls.clear()
    assert fruitshop.draw(tmp_path / "shop", lambda done, total: calls.append((done, total))) == table
    assert calls == []

    pictures[1].unlink()
    fruitshop.draw(tmp_path / "shop")
    assert [picture.read_bytes() for picture in pictures] == before


def test_interrupted_drawing_leaves_no_catalogue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _few(monkeypatch)

    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fruitshop.draw(tmp_path, interrupt)
    assert not (tmp_path / "catalogue.csv").exists()
    fruitshop.draw(tmp_path)
    assert (tmp_path / "catalogue.csv").exists()


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(LookalikeError, match="file"):
        fruitshop.draw(tmp_path / "file")


# --- the studio's mathematics, against the plain way ----------------------------------------


@pytest.mark.parametrize("angle", [-6.3, -3.0, -0.5, 0.0, 0.7, 1.5707963, 3.1, 6.2831853])
def test_turn_is_cosine_and_sine(angle: float) -> None:
    assert studio.turn(angle) == pytest.approx((np.cos(angle), np.sin(angle)), abs=1e-6)


def test_noise_is_the_trilinear_lookup_it_claims_to_be() -> None:
    points = np.random.default_rng(0).uniform(-3, 3, (3, 50)).astype(np.float32)
    grid = _lattice().reshape(65, 65, 65)
    fast = studio.noise(points, 2.5, 7.0)
    for i in range(points.shape[1]):
        place = points[:, i] * 5.0 + 1031.0
        low = np.floor(place).astype(int)
        value = 0.0
        for corner in np.ndindex(2, 2, 2):
            weight = np.prod([f if c else 1 - f for c, f in zip(corner, place - low, strict=True)])
            x, y, z = (low + corner) % 64
            value += float(weight) * float(grid[x, y, z])
        assert fast[i] == pytest.approx(value, abs=1e-3)


def test_a_sphere_is_as_large_and_as_round_as_it_should_be() -> None:
    canvas = studio.Canvas(studio.Light(studio.unit((-0.5, 0.9, 0.5))))
    body = studio.Body((0.0, 0.9, 0.0), 0.8, studio.frame(), studio.Shape(), lambda q: np.abs(q))
    body.draw(canvas)
    disc = (canvas.depth > -50).reshape(512, 512)
    assert disc.sum() * canvas.grain**2 == pytest.approx(np.pi * 0.8**2, rel=0.02)
    assert (disc != disc[:, ::-1]).mean() < 0.002


def _plain(paint: studio.Array, places: studio.Array) -> studio.Array:
    return np.repeat(paint, places.shape[1], axis=1)


def test_a_nearer_part_hides_a_farther_one_in_any_order() -> None:
    def drawn(order: list[float]) -> np.ndarray:
        canvas = studio.Canvas(studio.Light(studio.unit((-0.5, 0.9, 0.5))))
        for z in order:
            paint = np.asarray([[1.0], [0.0], [0.0]] if z > 0 else [[0.0], [0.0], [1.0]], np.float32)
            body = studio.Body((0.0, 0.9, z), 0.5, studio.frame(), studio.Shape(), partial(_plain, paint))
            body.draw(canvas)
        return canvas.finish()

    front_last, front_first = drawn([-1.0, 1.0]), drawn([1.0, -1.0])
    differing = (np.abs(front_last.astype(int) - front_first).max(axis=2) > 8).mean()
    assert differing < 0.01


def test_a_folder_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    notes = tmp_path / "catalogue.csv"
    notes.write_text("my notes")
    with pytest.raises(UsageError, match="is not empty"):
        fruitshop.draw(tmp_path)
    assert notes.read_text() == "my notes"
    assert list(tmp_path.iterdir()) == [notes]
