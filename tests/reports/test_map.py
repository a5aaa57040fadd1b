"""The parts of the map's page and figure: sheets of thumbnails, colours, data, and what is escaped."""

from __future__ import annotations

import base64
import io
import json
import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from lookalike.files import FileIdentity
from lookalike.gallery.base import Picture
from lookalike.reports import colours, figure
from lookalike.reports.atlas import Sheets, cost, sheet_order, sizes
from lookalike.reports.map import map_page
from lookalike.reports.map_data import Column, MapData, as_plain, coded

HOSTILE = '</script><img src=x onerror="fail()">'


def data(count: int = 6, **columns: Any) -> MapData:
    pictures = [
        Picture(FileIdentity(f"/a/{HOSTILE if n == 1 else n}.jpg", 1, 1), "0", 40, 30, "JPEG", 0, id=n + 1)
        for n in range(count)
    ]
    points = np.array([[n % 3, n // 3] for n in range(count)], np.float32)
    near = np.array([[(n + 1) % count, -1] for n in range(count)], np.int32)
    made = [
        Column(name, "number" if isinstance(values[0], float) else "text", values)
        for name, values in columns.items()
    ]
    similarities = np.where(near < 0, -np.inf, 0.874).astype(np.float32)
    return MapData(
        pictures,
        points,
        near,
        similarities,
        made,
        next(iter(columns), None),
        np.arange(count, dtype=np.int32),
    )


def unpacked(packed: dict[str, str]) -> np.ndarray:
    kinds = {"Uint16": "<u2", "Uint32": "<u4", "Int8": "i1", "Int32": "<i4", "Float64": "<f8"}
    return np.frombuffer(base64.b64decode(packed["data"]), kinds[packed["type"].removesuffix("Array")])


# --- thumbnails -------------------------------------------------------------------------------


def plain(dye: int, height: int = 30, width: int = 40) -> np.ndarray:
    return np.full((height, width, 3), dye, np.uint8)


def test_each_picture_is_where_its_cell_says() -> None:
    sheets = Sheets(16, limit=10)
    dyes = np.linspace(10, 240, 10).astype(int)
    for key, dye in enumerate(dyes):
        sheets.add(100 + key, plain(int(dye), *((30, 40) if key % 2 else (40, 20))))
    pages = [np.asarray(Image.open(io.BytesIO(jpeg))) for jpeg in sheets.finished()]
    assert sheets.across == 4
    assert [page.shape[:2] for page in pages] == [(48, 64)]  # no rows that nothing is in
    for key, dye in enumerate(dyes):
        row, column = divmod(sheets.cells[100 + key], sheets.across)
        width, height = sheets.shapes[100 + key]
        assert (width, height) == ((16, 12) if key % 2 else (8, 16))
        cell = pages[0][row * 16 : row * 16 + height, column * 16 : column * 16 + width]
        assert abs(cell.astype(int) - dye).max() <= 4


def test_full_sheets_are_finished_as_one_goes() -> None:
    sheets = Sheets(256, limit=1000)
    for key in range(17):
        sheets.add(key, plain(100))
    assert sheets.across == 4
    assert len(sheets.finished()) == 2
    assert sheets.cells[16] == 16


@pytest.mark.parametrize(("count", "budget"), [(100, 5e6), (20_000, 20e6), (50_000, 20e6), (50_000, 1e6)])
def test_thumbnails_fit_the_budget(count: int, budget: float) -> None:
    dice = np.random.default_rng(0)
    samples = [dice.integers(60, 200, (120, 160, 3), dtype=np.uint8) for _ in range(4)]
    plan = sizes(count, budget, samples)
    used = count * cost(samples, plan.small) if plan.small else 0
    used += plan.large_count * cost(samples, plan.large) if plan.large else 0
    assert used <= budget
    assert plan.large_count <= count


def test_more_room_gives_larger_thumbnails() -> None:
    samples = [plain(9)]
    plans = [sizes(1000, budget, samples) for budget in (1e4, 1e5, 3e5, 1e6, 1e8)]
    assert [plan.large * plan.large_count for plan in plans] == sorted(p.large * p.large_count for p in plans)
    assert plans[-1].large_count == 1000
    assert plans[-1].large == 160


@given(st.integers(0, 60), st.integers(0, 5))
def test_every_picture_is_on_the_sheets_once(count: int, seed: int) -> None:
    dice = np.random.default_rng(seed)
    points = dice.standard_normal((count, 2)).astype(np.float32)
    order = sheet_order(points, dice.permutation(count).astype(np.int32))
    assert sorted(order.tolist()) == list(range(count))


def test_what_is_seen_from_afar_comes_first() -> None:
    dice = np.random.default_rng(0)
    points = dice.uniform(0, 1, (5000, 2)).astype(np.float32)
    importance = dice.permutation(5000).astype(np.int32)
    place = np.empty(5000, int)
    place[sheet_order(points, importance)] = np.arange(5000)
    shares = (points - points.min(axis=0)) / np.ptp(points, axis=0).max()
    cells = (shares * 15).astype(int) @ [16, 1]
    first = [np.flatnonzero(cells == cell)[importance[cells == cell].argmin()] for cell in np.unique(cells)]
    assert sorted(place[first]) == list(range(len(first)))


# --- colours ------------------------------------------------------------------------------------


def contrast(first: str, second: str) -> float:
    """As WCAG 2 has it."""

    def light(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted((light(first), light(second)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_colours_stand_out_from_their_ground() -> None:
    assert min(contrast(colour, "#f7f6f3") for colour in colours.LIGHT) > 2.4
    assert min(contrast(colour, "#141413") for colour in colours.DARK) > 5
    assert min(contrast(colour, "#141413") for colour in colours.SCALE_DARK) > 5


def seen_without_green(colour: str) -> np.ndarray:
    """What a deuteranope sees of a colour, in a space of equal differences (Viénot et al., 1999; CIELAB)."""
    rgb = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    to_lms = np.array(
        [[17.8824, 43.5161, 4.11935], [3.45565, 27.1554, 3.86714], [0.0299566, 0.184309, 1.46709]]
    )
    long, _, short = to_lms @ linear
    seen = np.clip(np.linalg.solve(to_lms, [long, 0.494207 * long + 1.24827 * short, short]), 0, 1)
    xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]) @ seen
    f = np.cbrt(np.maximum(xyz / np.array([0.9505, 1, 1.089]), 0.0089))
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("palette", [colours.LIGHT, colours.DARK])
def test_the_first_colours_differ_for_who_sees_no_green(palette: tuple[str, ...]) -> None:
    seen = np.array([seen_without_green(colour) for colour in palette[:6]])
    apart = np.linalg.norm(seen[:, None] - seen[None], axis=2)[np.triu_indices(6, 1)]
    assert apart.min() > 10  # just noticeable is about 2.3


def test_values_have_colours_of_their_own_while_there_are_enough() -> None:
    places = np.random.default_rng(0).uniform(0, 1, (40, 2))
    chosen = colours.assigned(places)
    assert chosen[:12] == list(range(12))
    assert set(chosen) == set(range(12))
    apart = [
        np.hypot(*(places[i] - places[j])) for i in range(40) for j in range(i) if chosen[i] == chosen[j]
    ]
    assert min(apart) > 0.12


def test_a_value_is_named_where_most_of_it_is() -> None:
    points = np.array([[0, 0]] * 3 + [[10, 10]] * 5 + [[10, 0]] * 4, np.float32)
    codes = np.array([1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 0])
    assert colours.spots(points, codes, 2).tolist() == [[10, 10], [10, 0]]


def test_the_scale_runs_from_its_first_colour_to_its_last() -> None:
    assert colours.on_scale(np.array([0.0, 1.0])) == [colours.SCALE_LIGHT[0], colours.SCALE_LIGHT[-1]]


# --- what the page knows ---------------------------------------------------------------------------


def test_the_page_knows_places_neighbours_and_paths() -> None:
    found = as_plain(data())
    places = unpacked(found["places"]).reshape(-1, 2)
    assert places[0].tolist() == [0, round(65535 / 2)]  # the first one lies lowest, which is last on a screen
    assert places[5].tolist() == [65535, 0]
    assert found["size"] == [1.0, 0.5]
    assert unpacked(found["neighbours"]).reshape(6, -1)[:, 0].tolist() == [1, 2, 3, 4, 5, 0]
    assert unpacked(found["similarities"]).reshape(6, -1).tolist() == [[87, 0]] * 6
    assert found["paths"]["names"][0] == "0.jpg"
    assert "".join(found["paths"]["folders"][0]) == "/a/"


def test_values_are_coded_by_how_frequent_they_are() -> None:
    assert coded(["b", None, "a", "a", "c"], "text")[0] == ["a", "b", "c"]
    assert coded(["b", None, "a", "a", "c"], "text")[1].tolist() == [2, 0, 1, 1, 3]
    assert coded([False, True, False], "truth")[0] == ["yes", "no"]


def test_numbers_have_gaps() -> None:
    found = as_plain(data(price=[1.5, None, 2.0, 3.0, 4.0, 1e300]))["columns"][0]
    assert np.isnan(unpacked(found["numbers"])[1])
    assert unpacked(found["numbers"])[5] == 1e300


def test_nothing_from_outside_becomes_html() -> None:
    page = map_page(data(**{HOSTILE: [HOSTILE] * 6}), [], HOSTILE, facts={HOSTILE: HOSTILE})
    assert HOSTILE not in page
    assert "onerror=" not in re.sub(r"(&[a-z]+;|\\u003c|\\\")[^<]*", "", page)
    block = re.search(r'id="map-data">(.*?)</script>', page)
    assert block
    found = json.loads(block[1])
    assert found["title"] == HOSTILE
    assert found["columns"][0]["values"] == [HOSTILE]
    assert re.search(
        r"default-src 'none'; img-src data:; style-src 'sha256-[^']+'; script-src 'sha256-", page
    )
    assert not re.search(r"https?://(?!www\.w3\.org)", page)


# --- the figure ------------------------------------------------------------------------------------


def test_figures_escape_and_end() -> None:
    drawn = figure.as_svg(data(kind=[HOSTILE] * 6), {0: plain(200)}, HOSTILE).decode("utf-8")
    assert "<img" not in drawn
    assert drawn.count("<image") == 1
    assert drawn.rstrip().endswith("</svg>")


def test_a_legend_of_many_values_is_cut_and_says_so() -> None:
    many = data(60, kind=[f"kind {n}" for n in range(60)])
    drawn = figure.as_svg(many, {}, "Many").decode("utf-8")
    assert "and 36 more" in drawn


def test_a_legend_of_numbers_goes_from_the_least_to_the_most() -> None:
    drawn = figure.as_svg(data(price=[1.5, None, 2.0, 3.0, 4.0, 5.5]), {}, "Prices").decode("utf-8")
    assert all(f">{text}</text>" in drawn for text in ("price", "1.5", "3.5", "5.5", "none"))


def test_thumbnails_of_a_figure_do_not_touch() -> None:
    dice = np.random.default_rng(0)
    crowd = MapData(
        data(2000).pictures,
        dice.standard_normal((2000, 2)).astype(np.float32),
        np.full((2000, 1), -1, np.int32),
        np.full((2000, 1), -np.inf, np.float32),
        [],
        None,
        dice.permutation(2000).astype(np.int32),
    )
    places, _ = figure._placed(crowd)
    taken = places[figure.chosen(crowd)]
    assert len(taken) > 50
    apart = np.abs(taken[:, None] - taken[None]).max(axis=2)[np.triu_indices(len(taken), 1)]
    assert apart.min() > figure.THUMBNAIL


def test_the_png_has_a_dot_where_the_svg_has_one() -> None:
    made = figure.composed(data(kind=["x"] * 6), {}, "Six")
    pixels = np.asarray(Image.open(io.BytesIO(figure.as_png(data(kind=["x"] * 6), {}, "Six"))))
    assert pixels.shape[:2] == (round(2 * made.height), round(2 * made.width))
    for x, y in made.dots:
        assert pixels[round(2 * y), round(2 * x)].tolist() == [0, 0x72, 0xB2]
    assert (pixels[2, 2] == 255).all()
