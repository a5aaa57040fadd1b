"""The plan of what is to be removed: readable JSON that people and the review page may edit.

Nothing here touches a picture. What a plan asks for is checked file by file when it is applied; what
`read` finds wrong are mistakes of editing.
"""

from __future__ import annotations

import json
import math
import os
import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Final, NoReturn

from lookalike.duplicates.groups import BURST, REFERENCE
from lookalike.errors import UsageError
from lookalike.files import printable
from lookalike.results import Copy, DuplicateGroup, PictureFacts

KIND: Final = "duplicates plan"
VERSION: Final = 1
KINDS: Final = ("exact", "pixels", "near", "edited", "burst")
"""How a copy may be like the picture kept; see `lookalike.results.Copy`."""


@dataclass(frozen=True, slots=True)
class PlanFile:
    """A picture of a plan, as it was when the plan was made.

    Attributes:
        path: absolute path.
        sha256: of its bytes, 64 hexadecimal digits in lower case.
        bytes: its size.
        width: pixels, upright.
        height: pixels, upright.
    """

    path: str
    sha256: str
    bytes: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class PlanCopy(PlanFile):
    """A copy of the picture kept.

    Attributes:
        kind: one of `KINDS`.
        probability: calibrated chance in [0, 1] that it is a copy.
        remove: whether applying the plan removes it.
        doubt: why removing it was not proposed; None when it was.
    """

    kind: str
    probability: float
    remove: bool
    doubt: str | None


