"""How much better an adapter finds groceries than the model it is based on, and how long it takes.

    python benchmarks/train.py ../shared/data

DATA holds `grocery` with its `labels.csv`. A new collection is made of it, the adapter is trained on the
catalogue's pictures and the shop's photos (729 pictures of 81 products) by the very command a user would
give, and tested on the 296 query photos, which no choice has seen: query against catalogue, and query
against photo. The time is that of training, the vectors of the base's output being there; then once more
without them, when each picture is read. Beside it: every output without an adapter, and the adapter on
each output. With `--epochs` also the network fine-tuned with its output `plain` (extra `train`), and the
adapter on top; `--size` lets it take larger pictures, `--minutes` ends in time, and `--only-finetune` leaves
the others out. With `--student N` the collection has the pictures of DATA/unlabelled as well, of which
nothing is known; the fine-tuned network guesses the product of some of them, and another one is trained from
the beginning for N epochs with the labels and these guesses.
`--model` begins with another model that ships.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from lookalike import models
from lookalike.collection import Collection
from lookalike.training.recipe import Epoch, Recipe

GALLERIES = ("catalogue", "photo")
OUTPUTS = ("embedding", "plain", "texture")


def recalls(collection: Collection) -> list[float]:
    """recall@1 and recall@5 of the queries against each gallery."""
    found = [
        collection.evaluate("product", queries="role == 'query'", gallery=f"role == '{part}'", worst=0)
        for part in GALLERIES
    ]
    return [one.figures[name] for one in found for name in ("recall@1", "recall@5")]


def show(name: str, figures: list[float], seconds: float | None = None) -> None:
    time = f"{seconds:10.1f}" if seconds is not None else " " * 10
    print(f"{name:36}" + "".join(f"{figure:14.3f}" for figure in figures) + time, flush=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="folder with grocery")
    parser.add_argument("--model", default=models.DEFAULT_MODEL, help="to begin with (%(default)s)")
    parser.add_argument("--epochs", type=int, help="also fine-tune, with so many epochs")
    parser.add_argument("--minutes", type=float, help="fine-tune no longer than that")
    parser.add_argument("--size", type=int, help="fine-tune with squares of so many pixels")
    parser.add_argument("--student", type=int, help="then begin anew, so many epochs, with guesses, too")
    parser.add_argument("--only-finetune", action="store_true", help="leave out what needs no PyTorch")
    options = parser.parse_args()
    folder = options.data / "grocery"
    headings = [f"{part}@{k}" for part in GALLERIES for k in (1, 5)]
    print(f"load {os.getloadavg()[0]:.1f}")
    print(" " * 36 + "".join(f"{heading:>14}" for heading in headings) + f"{'seconds':>10}")
    with tempfile.TemporaryDirectory() as place:
        os.environ["LOOKALIKE_MODELS"] = str(Path(place) / "models")
        if not options.only_finetune:
            adapted(Path(place), folder, options.model)
        if options.epochs:
            recipe = Recipe(epochs=options.epochs, minutes=options.minutes, size=options.size)
            finetuned(Path(place) / "finetuned", folder, options.model, recipe, options.student)
    print(f"load {os.getloadavg()[0]:.1f}")


def adapted(place: Path, folder: Path, model: str) -> None:
    """Every output, alone and with an adapter."""
    with Collection.open(place / "first", model=model) as collection:
        collection.add(folder, metadata=folder / "labels.csv")
        report = collection.train("reading", "product", where="role != 'query'")
        show(f"adapter, {report.output} read first", recalls(collection), report.seconds)
    for output in OUTPUTS:
        with Collection.open(place / output, model=model, output=output) as collection:
            collection.add(folder, metadata=folder / "labels.csv")
            show(f"{output} without adapter", recalls(collection))
            report = collection.train(f"on-{output}", "product", where="role != 'query'", output=output)
        with Collection.open(place / output, model=f"on-{output}") as collection:
            name = f"adapter on {output}, {report.dimension} numbers"
            show(name, recalls(collection), report.seconds)
            was, now = (figures["map@r"] for figures in (report.before, report.after))
            print(f"    shrinkage {report.shrinkage:g}; MAP@R of those held out {was:.3f} -> {now:.3f}")


def finetuned(place: Path, folder: Path, model: str, recipe: Recipe, student: int | None) -> None:
    """The network trained on, alone and with an adapter on top; then one that also learns what it guesses."""
    with Collection.open(place, model=model) as collection:
        collection.add(folder, metadata=folder / "labels.csv")
        if student is not None:
            collection.add(folder.parent / "unlabelled")
        started = time.monotonic()
        taught(collection, "finetuned", recipe)
        if student is not None:
            collection.use(model)
            taught(collection, "student", replace(recipe, epochs=student), "finetuned")
        print(f"    {time.monotonic() - started:.0f} s in all")


def taught(collection: Collection, name: str, recipe: Recipe, teacher: str | None = None) -> None:
    """Train the network that is searched, fit an adapter on top, and search with both."""
    before = time.process_time()
    report = collection.finetune(
        name,
        "product",
        where="role != 'query'",
        teacher=teacher,
        output="plain",
        recipe=recipe,
        told=tell,
    )
    print(f"    guessed {report.guessed}; {time.process_time() - before:.0f} s of the processor in all")
    collection.use(name)
    show(f"{name}, epoch {report.best_epoch} of {report.epochs}", recalls(collection), report.seconds)
    on_top = collection.train(f"{name}-adapted", "product", where="role != 'query'")
    collection.use(f"{name}-adapted")
    show(f"adapter on top, {on_top.output}", recalls(collection), on_top.seconds)


def tell(epoch: Epoch, epochs: int) -> None:
    print(
        f"    epoch {epoch.number} of {epochs}: loss {epoch.loss:.3f}, held out: @1 {epoch.recall:.3f}, "
        f"MAP@R {epoch.score:.3f}; {epoch.seconds:.0f} s, {time.process_time():.0f} s of the processor",
        flush=True,
    )


if __name__ == "__main__":
    main()
