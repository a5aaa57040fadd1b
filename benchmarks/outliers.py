"""What outliers, doubtful labels and leaks find of what was planted, and what they cost.

    python benchmarks/outliers.py [labels odd isolation traits leaks growth] [--data DIR] [--json FILE]

Without a part's name all parts run. `DIR` (default: ../shared/data beside the project) has the folders
clothing, grocery, fruits and unlabelled, the first three with `labels.csv`.

- `labels`: 5 % of the labels are changed at random, with five seeds. `ap` is the average precision of the
  ranking, `listed`, `precision` and `recall` are those of what is listed at the usual threshold, and `clean`
  is how many are listed of the labels as they are.
- `odd`: files that do not belong among the garments are written, indexed and looked for: groceries, fruits,
  drawings, and garments made blank, dark, bright, blurred, tiny or cut to strips. `p@k` is the precision
  among as many as were planted.
- `isolation`: vectors of 1, 4 and 12 pictures of another collection among those of one or two; average
  precision of this score, of the mean distance to 16 neighbours and of the local outlier factor, over six
  draws. (Fruits among groceries are left out: these have fruits of their own.)
- `traits`: the most extreme of the ordinary pictures, beside the thresholds.
- `leaks`: a tenth of the pictures comes again in another split, in the same bytes or edited, among as many
  others.
- `growth`: seconds for drawn vectors without the graph, and the peak memory of the process with it.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from neighbours import drawn

from lookalike import Collection
from lookalike.duplicates.edits import EDITS
from lookalike.gallery.knn import Lists
from lookalike.images import encode_jpeg
from lookalike.neighbours import EXACT_LIMIT, GRAPH_K, graph
from lookalike.outliers.isolation import isolation
from lookalike.outliers.traits import BLANK, BLURRED, BRIGHT, DARK
from lookalike.outliers.votes import vote
from lookalike.sandbox import Decoder

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
COLUMNS = (("fruits", "variety"), ("clothing", "garment"), ("grocery", "product"), ("grocery", "category"))
Say = Callable[[dict[str, Any]], None]


class Shared:
    """The shared pictures as collections, indexed once into a temporary folder."""

    def __init__(self, data: Path, work: Path) -> None:
        self.data, self.work = data, work
        self._open: dict[str, Collection] = {}

    def collection(self, name: str) -> Collection:
        if name not in self._open:
            one = Collection.open(self.work / name)
            labels = self.data / name / "labels.csv"
            one.add(self.data / name, metadata=labels if labels.exists() else None)
            self._open[name] = one
        return self._open[name]

    def vectors(self, name: str) -> np.ndarray:
        one = self.collection(name)
        return np.concatenate([vectors for _, vectors in one.gallery.scan(one.space)])

    def paths(self, name: str) -> list[str]:
        return [picture.path for picture in self.collection(name).gallery.pictures()]


def average_precision(truth: np.ndarray, scores: np.ndarray) -> float:
    order = np.argsort(-scores, kind="stable")
    right = truth[order]
    return float((np.cumsum(right) / np.arange(1, len(right) + 1))[right].mean())


def nearest(vectors: np.ndarray, k: int = GRAPH_K) -> Lists:
    """Every vector's nearest others, the slow way."""
    cosines = vectors @ vectors.T
    np.fill_diagonal(cosines, -np.inf)
    places = np.argsort(-cosines, axis=1, kind="stable")[:, :k]
    return Lists(places.astype(np.int32), np.take_along_axis(cosines, places, 1).astype(np.float32))


# --- labels ---------------------------------------------------------------------------------


def labels(shared: Shared, say: Say) -> None:
    from lookalike.outliers.doubts import THRESHOLD

    for name, column in COLUMNS:
        one = shared.collection(name)
        known = graph(one.gallery, one.space)
        lists = Lists(known.neighbours, known.similarities)
        values = [str(picture.metadata[column]) for picture in one.gallery.get(known.ids.tolist())]
        truth = np.unique(values, return_inverse=True)[1]
        figures = []
        for seed in range(5):
            changed, flipped = flip(truth, np.random.default_rng(seed))
            score = vote(lists, changed).score
            listed = score >= THRESHOLD
            ap = average_precision(flipped, score)
            figures.append((ap, listed.sum(), flipped[listed].mean(), listed[flipped].mean()))
        ap, number, precision, recall = np.mean(figures, axis=0)
        clean = int((vote(lists, truth).score >= THRESHOLD).sum())
        least = min(ap for ap, *_ in figures)
        found = {"ap": ap, "least ap": least, "listed": number, "precision": precision, "recall": recall}
        say({"set": f"{name} {column}", "pictures": len(truth), **found, "clean": clean})


def flip(truth: np.ndarray, dice: np.random.Generator, share: float = 0.05) -> tuple[np.ndarray, np.ndarray]:
    changed, flipped = truth.copy(), np.zeros(len(truth), bool)
    flipped[dice.choice(len(truth), round(share * len(truth)), replace=False)] = True
    other = dice.integers(1, truth.max() + 1, int(flipped.sum()))
    changed[flipped] = (truth[flipped] + other) % (truth.max() + 1)
    return changed, flipped


