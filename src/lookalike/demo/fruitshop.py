"""The demo's catalogue: a small fruit shop, drawn on the spot, offline and always the same.

Twenty-five varieties from twelve farms make three hundred pictures. Each picture is seeded by its
name alone, so it does not change when others are added.
"""

from __future__ import annotations

import csv
import hashlib
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lookalike.demo import fruits
from lookalike.demo.fruits import Builder, Dice, Skin
from lookalike.demo.studio import Canvas, Light, Material, Shape, backdrop, colour, unit
from lookalike.errors import LookalikeError, UsageError
from lookalike.progress import Progress

MARK = ".fruitshop"
"""Name of the empty file that marks a folder as the shop's."""
_FIELDS = ("path", "name", "variety", "kind", "price", "in_stock")


@dataclass(frozen=True, slots=True)
class Variety:
    """One sort of fruit.

    Attributes:
        name: `Gala apple`.
        kind: `apple`.
        price: of a small one, in whole cents.
        build: puts one on the table.
    """

    name: str
    kind: str
    price: int
    build: Builder

    @property
    def key(self) -> str:
        """The name as part of a file name."""
        return self.name.lower().replace(" ", "-")


_ROUND = Shape((1.0, 0.9, 1.0), dimple=0.40, wide=0.30, dent=0.2, lobes=5, rib=0.02)
_TALL = Shape((0.96, 1.0, 0.96), dimple=0.36, wide=0.32, dent=0.25, bottom=0.05, keen=3, lobes=5, rib=0.05)
_EVEN = Shape((1.0, 0.94, 1.0), dimple=0.36, wide=0.28, dent=0.18)
_DOWN = Material(0.16, 0.5, 0.4, velvet=0.55)

