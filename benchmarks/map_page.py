"""How long the map's page takes to open and to draw a frame, with many pictures, in headless Chromium.

    python benchmarks/map_page.py [--count 20000 50000] [--size 1440 900] [--ratio 1] [--json FILE]

Draws a page of as many pictures in 60 heaps, with thumbnails of plain colours, opens it, and goes through
the map as a person does: 60 frames of dragging at each of six zooms, then 60 of zooming in. `frame_ms` is
what the page's own drawing takes (median, and 95 of 100), without what the browser does with it;
`between_ms` is the time from one frame to the next, with all of it. There is no graphics card: everything
is drawn by the processor.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from selenium import webdriver

from lookalike.files import FileIdentity
from lookalike.gallery.base import Picture
from lookalike.reports import write_page
from lookalike.reports.atlas import Sheets, sheet_order
from lookalike.reports.map import map_page
from lookalike.reports.map_data import Column, MapData

LARGE = 2_000  # pictures with a large thumbnail

WANDER = """
const done = arguments[0], m = lookalikeMap, whole = m.view.fitting(), frames = [], between = [];
let last = performance.now(), step = 0;
const next = () => {
  const now = performance.now();
  if (step > 5) { frames.push(m.draw.drawn.milliseconds); between.push(now - last); }
  last = now;
  if (step === 420) return done([frames, between]);
  if (step < 360) {
    if (step % 60 === 0) m.view.set({ x: m.xs[step], y: m.ys[step], scale: whole.scale * 2 ** (step / 60) });
    m.view.pan(7, 4);
  } else m.view.zoomAt(0.93, 500, 400);
  step += 1;
  requestAnimationFrame(next);
};
requestAnimationFrame(next);
"""


def drawn(count: int) -> MapData:
    dice = np.random.default_rng(0)
    kinds = dice.integers(0, 60, count)
    points = dice.uniform(0, 40, (60, 2))[kinds] + dice.normal(0, 1.6, (count, 2))
    pictures = [
        Picture(FileIdentity(f"/pictures/{number:07}.jpg", 1, 1), "0" * 64, 4, 3, "JPEG", 0, id=number + 1)
        for number in range(count)
    ]
    near = (np.arange(count)[:, None] + np.arange(1, 13)) % count
    return MapData(
        pictures,
        points.astype(np.float32),
        near.astype(np.int32),
        np.full((count, 12), 0.5, np.float32),
        [Column("kind", "text", [f"kind {kind}" for kind in kinds])],
        "kind",
        dice.permutation(count).astype(np.int32),
    )


def sheets(data: MapData) -> list[Sheets]:
    dyes = np.random.default_rng(1).integers(0, 256, (60, 3), dtype=np.uint8)
    made = [Sheets(32, len(data.pictures)), Sheets(128, LARGE)]
    for place in sheet_order(data.points, data.importance):
        rgb = np.full((24, 32, 3), dyes[place % 60], np.uint8)
        made[0].add(int(place), rgb)
        if data.importance[place] < LARGE:
            made[1].add(int(place), rgb)
    return made


def browser(width: int, height: int, ratio: float) -> Any:
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    chrome = webdriver.Chrome(options, webdriver.ChromeService(shutil.which("chromedriver")))
    size = {"width": width, "height": height, "deviceScaleFactor": ratio, "mobile": False}
    chrome.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    chrome.set_script_timeout(300)
    return chrome


def measure(chrome: Any, file: Path, count: int) -> dict[str, float]:
    data = drawn(count)
    write_page(file, map_page(data, sheets(data), "Benchmark", facts={}))
    chrome.get(file.as_uri())
    chrome.execute_async_script("requestAnimationFrame(() => requestAnimationFrame(arguments[0]))")
    opened = chrome.execute_script(
        "return performance.timing.loadEventEnd - performance.timing.navigationStart"
    )
    thinned = "const t = performance.now(); lookalikeMap.filter.apply(); return performance.now() - t"
    filtered = chrome.execute_script(thinned)
    frames, between = (np.array(times) for times in chrome.execute_async_script(WANDER))
    return {
        "count": count,
        "page_mb": file.stat().st_size / 1e6,
        "open_s": opened / 1000,
        "filter_ms": filtered,
        "frame_ms": float(np.median(frames)),
        "frame_p95_ms": float(np.quantile(frames, 0.95)),
        "between_ms": float(np.median(between)),
        "between_p95_ms": float(np.quantile(between, 0.95)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--count", type=int, nargs="+", default=[20_000, 50_000], help="pictures")
    parser.add_argument("--size", type=int, nargs=2, default=[1440, 900], help="of the window")
    parser.add_argument("--ratio", type=float, default=1, help="device pixels for a CSS pixel")
    parser.add_argument("--json", type=Path, help="write the figures into this file")
    arguments = parser.parse_args()
    results = []
    chrome = browser(*arguments.size, arguments.ratio)
    with tempfile.TemporaryDirectory() as folder:
        for count in arguments.count:
            results.append(measure(chrome, Path(folder) / f"{count}.html", count))
            print("  ".join(f"{name} {value:.4g}" for name, value in results[-1].items()), flush=True)
    chrome.quit()
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=2))


if __name__ == "__main__":
    sys.exit(main())
