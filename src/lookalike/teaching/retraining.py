"""What every training of a network shares, whatever it learns from: from a model's file to a new one.

Where a training stands is kept in the user's model folder after every epoch; the same task, asked for
again, goes on from there, and another one of the same name is refused.
"""

from __future__ import annotations

import base64
import math
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from lookalike import models, runtimes
from lookalike.embedder import prepare, reference_picture
from lookalike.errors import LookalikeError, ModelError, UsageError, is_lack_of_memory
from lookalike.gallery.base import Gallery, Space
from lookalike.models import Card, Output, Preprocessing, storing, unfinished
from lookalike.sandbox import Decoder
from lookalike.teaching import lessons
from lookalike.teaching.lessons import Lesson
from lookalike.training.curve import learning_curve
from lookalike.training.graph import float_graph, need_extra, pooled_from, read, sized, write
from lookalike.training.reading import Reader
from lookalike.training.recipe import Epoch, Recipe, TrainingSet
from lookalike.vectors import to_half

if TYPE_CHECKING:
    import onnx

    from lookalike.training import checkpoints
    from lookalike.training.loop import Task

Rgb = npt.NDArray[np.uint8]
Told = Callable[[Epoch, int], None]
"""Called with how training stands, and of how many epochs: where it begins or goes on, with a loss of nan,
and after each epoch."""
MakeTask = Callable[[Reader], "Task"]

CHECKPOINT = "checkpoint.pt"
"""Name of the file, in the folder of a training, that says where it stands."""

LEFT_AS_IT_IS = 0.02
"""Share of the weights, the first, that are not trained. They see edges and colours and take two thirds of
the time (default model, measured: 103 ms of a picture's step with them, 33 ms and 6 ms for running them
without)."""


@dataclass(frozen=True, slots=True, eq=False)
class Start:
    """What a training begins with.

    Attributes:
        name: what the new model is called.
        base: the model whose network is trained on.
        output: which of its outputs.
        how: how pictures become the new model's input.
    """

    name: str
    base: Card
    output: str
    how: Preprocessing

    @property
    def shown(self) -> Preprocessing:
        """How pictures are shown in training; see `Recipe.size`."""
        own = self.base.preprocessing
        return own if own.size < self.how.size else self.how


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """What a training ended with.

    Attributes:
        network: of floats, with the weights of the best epoch.
        history: the epochs; the first, number 0, is the network as it was.
        best: the epoch whose weights it has.
    """

    network: onnx.ModelProto
    history: tuple[Epoch, ...]
    best: Epoch


def start(current: Space, lesson: Lesson, size: int | None = None) -> Start:
    """What a lesson begins with: the model that is searched now.

    Args:
        current: the space that is searched now.
        lesson: what is to be learned.
        size: side of the square that the new model takes, pixels; None means that of the model.

    Raises:
        MissingExtra: PyTorch is not installed.
        ModelError: the name cannot be used, the model folder not be written to, or there is no such output.
    """
    need_extra()
    storing.check_new(lesson.name)
    base = models.find(current.model)
    output, _ = base.output(lesson.output or (current.output if current.output in base.outputs else None))
    return Start(lesson.name, base, output, _at_size(base.preprocessing, size))


def _at_size(how: Preprocessing, size: int | None) -> Preprocessing:
    """The same part of a picture, in a square of another size."""
    if size is None:
        return how
    return replace(how, size=size, short_side=round(how.short_side * size / how.size))


def readable(gallery: Gallery, ids: Sequence[int]) -> tuple[Path, ...]:
    """The files of pictures.

    Raises:
        UsageError: one is not there any more.
    """
    found = tuple(Path(picture.path) for picture in gallery.get(ids))
    gone = [file for file in found if not file.is_file()]
    if gone:
        raise UsageError(
            f"{len(gone):,} of the pictures to learn from cannot be read, for example {gone[0]}: bring them "
            f"back, or `lookalike index` the folder again"
        )
    return found


