"""How many copies are found, how many of those said to be copies are, and what it costs.

    python benchmarks/duplicates edits --count 300 --each 4 --peer VENV/bin/python --sheet false.html
    python benchmarks/duplicates recipe --peer VENV/bin/python
    python benchmarks/duplicates bridge
    python benchmarks/duplicates scaling --sizes 1000 2500 5000 10000
    python benchmarks/duplicates growth --sizes 12500 25000 50000 100000
    python benchmarks/duplicates fit --count 30

`edits`: pictures of ../shared/data and some drawn ones, each with every edit of
`lookalike.duplicates.edits`, in other containers, and as plain copies, among all other shared
pictures; `--each 4` gives each picture only four of the edits, in turn, which is nearer to what a
collection holds. The shared pictures are hard: fruits on one turntable, photos of one product and of
its neighbours on the shelf, often from the same place. Recall: the share of edits that are in a
group with a picture that shows what they were made of. Precision: the share of true links between a
kept picture and its members. A collage and a paste show several pictures; a link to any of these is
true. What is beside and behind them is not in the set, so that only finding the one that is counts.
"placed" is how many of the transforms put the corners where the edit did, where the original is the
picture kept. False links go to `--sheet`: what turns out to be one picture twice in the shared data
belongs in `known_copies.txt`.

`recipe`: the field's own: photos and five edits of each, a crop, mirrored both ways, turned by 25
degrees, and squeezed to a square; of each six all 15 pairs count, and count as found when both are in
one group. The figures published for it are of 1,800 photos of UKBench: other pictures, the same
recipe, but for the crop's size, which is not published; it is half of the area here.

`bridge`: all edits of one picture must be in one group.

`scaling`: what the groups of 1,000 to 10,000 pictures that have been indexed cost: time, processor seconds
and memory. `growth`: the same for up to 100,000, which are parts of the shared pictures, each bent, coloured
and made noisy in its own way, and a twentieth copies.

`fit`: the weights of the shipped calibration, fitted on edits of other pictures than `edits` takes, and on
those pairs of other pictures that a search for copies compares.

The peer is a Python that has imagededup; it runs at its own defaults, with two threads. Its own network
is downloaded when it is first used; where that cannot be, lookalike's network takes its place, if the
peer has onnxruntime, and is named. AVIF and HEIC pictures it does not look at.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import fitting
import pictures
import scoring
import sheet
from cost import Watch
from finders import THREADS, Finder, Found, Imagededup, Lookalike, PerceptualHash
from scoring import Line, Truth

import lookalike

THRESHOLDS = (0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999)
PUBLISHED = """published on UKBench (1,800 photos, the same recipe):
  Immaculate with SSCD      recall 0.859  precision 1.000
  imagededup CNN            recall 0.755  precision 0.988
  fastdup                   recall 0.350
  perceptual hash           recall 0.06"""


def main() -> None:
    """Read the command line, run one benchmark, print and perhaps write its figures."""
    options = _parser().parse_args()
    with _place(options.folder) as folder:
        figures = options.run(options, folder)
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1), "utf-8")


def _parser() -> argparse.ArgumentParser:
    text = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=text)
    every = argparse.ArgumentParser(add_help=False)
    every.add_argument("--json", type=Path, help="write all figures to this file")
    every.add_argument("--folder", type=Path, help="make the pictures here and keep them")
    every.add_argument("--precision", type=float, default=0.99)
    every.add_argument("--model", help="the network; the default one unless named")
    every.add_argument("--peer", metavar="PYTHON", help="a Python that has imagededup")
    every.add_argument("--stub", action="store_true", help="a perceptual hash in the place of lookalike")
    commands = parser.add_subparsers(required=True)
    for name, run in (
        ("edits", edits),
        ("recipe", recipe),
        ("bridge", bridge),
        ("scaling", scaling),
        ("growth", growth),
        ("fit", fit),
    ):
        command = commands.add_parser(name, parents=[every])
        command.set_defaults(run=run)
        if name in ("edits", "recipe", "fit"):
            command.add_argument("--count", type=int, default={"edits": 300, "fit": 30}.get(name))
        if name in ("edits", "recipe"):
            command.add_argument("--sheet", type=Path, help="a page with all false pairs")
        if name == "edits":
            command.add_argument("--each", type=int, help="edits for each picture; all unless given")
        if name == "scaling":
            command.add_argument("--sizes", type=int, nargs="+", default=[1000, 2500, 5000, 10000])
        if name == "growth":
            command.add_argument("--sizes", type=int, nargs="+", default=[12500, 25000, 50000, 100000])
    return parser


@contextmanager
def _place(folder: Path | None) -> Iterator[Path]:
    if folder is not None:
        if folder.exists() and any(folder.iterdir()):
            raise SystemExit(f"{folder} is not empty")
        yield folder.absolute()
    else:
        with tempfile.TemporaryDirectory(prefix="duplicates-") as place:
            yield Path(place)


def _answers(options: argparse.Namespace, folder: Path, looser: float | None = None) -> Iterator[Found]:
    ours = PerceptualHash() if options.stub else Lookalike(options.model, looser)
    finders: list[Finder] = [ours] + [Imagededup(options.peer)] * bool(options.peer)
    for finder in finders:
        yield from finder.find(folder, options.precision)


def _cost(found: Found, count: int) -> str:
    each = 1000 / count
    before = f"{found.preparing * each:.1f} of them before comparing"
    return f"{found.seconds * each:.1f} s per 1,000 pictures, {before}"


# --- the set made by construction -------------------------------------------------------------


def edits(options: argparse.Namespace, folder: Path) -> dict[str, object]:
    truth = pictures.edited_set(folder, options.count, options.each)
    print(f"{len(truth):,} pictures, {sum(f.edit is not None for f in truth.values()):,} of them edits")
    figures: dict[str, object] = {}
    for number, found in enumerate(_answers(options, folder, looser=THRESHOLDS[0])):
        figures[found.name] = _edit_figures(found, truth)
        if number == 0 and options.sheet:
            sheet.write(options.sheet, scoring.false_links(found.groups, truth), folder)
    return figures


def _edit_figures(found: Found, truth: Truth) -> dict[str, object]:
    groups = found.groups
    print(f"\n{found.name}: {_cost(found, len(truth))}")
    lines = scoring.by_edit(groups, truth)
    sums = [
        scoring.total(groups, truth),
        scoring.total(groups, truth, "all but pasted", lambda file: file.edit != "pasted"),
        scoring.total(groups, truth, "all but fruits", lambda file: _origin(file.source) != "fruits"),
    ]
    right = scoring.placed(groups, truth)
    _table("edit", [*lines, *sums], {name: f"{a}/{b}" for name, (a, b) in right.items()})
    print("false links between:", _kinds(found, truth) or "none")
    curve = scoring.curve(found.looser, truth, THRESHOLDS) if found.looser else []
    if curve:
        _table("probability", curve, {})
    return {
        "pictures": len(truth),
        "seconds": found.seconds,
        "preparing": found.preparing,
        "edits": [line.as_json() for line in lines],
        "sums": [line.as_json() for line in sums],
        "placed": right,
        "curve": [line.as_json() for line in curve],
        "false": [(keep, m.path, m.probability) for keep, m in scoring.false_links(groups, truth)],
    }


def _kinds(found: Found, truth: Truth) -> str:
    """Which shared folders, or edits, the wrong pairs are of, and how many."""
    wrong = ((truth[keep], truth[member.path]) for keep, member in scoring.false_links(found.groups, truth))
    counts = Counter(tuple(sorted(_origin(file.source) for file in pair)) for pair in wrong)
    return ", ".join(f"{first} and {second} {count}" for (first, second), count in counts.most_common())


def _origin(source: str) -> str:
    """`clothing`, `grocery`, `fruits` or `drawn`; pictures of `unlabelled` say it in their name."""
    if source.startswith("unlabelled/"):
        return source.removeprefix("unlabelled/").split("-")[0]
    return source.split("/")[0] if "/" in source else "drawn"


def _table(head: str, lines: Sequence[Line], placed: dict[str, str]) -> None:
    print(f"{head:18} {'edits':>6} {'recall':>7} {'links':>7} {'precision':>9}  {'placed' if placed else ''}")
    for line in lines:
        print(
            f"{line.name:18} {line.edits:6} {line.recall:7.4f} {line.links:7} {line.precision:9.4f}"
            f"  {placed.get(line.name, '')}".rstrip()
        )


# --- the field's recipe, one picture's edits, growth ------------------------------------------


def recipe(options: argparse.Namespace, folder: Path) -> dict[str, object]:
    truth = pictures.recipe_set(folder, options.count)
    true = scoring.true_pairs(truth)
    print(f"{len(truth):,} pictures, {len(true):,} true pairs")
    figures: dict[str, object] = {}
    for number, found in enumerate(_answers(options, folder)):
        line = scoring.score_pairs(found.pairs, true, lambda a, b: scoring.is_true(truth[a], truth[b]))
        figures[found.name] = line.as_json() | {"seconds": found.seconds, "pictures": len(truth)}
        scores = f"recall {line.recall:.4f}  precision {line.precision:.4f}"
        print(f"{found.name:26}  {scores}  {_cost(found, len(truth))}")
        if number == 0 and options.sheet:
            sheet.write(options.sheet, scoring.false_links(found.groups, truth), folder)
    print(PUBLISHED)
    return figures


def bridge(options: argparse.Namespace, folder: Path) -> dict[str, object]:
    shutil.copytree(pictures.DATA / "bridge", folder, dirs_exist_ok=True)
    files = {str(p) for p in folder.rglob("*.*") if p.suffix in (".jpg", ".png", ".webp")}
    figures: dict[str, object] = {}
    for found in _answers(options, folder):
        groups = sorted(found.groups, key=lambda group: -len(group.members))
        alone = sorted(Path(p).name for p in files - {p for group in groups for p in group.paths})
        sizes = [len(group.paths) for group in groups]
        print(
            f"{found.name}: {len(files)} pictures in groups of {sizes}; in none: {', '.join(alone) or 'none'}"
        )
        for group in groups:
            for member in group.members:
                print(f"  {_bridge_line(group.keep, member)}")
        figures[found.name] = {"groups": sizes, "alone": alone}
    return figures


def _bridge_line(keep: str, member: scoring.Member) -> str:
    """All of them show the whole picture, so where it lies follows from the two sizes."""
    (height, width), (rows, columns) = (pictures.read(Path(path)).shape[:2] for path in (keep, member.path))
    true = ((columns / width, 0.0, 0.0), (0.0, rows / height, 0.0))
    right = member.transform and scoring.same_place(member.transform, true, (width, height))
    said = {True: "transform right", False: "transform WRONG", None: "no transform"}[right]
    return f"{Path(member.path).name:24} {member.kind:7} {member.probability:.4f}  {said}"


def scaling(options: argparse.Namespace, folder: Path) -> dict[str, object]:
    return _growth(options, folder, pictures.filled)


def growth(options: argparse.Namespace, folder: Path) -> dict[str, object]:
    return _growth(options, folder, pictures.many)


def _growth(
    options: argparse.Namespace, folder: Path, fill: Callable[[Path, int], Truth]
) -> dict[str, object]:
    """What `duplicates` costs in a collection that is indexed, and has been asked for nothing yet."""
    figures: dict[str, object] = {}
    print(f"load {os.getloadavg()[0]:.1f}, {os.cpu_count()} processors; memory without mapped files")
    print(
        f"{'pictures':>8} {'index s':>8} {'groups s':>8} {'CPU s':>7} {'peak MB':>7}  ms a picture: by step"
    )
    for size in options.sizes:
        place = folder / str(size)
        count = len(fill(place, size))
        with tempfile.TemporaryDirectory() as home:
            figures[str(count)] = facts = _costs(place, Path(home) / "collection", options.model)
        each = 1000 / count
        steps = "  ".join(f"{name} {seconds * each:.1f}" for name, seconds in facts["steps"].items())
        print(
            f"{count:8} {facts['index']:8.1f} {facts['seconds']:8.1f} {facts['processors']:7.1f}"
            f" {facts['peak'] >> 20:7}  {facts['seconds'] * each:.1f} (CPU {facts['processors'] * each:.1f}):"
            f" {steps}; {facts['compared']:,} pairs compared, {facts['groups']:,} groups",
            flush=True,
        )
        shutil.rmtree(place)
    print(f"load {os.getloadavg()[0]:.1f} at the end")
    return figures


def _costs(place: Path, home: Path, model: str | None) -> dict[str, Any]:
    steps: dict[str, float] = {}
    before = ["starting", time.perf_counter()]

    def progress(step: str, done: int, total: int) -> None:
        now = time.perf_counter()
        steps[before[0]] = steps.get(before[0], 0.0) + now - before[1]
        before[:] = [step, now]

    with lookalike.Collection.open(home, model=model) as collection:
        with Watch() as indexing:
            collection.add([place])
        before[1] = time.perf_counter()
        with Watch() as finding:
            found = collection.duplicates(threads=THREADS, progress=progress)
            progress("end", 0, 0)
    return {
        "index": indexing.seconds,
        "seconds": finding.seconds,
        "processors": finding.processors,
        "peak": finding.peak,
        "steps": {step: seconds for step, seconds in steps.items() if seconds >= 0.05},
        "compared": found.compared,
        "groups": len(found.groups),
    }


def fit(options: argparse.Namespace, folder: Path) -> dict[str, object]:
    positives, negatives = fitting.evidence(folder, options.count)
    calibration = fitting.fitted(positives, negatives)
    for line in fitting.told(calibration, positives, negatives):
        print(line)
    return {"weights": calibration.weights, "copies": len(positives), "others": len(negatives)}


if __name__ == "__main__":
    main()