VARIETIES: tuple[Variety, ...] = (
    Variety("Gala apple", "apple", 45, fruits.apple(Skin("#ecc766", "#cf3f2d", 0.10, 0.85, 0.35), _ROUND)),
    Variety(
        "Pink Lady apple", "apple", 60, fruits.apple(Skin("#e4d37c", "#d6405a", 0.22, 0.35, 0.25), _EVEN)
    ),
    Variety(
        "Red Delicious apple",
        "apple",
        50,
        fruits.apple(Skin("#a3222c", "#7f1220", 0.45, 0.5, 0.45, "#d99a86"), _TALL),
    ),
    Variety(
        "Golden Delicious apple",
        "apple",
        42,
        fruits.apple(Skin("#e6d36a", "#e2b24e", -0.35, 0.3, 0.4, "#b99b48"), _EVEN),
    ),
    Variety(
        "Granny Smith apple",
        "apple",
        48,
        fruits.apple(
            Skin("#9cc43c", "#b4c552", -0.3, 0.2, 0.4, "#dfeaae", "#a5ab48"), _ROUND, ("#f4f2d4", "#d5e2a0")
        ),
    ),
    Variety(
        "Williams pear",
        "pear",
        55,
        fruits.pear(
            Skin("#d6cf58", "#d9a544", -0.25, 0.2, 0.35, "#9a8a3c"),
            Shape((1.04, 1.0, 1.04), top=0.85, sharp=17, dimple=0.12, wide=0.2),
        ),
    ),
    Variety(
        "Conference pear",
        "pear",
        52,
        fruits.pear(
            Skin("#a8a04c", "#8f6e3a", 0.05, 0.25, 0.5, "#cdb673"),
            Shape((0.9, 1.0, 0.9), top=1.15, sharp=13, dimple=0.06, wide=0.15),
            0.67,
        ),
    ),
    Variety(
        "Red Anjou pear",
        "pear",
        64,
        fruits.pear(
            Skin("#8c3a34", "#6d1f2b", 0.2, 0.35, 0.4, "#d0a07a"),
            Shape((1.1, 0.98, 1.1), top=0.68, sharp=15, dimple=0.12, wide=0.2),
        ),
    ),
    Variety(
        "Navel orange",
        "orange",
        50,
        fruits.citrus(
            ("#f08a1d", "#e06f10"),
            ("#ee8416", "#f8ac48"),
            Shape((1.0, 0.97, 1.0), dimple=0.06, wide=0.16),
            0.94,
        ),
    ),
    Variety(
        "Mandarin",
        "orange",
        30,
        fruits.citrus(
            ("#f3801a", "#e2650f"),
            ("#f28a22", "#f7ac55"),
            Shape((1.06, 0.82, 1.06), dimple=0.14, wide=0.3, lobes=8, rib=0.015),
            0.84,
            11,
        ),
    ),
    Variety(
        "Pink grapefruit",
        "grapefruit",
        80,
        fruits.citrus(
            ("#f0b24a", "#ea8f55"),
            ("#e2584f", "#f08b78"),
            Shape((1.02, 0.92, 1.02), dimple=0.05, wide=0.25),
            1.02,
            12,
        ),
    ),
    Variety(
        "Lemon",
        "lemon",
        35,
        fruits.citrus(
            ("#f5d63a", "#e8c021"),
            ("#eecb3e", "#f8e48c"),
            Shape((0.94, 1.22, 0.94), top=0.20, sharp=24, bottom=0.14, keen=26),
            0.84,
            9,
        ),
    ),
    Variety(
        "Lime",
        "lime",
        38,
        fruits.citrus(
            ("#7fae34", "#5f9428"),
            ("#a3c654", "#cfe094"),
            Shape((0.96, 1.06, 0.96), top=0.08, sharp=26, bottom=0.04, keen=26),
            0.78,
            9,
        ),
    ),
    Variety(
        "Beef tomato",
        "tomato",
        65,
        fruits.tomato(
            Skin("#d7452c", "#c4261f", 0.2, 0.1, 0.05, hollow="#c8632c"),
            Shape((1.1, 0.82, 1.1), dimple=0.26, wide=0.42, dent=0.1, lobes=6, rib=0.05),
            0.9,
            False,
        ),
    ),
    Variety(
        "Cherry tomato",
        "tomato",
        20,
        fruits.tomato(
            Skin("#e0432b", "#cf2a20", 0.2, 0.1, 0.05, hollow="#d5692f"),
            Shape((1.0, 0.97, 1.0), dimple=0.08, wide=0.3),
            0.58,
            True,
        ),
    ),
    Variety(
        "Bing cherry",
        "cherry",
        12,
        fruits.cherries(Skin("#8a1424", "#4d0a16", 0.2, 0.2, 0.06, hollow="#5e0f1c")),
    ),
    Variety(
        "Rainier cherry",
        "cherry",
        16,
        fruits.cherries(Skin("#f0c25e", "#d8442f", 0.05, 0.2, 0.06, hollow="#e0a94e")),
    ),
    Variety(
        "Peach",
        "peach",
        58,
        fruits.stone(
            Skin("#f2b45f", "#cf4a3c", 0.08, 0.25, 0.0, hollow="#e0a050"),
            Shape((1.02, 0.95, 1.0), dimple=0.22, wide=0.3, groove=0.06),
            0.93,
            _DOWN,
        ),
    ),
    Variety(
        "Damson plum",
        "plum",
        25,
        fruits.stone(
            Skin("#4a2a55", "#2f1a3f", 0.1, 0.2, 0.15, "#9a80a5", "#4a3350"),
            Shape((0.86, 1.08, 0.86), dimple=0.08, wide=0.25, groove=0.05),
            0.84,
            Material(0.5, 0.25, 0.2, velvet=0.2),
            0.30,
        ),
    ),
    Variety("Strawberry", "strawberry", 15, fruits.strawberry),
    Variety("Kiwi", "kiwi", 32, fruits.kiwi(("#a6c94e", "#7fae33"), ("#8b6b43", "#5d4428"))),
    Variety(
        "White grapes",
        "grape",
        240,
        fruits.grapes(Skin("#bccb62", "#a9b54c", -0.1, 0.3, 0.12, "#8f9a48", "#9a9a4a"), 0.06),
    ),
    Variety("Mango", "mango", 110, fruits.mango),
    Variety("Avocado", "avocado", 120, fruits.avocado),
    Variety("Banana", "banana", 26, fruits.bananas),
)

