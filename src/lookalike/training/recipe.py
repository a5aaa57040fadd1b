"""What a network is trained on, how, and how it goes: plain data, without PyTorch."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lookalike.errors import UsageError

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]

HELD_OUT = 0.1
"""Share of the pictures of each class that training never sees, and by which it is judged."""

FEWEST_SPLIT = 40
"""Pictures held out from which on some choose the epoch and others judge the result; of fewer, too few would
be left for either."""


@dataclass(frozen=True, slots=True, eq=False)
class TrainingSet:
    """Pictures and their classes.

    Attributes:
        files: (n,) their paths.
        numbers: (n,) int64 their numbers, equal for the same bytes (see `evaluation.truth.number`).
        labels: (n,) int64 classes, 0 to C - 1, each with at least one picture.
        held_out: (h,) int64 rows, ascending, that are only searched for.
        guessed: of so many, the last ones, the class was guessed: they are shown, and judge nothing.
    """

    files: tuple[Path, ...]
    numbers: Ints
    labels: Ints
    held_out: Ints
    guessed: int = 0

    @property
    def shown(self) -> Ints:
        """The rows that are trained on, ascending."""
        return np.setdiff1d(np.arange(len(self.labels)), self.held_out)

    @property
    def held_out_numbers(self) -> Ints:
        """The numbers of those held out, (h,)."""
        return self.numbers[self.held_out]

    @property
    def gallery(self) -> Ints:
        """The rows among which those held out are searched for: all that are shown and were not guessed."""
        return self.shown[self.shown < len(self.labels) - self.guessed]

    @property
    def choosing(self) -> Ints:
        """The rows held out that choose the epoch, ascending: every other one, or all of few."""
        return self.held_out[::2] if self.split else self.held_out

    @property
    def judging(self) -> Ints:
        """The rows held out that judge the result, ascending: those that do not choose, or all of few."""
        return self.held_out[1::2] if self.split else self.held_out

    @property
    def split(self) -> bool:
        """Whether those that judge are others than those that choose."""
        return len(self.held_out) >= FEWEST_SPLIT


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to train. What of the defaults was measured is in docs/training-trials.md.

    Attributes:
        epochs: how often each picture is seen, in the mean.
        minutes: with less time than the epochs take, the rate falls faster and training ends in time;
            None means no limit.
        batch: pictures a step.
        rate: largest step, as a share of the size of a weight.
        temperature: cosines are divided by this before the softmax.
        averaging: what share the moving mean of the weights keeps in a step.
        patience: after so many judgements without a better one training ends early.
        seed: of everything that is left to chance.
        loss: by name; see `training.supervised`.
        size: side of the square that the network takes from then on, pixels; None means that of the model.
            When that is larger, training still shows squares of the model's size: a random part of a picture
            shows things larger than the whole does, so that in a larger square they are as large as they were
            learned (Touvron et al., "Fixing the train-test resolution discrepancy", 2019).
    """

    epochs: int = 20
    minutes: float | None = None
    batch: int = 32
    rate: float = 5e-3
    temperature: float = 0.05
    averaging: float = 0.99
    patience: int = 4
    seed: int = 0
    loss: str = "normalised-softmax"
    size: int | None = None


@dataclass(frozen=True, slots=True)
class CopyRecipe(Recipe):
    """How to train without labels; see `training.self_supervised`. The temperature is that of its paper.
    Epochs, averaging, entropy, mixed and memory are choices for small collections and a processor that have
    not been compared with others; docs/training.md has what was measured with them, and of the rate.

    Attributes:
        entropy: how much the entropy regulariser weighs beside the contrastive loss.
        mixed: share of the copies that are two pictures in one.
        memory: vectors of the last steps that views are compared with, too.
    """

    epochs: int = 6
    rate: float = 2e-3
    averaging: float = 0.98
    entropy: float = 5.0
    mixed: float = 0.2
    memory: int = 2048


@dataclass(frozen=True, slots=True)
class Epoch:
    """How training stands after an epoch.

    Attributes:
        number: 0 before the first; the last one has a fraction when the time was over within it.
        loss: mean of the epoch; nan before the first.
        recall: recall@1 of what is held out, with the moving mean of the weights; nan where it was not
            measured, or nothing is held out.
        seconds: spent so far.
        score: by which the best epoch is chosen: with labels MAP@R, since recall@1 is soon as high as it
            gets, while the rest of each class still comes closer (grocery, epochs 8 to 12 of 30: recall@1
            stayed 0.914, that of the one catalogue picture of each class rose from 0.809 to 0.852); without
            labels the share of copies found at few false matches.
        error: the standard error of the score; see `loop.Training.best`.
    """

    number: float
    loss: float
    recall: float
    seconds: float
    score: float = math.nan
    error: float = 0.0


def hold_out(
    labels: Ints,
    single: Bools,
    share: float = HELD_OUT,
    seed: int = 0,
    *,
    new: Bools | None = None,
    again: Bools | None = None,
) -> Ints:
    """Rows to hold out: of each class a share, drawn by chance, and never its last two pictures.

    Small classes take turns: of ten classes of four pictures each, four give one.

    Args:
        labels: (n,) classes.
        single: (n,) whether a picture may be held out, since it has no near-copy.
        new: (n,) the share is that of these, and drawn among these; None for all.
        again: (n,) these are held out besides, since they were before; None for none.
        share: of the pictures, in [0, 1).
        seed: of chance.

    Returns:
        (h,) int64, ascending.
    """
    new = np.ones(len(labels), bool) if new is None else new
    again = np.zeros(len(labels), bool) if again is None else again & single
    dice = np.random.default_rng(seed)
    chosen: list[int] = []
    owed = 0.5
    for label in dice.permutation(np.unique(labels)).tolist():
        rows = np.flatnonzero(labels == label)
        before = rows[again[rows]][: max(0, len(rows) - 2)]
        able = dice.permutation(rows[(single & new)[rows]])
        owed += share * new[rows].sum()
        count = max(0, min(int(owed), len(rows) - 2 - len(before), len(able)))
        owed -= count
        chosen += [*before.tolist(), *able[:count].tolist()]
    return np.array(sorted(chosen), np.int64)


def epoch_order(labels: Ints, seed: int, epoch: int, each: int = 1) -> Ints:
    """The order of an epoch: classes in turn, each deals its pictures by chance and begins anew when it has
    no more, so that every class comes equally often whatever its size.

    Args:
        labels: (n,) classes.
        seed: of chance.
        epoch: its number; another one gives another order.
        each: pictures that a class deals in its turn, one after the other; of a smaller class some come
            twice.

    Returns:
        (n,) int64 rows, some of them perhaps twice.
    """
    dice = np.random.default_rng([seed, epoch])
    classes = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    decks: list[list[int]] = [[] for _ in classes]
    rows: list[int] = []
    while len(rows) < len(labels):
        for at in dice.permutation(len(classes)).tolist():
            for _ in range(each):
                decks[at] = decks[at] or dice.permutation(classes[at]).tolist()
                rows.append(decks[at].pop())
    return np.array(rows[: len(labels)], np.int64)


def check(labels: Ints) -> None:
    """Refuse labels from which nothing can be learnt.

    Raises:
        UsageError: there are fewer than two classes with two pictures.
    """
    sizes = np.bincount(labels)
    if (sizes >= 2).sum() < 2:
        what = "all have the same label" if (sizes > 0).sum() == 1 else "hardly two have the same label"
        raise UsageError(
            f"nothing can be learnt from {len(labels)} pictures of which {what}: "
            f"at least two labels with two pictures each are needed"
        )
