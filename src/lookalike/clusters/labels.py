"""What sets a cluster apart, in the words of the metadata."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass

from lookalike.results import Metadata, Scalar

CERTAIN = 1.96
"""Standard errors by which a value must be more usual in the cluster than elsewhere: a chance of 1 in 40
for a cluster drawn blindly."""

LEAST_SHARE = 0.4
"""Share of the cluster's pictures that must have the value it is called by."""

LIFT = 2.0
"""How many times as usual as elsewhere it must be there: in a large collection hardly any difference is
not certain. (Of 25 clusters of clothes, groceries and fruits together, this took away 'not kids', which is
nine in ten of the clothes, and 'photo', which is two in three of the groceries.)"""

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
        self._known: Counter[str] = Counter()  # pictures with a value, by column
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
        self._known.update(column for column, _, _ in keys)
        if cluster > 0:
            self._inside.setdefault(cluster, Counter()).update(keys)

    def labels(self) -> dict[int, Label]:
        """For each cluster the value that sets it apart most from all other pictures, where one does.

        Of each column that is the most usual value in the cluster; pictures of which the column says nothing
        say nothing either. Of these values it is the one whose log odds inside and outside differ by most
        standard errors (Monroe, Colaresi and Quinn 2008, equation 22, with a flat prior), if it is certain,
        usual there and more so than elsewhere; of equal ones that which was met first.
        """
        found = {cluster: self._best(cluster) for cluster in sorted(self._inside)}
        return {cluster: label for cluster, label in found.items() if label}

    def _best(self, cluster: int) -> Label | None:
        counts, size = self._inside[cluster], self._sizes[cluster]
        known: Counter[str] = Counter()
        usual: dict[str, Key] = {}
        for key, here in counts.items():
            known[key[0]] += here
            if here > counts[usual.setdefault(key[0], key)]:
                usual[key[0]] = key
        best, label = CERTAIN, None
        for column, key in usual.items():
            here, elsewhere = counts[key], self._total[key] - counts[key]
            inside, others = known[column], self._known[column] - known[column]
            if here < LEAST_SHARE * size or here * others < LIFT * elsewhere * inside:
                continue
            score = _apart(here, inside, elsewhere, others)
            if score > best:
                best, label = score, Label(column, key[2], here / size)
        return label


def _apart(here: int, size: int, elsewhere: int, others: int) -> float:
    """Difference of log odds, in standard errors."""
    cells = [here, size - here, elsewhere, others - elsewhere]
    a, b, c, d = (cell + _PRIOR for cell in cells)
    return math.log(a * d / (b * c)) / math.sqrt(1 / a + 1 / b + 1 / c + 1 / d)