# --- odd pictures ---------------------------------------------------------------------------


def odd(shared: Shared, say: Say) -> None:
    folder = shared.work / "odd-pictures"
    folder.mkdir()
    dice = np.random.default_rng(0)
    planted = dict(_planted(shared, dice))
    for name, pixels in planted.items():
        (folder / f"{name}.jpg").write_bytes(encode_jpeg(pixels, 92))
    one = Collection.open(shared.work / "odd")
    one.add([shared.data / "clothing", folder])
    started = time.perf_counter()
    found = one.outliers()
    first = time.perf_counter() - started
    again = one.outliers(threshold=0.0)
    truth = np.array([Path(o.path).parent == folder for o in again.outliers])
    listed = {Path(o.path).stem: o.reason for o in found.outliers}
    named = {name: listed.get(name) for name in planted}
    say(
        {
            "planted": len(planted),
            "among": found.images,
            "p@k": float(truth[: len(planted)].mean()),
            "listed": len(found.outliers),
            "of these planted": sum(name is not None for name in named.values()),
            "right reason": sum(reason == _expected(name) for name, reason in named.items()),
            "seconds": first,
            "again": again.seconds,
        }
    )
    for name, reason in named.items():
        if reason != _expected(name):
            say({"planted": name, "expected": _expected(name), "listed as": reason})


