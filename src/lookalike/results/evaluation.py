"""How good a search is, and what its similarities are worth."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class ClassFigures:
    """How well the pictures of one class were found.

    Attributes:
        label: the class, as text.
        queries: of this class.
        figures: as in `Evaluation`.
    """

    label: str
    queries: int
    figures: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class JudgedHit:
    """One picture that a judged query found.

    Attributes:
        id: the picture's number.
        path: absolute path.
        label: its class, as text; empty for pairs.
        similarity: cosine with the query, in [-1, 1].
        right: whether it belongs to the query.
    """

    id: int
    path: str
    label: str
    similarity: float
    right: bool


@dataclass(frozen=True, slots=True)
class JudgedQuery:
    """A query of an evaluation, and what it found.

    Attributes:
        id: the picture's number.
        path: absolute path.
        label: its class, as text; empty for pairs.
        first: rank of the first right picture, from 1; None when it is not among the first ten, or as
            many as are right.
        figures: as in `Evaluation`, of this query.
        found: the first pictures found, best first.
    """

    id: int
    path: str
    label: str
    first: int | None
    figures: Mapping[str, float]
    found: tuple[JudgedHit, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """How much one change to pictures moves similarities.

    Attributes:
        name: what was done to them.
        similarity: mean cosine of a picture with itself, changed.
        least: the lowest one.
        moved: mean absolute change of the similarities with a picture's ten first hits.
        most: the largest one.
    """

    name: str
    similarity: float
    least: float
    moved: float
    most: float


@dataclass(frozen=True, slots=True)
class Consistency:
    """How much similarities move when nothing that matters changes.

    Attributes:
        model: the model's name.
        output: which of its outputs.
        pictures: that were looked at.
        repeatable: embedding them again gave the vectors that are stored, bit for bit.
        changes: what else was done to them.
    """

    model: str
    output: str
    pictures: int
    repeatable: bool
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Calibration:
    """From a similarity to the chance that two pictures show the same thing, for one collection and model.

    Attributes:
        slope: of the log-odds over the similarity, at least 0.
        intercept: the log-odds at similarity 0.
        source: what it was fitted on, in words.
        hits: how many hits that were.
        right: of them.
    """

    slope: float
    intercept: float
    source: str
    hits: int
    right: int

    def probability(self, similarities: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """The chance in [0, 1] for each similarity in [-1, 1]."""
        import numpy as np  # the client, which answers with this too, does without until here

        score = self.slope * np.asarray(similarities, np.float64) + self.intercept
        return np.asarray(1 / (1 + np.exp(-np.clip(score, -40, 40))))

    def dumps(self) -> str:
        """As text, which `loads` reads."""
        return json.dumps(asdict(self))

    @classmethod
    def loads(cls, text: str | None) -> Calibration | None:
        """A calibration from text; None for none, and for one of another version."""
        try:
            return cls(**json.loads(text)) if text else None
        except (TypeError, ValueError):
            return None


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """Hits to which about the same chance was given.

    Attributes:
        low: the least chance of the bin, in [0, 1].
        high: the largest one.
        hits: how many.
        probability: the mean chance that was given.
        right: the share that was right.
    """

    low: float
    high: float
    hits: int
    probability: float
    right: float


@dataclass(frozen=True, slots=True)
class Threshold:
    """A least similarity, and what it gives.

    Attributes:
        similarity: in [-1, 1].
        precision: share of the hits from there on that is right.
        recall: share of the right hits that is from there on.
    """

    similarity: float
    precision: float
    recall: float


@dataclass(frozen=True, slots=True)
class CalibrationReport:
    """What calibrating found out.

    Attributes:
        model: whose similarities.
        output: which of its outputs.
        source: what it was fitted on, in words.
        hits: how many hits that were.
        right: of them.
        calibration_error: by how much the chances of other queries' hits are off on average, in [0, 1].
        reliability: the same in bins.
        thresholds: for precisions that were asked for and can be reached, ascending.
        recall_threshold: for the recall that was asked for; None without.
    """

    model: str
    output: str
    source: str
    hits: int
    right: int
    calibration_error: float
    reliability: tuple[ReliabilityBin, ...]
    thresholds: tuple[Threshold, ...]
    recall_threshold: Threshold | None = None


@dataclass(frozen=True, slots=True)
class Evaluation:
    """How well a model finds what belongs together.

    Attributes:
        model: the model's name.
        output: which of its outputs.
        queries: pictures that were searched for and had something to find.
        gallery: pictures that were searched.
        alone: pictures that were no queries since nothing else belongs to them, e.g. a class of one.
        unlabelled: pictures left out since they have no label.
        without_vector: pictures left out since there is no vector of this model and output for them, or of
            one that it is compared with.
        figures: means over the queries, each in [0, 1]: `recall@1`, `recall@5`, `recall@10`,
            `precision@10`, `map@r`.
        intervals: for each figure the ends of its 95 % interval.
        classes: the figures of each class, worst first; none for pairs.
        worst: the queries that went worst, worst first.
        learned: queries that the model has learned from, so that its figures are too good; None when that is
            not known, since the model is not here, or was taught before lists were kept of it.
        calibrated_by: by what the collection was calibrated for this model, in words; None when it was not.
        calibration_error: by how much the calibrated chances of hits are off on average, in [0, 1]; None
            unless it was calibrated by the same column, or by pairs as well: chances of another kind of "the
            same" cannot be compared.
        reliability: the same in bins of chances; empty likewise.
    """

    model: str
    output: str
    queries: int
    gallery: int
    alone: int
    unlabelled: int
    figures: Mapping[str, float]
    intervals: Mapping[str, tuple[float, float]]
    classes: tuple[ClassFigures, ...] = ()
    worst: tuple[JudgedQuery, ...] = ()
    calibration_error: float | None = None
    reliability: tuple[ReliabilityBin, ...] = ()
    without_vector: int = 0
    learned: int | None = None
    calibrated_by: str | None = None
