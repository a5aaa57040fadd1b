"""Find the copies in a collection, and copies of its pictures among others.

Candidates first (`candidates`), then each pair's pixels (`aligning`, `agreement`), then the chance that it
is a copy (`calibration`). Pairs that are the most likely copies are compared first, and a pair whose two
pictures are linked through others already is left out: with a hundred copies of one picture, a hundred
comparisons find them, not five thousand. (Groups ask for the ones they need; see `groups`. They follow
only pairs of which one may go, so others, such as a collage and a picture in it, make no link.)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import numpy.typing as npt

from lookalike import files
from lookalike.duplicates.agreement import Agreement, agree
from lookalike.duplicates.aligning import align
from lookalike.duplicates.calibration import SHIPPED, Calibration
from lookalike.duplicates.candidates import FAR, by_features, by_hash, by_neighbours
from lookalike.duplicates.colours import Colouring, compare_colours
from lookalike.duplicates.groups import UNTOUCHED, doubt
from lookalike.duplicates.hashes import hamming
from lookalike.duplicates.helpers import Crashed
from lookalike.duplicates.laying import Shown, shown
from lookalike.duplicates.looks import Sketch
from lookalike.duplicates.pairs import Box, Match, Pair, Side, Transform
from lookalike.duplicates.reading import Reader
from lookalike.duplicates.sketches import CRASH, TOLD, Kept, Sketches
from lookalike.errors import NotInCollection, PictureError
from lookalike.gallery.base import Gallery, Picture, Space, Vectors
from lookalike.neighbours import graph
from lookalike.progress import Progress, Stages, silent
from lookalike.results import Failure
from lookalike.vectors import cosines

PER_PICTURE = 0.25
"""Pairs of neighbours compared for each picture, on top of those that hashes and patches propose: the most
similar ones. Copies whose patches are all lost keep the look of the whole picture, and are among them.
(Of 240 copies among 639 pictures all were proposed by hashes or patches; it is a net below a net.)"""

Candidates = npt.NDArray[np.int64]
"""(m, 2): pairs of ids, the lower one first."""

_Task = tuple[Kept, Kept, bool | None]
"""Two pictures, and whether patches say that the one is the other's mirror image; None where they do not."""

LIKELY = 20
"""Patches that agree from which a pair is compared before others: most such pairs are copies."""

_SAME = 0.02  # share of a side by which the frames of two pictures may differ that show the same whole
_SHORT_CUTS = 2.0  # grey levels by which the fast JPEG decoder is off at the most, on average (photos: 0.9)
_BATCH = 256


@dataclass(frozen=True, slots=True)
class Compared:
    """What comparing two pictures showed, whether they are copies or not.

    Attributes:
        probability: that they are copies, in [0, 1].
        kind: `pixels`, `near` or `edited`, if they are.
        match: how they lie in each other.
    """

    probability: float
    kind: str
    match: Match


def compare(
    first: Sketch,
    second: Sketch,
    calibration: Calibration,
    same_pixels: Callable[[], bool] = lambda: False,
    *,
    least: float = 0.0,
    mirrored: bool | None = None,
) -> Compared | None:
    """Compare two pictures' pixels.

    Args:
        first: a picture.
        second: another one.
        calibration: tells how likely they are copies.
        same_pixels: whether all their pixels are the same; asked only where that is likely.
        least: the probability from which on they are of interest.
        mirrored: whether the one can only be the other's mirror image, or only not; None when that is not
            known.

    Returns:
        None when nothing of the one was found in the other, or with a lower probability.
    """
    alignment = align(first.features, second.features, first.size, second.size, mirrored)
    if alignment is None and hamming(first.phash, second.phash) > FAR:
        return None
    if _may_be_the_same(first, second) and same_pixels():
        return Compared(1.0, "pixels", _identity(first.size))  # also where there is nothing to align
    if alignment is None:
        return None
    agreement = agree(first.look.grey, second.look.grey, alignment.transform)
    if agreement is None:
        return None
    probability = calibration.probability(agreement)
    if probability < least:
        return None
    match = _match(alignment.inliers, agreement, first, second)
    if not _same_frame(match, first.size, second.size) or agreement.share < UNTOUCHED:
        return Compared(probability, "edited", match)
    return Compared(probability, "near", match)