def _planted(shared: Shared, dice: np.random.Generator) -> Iterator[tuple[str, np.ndarray]]:
    with Decoder() as decoder:
        some = {
            name: [
                decoder.decode(str(path), 400).rgb
                for path in dice.choice(shared.paths(name), 4, replace=False)
            ]
            for name in ("grocery", "fruits", "clothing")
        }
    for name in ("grocery", "fruits"):
        for number, pixels in enumerate(some[name]):
            yield f"isolated-{name}-{number}", pixels
    y, x = np.mgrid[0:400, 0:400]
    board = ((x // 40 + y // 40) % 2 * 255)[..., None]
    yield "isolated-board", np.broadcast_to(board, (400, 400, 3)).astype(np.uint8)
    yield "isolated-screenshot", EDITS["screenshot"](some["fruits"][0], some["grocery"], dice)
    for number, pixels in enumerate(some["clothing"][:2]):
        ground = pixels.astype(np.float32)
        noise = dice.normal(0, 2, ground.shape)
        yield (
            f"blank-{number}",
            np.clip(np.full_like(ground, 128 + 60 * number) + noise, 0, 255).astype(np.uint8),
        )
        yield f"dark-{number}", (ground * 0.2).astype(np.uint8)
        yield f"bright-{number}", (255 - (255 - ground) * 0.12).astype(np.uint8)
        yield f"blurred-{number}", _blurred(pixels)
        yield f"tiny-{number}", _small(pixels, 40)
        yield f"strip-{number}", np.ascontiguousarray(pixels[: pixels.shape[0] // 5])


_EXPECTED = {
    "isolated": "isolated",
    "blank": "nearly blank",
    "dark": "very dark",
    "bright": "very bright",
    "blurred": "blurred",
    "tiny": "tiny",
    "strip": "odd aspect",
}


def _expected(name: str) -> str:
    return _EXPECTED[name.partition("-")[0]]


def _blurred(pixels: np.ndarray) -> np.ndarray:
    import cv2

    return np.asarray(cv2.GaussianBlur(pixels, (0, 0), 4 * max(pixels.shape) / 256), np.uint8)


def _small(pixels: np.ndarray, side: int) -> np.ndarray:
    import cv2

    scale = side / min(pixels.shape[:2])
    size = round(pixels.shape[1] * scale), round(pixels.shape[0] * scale)
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)


# --- isolation, from vectors alone ----------------------------------------------------------


def isolate(shared: Shared, say: Say) -> None:
    vectors = {name: shared.vectors(name) for name in ("clothing", "grocery", "fruits")}
    bases = (("clothing",), ("grocery",), ("fruits",), ("clothing", "fruits"), ("grocery", "fruits"))
    table: list[dict[str, float]] = []
    for base, other, count in product(bases, vectors, (1, 4, 12)):
        if other in base or (base == ("grocery",) and other == "fruits"):
            continue
        figures = [_isolate(vectors, base, other, count, seed) for seed in range(6)]
        table.append({name: float(np.mean([one[name] for one in figures])) for name in figures[0]})
        say({"among": " + ".join(base), "planted": f"{count} {other}", **table[-1]})
    say(
        {
            "among": "all of these",
            "planted": "mean",
            **{n: float(np.mean([r[n] for r in table])) for n in table[0]},
        }
    )
    for name, known in vectors.items():
        say({"among": name, "planted": "nothing", "listed": int((isolation(nearest(known)) >= 0.5).sum())})


def _isolate(
    vectors: dict[str, np.ndarray], base: tuple[str, ...], other: str, count: int, seed: int
) -> dict[str, float]:
    chosen = np.random.default_rng(seed).choice(len(vectors[other]), count, replace=False)
    rows = np.concatenate([*(vectors[name] for name in base), vectors[other][chosen]])
    truth = np.arange(len(rows)) >= len(rows) - count
    lists = nearest(rows)
    score = isolation(lists)
    mean = 1 - lists.similarities[:, :16].mean(axis=1)
    factor = mean / mean[lists.places[:, :16]].mean(axis=1)
    return {
        "ap": average_precision(truth, score),
        "mean distance": average_precision(truth, mean),
        "local outlier factor": average_precision(truth, factor),
        "listed": float((score >= 0.5).sum()),
        "of these planted": float((score[truth] >= 0.5).sum()),
    }


# --- traits ---------------------------------------------------------------------------------


def traits(shared: Shared, say: Say) -> None:
    from lookalike.outliers.measuring import Measures

    for name in ("clothing", "grocery", "fruits", "unlabelled"):
        one = shared.collection(name)
        one.outliers()
        known = Measures(one.gallery)
        seen = [q for p in one.gallery.pictures() if (q := known[p]) is not None]
        least = min(q.contrast for q in seen), min(q.lightest for q in seen)
        most = max(q.darkest for q in seen), max(q.blur for q in seen)
        say(
            {
                "set": name,
                "pictures": len(seen),
                f"least contrast ({BLANK:g})": least[0],
                f"darkest ({DARK:g})": least[1],
                f"brightest ({BRIGHT:g})": most[0],
                f"most blurred ({BLURRED:g})": most[1],
                "blurred": sum(q.blur > BLURRED for q in seen),
            }
        )


# --- leaks ----------------------------------------------------------------------------------


LEAKS = ("exact", "jpeg-30", "quarter", "mirrored", "crop-80", "crop-50", "warm", "border", "turned-10")


def leaks(shared: Shared, say: Say) -> None:
    folder = shared.work / "leaks-pictures"
    train = [path for name in ("clothing", "grocery") for path in shared.paths(name)]
    dice = np.random.default_rng(0)
    each = len(train) // 10 // len(LEAKS)
    copied = dice.choice(train, (len(LEAKS), each), replace=False)
    rows = ["path,split"] + [f"{path},train" for path in train]
    folder.mkdir()
    truth: dict[str, str] = {}
    with Decoder() as decoder:
        for kind, originals in zip(LEAKS, copied, strict=True):
            for number, original in enumerate(originals):
                file = folder / f"{kind}-{number}.jpg"
                if kind == "exact":
                    shutil.copy(original, file)
                else:
                    pixels = decoder.decode(str(original), 1 << 20).rgb
                    file.write_bytes(encode_jpeg(EDITS[kind](pixels, [], dice), 90))
                truth[str(file)] = str(original)
                rows.append(f"{file},test")
    others = dice.choice(sorted((shared.data / "unlabelled").rglob("*.jpg")), len(truth), replace=False)
    rows += [f"{path},test" for path in others]
    (shared.work / "splits.csv").write_text("\n".join(rows) + "\n")
    one = Collection.open(shared.work / "leaks")
    sources = [shared.data / "clothing", shared.data / "grocery", folder, *map(Path, others)]
    one.add(sources, metadata=shared.work / "splits.csv")
    found = one.leaks("split")
    right = {leak.path for leak in found.leaks if truth.get(leak.path) == leak.other}
    for kind in LEAKS:
        planted = [path for path in truth if Path(path).name.startswith(f"{kind}-")]
        say({"kind": kind, "planted": len(planted), "found": sum(path in right for path in planted)})
    more = [leak for leak in found.leaks if leak.path not in right]
    say({"planted": len(truth), "found": len(right), "others": len(more), "seconds": found.seconds})
    for leak in more:
        say({"other": leak.path, "of": leak.other, "kind": leak.kind, "probability": leak.probability})


# --- growth ---------------------------------------------------------------------------------


def growth(_shared: Shared, say: Say) -> None:
    from lookalike.gallery.all_nearest import Rows, all_nearest
    from lookalike.progress import silent

    for count in (1_000, 10_000, 100_000):
        rows = Rows(count, 256)
        rows.append(drawn(count, 1))
        lists = all_nearest(rows, GRAPH_K, measured=GRAPH_K, exact_limit=EXACT_LIMIT, progress=silent).lists
        del rows
        codes = np.random.default_rng(0).integers(0, 100, count)
        started = time.perf_counter()
        isolation(lists)
        between = time.perf_counter()
        vote(lists, codes)
        took = between - started, time.perf_counter() - between
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        say({"vectors": count, "isolation s": took[0], "labels s": took[1], "peak MB with graph": peak})


PARTS = {
    "labels": labels,
    "odd": odd,
    "isolation": isolate,
    "traits": traits,
    "leaks": leaks,
    "growth": growth,
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}")
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    results: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="outliers-") as work:
        shared = Shared(asked.data, Path(work))
        for part in asked.parts or PARTS:
            print(f"\n{part}")

            def say(row: dict[str, Any], part: str = part) -> None:
                results.append({"part": part, **row})
                shown = (f"{k} {v:.3f}" if isinstance(v, float) else f"{k} {v}" for k, v in row.items())
                print("  " + ", ".join(shown), flush=True)

            PARTS[part](shared, say)
    if asked.json:
        asked.json.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
