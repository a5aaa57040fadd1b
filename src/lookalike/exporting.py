"""Vectors and metadata of a collection as one file for other programs."""

from __future__ import annotations

import os
import tempfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lookalike.errors import LookalikeError, UsageError
from lookalike.filters import Filter
from lookalike.gallery.base import Gallery, Picture, Space, Vectors
from lookalike.metadata import write_parquet
from lookalike.results import ExportReport, Scalar

SUFFIXES = (".npz", ".parquet")

_BATCH = 4096
_RESERVED = ("ids", "paths", "vectors")

Columns = dict[str, Sequence[Scalar]]


def export(gallery: Gallery, space: Space, file: Path, where: Filter | None = None) -> ExportReport:
    """Write ids, paths, vectors and metadata.

    Memory does not grow with the vectors; ids, paths and metadata of an `.npz` are held while it is
    written. The file is whole or not there.

    Args:
        gallery: whose pictures.
        space: which vectors.
        file: where to.
        where: only these pictures; None for all.

    Raises:
        UsageError: another ending than .npz and .parquet, no picture, or the file exists.
        MissingExtra: for Parquet without the extra.
        LookalikeError: the file cannot be written.
    """
    suffix = file.suffix.lower()
    if suffix not in SUFFIXES:
        raise UsageError(f"{file}: vectors are exported to {' or '.join(SUFFIXES)}, by the name's ending")
    if file.exists():
        raise UsageError(f"{file} exists already: nothing is overwritten; choose another name")
    has = set(gallery.versions(space)[0].tolist())
    ids = [picture.id for picture in gallery.pictures(where) if picture.id in has]
    if not ids:
        raise UsageError("no picture to export" + (": --where matches none" if where else ""))
    kinds = dict(gallery.columns())
    names = {column: f"metadata.{column}" if column in _RESERVED else column for column in kinds}
    try:
        with tempfile.TemporaryDirectory(dir=file.parent, prefix=".") as folder:
            temporary = Path(folder) / f"export{suffix}"
            if suffix == ".npz":
                _write_npz(temporary, gallery, space, ids, kinds, names)
            else:
                types = {
                    "ids": "whole",
                    "paths": "text",
                    **{names[column]: kinds[column] for column in kinds},
                }
                write_parquet(temporary, types, _parts(gallery, space, ids, names))
            os.replace(temporary, file)
    except OSError as error:
        raise LookalikeError(f"{file} cannot be written: {error.strerror or error}") from error
    return ExportReport(
        str(file), len(ids), space.model, space.output, space.dimension, tuple(names.values())
    )


def _parts(
    gallery: Gallery, space: Space, ids: Sequence[int], names: Mapping[str, str]
) -> Iterator[tuple[Columns, Vectors]]:
    for some in _batches(ids):
        rows = gallery.get(some)
        yield _columns(rows, names), gallery.vectors(space, some)


def _columns(rows: Sequence[Picture], names: Mapping[str, str]) -> Columns:
    fixed: Columns = {"ids": [row.id for row in rows], "paths": [row.path for row in rows]}
    return fixed | {name: [row.metadata.get(column) for row in rows] for column, name in names.items()}


def _batches(ids: Sequence[int]) -> Iterator[list[int]]:
    iterator = iter(ids)
    while some := list(islice(iterator, _BATCH)):
        yield some


# --- NumPy -----------------------------------------------------------------------------------


def _write_npz(
    file: Path,
    gallery: Gallery,
    space: Space,
    ids: Sequence[int],
    kinds: Mapping[str, str],
    names: Mapping[str, str],
) -> None:
    """Write arrays that `numpy.load` reads without unpickling anything."""
    whole: dict[str, list[Scalar]] = {}
    with zipfile.ZipFile(file, "w", allowZip64=True) as packed:
        with packed.open("vectors.npy", "w", force_zip64=True) as entry:
            shape = {"descr": "<f4", "fortran_order": False, "shape": (len(ids), space.dimension)}
            np.lib.format.write_array_header_1_0(entry, shape)
            for columns, vectors in _parts(gallery, space, ids, names):
                entry.write(np.ascontiguousarray(vectors, "<f4").tobytes())
                for name, values in columns.items():
                    whole.setdefault(name, []).extend(values)
        types = {"ids": "whole", **{names[column]: kind for column, kind in kinds.items()}}
        for name, values in whole.items():
            with packed.open(f"{name}.npy", "w") as entry:
                np.lib.format.write_array(entry, _array(values, types.get(name, "text")), allow_pickle=False)


def _array(values: Sequence[Scalar], kind: str) -> npt.NDArray[np.generic]:
    """One column: whole numbers, numbers (missing: nan), or text (missing: empty)."""
    if kind == "whole":
        return np.array(values, np.int64)
    if kind == "number":
        return np.array([np.nan if value is None else value for value in values], np.float64)
    if kind == "truth" and None not in values:
        return np.array(values, np.bool_)
    return np.array(["" if value is None else str(value) for value in values], np.str_)
