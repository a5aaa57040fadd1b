"""How much better copies are found after training without labels, on pictures that were not trained on.

    python benchmarks/train_unlabelled.py ../shared/data

DATA holds `unlabelled`, `clothing` and `grocery`. A collection is made of the pictures in `unlabelled`, and
the default model is trained on with `Collection.train_unlabelled`, as `lookalike train --unlabelled` does
it. Then pictures of `clothing` and `grocery` are edited (`duplicates.edits`), and each edit is searched for
among these pictures as they are, with the model before and after. Told are recall@1, and recall@fmr: the
share of the edits that are more similar to their picture than all but one in 10,000 of the wrong pairs
are. Pictures known to be copies of others are left out. Beside it, whether the new model still finds what
only looks alike: MAP@R of garments, and recall@1 of groceries, query against catalogue and against photo.
Times are the processor's.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

import numpy as np

from lookalike.collection import Collection
from lookalike.duplicates.edits import EDITS
from lookalike.embedder import Embedder
from lookalike.evaluation import copies
from lookalike.sandbox import Decoder
from lookalike.training.recipe import CopyRecipe, Epoch
from lookalike.vectors import Vectors

WITHIN = ("collage", "pasted")  # the picture is a small part of another one
SIDE = 400  # pixels of the shorter side of a picture that is edited
PICTURES = (".jpg", ".jpeg", ".png", ".webp")
KNOWN = Path(__file__).parent / "duplicates" / "known_copies.txt"


def known_copies() -> set[str]:
    """Ends of the paths of pictures that are copies of others in the data, by eye."""
    lines = [line.split() for line in KNOWN.read_text("utf-8").splitlines()]
    return {pair[1] for pair in lines if pair and pair[0] != "#"}


def pictures_of(folder: Path, most: int) -> list[Path]:
    """Some pictures of a folder, always the same ones; without copies of others, here or in other folders."""
    known = tuple(known_copies())
    files = sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in PICTURES and not path.as_posix().endswith(known)
    )
    drawn = np.random.default_rng(0).permutation(len(files))[:most]
    return [files[at] for at in np.sort(drawn)]


def embedded(files: list[Path], models: list[Embedder], each: int) -> tuple[list[Vectors], list[Vectors]]:
    """The vectors of pictures and of their edits, by each model."""
    plain, edited = [[] for _ in models], [[] for _ in models]
    with Decoder() as decoder:
        for number, file in enumerate(files):
            rgb = decoder.decode(file, SIDE).rgb
            edits = [copies.edit(rgb, number * each + at) for at in range(each)]
            for at, model in enumerate(models):
                plain[at].append(model.embed_rgb(rgb))
                edited[at] += [model.embed_rgb(edit) for edit in edits]
    return [np.stack(rows) for rows in plain], [np.stack(rows) for rows in edited]


def show_copies(files: list[Path], models: list[Embedder], each: int) -> None:
    """A line for each kind of edit, and for all of them."""
    plain, edited = embedded(files, models, each)
    kinds = np.array([list(EDITS)[at % len(EDITS)] for at in range(len(files) * each)])
    found = []
    for vectors, edits in zip(plain, edited, strict=True):
        owners = np.arange(len(edits)) // each
        similarities = (edits @ vectors.T).astype(np.float64)
        own = similarities[np.arange(len(edits)), owners]
        similarities[np.arange(len(edits)), owners] = -np.inf
        allowed = int(copies.FALSE_MATCHES * len(edits) * (len(vectors) - 1))
        least = np.partition(similarities.ravel(), -allowed - 1)[-allowed - 1]
        found.append((own > similarities.max(axis=1), own > least))
    names = [f"{when} {figure}" for when in ("before", "after") for figure in copies.FIGURES]
    print(f"\n{len(files)} pictures, {len(files) * each} edits")
    print(f"{'':18}" + "".join(f"{name:>20}" for name in names[: 2 * len(models)]))
    groups = [(kind, kinds == kind) for kind in EDITS]
    groups += [("within another", np.isin(kinds, WITHIN)), ("all but these", ~np.isin(kinds, WITHIN))]
    for name, rows in [*groups, ("all", np.ones(len(kinds), bool))]:
        print(f"{name:18}" + "".join(f"{hits[rows].mean():20.3f}" for pair in found for hits in pair))


def alike(data: Path, place: Path, model: str) -> list[float]:
    """Whether things that only look alike are found: garments, groceries."""
    figures = []
    with Collection.open(place / f"clothing-{model}", model=model) as collection:
        collection.add(data / "clothing", metadata=data / "clothing" / "labels.csv")
        figures.append(collection.evaluate("garment", worst=0).figures["map@r"])
    with Collection.open(place / f"grocery-{model}", model=model) as collection:
        collection.add(data / "grocery", metadata=data / "grocery" / "labels.csv")
        for part in ("catalogue", "photo"):
            found = collection.evaluate(
                "product", queries="role == 'query'", gallery=f"role == '{part}'", worst=0
            )
            figures.append(found.figures["recall@1"])
    return figures


def main() -> None:
    """Train, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="folder with unlabelled, clothing and grocery")
    parser.add_argument("--epochs", type=int, default=CopyRecipe().epochs)
    parser.add_argument("--train", type=int, default=1_000_000, help="pictures to train on, at most")
    parser.add_argument("--judge", type=int, default=500, help="pictures to edit, at most")
    parser.add_argument("--each", type=int, default=12, help="edits of each")
    options = parser.parse_args()
    held_back = [file for name in ("clothing", "grocery") for file in pictures_of(options.data / name, 10**6)]
    drawn = np.random.default_rng(1).permutation(len(held_back))[: options.judge]
    judged = [held_back[at] for at in np.sort(drawn)]
    print(f"load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        os.environ["LOOKALIKE_MODELS"] = str(place / "models")
        with Collection.open(place / "unlabelled") as collection:
            collection.add([str(file) for file in pictures_of(options.data / "unlabelled", options.train)])
            base, before = collection.space.model, time.process_time()
            report = collection.train_unlabelled(
                "copies", recipe=CopyRecipe(epochs=options.epochs), told=tell
            )
        print(
            f"trained on {report.pictures:,} pictures, epoch {report.best_epoch} of {report.epochs} kept; "
            f"{time.process_time() - before:.0f} s of the processor; "
            f"{'better' if report.better else 'not better'} on {report.held_out} held out: "
            + ", ".join(
                f"{name} {report.before[name]:.3f} -> {report.after[name]:.3f}" for name in report.after
            )
        )
        show_copies(judged, [Embedder.load(base), Embedder.load("copies")], options.each)
        print("\ngarments MAP@R, groceries query -> catalogue @1, query -> photo @1")
        for model in (base, "copies"):
            print(f"{model:20}" + "".join(f"{figure:8.3f}" for figure in alike(options.data, place, model)))
    print(f"load {os.getloadavg()[0]:.1f}")


def tell(epoch: Epoch, epochs: int) -> None:
    print(
        f"    epoch {epoch.number} of {epochs}: loss {epoch.loss:.3f}, held out: @1 {epoch.recall:.3f}, "
        f"@fmr {epoch.score:.3f}; {epoch.seconds:.0f} s, {time.process_time():.0f} s of the processor",
        flush=True,
    )


if __name__ == "__main__":
    main()
