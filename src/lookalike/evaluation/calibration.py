"""From a similarity to the chance that two pictures show the same thing, for one collection and model.

What is calibrated are hits: of some queries the first pictures found, each right or wrong. The chance is a
logistic curve over the similarity (Platt, "Probabilistic outputs for support vector machines", 1999, with
his corrected targets), so it rises with it and is sensible where no pair was seen.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from lookalike.results import Calibration, ReliabilityBin, Threshold

Floats = npt.NDArray[np.float64]
Truths = npt.NDArray[np.bool_]

PRECISIONS = (0.5, 0.8, 0.9, 0.95, 0.99)
BINS = 10
_STEPS = 100


def key(identity: str) -> str:
    """The note under which a gallery keeps the calibration of a space."""
    return f"calibration/{identity}"


def fit(similarities: Floats, right: Truths, source: str) -> Calibration:
    """The curve with the largest likelihood; the same one for the same hits.

    Args:
        similarities: (n,) of hits, in [-1, 1].
        right: (n,) whether each is right; some must be, and some not.
        source: what they are, in words.
    """
    positives, negatives = int(right.sum()), int((~right).sum())
    targets = np.where(right, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    rows = np.column_stack([similarities, np.ones(len(similarities))])
    weights = np.zeros(2)
    for _ in range(_STEPS):  # Newton's method
        chance = 1 / (1 + np.exp(-np.clip(rows @ weights, -40, 40)))
        slope = rows.T @ (targets - chance)
        bend = (rows * (chance * (1 - chance))[:, None]).T @ rows + 1e-9 * np.eye(2)
        step = np.linalg.solve(bend, slope)
        weights += step * min(1.0, 20.0 / max(1e-12, float(np.abs(step).max())))
        if np.abs(step).max() < 1e-9:
            break
    if weights[0] < 0:  # no evidence that more alike is more likely the same
        weights = np.array([0.0, np.log((positives + 1) / (negatives + 1))])
    return Calibration(
        round(float(weights[0]), 6), round(float(weights[1]), 6), source, len(right), positives
    )


def crossed(similarities: Floats, right: Truths, queries: npt.NDArray[np.int64]) -> Floats:
    """The chance of each hit by a curve fitted on the hits of other queries, in five parts."""
    chances = np.empty(len(right))
    for part in range(5):
        held = queries % 5 == part
        if held.any():
            shown = ~held
            chances[held] = fit(similarities[shown], right[shown], "").probability(similarities[held])
    return chances


def reliability(chances: Floats, right: Truths) -> tuple[ReliabilityBin, ...]:
    """How often hits of about the same chance are right: ten bins of equal width, empty ones left out."""
    which = np.minimum((chances * BINS).astype(int), BINS - 1)
    found = []
    for number in range(BINS):
        inside = which == number
        if inside.any():
            share, said = float(right[inside].mean()), float(chances[inside].mean())
            found.append(ReliabilityBin(number / BINS, (number + 1) / BINS, int(inside.sum()), said, share))
    return tuple(found)


def expected_error(bins: Sequence[ReliabilityBin]) -> float:
    """Expected calibration error (Naeini, Cooper, Hauskrecht, "Obtaining well calibrated probabilities
    using Bayesian binning", 2015): by how much chances are off on average, in [0, 1]."""
    total = sum(one.hits for one in bins)
    return sum(one.hits * abs(one.probability - one.right) for one in bins) / total if total else 0.0


def thresholds(
    similarities: Floats, right: Truths, wanted: Sequence[float] = PRECISIONS
) -> tuple[Threshold, ...]:
    """For each precision the lowest similarity from which on so large a share of the hits is right.

    Returns:
        Those precisions that can be reached, ascending.
    """
    order = np.argsort(-similarities, kind="stable")
    values, hits = similarities[order], np.cumsum(right[order])
    last = np.append(values[1:] < values[:-1], True)  # equal similarities are above a threshold together
    precision, recall = hits / np.arange(1, len(values) + 1), hits / max(1, int(right.sum()))
    found = []
    for share in sorted(wanted):
        good = np.flatnonzero(last & (precision >= share))
        if len(good):
            at = int(good[-1])
            found.append(Threshold(float(values[at]), float(precision[at]), float(recall[at])))
    return tuple(found)


def threshold_of_recall(similarities: Floats, right: Truths, recall: float) -> Threshold:
    """The highest similarity above which at least so large a share of the right hits is found."""
    ranked = np.sort(similarities[right])[::-1]
    value = float(ranked[min(len(ranked) - 1, max(0, int(np.ceil(recall * len(ranked))) - 1))])
    above = similarities >= value
    return Threshold(value, float(right[above].mean()), float((above & right).sum() / right.sum()))
