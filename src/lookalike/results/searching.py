"""What was found for a query, and how alike two pictures are."""

from __future__ import annotations

from dataclasses import dataclass, field

from lookalike.results.base import Metadata


@dataclass(frozen=True, slots=True)
class Hit:
    """One picture of the collection that looks like the query.

    Attributes:
        rank: 1 for the most similar.
        id: the picture's number in its collection; never reused.
        path: absolute path of the file.
        similarity: cosine of the two unit vectors, in [-1, 1].
        probability: calibrated chance in [0, 1] that the two show the same thing; None until
            the collection has been calibrated for its model.
        missing: True when the file had vanished at the last `index`.
        metadata: what is known about the picture.
        cluster: the cluster it is in, from 1 on; -1 for noise; None when clusters were not looked for.
        width: pixels of the upright picture; 0 when not known.
        height: likewise.
    """

    rank: int
    id: int
    path: str
    similarity: float
    probability: float | None = None
    missing: bool = False
    metadata: Metadata = field(default_factory=dict)
    cluster: int | None = None
    width: int = 0
    height: int = 0

    @property
    def distance(self) -> float:
        """1 - similarity, in [0, 2]; lower is more alike."""
        return 1.0 - self.similarity


@dataclass(frozen=True, slots=True)
class SearchResult:
    """The answer to one query: its name and its hits, most similar first.

    Attributes:
        query: the path, `#id`, or a word such as `<array>`.
        results: the hits; may be fewer than asked for.
    """

    query: str
    results: tuple[Hit, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """How alike two pictures are, and whether one is a copy of the other.

    Attributes:
        similarity: cosine of the two unit vectors, in [-1, 1].
        verdict: `same file`, `same pixels`, `near copy` (the whole picture encoded again, resized,
            recoloured), `edited copy` (cropped, mirrored, turned, written on, pasted), `alike` or
            `different`.
        probability: chance in [0, 1] that one is a copy of the other.
        overlap: share of the first picture seen in the second, in [0, 1]; None unless they are copies.
        transform: 2 x 3 matrix taking points of the first picture to the second, both in pixels of
            the upright picture at full size, (0, 0) being the top left corner; None likewise.
    """

    similarity: float
    verdict: str
    probability: float | None = None
    overlap: float | None = None
    transform: tuple[tuple[float, ...], ...] | None = None

    @property
    def distance(self) -> float:
        """1 - similarity, in [0, 2]; lower is more alike."""
        return 1.0 - self.similarity
