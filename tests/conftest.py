"""What every test may use: drawn pictures, the extra data when it is there, a clean environment."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from PIL import Image

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
SHAPES = ("circle", "square", "stripes")
COLOURS = {
    "red": (205, 50, 45),
    "green": (60, 150, 70),
    "blue": (50, 80, 190),
    "yellow": (230, 195, 60),
}

# Under CI the same examples every time, and more of them; at a desk fewer, but new ones each time.
settings.register_profile("ci", deadline=None, derandomize=True, max_examples=200, print_blob=True)
settings.register_profile(
    "desk", deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("ci" if os.environ.get("CI") else "desk")


@pytest.fixture(scope="session", autouse=True)
def clean_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Nothing of the person who runs the tests gets in or is touched; gives the empty home."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("LOOKALIKE_")]:
            patch.delenv(name)
        for name in ("COLUMNS", "LINES", "FORCE_COLOR", "CLICOLOR_FORCE"):
            patch.delenv(name, raising=False)
        patch.setenv("HOME", str(home))
        for name, folder in (("CACHE", ".cache"), ("CONFIG", ".config"), ("DATA", ".local/share")):
            patch.setenv(f"XDG_{name}_HOME", str(home / folder))
        yield home


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real and malformed pictures beside the project; skips when it is not there."""
    if not SHARED.is_dir():
        pytest.skip("needs ../shared/data")
    return SHARED


def draw(shape: str, colour: tuple[int, int, int], size: int = 160) -> np.ndarray:
    """A shaded shape on a light ground, (size, size, 3) uint8 RGB; the same on every machine."""
    y, x = np.mgrid[0:size, 0:size] / size - 0.5
    inside = {
        "circle": np.hypot(x, y) < 0.36,
        "square": np.maximum(abs(x), abs(y)) < 0.32,
        "stripes": np.floor((x + y) * 8) % 2 == 0,
    }[shape]
    light = (0.85 - 0.5 * (x + y))[..., None]
    picture = np.where(inside[..., None], np.array(colour) * light, 238 - 20 * y[..., None])
    return np.clip(picture, 0, 255).astype(np.uint8)


def draw_pictures(folder: Path) -> Path:
    """Twelve JPEGs `COLOUR-SHAPE.jpg` in `folder`, and `shop.csv` with a row for each."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = ["path,name,category,price,in_stock"]
    for number, (name, colour) in enumerate(COLOURS.items()):
        for shape in SHAPES:
            path = folder / f"{name}-{shape}.jpg"
            Image.fromarray(draw(shape, colour)).save(path, quality=92)
            price = 2.5 + number + len(shape) / 10
            rows.append(f"{path.name},{name} {shape},{shape},{price:.2f},{str(number % 2 == 0).lower()}")
    (folder / "shop.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return folder


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A folder of twelve drawn pictures and `shop.csv`, the test's own to change."""
    return draw_pictures(tmp_path / "pictures")


@pytest.fixture(scope="session")
def draw_shop() -> Callable[[Path], Path]:
    """Draws what `pictures` has into a folder."""
    return draw_pictures


@pytest.fixture(scope="session")
def photo() -> Callable[..., np.ndarray]:
    """Draws what has as many details as a photo: call it with a number, and perhaps a size."""
    return cache(drawn_photo)


def drawn_photo(number: int, size: tuple[int, int] = (320, 240)) -> np.ndarray:
    """Blotches of many sizes and some shapes, (height, width, 3) uint8 RGB: each number another picture."""
    import cv2

    dice = np.random.default_rng(number)
    width, height = size
    picture = np.zeros((height, width, 3)) + dice.uniform(90, 160, 3)
    for blotches, strength in ((3, 25), (12, 20), (40, 15)):
        noise = dice.normal(0, strength, (max(2, blotches * height // width), blotches))
        picture += cv2.resize(noise, size, interpolation=cv2.INTER_CUBIC)[..., None] * dice.uniform(
            0.8, 1.2, 3
        )
    for _ in range(16):
        colour = (dice.uniform(40, 215) + dice.uniform(-25, 25, 3)).tolist()
        x, y = (int(dice.integers(side)) for side in size)
        w, h = (int(dice.integers(8, side // 6)) for side in size)
        if dice.integers(2):
            cv2.ellipse(picture, (x, y), (w, h), float(dice.integers(180)), 0, 360, colour, -1)
        else:
            cv2.rectangle(picture, (x, y), (x + w, y + h), colour, -1)
    drawn = np.clip(cv2.GaussianBlur(picture, (0, 0), 0.7), 0, 255).astype(np.uint8)
    drawn.flags.writeable = False  # it is shared
    return drawn


@pytest.fixture(scope="session")
def browser() -> Iterator[Chrome]:
    """A headless Chromium under Selenium; skips where Chromium or its driver is missing."""
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not chromium or not driver:
        pytest.skip("needs a browser: apt-get install chromium chromium-driver")
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    # No sandbox: it does not work as root, and only the tests' own pages are opened.
    for argument in (
        "--headless=new",
        "--no-sandbox",
        "--disable-dev-shm-usage",
        "--use-fake-device-for-media-stream",  # a camera, and the right to use it
        "--use-fake-ui-for-media-stream",
    ):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    chrome = webdriver.Chrome(options, webdriver.ChromeService(driver))
    yield chrome
    chrome.quit()
