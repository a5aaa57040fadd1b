"""From what comparing two pictures showed to the chance that one is a copy of the other.

Logistic regression on five numbers, fitted on a collection's own pictures: their edits are copies,
their nearest other pictures are not. The weights start from those of the shipped calibration and
move as far as the collection's own evidence carries them (a Gaussian prior), so that a hundred
pictures are enough, and none is too few. No evidence may count against a copy: a weight that
would be negative is 0.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt

from lookalike.duplicates.agreement import Agreement

Floats = npt.NDArray[np.float64]

NAMES = ("rigid", "steady", "share", "correlation", "points")
"""What the five numbers come from; see `agreement.Agreement`. The more points, the surer: a small picture,
or one with few details, says little."""

SUREST = 0.9999
"""No comparison of pixels is surer than that: it was fitted on some thousand pairs. Only pictures with
the same bytes or pixels are copies for certain."""

_FREEDOM = 0.7  # standard deviation of a collection's weights around the shipped ones
_BALANCE = 5.0  # weight of all negatives together, those of the positives being 1: of the pairs that are
# compared, few are copies in most collections, and a wrong pair costs more than a missed one
_STEPS = 50


@dataclass(frozen=True, slots=True)
class Calibration:
    """Turns evidence into a probability.

    Attributes:
        weights: one for each of `NAMES`, then the constant.
        positives: edits it was fitted on; 0 for the shipped one.
        negatives: pairs of different pictures it was fitted on, likewise.
        found: share of the edits whose place was found at all, in [0, 1]; None for the shipped one.
        images: pictures the collection had then.
    """

    weights: tuple[float, ...]
    positives: int = 0
    negatives: int = 0
    found: float | None = None
    images: int = 0

    def probability(self, agreement: Agreement) -> float:
        """The chance that the two pictures are copies, in [0, 1]."""
        score = float(numbers(agreement) @ np.array(self.weights))
        return min(SUREST, float(1 / (1 + np.exp(-np.clip(score, -40, 40)))))

    def dumps(self) -> str:
        """As text, which `loads` reads."""
        return json.dumps(asdict(self))

    @classmethod
    def loads(cls, text: str) -> Calibration | None:
        """A calibration from text; None when it is one of another version."""
        try:
            kept = json.loads(text)
            calibration = cls(**{**kept, "weights": tuple(map(float, kept["weights"]))})
        except (ValueError, TypeError, KeyError):
            return None
        return calibration if len(calibration.weights) == len(NAMES) + 1 else None


def numbers(agreement: Agreement) -> Floats:
    """The evidence as (6,) float64: the five numbers and 1."""
    return np.array(
        [
            _log_odds(agreement.rigid),
            _log_odds(agreement.steady),
            _log_odds(agreement.share),
            _log_odds(agreement.correlation),
            np.log(1 + agreement.points),
            1.0,
        ]
    )


def _log_odds(share: float) -> float:
    """Of a share in [0, 1], kept away from both ends by a fiftieth."""
    return float(np.log((share + 0.02) / (1.02 - share)))


SHIPPED = Calibration((1.6, 2.2, 0.4, 2.2, 1.3, -16.0))
"""Fitted on 818 pairs of copies, by all edits, and 1,846 most similar pairs of other pictures of garments,
groceries and fruits, and rounded. Of pairs that it was not fitted on, 850 of 858 edits of 24 photos have
0.99, and 2 of 2,739 most similar other pairs. (`python benchmarks/duplicates fit` fits these alone, and is
more careful: 826 and none. The collections measured started from the weights here.)"""


def fit(
    positives: Sequence[Floats],
    negatives: Sequence[Floats],
    prior: Calibration = SHIPPED,
    freedom: float = _FREEDOM,
) -> Floats:
    """The weights under which the evidence is most likely.

    Args:
        positives: `numbers` of pairs that are copies.
        negatives: `numbers` of pairs that are not.
        prior: where the weights start from.
        freedom: standard deviation of the weights around it.

    Returns:
        (6,) float64.
    """
    start = np.array(prior.weights)
    if not len(positives) or not len(negatives):
        return start
    x = np.array([*positives, *negatives])
    y = np.concatenate([np.ones(len(positives)), np.zeros(len(negatives))])
    each = np.where(y == 1, 1.0, _BALANCE * len(positives) / len(negatives))
    free = np.ones(len(start), bool)
    while True:
        weights = _fitted(x[:, free], y, each, start[free], freedom)
        negative = (weights < 0) & (np.flatnonzero(free) < len(NAMES))
        if not negative.any():
            break
        free[np.flatnonzero(free)[int(np.argmin(np.where(negative, weights, 0)))]] = False
    result = np.zeros(len(start))
    result[free] = weights
    return result


def _fitted(x: Floats, y: Floats, each: Floats, start: Floats, freedom: float) -> Floats:
    """Newton's method on the penalised log-likelihood, with halved steps where it would overshoot."""
    weights, strength = start.copy(), 1 / freedom**2

    def loss(w: Floats) -> float:
        score = x @ w
        return float(
            (each * (np.logaddexp(0, score) - y * score)).sum() + strength / 2 * ((w - start) ** 2).sum()
        )

    for _ in range(_STEPS):
        p = 1 / (1 + np.exp(-np.clip(x @ weights, -40, 40)))
        gradient = x.T @ (each * (p - y)) + strength * (weights - start)
        curvature = (x * (each * p * (1 - p))[:, None]).T @ x + strength * np.eye(len(weights))
        step = np.linalg.solve(curvature, gradient)
        size = 1.0
        while size > 1e-4 and loss(weights - size * step) > loss(weights):
            size /= 2
        weights = weights - size * step
        if np.abs(size * step).max() < 1e-6:
            break
    return weights
