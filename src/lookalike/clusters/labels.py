"""What sets a cluster apart, in the words of the metadata."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from lookalike.results import Metadata, Scalar

CERTAIN = 1.96
"""Standard errors by which a value must be more usual in the cluster than elsewhere: a chance of 1 in 40
for a cluster drawn blindly."""

LEAST_SHARE = 0.4
"""Share of the cluster's pictures that must have the value it is called by."""

Key = tuple[str, str, Scalar]
"""Column, type and value."""

_PRIOR = 0.5  # pictures added to each count (Jeffreys), so that none is zero


@dataclass(frozen=True, slots=True)
class Label:
    """A value that sets a cluster apart.

    Attributes:
        column: of the metadata.
        value: its value.
        share: of the cluster's pictures that have it, in (0, 1].
    """

    column: str
    value: Scalar
    share: float

    def __str__(self) -> str:
        """The text itself where it is one, else with its column.

        >>> str(Label("fruit", "Apple", 0.9)), str(Label("kids", True, 0.5)), str(Label("new", False, 1.0))
        ('Apple', 'kids', 'not new')
        >>> str(Label("year", 1999, 0.9))
        'year 1999'
        """
        if isinstance(self.value, str):
            return self.value
        if isinstance(self.value, bool):
            return self.column if self.value else f"not {self.column}"
        return f"{self.column} {self.value}"


class Tally:
    """Counts what is known about pictures, inside of each cluster and in all."""

    def __init__(self) -> None:
        self._sizes: Counter[int] = Counter()
        self._total: Counter[Key] = Counter()
        self._inside: dict[int, Counter[Key]] = {}

    def add(self, cluster: int, metadata: Metadata) -> None:
        """Count a picture: its cluster, below 1 for none, and what is known about it. Text, truths and whole
        numbers count."""
        keys = [
            (column, type(value).__name__, value)  # 1 and true are not the same
            for column, value in metadata.items()
            if value not in (None, "") and not isinstance(value, float)
        ]
        self._sizes[cluster] += 1
        self._total.update(keys)
        if cluster > 0:
            self._inside.setdefault(cluster, Counter()).update(keys)

    def labels(self) -> dict[int, Label]:
        """For each cluster the value that sets it apart most from all other pictures, where one does.

        That is the value whose log odds inside and outside differ by most standard errors (Monroe, Colaresi
        and Quinn 2008, equation 22, with a flat prior), if it is certain and usual enough; of equal ones that
        which was met first.
        """
        count = self._sizes.total()
        found = {
            cluster: _best(counts, self._sizes[cluster], self._total, count)
            for cluster, counts in sorted(self._inside.items())
        }
        return {cluster: label for cluster, label in found.items() if label}


def _best(counts: Mapping[Key, int], size: int, total: Mapping[Key, int], count: int) -> Label | None:
    best, label = CERTAIN, None
    for key, here in counts.items():
        if here < LEAST_SHARE * size:
            continue
        score = _apart(here, size, total[key] - here, count - size)
        if score > best:
            best, label = score, Label(key[0], key[2], here / size)
    return label


def _apart(here: int, size: int, elsewhere: int, others: int) -> float:
    """Difference of log odds, in standard errors."""
    cells = [here, size - here, elsewhere, others - elsewhere]
    a, b, c, d = (cell + _PRIOR for cell in cells)
    return math.log(a * d / (b * c)) / math.sqrt(1 / a + 1 / b + 1 / c + 1 / d)