def train(begun: Start, pictures: TrainingSet, recipe: Recipe, task: MakeTask, told: Told | None) -> Trained:
    """Train, or go on where an interrupted training stands.

    Args:
        begun: what it begins with.
        pictures: what is shown and held out.
        recipe: how.
        task: what is learned; called with what reads the pictures.
        told: see `Told`.

    Raises:
        ModelError: the network cannot be trained, or not at that size; another training of this name was
            interrupted; or the model folder cannot be written to.
    """
    from lookalike.training import backbone, checkpoints, export
    from lookalike.training.loop import Training

    base, chosen = begun.base, begun.base.outputs[begun.output]
    if chosen.pooling == "first":
        raise ModelError(
            f"model {base.name!r} is a transformer, and only convolutional networks can be fine-tuned"
        )
    graph = _graph(begun)
    cut = backbone.place_to_cut(graph, chosen.tensor, LEFT_AS_IT_IS)
    network = backbone.Backbone(graph, cut, chosen.tensor)
    kept = unfinished.folder_of(begun.name) / CHECKPOINT
    whose = checkpoints.belongs_to(base, begun.output, pictures, recipe)
    state, front = _stood(begun.name, kept, whose), None
    with _work_folder(begun.name) as folder:
        if cut != graph.graph.input[0].name:
            write(export.only(sized(graph, begun.how.size, None), [cut]), folder / "front.onnx")
            front = runtimes.load("onnxruntime", folder / "front.onnx", begun.how.tensor, 1)
        with Reader(front, cut, begun.how, begun.shown) as reader:
            training = Training(network, task(reader), recipe)
            if state:
                training.restore(state)
            if told:
                told(replace(training.history[-1], loss=math.nan), recipe.epochs)

            def after_epoch(epoch: Epoch) -> None:
                checkpoints.keep(kept, whose, training.state())
                unfinished.note(begun.name, epoch.number, recipe.epochs)
                if told:
                    told(epoch, recipe.epochs)

            training.run(after_epoch)
    training.take_best()
    return Trained(network.trained(), tuple(training.history), training.best)


@contextmanager
def _work_folder(name: str) -> Iterator[Path]:
    """The folder of a training. When that breaks off, it stays only if it is worth going on from."""
    folder = unfinished.folder_of(name)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ModelError(f"{folder} cannot be written to: {error.strerror or error}") from error
    try:
        yield folder
    except BaseException:
        if not (folder / CHECKPOINT).exists():
            shutil.rmtree(folder, ignore_errors=True)
        raise


def _stood(name: str, file: Path, whose: checkpoints.Whose) -> dict[str, Any] | None:
    """Where this training was interrupted; None when it has not begun.

    Raises:
        ModelError: another training of this name was interrupted, or what is kept of it cannot be read:
            nothing is overwritten.
    """
    from lookalike.training import checkpoints

    other = f"choose another name, or `lookalike models remove {name}` moves it out of the way"
    try:
        found = checkpoints.kept(file)
    except LookalikeError as error:
        raise ModelError(f"a training of the name {name} was interrupted: {error}; {other}") from error
    if found is None:
        return None
    before, state = found
    if changed := checkpoints.differences(whose, before):
        raise ModelError(
            f"a training of the name {name} was interrupted after epoch {state['history'][-1][0]:.3g}, and "
            f"it is another one: {', '.join(changed)}. Give the same command as then to go on with it; or "
            f"{other}"
        )
    return state


@contextmanager
def memory_explained(name: str, recipe: Recipe) -> Iterator[None]:
    """Say what to do when memory is used up anywhere between the first picture and the verdict.

    Args:
        name: what the new model is called.
        recipe: how it is trained.

    Raises:
        LookalikeError: there is too little memory.
    """
    try:
        yield
    except Exception as error:  # native libraries have errors of their own for it
        if not is_lack_of_memory(error):
            raise
        raise LookalikeError(f"there is too little memory {_way_out(name, recipe.batch)}") from error


