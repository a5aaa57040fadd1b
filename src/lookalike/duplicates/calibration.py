"""From what comparing two pictures showed to the chance that one is a copy of the other.

Logistic regression on three numbers, fitted on a collection's own pictures: their edits are copies,
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

NAMES = ("steady", "blob", "drift")
"""What the three numbers come from; see `agreement.Agreement`. (The share of patches that agree, how well
they do, and how many points were followed told nothing more.)"""

SUREST = 0.9999
"""No comparison of pixels is surer than that: it was fitted on some thousand pairs. Only pictures with
the same bytes or pixels are copies for certain."""

_FREEDOM = 0.1
"""Standard deviation of a collection's weights around the shipped ones. Edits that nothing can be seen of
and nearest others, which are easily told, move them too far otherwise: with 0.7 three of 14,342 pairs of
other photos have 0.99, with 0.1 one."""

_BALANCE = 5.0
"""How many times the negatives count in all what the positives do: of the pairs that are compared, few are
copies in most collections, and a wrong pair costs more than a missed one."""

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
    """The evidence as (4,) float64: the three numbers, more of each speaking for a copy, and 1."""
    return np.array([_log_odds(agreement.steady), _log_odds(1 - agreement.blob), -agreement.drift, 1.0])


def _log_odds(share: float) -> float:
    """Of a share in [0, 1], kept away from both ends by a fiftieth."""
    return float(np.log((share + 0.02) / (1.02 - share)))


SHIPPED = Calibration((1.3, 2.4, 1.8, -1.6))
"""Fitted on 2,567 edits of 72 photos and 14,342 pairs of other photos of garments, groceries and fruits with
patches in common, and rounded towards fewer wrong pairs. Fitted on one half of the groups of alike pictures
alone (products, varieties of fruit), it took for copies, at 0.99, 1 and 0 of the 9,150 and 5,192 pairs of the
other half."""


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
        (4,) float64.
    """
    start = np.array(prior.weights)
    if not len(positives) or not len(negatives):
        return start
    x = np.array([*positives, *negatives])
    y = np.concatenate([np.ones(len(positives)), np.zeros(len(negatives))])
    each = _weights(y)
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


def _weights(y: Floats) -> Floats:
    """How much each pair counts: 1 or less, so that few negatives weigh no more than they are, however many
    edits were made."""
    positives, negatives = float(y.sum()), float(len(y) - y.sum())
    each = np.where(y == 1, negatives / (_BALANCE * positives), 1.0)
    return np.asarray(each / max(1.0, each.max()), np.float64)


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
