"""The loop that trains a network, whatever it is to learn: steps, a moving mean, judgements, going on.

What is learned is a `Task`: which pictures come in a step, what the loss says of their vectors, and how
good the network is. Steps are as large as a share of each tensor's own size (Shazeer and Stern,
"Adafactor", 2018, section 8), so that one rate fits every network and every layer; the share grows at
first and then falls along a cosine. What is kept is a moving mean of the weights that forgets old ones
exponentially; where Polyak and Juditsky ("Acceleration of stochastic approximation by averaging", 1992) take
that of all steps alike. It is short at first as in TensorFlow's `ExponentialMovingAverage(num_updates=...)`.

Batch norm keeps its statistics, and the first blocks are left as they are (see `backbone.place_to_cut`).
On one machine the same pictures, task and recipe give the same network, also when training was
interrupted and went on; with a limit of minutes, it depends on how fast the machine is.
"""

from __future__ import annotations

import math
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import astuple, dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from lookalike.training.backbone import Backbone
from lookalike.training.recipe import Epoch, Recipe

Pictures = npt.NDArray[Any]
Embed = Callable[[Iterable[Pictures]], Tensor]
"""Pictures as the trained part of the network takes them to their unit vectors, (n, d); without gradients."""

AHEAD = 3  # batches that are read while one is trained on
WARM_UP = 0.05  # share of the training in which the rate grows
FLATTEST = 1e-3  # a tensor's size counts as at least this much, so that biases of 0 can move
LONGEST_GRADIENT = 1.0
JUDGEMENTS = 10  # during a whole training


@dataclass(frozen=True, slots=True)
class Found:
    """How the search for what is held out goes: means, nan when nothing is.

    Attributes:
        recall: recall@1.
        score: what the best epoch has the highest of, or nearly.
        error: the standard error of the score; 0 when the highest is to be the best.
    """

    recall: float = math.nan
    score: float = math.nan
    error: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """The pictures of a step.

    Attributes:
        pictures: as the trained part of the network takes them, perhaps still on their way.
        targets: what the loss is told about them; the task knows what it means.
    """

    pictures: Sequence[Future[Pictures]]
    targets: Tensor


class Task(ABC):
    """What a network learns.

    Attributes:
        steps: batches in an epoch.
    """

    steps: int

    @abstractmethod
    def begin(self, embed: Embed) -> Found:
        """Get ready with the network as it is, and judge it."""

    @abstractmethod
    def batch(self, epoch: int, step: int) -> Batch:
        """The pictures of a step; reading them begins now. The same ones for the same numbers."""

    @abstractmethod
    def loss(self, vectors: Tensor, targets: Tensor) -> Tensor:
        """What is made smaller, for the unit vectors (b, d) of a batch and its targets."""

    @abstractmethod
    def judge(self, embed: Embed) -> Found:
        """How well what is held out is found."""

    def parameters(self) -> list[torch.nn.Parameter]:
        """What is trained beside the network, from `begin` on."""
        return []

    def buffers(self) -> list[Tensor]:
        """What it remembers from step to step, from `begin` on; changed in place."""
        return []