def _way_out(name: str, batch: int) -> str:
    """What is there in spite of too little memory, and what to do."""
    if (models.models_folder() / f"{name}.toml").is_file():
        return (
            f"to compare the new model with the one before. It is saved: `lookalike models use {name}` "
            f"changes over to it, and `lookalike evaluate --model {name}` then tells how good it is"
        )
    fewer = f"--batch {max(2, batch // 2)}"
    if (unfinished.folder_of(name) / CHECKPOINT).is_file():
        return (
            f"to train with {batch} pictures at once, or to save what was learned. Close other programs and "
            f"begin again, which goes on after the last whole epoch; or begin anew under another name with "
            f"fewer, for example {fewer}"
        )
    return f"to train with {batch} pictures at once: close other programs, or take fewer, for example {fewer}"


def _graph(begun: Start) -> onnx.ModelProto:
    """The network that is trained, of floats, for pictures of the size wanted.

    Raises:
        ModelError: it does not work at that size.
    """
    from lookalike.training import export

    was, how = begun.base.preprocessing.size, begun.how
    graph = float_graph(read(models.onnx_file(begun.base)))
    if how.size == was:
        return graph
    graph = sized(graph, was, how.size)
    try:
        for output in begun.base.outputs.values():
            export.vectors(graph, [prepare(reference_picture(), how)], how, output.without_adapter)
    except ModelError as error:
        raise ModelError(
            f"the network of {begun.base.name!r} does not work with pictures of {how.size} x {how.size} "
            f"pixels, only of {was} x {was}: try another size, or leave it out ({error})"
        ) from error
    return graph


# --- the new model ---------------------------------------------------------------------------


def save(
    begun: Start, trained: Trained, pictures: TrainingSet, summary: str, quality: Mapping[str, float]
) -> Card:
    """Put a trained network into int8, if that loses nothing, and into the model folder, with the learning
    curve beside it.

    Args:
        begun: what the training began with.
        trained: what it ended with.
        pictures: it was trained on; some that were shown fix the ranges of int8.
        summary: one line for people.
        quality: measured figures, for people.
    """
    from lookalike.training import export

    base, output = begun.base, begun.output
    names = [output, *(name for name in base.outputs if name != output)]
    chosen = {name: base.outputs[name].without_adapter for name in names}
    given = {value.name for value in trained.network.graph.output}  # a map may lie inside the graph
    tensors = dict.fromkeys(t for one in chosen.values() for t in (one.tensor, one.map) if t in given)
    rows = pictures.shown
    rows = rows[:: max(1, len(rows) // export.MOST_CALIBRATED)]
    squares = _squares([pictures.files[row] for row in rows.tolist()], begun.how)
    network, _ = export.smallest(
        export.only(trained.network, list(tensors)), squares, begun.how, chosen[output]
    )
    labels = pictures.labels[rows]
    card = storing.save_trained(
        begun.name,
        replace(base, preprocessing=begun.how),
        network.SerializeToString(),
        {name: _measured(network, begun.how, one, squares, labels) for name, one in chosen.items()},
        curve=learning_curve(trained.history, begun.name),
        summary=summary,
        quality=quality,
        seen=pictures.numbers[pictures.shown],
        held_out=pictures.held_out_numbers,
    )
    shutil.rmtree(unfinished.folder_of(begun.name), ignore_errors=True)
    return card


def _measured(
    network: onnx.ModelProto,
    how: Preprocessing,
    output: Output,
    squares: Sequence[Rgb],
    labels: npt.NDArray[np.int64],
) -> Output:
    """An output with the reference vector, the similarity of unrelated pictures and the map it has now."""
    from lookalike.training import export

    reference = export.vectors(network, [prepare(reference_picture(), how)], how, output)
    alike = lessons.alike(export.vectors(network, squares, how, output), labels)
    given = {value.name for value in network.graph.output}
    return replace(
        output,
        map=output.map if output.map in given else pooled_from(network, output.tensor),
        reference=base64.b64encode(to_half(reference).tobytes()).decode(),
        alike=alike,
    )


def _squares(files: Sequence[Path], how: Preprocessing) -> list[Rgb]:
    """Pictures as the network takes them."""
    with Decoder() as decoder:
        return [prepare(decoder.decode(file, how.short_side).rgb, how) for file in files]
