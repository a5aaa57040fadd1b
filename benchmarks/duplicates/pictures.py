"""The pictures that are looked through, and the truth about them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from scoring import File, original

from lookalike import images
from lookalike.duplicates.edits import EDITS, Pixels

DATA = Path(__file__).parents[3] / "shared" / "data"
SHARED = ("clothing/images", "grocery/catalogue", "grocery/photos", "grocery/queries", "unlabelled")
HARD = ("fruits/images",)  # a turntable's frames: only distractors, they are too small to be cropped
KNOWN = Path(__file__).with_name("known_copies.txt")
DRAWN = 0.05  # share of the originals that are drawn
UNSEEN = 60  # pictures that are only backgrounds of pastes and neighbours in collages

CONTAINERS: dict[str, tuple[str, dict[str, object]]] = {
    "png": ("png", {}),
    "webp": ("webp", {"quality": 70}),
    "avif": ("avif", {"quality": 60, "speed": 9}),
    "heic": ("heic", {"quality": 60, "enc_params": {"preset": "ultrafast"}}),
}
COPIED, TAGGED = "same-bytes", "same-pixels"
BESIDE = {"pasted": 1, "collage": 3}  # pictures that an edit shows besides its own
RECIPE = ("crop-50", "mirrored", "upside-down", "turned-25", "square")

Truth = dict[str, File]


def shared(folders: Sequence[str] = SHARED) -> list[str]:
    """Pictures of the shared data, relative to it, sorted within each folder."""
    names = [p.relative_to(DATA).as_posix() for f in folders for p in sorted((DATA / f).rglob("*.jpg"))]
    if not names:
        raise SystemExit(f"no pictures below {DATA}")
    return names


def known_copies() -> dict[str, str]:
    """Pictures of the shared data that are copies of others there, by eye: picture to picture."""
    lines = [line.split() for line in KNOWN.read_text("utf-8").splitlines()]
    return {pair[1]: pair[0] for pair in lines if pair and pair[0] != "#"}


def read(path: Path) -> Pixels:
    return images.decode(path.read_bytes(), min_side=1 << 20, limits=images.Limits()).rgb


def save(path: Path, pixels: Pixels, quality: int = 90) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(images.encode_jpeg(pixels, quality))


def put_shared(folder: Path, names: Sequence[str]) -> Truth:
    """Copies of shared pictures in a folder."""
    known = known_copies()
    truth = {}
    for name in names:
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(DATA / name, target)
        truth[str(target)] = original(known.get(name, name))
    return truth


def put_drawn(folder: Path, count: int) -> Truth:
    """Pictures of the fruit shop."""
    from lookalike.demo import fruitshop

    truth = {}
    products = fruitshop.products()
    for product in products[:: max(1, len(products) // max(1, count))][:count]:
        target = folder / "drawn" / f"{product.name.replace(' ', '-')}.jpg"
        save(target, fruitshop.picture(product), 95)
        truth[str(target)] = original(target.stem)
    return truth


def make_edits(
    folder: Path, originals: Truth, others: Sequence[Pixels], each: int | None
) -> Iterator[tuple[str, File]]:
    """Every original with every edit, or with `each` of them in turn, as JPEG files."""
    names = [*EDITS, *CONTAINERS, COPIED, TAGGED]
    for number, (path, file) in enumerate(originals.items()):
        first = number * (each or 0)
        mine = names if each is None else [names[(first + k) % len(names)] for k in range(each)]
        for name in mine:
            yield _make(folder, number, Path(path), file, name, others)


def _make(
    folder: Path, number: int, path: Path, file: File, name: str, others: Sequence[Pixels]
) -> tuple[str, File]:
    target = folder / name / f"{number:05}.jpg"
    target.parent.mkdir(parents=True, exist_ok=True)
    picture = read(path)
    size = picture.shape[1], picture.shape[0]
    transform, shows = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]], file.shows
    if name == COPIED:
        shutil.copyfile(path, target)
    elif name == TAGGED:
        target.write_bytes(with_comment(path.read_bytes(), f"copy {number}"))
    elif name in CONTAINERS:
        target = _contained(target, picture, *CONTAINERS[name])
    else:
        dice = np.random.default_rng([number, list(EDITS).index(name)])
        beside = dice.permutation(len(others))[: BESIDE.get(name, 0)]
        edited = EDITS[name].apply(picture, [others[k] for k in beside], dice)
        save(target, edited.pixels)
        transform = edited.transform.tolist()
        shows |= {f"unseen {k}" for k in beside}
    return str(target), File(file.source, shows, name, transform, size)


def with_comment(data: bytes, text: str) -> bytes:
    """The same JPEG with a comment in front."""
    return data[:2] + b"\xff\xfe" + (len(text) + 2).to_bytes(2, "big") + text.encode() + data[2:]


def _contained(target: Path, picture: Pixels, suffix: str, options: dict[str, object]) -> Path:
    from PIL import Image

    if suffix == "heic":
        import pillow_heif

        pillow_heif.register_heif_opener()
    target = target.with_suffix(f".{suffix}")
    Image.fromarray(picture).save(target, **options)
    return target


def spread(names: Sequence[str], count: int) -> list[str]:
    """So many of them, evenly from the first to the last; all when there are not as many."""
    count = min(count, len(names))
    return [names[len(names) * k // count] for k in range(count)]


def edited_set(folder: Path, count: int, each: int | None) -> Truth:
    """`count` originals with their edits, and all other shared pictures between them."""
    names = shared()
    unseen = spread(shared(["unlabelled"])[3:], UNSEEN)
    names = [name for name in names if name not in set(unseen)]
    drawn = round(count * DRAWN)
    chosen = spread([n for n in names if n not in known_copies()], count - drawn)
    originals = put_shared(folder, chosen) | put_drawn(folder, drawn)
    rest = put_shared(folder, [*sorted(set(names) - set(chosen)), *shared(HARD)])
    others = [read(DATA / name) for name in unseen]
    return originals | rest | dict(make_edits(folder / "edits", originals, others, each))


def recipe_set(folder: Path, count: int | None) -> Truth:
    """Photos of clothing and groceries, each with the five edits of the field's recipe."""
    names = shared(["clothing/images", "grocery/catalogue", "grocery/photos", "grocery/queries"])
    originals = put_shared(folder, names if count is None else spread(names, count))
    truth = dict(originals)
    for number, (path, file) in enumerate(originals.items()):
        truth.update(_make(folder / "edits", number, Path(path), file, name, []) for name in RECIPE)
    return truth