def part_probability(
    first: Sketch, second: Sketch, match: Match, box: Box, calibration: Calibration
) -> float:
    """The chance that a part of a picture is in another one, at the place where a match puts it; 0 where
    nothing is to be seen."""
    grey = first.look.grey
    unit = np.array(grey.shape[::-1]) / first.size
    left, top, right, bottom = np.rint([*(box[:2] * unit), *(np.add(box[:2], box[2:]) * unit)]).astype(int)
    part = np.ascontiguousarray(grey[max(0, top) : bottom, max(0, left) : right])
    if not part.size:
        return 0.0
    # Both in shares of the longer side, the first from the part's corner.
    matrix = np.array(match.transform) / max(second.size)
    matrix[:, 2] += matrix[:, :2] @ (np.array([max(0, left), max(0, top)]) / unit)
    matrix[:, :2] *= max(part.shape) / unit
    seen = agree(part, second.look.grey, matrix)
    if seen is None:
        return 0.0
    return calibration.probability(seen)


def _may_be_the_same(first: Sketch, second: Sketch) -> bool:
    """Whether it is worth asking whether all pixels are the same."""
    if first.size != second.size or first.look.grey.shape != second.look.grey.shape:
        return False
    if first.jpeg == second.jpeg:
        return np.array_equal(first.look.grey, second.look.grey)
    return float(np.abs(first.look.grey.astype(np.int16) - second.look.grey).mean()) < _SHORT_CUTS


def _identity(size: tuple[int, int]) -> Match:
    side = Side(1.0, 0.0, (0.0, 0.0, float(size[0]), float(size[1])))
    return Match(0, ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0)), 1.0, side, side)


def _match(inliers: int, agreement: Agreement, one: Sketch, other: Sketch) -> Match:
    colours = compare_colours(one.look.colours, other.look.colours, agreement.transform)
    seen = shown(one.look.grey, other.look.grey, agreement.transform)
    first, second = one.size, other.size
    linear = agreement.transform[:, :2] * (max(second) / max(first))
    shift = agreement.transform[:, 2] * max(second)
    (a, b), (c, d) = linear.tolist()
    x, y = shift.tolist()
    transform: Transform = ((a, b, x), (c, d, y))
    back = np.linalg.inv(np.vstack([transform, (0, 0, 1)]))[:2]
    return Match(
        inliers,
        transform,
        float(np.sqrt(abs(a * d - b * c))),
        _side(seen, 0, _box(back, second, first), colours.first),
        _side(seen, 1, _box(np.array(transform), first, second), colours.second),
        agreeing=round(agreement.share, 4),
        blob=round(agreement.blob, 4),
        recoloured=colours.difference,
    )


def _side(seen: Shown, which: int, box: Box, colours: Colouring) -> Side:
    return Side(seen.overlaps[which], seen.extras[which], box, colours.chroma, colours.variety)


def _box(transform: npt.NDArray[np.float64], frame: tuple[int, int], inside: tuple[int, int]) -> Box:
    """Where a frame of this size lies in another one, cut to it: x, y, width, height."""
    width, height = frame
    corners = np.array([(0, 0), (width, 0), (width, height), (0, height)]) @ transform[:, :2].T
    corners = np.clip(corners + transform[:, 2], 0, inside)
    x, y = corners.min(axis=0).tolist()
    right, bottom = corners.max(axis=0).tolist()
    return round(x, 1), round(y, 1), round(right - x, 1), round(bottom - y, 1)


def _same_frame(match: Match, first: tuple[int, int], second: tuple[int, int]) -> bool:
    """Whether the whole of the one is the whole of the other, upright and not mirrored."""
    corners = np.array([(0, 0), (first[0], 0), (0, first[1])], float)
    wanted = np.array([(0, 0), (second[0], 0), (0, second[1])], float)
    transform = np.array(match.transform)
    off = np.abs(corners @ transform[:, :2].T + transform[:, 2] - wanted)
    return bool((off <= _SAME * np.array(second)).all())


# --- all of them -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Found:
    """What was found.

    Attributes:
        pairs: copies. Of three pictures that are copies of each other, two pairs may be enough.
        graph_recall: of the neighbour graph; None when there was none.
        failed: pictures that could not be read.
    """

    pairs: tuple[Pair, ...]
    graph_recall: float | None
    failed: tuple[Failure, ...]


