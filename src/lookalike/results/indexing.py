"""What indexing did, and what is in a collection."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from lookalike.results.base import Failure, Metadata
from lookalike.results.clusters import Grouping


@dataclass(frozen=True, slots=True)
class IndexReport:
    """What one run of `index` did. All counts are pictures.

    Attributes:
        added: new ones. Files with the bytes of a known picture are added without the network.
        updated: files whose bytes had changed, and known pictures that got vectors of another
            model, output or runtime.
        moved: known pictures found again under another path.
        unchanged: files not read, since size and time of change are as before, and files read
            whose bytes are as before.
        removed: known pictures whose files have vanished or become unusable; kept and marked as
            missing.
        truncated: of the added and updated, those that end early but could be decoded.
        failed: files that are no usable picture, each with its reason.
        images: pictures in the collection after the run.
        seconds: wall-clock time of the run.
        collection: the collection's directory.
        unmatched: rows of the metadata file, by what they call their picture, that belong to no
            picture of this run.
        undescribed: pictures of this run about which the metadata file says nothing; 0 without
            a metadata file.
    """

    added: int
    updated: int
    moved: int
    unchanged: int
    removed: int
    truncated: int
    failed: tuple[Failure, ...]
    images: int
    seconds: float
    collection: str
    unmatched: tuple[str, ...] = ()
    undescribed: int = 0

    @property
    def images_per_second(self) -> float:
        """Pictures read in this run (added, updated, moved) per second of wall-clock time."""
        return (self.added + self.updated + self.moved) / self.seconds if self.seconds else 0.0


@dataclass(frozen=True, slots=True)
class StoredPicture:
    """A picture of a collection, as a server shows it.

    Attributes:
        id: its number; never reused.
        path: absolute path of the file, on the server.
        width: pixels, upright.
        height: pixels, upright.
        bytes: size of the file.
        format: `JPEG`, `PNG`, ...
        content: SHA-256 of the bytes, hexadecimal.
        missing: the file had vanished at the last `index`.
        truncated: the file ends early; what could be decoded was used.
        metadata: what is known about the picture.
        cluster: the cluster it is in, from 1 on; -1 for noise; None when clusters were not looked for.
        added: in an answer to adding: False when the collection had these bytes already.
    """

    id: int
    path: str
    width: int
    height: int
    bytes: int
    format: str
    content: str
    missing: bool = False
    truncated: bool = False
    metadata: Metadata = field(default_factory=dict)
    cluster: int | None = None
    added: bool = False


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """One model's vectors in a collection.

    Attributes:
        model: the model's name.
        output: which of its outputs.
        runtime: what runs it.
        identity: hash over everything that shapes a vector.
        dimension: length of a vector.
        vectors: how many there are.
        index: `exact` or `approximate`.
        recall: measured recall@10 of the index against exact search, in [0, 1]; None when it
            has not been measured.
        mapped: whether a map of them has been laid out.
    """

    model: str
    output: str
    runtime: str
    identity: str
    dimension: int
    vectors: int
    index: str
    recall: float | None
    mapped: bool = False


@dataclass(frozen=True, slots=True)
class CollectionInfo:
    """What is in a collection.

    Attributes:
        collection: its directory.
        images: pictures, missing ones included.
        missing: pictures whose files had vanished at the last `index`.
        failed: files that are remembered as no usable pictures.
        models: whose vectors there are; the first is the one used unless another is named.
        columns: metadata columns and their kind.
        bytes: what the collection takes on disk.
        picture_bytes: what the pictures' files take.
        clusters: those kept with it; None when clusters were not looked for.
    """

    collection: str
    images: int
    missing: int
    failed: int
    models: tuple[ModelInfo, ...]
    columns: Mapping[str, str]
    bytes: int
    picture_bytes: int
    clusters: Grouping | None = None

    @property
    def bytes_per_image(self) -> float:
        """What the collection takes on disk for each picture, in bytes; 0 without pictures."""
        return self.bytes / self.images if self.images else 0.0

    @property
    def smaller(self) -> float:
        """How many times smaller the collection is than the files; 0 without pictures."""
        return self.picture_bytes / self.bytes if self.bytes else 0.0


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What was written to a file.

    Attributes:
        file: where it is.
        images: how many pictures.
        model: whose vectors.
        output: which of its outputs.
        dimension: length of a vector.
        columns: of metadata.
    """

    file: str
    images: int
    model: str
    output: str
    dimension: int
    columns: tuple[str, ...]
