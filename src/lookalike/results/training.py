"""What training gave."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TrainReport:
    """What training made.

    Attributes:
        model: the new model's name.
        base: the model it is based on.
        output: which of the base's outputs the adapter maps.
        compared: the model and output that were searched before, with which it is compared.
        pictures: that it was fitted on.
        classes: of them.
        alone: pictures that are the only ones of their class.
        unlabelled: pictures left out since nothing is known about them.
        unmatched: names in the table of pairs that are no pictures of the collection.
        held_out: pictures on which both were measured, and which the measured adapter had not seen.
        before: figures of the model that was searched before: `recall@1`, `recall@5`, `recall@10`,
            `precision@10`, `map@r`, each in [0, 1].
        after: figures of the base with the adapter.
        better: MAP@R has risen by more than chance explains (the 95 % interval of its gain is above 0),
            and recall@1 has not fallen.
        default: the collection uses the new model from now on.
        shrinkage: chosen by cross-validation, in (0, 1].
        dimension: length of a vector of the new model.
        centred: whether the mean of all vectors is subtracted first.
        card: the new model's card.
        seconds: wall-clock time.
    """

    model: str
    base: str
    output: str
    compared: str
    pictures: int
    classes: int
    alone: int
    unlabelled: int
    unmatched: tuple[str, ...]
    held_out: int
    before: Mapping[str, float]
    after: Mapping[str, float]
    better: bool
    shrinkage: float
    dimension: int
    centred: bool
    card: str
    seconds: float
    default: bool = False


@dataclass(frozen=True, slots=True)
class FinetuneReport:
    """What fine-tuning made.

    Attributes:
        model: the new model's name.
        base: the model whose network was trained on.
        output: which of its outputs was trained.
        compared: the model and output that were searched before, with which it is compared.
        pictures: that it learned from, those held out included.
        classes: of them.
        alone: pictures that are the only ones of their class.
        unlabelled: pictures left out since nothing is known about them.
        unmatched: names in the table of pairs that are no pictures of the collection.
        held_out: pictures that were never shown, on which both were measured and the epoch was chosen.
        before: figures of the model that was searched before, as in `TrainReport`.
        after: figures of the new one.
        better: MAP@R has risen by more than chance explains, and recall@1 has not fallen.
        default: the collection uses the new model from now on.
        epochs: how often each picture was shown, in the mean.
        best_epoch: after which epoch the network was as it is kept.
        curve: a picture of loss and recall over the epochs (SVG).
        card: the new model's card.
        seconds: wall-clock time; of a training that was interrupted, of its last part.
    """

    model: str
    base: str
    output: str
    compared: str
    pictures: int
    classes: int
    alone: int
    unlabelled: int
    unmatched: tuple[str, ...]
    held_out: int
    before: Mapping[str, float]
    after: Mapping[str, float]
    better: bool
    epochs: int
    best_epoch: int
    curve: str
    card: str
    seconds: float
    default: bool = False
