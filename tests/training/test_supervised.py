"""Learning from labels: the losses that can be chosen, and where their proxies begin."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import onnx
import pytest

from lookalike.errors import LookalikeError, UsageError
from lookalike.models import Preprocessing
from lookalike.teaching import retraining
from lookalike.training.reading import Reader
from lookalike.training.recipe import Recipe, TrainingSet

torch = pytest.importorskip("torch", reason="training a network needs the extra `train`")
pytest.importorskip("pytorch_metric_learning")
backbone = pytest.importorskip("lookalike.training.backbone")
loop = pytest.importorskip("lookalike.training.loop")
supervised = pytest.importorskip("lookalike.training.supervised")

HOW = Preprocessing(
    tensor="x", size=24, short_side=24, layout="nchw-float32", mean=(0.5,) * 3, std=(0.5,) * 3
)
Draw = Callable[[Path, int], list[Path]]


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory, draw_shapes: Draw) -> TrainingSet:
    files = draw_shapes(tmp_path_factory.mktemp("drawn"), 6)
    return TrainingSet(tuple(files), np.arange(18), np.repeat(np.arange(3), 6), np.array([5, 11, 17]))


@pytest.fixture
def reader() -> Iterator[Reader]:
    with Reader(None, "x", HOW) as reader:
        yield reader


@pytest.mark.parametrize("name", list(supervised.LOSSES))
def test_every_loss_trains(name: str, drawn: TrainingSet, reader: Reader, tiny_network: bytes) -> None:
    recipe = Recipe(epochs=2, batch=15, loss=name)
    network = backbone.Backbone(onnx.load_from_string(tiny_network), "x", "y")
    before = [weight.detach().clone() for weight in network.parameters()]
    training = loop.Training(network, supervised.ByLabel(drawn, reader, recipe), recipe)
    training.run()
    assert all(np.isfinite(epoch.loss) for epoch in training.history[1:])
    moved = [(a - b).abs().max() for a, b in zip(network.parameters(), before, strict=True)]
    assert max(moved) > 0


@pytest.mark.parametrize("name", ["multi-similarity", "supcon"])
def test_a_loss_of_pairs_finds_pairs_among_more_classes_than_a_batch_holds(
    name: str, drawn: TrainingSet, reader: Reader, tiny_network: bytes
) -> None:
    labels = np.repeat(np.arange(20), 5)
    many = TrainingSet(
        tuple(drawn.files[at % len(drawn.files)] for at in range(100)),
        np.arange(100),
        labels,
        np.array([], np.int64),
    )
    recipe = Recipe(epochs=1, batch=16, loss=name)
    task = supervised.ByLabel(many, reader, recipe)
    for step in range(task.steps):
        counts = np.bincount(task.batch(0, step).targets.numpy())
        assert set(counts.tolist()) <= {0, 4}
        assert (counts == 4).sum() >= 2
    network = backbone.Backbone(onnx.load_from_string(tiny_network), "x", "y")
    training = loop.Training(network, task, recipe)
    training.run()
    assert training.history[-1].loss > 0.01


def test_another_name_is_refused(drawn: TrainingSet, reader: Reader) -> None:
    with pytest.raises(
        UsageError, match="there is no loss 'magic': choose one of normalised-softmax, arcface"
    ):
        supervised.ByLabel(drawn, reader, Recipe(loss="magic"))


def test_the_default_is_the_cross_entropy_of_cosines_with_the_classes_means() -> None:
    means = torch.nn.functional.normalize(torch.randn(5, 8))
    vectors = torch.nn.functional.normalize(torch.randn(7, 8))
    labels = torch.tensor([0, 1, 2, 3, 4, 0, 2])
    loss = supervised.LOSSES["normalised-softmax"](means, 0.05)
    wanted = torch.nn.functional.cross_entropy(vectors @ means.T / 0.05, labels)
    torch.testing.assert_close(loss(vectors, labels), wanted)


@pytest.mark.parametrize("name", ["arcface", "subcenter-arcface", "proxy-anchor"])
def test_proxies_begin_near_the_means(name: str) -> None:
    means = torch.nn.functional.normalize(torch.randn(5, 32))
    (proxies,) = supervised.LOSSES[name](means, 0.05).parameters()
    rows = proxies if name == "proxy-anchor" else proxies.T
    cosines = torch.nn.functional.normalize(rows) @ means.T
    each = len(rows) // 5
    assert cosines.argmax(dim=1).tolist() == [number // each for number in range(len(rows))]
    assert cosines.max(dim=1).values.min() > 0.9


def test_memory_that_is_used_up_is_explained_and_other_errors_are_not() -> None:
    explained = retraining.memory_explained("new", Recipe(batch=32))
    with pytest.raises(LookalikeError, match=r"too little memory .*--batch 16"), explained:
        raise MemoryError
    with pytest.raises(RuntimeError, match="shapes"), retraining.memory_explained("new", Recipe()):
        raise RuntimeError("shapes do not match")
