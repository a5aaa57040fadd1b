"""Which of several copies to keep: rules, asked one after the other.

    Policy.parse("folder:/photos/best,pixels,oldest")

The first rule that tells two pictures apart decides between them; the next one is only asked about
pictures that are still alike. A picture in a reference folder always comes first, and the path comes
last, so that the order is total and the same on every run.

| rule | keeps the picture |
|---|---|
| `pixels` | with more pixels, width x height; one that was enlarged or blurred counts as what it shows |
| `original` | that was not made from another one, where a JPEG's compression tells; see `lineage` |
| `quality` | that is stored with less loss, told by format and size of the file; see `_quality` |
| `exif` | whose EXIF data name a camera |
| `oldest`, `newest` | with the earliest or latest date: when it was taken, else when the file changed |
| `folder:DIR` | in this folder or below it; may be given several times, the best folder first |
| `shortest` | without a word such as `copy` in its name, then with the shorter name |
| `name` | whose file name comes first in the alphabet |
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from lookalike.errors import UsageError
from lookalike.results import PictureFacts

DEFAULT = ("pixels", "original", "exif", "oldest", "quality", "shortest")
"""The rules that are used unless others are named."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A picture that may be kept.

    Attributes:
        picture: the file.
        taken: when it was taken, ISO 8601 to the second in the camera's local time, e.g.
            `2019-05-04T12:30:00`; None when that is not known.
        camera: its EXIF data name a camera.
        truncated: the file is damaged or ends early.
        detail: how many pixels would show as much as it does; None for as many as it has. Fewer where it was
            enlarged or blurred, see `lookalike.duplicates.sharpness`.
        derived: it was made from another picture of those to choose from, see `lookalike.duplicates.lineage`.
    """

    picture: PictureFacts
    taken: str | None = None
    camera: bool = False
    truncated: bool = False
    detail: int | None = None
    derived: bool = False

    @property
    def date(self) -> str:
        """When it was taken if that is known, else when the file was last changed; ISO 8601."""
        return self.taken or self.picture.modified

    @property
    def name(self) -> str:
        """The file's name without its folder."""
        return os.path.basename(self.picture.path)


@dataclass(frozen=True, slots=True)
class _Rule:
    """One rule.

    Attributes:
        key: lower is better.
        words: why a picture is kept rather than others, which come with the words for them
            (`the others`, `2 others`); one clause.
        alike: as far as this rule goes the pictures themselves are alike, only their names differ.
    """

    key: Callable[[Candidate], Any]
    words: Callable[[Candidate, Sequence[Candidate], str], str]
    alike: bool = False


@dataclass(frozen=True, slots=True)
class Policy:
    """An ordered list of rules by which one of several copies is kept.

    Attributes:
        rules: names of rules, the most important first, e.g. `("folder:/photos/best", "pixels")`. No
            rule is added to them but two before, the reference folders and that a file is whole, and the path
            after them.

    Raises:
        UsageError: a rule is unknown, or there is none.
    """

    rules: tuple[str, ...] = DEFAULT

    def __post_init__(self) -> None:
        if not self.rules:
            raise UsageError(f"no rule for what to keep; {_ALLOWED}")
        for rule in self.rules:
            _rule(rule)

    @classmethod
    def parse(cls, text: str) -> Policy:
        """Rules as on the command line, separated by commas. What they leave open is decided by
        those of the default that are not among them.

        Raises:
            UsageError: a rule is unknown; the message names it and what is allowed.

        >>> Policy.parse("newest, pixels").rules
        ('newest', 'pixels', 'original', 'exif', 'quality', 'shortest')
        """
        named = tuple(rule.strip() for rule in text.split(","))
        policy = cls(tuple(dict.fromkeys(named)))  # a rule said twice has no more to say
        dated = {"oldest", "newest"} & set(named)
        rest = (rule for rule in DEFAULT if rule not in named and not (rule == "oldest" and dated))
        return cls((*policy.rules, *rest))

    def __str__(self) -> str:
        return ",".join(self.rules)

    def order(self, pictures: Iterable[Candidate]) -> list[Candidate]:
        """The pictures, the one to keep first. The order they come in makes no difference, unless
        two have the same path."""
        keys = [rule.key for rule in self._all()]
        return sorted(pictures, key=lambda picture: [key(picture) for key in keys])

    def reason(self, kept: Candidate, others: Iterable[Candidate]) -> str:
        """Why a picture is kept rather than the others, in plain words: the rules that decided.

        Args:
            kept: the picture kept. It may come after some of the others in `order`: then it is kept
                since it shows all that they show (see `lookalike.duplicates.groups`).
            others: at least one: the pictures whose removal is proposed, or, in a group where none is,
                all others.
        """
        rivals = self.order(others)
        left, alike = rivals, False
        clauses: list[str] = []
        for rule in self._all():
            own = rule.key(kept)
            if any(rule.key(rival) < own for rival in left):
                return "shows all that the others show"
            beaten = [rival for rival in left if rule.key(rival) > own]
            left = [rival for rival in left if rule.key(rival) == own]
            if beaten:
                alike = alike or (rule.alike and not clauses)
                clauses.append(rule.words(kept, beaten, _who(len(beaten), len(rivals))))
        return "; ".join(["all alike", *clauses] if alike or not clauses else clauses)

    def _all(self) -> list[_Rule]:
        return [_REFERENCE, _WHOLE, *map(_rule, self.rules), _PATH]


