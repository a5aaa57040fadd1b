"""Make a new model by training a network on with a collection's own pictures.

What it learns from comes from a gallery, and the model it makes lies in the user's model folder. Where
a training stands is kept there after every epoch; the same task, asked for again, goes on from there.
"""

from __future__ import annotations

import base64
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from lookalike import models, runtimes, teaching
from lookalike.embedder import Embedder, prepare, reference_picture
from lookalike.errors import ModelError, UsageError
from lookalike.evaluation.retrieval import Outcomes
from lookalike.gallery.base import Gallery, Space
from lookalike.models import Card, Output, storing
from lookalike.results import FinetuneReport
from lookalike.sandbox import Decoder
from lookalike.teaching import Lesson, Progress
from lookalike.training import adapter, examples
from lookalike.training.curve import learning_curve
from lookalike.training.graph import float_graph, need_extra, pooled_from, read, write
from lookalike.training.reading import Reader
from lookalike.training.recipe import Epoch, Recipe, TrainingSet, check, hold_out
from lookalike.vectors import to_half

if TYPE_CHECKING:
    import onnx

    from lookalike.training.finetune import Training

Ints = npt.NDArray[np.int64]
Rgb = npt.NDArray[np.uint8]
Told = Callable[[Epoch, int], None]

LEFT_AS_IT_IS = 0.02
"""Share of the weights, the first, that are not trained. They see edges and colours and take two thirds of
the time (default model, measured: 103 ms of a picture's step with them, 33 ms and 6 ms for running them
without)."""

FEWEST_HELD_OUT = adapter.FEWEST_QUERIES


@dataclass(frozen=True, slots=True, eq=False)
class _Material:
    """What is learned from.

    Attributes:
        known: the pictures and what is known about them.
        pictures: their files, classes, and which are held out.
    """

    known: examples.Material
    pictures: TrainingSet


def finetune(
    gallery: Gallery,
    current: Space,
    lesson: Lesson,
    recipe: Recipe,
    progress: Progress | None = None,
    told: Told | None = None,
) -> FinetuneReport:
    """Train the network of the model that is searched now on a gallery's pictures, and save it as a model.

    The gallery gets the vectors of the new model, for which all pictures are read.

    Args:
        gallery: whose pictures.
        current: the space that is searched now: the new model is compared with it.
        lesson: what is to be learned; its output is the one that is trained, None means the current one.
        recipe: how.
        progress: called now and then with what is being done, how much is done, and of how much.
        told: called after each epoch with how training stands, and of how many epochs.

    Raises:
        MissingExtra: PyTorch is not installed.
        ModelError: the name cannot be used, or the network cannot be trained.
        UsageError: nothing can be learned from what is known.
        CollectionBusy: another process is writing.
    """
    need_extra()
    started = time.monotonic()
    storing.check_name(lesson.name)
    base = models.find(current.model)
    output, _ = base.output(lesson.output or (current.output if current.output in base.outputs else None))
    material = _material(gallery, current, lesson)
    with _work_folder(lesson.name) as folder:
        training, network = _train(base, output, material.pictures, recipe, folder, told)
        card = _save(lesson, base, output, material, training, network)
    curve = card.path.with_suffix(".svg")
    curve.write_text(learning_curve(training.history, card.name), encoding="utf-8")
    taught = Embedder.load(card.name, None, current.runtime)
    teaching.complete(gallery, taught, card.name, lesson.threads, progress, "reading pictures")
    was, now = (
        _outcomes(gallery, space, material) for space in (current, teaching.space_of(taught, card.name))
    )
    return FinetuneReport(
        model=card.name,
        base=base.name,
        output=output,
        compared=f"{current.model}, {current.output}",
        pictures=len(material.known.ids),
        classes=material.known.classes,
        alone=material.known.alone,
        unlabelled=material.known.unlabelled,
        unmatched=material.known.unmatched,
        held_out=len(material.pictures.held_out),
        before=was.means(),
        after=now.means(),
        better=teaching.is_better(was, now),
        epochs=training.history[-1].number,
        best_epoch=training.best.number,
        curve=str(curve),
        card=str(card.path),
        seconds=time.monotonic() - started,
    )


# --- what it learns from ---------------------------------------------------------------------


def _material(gallery: Gallery, space: Space, lesson: Lesson) -> _Material:
    """The pictures, some of each class held out; near-copies of others never are."""
    found = teaching.material_for(gallery, space, lesson)
    labels = found.examples.labels
    check(labels)
    groups = adapter.near_copies(found.examples)
    held_out = hold_out(labels, np.bincount(groups)[groups] == 1)
    if len(held_out) < FEWEST_HELD_OUT:
        raise UsageError(
            f"too few pictures to fine-tune on: {len(labels):,} of {found.classes:,} kinds leave "
            f"{len(held_out)} to see whether it gets better, and {FEWEST_HELD_OUT} are needed: some "
            f'{10 * FEWEST_HELD_OUT} pictures, three or more of a kind. The method "adapter" needs fewer'
        )
    files = tuple(Path(picture.path) for picture in gallery.get(found.ids.tolist()))
    gone = [file for file in files if not file.is_file()]
    if gone:
        raise UsageError(
            f"{len(gone):,} of the pictures to learn from cannot be read, for example {gone[0]}: bring them "
            f"back, or `lookalike index` the folder again"
        )
    return _Material(found, TrainingSet(files, labels, held_out))


