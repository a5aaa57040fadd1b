"""The picture gallery: sections of pictures to look through, such as clusters or kinds of outliers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate

from lookalike.reports.page import (
    Pictures,
    Thumbnail,
    count,
    document,
    escaped,
    fact_list,
    file_name,
    tile,
)

MOST = 24
"""Pictures of a section that are shown unless told otherwise: some three rows on a wide screen."""

IN_ALL = 6_000
"""Previews a page has at most, with those beside a picture: at about 12 kB each a file of 70 MB."""

FILTERED = 9
"""From so many sections on their list has a field to look for one."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A picture of a gallery, and what is said of it.

    Attributes:
        path: its path or name.
        badges: a few short words or numbers below it, e.g. `("0.83", "blurred")`.
        note: a line below these.
        mark: what makes it stand out of its section, e.g. `medoid`: it is drawn larger; empty for
            most.
        beside: pictures to compare it with, drawn small below it, e.g. those nearest to it.
    """

    path: str
    badges: Sequence[str] = ()
    note: str = ""
    mark: str = ""
    beside: Sequence[Shown] = ()


@dataclass(frozen=True, slots=True)
class Section:
    """Pictures that belong together.

    Attributes:
        heading: what they are.
        pictures: in the order in which they are shown.
        note: a sentence below the heading.
        facts: what else there is to say, e.g. `{"cohesion": "0.81"}`.
        total: how many there are, when `pictures` are the first of more; None when they are all.
    """

    heading: str
    pictures: Sequence[Shown]
    note: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)
    total: int | None = None

    @property
    def size(self) -> int:
        """How many pictures belong to it, shown or not."""
        return len(self.pictures) if self.total is None else self.total


def bounded(sections: Sequence[Section], most: int = MOST, *, in_all: int = IN_ALL) -> list[Section]:
    """The sections with their first pictures only; the others are counted.

    Args:
        sections: with as many pictures as there are.
        most: pictures of one section; fewer when there would be too many previews, but at least one.
        in_all: previews of all sections together, counting those beside a picture.

    Returns:
        All sections, or the first ones when not even one picture of each fits.
    """
    each, room = 0, in_all
    while each < most and (cost := sum(_previews(section, each) for section in sections)) <= room:
        if not cost:
            each = most  # all are shown
            break
        each, room = each + 1, room - cost
    if each:
        return [_first(section, each) for section in sections]
    costs = accumulate(_previews(section, 0) for section in sections)
    return [_first(section, 1) for section, cost in zip(sections, costs, strict=True) if cost <= in_all]


def _previews(section: Section, place: int) -> int:
    """How many previews the picture at this place needs."""
    return 1 + len(section.pictures[place].beside) if place < len(section.pictures) else 0


def _first(section: Section, number: int) -> Section:
    if len(section.pictures) <= number:
        return section
    return replace(section, pictures=section.pictures[:number], total=section.size)


def paths(sections: Sequence[Section]) -> list[str]:
    """The distinct pictures that a gallery of these sections shows, in their order."""
    shown = (picture for section in sections for picture in section.pictures)
    return list(dict.fromkeys(one.path for picture in shown for one in (picture, *picture.beside)))


def picture_gallery(
    title: str,
    sections: Sequence[Section],
    thumbnail: Thumbnail,
    *,
    facts: Mapping[str, str] | None = None,
    intro: str = "",
    empty: str = "There is nothing to show.",
    total: int | None = None,
    charts: Sequence[str] = (),
) -> str:
    """A page of sections of pictures, with a list of them to go by.

    Args:
        title: the page's heading.
        sections: all their pictures are shown: see `bounded`.
        thumbnail: called once for each distinct path.
        facts: what else to say at the top, e.g. `{"collection": "/home/shop/.lookalike"}`.
        intro: a sentence below the heading.
        empty: what is said when there is no section.
        total: how many sections there are, when these are the first of more; None when they are all.
        charts: figures at the top, as HTML: see `reports.reliability`.

    Returns:
        The HTML. Each distinct picture is in it once, however often it is shown.
    """
    pictures = Pictures(thumbnail)
    parts = [_section(number, section, pictures) for number, section in enumerate(sections, start=1)]
    body = [
        '<a class="skip" href="#sections">Skip to the pictures</a>',
        f'<div class="page{" indexed" if len(sections) > 1 else ""}">',
        _head(title, [intro, _left_out(len(sections), total)], facts or {}, charts),
        _index(sections),
        '<main id="sections" tabindex="-1">',
        *(parts or [f'<p class="empty">{escaped(empty)}</p>']),
        "</main>",
        _FOOT if parts else "",
        "</div>",
        _LARGE,
    ]
    scripts = ("repeat.js", "gallery.js")
    return document(title, "\n".join(body), styles=("look.css", "gallery.css"), scripts=scripts)


def _left_out(shown: int, total: int | None) -> str:
    if total is None or total <= shown:
        return ""
    return f"The first {shown:,} of {total:,} sections are shown."


def _head(title: str, sentences: Sequence[str], facts: Mapping[str, str], charts: Sequence[str]) -> str:
    said = "".join(f"<p>{escaped(sentence)}</p>" for sentence in sentences if sentence)
    drawn = f'<div class="charts">{"".join(charts)}</div>' if charts else ""
    return f'<header class="head"><h1>{escaped(title)}</h1>{said}{fact_list(facts)}{drawn}</header>'


def _index(sections: Sequence[Section]) -> str:
    """The list of sections, which stays in sight; nothing for one section."""
    if len(sections) < 2:
        return ""
    links = "".join(
        f'<li><a href="#s{number}"><bdi>{escaped(section.heading)}</bdi>'
        f" <span>{section.size:,}</span></a></li>"
        for number, section in enumerate(sections, start=1)
    )
    field = (
        '<input type="search" id="find" placeholder="Find a section" aria-label="Find a section"'
        ' autocomplete="off" spellcheck="false" hidden>'
    )
    return (
        f'<nav class="index" aria-label="Sections">{field if len(sections) >= FILTERED else ""}'
        f"<ol>{links}</ol></nav>"
    )


_FOOT = (
    '<footer class="foot"><p>Pictures are named by file; the full path shows when the pointer rests on one, '
    'and when it is opened.</p><p class="keys"><kbd>j</kbd> <kbd>k</kbd> next and previous section · '
    "<kbd>←</kbd> <kbd>→</kbd> <kbd>↑</kbd> <kbd>↓</kbd> from picture to picture · <kbd>Enter</kbd> open · "
    "<kbd>Esc</kbd> close</p></footer>"
)

_LARGE = (
    '<dialog id="large" aria-label="Picture"><figure><div class="stage"><img alt=""></div><figcaption>'
    '<p class="said"></p><p class="path"></p></figcaption></figure><form method="dialog">'
    '<button type="button" data-step="-1" aria-label="Previous picture">‹</button>'
    '<button type="button" data-step="1" aria-label="Next picture">›</button>'
    '<button aria-label="Close" autofocus>×</button></form></dialog>'
)


# --- one section ----------------------------------------------------------------------------


def _section(number: int, section: Section, pictures: Pictures) -> str:
    note = f'<p class="note">{escaped(section.note)}</p>' if section.note else ""
    wide = " wide" if any(picture.beside or picture.note for picture in section.pictures) else ""
    return "\n".join(
        [
            f'<section class="part" id="s{number}" aria-labelledby="h{number}" tabindex="-1">',
            f'<header><h2 id="h{number}"><bdi>{escaped(section.heading)}</bdi></h2>',
            f'<p class="size">{_size(section)}</p>{note}{fact_list(section.facts)}</header>',
            f'<ol class="shots{wide}">',
            *(f"<li>{_shot(picture, pictures)}</li>" for picture in section.pictures),
            "</ol>",
            "</section>",
        ]
    )


def _size(section: Section) -> str:
    shown, size = len(section.pictures), section.size
    return f"{shown:,} of {size:,} pictures" if shown < size else count(size, "picture", "pictures")


def _shot(picture: Shown, pictures: Pictures) -> str:
    badges = "".join(f"<span>{escaped(badge)}</span>" for badge in picture.badges)
    look = "shot marked" if picture.mark else "shot"
    lines = [
        f'<figure class="{look}" tabindex="0" title="{escaped(picture.path)}">',
        tile(picture.path, pictures),
        "<figcaption>",
        f'<p class="mark">{escaped(picture.mark)}</p>' if picture.mark else "",
        f'<p class="badges">{badges}</p>' if badges else "",
        f'<p class="name"><bdi>{escaped(file_name(picture.path))}</bdi></p>',
        f'<p class="note">{escaped(picture.note)}</p>' if picture.note else "",
        "</figcaption>",
        _beside(picture.beside, pictures),
        "</figure>",
    ]
    return "".join(lines)


def _beside(beside: Sequence[Shown], pictures: Pictures) -> str:
    if not beside:
        return ""
    items = "".join(
        f'<li title="{escaped(one.path)}">{tile(one.path, pictures)}'
        f"<p>{escaped(' · '.join(one.badges))}</p></li>"
        for one in beside
    )
    return f'<ol class="beside">{items}</ol>'
