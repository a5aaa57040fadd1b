"""Learning without labels: a picture and its copies come to lie together, and apart from all others.

After SSCD (Pizzi et al., "A self-supervised descriptor for image copy detection", 2022), from where are:

- the contrastive loss InfoNCE over two views of each picture (Chen et al., "A simple framework for
  contrastive learning of visual representations", 2020);
- the entropy regulariser: the mean of -log of the distance to the nearest other picture (Kozachenko and
  Leonenko, 1987; Sablayrolles et al., "Spreading vectors for similarity search", 2019), which spreads
  vectors evenly, so that one threshold fits all pictures;
- strong edits: crops, turns, mirroring, blur, noise, colours, JPEG, text, frames, pasted onto others;
- mixed pictures: two in one, faded (Zhang et al., "mixup", 2018) or cut (Yun et al., "CutMix", 2019), which
  belong to both.

A processor manages small batches only, so what is not the same picture is also sought among the vectors
of the last steps (Wang et al., "Cross-batch memory for embedding learning", 2020).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from lookalike.embedder import prepare
from lookalike.evaluation import copies
from lookalike.models import Preprocessing
from lookalike.training.loop import Batch, Embed, Found, Task, device
from lookalike.training.reading import Decoded, Make, Reader
from lookalike.training.recipe import CopyRecipe, TrainingSet
from lookalike.training.views import copy_view, mixed, view

Ints = npt.NDArray[np.int64]
Rgb = npt.NDArray[np.uint8]

MOST_AN_EPOCH = 5_000
"""Pictures shown in an epoch; of more, as many are drawn anew each time, so that judgements and checkpoints
come often enough."""

MOST_JUDGED, EDITS_JUDGED = 200, 4
"""Pictures held out by which an epoch is judged, and edits of each."""

NOBODY = -1  # the second picture of a view that is not mixed; what an empty place of the memory holds
CLOSEST = 1e-6  # a squared distance counts as at least this much


class ByEdits(Task):
    """Learning from edits.

    Args:
        pictures: what is shown and what is held out; each picture is a class of its own.
        reader: gives what the trained part of the network takes.
        recipe: how.
    """

    def __init__(self, pictures: TrainingSet, reader: Reader, recipe: CopyRecipe) -> None:
        self._pictures, self._reader, self._recipe = pictures, reader, recipe
        self._shown = pictures.shown
        self._size = min(recipe.batch, len(self._shown))
        self._order = lru_cache(2)(self._drawn)
        self.steps = min(len(self._shown), MOST_AN_EPOCH) // self._size

    def begin(self, embed: Embed) -> Found:
        length = embed(self._reader.plain([self._pictures.files[self._shown[0]]])).shape[1]
        self._memory = torch.zeros(self._recipe.memory, length, device=device())
        self._whose = torch.full((self._recipe.memory, 2), NOBODY, device=device())
        return self.judge(embed)

    def buffers(self) -> list[Tensor]:
        return [self._memory, self._whose]

    # --- what is shown -----------------------------------------------------------------------

    def batch(self, epoch: int, step: int) -> Batch:
        """Two views of each picture: first one as it is or little changed, of all, then a copy, of all."""
        order, size = self._order(epoch), self._size
        rows = order[step * size : (step + 1) * size]
        beside = order[np.arange((step + 1) * size, (step + 1) * size + size) % len(order)]
        dice = np.random.default_rng([self._recipe.seed, epoch, step])
        mixes = dice.random(size) < self._recipe.mixed
        partners = np.where(mixes & (size > 1), np.roll(rows, 1), NOBODY)
        seeds = [[self._recipe.seed, epoch, int(row)] for row in rows]
        looks = [self._original(row, seed) for row, seed in zip(rows, seeds, strict=True)]
        copied = [
            self._copy([row, *([partner] if partner != NOBODY else [])], np.roll(beside, -at)[:3], seed)
            for at, (row, partner, seed) in enumerate(zip(rows, partners, seeds, strict=True))
        ]
        whose = np.concatenate([np.stack([rows, np.full(size, NOBODY)], 1), np.stack([rows, partners], 1)])
        return Batch([self._reader.later(make) for make in (*looks, *copied)], torch.from_numpy(whose))

    def _original(self, row: int, seed: Sequence[int]) -> Make:
        """A picture as it is searched for, or every other time a view of it."""
        how, file = self._reader.shown, self._pictures.files[row]

        def make(decoded: Decoded) -> Rgb:
            dice = np.random.default_rng([*seed, 0])
            return view(decoded(file), how.size, dice) if dice.integers(2) else prepare(decoded(file), how)

        return make

    def _copy(self, rows: Sequence[int], beside: Ints, seed: Sequence[int]) -> Make:
        """A copy of a picture, or of two in one, with others that may be seen beside it."""
        how, files = self._reader.shown, [self._pictures.files[row] for row in rows]
        others = [self._pictures.files[row] for row in beside.tolist()]

        def make(decoded: Decoded) -> Rgb:
            dice = np.random.default_rng([*seed, 1])
            views = [copy_view(decoded(file), _Lazily(others, decoded), how, dice) for file in files]
            return views[0] if len(views) == 1 else mixed(views[0], views[1], dice)

        return make

    def _drawn(self, epoch: int) -> Ints:
        """The rows of an epoch in the order in which they are shown."""
        dice = np.random.default_rng([self._recipe.seed, epoch])
        return dice.permutation(self._shown)[:MOST_AN_EPOCH]

    # --- the loss ----------------------------------------------------------------------------

    def loss(self, vectors: Tensor, targets: Tensor) -> Tensor:
        known, whose = torch.cat([vectors, self._memory]), torch.cat([targets, self._whose])
        cosines = vectors @ known.T
        same = _of_one_picture(targets, whose)
        others = ~same & (whose[:, 0] != NOBODY)
        together = same[:, : len(vectors)].fill_diagonal_(False)
        contrast = info_nce(cosines / self._recipe.temperature, together, others)
        entropy = nearness(cosines.masked_fill(~others, -1).amax(dim=1))
        self._remember(vectors.detach(), targets)
        return contrast + self._recipe.entropy * entropy

    def _remember(self, vectors: Tensor, targets: Tensor) -> None:
        """The newest first; the oldest are forgotten."""
        for memory, new in ((self._memory, vectors), (self._whose, targets)):
            memory.copy_(torch.cat([new, memory])[: len(memory)])

    # --- judging -----------------------------------------------------------------------------

    def judge(self, embed: Embed) -> Found:
        files = [self._pictures.files[row] for row in self._pictures.held_out.tolist()][:MOST_JUDGED]
        if len(files) < 2:
            return Found()
        pictures, edits = (
            embed(read).cpu().numpy() for read in (self._reader.plain(files), self._edits(files))
        )
        means = copies.outcomes(pictures, edits).means()
        return Found(means["recall@1"], means["recall@fmr"])

    def _edits(self, files: Sequence[Path]) -> Iterator[npt.NDArray[Any]]:
        """`EDITS_JUDGED` copies of each picture, as they are searched for."""
        numbered = enumerate(file for file in files for _ in range(EDITS_JUDGED))
        how = self._reader.how
        return self._reader.in_order(partial(_edit, file, number, how) for number, file in numbered)


def info_nce(logits: Tensor, together: Tensor, others: Tensor) -> Tensor:
    """InfoNCE: the mean of -log(e^s / (e^s + sum of e^o over the others)) over pairs that belong together.

    Args:
        logits: (b, b + m) cosines over a temperature, of b views with themselves and m others.
        together: (b, b) whether two different views are of one picture.
        others: (b, b + m) which are not of the view's picture; at least one each.
    """
    against = torch.logsumexp(logits.masked_fill(~others, -torch.inf), dim=1, keepdim=True)
    return functional.softplus(against - logits[:, : len(logits)])[together].mean()


def nearness(cosines: Tensor) -> Tensor:
    """The entropy regulariser: the mean of -log of the distance to the nearest other picture.

    Args:
        cosines: (b,) of each view with it.
    """
    return -(2 - 2 * cosines).clamp(min=CLOSEST).log().mean() / 2


def _of_one_picture(first: Tensor, second: Tensor) -> Tensor:
    """(b, m): whether views share a picture; (b, 2) and (m, 2) rows of pictures, or `NOBODY`."""
    equal = first[:, None, :, None] == second[None, :, None, :]
    return (equal & (first != NOBODY)[:, None, :, None]).any(dim=(2, 3))


def _edit(file: Path, number: int, how: Preprocessing, decoded: Decoded) -> Rgb:
    return prepare(copies.edit(decoded(file), number), how)


class _Lazily(Sequence[Rgb]):
    """Pictures that are decoded when they are looked at, which few edits do."""

    def __init__(self, files: Sequence[Path], decoded: Decoded) -> None:
        self._files, self._decoded = files, decoded

    def __len__(self) -> int:
        return len(self._files)

    def __getitem__(self, at: Any) -> Any:
        return self._decoded(self._files[at])
