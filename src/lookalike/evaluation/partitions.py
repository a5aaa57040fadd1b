"""How well clusters agree with what is known: AMI and ARI, noise counted as singletons."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lookalike.results import Agreement

Codes = npt.NDArray[np.int64]


def with_singletons(clusters: Codes) -> Codes:
    """(n,) clusters in which each picture of noise (below 0) is a cluster of its own.

    >>> with_singletons(np.array([2, -1, 2, -1]))
    array([2, 3, 2, 4])
    """
    own = clusters.astype(np.int64)
    noise = own < 0
    own[noise] = own.max(initial=0) + 1 + np.arange(noise.sum())
    return own


def ami(truth: Codes, clusters: Codes) -> float:
    """Adjusted mutual information (Vinh, Epps and Bailey 2010), at most 1; about 0 by chance.

    Args:
        truth: (n,) numbers of what is known.
        clusters: (n,) numbers of clusters; each one below 0 is a cluster of its own.
    """
    from sklearn.metrics import adjusted_mutual_info_score

    return float(adjusted_mutual_info_score(truth, with_singletons(clusters)))


def ari(truth: Codes, clusters: Codes) -> float:
    """Adjusted Rand index (Hubert and Arabie 1985), at most 1; about 0 by chance. See `ami`."""
    from sklearn.metrics import adjusted_rand_score

    return float(adjusted_rand_score(truth, with_singletons(clusters)))


def agreement(column: str, truth: Codes, before: Codes, after: Codes) -> Agreement:
    """How well clusters agree with a column, before it was taken into account and after.

    Args:
        column: its name.
        truth: (n,) numbers of its values; those below 0 are not known and do not count.
        before: (n,) clusters.
        after: (n,) clusters.
    """
    known = truth >= 0
    truth, before, after = truth[known], before[known], after[known]
    return Agreement(
        column,
        ami=round(ami(truth, after), 4),
        ari=round(ari(truth, after), 4),
        ami_before=round(ami(truth, before), 4),
        ari_before=round(ari(truth, before), 4),
        images=len(truth),
    )
