"""lookalike: what looks like this? The same answer, as a number, every time.

    >>> import lookalike
    >>> lookalike.Region.parse("0,0,0.5,0.5").width
    0.5

Names are loaded when they are first used, so that importing the package is quick.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lookalike.collection import Collection
    from lookalike.comparing import compare
    from lookalike.embedder import Embedder
    from lookalike.errors import (
        CollectionBusy,
        CollectionDamaged,
        CollectionError,
        CollectionNotFound,
        CollectionTooNew,
        FetchError,
        FilterError,
        LookalikeError,
        MissingExtra,
        ModelError,
        NotInCollection,
        PictureError,
        RequestError,
        UsageError,
    )
    from lookalike.explaining import explain
    from lookalike.images import Limits
    from lookalike.query import Region
    from lookalike.results import (
        Agreement,
        ApplyReport,
        Cluster,
        Clusters,
        CollectionInfo,
        Comparison,
        Copies,
        Copy,
        DoubtfulLabel,
        DoubtfulLabels,
        DuplicateGroup,
        Duplicates,
        Evaluation,
        Explanation,
        Facet,
        Facets,
        Failure,
        FinetuneReport,
        Grouping,
        Heat,
        Hit,
        IndexReport,
        Leak,
        Leaks,
        MapPoint,
        ModelInfo,
        NearCluster,
        Neighbour,
        Outlier,
        Outliers,
        PictureFacts,
        PictureMap,
        Reason,
        Representative,
        Representatives,
        SearchResult,
        StoredPicture,
        TrainReport,
        UndoReport,
        UnlabelledReport,
        UseReport,
        ValueCount,
        as_json,
    )

    __version__: str

_HOMES = {
    "Agreement": "results",
    "ApplyReport": "results",
    "Cluster": "results",
    "Clusters": "results",
    "Collection": "collection",
    "CollectionBusy": "errors",
    "CollectionDamaged": "errors",
    "CollectionError": "errors",
    "CollectionInfo": "results",
    "CollectionNotFound": "errors",
    "CollectionTooNew": "errors",
    "Comparison": "results",
    "Copies": "results",
    "Copy": "results",
    "DoubtfulLabel": "results",
    "DoubtfulLabels": "results",
    "DuplicateGroup": "results",
    "Duplicates": "results",
    "Embedder": "embedder",
    "Evaluation": "results",
    "Explanation": "results",
    "Facet": "results",
    "Facets": "results",
    "Failure": "results",
    "FinetuneReport": "results",
    "FetchError": "errors",
    "FilterError": "errors",
    "Grouping": "results",
    "Heat": "results",
    "Hit": "results",
    "IndexReport": "results",
    "Leak": "results",
    "Leaks": "results",
    "Limits": "images",
    "LookalikeError": "errors",
    "MapPoint": "results",
    "MissingExtra": "errors",
    "ModelError": "errors",
    "ModelInfo": "results",
    "NearCluster": "results",
    "Neighbour": "results",
    "NotInCollection": "errors",
    "Outlier": "results",
    "Outliers": "results",
    "PictureError": "errors",
    "PictureFacts": "results",
    "PictureMap": "results",
    "Reason": "results",
    "Region": "query",
    "Representative": "results",
    "Representatives": "results",
    "RequestError": "errors",
    "SearchResult": "results",
    "StoredPicture": "results",
    "TrainReport": "results",
    "UndoReport": "results",
    "UnlabelledReport": "results",
    "UseReport": "results",
    "ValueCount": "results",
    "UsageError": "errors",
    "as_json": "results",
    "compare": "comparing",
    "explain": "explaining",
}

__all__ = [
    "Agreement",
    "ApplyReport",
    "Cluster",
    "Clusters",
    "Collection",
    "CollectionBusy",
    "CollectionDamaged",
    "CollectionError",
    "CollectionInfo",
    "CollectionNotFound",
    "CollectionTooNew",
    "Comparison",
    "Copies",
    "Copy",
    "DoubtfulLabel",
    "DoubtfulLabels",
    "DuplicateGroup",
    "Duplicates",
    "Embedder",
    "Evaluation",
    "Explanation",
    "Facet",
    "Facets",
    "Failure",
    "FetchError",
    "FilterError",
    "FinetuneReport",
    "Grouping",
    "Heat",
    "Hit",
    "IndexReport",
    "Leak",
    "Leaks",
    "Limits",
    "LookalikeError",
    "MapPoint",
    "MissingExtra",
    "ModelError",
    "ModelInfo",
    "NearCluster",
    "Neighbour",
    "NotInCollection",
    "Outlier",
    "Outliers",
    "PictureError",
    "PictureFacts",
    "PictureMap",
    "Reason",
    "Region",
    "Representative",
    "Representatives",
    "RequestError",
    "SearchResult",
    "StoredPicture",
    "TrainReport",
    "UndoReport",
    "UnlabelledReport",
    "UsageError",
    "UseReport",
    "ValueCount",
    "__version__",
    "as_json",
    "compare",
    "explain",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("lookalike")
    if name in _HOMES:
        return getattr(importlib.import_module(f"lookalike.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'lookalike' has no attribute {name!r}")


def __dir__() -> list[str]:
    return list(__all__)
