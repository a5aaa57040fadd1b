"""The copies that were found last, kept with the gallery, so that a page can show them without a search."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from lookalike.duplicates.decisions import keys
from lookalike.errors import CollectionError
from lookalike.gallery.base import Gallery, Picture, patiently
from lookalike.results import Copy, DuplicateGroup, Duplicates, Failure, PictureFacts, as_json

NOTE = "duplicates"
"""The note of the gallery in which they are."""
MADE = "duplicates made"
"""The note that tells when they were found: short, so that it can be asked for often."""

_LAYOUT = 1  # of the note; others are not read
_DERIVED = ("keep", "weakest", "path")


@dataclass(frozen=True, slots=True)
class Stored:
    """The copies that were found last.

    Attributes:
        found: what was found.
        made: when, ISO 8601 in UTC, e.g. `2026-11-23T08:30:00Z`.
        last: the highest id there was then: pictures with higher ones came later.
    """

    found: Duplicates
    made: str
    last: int


def keep(gallery: Gallery, found: Duplicates) -> None:
    """Keep what was found, in place of what was found before.

    Raises:
        CollectionBusy: somebody else writes.
        CollectionError: it cannot be written.
    """
    ids = gallery.hashes()[0]
    told = {
        "layout": _LAYOUT,
        "made": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "last": int(ids[-1]) if len(ids) else 0,
        "found": as_json(found),
    }
    with gallery.writing() as writing:
        writing.set_note(MADE, str(told["made"]))
        writing.set_note(NOTE, json.dumps(told, ensure_ascii=True, allow_nan=False, separators=(",", ":")))


def try_to_keep(gallery: Gallery, found: Duplicates) -> None:
    """Keep what was found; where somebody else writes for seconds on end or nothing can be written, a warning
    says so: what took so long to find is not lost with it."""
    try:
        patiently(lambda: keep(gallery, found))
    except CollectionError as error:
        warnings.warn(f"what was found could not be kept with the collection: {error}", stacklevel=3)


def kept(gallery: Gallery) -> Stored | None:
    """What is kept, as it is now (see `current`); None when copies were never looked for."""
    told = read(gallery.note(NOTE))
    return None if told is None else replace(told, found=current(gallery, told.found))


def read(text: str | None) -> Stored | None:
    """What `keep` wrote; None when there is nothing, or what another version of lookalike wrote."""
    try:
        told = json.loads(text or "null")
        if told is None or told["layout"] != _LAYOUT:
            return None
        return Stored(_duplicates(told["found"]), str(told["made"]), int(told["last"]))
    except (ValueError, TypeError, KeyError):
        return None


def _duplicates(told: dict[str, Any]) -> Duplicates:
    told = dict(told)
    groups = tuple(_group(group) for group in told.pop("groups"))
    failed = tuple(Failure(**one) for one in told.pop("failed"))
    new, indexed = (tuple(told.pop(name)) for name in ("new", "indexed"))
    return Duplicates(groups=groups, failed=failed, new=new, indexed=indexed, **told)


def _group(told: dict[str, Any]) -> DuplicateGroup:
    members = tuple(_copy(member) for member in told["members"])
    return DuplicateGroup(PictureFacts(**told["kept"]), told["reason"], members)


def _copy(told: dict[str, Any]) -> Copy:
    values = {name: value for name, value in told.items() if name not in _DERIVED}
    values["picture"] = PictureFacts(**values["picture"])
    for name in ("box", "box_copy"):
        values[name] = tuple(values[name]) if values[name] else None
    if values["transform"] is not None:
        values["transform"] = tuple(tuple(row) for row in values["transform"])
    return Copy(**values)


# --- as it is now -----------------------------------------------------------------------------


def current(gallery: Gallery, found: Duplicates) -> Duplicates:
    """What is left of what was found: without pictures that have gone or changed, and without pairs that
    somebody has said are no duplicates. A group whose picture to keep has gone goes as well: the others were
    compared with that one only."""
    pictures = [one for group in found.groups for one in (group.kept, *(m.picture for m in group.members))]
    there = gallery.still_there(sorted({one.id for one in pictures}))
    rows = {row.id: row for row in there if not row.missing}
    decided = gallery.distinct()
    groups = []
    for group in found.groups:
        kept = _now(group.kept, rows)
        if kept is not None and (members := tuple(_left(group, kept, rows, decided))):
            groups.append(replace(group, kept=kept, members=members))
    return replace(found, groups=tuple(groups))


def _now(facts: PictureFacts, rows: Mapping[int, Picture]) -> PictureFacts | None:
    """A picture under the path that it has now; None when it has gone or changed."""
    row = rows.get(facts.id)
    return None if row is None or row.content != facts.content else replace(facts, path=row.path)


def _left(
    group: DuplicateGroup, kept: PictureFacts, rows: Mapping[int, Picture], decided: Set[tuple[str, str]]
) -> Iterator[Copy]:
    for member in group.members:
        now = _now(member.picture, rows)
        if now is None:
            continue
        first, second = keys((kept.content, kept.path), (now.content, now.path))
        if (min(first, second), max(first, second)) not in decided:
            yield replace(member, picture=now)