FARMS = (
    "Alder Farm", "Birch Hill", "Clover Bank", "Dale End", "Elm Court", "Fern Lea",
    "Glebe House", "Hazel Grove", "Ivy Lodge", "Juniper Rise", "Kings Acre", "Lark Field",
)  # fmt: skip
_MANNERS = ("plain",) * 5 + ("leaf",) * 4 + ("cut",) * 3
_TINTS = ("#fbfaf7", "#faf6ef", "#f6f8f4", "#f3f6f9", "#f9f4f4", "#f7f5fa")
_SOLD_OUT_VARIETY = "Conference pear"


@dataclass(frozen=True, slots=True)
class Product:
    """One row of the catalogue: a variety from a farm.

    Attributes:
        variety: what it is.
        farm: where it is from.
        manner: `plain`, `leaf` or `cut`.
        size: about 0.82 to 1.0.
        in_stock: whether it can be bought.
    """

    variety: Variety
    farm: str
    manner: str
    size: float
    in_stock: bool

    @property
    def name(self) -> str:
        """`Gala apple from Alder Farm`; no two are the same."""
        return f"{self.variety.name} from {self.farm}"

    @property
    def path(self) -> str:
        """Where its picture is, relative to the catalogue, with forward slashes."""
        return f"pictures/{self.variety.key}-{self.farm.lower().replace(' ', '-')}.jpg"

    @property
    def price(self) -> float:
        """In the shop's currency, two decimals; larger fruit costs more."""
        return round(self.variety.price * (0.4 + 0.7 * self.size)) / 100


@dataclass(frozen=True, slots=True)
class Story:
    """A question that the demo asks its shop.

    Attributes:
        title: the question in words.
        picture: path of the query picture, relative to the catalogue.
        where: the filter that the answers must fulfil.
    """

    title: str
    picture: str
    where: str


STORIES: tuple[Story, ...] = (
    Story(
        "This Gala apple is sold out: what is like it and in stock?",
        "pictures/gala-apple-elm-court.jpg",
        "in_stock",
    ),
    Story(
        "No Conference pear is left: what comes closest?",
        "pictures/conference-pear-birch-hill.jpg",
        "in_stock",
    ),
    Story(
        "Like this orange, in stock, and under 50 cents?",
        "pictures/navel-orange-clover-bank.jpg",
        "in_stock and price < 0.5",
    ),
)


_FOUND = ("jpeg-30", "quarter", "grey", "crop-50", "mirrored", "turned-10", "border", "warm")
"""Edits of `duplicates.edits`: what became of pictures of the shop that turned up elsewhere, of one each."""


def _dice(name: str) -> np.random.Generator:
    seed = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big")
    return np.random.Generator(np.random.PCG64(seed))


def products() -> list[Product]:
    """The catalogue's rows, by variety and then by farm.

    >>> shop = products()
    >>> len(shop), shop[0].name, shop[0].path
    (300, 'Gala apple from Alder Farm', 'pictures/gala-apple-alder-farm.jpg')
    """
    asked = {story.picture for story in STORIES}
    rows = []
    for variety in VARIETIES:
        chance = _dice(variety.name)
        manners = [_MANNERS[i] for i in np.argsort(chance.random(len(FARMS)), kind="stable")]
        for farm, manner in zip(FARMS, manners, strict=True):
            size = 0.82 + 0.18 * float(chance.random())
            stocked = float(chance.random()) < 0.72 and variety.name != _SOLD_OUT_VARIETY
            row = Product(variety, farm, manner, size, stocked)
            rows.append(Product(variety, farm, manner, size, False) if row.path in asked else row)
    return rows


def picture(product: Product) -> npt.NDArray[np.uint8]:
    """Draw one product: (256, 256, 3) uint8 sRGB, the same on every machine."""
    dice = Dice(_dice(product.name), product.manner, product.size)
    still = product.variety.build(dice)
    towards = unit((dice.between(-0.75, -0.35), dice.between(0.8, 1.0), dice.between(0.4, 0.7)))
    light = Light(towards, dice.between(0.80, 0.92), dice.between(0.52, 0.60))
    canvas = Canvas(light, dice.between(0.34, 0.50), dice.between(2.75, 2.95), dice.between(0.86, 0.94))
    tint = _TINTS[int(dice.between(0, len(_TINTS)))]
    backdrop(canvas, colour(tint), still.balls)
    for part, balls in still.parts:
        part.draw(canvas, balls)
    return canvas.finish()