class Training:
    """A network in training.

    Args:
        network: what is trained; it holds the weights of the last step (see `best`).
        task: what it learns.
        recipe: how.

    Attributes:
        history: the epochs so far; the first, number 0, is the network as it was.
    """

    def __init__(self, network: Backbone, task: Task, recipe: Recipe) -> None:
        torch.manual_seed(recipe.seed)
        self.device = device()
        self.network = network.to(self.device)
        self._task, self._recipe = task, recipe
        self._step, self._judged, self._seconds, self._losses = 0, 0, 0.0, list[float]()
        found = task.begin(self._vectors)
        self.history = [Epoch(0, math.nan, found.recall, 0.0, found.score, found.error)]
        self._mean = [weight.detach().clone() for weight in self._weights()]
        self._best = [weight.clone() for weight in self._mean]
        self._optimiser = torch.optim.AdamW(
            [{"params": [w], "scale": _size(w)} for w in self._weights()], lr=1.0, weight_decay=0.0
        )

    def run(self, after_epoch: Callable[[Epoch], None] | None = None) -> None:
        """Train to the end.

        Args:
            after_epoch: called after each, also after one that the limit of minutes ended early; `state` may
                be kept then.
        """
        before, started = self._seconds, time.monotonic()
        for batch in self._batches():
            self._seconds = before + time.monotonic() - started
            if self._share_done() >= 1 or self._patience_is_over():
                break
            self._losses.append(self._learn(batch))
            self._step += 1
            if self._step % self._task.steps == 0:
                self._end_epoch()
                if after_epoch:
                    after_epoch(self.history[-1])
        if self._judged < self._step:
            self._end(after_epoch)

    def _end(self, after_epoch: Callable[[Epoch], None] | None) -> None:
        """Judge what the last steps gave, also when the time was over within an epoch."""
        within = self._step % self._task.steps > 0
        if within:
            self._end_epoch()
        if self._judged < self._step:
            self._judge()
        if within and after_epoch:
            after_epoch(self.history[-1])

    @property
    def best(self) -> Epoch:
        """The last epoch whose score is at most one standard error below the highest, since steps get smaller
        to the end, and a few pictures do not tell such epochs apart (the rule of one standard error: Breiman
        et al., "Classification and regression trees", 1984); the network as it was only where no epoch has a
        higher score. With nothing held out, the last."""
        judged = [epoch for epoch in self.history if not math.isnan(epoch.score)]
        if not judged:
            return self.history[-1]
        highest = max(judged, key=lambda epoch: (epoch.score, epoch.number))
        if not highest.number:
            return highest
        return [e for e in judged if e.number and e.score >= highest.score - highest.error][-1]

    def take_best(self) -> None:
        """Put the weights of the best epoch into the network."""
        with torch.no_grad():
            for weight, value in zip(self._weights(), self._best, strict=True):
                weight.copy_(value)

    # --- keeping and going on ----------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """Everything that going on needs, as tensors, numbers and lists."""
        return {
            "step": self._step,
            "judged": self._judged,
            "seconds": self._seconds,
            "weights": [weight.detach() for weight in self._weights()],
            "buffers": self._task.buffers(),
            "mean": self._mean,
            "best": self._best,
            "optimiser": self._optimiser.state_dict(),
            "history": [list(astuple(epoch)) for epoch in self.history],
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a state."""
        self._step, self._judged, self._seconds = state["step"], state["judged"], state["seconds"]
        here = [*self._weights(), *self._task.buffers()]
        with torch.no_grad():
            for tensor, value in zip(here, [*state["weights"], *state["buffers"]], strict=True):
                tensor.copy_(value)
        self._mean = [value.to(self.device) for value in state["mean"]]
        self._best = [value.to(self.device) for value in state["best"]]
        self._optimiser.load_state_dict(state["optimiser"])
        self.history = [Epoch(*values) for values in state["history"]]

    # --- steps -------------------------------------------------------------------------------

    def _weights(self) -> list[torch.nn.Parameter]:
        return [*self.network.parameters(), *self._task.parameters()]

    def _share_done(self) -> float:
        share = self._step / (self._task.steps * self._recipe.epochs)
        limit = self._recipe.minutes
        return share if limit is None else max(share, self._seconds / 60 / limit)

    def _rate(self) -> float:
        """Grows linearly, then falls along a cosine (Loshchilov and Hutter, "SGDR", 2017)."""
        done = self._share_done()
        return self._recipe.rate * min(1.0, (done + 0.002) / WARM_UP) * (1 + math.cos(math.pi * done)) / 2

    def _learn(self, batch: Batch) -> float:
        """One step. Returns the loss."""
        for group in self._optimiser.param_groups:
            group["lr"] = self._rate() * group["scale"]
        pictures = [future.result() for future in batch.pictures]
        loss = self._task.loss(self._embed(self._on_device(pictures)), batch.targets.to(self.device))
        self._optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self._weights(), LONGEST_GRADIENT)
        self._optimiser.step()
        kept = min(self._recipe.averaging, (1 + self._step) / (10 + self._step))  # see above
        with torch.no_grad():
            torch._foreach_lerp_(self._mean, self._weights(), 1 - kept)
        return float(loss.detach())

    def _batches(self) -> Iterator[Batch]:
        """Batches without end, from where it stands; read ahead."""
        step, waiting = self._step, deque[Batch]()
        while True:
            while len(waiting) < AHEAD:
                waiting.append(self._task.batch(*divmod(step, self._task.steps)))
                step += 1
            yield waiting.popleft()

    # --- judging -----------------------------------------------------------------------------

    def _end_epoch(self) -> None:
        whole, within = divmod(self._step, self._task.steps)
        number, epochs = whole + within / self._task.steps if within else whole, self._recipe.epochs
        loss = float(np.mean(self._losses))
        self._losses.clear()
        self.history.append(Epoch(number, loss, math.nan, self._seconds))
        if number % max(1, epochs // JUDGEMENTS) == 0 or number == epochs:
            self._judge()

    def _judge(self) -> None:
        """Search with the moving mean of the weights; keep them if they are the best so far."""
        last, self._judged = self.history[-1], self._step
        with self._mean_weights():
            found = self._task.judge(self._vectors)
        self.history[-1] = replace(last, recall=found.recall, score=found.score, error=found.error)
        if self.best is self.history[-1]:
            self._best = [weight.clone() for weight in self._mean]

    def _patience_is_over(self) -> bool:
        judged = [epoch.number for epoch in self.history if not math.isnan(epoch.score)]
        return sum(number > self.best.number for number in judged) >= self._recipe.patience

    @contextmanager
    def _mean_weights(self) -> Iterator[None]:
        """The network with the moving mean of its weights, for a while."""
        weights = self._weights()
        kept = [weight.detach().clone() for weight in weights]
        with torch.no_grad():
            try:
                torch._foreach_copy_(weights, self._mean)
                yield
            finally:
                torch._foreach_copy_(weights, kept)

    # --- vectors -----------------------------------------------------------------------------

    def _vectors(self, pictures: Iterable[Pictures]) -> Tensor:
        """See `Embed`."""
        parts, waiting = list[Tensor](), list[Pictures]()
        with torch.no_grad():
            for picture in pictures:
                waiting.append(picture)
                if len(waiting) == self._recipe.batch:
                    parts.append(self._embed(self._on_device(waiting)))
                    waiting = []
            if waiting:
                parts.append(self._embed(self._on_device(waiting)))
        return torch.cat(parts) if parts else torch.zeros(0, 1, device=self.device)

    def _on_device(self, pictures: list[Pictures]) -> Tensor:
        batch = torch.from_numpy(np.stack(pictures)).to(self.device)
        return batch.contiguous(memory_format=torch.channels_last) if batch.ndim == 4 else batch

    def _embed(self, batch: Tensor) -> Tensor:
        values = self.network(batch)
        return functional.normalize(values.mean(dim=(2, 3)) if values.ndim == 4 else values)


def device() -> torch.device:
    """Where training happens: a graphics card with CUDA if there is one, else the processor."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def _size(weight: Tensor) -> float:
    """The root mean square of a tensor's numbers."""
    return max(float(weight.detach().square().mean().sqrt()), FLATTEST)
