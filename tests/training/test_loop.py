"""Training a tiny network on drawn pictures: it learns, keeps its best, and goes on where it was."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnx
import pytest

from lookalike import models
from lookalike.errors import LookalikeError
from lookalike.models import Preprocessing
from lookalike.training.reading import Reader
from lookalike.training.recipe import CopyRecipe, Epoch, Recipe, TrainingSet

torch = pytest.importorskip("torch", reason="fine-tuning needs the extra `train`")
backbone = pytest.importorskip("lookalike.training.backbone")
checkpoints = pytest.importorskip("lookalike.training.checkpoints")
loop = pytest.importorskip("lookalike.training.loop")
supervised = pytest.importorskip("lookalike.training.supervised")

HOW = Preprocessing(
    tensor="x", size=24, short_side=24, layout="nchw-float32", mean=(0.5,) * 3, std=(0.5,) * 3
)
EACH = 8
Draw = Callable[[Path, int], list[Path]]
Start = Callable[..., object]
QUICK = Recipe(epochs=6, batch=9, rate=0.02, averaging=0.8)
THIS = {"layout": 0, "batch": 9}
BATCH = "batch was 9 and is 5"


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory, draw_shapes: Draw) -> TrainingSet:
    files = draw_shapes(tmp_path_factory.mktemp("drawn"), EACH)
    return TrainingSet(
        tuple(files), np.arange(3 * EACH), np.repeat(np.arange(3), EACH), np.array([6, 7, 14, 15, 22, 23])
    )


@pytest.fixture(scope="module")
def training(drawn: TrainingSet, tiny_network: bytes) -> Start:
    """Starts a training of the tiny network on the drawn pictures, or on others."""

    def start(reader: Reader, recipe: Recipe = QUICK, pictures: TrainingSet = drawn) -> object:
        network = backbone.Backbone(onnx.load_from_string(tiny_network), "x", "y")
        return loop.Training(network, supervised.ByLabel(pictures, reader, recipe), recipe)

    return start


@pytest.fixture
def reader() -> Iterator[Reader]:
    with Reader(None, "x", HOW) as reader:
        yield reader


def weights(of: object) -> list[np.ndarray]:
    return [weight.detach().numpy().copy() for weight in of.network.parameters()]


def test_the_loss_falls_and_what_is_held_out_is_found(training: Start, reader: Reader) -> None:
    one = training(reader, Recipe(epochs=25, batch=9, rate=0.03, averaging=0.8, patience=99))
    one.run()
    losses = [epoch.loss for epoch in one.history[1:]]
    assert np.mean(losses[-3:]) < 0.8 * np.mean(losses[:3])
    assert one.best.recall >= one.history[0].recall
    assert one.best.recall == 1.0


def test_the_same_seed_gives_the_same_network_and_another_seed_another(
    training: Start, reader: Reader
) -> None:
    results = []
    for seed in (0, 0, 1):
        one = training(reader, Recipe(epochs=2, batch=9, seed=seed))
        one.run()
        results.append(weights(one))
    for a, b in zip(results[0], results[1], strict=True):
        np.testing.assert_array_equal(a, b)
    assert any((a != b).any() for a, b in zip(results[0], results[2], strict=True))


def test_going_on_gives_what_not_stopping_gives(training: Start, reader: Reader, tmp_path: Path) -> None:
    straight = training(reader)
    straight.run()

    class Killed(Exception):
        pass

    def die(epoch: Epoch) -> None:
        checkpoints.keep(tmp_path / "c.pt", THIS, first.state())
        if epoch.number == 3:
            raise Killed

    first = training(reader)
    with pytest.raises(Killed):
        first.run(die)
    second = training(reader)
    whose, state = checkpoints.kept(tmp_path / "c.pt")
    assert whose == THIS
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
    training: Start, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    recalls = iter([0.2, 0.5, 0.9, 0.4, 0.4, 0.3, 0.2, 0.1])
    monkeypatch.setattr(supervised.ByLabel, "_found", lambda *_: loop.Found(0.5, next(recalls)))
    one = training(reader, Recipe(epochs=7, batch=9, patience=3))
    seen: dict[int, list[np.ndarray]] = {}
    one.run(lambda epoch: seen.setdefault(epoch.number, [mean.numpy().copy() for mean in one._mean]))
    assert one.history[-1].number == 5  # three judgements after the best
    assert one.best == one.history[2]
    one.take_best()
    for a, b in zip(weights(one), seen[2], strict=False):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    ("scores", "best"),
    [
        ([0.2, 0.5, 0.9, 0.86, 0.84], 3),  # the last that is not worse by more than 0.05
        ([0.2, 0.5, 0.9, 0.80, 0.84], 2),
        ([0.2, 0.5, 0.88, 0.86, 0.92], 4),
        ([0.9, 0.5, 0.88, 0.89, 0.86], 0),  # nothing was learned: the network as it was
        ([0.9, 0.5, 0.91, 0.89, 0.8], 3),
    ],
)
def test_of_epochs_that_a_few_pictures_cannot_tell_apart_the_last_is_kept(
    training: Start, reader: Reader, monkeypatch: pytest.MonkeyPatch, scores: list[float], best: int
) -> None:
    told = iter(scores)
    monkeypatch.setattr(supervised.ByLabel, "_found", lambda *_: loop.Found(0.5, next(told), 0.05))
    one = training(reader, Recipe(epochs=4, batch=9, patience=99))
    means = [[mean.numpy().copy() for mean in one._mean]]
    one.run(lambda _: means.append([mean.numpy().copy() for mean in one._mean]))
    assert one.best.number == best
    one.take_best()
    for a, b in zip(weights(one), means[best], strict=False):
        np.testing.assert_array_equal(a, b)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second passes whenever one looks, which training does once a step."""
    ticks = itertools.count()
    monkeypatch.setattr(loop, "time", SimpleNamespace(monotonic=lambda: float(next(ticks))))


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize(("seconds", "numbers"), [(2, [0, 0.5]), (4, [0, 1, 1.5]), (5, [0, 1, 2])])
def test_a_limit_of_time_ends_it_and_the_last_steps_are_judged(
    training: Start, reader: Reader, seconds: int, numbers: list[float]
) -> None:
    one = training(reader, Recipe(epochs=100, minutes=(seconds - 0.5) / 60, batch=9))
    told: list[float] = []
    one.run(lambda epoch: told.append(epoch.number))
    assert [epoch.number for epoch in one.history] == numbers
    assert told == numbers[1:]
    assert not math.isnan(one.history[-1].score)
    assert not math.isnan(one.history[-1].loss)
    again = training(reader, Recipe(epochs=100, minutes=(seconds - 0.5) / 60, batch=9))
    again.restore(one.state())  # killed after it: nothing is left to do
    again.run()
    assert again.history[1:] == one.history[1:]


