"""Learning without labels: the loss against a slow reference, the views, and going on exactly."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import onnx
import pytest

from lookalike.models import Preprocessing
from lookalike.training.reading import Reader
from lookalike.training.recipe import CopyRecipe, Epoch, TrainingSet

torch = pytest.importorskip("torch", reason="training a network needs the extra `train`")
backbone = pytest.importorskip("lookalike.training.backbone")
checkpoints = pytest.importorskip("lookalike.training.checkpoints")
loop = pytest.importorskip("lookalike.training.loop")
self_supervised = pytest.importorskip("lookalike.training.self_supervised")

HOW = Preprocessing(
    tensor="x", size=24, short_side=24, layout="nchw-float32", mean=(0.5,) * 3, std=(0.5,) * 3
)
QUICK = CopyRecipe(epochs=3, batch=8, rate=0.01, averaging=0.5, memory=24, mixed=0.5)
Draw = Callable[[Path, int], list[Path]]


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory, draw_shapes: Draw) -> TrainingSet:
    files = draw_shapes(tmp_path_factory.mktemp("drawn"), 10)
    return TrainingSet(tuple(files), np.arange(30), np.arange(30), np.array([0, 5, 12, 18, 21, 27]))


@pytest.fixture
def reader() -> Iterator[Reader]:
    with Reader(None, "x", HOW) as reader:
        yield reader


def begin(network: bytes, reader: Reader, pictures: TrainingSet, recipe: CopyRecipe = QUICK) -> object:
    bare = backbone.Backbone(onnx.load_from_string(network), "x", "y")
    return loop.Training(bare, self_supervised.ByEdits(pictures, reader, recipe), recipe)


# --- the loss ---------------------------------------------------------------------------------


def slow_loss(vectors: np.ndarray, whose: list[set[int]], memory: int, recipe: CopyRecipe) -> float:
    """As in the papers, pair by pair; the last `memory` rows are those remembered."""
    views = len(vectors) - memory
    pairs, nearest = [], []
    for i in range(views):
        others = [j for j in range(len(vectors)) if not whose[i] & whose[j]]
        against = sum(np.exp(vectors[i] @ vectors[j] / recipe.temperature) for j in others)
        nearest.append(min(np.linalg.norm(vectors[i] - vectors[j]) for j in others))
        for j in range(views):
            if i != j and whose[i] & whose[j]:
                s = np.exp(vectors[i] @ vectors[j] / recipe.temperature)
                pairs.append(-np.log(s / (s + against)))
    return float(np.mean(pairs) - recipe.entropy * np.mean(np.log(nearest)))


def test_the_loss_is_that_of_the_papers(drawn: TrainingSet, reader: Reader, tiny_network: bytes) -> None:
    task = begin(tiny_network, reader, drawn)._task
    vectors = np.random.default_rng(0).normal(size=(20, 16))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    first, second = torch.from_numpy(vectors[:8]).float(), torch.from_numpy(vectors[8:]).float()
    # Four pictures, then their copies, of which the second is mixed with the third picture.
    one = torch.tensor([[1, -1], [2, -1], [3, -1], [4, -1], [1, -1], [2, 3], [3, -1], [4, -1]])
    task.loss(first, one)  # they are remembered
    two = torch.tensor([[5, -1], [6, -1], [7, -1], [8, -1], [3, -1], [9, -1]] * 2)
    got = float(task.loss(second, two))
    whose = [set(pair) - {-1} for pair in (*two.tolist(), *one.tolist())]
    assert got == pytest.approx(
        slow_loss(np.concatenate([vectors[8:], vectors[:8]]), whose, 8, QUICK), rel=1e-4
    )


def test_what_is_remembered_is_the_newest(drawn: TrainingSet, reader: Reader, tiny_network: bytes) -> None:
    task = begin(tiny_network, reader, drawn)._task
    unit = torch.nn.functional.normalize(torch.randn(40, 16))
    for at in range(5):
        rows = torch.tensor([[at * 8 + number, -1] for number in range(4)] * 2)
        task.loss(unit[at * 8 : at * 8 + 8], rows)
    memory, whose = task.buffers()
    assert memory.shape == (24, 16)
    rows = [*range(32, 36), *range(32, 36), *range(24, 28), *range(24, 28), *range(16, 20), *range(16, 20)]
    assert whose[:, 0].tolist() == rows
    torch.testing.assert_close(memory[:8], unit[32:])


# --- what is shown ----------------------------------------------------------------------------


def test_a_batch_has_two_views_of_each_picture_and_is_the_same_again(
    drawn: TrainingSet, reader: Reader, tiny_network: bytes
) -> None:
    task = begin(tiny_network, reader, drawn)._task
    assert task.steps == 3
    seen: set[int] = set()
    mixes = 0
    for step in range(3):
        one, again = task.batch(1, step), task.batch(1, step)
        for a, b in zip(one.pictures, again.pictures, strict=True):
            np.testing.assert_array_equal(a.result(), b.result())
        rows = one.targets[:8, 0].tolist()
        assert one.targets[8:, 0].tolist() == rows
        assert (one.targets[:8, 1] == -1).all()
        partners = one.targets[8:, 1].tolist()
        assert set(partners) <= {*rows, -1}
        assert all(partner != row for partner, row in zip(partners, rows, strict=True))
        mixes += sum(partner >= 0 for partner in partners)
        seen |= set(rows)
    assert len(seen) == 24
    assert not seen & set(drawn.held_out.tolist())
    assert mixes
    other = task.batch(2, 0)
    assert any(
        (a.result() != b.result()).any()
        for a, b in zip(other.pictures, task.batch(1, 0).pictures, strict=True)
    )


# --- training ---------------------------------------------------------------------------------


def test_the_loss_falls(drawn: TrainingSet, reader: Reader, tiny_network: bytes) -> None:
    training = begin(
        tiny_network,
        reader,
        drawn,
        CopyRecipe(epochs=12, batch=12, rate=0.02, averaging=0.5, memory=0, entropy=1),
    )
    training.run()
    losses = [epoch.loss for epoch in training.history[1:]]
    assert np.mean(losses[-3:]) < np.mean(losses[:3])


def test_going_on_gives_what_not_stopping_gives(
    drawn: TrainingSet, reader: Reader, tiny_network: bytes, tmp_path: Path
) -> None:
    class Killed(Exception):
        pass

    def die(epoch: Epoch) -> None:
        checkpoints.keep(tmp_path / "c.pt", {}, first.state())
        if epoch.number == 2:
            raise Killed

    straight = begin(tiny_network, reader, drawn)
    straight.run()
    first = begin(tiny_network, reader, drawn)
    with pytest.raises(Killed):
        first.run(die)
    second = begin(tiny_network, reader, drawn)
    _, state = checkpoints.kept(tmp_path / "c.pt")
    second.restore(state)
    second.run()
    for a, b in zip(straight.network.parameters(), second.network.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=0)
    for a, b in zip(straight._task.buffers(), second._task.buffers(), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=0)
