"""Learning from labels: pictures of one class come to lie together, and apart from all others.

Vectors are compared by their cosine, with a loss of pytorch-metric-learning (`LOSSES`; the recipe names
one). Losses with a proxy vector for each class begin with the mean vectors of the classes (Qi, Brown,
Lowe, "Low-shot learning with imprinted weights", 2018). Classes are dealt equally often. The best epoch
is the last of those that nearly have the highest MAP@R: recall@1 is soon as high as it gets, while the rest
of each class still comes closer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache, partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from lookalike.errors import UsageError
from lookalike.training.loop import Batch, Embed, Found, Task, device
from lookalike.training.reading import Array, Decoded, Reader, Rgb
from lookalike.training.recipe import Recipe, TrainingSet, epoch_order
from lookalike.training.views import view

Ints = npt.NDArray[np.int64]

MOST_JUDGED = 2_000  # pictures among which those held out are searched for


def _normalised_softmax(means: Tensor, temperature: float) -> torch.nn.Module:
    """Zhai and Wu, "Classification is a strong baseline for deep metric learning", 2019."""
    from pytorch_metric_learning import losses

    loss = losses.NormalizedSoftmaxLoss(*means.shape, temperature=temperature)
    loss.W.data = means.T.contiguous()
    return loss


def _arcface(means: Tensor, temperature: float) -> torch.nn.Module:
    """Deng et al., "ArcFace: additive angular margin loss for deep face recognition", 2019; a margin of 0.2
    rad, since theirs of 0.5 was made for faces and thousands of classes."""
    from pytorch_metric_learning import losses

    loss = losses.ArcFaceLoss(*means.shape, margin=np.rad2deg(0.2), scale=1 / temperature)
    loss.W.data = means.T.contiguous()
    return loss


def _subcenter_arcface(means: Tensor, temperature: float) -> torch.nn.Module:
    """Deng et al., "Sub-center ArcFace: boosting face recognition by large-scale noisy web faces", 2020: two
    proxies a class, for classes that look one way or another, or labels that are sometimes wrong."""
    from pytorch_metric_learning import losses

    loss = losses.SubCenterArcFaceLoss(
        num_classes=len(means),
        embedding_size=means.shape[1],
        margin=np.rad2deg(0.2),
        scale=1 / temperature,
        sub_centers=2,
    )
    apart = 0.1 * functional.normalize(torch.randn(2 * len(means), means.shape[1])).to(means.device)
    loss.W.data = (means.repeat_interleave(2, dim=0) + apart).T.contiguous()
    return loss


def _proxy_anchor(means: Tensor, temperature: float) -> torch.nn.Module:
    """Kim et al., "Proxy anchor loss for deep metric learning", 2020; with its own scale of 32."""
    from pytorch_metric_learning import losses

    loss = losses.ProxyAnchorLoss(*means.shape)
    loss.proxies.data = means.clone()
    return loss


def _multi_similarity(means: Tensor, temperature: float) -> torch.nn.Module:
    """Wang et al., "Multi-similarity loss with general pair weighting for deep metric learning", 2019; pairs
    within a batch, which must hold several pictures of a class."""
    from pytorch_metric_learning import losses

    return losses.MultiSimilarityLoss(alpha=2, beta=50, base=0.5)


def _supcon(means: Tensor, temperature: float) -> torch.nn.Module:
    """Khosla et al., "Supervised contrastive learning", 2020; pairs within a batch, likewise."""
    from pytorch_metric_learning import losses

    return losses.SupConLoss(temperature=temperature)


LOSSES: Mapping[str, Callable[[Tensor, float], Any]] = MappingProxyType(
    {
        "normalised-softmax": _normalised_softmax,
        "arcface": _arcface,
        "subcenter-arcface": _subcenter_arcface,
        "proxy-anchor": _proxy_anchor,
        "multi-similarity": _multi_similarity,
        "supcon": _supcon,
    }
)
"""What can be made smaller, by name; each is made from the classes' mean vectors (C, d) and a temperature.
The first is the default, and the one that the figures of fine-tuning in docs/training.md are measured with.
Of the others docs/training-trials.md tells: none was clearly better, and `proxy-anchor` failed."""

_OF_PAIRS, _EACH = ("multi-similarity", "supcon"), 4
"""Losses that learn from pairs within a batch, and how many pictures of a class they are dealt together,
where the batch holds two classes of as many: without a second one of its class a picture teaches them
nothing. Four is a choice that has not been measured."""


class ByLabel(Task):
    """Learning from labels.

    Args:
        pictures: what is shown and what is held out.
        reader: gives what the trained part of the network takes.
        recipe: how.

    Raises:
        UsageError: the recipe names a loss that is none.
    """

    def __init__(self, pictures: TrainingSet, reader: Reader, recipe: Recipe) -> None:
        if recipe.loss not in LOSSES:
            raise UsageError(f"there is no loss {recipe.loss!r}: choose one of {', '.join(LOSSES)}")
        self._pictures, self._reader, self._recipe = pictures, reader, recipe
        self._shown = pictures.shown
        self._size = min(recipe.batch, len(self._shown))
        self._order = lru_cache(2)(self._dealt)
        self.steps = len(self._shown) // self._size

    def begin(self, embed: Embed) -> Found:
        labels = torch.from_numpy(self._pictures.labels[self._shown]).to(device())
        vectors = embed(self._plain(self._shown))
        sums = torch.zeros(int(self._pictures.labels.max()) + 1, vectors.shape[1], device=device())
        means = functional.normalize(sums.index_add(0, labels, vectors))
        self._loss = LOSSES[self._recipe.loss](means, self._recipe.temperature).to(device())
        judged = torch.from_numpy(np.searchsorted(self._shown, self._judged())).to(device())
        return self._found(embed(self._plain(self._pictures.choosing)), vectors[judged])

    def parameters(self) -> list[torch.nn.Parameter]:
        return list(self._loss.parameters())

    def batch(self, epoch: int, step: int) -> Batch:
        rows = self._order(epoch)[step * self._size : (step + 1) * self._size]
        seeds = ([self._recipe.seed, epoch, row] for row in rows.tolist())
        views = [
            partial(_view, self._pictures.files[seed[-1]], self._reader.shown.size, seed) for seed in seeds
        ]
        return Batch(
            [self._reader.later(one) for one in views], torch.from_numpy(self._pictures.labels[rows])
        )

    def _dealt(self, epoch: int) -> Ints:
        """The rows of an epoch in the order in which they are shown."""
        each = max(1, min(_EACH, self._size // 2)) if self._recipe.loss in _OF_PAIRS else 1
        return self._shown[epoch_order(self._pictures.labels[self._shown], self._recipe.seed, epoch, each)]

    def loss(self, vectors: Tensor, targets: Tensor) -> Tensor:
        loss: Tensor = self._loss(vectors, targets)
        return loss

    # --- judging -----------------------------------------------------------------------------

    def judge(self, embed: Embed) -> Found:
        return self._found(embed(self._plain(self._pictures.choosing)), embed(self._plain(self._judged())))

    def _plain(self, rows: Ints) -> Iterator[Array]:
        return self._reader.plain(self._pictures.files[row] for row in rows.tolist())

    def _judged(self) -> Ints:
        """The rows among which those held out are searched for, or some of many."""
        gallery = self._pictures.gallery
        if len(gallery) <= MOST_JUDGED:
            return gallery
        return np.sort(np.random.default_rng(0).permutation(gallery)[:MOST_JUDGED])

    def _found(self, queries: Tensor, gallery: Tensor) -> Found:
        """Recall@1 and MAP@R (as in `evaluation.retrieval`) of those that choose among those judged."""
        if not len(queries):
            return Found()
        labels = self._pictures.labels
        order = np.argsort(-(queries @ gallery.T).cpu().numpy(), axis=1, kind="stable")
        right = labels[self._judged()][order] == labels[self._pictures.choosing][:, None]
        counts, place = right.sum(axis=1, keepdims=True), np.arange(1, right.shape[1] + 1)
        counted = right & (place <= counts)
        precision = np.cumsum(counted, axis=1) / place
        map_r = (precision * counted).sum(axis=1) / np.maximum(counts[:, 0], 1)
        error = map_r.std() / np.sqrt(len(map_r))
        return Found(float(right[:, 0].mean()), float(map_r.mean()), float(error))


def _view(file: Path, size: int, seed: Sequence[int], decoded: Decoded) -> Rgb:
    return view(decoded(file), size, np.random.default_rng(seed))
