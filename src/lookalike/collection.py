"""The façade people import: a directory that knows pictures and finds what looks alike."""

from __future__ import annotations

import json
import os
import re
import threading
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lookalike import exporting, files, finetuning, indexing, maps, models, retraining, teaching, unlabelled
from lookalike.clusters import finding as cluster_finding
from lookalike.clusters.representatives import representatives
from lookalike.clusters.stored import grouping
from lookalike.clusters.updating import update
from lookalike.comparing import bytes_of, embed
from lookalike.duplicates import following, plan, removal, undoing
from lookalike.duplicates import stored as copies_found
from lookalike.duplicates.checking import CANDIDATES, Check
from lookalike.duplicates.decisions import keys
from lookalike.duplicates.keep import Policy
from lookalike.duplicates.plan import Plan
from lookalike.duplicates.reading import Reading
from lookalike.duplicates.search import Request, Search
from lookalike.duplicates.ways import To, is_below
from lookalike.embedder import Embedder
from lookalike.errors import (
    CollectionError,
    CollectionNotFound,
    ModelError,
    NotInCollection,
    PictureError,
    UsageError,
)
from lookalike.evaluation import calibrating, consistency, judging, truth
from lookalike.evaluation.calibration import Calibration
from lookalike.evaluation.calibration import key as calibration_key
from lookalike.explaining import Seen, seen, split
from lookalike.filters import Filter, check_column, parse
from lookalike.gallery.base import Gallery, Matches, Picture, Space, patiently
from lookalike.images import Decoded, Limits, thumbnail_jpeg
from lookalike.metadata import MetadataTable
from lookalike.outliers import doubts
from lookalike.outliers import finding as outlier_finding
from lookalike.outliers import leaks as leaking
from lookalike.plane.keeping import is_laid_out
from lookalike.progress import Attempts, Progress, Stages
from lookalike.query import Region, combine
from lookalike.results import (
    ApplyReport,
    CalibrationReport,
    Clusters,
    CollectionInfo,
    Consistency,
    Copies,
    DoubtfulLabels,
    Duplicates,
    Evaluation,
    Explanation,
    ExportReport,
    Facets,
    Failure,
    FinetuneReport,
    Hit,
    IndexReport,
    Leaks,
    ModelInfo,
    Outliers,
    PictureMap,
    Representatives,
    SearchResult,
    TrainReport,
    UndoReport,
    UnlabelledReport,
)
from lookalike.sandbox import Decoder
from lookalike.training.recipe import CopyRecipe, Recipe
from lookalike.vectors import Vectors

if TYPE_CHECKING:
    from lookalike.comparing import Asked
    from lookalike.images import Source

DEFAULT_DIRECTORY = ".lookalike"
ROOTS = "roots"
"""The note in which the folders that were indexed are kept, as JSON."""
DEFAULT = "default"
"""The note in which the identity of the vectors is kept that are searched when no model is named."""


def default_directory() -> Path:
    """Where a collection is looked for when none is named: `LOOKALIKE_COLLECTION`, else
    `.lookalike` in the current directory."""
    return Path(os.environ.get("LOOKALIKE_COLLECTION") or DEFAULT_DIRECTORY)


