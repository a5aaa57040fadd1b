"""What a server answers, as the results of this library."""

from __future__ import annotations

import base64
import struct
from collections.abc import Mapping
from typing import Any

from lookalike.results import (
    Cluster,
    Copy,
    DuplicateGroup,
    Facet,
    Heat,
    Hit,
    NearCluster,
    PictureFacts,
    SearchResult,
    StoredPicture,
    ValueCount,
)


def search_result(found: Any, query: str) -> SearchResult:
    """The results of a search."""
    return SearchResult(query, tuple(Hit(**_without(hit, "distance")) for hit in found["results"]))


def facet(found: Any) -> Facet:
    """A column, with its values."""
    listed = {"values": tuple(ValueCount(**one) for one in found["values"]), "bins": tuple(found["bins"])}
    return Facet(**{**found, **listed})


def copy(found: Any) -> Copy:
    """A copy of a picture."""
    picture = PictureFacts(**found["picture"])
    values = _without(found, "picture", "path", "remove", "stays", "placement", "how", "details")
    for name in ("box", "box_copy"):
        values[name] = tuple(values[name]) if values[name] else None
    return Copy(picture=picture, **{**values, "transform": rows(values["transform"])})


def cluster(found: Any) -> Cluster:
    """A cluster, its pictures named by their ids."""
    return Cluster(
        **{
            **found,
            "medoid": "" if found["medoid"] is None else f"#{found['medoid']}",
            "members": tuple(f"#{id}" for id in found["members"]),
            "nearest": tuple(NearCluster(**one) for one in found["nearest"]),
        }
    )


def group(found: Any) -> DuplicateGroup:
    """Copies of one picture."""
    members = tuple(copy(member) for member in found["members"])
    return DuplicateGroup(PictureFacts(**found["kept"]), found["reason"], members)


def heat(found: Any, name: str) -> Heat:
    """Which parts of a picture, called `name`, make it alike."""
    return Heat(**{**found, "picture": name, "shares": rows(found["shares"]), "box": tuple(found["box"])})


def rows(matrix: Any) -> Any:
    """A matrix; None stays None."""
    return None if matrix is None else tuple(tuple(row) for row in matrix)


_TYPES = {"Uint8": "B", "Int8": "b", "Uint16": "H", "Uint32": "I", "Int32": "i", "Float64": "d"}


def unpacked(packed: Any) -> tuple[Any, ...]:
    """The numbers of a typed array of JavaScript in base64."""
    data = base64.b64decode(packed["data"])
    letter = _TYPES[packed["type"].removesuffix("Array")]
    return struct.unpack(f"<{len(data) // struct.calcsize('<' + letter)}{letter}", data)


def stored(found: Any) -> StoredPicture:
    """A picture of a collection."""
    return StoredPicture(**found)


def _without(values: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name not in names}