class Finder:
    """Finds copies, and compares two pictures when asked.

    Args:
        gallery: the collection's pictures.
        space: whose vectors say what looks alike.
        sketches: of its pictures, and of the others.
        calibrate: gives what tells how likely a pair is a copy; called once all sketches are there.
        precision: the least probability of a pair, in (0, 1].
        others: pictures outside the gallery, by their negative ids. With any, only pairs of one of
            them with one of the gallery are looked for.
        vectors: their unit vectors, by id.
        between: for each picture the groups it belongs to: only copies across groups are looked for, so
            what all pictures of one group are to each other is left out, and so is a picture in none.
            Pictures with the same bytes belong to the same groups. None looks for all copies.
    """

    def __init__(
        self,
        gallery: Gallery,
        space: Space,
        sketches: Sketches,
        calibrate: Callable[[], Calibration],
        precision: float,
        others: Mapping[int, Picture] | None = None,
        vectors: Mapping[int, Vectors] | None = None,
        between: Mapping[int, frozenset[str]] | None = None,
    ) -> None:
        self._gallery = gallery
        self._space = space
        self._sketches = sketches
        self._calibrate = calibrate
        self._calibration = SHIPPED
        self._precision = precision
        self._others = dict(others or {})
        self._vectors = dict(vectors or {})
        self._between = between
        self._same: dict[int, int] = {}  # id of a picture -> the first with the same bytes
        self._mirrored: dict[tuple[int, int], bool] = {}
        self._known: dict[tuple[int, int], Pair | None] = {}
        self._failed: dict[str, Failure] = {}

    @property
    def compared(self) -> int:
        """Pairs whose pixels were compared."""
        return len(self._known)

    def find(self, progress: Stages | None = None) -> Found:
        """All copies that the candidates lead to."""
        tell = progress or silent
        exact = list(self._exact())
        ids, hashes = self._first_ones()
        for failure in self._sketches.prepare(ids.tolist(), partial(tell, "reading")):
            self._failed[failure.path] = failure
        self._calibration = self._calibrate()
        tell("looking", 0, 0)
        candidates, recall = self._candidates(ids, hashes, partial(tell, "looking"))
        pairs = [*exact, *self._compare_all(candidates, tell)]
        return Found(tuple(pairs), recall, tuple(self._failed.values()))

    def compare(self, first: int, second: int) -> Pair | None:
        """The pair that two pictures are; None when they are no copies. Fit for `groups.stars`."""
        a, b = self._same.get(first, first), self._same.get(second, second)
        if a == b:
            return Pair(first, second, "exact", 1.0, 1.0)
        known = self._compare((min(a, b), max(a, b)))
        if known is None:
            return None
        pair = known if known.first == a else known.reversed()
        return replace(pair, first=first, second=second)

    def compare_part(self, through: Pair, pair: Pair) -> Pair | None:
        """The pair of the first picture of `through` and the second one of `pair`, if the part of the first
        that shows the picture between them is in the second. Fit for `groups.stars`."""
        if through.match is None or pair.match is None:  # the same bytes
            return self.compare(through.first, pair.second)
        whole = through.match.then(pair.match)
        try:
            first, second = (
                self._sketches.sketch(self._same.get(id_, id_)) for id_ in (through.first, pair.second)
            )
            probability = part_probability(first, second, whole, through.match.first.box, self._calibration)
        except (NotInCollection, PictureError):
            return None
        if probability < self._precision:
            return None
        ids = through.first, pair.second
        similarity = self._similarities([ids]).get(ids)
        return Pair(through.first, pair.second, "edited", probability, similarity, whole)

    # --- the same bytes ----------------------------------------------------------------------

    def _exact(self) -> Iterator[Pair]:
        for everywhere in self._gallery.same_content():
            twins = [id_ for id_ in everywhere if self._between is None or id_ in self._between]
            if len(twins) < 2:
                continue
            first, *rest = sorted(twins, key=lambda id_: files.is_gone(self._sketches.picture(id_).path))
            for other in rest:
                self._same[other] = first
                if not self._others:
                    yield Pair(first, other, "exact", 1.0, 1.0)
        for id_, picture in self._others.items():
            twins = [twin.id for twin in self._gallery.with_content(picture.content) if not twin.missing]
            if twins:
                self._same[id_] = self._same.get(twins[0], twins[0])
                yield Pair(twins[0], id_, "exact", 1.0, 1.0)

    def _first_ones(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint64]]:
        """One picture for each content, by ascending id, then the others; with their hashes."""
        ids, hashes = self._gallery.hashes()
        first = ~np.isin(ids, np.fromiter((id_ for id_ in self._same if id_ > 0), np.int64))
        if self._between is not None:
            first &= np.isin(ids, np.fromiter(self._between, np.int64))
        fresh = {id_: picture for id_, picture in self._others.items() if id_ not in self._same}
        theirs = np.array([picture.phash for picture in fresh.values()], np.int64).view(np.uint64)
        return (
            np.concatenate([ids[first], np.fromiter(fresh, np.int64)]),
            np.concatenate([hashes[first], theirs]),
        )

    # --- candidates --------------------------------------------------------------------------

    def _candidates(
        self, ids: npt.NDArray[np.int64], hashes: npt.NDArray[np.uint64], progress: Progress
    ) -> tuple[Candidates, float | None]:
        """Pairs of ids, the most likely copies first, each once; and the graph's recall."""
        old = int((ids > 0).sum()) if self._others else 0
        patches, threads = self._sketches.patches(ids.tolist()), self._sketches.reading.threads
        voted = by_features(patches, len(ids), old=old, threads=threads, progress=progress)
        asked = np.sort(ids[voted.pairs], axis=1).tolist()
        self._mirrored = {(a, b): how for (a, b), how in zip(asked, voted.mirrored.tolist(), strict=True)}
        # Most of the others are no copies; by picture, each is read for several of them.
        order = np.argsort(-np.where(voted.votes >= LIKELY, voted.votes, 0), kind="stable")
        neighbours, recall = self._neighbours(ids)
        places = np.concatenate([by_hash(hashes), voted.pairs[order], neighbours])
        if self._others:
            places = places[(places.min(axis=1) < old) & (places.max(axis=1) >= old)]
        has = np.array([self._sketches.has(id_) for id_ in ids.tolist()], bool)
        pairs = np.sort(ids[places[has[places].all(axis=1)]], axis=1)
        pairs = pairs[self._across(pairs)]
        first = np.sort(np.unique(pairs, axis=0, return_index=True)[1])
        return pairs[first], recall

    def _across(self, pairs: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """Which pairs of ids are pairs across groups."""
        if self._between is None:
            return np.ones(len(pairs), bool)
        between = self._between
        return np.array([len(between[a] | between[b]) > 1 for a, b in pairs.tolist()], bool)

    def _neighbours(self, ids: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], float | None]:
        """Pairs of places of the most similar pictures."""
        if self._others:
            return self._neighbours_of_others(ids), None
        known = graph(self._gallery, self._space)
        place = _places(known.ids, ids)
        neighbours = np.where(known.neighbours >= 0, place[known.neighbours], -1)[place >= 0]
        rows = np.full((len(ids), neighbours.shape[1]), -1, np.int64)
        values = np.full(rows.shape, -1, np.float32)
        rows[place[place >= 0]] = neighbours
        values[place[place >= 0]] = np.asarray(known.similarities, np.float32)[place >= 0]
        most = int(PER_PICTURE * len(ids)) + 1
        return by_neighbours(rows.astype(np.int32), values, most), known.recall

    def _neighbours_of_others(self, ids: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        place = {int(id_): number for number, id_ in enumerate(ids)}
        fresh = [int(id_) for id_ in ids if id_ < 0 and int(id_) in self._vectors]
        pairs = [np.zeros((0, 2), np.int64)]
        for id_ in fresh:
            found = self._gallery.search(self._space, self._vectors[id_][None], 4)[0].ids
            first = {self._same.get(int(other), int(other)) for other in found}
            near = [(place[other], place[id_]) for other in sorted(first) if other in place]
            pairs.append(np.array(near, np.int64).reshape(-1, 2))
        return np.concatenate(pairs)

    # --- comparing ---------------------------------------------------------------------------

    def _compare_all(self, candidates: Candidates, tell: Stages) -> Iterator[Pair]:
        linked = Links()
        for start in range(0, len(candidates), _BATCH):
            part = candidates[start : start + _BATCH].tolist()
            useful = [(a, b) for a, b in part if not linked.are(a, b)]
            for pair in self._compared(useful, _counted(tell, start, len(candidates))):
                if pair is not None:
                    if doubt(pair) is None or doubt(pair.reversed()) is None:
                        linked.link(pair.first, pair.second)
                    yield pair
            tell("comparing", start + len(part), len(candidates))

    def _compared(
        self, pairs: Sequence[tuple[int, int]], progress: Callable[[int], None] = silent
    ) -> Iterator[Pair | None]:
        """The pairs of first ones, the lower id first, that they are; tells how many have been compared."""
        asked = list(self._asked(pairs))
        work = partial(_judged, self._calibration, self._precision)
        seen = []
        for found in self._sketches.reading.spread(work, (task for _, task in asked)):
            seen.append(found)
            if len(seen) % TOLD == 0:
                progress(len(seen))
        similar = self._similarities(
            ids for (ids, _), found in zip(asked, seen, strict=True) if isinstance(found, Compared)
        )
        for (ids, task), found in zip(asked, seen, strict=True):
            self._known[ids] = self._pair(ids, task, found, similar.get(ids))
            yield self._known[ids]

    def _asked(self, pairs: Sequence[tuple[int, int]]) -> Iterator[tuple[tuple[int, int], _Task]]:
        """What to compare of each pair that is not known."""
        kept = self._sketches.kept({id_ for ids in pairs for id_ in ids})
        for ids in pairs:
            if ids[0] in kept and ids[1] in kept:  # not removed by somebody else meanwhile
                yield ids, (kept[ids[0]], kept[ids[1]], self._mirrored.get(ids))

    def _compare(self, ids: tuple[int, int]) -> Pair | None:
        """The pair of two first ones, the lower id first."""
        if ids not in self._known:
            self._known[ids] = next(self._compared([ids]), None)
        return self._known[ids]

    def _pair(
        self,
        ids: tuple[int, int],
        task: _Task,
        seen: Compared | Failure | Crashed | None,
        similarity: float | None,
    ) -> Pair | None:
        if isinstance(seen, Crashed):
            for one in task[:2]:
                path = files.printable(one.picture.path)
                self._failed[path] = Failure(path, CRASH)
            return None
        if isinstance(seen, Failure):
            self._failed[seen.path] = seen
            return None
        if seen is None:
            return None
        return Pair(*ids, seen.kind, seen.probability, similarity, seen.match)

    def _similarities(self, pairs: Iterable[tuple[int, int]]) -> dict[tuple[int, int], float]:
        """The cosines of pairs of pictures, but for those that have been removed meanwhile."""
        asked = list(pairs)
        wanted = sorted({id_ for ids in asked for id_ in ids} - self._vectors.keys())
        vectors = self._vectors | self._vectors_of(wanted)
        there = [ids for ids in asked if ids[0] in vectors and ids[1] in vectors]
        return {(a, b): float(cosines(vectors[a], vectors[b][None])[0]) for a, b in there}

    def _vectors_of(self, ids: Sequence[int]) -> dict[int, Vectors]:
        try:
            return dict(zip(ids, self._gallery.vectors(self._space, ids), strict=True))
        except NotInCollection:
            if len(ids) == 1:
                return {}
            return {id_: vector for one in ids for id_, vector in self._vectors_of([one]).items()}


def _judged(
    calibration: Calibration, precision: float, reader: Reader, task: _Task
) -> Compared | Failure | None:
    """What comparing two pictures showed, if they are copies with that probability."""
    first, second, mirrored = task

    def same_pixels() -> bool:
        return np.array_equal(reader.pixels(first.picture), reader.pixels(second.picture))

    try:
        return compare(
            first.sketch(reader),
            second.sketch(reader),
            calibration,
            same_pixels,
            least=precision,
            mirrored=mirrored,
        )
    except PictureError as error:
        return Failure(error.name or "", error.reason)


class Links:
    """Which pictures are linked, directly or through others (a union-find forest)."""

    def __init__(self) -> None:
        self._above: dict[int, int] = {}

    def are(self, a: int, b: int) -> bool:
        return self._top(a) == self._top(b)

    def link(self, a: int, b: int) -> None:
        self._above[self._top(a)] = self._top(b)

    def _top(self, id_: int) -> int:
        while (above := self._above.get(id_, id_)) != id_:
            self._above[id_] = id_ = self._above.get(above, above)
        return id_


def _counted(tell: Stages, before: int, total: int) -> Callable[[int], None]:
    """Tells of pairs compared after others."""
    return lambda done: tell("comparing", before + done, total)


def _places(known: npt.NDArray[np.int64], ids: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """(n,) where each known id stands in `ids`; -1 where it does not."""
    order = np.argsort(ids, kind="stable")
    at = np.minimum(np.searchsorted(ids[order], known), max(0, len(ids) - 1))
    if not len(ids):
        return np.full(len(known), -1)
    place = order[at]
    result: npt.NDArray[np.int64] = np.where(ids[place] == known, place, -1)
    return result