def _outcomes(gallery: Gallery, space: Space, material: _Material) -> Outcomes:
    """How those held out are found among the others."""
    vectors = gallery.vectors(space, material.known.ids.tolist())
    pictures = material.pictures
    return adapter.outcomes(vectors, material.known.examples, pictures.held_out, pictures.shown)


# --- training --------------------------------------------------------------------------------


@contextmanager
def _work_folder(name: str) -> Iterator[Path]:
    """A folder of the training's own, removed when it is done and kept when it is interrupted."""
    folder = models.models_folder() / f"{name}.training"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ModelError(f"{folder} cannot be written to: {error.strerror or error}") from error
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def _train(
    base: Card, output: str, pictures: TrainingSet, recipe: Recipe, folder: Path, told: Told | None
) -> tuple[Training, onnx.ModelProto]:
    """Train, or go on where an interrupted training stands.

    Returns:
        The training, and the network of floats with its best weights.
    """
    from lookalike.training import backbone, checkpoints, export
    from lookalike.training.finetune import Training

    chosen = base.outputs[output]
    if chosen.pooling == "first":
        raise ModelError(
            f"model {base.name!r} is a transformer, and only convolutional networks can be fine-tuned"
        )
    graph = float_graph(read(models.onnx_file(base)))
    cut = backbone.place_to_cut(graph, chosen.tensor, LEFT_AS_IT_IS)
    network = backbone.Backbone(graph, cut, chosen.tensor)
    front = None
    if cut != graph.graph.input[0].name:
        write(export.only(graph, [cut]), folder / "front.onnx")
        front = runtimes.load("onnxruntime", folder / "front.onnx", base.preprocessing.tensor, 1)
    kept, whose = folder / "checkpoint.pt", checkpoints.belongs_to(base, output, pictures, recipe)
    with Reader(front, cut, base.preprocessing) as reader:
        training = Training(network, reader, pictures, recipe)
        if state := checkpoints.kept(kept, whose):
            training.restore(state)

        def after_epoch(epoch: Epoch) -> None:
            checkpoints.keep(kept, whose, training.state())
            if told:
                told(epoch, recipe.epochs)

        training.run(after_epoch)
    training.take_best()
    return training, network.trained()


# --- the new model ---------------------------------------------------------------------------


def _save(
    lesson: Lesson, base: Card, output: str, material: _Material, training: Training, network: onnx.ModelProto
) -> Card:
    """Put the network into int8, if that loses nothing, and into the model folder."""
    from lookalike.training import export

    names = [output, *(name for name in base.outputs if name != output)]
    chosen = {name: base.outputs[name].without_adapter for name in names}
    given = {value.name for value in network.graph.output}  # a map may lie inside the graph
    tensors = dict.fromkeys(t for one in chosen.values() for t in (one.tensor, one.map) if t in given)
    rows = material.pictures.shown
    rows = rows[:: max(1, len(rows) // export.MOST_CALIBRATED)]
    squares = _squares([material.pictures.files[row] for row in rows.tolist()], base)
    network, _ = export.smallest(
        export.only(network, list(tensors)), squares, base.preprocessing, chosen[output]
    )
    labels = material.pictures.labels[rows]
    outputs = {name: _measured(network, base, one, squares, labels) for name, one in chosen.items()}
    by = f"by {lesson.label}" if lesson.label else "by pairs"
    count, classes = len(material.known.ids), material.known.classes
    return storing.save_trained(
        lesson.name,
        base,
        network.SerializeToString(),
        outputs,
        summary=f"{base.name} fine-tuned {by} on {count:,} pictures of {classes:,} kinds",
        quality={"held_out_recall_at_1": round(training.best.recall, 4)},
    )


def _measured(
    network: onnx.ModelProto, base: Card, output: Output, squares: Sequence[Rgb], labels: Ints
) -> Output:
    """An output with the reference vector, the similarity of unrelated pictures and the map it has now."""
    from lookalike.training import export

    how = base.preprocessing
    reference = export.vectors(network, [prepare(reference_picture(), how)], how, output)
    alike = teaching.alike(export.vectors(network, squares, how, output), labels)
    given = {value.name for value in network.graph.output}
    return replace(
        output,
        map=output.map if output.map in given else pooled_from(network, output.tensor),
        reference=base64.b64encode(to_half(reference).tobytes()).decode(),
        alike=alike,
    )


def _squares(files: Sequence[Path], base: Card) -> list[Rgb]:
    """Pictures as the network takes them."""
    how = base.preprocessing
    with Decoder() as decoder:
        return [prepare(decoder.decode(file, how.short_side).rgb, how) for file in files]