def default_threads() -> int:
    """Pictures read side by side unless told otherwise: one for each processor we may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Collection:
    """A collection of pictures in a directory.

    Opening costs nothing: files and models are loaded when they are first needed, and the
    directory is made by the first `add`. One collection may be searched from several threads;
    several processes may read while one writes.

    Example:
        >>> shop = Collection.open("shop.lookalike")        # doctest: +SKIP
        >>> shop.add(["photos/"], metadata="prices.csv")    # doctest: +SKIP
        >>> for hit in shop.search("query.jpg", k=3, where="in_stock").results:  # doctest: +SKIP
        ...     print(hit.rank, hit.path, round(hit.similarity, 3))
    """

    def __init__(
        self,
        directory: Path,
        model: str | None,
        output: str | None,
        runtime: str | None,
        limits: Limits | None = None,
    ) -> None:
        self.directory = directory
        self.limits = limits or Limits()
        self._model, self._output, self._runtime = model, output, runtime
        self._local = threading.local()
        self._decoders: list[Decoder] = []
        self._lock = threading.RLock()
        self._gallery: Gallery | None = None
        self._embedder: Embedder | None = None

    @classmethod
    def open(
        cls,
        directory: str | os.PathLike[str] | None = None,
        *,
        model: str | None = None,
        output: str | None = None,
        runtime: str | None = None,
        limits: Limits | None = None,
    ) -> Collection:
        """The collection in a directory, which need not exist yet.

        Args:
            directory: None means `LOOKALIKE_COLLECTION`, else `.lookalike` here.
            model: name of a model, or path of its ONNX file or card; None means the one the
                collection was made with, or the default one for a new collection.
            output: which of the model's outputs; None means likewise.
            runtime: `onnxruntime` or `openvino`; None means likewise.
            limits: what a picture that is asked about may cost; None for the defaults.
        """
        place = default_directory() if directory is None else Path(directory)
        return cls(place, model, output, runtime, limits)

    # --- parts, made when first needed -------------------------------------------------------

    @property
    def gallery(self) -> Gallery:
        """Where the rows and vectors live.

        Raises:
            CollectionNotFound: there is no collection in the directory yet.
        """
        return self._open_gallery(create=False)

    def _open_gallery(self, *, create: bool) -> Gallery:
        from lookalike.gallery.local import LocalGallery

        with self._lock:
            if self._gallery is None:
                self._gallery = LocalGallery(self.directory, create=create)
            return self._gallery

    @property
    def embedder(self) -> Embedder:
        """The network the collection's vectors are made with.

        Raises:
            CollectionError: the collection has no vectors of the model that was named.
            ModelError: the model is not there, or not the one it was when the vectors were made.
        """
        return self._embedder_of(self.space)

    def _embedder_of(self, space: Space) -> Embedder:
        """The network of a space: another one than before when `use`, perhaps of another process, has changed
        the default."""
        with self._lock:
            if self._embedder is None or self._embedder.identity != space.identity:
                self._embedder = self._embedder_for(space)
            return self._embedder

    @property
    def space(self) -> Space:
        """Whose vectors are searched: those of the model that was named, else of the one that `use` made
        the default, else the oldest ones.

        Raises:
            CollectionError: the collection has no vectors of that model.
        """
        spaces = self.gallery.spaces()
        if (self._model, self._output, self._runtime) == (None, None, None):
            default = self.gallery.note(DEFAULT)
            for space in spaces:
                if space.identity == default:
                    return space
        wanted = [space for space in spaces if self._is_wanted(space)]
        if wanted:
            # Of one model under one name, the latest: its file or card has changed since.
            return [space for space in wanted if _names(space) == _names(wanted[0])][-1]
        if not spaces:
            raise CollectionNotFound(
                f"the collection in {self.directory} is empty: add pictures with `lookalike index FOLDER`"
            )
        known = "; ".join(f"{s.model}, output {s.output}, {s.runtime}" for s in spaces)
        raise CollectionError(
            f"the collection in {self.directory} has no vectors of {self._wanted_name()}: it has {known}. "
            f"Run `lookalike index` with that model first"
        )

    def _is_wanted(self, space: Space) -> bool:
        wanted = [(self._output, space.output), (self._runtime, space.runtime)]
        return all(name is None or name == got for name, got in wanted) and _is_model(self._model, space)

    def _wanted_name(self) -> str:
        return ", ".join(
            f"{kind} {name}"
            for kind, name in (("model", self._model), ("output", self._output), ("runtime", self._runtime))
            if name
        )

    def _embedder_for(self, space: Space) -> Embedder:
        embedder = Embedder.load(space.model, space.output, space.runtime)
        if embedder.identity != space.identity:
            raise ModelError(
                f"model {space.model!r} is not the one this collection was made with, so its vectors cannot "
                f"be compared: bring the old one back, or index into a new collection"
            )
        return embedder

    @property
    def _decoder(self) -> Decoder:
        """This thread's decoder."""
        if not hasattr(self._local, "decoder"):
            self._local.decoder = Decoder(self.limits)
            with self._lock:
                self._decoders.append(self._local.decoder)
        decoder: Decoder = self._local.decoder
        return decoder

    # --- adding and removing -----------------------------------------------------------------

    def add(
        self,
        sources: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
        *,
        metadata: str | os.PathLike[str] | None = None,
        include: Sequence[str] = (),
        exclude: Sequence[str] = (),
        hidden: bool = False,
        threads: int | None = None,
        retry: bool = False,
        limits: Limits | None = None,
        progress: Attempts | None = None,
    ) -> IndexReport:
        """Add pictures, or bring the collection up to date with them.

        Unchanged files are not read again; moved ones are recognised by their bytes; broken
        ones are skipped and listed. Interrupting loses at most the last seconds of work.

        Args:
            sources: folders, files, patterns and lists, as `files.walk` takes them.
            metadata: a CSV, JSON, JSON-lines or Parquet file with a column `path` (or `id`); None keeps
                what is known.
            include: patterns that files in folders must match; empty means all.
            exclude: patterns that they must not match.
            hidden: take hidden files and folders as well.
            threads: pictures read side by side; None means one for each processor.
            retry: read files again that were unusable before and have not changed.
            limits: what one picture may cost; None for the defaults.
            progress: called now and then with files done and failures so far.

        Raises:
            UsageError: a source does not exist, or the metadata file is wrong.
            CollectionBusy: another process is writing.
        """
        workers, named = _threads(threads), _several(sources)
        found = files.walk(named, include=include, exclude=exclude, hidden=hidden)
        roots = [os.path.abspath(source) for source in named if os.path.isdir(source)]
        table = (
            None if metadata is None else MetadataTable.read(Path(metadata), [Path(root) for root in roots])
        )
        space, embedder = self._space_to_add()
        self._remember_roots(roots)
        report = indexing.index(
            self.gallery,
            space,
            embedder,
            found,
            roots=roots,
            metadata=table,
            threads=workers,
            retry=retry,
            limits=limits,
            progress=progress,
        )
        return replace(report, collection=str(self.directory))

    def _remember_roots(self, roots: Sequence[str]) -> None:
        """The folders that were indexed: what is removed as a copy must lie in one of them."""
        known: list[str] = json.loads(self._open_gallery(create=True).note(ROOTS) or "[]")
        if not set(roots) <= set(known):
            with self.gallery.writing() as writing:
                writing.set_note(ROOTS, json.dumps([*known, *(root for root in roots if root not in known)]))

    def _space_to_add(self) -> tuple[Space, Embedder]:
        """The space new vectors go to, and what makes them; the directory is made if needed."""
        try:
            known = self.gallery.spaces()
        except CollectionNotFound:
            known = []
        if self._model is None and any(self._is_wanted(space) for space in known):
            space = self.space
            return space, self._embedder_of(space)
        name = self._model or (known[0].model if known else models.DEFAULT_MODEL)
        embedder = Embedder.load(name, self._output, self._runtime or "onnxruntime")
        self._embedder = embedder
        for space in known:
            if space.identity == embedder.identity:
                return space, embedder
        self._open_gallery(create=True)
        model = embedder.card.name if name == embedder.card.name else os.path.abspath(name)
        space = Space(embedder.identity, model, embedder.output, embedder.runtime, embedder.dimension)
        if (self._model, self._output, self._runtime) != (None, None, None):
            self._model = model
        return space, embedder

    def remove(
        self,
        pictures: Iterable[int | str | os.PathLike[str]] = (),
        *,
        where: str | Filter | None = None,
        missing: bool = False,
    ) -> list[str]:
        """Take pictures out of the collection. Files are never touched.

        Args:
            pictures: ids, paths, and folders, which need not exist any more.
            where: also those it matches.
            missing: also those whose files have vanished.

        Returns:
            The paths of what was removed, in the order of their ids.

        Raises:
            NotInCollection: for an id or path that is unknown.
        """
        chosen = {row.id: row.path for name in pictures for row in self._rows_of(name)}
        if where is not None:
            chosen |= {p.id: p.path for p in self.gallery.pictures(self.filter(where))}
        if missing:
            chosen |= {p.id: p.path for p in self.gallery.pictures() if p.missing}
        with self.gallery.writing() as writing:
            writing.remove(sorted(chosen))
        return [chosen[number] for number in sorted(chosen)]

    def _rows_of(self, name: int | str | os.PathLike[str]) -> list[Picture]:
        """The picture with this id or path, or those in a folder."""
        if not isinstance(name, (int, np.integer)):
            rows = list(self.gallery.pictures(under=os.path.abspath(name)))
            if rows:
                return rows
        return [self.picture(name)]

    # --- looking up --------------------------------------------------------------------------

    def picture(self, which: int | str | os.PathLike[str]) -> Picture:
        """The row of an indexed picture, by id or path.

        Raises:
            NotInCollection: there is none.
        """
        if isinstance(which, (int, np.integer)):
            return self.gallery.get([int(which)])[0]
        path = os.path.abspath(which)
        picture = self.gallery.at_path(path)
        if picture is None:
            raise NotInCollection(
                f"{files.printable(path)} is not in the collection {self.directory}: index it first"
            )
        return picture

    def filter(self, where: str | Filter) -> Filter:
        """A filter expression, checked against the collection's columns.

        Raises:
            FilterError: it cannot be understood; points at the place.
            UsageError: it asks for clusters, and there are none yet.
        """
        wanted = parse(where, self.gallery.columns()) if isinstance(where, str) else where
        asks = "cluster" in wanted.columns() and "cluster" not in self.gallery.columns()
        if asks and not self.gallery.has_partition():
            raise UsageError("there are no clusters yet: `lookalike cluster` finds them")
        return wanted

    def facets(
        self,
        columns: Sequence[str] | None = None,
        *,
        where: str | Filter | None = None,
        values: int = 20,
    ) -> Facets:
        """Which values pictures have, and how many have each: what one can choose by.

        Args:
            columns: of the metadata, or built-in ones; None for all of the metadata, and the built-in ones
                that tell pictures apart by more than a number each: format, folder, and the cluster where
                there are clusters.
            where: only pictures it matches.
            values: of each column, how many to list at most, the most frequent ones first.

        Raises:
            UsageError: a column is unknown, or `values` is less than 1.
        """
        if values < 1:
            raise UsageError(f"values must be at least 1, got {values}")
        known, allowed = self.gallery.columns(), None if where is None else self.filter(where)
        for name in columns or ():
            check_column(name, known)
        grouped = ["cluster"] if self.gallery.has_partition() else []
        names = list(dict.fromkeys([*known, *grouped, "folder", "format"] if columns is None else columns))
        found = self.gallery.facets(names, allowed, values=values)
        return Facets(self.gallery.count(allowed), tuple(found))

    def info(self) -> CollectionInfo:
        """What is in the collection."""
        gallery = self.gallery
        images, missing, picture_bytes = gallery.totals()
        return CollectionInfo(
            collection=str(self.directory),
            images=images,
            missing=missing,
            failed=sum(1 for _ in gallery.failures()),
            models=tuple(self._model_info(space) for space in self._default_first(gallery.spaces())),
            columns=dict(gallery.columns()),
            bytes=gallery.bytes_used(),
            picture_bytes=picture_bytes,
            clusters=grouping(gallery),
        )

    def _default_first(self, spaces: Sequence[Space]) -> list[Space]:
        default = self.gallery.note(DEFAULT)
        return sorted(spaces, key=lambda space: space.identity != default)

    def _model_info(self, space: Space) -> ModelInfo:
        gallery = self.gallery
        index = gallery.index_info(space)
        return ModelInfo(
            model=space.model,
            output=space.output,
            runtime=space.runtime,
            identity=space.identity,
            dimension=space.dimension,
            vectors=index.vectors,
            index=index.kind,
            recall=index.recall,
            mapped=is_laid_out(gallery, space),
        )

    def roots(self) -> list[str]:
        """The folders that were indexed, as absolute paths, in that order."""
        known: list[str] = json.loads(self.gallery.note(ROOTS) or "[]")
        return known

    def failures(self) -> Iterator[Failure]:
        """The files that are remembered as no usable pictures, each with its reason, by path."""
        return (Failure(file.path, reason) for file, reason in self.gallery.failures())

    def thumbnail(self, name: str | bytes, side: int = 320) -> bytes | None:
        """A small JPEG of a picture, for pages.

        Args:
            name: a path, `#ID` for an indexed picture, or the bytes of a picture.
            side: pixels of the longer side.

        Returns:
            None when the picture cannot be read any more.
        """
        try:
            indexed = isinstance(name, str) and re.fullmatch(r"#\d+", name)
            source = self.picture(int(name[1:])).path if indexed else name
            return thumbnail_jpeg(self._decoder.decode(source, min_side=side).rgb, side)
        except (PictureError, NotInCollection, ValueError):
            return None

    def decode(self, picture: Source, min_side: int) -> Decoded:
        """A picture as `search` sees it, within the collection's limits; see `Decoder.decode`.

        Raises:
            PictureError: it is no usable picture.
        """
        return self._decoder.decode(picture, min_side)

    # --- searching ---------------------------------------------------------------------------

    def search(
        self,
        picture: Asked,
        k: int = 10,
        *,
        also: Iterable[Asked] = (),
        against: Iterable[Asked] = (),
        region: Region | str | None = None,
        where: str | Filter | None = None,
        threshold: float | None = None,
        exact: bool = False,
        include_self: bool = False,
    ) -> SearchResult:
        """The pictures that look most like this one.

        Args:
            picture: a path, bytes, a NumPy array, a Pillow image, or the id of an indexed
                picture. A path whose file is indexed and unchanged is not read again.
            k: how many at most.
            also: further pictures the results should look like.
            against: pictures they should not look like.
            region: the part of `picture` that matters, as `X,Y,WIDTH,HEIGHT` in pixels or, when
                all four are at most 1, in shares of the picture.
            where: a filter expression over the metadata; answered exactly.
            threshold: least similarity, in [-1, 1].
            exact: forbid approximation.
            include_self: keep the query pictures themselves among the results. Otherwise a
                picture is left out when it is indexed at the same path or, for one that is
                not, when it has the same bytes.

        Raises:
            PictureError: a picture cannot be used.
            NotInCollection: an id is unknown.
            FilterError, UsageError: an argument is wrong.
        """
        if k < 1:
            raise UsageError(f"k must be at least 1, got {k}")
        if threshold is not None and not -1 <= threshold <= 1:
            raise UsageError(f"threshold must be a similarity from -1 to 1, got {threshold}")
        chosen = Region.parse(region) if isinstance(region, str) else region
        space = self.space  # one to the end: `use` may change it meanwhile
        positive = [self._asked(space, picture, chosen), *(self._asked(space, p, None) for p in also)]
        negative = [self._asked(space, p, None) for p in against]
        vector = combine(
            _stack([a.vector for a in positive], space), _stack([a.vector for a in negative], space)
        )
        own = set() if include_self else {number for asked in positive + negative for number in asked.ids}
        allowed = None if where is None else self.filter(where)
        matches = self.gallery.search(space, vector[None], k + len(own), where=allowed, exact=exact)[0]
        hits = self._hits(matches, own, k, threshold)
        if len(positive) + len(negative) == 1:  # chances are those of one picture's hits, not of mixtures
            hits = self._with_chances(space, hits)
        return SearchResult(_name(picture), hits)

    @property
    def calibration(self) -> Calibration | None:
        """The curve that makes chances of similarities; None until `calibrate` has fitted one."""
        return self._calibration_of(self.space)

    def _calibration_of(self, space: Space) -> Calibration | None:
        return Calibration.loads(self.gallery.note(calibration_key(space.identity)))

    def _with_chances(self, space: Space, hits: tuple[Hit, ...]) -> tuple[Hit, ...]:
        calibrated = self._calibration_of(space)
        if calibrated is None:
            return hits
        chances = calibrated.probability([hit.similarity for hit in hits]).tolist()
        return tuple(
            replace(hit, probability=round(chance, 4)) for hit, chance in zip(hits, chances, strict=True)
        )

    def _hits(self, matches: Matches, own: set[int], k: int, threshold: float | None) -> tuple[Hit, ...]:
        least = -1.0 if threshold is None else threshold
        pairs = [
            (int(number), float(similarity))
            for number, similarity in zip(matches.ids, matches.similarities, strict=True)
            if int(number) not in own and similarity >= least
        ][:k]
        rows = {row.id: row for row in self.gallery.still_there([number for number, _ in pairs])}
        there = [(rows[number], similarity) for number, similarity in pairs if number in rows]
        return tuple(
            Hit(
                rank,
                row.id,
                row.path,
                similarity,
                missing=row.missing,
                metadata=row.metadata,
                cluster=row.cluster,
                width=row.width,
                height=row.height,
            )
            for rank, (row, similarity) in enumerate(there, start=1)
        )

    def _asked(self, space: Space, picture: Asked, region: Region | None) -> _Asked:
        """The vector of what is asked for, and the ids of the same picture in the collection."""
        if isinstance(picture, (int, np.integer)):
            return self._asked_row(space, self.picture(int(picture)), region)
        if isinstance(picture, (str, os.PathLike)):
            row = self.gallery.at_path(os.path.abspath(picture))
            if row is not None and self._is_as_indexed(row):
                return self._asked_row(space, row, region)
            data: Source = files.read(picture, max_bytes=self._decoder.limits.max_bytes)
            same = [row.id] if row is not None else self._ids_with(data)
            try:
                return _Asked(self._embed(space, data, region), same)
            except PictureError as error:
                raise PictureError(error.reason, files.printable(os.fspath(picture))) from error
        return _Asked(self._embed(space, picture, region), self._ids_with(picture))

    def _asked_row(self, space: Space, row: Picture, region: Region | None) -> _Asked:
        if region is None:
            # A picture may have come with another model and have no vector of this one.
            with suppress(NotInCollection):
                return _Asked(self.gallery.vectors(space, [row.id])[0], [row.id])
        return _Asked(self._embed(space, row.path, region), [row.id])

    def _is_as_indexed(self, row: Picture) -> bool:
        """Whether what is known of a picture can stand for its file: it has not changed, or
        there is none any more."""
        try:
            return files.identify(row.path) == row.file
        except PictureError:
            return files.is_gone(row.path)

    def _ids_with(self, picture: Source) -> list[int]:
        if not isinstance(picture, bytes):
            return []
        return [row.id for row in self.gallery.with_content(files.content_hash(picture))]

    def _embed(self, space: Space, picture: Source, region: Region | None) -> Vectors:
        return embed(self._embedder_of(space), self._decoder, picture, region)

    def explain(
        self,
        query: Asked,
        picture: Asked,
        *,
        also: Iterable[Asked] = (),
        against: Iterable[Asked] = (),
        region: Region | str | None = None,
    ) -> Explanation:
        """Which parts of the pictures make them as alike as `search` says.

        Args:
            query: a path, bytes, a NumPy array, a Pillow image, or the id of an indexed picture.
            picture: likewise: what was found.
            also: as for `search`.
            against: as for `search`.
            region: the part of `query` that matters, as for `search`.

        Raises:
            PictureError: a picture cannot be used; also when its file is gone or has changed since it was
                indexed: its vector is known, and its places are not.
            NotInCollection: an id is unknown.
            ModelError: the model has no feature map.
            UsageError: an argument is wrong.
        """
        chosen = Region.parse(region) if isinstance(region, str) else region
        space = self.space
        return split(
            [self._seen(space, query, chosen), *(self._seen(space, one, None) for one in also)],
            [self._seen(space, one, None) for one in against],
            self._seen(space, picture, None),
        )

    def _seen(self, space: Space, picture: Asked, region: Region | None) -> Seen:
        vector = self._asked(space, picture, region).vector
        source: Source = picture  # type: ignore[assignment]
        if isinstance(picture, (int, np.integer)):
            row = self.picture(int(picture))
            if not self._is_as_indexed(row):
                raise PictureError("has changed since it was indexed: index it again", _name(picture))
            source = row.path
        return seen(self._embedder_of(space), self._decoder, source, _name(picture), region, vector)

    # --- clusters ----------------------------------------------------------------------------

    def clusters(
        self,
        k: int | None = None,
        *,
        level: int | None = None,
        by: str | None = None,
        blend: Mapping[str, float] | None = None,
        where: str | Filter | None = None,
        progress: Stages | None = None,
    ) -> Clusters:
        """How the collection falls into groups. They are kept with it: `cluster == 12` can be asked for.

        Args:
            k: so many clusters, by k-means. None: communities of the neighbour graph, which find the
                number themselves and leave pictures with no dense neighbourhood as noise.
            level: of communities, from 1, coarse, to 5, fine: each cluster lies within one of the
                coarser level. None means 3.
            by: a column; clusters lie within the pictures of one value.
            blend: columns that pull, each with a weight from 0, no pull, to 1, only equal values
                hold together.
            where: only pictures it matches; the others are in no cluster.
            progress: called now and then with what is being done, how much is done, and of how much.

        Raises:
            UsageError: an argument is wrong, or there are no pictures.
        """
        asked = cluster_finding.Request(
            k, level, by, tuple((blend or {}).items()), None if where is None else self.filter(where)
        )
        return cluster_finding.find(self.gallery, self.space, asked, progress)

    def kept_clusters(self) -> Clusters | None:
        """The clusters that `clusters` or `update_clusters` kept last; None when there are none.

        Pictures that have come or changed since are in none of them.
        """
        return cluster_finding.kept_before(self.gallery, self.space)

    def update_clusters(self, *, progress: Stages | None = None) -> Clusters:
        """Put pictures that have come or changed since into the clusters there are; the others stay.

        Args:
            progress: as for `clusters`.

        Raises:
            UsageError: there are no clusters yet.
        """
        return update(self.gallery, self.space, progress)

    def representatives(
        self, count: int, *, where: str | Filter | None = None, progress: Stages | None = None
    ) -> Representatives:
        """Pictures that cover the collection: every picture is near one of them.

        Args:
            count: how many at most.
            where: only among pictures it matches.
            progress: as for `clusters`.

        Raises:
            UsageError: count is less than 1 or more than there are pictures.
        """
        wanted = None if where is None else self.filter(where)
        return representatives(self.gallery, self.space, count, wanted, progress)

    # --- what does not belong ----------------------------------------------------------------

    def outliers(
        self,
        *,
        where: str | Filter | None = None,
        threshold: float = 0.5,
        threads: int | None = None,
        progress: Stages | None = None,
    ) -> Outliers:
        """The pictures that stand out: far from all others, nearly blank, dark, blurred, tiny …

        Pixels are looked at once: what was measured is kept with the collection.

        Args:
            where: only pictures it matches are looked at, and compared among themselves.
            threshold: the least score, in [0, 1]; one half is what stands out.
            threads: pictures read side by side; None means one for each processor.
            progress: called now and then with what is being done, how much is done, and of how much.

        Raises:
            UsageError: an argument is wrong, or there are no pictures.
        """
        with Reading(_threads(threads)) as reading:
            return outlier_finding.find(
                self.gallery,
                self.space,
                reading,
                where=None if where is None else self.filter(where),
                threshold=threshold,
                progress=progress,
            )

    def doubtful_labels(
        self,
        column: str,
        *,
        where: str | Filter | None = None,
        threshold: float = doubts.THRESHOLD,
        progress: Stages | None = None,
    ) -> DoubtfulLabels:
        """The pictures whose neighbours disagree with their label, and the label these suggest.

        Args:
            column: of the metadata, with the labels.
            where: only pictures it matches are looked at, and compared among themselves.
            threshold: the least score, in [0, 1]; one half is undecided.
            progress: called now and then with what is being done, how much is done, and of how much.

        Raises:
            UsageError: an argument is wrong, the labels cannot be told apart, or there are no pictures.
        """
        chosen = None if where is None else self.filter(where)
        return doubts.find(
            self.gallery, self.space, column, where=chosen, threshold=threshold, progress=progress
        )

    def leaks(
        self,
        column: str,
        *,
        where: str | Filter | None = None,
        precision: float = leaking.PRECISION,
        threads: int | None = None,
        progress: Stages | None = None,
    ) -> Leaks:
        """The pictures that splits share: copies of training pictures among those for testing.

        Args:
            column: of the metadata: which split a picture is in.
            where: only pictures it matches are looked at.
            precision: least probability that a pair are copies, in (0, 1].
            threads: pictures compared side by side; None means one for each processor.
            progress: called now and then with what is being done, how much is done, and of how much.

        Raises:
            UsageError: an argument is wrong, the column has no splits, or there are no pictures.
        """
        with Reading(_threads(threads)) as reading:
            return leaking.find(
                self.gallery,
                self.space,
                reading,
                column,
                where=None if where is None else self.filter(where),
                precision=precision,
                progress=progress,
            )

    # --- duplicates --------------------------------------------------------------------------

    def duplicates(
        self,
        paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]] | None = None,
        *,
        precision: float = 0.99,
        keep: str | Policy | None = None,
        reference: str | os.PathLike[str] | Iterable[str | os.PathLike[str]] = (),
        bursts: bool = False,
        threads: int | None = None,
        progress: Stages | None = None,
    ) -> Duplicates:
        """The copies in the collection, or those of its pictures among new ones. No picture is changed.

        What is found in the collection is kept with it: `found_duplicates` tells it again. Where it cannot be
        kept, because somebody else writes for seconds on end or nothing can be written, a warning says so.

        Args:
            paths: None looks within the collection. Otherwise files and folders, as for `add`: which
                of these pictures are copies of one in the collection? Each group then is a picture
                of the collection and its copies among them; `new` are those without any.
            precision: the least probability of a pair, in (0, 1].
            keep: rules that choose the picture to keep, as `duplicates.keep.Policy` has them, e.g.
                `"pixels,oldest"`; None for the default ones.
            reference: folders whose pictures are never proposed for removal.
            bursts: also show photos taken within seconds of each other that look alike, as kind
                `burst`; their removal is not proposed.
            threads: pictures compared side by side; None means one for each processor.
            progress: called now and then with what is being done, how much is done, and of how much.

        Raises:
            UsageError: an argument is wrong.
        """
        if not 0 < precision <= 1:
            raise UsageError(f"precision must be more than 0 and at most 1, got {precision}")
        policy = keep if isinstance(keep, Policy) else Policy.parse(keep) if keep else Policy()
        asked = Request(precision, policy, tuple(map(os.path.abspath, _several(reference))), bursts)
        with Reading(_threads(threads)) as reading:
            search = Search(self.gallery, self.space, reading, asked, progress)
            if paths is not None:
                return search.among(self.embedder, files.walk(_several(paths)))
            found = search.within()
        try:
            patiently(lambda: copies_found.keep(self.gallery, found))
        except CollectionError as error:  # what took so long to find is not lost with it
            warnings.warn(f"what was found could not be kept with the collection: {error}", stacklevel=2)
        return found

    def found_duplicates(self) -> copies_found.Stored | None:
        """The copies that the last `duplicates` found in the collection, and when.

        Pictures that have gone or changed since, and pairs that were decided to be `distinct`, are left out.
        None when copies were never looked for.
        """
        told = copies_found.read(self.gallery.note(copies_found.NOTE))
        return None if told is None else replace(told, found=copies_found.current(self.gallery, told.found))

    def copies(self, picture: Asked, *, precision: float = 0.99, candidates: int = CANDIDATES) -> Copies:
        """Which pictures of the collection one picture is a copy of, or that are copies of it.

        Only those with the same bytes and the nearest ones are looked at, which takes a second or less;
        `duplicates` finds more, and takes longer.

        Args:
            picture: a path, bytes, or the id of an indexed picture, which is no copy of itself.
            precision: the least probability, in (0, 1].
            candidates: how many of the nearest are compared, at least 1.

        Raises:
            PictureError: it is no usable picture.
            NotInCollection: an id is unknown.
            UsageError: an argument is wrong.
        """
        if not 0 < precision <= 1:
            raise UsageError(f"precision must be more than 0 and at most 1, got {precision}")
        if candidates < 1:
            raise UsageError(f"candidates must be at least 1, got {candidates}")
        own = self.picture(int(picture)) if isinstance(picture, (int, np.integer)) else None
        data = bytes_of(own.path if own else picture, self.limits)
        if data is None:
            raise UsageError("copies takes a path, bytes or an id: an array has no file to compare with")
        check = Check(data, self._decoder.decode, self.limits)
        space = self.space
        vector = self._embed(space, data, None)
        found, failed, compared = check.against(self.gallery, space, vector, precision, candidates)
        others = tuple(copy for copy in found if own is None or copy.picture.id != own.id)
        return Copies(_name(picture), others, compared, failed)

    def plan(
        self,
        found: Duplicates,
        paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]] | None = None,
    ) -> Plan:
        """The plan that removes the copies that nothing speaks against.

        Args:
            found: what `duplicates` gave.
            paths: the ones `duplicates` was given; None likewise. Nothing outside of them, or of
                the folders that were indexed, is ever touched by the plan.
        """
        roots = (
            [os.path.abspath(path) for path in _several(paths)] if paths is not None else self._roots(found)
        )
        folders = [root if os.path.isdir(root) else os.path.dirname(root) for root in roots]
        return plan.make(found.groups, roots=folders, collection=self.directory)

    def _roots(self, found: Duplicates) -> list[str]:
        """The indexed folders; and those of pictures that were indexed by themselves."""
        known = self.roots()
        paths = [member.path for group in found.groups for member in group.members]
        outside = [path for path in paths if not any(is_below(path, root) for root in known)]
        return known + sorted({os.path.dirname(path) for path in outside})

    def apply(
        self,
        planned: Plan,
        *,
        to: str | os.PathLike[str] = "trash",
        merge_metadata: bool = False,
        progress: Attempts | None = None,
    ) -> ApplyReport:
        """Remove what a plan says, as far as it is safe, so that `undo` can bring it back.

        Args:
            planned: a plan, of `plan` or of `lookalike.duplicates.plan.read`.
            to: `trash`, `hardlink`, or the path of a quarantine folder.
            merge_metadata: what is known about a removed picture goes to the one kept, where
                that says nothing about it.
            progress: called now and then with pictures done and skipped.

        Raises:
            UsageError: `to` cannot be used.
            CollectionError: no journal can be written, or another process is writing; nothing was done.
        """
        with self.gallery.writing() as writing:  # before anything is done: others may be writing
            report = removal.apply(
                planned,
                to=_destination(to),
                journal_folder=self.directory / "journals",
                check_decodable=self._check_decodable,
                progress=progress,
            )
            if report.journal is not None:
                following.follow(
                    self.gallery, writing, planned, report, merge=merge_metadata, hardlink=to == "hardlink"
                )
        return report

    def rehearse(self, planned: Plan, *, to: str | os.PathLike[str] = "trash") -> ApplyReport:
        """What `apply` would do, with the same checks; nothing is changed."""
        return removal.rehearse(planned, to=_destination(to), check_decodable=self._check_decodable)

    def undo(self, journal: str | os.PathLike[str]) -> UndoReport:
        """Bring back what `apply` removed, also after a crash, and the metadata as they were.

        Args:
            journal: the file that `apply` named.

        Raises:
            UsageError: there is no such journal.
        """
        report = undoing.undo(journal, revert={"metadata": partial(following.revert_metadata, self.gallery)})
        try:
            with self.gallery.writing() as writing:
                # Not only those of this call: an earlier one may have found the gallery busy.
                missing = [row for row in self.gallery.pictures() if row.missing]
                back = [row.id for row in missing if self._is_as_indexed(row) and not files.is_gone(row.path)]
                writing.mark_missing(back, missing=False)
        except CollectionError:  # the files are back, which is what counts; `add` sees them
            pass
        return report

    def distinct(self, pictures: Sequence[int | str | os.PathLike[str]], *, forget: bool = False) -> int:
        """Remember that none of these pictures is a duplicate of another one of them.

        The decision goes by the pictures' bytes: it holds when they are moved, and indexed again. Between
        files with the same bytes it goes by their paths as well, and ends when one is moved.

        Args:
            pictures: ids or paths of at least two.
            forget: forget the decision instead.

        Returns:
            How many pairs that are.

        Raises:
            NotInCollection: one is unknown.
            UsageError: fewer than two.
        """
        rows = {row.id: row for row in map(self.picture, pictures)}
        if len(rows) < 2:
            raise UsageError(f"distinct takes at least two pictures, got {len(rows)}")
        pairs = [keys(*two) for two in combinations([(row.content, row.path) for row in rows.values()], 2)]
        with self.gallery.writing() as writing:
            writing.set_distinct(pairs, not forget)
        return len(pairs)

    def _check_decodable(self, data: bytes) -> None:
        if self._decoder.decode(data, min_side=64).truncated:
            raise PictureError("is damaged or ends early")

    # --- evaluation --------------------------------------------------------------------------

    def evaluate(
        self,
        label: str | None = None,
        *,
        pairs: str | os.PathLike[str] | None = None,
        queries: str | Filter | None = None,
        gallery: str | Filter | None = None,
        worst: int = judging.WORST,
        progress: Progress | None = None,
    ) -> Evaluation:
        """How well the collection's model finds what belongs together, on the collection's pictures.

        Args:
            label: a column whose values say what belongs together.
            pairs: instead, a table of pictures that belong together; see `evaluation.truth.read_pairs`.
            queries: a filter expression for the pictures that are searched for; None means all.
            gallery: a filter expression for the pictures that are searched; None means all.
            worst: how many of the worst queries are told.
            progress: called with queries done, and of how many.

        Raises:
            UsageError: not exactly one of label and pairs, an unknown column, or nothing to find.
        """
        if (label is None) == (pairs is None):
            raise UsageError("evaluate needs to know what belongs together: give a label or pairs")
        asked, searched = (None if where is None else self.filter(where) for where in (queries, gallery))
        task = judging.Asked(label, self._pairs(pairs), asked, searched, worst)
        return judging.judge(self.gallery, self.space, task, progress)

    def consistency(self, progress: Progress | None = None) -> Consistency:
        """How much similarities move when a picture is saved again, resized or mirrored, and whether they are
        the same on every run; on some of the collection's pictures.

        Args:
            progress: called with pictures done, and of how many.

        Raises:
            UsageError: no picture can be read any more.
        """
        return consistency.consistency(self.gallery, self.space, self.embedder, progress)

    def calibrate(
        self,
        label: str | None = None,
        *,
        pairs: str | os.PathLike[str] | None = None,
        where: str | Filter | None = None,
        precision: float | None = None,
        recall: float | None = None,
        progress: Progress | None = None,
    ) -> CalibrationReport:
        """Learn how likely a similarity means the same thing; `search` then says it of each hit.

        Args:
            label: a column whose values say what belongs together.
            pairs: instead, a table of pictures that belong together; see `evaluation.truth.read_pairs`.
                Without either, pictures are edited: the same thing is then the same picture.
            where: a filter expression for the queries; None means all.
            precision: tell the threshold for this precision, in (0, 1]; None tells several.
            recall: also tell the threshold for this recall, in (0, 1].
            progress: called with pictures edited, and of how many.

        Raises:
            UsageError: both label and pairs, an unknown column, or too little to calibrate from.
            CollectionBusy: another process is writing.
        """
        if label is not None and pairs is not None:
            raise UsageError("calibrate takes a label or pairs, not both")
        if label is None and pairs is None:
            hits = calibrating.from_edits(self.gallery, self.space, self.embedder, progress)
            source = "edited pictures"
        else:
            asked = judging.Asked(label, self._pairs(pairs), None if where is None else self.filter(where))
            hits = calibrating.from_truth(self.gallery, self.space, asked)
            source = f"column {label}" if label else "pairs"
        return calibrating.calibrate(
            self.gallery, self.space, hits, source, precision=precision, recall=recall
        )

    def _pairs(self, file: str | os.PathLike[str] | None) -> truth.PairList | None:
        if file is None:
            return None
        return truth.read_pairs(Path(file), self.gallery, json.loads(self.gallery.note(ROOTS) or "[]"))

    # --- the map -----------------------------------------------------------------------------

    def map(
        self,
        file: str | os.PathLike[str] | None = None,
        *,
        colour: str | None = None,
        where: str | Filter | None = None,
        title: str | None = None,
        size: float = 30.0,
        fresh: bool = False,
        threads: int | None = None,
        progress: Stages | None = None,
    ) -> PictureMap:
        """Lay all pictures out in the plane, near to each other what looks alike, and draw them.

        The layout is kept; pictures that come later are placed into it, and the others stay where they
        are.

        Args:
            file: a page (`.html`) or a figure (`.png`, `.svg`); None draws nothing.
            colour: a metadata column, `cluster` or `folder` to colour by; None for what says most.
            where: show only the pictures it matches; all are laid out.
            title: heading; None for the collection's name.
            size: about how large a page may become, in megabytes: thumbnails are as large as that allows.
            fresh: lay everything out anew.
            threads: pictures read side by side; None means one for each processor.
            progress: called now and then with what is being done, how much is done, and of how much.

        Raises:
            UsageError, FilterError: an argument is wrong, or there is no picture to draw.
            LookalikeError: the file cannot be written.
        """
        name = title or _title(self.directory.resolve())
        workers = _threads(threads)
        drawing = None if file is None else maps.Drawing(Path(file), name, colour, size, workers)
        return maps.laid_out(
            self.gallery,
            self.space,
            where=None if where is None else self.filter(where),
            fresh=fresh,
            drawing=drawing,
            progress=progress,
        )

    def stored_map(self) -> dict[str, Any] | None:
        """The map that was laid out last, as the page of `map` reads it: see `reports.map_data.as_plain`.

        Pictures that came later are not in it. None when nothing was laid out.
        """
        return maps.stored_map(self.gallery, self.space)

    # --- taking vectors elsewhere ------------------------------------------------------------

    def export(self, file: str | os.PathLike[str], *, where: str | Filter | None = None) -> ExportReport:
        """Write vectors and metadata to a file: `.npz` for NumPy, `.parquet` for everything else.

        Args:
            file: where to; nothing is overwritten.
            where: a filter expression for the pictures; None means all.

        Raises:
            UsageError: another ending, or the file exists.
            MissingExtra: for Parquet without the extra `parquet`.
        """
        chosen = None if where is None else self.filter(where)
        return exporting.export(self.gallery, self.space, Path(file), chosen)

    # --- training ----------------------------------------------------------------------------

    def train(
        self,
        name: str,
        label: str | None = None,
        *,
        pairs: str | os.PathLike[str] | None = None,
        where: str | Filter | None = None,
        output: str | None = None,
        threads: int | None = None,
        progress: Stages | None = None,
    ) -> TrainReport:
        """Make a model that has learned from the collection what belongs together.

        It is the present model with an adapter, a linear map of its vectors. A part of the pictures is held
        out to see whether it is better; if so, the collection uses it from now on.

        Args:
            name: what the new model is called.
            label: a column whose values say what belongs together.
            pairs: instead, a table of pictures that belong together; see `evaluation.truth.read_pairs`.
            where: a filter expression for the pictures it learns from; None means all.
            output: the base's output that is mapped; None means the longest. Pictures are read
                when the collection lacks its vectors.
            threads: pictures read side by side then; None means one for each processor.
            progress: called with what is being done, how much is done, and of how much.

        Raises:
            UsageError: not exactly one of label and pairs, an unknown column, too little to learn from, or
                pairs that contradict each other.
            ModelError: the name is taken or cannot be used.
            CollectionBusy: another process is writing.
        """
        lesson = self._lesson(name, label, pairs, where, output, threads)
        report = teaching.teach(self.gallery, self.space, lesson, progress)
        if report.better:
            self.use(name)
        return replace(report, default=report.better)

    def _lesson(
        self,
        name: str,
        label: str | None,
        pairs: str | os.PathLike[str] | None,
        where: str | Filter | None,
        output: str | None,
        threads: int | None,
    ) -> teaching.Lesson:
        if (label is None) == (pairs is None):
            raise UsageError("train needs to know what belongs together: give a label or pairs")
        chosen = None if where is None else self.filter(where)
        return teaching.Lesson(name, label, self._pairs(pairs), chosen, output, _threads(threads))

    def finetune(
        self,
        name: str,
        label: str | None = None,
        *,
        pairs: str | os.PathLike[str] | None = None,
        where: str | Filter | None = None,
        output: str | None = None,
        recipe: Recipe | None = None,
        threads: int | None = None,
        progress: Stages | None = None,
        told: retraining.Told | None = None,
    ) -> FinetuneReport:
        """Make a model by training the present one's network on with the collection's pictures.

        Needs the extra `train`. Where training stands is kept after each epoch: the same call goes on
        from there after an interruption. If the new model is better, the collection uses it from now on.

        Args:
            name: what the new model is called.
            label: a column whose values say what belongs together.
            pairs: instead, a table of pictures that belong together; see `evaluation.truth.read_pairs`.
            where: a filter expression for the pictures it learns from; None means all.
            output: the output that is trained; None means the one that is searched now.
            recipe: how to train; None means `training.recipe.Recipe()`.
            threads: pictures read side by side for the new vectors; None means one for each processor.
            progress: called with what is being done, how much is done, and of how much.
            told: called after each epoch with its figures, and the number of epochs.

        Raises:
            MissingExtra: PyTorch is not installed.
            UsageError: not exactly one of label and pairs, an unknown column, too little to learn from, or
                pairs that contradict each other.
            ModelError: the name is taken or cannot be used, or the network cannot be trained.
            CollectionBusy: another process is writing.
        """
        lesson = self._lesson(name, label, pairs, where, output, threads)
        report = finetuning.finetune(self.gallery, self.space, lesson, recipe or Recipe(), progress, told)
        if report.better:
            self.use(name)
        return replace(report, default=report.better)

    def train_unlabelled(
        self,
        name: str,
        *,
        where: str | Filter | None = None,
        output: str | None = None,
        recipe: CopyRecipe | None = None,
        threads: int | None = None,
        progress: Stages | None = None,
        told: retraining.Told | None = None,
    ) -> UnlabelledReport:
        """Make a model that finds copies better, by training the present one's network on with the
        collection's pictures and edits of them; nothing need be known about them.

        Needs the extra `train`. Where training stands is kept after each epoch: the same call goes on
        from there after an interruption. If the new model is better, the collection uses it from now on.

        Args:
            name: what the new model is called.
            where: a filter expression for the pictures it learns from; None means all.
            output: the output that is trained; None means the one that is searched now.
            recipe: how to train; None means `training.recipe.CopyRecipe()`.
            threads: pictures read side by side for the new vectors; None means one for each processor.
            progress: called with what is being done, how much is done, and of how much.
            told: called after each epoch with its figures, and the number of epochs.

        Raises:
            MissingExtra: PyTorch is not installed.
            UsageError: there are too few pictures.
            ModelError: the name is taken or cannot be used, or the network cannot be trained.
            LookalikeError: there is too little memory.
            CollectionBusy: another process is writing.
        """
        chosen = None if where is None else self.filter(where)
        lesson = teaching.Lesson(name, where=chosen, output=output, threads=_threads(threads))
        report = unlabelled.train_unlabelled(
            self.gallery, self.space, lesson, recipe or CopyRecipe(), progress, told
        )
        if report.better:
            self.use(name)
        return replace(report, default=report.better)

    def use(self, model: str, output: str | None = None, runtime: str | None = None) -> Space:
        """Search with this model from now on, unless another one is named. The vectors that it lacks are
        mapped or made first; then all readers change over at once.

        Raises:
            ModelError: there is no such model.
            CollectionBusy: another process is writing.
        """
        known = self.gallery.spaces()
        embedder = Embedder.load(model, output, runtime or (known[0].runtime if known else "onnxruntime"))
        name = model if model == embedder.card.name else os.path.abspath(model)
        same = [space for space in known if space.identity == embedder.identity]
        space = (
            same[0]
            if same
            else Space(embedder.identity, name, embedder.output, embedder.runtime, embedder.dimension)
        )
        indexing.complete(self.gallery, space, embedder, threads=default_threads())
        with self.gallery.writing() as writing:
            writing.set_note(DEFAULT, space.identity)
        with self._lock:
            self._embedder = None
            self._model, self._output, self._runtime = space.model, space.output, space.runtime
        return space

    # --- the end -----------------------------------------------------------------------------

    def close(self) -> None:
        """Give back files, memory and helper processes. Closing twice is harmless."""
        with self._lock:
            if self._gallery is not None:
                self._gallery.close()
                self._gallery = None
            for decoder in self._decoders:
                decoder.close()
            self._decoders.clear()
        self._local = threading.local()

    def __enter__(self) -> Collection:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _threads(threads: int | None) -> int:
    if threads is not None and threads < 1:
        raise UsageError(f"threads must be at least 1, got {threads}")
    return threads or default_threads()


