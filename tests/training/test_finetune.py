"""Training a tiny network on drawn pictures: it learns, keeps its best, and goes on where it was."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image, ImageDraw

from lookalike.errors import LookalikeError
from lookalike.models import Preprocessing
from lookalike.training.reading import Reader
from lookalike.training.recipe import Epoch, Recipe, TrainingSet

torch = pytest.importorskip("torch", reason="fine-tuning needs the extra `train`")
backbone = pytest.importorskip("lookalike.training.backbone")
checkpoints = pytest.importorskip("lookalike.training.checkpoints")
finetune = pytest.importorskip("lookalike.training.finetune")

HOW = Preprocessing(
    tensor="x", size=24, short_side=24, layout="nchw-float32", mean=(0.5,) * 3, std=(0.5,) * 3
)
EACH = 8
QUICK = Recipe(epochs=6, batch=9, rate=0.02, averaging=0.8)


def tiny(seed: int = 0) -> onnx.ModelProto:
    """Two convolutions and a mean."""
    dice = np.random.default_rng(seed)
    kernels = {"k1": (12, 3, 5, 5), "k2": (16, 12, 3, 3)}
    constants = {
        n: dice.normal(0, (2 / np.prod(s[1:])) ** 0.5, s).astype(np.float32) for n, s in kernels.items()
    }
    nodes = [
        helper.make_node("Conv", ["x", "k1"], ["c1"], strides=[2, 2], pads=[2, 2, 2, 2]),
        helper.make_node("Relu", ["c1"], ["r1"]),
        helper.make_node("Conv", ["r1", "k2"], ["c2"], strides=[2, 2], pads=[1, 1, 1, 1]),
        helper.make_node("GlobalAveragePool", ["c2"], ["p"]),
        helper.make_node("Flatten", ["p"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, 24, 24])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 16])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> TrainingSet:
    """Discs, crosses and stripes in all colours."""
    folder, dice = tmp_path_factory.mktemp("drawn"), np.random.default_rng(0)
    files = []
    for label in range(3):
        for at in range(EACH):
            ink, paper = (tuple(dice.integers(*bounds, 3).tolist()) for bounds in ((0, 100), (150, 256)))
            picture = Image.new("RGB", (40, 40), paper)
            pen = ImageDraw.Draw(picture)
            if label == 0:
                pen.ellipse((6, 6, 34, 34), fill=ink)
            elif label == 1:
                pen.line((4, 4, 36, 36), ink, 5)
                pen.line((36, 4, 4, 36), ink, 5)
            else:
                for x in range(2, 40, 6):
                    pen.line((x, 0, x, 40), ink, 2)
            files.append(folder / f"{label}-{at}.png")
            picture.save(files[-1])
    held = np.array([6, 7, 14, 15, 22, 23])
    return TrainingSet(tuple(files), np.repeat(np.arange(3), EACH), held)


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """The network is so small that threads would only wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def reader() -> Iterator[Reader]:
    with Reader(None, "x", HOW) as reader:
        yield reader


def training(drawn: TrainingSet, reader: Reader, recipe: Recipe = QUICK) -> object:
    return finetune.Training(backbone.Backbone(tiny(), "x", "y"), reader, drawn, recipe)


def weights(of: object) -> list[np.ndarray]:
    return [weight.detach().numpy().copy() for weight in of.network.parameters()]


def test_the_loss_falls_and_what_is_held_out_is_found(drawn: TrainingSet, reader: Reader) -> None:
    one = training(drawn, reader, Recipe(epochs=25, batch=9, rate=0.03, averaging=0.8, patience=99))
    one.run()
    losses = [epoch.loss for epoch in one.history[1:]]
    assert np.mean(losses[-3:]) < 0.8 * np.mean(losses[:3])
    assert one.best.recall >= one.history[0].recall
    assert one.best.recall == 1.0