@pytest.mark.usefixtures("clock")
def test_what_a_part_of_an_epoch_gave_is_kept_when_it_is_the_best(
    training: Start, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    scores = iter([0.2, 0.5, 0.9])
    monkeypatch.setattr(supervised.ByLabel, "_found", lambda *_: loop.Found(0.5, next(scores)))
    one = training(reader, Recipe(epochs=9, minutes=3.5 / 60, batch=9))
    one.run()
    assert one.best.number == 1.5
    one.take_best()
    for a, b in zip(weights(one), one._mean, strict=False):
        np.testing.assert_array_equal(a, b.numpy())


def test_nothing_held_out_means_the_last_is_kept(training: Start, drawn: TrainingSet, reader: Reader) -> None:
    everything = TrainingSet(drawn.files, drawn.numbers, drawn.labels, np.array([], np.int64))
    one = training(reader, Recipe(epochs=2, batch=9), everything)
    one.run()
    assert one.best == one.history[-1]
    before = [mean.numpy().copy() for mean in one._mean]
    one.take_best()
    for a, b in zip(weights(one), before, strict=False):
        np.testing.assert_array_equal(a, b)


# --- checkpoints ------------------------------------------------------------------------------


def test_a_damaged_checkpoint_is_named(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "c.pt"
    assert checkpoints.kept(file) is None
    checkpoints.keep(file, THIS, {"step": 3})
    assert checkpoints.kept(file) == (THIS, {"step": 3})
    assert [path.name for path in file.parent.iterdir()] == ["c.pt"]
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(LookalikeError, match=r"the checkpoint .*c\.pt is damaged or cannot be read"):
        checkpoints.kept(file)


def test_with_too_little_memory_a_checkpoint_is_not_taken_for_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr(torch, "load", fail)
    with pytest.raises(RuntimeError, match="can't allocate memory"):
        checkpoints.kept(tmp_path / "c.pt")


def test_what_differs_between_two_trainings_is_said(
    drawn: TrainingSet, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = models.find(str(tiny_model))
    one = checkpoints.belongs_to(card, "vector", drawn, QUICK)
    assert checkpoints.differences(one, checkpoints.belongs_to(card, "vector", drawn, QUICK)) == []
    for card_now, pictures, recipe, said in (
        (card, drawn, replace(QUICK, batch=5, minutes=2), ["minutes was none and is 2", BATCH]),
        (card, replace(drawn, labels=drawn.labels[::-1]), QUICK, ["labels changed"]),
        (card, replace(drawn, files=drawn.files[::-1]), QUICK, ["pictures changed"]),
        (replace(card, sha256="0" * 64), drawn, QUICK, ["model or output changed"]),
    ):
        now = checkpoints.belongs_to(card_now, "vector", pictures, recipe)
        assert checkpoints.differences(now, one) == said
    other_kind = checkpoints.belongs_to(card, "vector", drawn, CopyRecipe())
    assert "memory was 2048 and is none" in checkpoints.differences(one, other_kind)
    monkeypatch.setattr(checkpoints, "LAYOUT", checkpoints.LAYOUT + 1)
    now = checkpoints.belongs_to(card, "vector", drawn, QUICK)
    assert checkpoints.differences(now, one) == ["it is of another version of lookalike"]
    assert checkpoints.differences(now, {}) == ["it is of another version of lookalike"]


def test_a_checkpoint_that_cannot_be_written_is_explained(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(LookalikeError, match=r"the checkpoint .* cannot be written"):
        checkpoints.keep(tmp_path / "file" / "c.pt", THIS, {})
