"""Groups of copies against the truth: recall, precision, and the curve between them.

Uses nothing but the standard library, so that it is easy to check by hand.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

Matrix = Sequence[Sequence[float]]


@dataclass(frozen=True)
class File:
    """What is known about a picture of the set.

    source: the picture it is an edit of, or itself.
    shows: every picture that can be seen in it; more than `source` for a collage or a paste.
    edit: the edit's name; None for a picture as it came.
    transform: 2 x 3, from the source's pixels to this picture's; None when nobody knows.
    size: width and height of the source in pixels; (0, 0) when the transform is None.
    """

    source: str
    shows: frozenset[str]
    edit: str | None = None
    transform: Matrix | None = None
    size: tuple[int, int] = (0, 0)


@dataclass(frozen=True)
class Member:
    """A picture that was said to be a copy of the one kept."""

    path: str
    probability: float = 1.0
    kind: str = ""
    transform: Matrix | None = None


@dataclass(frozen=True)
class Group:
    keep: str
    members: tuple[Member, ...]

    @property
    def paths(self) -> list[str]:
        return [self.keep, *(member.path for member in self.members)]


Truth = Mapping[str, File]


def original(name: str) -> File:
    """A picture as it came, and nothing else in it."""
    return File(name, frozenset([name]))


def is_true(first: File, second: File) -> bool:
    """Whether two pictures have a picture in common."""
    return bool(first.shows & second.shows)


def cut(groups: Iterable[Group], probability: float) -> list[Group]:
    """The groups without members below a probability; groups left without members go."""
    kept = (
        dataclasses.replace(g, members=tuple(m for m in g.members if m.probability >= probability))
        for g in groups
    )
    return [group for group in kept if group.members]


def links(groups: Iterable[Group]) -> list[tuple[str, Member]]:
    """Each kept picture with each of its members."""
    return [(group.keep, member) for group in groups for member in group.members]


def false_links(groups: Iterable[Group], truth: Truth) -> list[tuple[str, Member]]:
    """What was said to be copies but is not; the most certain first."""
    wrong = [link for link in links(groups) if not is_true(truth[link[0]], truth[link[1].path])]
    return sorted(wrong, key=lambda link: -link[1].probability)


def found(groups: Iterable[Group], truth: Truth) -> set[str]:
    """Edits that are in a group with another picture that shows what they were made of."""
    hits = set()
    for group in groups:
        shown = Counter(name for path in group.paths for name in truth[path].shows)
        # A picture shows its own source, once: two or more say that another one does as well.
        hits |= {p for p in group.paths if truth[p].edit is not None and shown[truth[p].source] > 1}
    return hits


@dataclass(frozen=True)
class Line:
    """One row of a table: an edit, a threshold, or everything.

    precision: share of true links; of an edit, among the links it takes part in. 1.0 without any.
    recall: share of edits found; 1.0 without any.
    """

    name: str
    edits: int
    found: int
    links: int
    true: int

    @property
    def recall(self) -> float:
        return self.found / self.edits if self.edits else 1.0

    @property
    def precision(self) -> float:
        return self.true / self.links if self.links else 1.0

    def as_json(self) -> dict[str, object]:
        return dataclasses.asdict(self) | {"recall": self.recall, "precision": self.precision}


def total(
    groups: Sequence[Group], truth: Truth, name: str = "all", only: Callable[[File], bool] = lambda file: True
) -> Line:
    """Everything in one line, or what pictures of some kind have among themselves."""
    edits = {path for path, file in truth.items() if file.edit is not None and only(file)}
    pairs = [(truth[keep], truth[member.path]) for keep, member in links(groups)]
    counted = [is_true(a, b) for a, b in pairs if only(a) and only(b)]
    return Line(name, len(edits), len(found(groups, truth) & edits), len(counted), sum(counted))


def by_edit(groups: Sequence[Group], truth: Truth) -> list[Line]:
    """A line for each edit, in the order in which they first come in the truth."""
    hits = found(groups, truth)
    edits: dict[str, Counter[str]] = defaultdict(Counter)
    for path, file in truth.items():
        if file.edit is not None:
            edits[file.edit].update(edits=1, found=path in hits)
    for keep, member in links(groups):
        for edit in {truth[keep].edit, truth[member.path].edit} - {None}:
            edits[edit].update(links=1, true=is_true(truth[keep], truth[member.path]))
    return [Line(n, c["edits"], c["found"], c["links"], c["true"]) for n, c in edits.items()]


def curve(groups: Sequence[Group], truth: Truth, thresholds: Iterable[float]) -> list[Line]:
    """Everything at each threshold of probability, members below it being cut off."""
    return [total(cut(groups, threshold), truth, f"{threshold:g}") for threshold in thresholds]


def placed(groups: Iterable[Group], truth: Truth, tolerance: float = 0.05) -> dict[str, tuple[int, int]]:
    """How many transforms are right, for each edit: (right, given).

    Looked at where the picture kept is the original. Right means that each corner is carried to
    within `tolerance` of the edited picture's own diagonal in it.
    """
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for keep, member in links(groups):
        kept, file = truth[keep], truth[member.path]
        from_original = kept.edit is None and kept.source == file.source
        if from_original and file.edit and file.transform and member.transform:
            counts[file.edit][0] += same_place(member.transform, file.transform, file.size, tolerance)
            counts[file.edit][1] += 1
    return {edit: (right, given) for edit, (right, given) in counts.items()}


def same_place(found: Matrix, true: Matrix, size: tuple[int, int], tolerance: float = 0.05) -> bool:
    """Whether two transforms carry the corners of a picture of a size to nearly the same places."""
    said, places = _corners(found, size), _corners(true, size)
    diagonal = max(math.dist(places[3], places[0]), math.dist(places[2], places[1]))
    return all(math.dist(a, b) <= tolerance * diagonal for a, b in zip(said, places, strict=True))


def _corners(matrix: Matrix, size: tuple[int, int]) -> list[list[float]]:
    points = [(x, y) for x in (0, size[0]) for y in (0, size[1])]
    return [[row[0] * x + row[1] * y + row[2] for row in matrix] for x, y in points]


# --- pairs: the field's own recipe ------------------------------------------------------------

Pairs = set[frozenset[str]]


def pairs_within(groups: Iterable[Sequence[str]]) -> Pairs:
    """All pairs of pictures that are in one group."""
    return {frozenset(p) for group in groups for p in itertools.combinations(sorted(set(group)), 2)}


def true_pairs(truth: Truth) -> Pairs:
    """All pairs of pictures with the same source."""
    families = defaultdict(list)
    for path, file in truth.items():
        families[file.source].append(path)
    return pairs_within(families.values())


def score_pairs(said: Pairs, true: Pairs, is_copy: Callable[[str, str], bool]) -> Line:
    """Recall among the true pairs, precision among those said."""
    return Line("pairs", len(true), len(said & true), len(said), sum(is_copy(*pair) for pair in said))