def _who(beaten: int, rivals: int) -> str:
    if beaten == rivals:
        return "the other" if rivals == 1 else "the others"
    return "one other" if beaten == 1 else f"{beaten} others"


def _rule(name: str) -> _Rule:
    """The rule of a name.

    Raises:
        UsageError: there is none.
    """
    kind, _, folder = name.partition(":")
    if kind == "folder" and folder.strip():
        return _in_folder(folder.strip())
    if name in _RULES:
        return _RULES[name]
    if kind == "folder":
        raise UsageError(f"folder needs a folder, as in folder:/photos/best, got {name!r}; {_ALLOWED}")
    raise UsageError(f"no rule {name!r} for what to keep; {_ALLOWED}")


# --- pixels ----------------------------------------------------------------------------------


def _pixels(candidate: Candidate) -> int:
    return -_all_pixels(candidate) if candidate.detail is None else -candidate.detail


def _all_pixels(candidate: Candidate) -> int:
    return candidate.picture.width * candidate.picture.height


def _pixels_words(kept: Candidate, others: Sequence[Candidate], who: str) -> str:
    best = min(others, key=_pixels)
    most = "" if len(others) == 1 else "at most "
    if _all_pixels(best) >= _all_pixels(kept):  # it has as many, but does not show as much
        return f"sharper: {who} {'was' if len(others) == 1 else 'were'} enlarged or blurred"
    return f"more pixels: {_size(kept)}, {who} {most}{_size(best)}"


def _size(candidate: Candidate) -> str:
    return f"{candidate.picture.width} × {candidate.picture.height}"


# --- what was made from what -----------------------------------------------------------------


def _original_words(kept: Candidate, others: Sequence[Candidate], who: str) -> str:
    return f"{who} {'was' if len(others) == 1 else 'were'} made from it"


# --- quality ---------------------------------------------------------------------------------

_LOSSLESS = ("PNG", "TIFF", "BMP")
_WORTH = {"JPEG": 1.0, "WebP": 1.4, "AVIF": 2.0, "HEIC": 2.0}
"""How many bytes of a JPEG one byte is worth, about: WebP files are 25 to 34 % smaller than JPEGs of the
same quality (Google, *WebP Compression Study*, 2011), HEVC and AV1 still pictures about half as large
(Lainema et al., *HEVC still image coding and HEIF*, 2016; Netflix, *AVIF for next-generation image
coding*, 2020)."""


def _quality(candidate: Candidate) -> tuple[bool, int, float]:
    """What was made from another one last, however it is stored. Of the others first formats without loss
    (PNG, TIFF, BMP, all alike), then those with loss by bytes a pixel, in steps, then GIF,
    which has 256 colours.

    Bytes a pixel tell compression well within one format. Between formats they are only comparable
    roughly: each format's bytes are counted as the bytes of a JPEG of the same quality. That a TIFF
    or WebP may hold either kind of compression is not looked at.
    """
    picture = candidate.picture
    if picture.format in _LOSSLESS:
        return candidate.derived, 0, 0.0
    worth = _WORTH.get(picture.format)
    if worth:
        return candidate.derived, 1, -_steps(worth * _bytes_a_pixel(candidate))
    return candidate.derived, 2, 0.0


