"""What is in a collection: how much of what, and which values there are to choose by."""

from __future__ import annotations

import os
from collections.abc import Sequence

from lookalike import spaces
from lookalike.clusters.stored import grouping, stored
from lookalike.errors import UsageError
from lookalike.evaluation import calibrating
from lookalike.filters import Filter, check_column
from lookalike.gallery.base import Gallery, Space
from lookalike.plane.keeping import is_laid_out
from lookalike.results import CollectionInfo, Facets, ModelInfo

_CLUSTER, _MAP = "lookalike cluster", "lookalike map map.html"


def info(gallery: Gallery, directory: str | os.PathLike[str]) -> CollectionInfo:
    """What is in a collection.

    Args:
        gallery: the collection's.
        directory: the collection's.
    """
    images, missing, picture_bytes = gallery.totals()
    return CollectionInfo(
        collection=str(directory),
        images=images,
        missing=missing,
        failed=sum(1 for _ in gallery.failures()),
        models=tuple(_model(gallery, space) for space in spaces.default_first(gallery)),
        columns=dict(gallery.columns()),
        bytes=gallery.bytes_used(),
        picture_bytes=picture_bytes,
        clusters=grouping(gallery),
    )


def _model(gallery: Gallery, space: Space) -> ModelInfo:
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


def facets(gallery: Gallery, columns: Sequence[str] | None, where: Filter | None, values: int) -> Facets:
    """Which values pictures have, and how many have each.

    Args:
        gallery: whose pictures.
        columns: of the metadata, or built-in ones; None for all of the metadata, and the built-in ones that
            tell pictures apart by more than a number each.
        where: only pictures it matches; None for all.
        values: of each column, how many to list at most, the most frequent ones first.

    Raises:
        UsageError: a column is unknown, or `values` is less than 1.
    """
    if values < 1:
        raise UsageError(f"values must be at least 1, got {values}")
    known = gallery.columns()
    for name in columns or ():
        check_column(name, known)
    grouped = ["cluster"] if gallery.has_partition() else []
    names = list(dict.fromkeys([*known, *grouped, "folder", "format"] if columns is None else columns))
    return Facets(gallery.count(where), tuple(gallery.facets(names, where, values=values)))


# --- what is made of one model's vectors, and not there for another's ------------------------


def left_behind(gallery: Gallery, before: Space, now: Space) -> dict[str, str]:
    """What was made of the vectors searched before, and of those searched now was not: each with the command
    that makes it.

    Args:
        gallery: whose.
        before: the space that was searched.
        now: the space that is searched.
    """

    def made(space: Space) -> dict[str, bool]:
        return {
            "clusters": stored(gallery, space) is not None,
            "map": is_laid_out(gallery, space),
            "calibration": calibrating.kept(gallery, space) is not None,
        }

    had, has = made(before), made(now)
    commands = {"clusters": _CLUSTER, "map": _MAP, "calibration": "lookalike calibrate"}
    return {what: command for what, command in commands.items() if had[what] and not has[what]}


def no_clusters(gallery: Gallery, space: Space) -> str:
    """That there are no clusters of a space, and what finds them."""
    others = " of this model" if gallery.has_partition() else ""
    command = _CLUSTER + spaces.naming(gallery, space).options
    return f"there are no clusters{others} yet: `{command}` finds them"


def no_map(gallery: Gallery, space: Space) -> str:
    """That there is no map of a space, and what lays it out."""
    others = " of this model" if any(is_laid_out(gallery, one) for one in gallery.spaces()) else ""
    command = _MAP + spaces.naming(gallery, space).options
    return f"there is no map{others} yet: `{command}` lays the pictures out"