def test_the_same_seed_gives_the_same_network_and_another_seed_another(
    drawn: TrainingSet, reader: Reader
) -> None:
    results = []
    for seed in (0, 0, 1):
        one = training(drawn, reader, Recipe(epochs=2, batch=9, seed=seed))
        one.run()
        results.append(weights(one))
    for a, b in zip(results[0], results[1], strict=True):
        np.testing.assert_array_equal(a, b)
    assert any((a != b).any() for a, b in zip(results[0], results[2], strict=True))


def test_going_on_gives_what_not_stopping_gives(drawn: TrainingSet, reader: Reader, tmp_path: Path) -> None:
    straight = training(drawn, reader)
    straight.run()

    class Killed(Exception):
        pass

    def die(epoch: Epoch) -> None:
        checkpoints.keep(tmp_path / "c.pt", "this", first.state())
        if epoch.number == 3:
            raise Killed

    first = training(drawn, reader)
    with pytest.raises(Killed):
        first.run(die)
    second = training(drawn, reader)
    state = checkpoints.kept(tmp_path / "c.pt", "this")
    assert state is not None
    second.restore(state)
    assert [epoch.number for epoch in second.history] == [0, 1, 2, 3]
    second.run()
    for a, b in zip(weights(straight), weights(second), strict=True):
        np.testing.assert_array_equal(a, b)
    assert [(e.number, e.loss) for e in straight.history[1:]] == [
        (e.number, e.loss) for e in second.history[1:]
    ]
    straight.take_best()
    second.take_best()
    for a, b in zip(weights(straight), weights(second), strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_best_is_kept_and_training_ends_when_it_gets_no_better(
    drawn: TrainingSet, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    recalls = iter([0.2, 0.5, 0.9, 0.4, 0.4, 0.3, 0.2, 0.1])
    monkeypatch.setattr(finetune.Training, "_recall", lambda *_: next(recalls))
    one = training(drawn, reader, Recipe(epochs=7, batch=9, patience=3))
    seen: dict[int, list[np.ndarray]] = {}
    one.run(lambda epoch: seen.setdefault(epoch.number, [mean.numpy().copy() for mean in one._mean]))
    assert one.history[-1].number == 5  # three judgements after the best
    assert one.best == one.history[2]
    one.take_best()
    for a, b in zip(weights(one), seen[2], strict=False):
        np.testing.assert_array_equal(a, b)


def test_a_limit_of_time_ends_it_and_is_judged(drawn: TrainingSet, reader: Reader) -> None:
    one = training(drawn, reader, Recipe(epochs=10_000, minutes=0.02, batch=9))
    one.run()
    assert 0 < one.history[-1].number < 10_000
    assert not math.isnan(one.history[-1].recall)
    assert one.history[-1].seconds < 10


def test_nothing_held_out_means_the_last_is_kept(drawn: TrainingSet, reader: Reader) -> None:
    everything = TrainingSet(drawn.files, drawn.labels, np.array([], np.int64))
    one = training(everything, reader, Recipe(epochs=2, batch=9))
    one.run()
    assert one.best == one.history[-1]
    before = [mean.numpy().copy() for mean in one._mean]
    one.take_best()
    for a, b in zip(weights(one), before, strict=False):
        np.testing.assert_array_equal(a, b)


# --- checkpoints ------------------------------------------------------------------------------


def test_a_checkpoint_of_another_training_or_a_damaged_one_is_none(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "c.pt"
    assert checkpoints.kept(file, "a") is None
    checkpoints.keep(file, "a", {"step": 3})
    assert checkpoints.kept(file, "a") == {"step": 3}
    assert checkpoints.kept(file, "b") is None
    file.write_bytes(file.read_bytes()[:-100])
    assert checkpoints.kept(file, "a") is None
    assert [path.name for path in file.parent.iterdir()] == ["c.pt"]


def test_a_checkpoint_that_cannot_be_written_is_explained(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(LookalikeError, match=r"the checkpoint .* cannot be written"):
        checkpoints.keep(tmp_path / "file" / "c.pt", "a", {})
