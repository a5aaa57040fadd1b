"""Pictures that do not belong: odd ones, doubtful labels, leaks between splits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lookalike.results.base import Failure, Scalar


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a picture stands out.

    Attributes:
        name: `isolated` (unlike all others), `nearly blank`, `very dark`, `very bright`, `blurred`, `tiny`,
            `odd aspect` or `cut off` (the file ends early).
        score: how much, in [0, 1]; one half where it begins to count.
        detail: what was measured, e.g. `40 × 30 pixels`.
    """

    name: str
    score: float
    detail: str


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A picture near to another one.

    Attributes:
        path: absolute path.
        similarity: cosine of the two vectors, in [-1, 1].
        label: its value of the column that was asked for; None when there was none.
    """

    path: str
    similarity: float
    label: Scalar = None


@dataclass(frozen=True, slots=True)
class Outlier:
    """A picture that stands out.

    Attributes:
        id: its number.
        path: absolute path.
        score: that of its strongest reason, the first one, in [0, 1].
        reasons: what speaks against it, the strongest first; on ties what can be seen in the picture itself
            comes before `isolated`.
        isolation: how far it is from all others, in [0, 1); one half is far.
        neighbours: the three pictures nearest to it, nearest first.
    """

    id: int
    path: str
    score: float
    reasons: tuple[Reason, ...]
    isolation: float
    neighbours: tuple[Neighbour, ...]

    @property
    def reason(self) -> str:
        """The name of the strongest reason."""
        return self.reasons[0].name


@dataclass(frozen=True, slots=True)
class Outliers:
    """The pictures that stand out.

    Attributes:
        outliers: by descending score, then by id.
        images: pictures that were looked at.
        usual: names of reasons that so many pictures have that they say nothing here.
        failed: pictures that could not be read, each with its reason.
        seconds: wall-clock time.
    """

    outliers: tuple[Outlier, ...]
    images: int
    usual: tuple[str, ...] = ()
    failed: tuple[Failure, ...] = ()
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class DoubtfulLabel:
    """A picture whose neighbours disagree with its label.

    Attributes:
        id: its number.
        path: absolute path.
        label: the label it has.
        suggested: the other label that its neighbours have most.
        score: of the votes for either of the two, the share for the suggested one, in [0, 1]: one
            half is undecided.
        share: the suggested label's share of all votes, in [0, 1].
        own_share: that of the label it has.
        neighbours: the three labelled pictures nearest to it, nearest first.
    """

    id: int
    path: str
    label: Scalar
    suggested: Scalar
    score: float
    share: float
    own_share: float
    neighbours: tuple[Neighbour, ...]


@dataclass(frozen=True, slots=True)
class DoubtfulLabels:
    """The labels of a column that are in doubt.

    Attributes:
        doubtful: by descending score, then by id.
        column: the column.
        labels: how many different ones there are.
        images: pictures with a label.
        unlabelled: pictures without one, which are left out.
        seconds: wall-clock time.
    """

    doubtful: tuple[DoubtfulLabel, ...]
    column: str
    labels: int
    images: int
    unlabelled: int
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Leak:
    """A picture of one split that is a copy of a picture of another one.

    Attributes:
        id: number of the picture in the smaller of the two splits.
        path: its absolute path.
        split: its split.
        other: path of its surest copy in the larger split.
        other_split: that split.
        kind: `exact`, `pixels`, `near` or `edited`, as in `Copy`.
        probability: chance in [0, 1] that they are copies; 1.0 for `exact` and `pixels`.
        similarity: cosine of their vectors, in [-1, 1]; None when one has no vector.
    """

    id: int
    path: str
    split: str
    other: str
    other_split: str
    kind: str
    probability: float
    similarity: float | None


@dataclass(frozen=True, slots=True)
class Leaks:
    """The pictures that splits share.

    Attributes:
        leaks: the surest first, then by path. Removing all of them leaves no copies between the splits.
        column: the column that says which split a picture is in.
        splits: for each split how many pictures it has, the largest first.
        unsplit: pictures in no split, which are left out.
        images: pictures that were looked at.
        compared: pairs of pictures whose pixels were compared.
        failed: pictures that could not be read, each with its reason.
        seconds: wall-clock time.
    """

    leaks: tuple[Leak, ...]
    column: str
    splits: Mapping[str, int]
    unsplit: int
    images: int
    compared: int = 0
    failed: tuple[Failure, ...] = ()
    seconds: float = 0.0
