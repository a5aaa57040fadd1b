"""Fine-tuning: a network is trained on until pictures of one class lie together.

The loss is the normalised softmax (Zhai and Wu, "Classification is a strong baseline for deep metric
learning", 2019): one proxy vector for each class, and the cross-entropy of the cosines with them over a
temperature. Proxies begin at the mean vectors of their classes (Qi, Brown, Lowe, "Low-shot learning with
imprinted weights", 2018). Steps are as large as a share of each tensor's own size (Shazeer and Stern,
"Adafactor", 2018, section 8), so that one rate fits every network and every layer. What is kept is the
moving mean of the weights (Polyak and Juditsky, "Acceleration of stochastic approximation by averaging",
1992).

Batch norm keeps its statistics, and the first blocks are left as they are (see `backbone.place_to_cut`).
On one machine the same pictures, labels and recipe give the same network, also when training was
interrupted and went on; with a limit of minutes, it depends on how fast the machine is.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from lookalike.training.backbone import Backbone
from lookalike.training.reading import Reader
from lookalike.training.recipe import Epoch, Recipe, TrainingSet, epoch_order

Ints = npt.NDArray[np.int64]
Ready = tuple[Ints, list[Future[npt.NDArray[Any]]]]

AHEAD = 3  # batches that are read while one is trained on
WARM_UP = 0.05  # share of the training in which the rate grows
FLATTEST = 1e-3  # a tensor's size counts as at least this much, so that biases of 0 can move
LONGEST_GRADIENT = 1.0
JUDGEMENTS = 10  # during a whole training
MOST_JUDGED = 2_000  # pictures among which those held out are searched for


@dataclass(frozen=True, slots=True)
class _Found:
    """How the search for what is held out goes: means, nan when nothing is."""

    recall: float = math.nan
    map_r: float = math.nan


class Training:
    """A network in training.

    Args:
        network: what is trained; it holds the weights of the last step (see `best`).
        reader: gives what the network takes.
        pictures: what is shown and what is held out.
        recipe: how.

    Attributes:
        history: the epochs so far; the first, number 0, is the network as it was.
    """

    def __init__(self, network: Backbone, reader: Reader, pictures: TrainingSet, recipe: Recipe) -> None:
        torch.manual_seed(recipe.seed)
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.network = network.to(self.device)
        self._reader, self._pictures, self._recipe = reader, pictures, recipe
        self._shown = pictures.shown
        self._batch_size = min(recipe.batch, len(self._shown))
        self.steps = len(self._shown) // self._batch_size
        self._step, self._seconds, self._losses = 0, 0.0, list[float]()
        means, found = self._begin()
        self._proxies = torch.nn.Parameter(means)
        self.history = [Epoch(0, math.nan, found.recall, 0.0, found.map_r)]
        self._mean = [weight.detach().clone() for weight in self._weights()]
        self._best = [weight.clone() for weight in self._mean]
        self._optimiser = torch.optim.AdamW(
            [{"params": [w], "scale": _size(w)} for w in self._weights()], lr=1.0, weight_decay=0.0
        )

    def run(self, after_epoch: Callable[[Epoch], None] | None = None) -> None:
        """Train to the end.

        Args:
            after_epoch: called after each; `state` may be kept then.
        """
        before, started = self._seconds, time.monotonic()
        for batch, labels in self._batches(self._step // self.steps):
            self._seconds = before + time.monotonic() - started
            if self._share_done() >= 1 or self._patience_is_over():
                break
            self._losses.append(self._learn(batch, labels))
            self._step += 1
            if self._step % self.steps == 0:
                self._end_epoch()
                if after_epoch:
                    after_epoch(self.history[-1])
        if not self._was_judged():
            self._judge()

    @property
    def best(self) -> Epoch:
        """The epoch with the highest MAP@R, of equal ones the last; with nothing held out, the last."""
        judged = [epoch for epoch in self.history if not math.isnan(epoch.map_r)]
        return max(judged, key=lambda e: (e.map_r, e.number)) if judged else self.history[-1]

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
            "seconds": self._seconds,
            "weights": [weight.detach() for weight in self._weights()],
            "mean": self._mean,
            "best": self._best,
            "optimiser": self._optimiser.state_dict(),
            "history": [list(astuple(epoch)) for epoch in self.history],
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a state."""
        self._step, self._seconds = state["step"], state["seconds"]
        with torch.no_grad():
            for weight, value in zip(self._weights(), state["weights"], strict=True):
                weight.copy_(value)
        self._mean = [value.to(self.device) for value in state["mean"]]
        self._best = [value.to(self.device) for value in state["best"]]
        self._optimiser.load_state_dict(state["optimiser"])
        self.history = [Epoch(*values) for values in state["history"]]

    # --- steps -------------------------------------------------------------------------------

    def _weights(self) -> list[torch.nn.Parameter]:
        return [*self.network.parameters(), self._proxies]

    def _share_done(self) -> float:
        share = self._step / (self.steps * self._recipe.epochs)
        limit = self._recipe.minutes
        return share if limit is None else max(share, self._seconds / 60 / limit)

    def _rate(self) -> float:
        """Grows linearly, then falls along a cosine (Loshchilov and Hutter, "SGDR", 2017)."""
        done = self._share_done()
        return self._recipe.rate * min(1.0, (done + 0.002) / WARM_UP) * (1 + math.cos(math.pi * done)) / 2

    def _learn(self, batch: Tensor, labels: Tensor) -> float:
        """One step. Returns the loss."""
        for group in self._optimiser.param_groups:
            group["lr"] = self._rate() * group["scale"]
        cosines = self._embed(batch) @ functional.normalize(self._proxies).T
        loss = functional.cross_entropy(cosines / self._recipe.temperature, labels)
        self._optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self._weights(), LONGEST_GRADIENT)
        self._optimiser.step()
        kept = min(self._recipe.averaging, (1 + self._step) / (10 + self._step))  # short at first
        with torch.no_grad():
            torch._foreach_lerp_(self._mean, self._weights(), 1 - kept)
        return float(loss.detach())

    def _batches(self, epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Batches without end, from the beginning of an epoch; read ahead."""
        coming, waiting = self._rows(epoch), deque[Ready]()
        while True:
            while len(waiting) < AHEAD:
                number, rows = next(coming)
                seeds = [[self._recipe.seed, number, row] for row in rows.tolist()]
                files = [self._pictures.files[row] for row in rows.tolist()]
                waiting.append((rows, [self._reader.view(*one) for one in zip(files, seeds, strict=True)]))
            rows, futures = waiting.popleft()
            batch = self._on_device([future.result() for future in futures])
            yield batch, torch.from_numpy(self._pictures.labels[rows]).to(self.device)

    def _rows(self, epoch: int) -> Iterator[tuple[int, Ints]]:
        size = self._batch_size
        while True:
            rows = self._shown[epoch_order(self._pictures.labels[self._shown], self._recipe.seed, epoch)]
            yield from ((epoch, rows[at * size : (at + 1) * size]) for at in range(self.steps))
            epoch += 1

    # --- judging -----------------------------------------------------------------------------

    def _end_epoch(self) -> None:
        number, epochs = self._step // self.steps, self._recipe.epochs
        loss = float(np.mean(self._losses))
        self._losses.clear()
        self.history.append(Epoch(number, loss, math.nan, self._seconds))
        if number % max(1, epochs // JUDGEMENTS) == 0 or number == epochs:
            self._judge()

    def _was_judged(self) -> bool:
        return not math.isnan(self.history[-1].recall) or not len(self._pictures.held_out)

    def _judge(self) -> None:
        """Search with the moving mean of the weights; keep them if they are the best so far."""
        last = self.history[-1]
        with self._mean_weights():
            found = self._found(*self._judged_vectors())
        self.history[-1] = Epoch(last.number, last.loss, found.recall, last.seconds, found.map_r)
        if self.best is self.history[-1]:
            self._best = [weight.clone() for weight in self._mean]

    def _patience_is_over(self) -> bool:
        judged = [epoch.number for epoch in self.history if not math.isnan(epoch.recall)]
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

    def _begin(self) -> tuple[Tensor, _Found]:
        """The mean vector of each class shown, (C, d), and what is found before training."""
        labels = torch.from_numpy(self._pictures.labels[self._shown]).to(self.device)
        vectors = self._vectors(self._shown)
        sums = torch.zeros(int(self._pictures.labels.max()) + 1, vectors.shape[1], device=self.device)
        judged = torch.from_numpy(np.searchsorted(self._shown, self._judged())).to(self.device)
        found = self._found(self._vectors(self._pictures.held_out), vectors[judged])
        return functional.normalize(sums.index_add(0, labels, vectors)), found

    def _judged(self) -> Ints:
        """The rows among which those held out are searched for: all that are shown, or some of many."""
        if len(self._shown) <= MOST_JUDGED:
            return self._shown
        return np.sort(np.random.default_rng(0).permutation(self._shown)[:MOST_JUDGED])

    def _judged_vectors(self) -> tuple[Tensor, Tensor]:
        return self._vectors(self._pictures.held_out), self._vectors(self._judged())

    def _found(self, queries: Tensor, gallery: Tensor) -> _Found:
        """Recall@1 and MAP@R (as in `evaluation.retrieval`) of the held-out among those judged."""
        if not len(queries):
            return _Found()
        labels = self._pictures.labels
        order = np.argsort(-(queries @ gallery.T).cpu().numpy(), axis=1, kind="stable")
        right = labels[self._judged()][order] == labels[self._pictures.held_out][:, None]
        counts, place = right.sum(axis=1, keepdims=True), np.arange(1, right.shape[1] + 1)
        counted = right & (place <= counts)
        precision = np.cumsum(counted, axis=1) / place
        map_r = ((precision * counted).sum(axis=1) / np.maximum(counts[:, 0], 1)).mean()
        return _Found(float(right[:, 0].mean()), float(map_r))

    def _vectors(self, rows: Ints) -> Tensor:
        """(n, d) unit vectors of pictures as they are searched for."""
        files = (self._pictures.files[row] for row in rows.tolist())
        parts, waiting = [], list[npt.NDArray[Any]]()
        with torch.no_grad():
            for at, picture in enumerate(self._reader.plain(files), start=1):
                waiting.append(picture)
                if len(waiting) == self._batch_size or at == len(rows):
                    parts.append(self._embed(self._on_device(waiting)))
                    waiting = []
        return torch.cat(parts) if parts else torch.zeros(0, 1, device=self.device)

    def _on_device(self, pictures: list[npt.NDArray[Any]]) -> Tensor:
        batch = torch.from_numpy(np.stack(pictures)).to(self.device)
        return batch.contiguous(memory_format=torch.channels_last) if batch.ndim == 4 else batch

    def _embed(self, batch: Tensor) -> Tensor:
        values = self.network(batch)
        return functional.normalize(values.mean(dim=(2, 3)) if values.ndim == 4 else values)


def _size(weight: Tensor) -> float:
    """The root mean square of a tensor's numbers."""
    return max(float(weight.detach().square().mean().sqrt()), FLATTEST)