def _several(
    paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
) -> list[str | os.PathLike[str]]:
    return [paths] if isinstance(paths, (str, os.PathLike)) else list(paths)


def _title(directory: Path) -> str:
    """What to call a collection: its directory's name, or that of the folder it lies hidden in."""
    hidden = directory.name.startswith(".")
    return (directory.parent.name if hidden else directory.stem) or "Pictures"


def _names(space: Space) -> tuple[str, str, str]:
    return space.model, space.output, space.runtime


def _is_model(name: str | None, space: Space) -> bool:
    """Whether a name or path means the model of a space; None means any."""
    if name is None or name == space.model:
        return True
    try:
        return models.find(name).identity(space.output, space.runtime) == space.identity
    except ModelError:
        return False


@dataclass(frozen=True, slots=True)
class _Asked:
    vector: Vectors
    ids: list[int]


def _destination(to: str | os.PathLike[str]) -> To:
    if not os.fspath(to):
        raise UsageError("to must be trash, hardlink or a folder; got nothing")
    return to if to in ("trash", "hardlink") else Path(to)  # type: ignore[return-value]


def _name(picture: Asked) -> str:
    if isinstance(picture, (str, os.PathLike)):
        return files.printable(os.fspath(picture))
    if isinstance(picture, (int, np.integer)):
        return f"#{picture}"
    return "<bytes>" if isinstance(picture, bytes) else "<array>"


def _stack(vectors: Sequence[Vectors], space: Space) -> Vectors:
    return np.stack(vectors) if vectors else np.zeros((0, space.dimension), np.float32)
