"""What lookalike answers with: frozen, typed, and the same in Python and in `--json`.

`as_json` turns any of them into plain dicts and lists with the documented key names.
"""

from lookalike.results.base import Failure, Metadata, Scalar, as_json
from lookalike.results.clusters import (
    Agreement,
    Cluster,
    Clusters,
    Grouping,
    NearCluster,
    Representative,
    Representatives,
)
from lookalike.results.duplicates import (
    Applied,
    ApplyReport,
    Copies,
    Copy,
    DuplicateGroup,
    Duplicates,
    PictureFacts,
    UndoReport,
)
from lookalike.results.evaluation import (
    Calibration,
    CalibrationReport,
    Change,
    ClassFigures,
    Consistency,
    Evaluation,
    JudgedHit,
    JudgedQuery,
    ReliabilityBin,
    Threshold,
)
from lookalike.results.explaining import Explanation, Heat
from lookalike.results.facets import Facet, Facets, ValueCount
from lookalike.results.indexing import CollectionInfo, ExportReport, IndexReport, ModelInfo, StoredPicture
from lookalike.results.map import MapPoint, PictureMap
from lookalike.results.outliers import (
    DoubtfulLabel,
    DoubtfulLabels,
    Leak,
    Leaks,
    Neighbour,
    Outlier,
    Outliers,
    Reason,
)
from lookalike.results.searching import Comparison, Hit, SearchResult
from lookalike.results.training import FinetuneReport, TrainReport, UnlabelledReport, UseReport

__all__ = [
    "Agreement",
    "Applied",
    "ApplyReport",
    "Calibration",
    "CalibrationReport",
    "Change",
    "ClassFigures",
    "Cluster",
    "Clusters",
    "CollectionInfo",
    "Comparison",
    "Consistency",
    "Copies",
    "Copy",
    "DoubtfulLabel",
    "DoubtfulLabels",
    "DuplicateGroup",
    "Duplicates",
    "Evaluation",
    "Explanation",
    "ExportReport",
    "Facet",
    "Facets",
    "Failure",
    "FinetuneReport",
    "Grouping",
    "Heat",
    "Hit",
    "IndexReport",
    "JudgedHit",
    "JudgedQuery",
    "Leak",
    "Leaks",
    "MapPoint",
    "Metadata",
    "ModelInfo",
    "NearCluster",
    "Neighbour",
    "Outlier",
    "Outliers",
    "PictureFacts",
    "PictureMap",
    "Reason",
    "ReliabilityBin",
    "Representative",
    "Representatives",
    "Scalar",
    "SearchResult",
    "StoredPicture",
    "Threshold",
    "TrainReport",
    "UndoReport",
    "UnlabelledReport",
    "UseReport",
    "ValueCount",
    "as_json",
]