@dataclass(frozen=True, slots=True)
class PlanGroup:
    """A picture to keep and its copies.

    Attributes:
        keep: the picture to keep.
        reason: why this one.
        copies: its copies, of which those with `remove` go.
    """

    keep: PlanFile
    reason: str
    copies: tuple[PlanCopy, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be removed, and what is kept for it.

    Attributes:
        collection: absolute path of the collection's directory.
        made: when, ISO 8601 in UTC, e.g. `2026-11-23T01:50:00Z`.
        roots: absolute paths of folders; nothing outside them is ever removed.
        groups: the groups.
    """

    collection: str
    made: str
    roots: tuple[str, ...]
    groups: tuple[PlanGroup, ...]

    @property
    def removals(self) -> int:
        """How many pictures it removes."""
        return sum(copy.remove for group in self.groups for copy in group.copies)


def make(
    groups: Sequence[DuplicateGroup],
    *,
    roots: Sequence[str | os.PathLike[str]],
    collection: str | os.PathLike[str],
) -> Plan:
    """The plan that removes every copy that nothing speaks against.

    Args:
        groups: what was found.
        roots: the folders from which pictures may be removed.
        collection: the collection's directory.

    Returns:
        `remove` is false for copies with a doubt, for pictures in reference folders, and for other
        photos of the same moment (`burst`).
    """
    return Plan(
        os.path.abspath(collection),
        f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        tuple(dict.fromkeys(os.path.abspath(root) for root in roots)),
        tuple(
            PlanGroup(
                PlanFile(*_facts(group.kept)),
                group.reason,
                tuple(proposed(member) for member in group.members),
            )
            for group in groups
        ),
    )


def proposed(member: Copy) -> PlanCopy:
    """What a plan says of a copy: it goes unless something speaks against that."""
    doubt = member.doubt
    if doubt is None and member.picture.reference:
        doubt = REFERENCE
    if doubt is None and member.kind == "burst":
        doubt = BURST
    return PlanCopy(*_facts(member.picture), member.kind, member.probability, doubt is None, doubt)


def _facts(picture: PictureFacts) -> tuple[str, str, int, int, int]:
    return picture.path, picture.content, picture.bytes, picture.width, picture.height


# --- writing ---------------------------------------------------------------------------------


def as_dict(plan: Plan) -> dict[str, Any]:
    """The plan as JSON holds it."""
    return {"lookalike": KIND, "version": VERSION, **asdict(plan)}


def dumps(plan: Plan) -> str:
    r"""The plan as text, in ASCII alone: bytes of names that are not UTF-8 stand as `\udcXX`."""
    return json.dumps(as_dict(plan), ensure_ascii=True, allow_nan=False, indent=1) + "\n"


def write(path: str | os.PathLike[str], plan: Plan) -> None:
    """Write a plan to a file: all of it, or nothing is changed.

    Args:
        path: the file; an older plan there is replaced.
        plan: the plan.

    Raises:
        UsageError: there is something at the path that is no plan, or it cannot be written there.
    """
    target = os.path.realpath(path)
    temporary = f"{target}.{secrets.token_hex(4)}.part"
    try:
        if os.path.lexists(target) and not _is_plan(target):
            message = "is no plan of lookalike and is not overwritten: move it away or choose another name"
            raise UsageError(f"{printable(os.fspath(path))}: {message}")
        with open(temporary, "x", encoding="ascii") as file:
            file.write(dumps(plan))
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except OSError as error:
        if os.path.lexists(temporary):
            os.unlink(temporary)
        why = (error.strerror or str(error)).lower()
        raise UsageError(f"{printable(os.fspath(path))}: the plan cannot be written: {why}") from error


def _is_plan(path: str) -> bool:
    """Whether a file is a plan, whatever mistakes are in it."""
    if not os.path.isfile(path):
        return False
    with open(path, "rb") as file:
        start = file.read(4096)
    return re.match(rb'\s*\{\s*"lookalike"\s*:\s*"duplicates plan"', start) is not None


# --- reading ---------------------------------------------------------------------------------


def read(path: str | os.PathLike[str]) -> Plan:
    """Read a plan that may have been edited.

    Raises:
        UsageError: it cannot be read, or something in it is wrong; the message names the group, the
            field and what is allowed.
    """
    name = printable(os.fspath(path))
    try:
        with open(path, "rb") as file:
            text = file.read().decode("utf-8-sig")
        return loads(text)
    except OSError as error:
        raise UsageError(
            f"{name}: the plan cannot be read: {(error.strerror or str(error)).lower()}"
        ) from error
    except UnicodeDecodeError:
        raise UsageError(f"{name}: is no plan of lookalike: it is not text in UTF-8") from None
    except UsageError as error:
        raise UsageError(f"{name}: {error}") from None


def loads(text: str) -> Plan:
    """The plan that stands in a text; `read` for what it raises."""
    try:
        value = json.loads(text, object_pairs_hook=_without_twins, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise UsageError(
            f"is no valid JSON: line {error.lineno}, column {error.colno}: {error.msg}"
        ) from None
    except RecursionError:
        raise UsageError("is no plan of lookalike: it is nested too deeply") from None
    except UsageError:
        raise
    except ValueError as error:  # a number of thousands of digits
        raise UsageError(f"is no plan of lookalike: {error}") from None
    if not isinstance(value, dict) or value.get("lookalike") != KIND:
        raise UsageError("is no plan of lookalike, which `lookalike duplicates --plan` writes")
    if value.get("version") != VERSION:
        version = json.dumps(value.get("version"))
        raise UsageError(f"is a plan of version {version}; this lookalike knows version {VERSION}")
    plan = _plan(_Place("", value))
    _refuse_contradictions(plan)
    return plan


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose keys are all different: of two, nobody can say which was meant."""
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twin = next(key for key in keys if keys.count(key) > 1)
        raise UsageError(f"the field {twin!r} stands twice in one object: {json.dumps(found)[:100]}")
    return found


def _no_constant(name: str) -> NoReturn:
    raise UsageError(f"{name} is not a number that a plan may have")


@dataclass(frozen=True, slots=True)
class _Place:
    """A value of the plan that is being read, and where it stands, such as `groups[3].keep.path`."""

    name: str
    value: Any

    def wrong(self, allowed: str) -> UsageError:
        got = "nothing" if self.value is _NOTHING else json.dumps(self.value)
        shown = got if len(got) <= 60 else f"{got[:57]}..."
        return UsageError(f"{self.name}: must be {allowed}, got {shown}")

    def fields(self, *known: str) -> dict[str, _Place]:
        """The fields of an object that must have these and no others."""
        if not isinstance(self.value, Mapping):
            raise self.wrong("an object")
        prefix = f"{self.name}." if self.name else ""
        for key in self.value:
            if key not in known:
                raise UsageError(f"{prefix}{key}: is no field of a plan; known here: {', '.join(known)}")
        return {key: _Place(f"{prefix}{key}", self.value.get(key, _NOTHING)) for key in known}

    def items(self) -> list[_Place]:
        if not isinstance(self.value, list):
            raise self.wrong("a list")
        return [_Place(f"{self.name}[{i}]", item) for i, item in enumerate(self.value)]

    def text(self) -> str:
        if not isinstance(self.value, str):
            raise self.wrong("text")
        return self.value

    def path(self) -> str:
        path = self.value
        if not isinstance(path, str) or not _can_be_a_name(path) or os.path.normpath(path) != path:
            raise self.wrong("an absolute path without `.` and `..`")
        if not os.path.isabs(path):
            raise self.wrong("an absolute path")
        return path

    def sha256(self) -> str:
        if not isinstance(self.value, str) or not re.fullmatch(r"[0-9a-f]{64}", self.value):
            raise self.wrong("a SHA-256, 64 hexadecimal digits in lower case")
        return self.value

    def whole(self, least: int) -> int:
        if type(self.value) is not int or self.value < least:
            raise self.wrong(f"a whole number of at least {least}")
        return self.value

    def probability(self) -> float:
        if type(self.value) not in (int, float) or not (math.isfinite(self.value) and 0 <= self.value <= 1):
            raise self.wrong("a number from 0 to 1")
        return float(self.value)

    def truth(self) -> bool:
        if not isinstance(self.value, bool):
            raise self.wrong("true or false")
        return self.value

    def kind(self) -> str:
        if self.value not in KINDS:
            raise self.wrong(f"one of {', '.join(KINDS)}")
        return str(self.value)

    def text_or_null(self) -> str | None:
        if self.value is not None and not isinstance(self.value, str):
            raise self.wrong("text or null")
        return self.value


_NOTHING: Final = object()
_FILE: Final[Mapping[str, Callable[[_Place], Any]]] = {
    "path": _Place.path,
    "sha256": _Place.sha256,
    "bytes": lambda place: place.whole(0),
    "width": lambda place: place.whole(1),
    "height": lambda place: place.whole(1),
}
_COPY: Final[Mapping[str, Callable[[_Place], Any]]] = {
    **_FILE,
    "kind": _Place.kind,
    "probability": _Place.probability,
    "remove": _Place.truth,
    "doubt": _Place.text_or_null,
}


def _plan(place: _Place) -> Plan:
    fields = place.fields("lookalike", "version", "collection", "made", "roots", "groups")
    return Plan(
        fields["collection"].path(),
        fields["made"].text(),
        tuple(root.path() for root in fields["roots"].items()),
        tuple(_group(group) for group in fields["groups"].items()),
    )


def _group(place: _Place) -> PlanGroup:
    fields = place.fields("keep", "reason", "copies")
    return PlanGroup(
        PlanFile(**_checked(fields["keep"], _FILE)),
        fields["reason"].text(),
        tuple(PlanCopy(**_checked(copy, _COPY)) for copy in fields["copies"].items()),
    )


def _checked(place: _Place, checks: Mapping[str, Callable[[_Place], Any]]) -> dict[str, Any]:
    return {key: checks[key](field) for key, field in place.fields(*checks).items()}


def _can_be_a_name(path: str) -> bool:
    """Whether the system can have such a name: a text may hold halves of characters that no bytes
    stand for, or a NUL."""
    try:
        return b"\0" not in os.fsencode(path)
    except UnicodeEncodeError:
        return False


def _refuse_contradictions(plan: Plan) -> None:
    """A picture cannot be kept and removed, nor removed twice."""
    kept = {group.keep.path: i for i, group in reversed(list(enumerate(plan.groups)))}
    removed: dict[str, str] = {}
    for i, group in enumerate(plan.groups):
        for j, copy in enumerate(group.copies):
            place, path = f"groups[{i}].copies[{j}]", printable(copy.path)
            if copy.remove and copy.path in kept:
                message = f"the picture is kept by groups[{kept[copy.path]}] and cannot be removed: {path}"
                raise UsageError(f"{place}.remove: {message}")
            if copy.remove and copy.path in removed:
                raise UsageError(f"{place}.remove: {removed[copy.path]} removes the picture already: {path}")
            if copy.remove:
                removed[copy.path] = place
