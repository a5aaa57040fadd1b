"""What training gave."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Verdict = Literal["better", "chance", "recall", "copies", "seen"]
"""Whether a new model is better than the one that was searched before, and if not, why:

- `better`: the figure that counts has risen by more than chance explains (the 95 % interval of its gain is
  above 0), and recall@1 has not fallen. What counts is MAP@R, and without labels recall@fmr;
- `seen`: they cannot be compared: the one that was searched before, or the network that the new one is made
  of, has learned from the pictures held out, so the figures are too good;
- `recall`: recall@1 has fallen;
- `chance`: the figure that counts has not risen by more than chance explains;
- `copies`: edited copies of pictures of which nothing is known are found less well, by more than chance
  explains.

The interval is over pictures held out. Where these also chose the epoch (see `NetworkReport`), that makes the
figures a little too good, and the interval does not count it.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelReport:
    """What every training says of the model that it made.

    Attributes:
        model: the new model's name.
        base: the model it is based on.
        output: which of the base's outputs was mapped or trained.
        compared: the model and output that were searched before, with which it is compared.
        pictures: that it learned from; those that were held out for good included.
        held_out: pictures that were not learned from when both models were measured on them.
        before: figures of the model that was searched before, each in [0, 1].
        after: figures of the new one.
        verdict: see `Verdict`.
        card: the new model's card.
        seconds: wall-clock time; of a training that was interrupted, of its last part.
        default: the collection uses the new model from now on: it is better, and finds every picture that the
            collection's search finds without it.
        without_vector: pictures that this search finds, and the new model does not: they cannot be read, so
            there is no vector of it for them.
    """

    model: str
    base: str
    output: str
    compared: str
    pictures: int
    held_out: int
    before: Mapping[str, float]
    after: Mapping[str, float]
    verdict: Verdict
    card: str
    seconds: float
    default: bool = False
    without_vector: int = 0

    @property
    def better(self) -> bool:
        """Whether the verdict is that the new model is better."""
        return self.verdict == "better"


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledReport(ModelReport):
    """What a training from labels or pairs says; its figures are `recall@1`, `recall@5`, `recall@10`,
    `precision@10` and `map@r`.

    Attributes:
        classes: of the pictures it learned from.
        alone: pictures that are the only ones of their class.
        unlabelled: pictures left out since nothing is known about them.
        unlabelled_before: how edits of some pictures of which nothing is known were found
            by the model that was searched before: `recall@1` and `recall@fmr` (see `evaluation.copies`).
            Empty with fewer than 20 such pictures.
        unlabelled_after: the same with the new model.
        unmatched: names in the table of pairs that are no pictures of the collection.
    """

    classes: int
    alone: int
    unlabelled: int
    unlabelled_before: Mapping[str, float]
    unlabelled_after: Mapping[str, float]
    unmatched: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainReport(LabelledReport):
    """What fitting an adapter made: the base with a linear map, fitted on all pictures in the end.

    Attributes:
        shrinkage: chosen by cross-validation, in (0, 1].
        dimension: length of a vector of the new model.
        centred: whether the mean of all vectors is subtracted first.
    """

    shrinkage: float
    dimension: int
    centred: bool


@dataclass(frozen=True, kw_only=True)  # no slots: Python cannot join two bases that have some
class NetworkReport(ModelReport):
    """What training a network says.

    Attributes:
        apart: both models were measured on other pictures than those that chose the epoch, as with labels and
            40 or more held out; otherwise on the same ones.
        epochs: how often each picture was shown, in the mean.
        best_epoch: after which epoch the network was as it is kept; with a fraction when the time was over
            within it.
        curve: a picture of loss and recall over the epochs (SVG).
    """

    apart: bool
    epochs: float
    best_epoch: float
    curve: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FinetuneReport(NetworkReport, LabelledReport):
    """What fine-tuning made: the base with its network trained on.

    Attributes:
        guessed: pictures of which nothing is known that were learned from as well, since their class could be
            guessed; 0 without a teacher.
    """

    guessed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UnlabelledReport(NetworkReport):
    """What training without labels made: the base with its network trained to find copies. Its figures are
    `recall@1` and `recall@fmr` of edited pictures (see `evaluation.copies`). Of more than 5,000 pictures so
    many are shown in an epoch.
    """


@dataclass(frozen=True, slots=True)
class UseReport:
    """What a collection is searched with from now on.

    Attributes:
        model: the model's name.
        output: which of its outputs.
        runtime: what runs it.
        without_vector: pictures that are not found with it: they cannot be read, so there is no vector of it
            for them.
    """

    model: str
    output: str
    runtime: str
    without_vector: int