def filled(folder: Path, count: int) -> Truth:
    """`count` pictures: shared ones, and, when these are not enough, edits of them."""
    names = shared()
    truth = put_shared(folder, spread(names, count))
    missing, each = count - len(truth), 1 + max(0, count - len(truth)) // max(1, len(truth))
    others = [read(DATA / name) for name in names[:UNSEEN]]
    edits = make_edits(folder / "edits", dict(truth), others, each) if missing else iter(())
    for _, (path, file) in zip(range(missing), edits, strict=False):
        truth[path] = file
    return truth


def many(folder: Path, count: int) -> Truth:
    """So many small pictures, all of them different but for a twentieth: quarters of the shared ones, each
    bent, coloured and made noisy in its own way; and copies of these, every other one cut."""
    names = shared()
    truth = {}
    for number in range(count):
        target = folder / f"{number // 5000:03}" / f"{number:06}.jpg"
        first = number - (number % 20 == 19)
        pixels = _bent(DATA / names[first % len(names)], first // len(names) % 4, first)
        if number != first and number % 40 == 19:
            pixels = pixels[20:200, 25:215]
        save(target, pixels, 88 if number == first else 70)
        truth[str(target)] = original(f"bent {first}")
    return truth


def _bent(path: Path, quarter: int, seed: int, side: int = 224) -> Pixels:
    import cv2

    dice, picture = np.random.default_rng([7, seed]), read(path)
    height, width = picture.shape[0] // 2, picture.shape[1] // 2
    top, left = quarter // 2 * height, quarter % 2 * width
    part = cv2.resize(picture[top : top + height, left : left + width], (side, side))
    moves = dice.uniform(-26, 26, (2, 5, 5)).astype(np.float32)
    by = [cv2.resize(move, (side, side), interpolation=cv2.INTER_CUBIC) for move in moves]
    y, x = np.mgrid[0:side, 0:side].astype(np.float32)
    bent = cv2.remap(part, x + by[0], y + by[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    coloured = bent * dice.uniform(0.7, 1.2, 3) + dice.uniform(-20, 20, 3) + dice.normal(0, 4, bent.shape)
    return np.clip(coloured, 0, 255).astype(np.uint8)