def _steps(bytes_a_pixel: float) -> float:
    """In steps of a factor 1.5: a copy that was saved again at a high quality takes some more bytes than its
    original, and is no better."""
    return float(round(math.log(max(bytes_a_pixel, 1e-6)) / math.log(1.5)))


def _bytes_a_pixel(candidate: Candidate) -> float:
    return candidate.picture.bytes / max(1, candidate.picture.width * candidate.picture.height)


def _quality_words(kept: Candidate, others: Sequence[Candidate], who: str) -> str:
    best = min(others, key=_quality)
    most = "" if len(others) == 1 else "at most "
    if best.derived and not kept.derived:
        return _original_words(kept, others, who)
    if kept.picture.format in _LOSSLESS or kept.picture.format not in _WORTH or _quality(best)[1] != 1:
        return f"better format: {kept.picture.format}, {who} {most}{best.picture.format}"
    return f"less compressed: {_density(kept)}, {who} {most}{_density(best)}"


def _density(candidate: Candidate) -> str:
    return f"{candidate.picture.format} of {_bytes_a_pixel(candidate):.3g} bytes a pixel"


# --- dates -----------------------------------------------------------------------------------


def _moment(candidate: Candidate) -> int:
    """The date as one number, year first. The zone is left aside, as cameras do not know it."""
    return int(re.sub(r"\D", "", candidate.date)[:14].ljust(14, "0"))


def _date_words(word: str) -> Callable[[Candidate, Sequence[Candidate], str], str]:
    def words(kept: Candidate, others: Sequence[Candidate], who: str) -> str:
        same_day = any(other.date[:10] == kept.date[:10] for other in others)
        return f"{word}: {kept.date[:19].replace('T', ' ') if same_day else kept.date[:10]}"

    return words


# --- folders and names -----------------------------------------------------------------------

_COPY = re.compile(
    r"(?<![^\W\d_])(?:copy|kopie|copie|copia|cópia|kopia|kopi|kopio|копия)(?![^\W\d_])|副本|コピー",
    re.IGNORECASE,
)
"""What desktops of several languages call the copy of a file, as a word of its own."""


def _in_folder(folder: str) -> _Rule:
    top = os.path.join(os.path.abspath(os.path.expanduser(folder)), "")
    return _Rule(
        lambda candidate: not candidate.picture.path.startswith(top),
        lambda kept, others, who: f"in the folder {folder}",
    )


def _shortest(candidate: Candidate) -> tuple[bool, int]:
    return _COPY.search(candidate.name) is not None, len(candidate.name)


def _shortest_words(kept: Candidate, others: Sequence[Candidate], who: str) -> str:
    if not _shortest(kept)[0] and all(_shortest(other)[0] for other in others):
        return "no word such as copy in its name"
    return "shorter name" if len(others) == 1 else "shortest name"


_RULES = {
    "pixels": _Rule(_pixels, _pixels_words),
    "original": _Rule(lambda c: c.derived, _original_words),
    "quality": _Rule(_quality, _quality_words),
    "exif": _Rule(lambda c: not c.camera, lambda kept, others, who: "has the camera's EXIF data"),
    "oldest": _Rule(_moment, _date_words("oldest")),
    "newest": _Rule(lambda c: -_moment(c), _date_words("newest")),
    "shortest": _Rule(_shortest, _shortest_words, alike=True),
    "name": _Rule(
        lambda c: (c.name.casefold(), c.name), lambda kept, others, who: "first by name", alike=True
    ),
}
_REFERENCE = _Rule(lambda c: not c.picture.reference, lambda kept, others, who: "in a reference folder")
_WHOLE = _Rule(lambda c: c.truncated, lambda kept, others, who: "the file is whole")
_PATH = _Rule(lambda c: c.picture.path, lambda kept, others, who: "first by path", alike=True)
_ALLOWED = f"allowed are {', '.join(_RULES)} and folder:DIR"