def draw_copies(folder: Path) -> Path:
    """Draw copies of eight pictures of the shop, edited as people do, into `copies`, and write `copies.csv`.

    Args:
        folder: where `draw` has drawn the shop.

    Returns:
        The path of `copies.csv`.

    Raises:
        LookalikeError: the folder cannot be written.
    """
    from lookalike.duplicates.edits import EDITS
    from lookalike.images import encode_jpeg

    table, shop = folder / "copies.csv", products()
    rows = [",".join(_FIELDS[:4])]
    try:
        (folder / "copies").mkdir(exist_ok=True)
        for number, edit in enumerate(_FOUND):
            product = shop[number * len(shop) // len(_FOUND)]
            path = f"copies/{product.variety.key}-{edit}.jpg"
            rows.append(f"{path},{product.name} ({edit}),{product.variety.name},{product.variety.kind}")
            if not (folder / path).is_file():
                pixels = EDITS[edit](picture(product), [], np.random.default_rng(number))
                (folder / path).write_bytes(encode_jpeg(pixels))
        table.write_text("\n".join([*rows, ""]), encoding="utf-8", newline="\n")
    except OSError as error:
        raise LookalikeError(f"cannot draw into {folder}: {error.strerror or error}") from error
    return table


def catalogue() -> str:
    """The catalogue as CSV: path, name, variety, kind, price, in_stock (`true` or `false`)."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_FIELDS)
    for row in products():
        stock = "true" if row.in_stock else "false"
        writer.writerow([row.path, row.name, row.variety.name, row.variety.kind, f"{row.price:.2f}", stock])
    return text.getvalue()


def draw(folder: Path, progress: Progress | None = None) -> Path:
    """Draw the shop into a folder: `catalogue.csv` and `pictures/*.jpg`, about 1.6 MB.

    The catalogue is written last, so its presence means that the pictures are complete; a folder
    that is complete already is left as it is.

    Args:
        folder: made when missing.
        progress: called with (pictures done, pictures in all) after each picture.

    Returns:
        The path of `catalogue.csv`. Its `path` column is relative to the folder.

    Raises:
        UsageError: the folder holds something that is not the shop's.
        LookalikeError: the folder cannot be written.
    """
    table, shop = folder / "catalogue.csv", products()
    try:
        _claim(folder)
        if not _complete(folder, table, shop):
            _draw(folder, table, shop, progress)
    except OSError as error:
        reason = error.strerror or str(error)
        raise LookalikeError(
            f"cannot draw the fruit shop into {folder}: {reason}; choose a folder you can write to"
        ) from error
    return table


def _claim(folder: Path) -> None:
    """Make the folder the shop's own; nothing of anybody else's is ever overwritten."""
    mark = folder / MARK
    if folder.is_dir() and any(folder.iterdir()) and not mark.is_file():
        raise UsageError(f"{folder} is not empty, and the fruit shop draws over nothing: name a new folder")
    folder.mkdir(parents=True, exist_ok=True)
    mark.touch()


def _draw(folder: Path, table: Path, shop: list[Product], progress: Progress | None) -> None:
    from lookalike.images import encode_jpeg

    (folder / "pictures").mkdir(parents=True, exist_ok=True)
    table.unlink(missing_ok=True)
    for done, product in enumerate(shop, start=1):
        (folder / product.path).write_bytes(encode_jpeg(picture(product)))
        if progress:
            progress(done, len(shop))
    table.write_text(catalogue(), encoding="utf-8", newline="\n")


def _complete(folder: Path, table: Path, shop: list[Product]) -> bool:
    if not table.is_file() or table.read_text(encoding="utf-8") != catalogue():
        return False
    return all((folder / product.path).is_file() for product in shop)
