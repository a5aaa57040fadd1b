"""The review page: a person goes through the groups of copies, decides, and saves the plan.

The plan is in the page as JSON. What the page changes in it is `remove` of each copy, and, where a person
keeps another picture of a group, which one is kept. That is read and checked when the plan is applied,
whoever chose it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from lookalike.reports.alignment import described, placement
from lookalike.reports.details import compared, detail_list, file_size, own, sure
from lookalike.reports.page import (
    NO_PICTURE,
    Pictures,
    asset,
    block,
    count,
    document,
    escaped,
    fact_list,
    file_name,
    folder,
)
from lookalike.results import Copy, DuplicateGroup, Duplicates, PictureFacts

KINDS = {
    "exact": ("Same file", "the same bytes under another name"),
    "pixels": ("Same pixels", "the same pixels in another file"),
    "near": ("Same picture", "saved again, resized or recoloured"),
    "edited": ("Edited", "cropped, mirrored, turned, framed or written on"),
    "burst": ("Burst", "another photo taken within seconds; no copy"),
}
"""How the page calls each kind of copy, and what it means."""

_LISTED = 200  # names of files in a list that is only there to be glanced at


def review_page(
    result: Duplicates,
    picture: Callable[[str], bytes | None],
    plan: Mapping[str, object],
    title: str,
    *,
    facts: Mapping[str, str] | None = None,
) -> str:
    """A page in which a person unticks the copies that should stay, and saves the plan.

    Args:
        result: the copies that were found.
        picture: the path of a picture -> a small JPEG of it (320 pixels are enough), or None when it
            cannot be read; called once for each path.
        plan: the plan made from `result`, as JSON would hold it: its groups and their copies in the
            order of the result. `remove` says which boxes are ticked, `doubt` why others are not.
        title: the page's heading.
        facts: what else to say at the top, e.g. `{"precision": "0.99"}`.

    Returns:
        The HTML. Each distinct picture is in it once, however often it is shown.

    Raises:
        ValueError: the plan's groups are not those of the result, or it cannot be written as JSON.
    """
    planned = list(_planned(result.groups, plan))
    pictures = Pictures(picture)
    sections = [
        _group(number, group, decisions, pictures)
        for number, (group, decisions) in enumerate(zip(result.groups, planned, strict=True), start=1)
    ]
    body = [
        '<a class="skip" href="#groups">Skip to the groups</a>',
        '<div class="page">',
        _head(title, result, facts or {}),
        *([_desk([decision for decisions in planned for decision in decisions])] if sections else []),
        '<main id="groups" tabindex="-1">',
        *(sections or [_nothing(result.images)]),
        '<p class="empty" id="none" hidden>No group has a copy of this kind.</p>',
        "</main>",
        _foot(result),
        "</div>",
        asset("compare.html"),
        block("plan", plan),
    ]
    return document(
        title,
        "\n".join(body),
        styles=("look.css", "review.css", "laid.css"),
        scripts=("laid.js", "deciding.js", "review.js"),
    )


def _planned(groups: Sequence[DuplicateGroup], plan: Mapping[str, Any]) -> Iterator[list[Mapping[str, Any]]]:
    """What the plan says about each copy of each group."""
    planned = plan["groups"]
    if len(planned) != len(groups):
        raise ValueError(f"the plan has {len(planned)} groups, the result {len(groups)}")
    for group, entry in zip(groups, planned, strict=True):
        paths = [entry["keep"]["path"], *(copy["path"] for copy in entry["copies"])]
        if paths != [group.keep, *(member.path for member in group.members)]:
            raise ValueError(f"the plan's group of {entry['keep']['path']} is not that of {group.keep}")
        yield list(entry["copies"])


# --- above and below the groups ----------------------------------------------------------------


def _head(title: str, result: Duplicates, facts: Mapping[str, str]) -> str:
    groups = count(len(result.groups), "group", "groups")
    images = count(result.images, "picture", "pictures")
    lines = ['<header class="head">', f"<h1>{escaped(title)}</h1>"]
    if result.groups:
        lines.append(f"<p>{groups} of copies among {images}.</p>")
        lines.append(
            '<p class="promise"><strong>Nothing has been changed.</strong> Untick what should stay, or keep '
            "another one of a group, save the plan, and run "
            "<code>lookalike duplicates apply plan-reviewed.json</code> in your downloads folder, where the "
            "browser puts it.</p>"
            "<noscript><p>Without its script this page can neither show pictures nor save.</p></noscript>"
        )
    lines.append(fact_list(facts))
    return "\n".join([*lines, "</header>"])


def _desk(copies: Sequence[Mapping[str, Any]]) -> str:
    """What stays in sight: counters, filters, and the button that saves."""
    kinds = Counter(copy["kind"] for copy in copies)
    doubtful = sum(copy["doubt"] is not None for copy in copies)
    chips = [
        _chip(f'data-kind="{escaped(kind)}"', _kind(kind), kinds[kind], _meaning(kind))
        for kind in sorted(kinds, key=[*KINDS, *sorted(kinds)].index)
    ]
    if doubtful:
        chips.append(_chip("data-doubtful", "Doubtful", doubtful, "copies whose removal is not proposed"))
    return "\n".join(
        [
            '<div class="desk" role="region" aria-label="The plan">',
            '<div class="counts" role="status"><p><b id="shown"></b></p><p><b id="ticked"></b></p>'
            '<p><b id="freed"></b> would be freed</p></div>',
            '<button type="button" id="save" class="main">Save the plan</button>',
            f'<div class="choices"><div class="filters" role="group" aria-label="Show only">{"".join(chips)}'
            '</div><div class="acts"><button type="button" id="untick">Untick all shown</button>'
            '<button type="button" id="again">Tick as proposed</button></div></div>',
            '<p class="said" id="said" role="status"></p>',
            "</div>",
            '<p class="keys"><kbd>j</kbd> <kbd>k</kbd> next and previous copy · <kbd>space</kbd> or '
            "<kbd>x</kbd> remove or not · <kbd>c</kbd> keep this one · <kbd>Enter</kbd> compare · "
            "<kbd>Esc</kbd> close · "
            "<kbd>s</kbd> save the plan</p>",
        ]
    )


def _chip(data: str, name: str, number: int, meaning: str) -> str:
    return (
        f'<button type="button" {data} aria-pressed="false" title="{escaped(meaning)}">'
        f"{escaped(name)} <span>{number:,}</span></button>"
    )


def _nothing(images: int) -> str:
    looked = f"{count(images, 'picture was', 'pictures were')} looked at. There is nothing to do."
    return (
        '<div class="empty calm"><svg viewBox="0 0 24 24" aria-hidden="true"><rect x="3" y="4" width="18" '
        'height="16" rx="2.5"/><path d="m8 12 3 3 5-6"/></svg><p>No copies were found.</p>'
        f"<p>{looked}</p></div>"
    )


def _foot(result: Duplicates) -> str:
    lines = ['<footer class="foot">']
    lines.append(_names("could not be read", [f"{f.path}: {f.reason}" for f in result.failed]))
    lines.append(_names("have no copy in the collection", result.new))
    if result.groups:
        meanings = "".join(f"<div><dt>{name}</dt><dd>{means}</dd></div>" for name, means in KINDS.values())
        lines.append(f'<dl class="legend">{meanings}</dl>')
        lines.append(
            "<p>How sure it is that two pictures are copies was worked out for this collection. Dates are "
            "of the last change, in UTC. The full path shows when the pointer rests on a name.</p>"
        )
    return "\n".join([*lines, "</footer>"])


def _names(what: str, names: Sequence[str]) -> str:
    """A list that opens on request; nothing without names."""
    if not names:
        return ""
    items = "".join(f"<li><bdi>{escaped(name)}</bdi></li>" for name in names[:_LISTED])
    more = f"<li>and {len(names) - _LISTED:,} more</li>" if len(names) > _LISTED else ""
    said = f"{count(len(names), 'file', 'files')} {what}"
    return f"<details><summary>{said}</summary><ul>{items}{more}</ul></details>"


# --- one group ---------------------------------------------------------------------------------


def _group(
    number: int, group: DuplicateGroup, decisions: Sequence[Mapping[str, Any]], pictures: Pictures
) -> str:
    kept = group.kept
    copies = [
        _copy(kept, copy, decision, pictures) for copy, decision in zip(group.members, decisions, strict=True)
    ]
    return "\n".join(
        [
            f'<section class="group" aria-labelledby="h{number}" {_extent(kept)}>',
            f'<header><h2 id="h{number}" title="{escaped(kept.path)}">{_name(kept)}</h2>'
            f"<p><bdi>{escaped(folder(kept.path))}</bdi></p>"
            f'<p class="link">{_link(group)}</p></header>',
            f'<figure class="kept">{_tile(kept.path, pictures)}<figcaption>',
            f'<p class="verdict"><b>Stays</b> <span>{escaped(group.reason)}</span></p>',
            detail_list(own(kept)),
            "</figcaption>",
            _tick(kept, False).replace('class="tick"', 'class="tick" hidden', 1),
            "</figure>",
            '<ol class="copies">',
            *copies,
            "</ol>",
            "</section>",
        ]
    )


def _link(group: DuplicateGroup) -> str:
    if len(group.members) == 1:
        return f"1 copy, {sure(group.weakest)} sure"
    return f"{count(len(group.members), 'copy', 'copies')}, the weakest link {sure(group.weakest)} sure"


def _copy(kept: PictureFacts, copy: Copy, decision: Mapping[str, Any], pictures: Pictures) -> str:
    name = escaped(file_name(copy.path))
    numbers = " ".join(repr(float(number)) for row in placement(kept, copy) for number in row)
    aligned = " data-aligned" if copy.transform or copy.kind in ("exact", "pixels") else ""
    how, doubt = ", ".join(described(copy)), decision["doubt"]
    return "".join(
        [
            f'<li class="copy" data-kind="{escaped(copy.kind)}" data-place="{numbers}"{aligned} ',
            f'data-overlap="{copy.overlap or 0:g}" ',
            f'{_extent(copy.picture)}><button type="button" class="look" aria-label="Compare {name}">',
            f"{_tile(copy.path, pictures)}{_outline(kept, copy)}</button>",
            f'<div class="about"><p class="kind"><b title="{escaped(_meaning(copy.kind))}">',
            f"{escaped(_kind(copy.kind))}</b><span>{sure(copy.probability)} sure</span></p>",
            f'<p class="name" title="{escaped(copy.path)}">{_name(copy.picture)} ',
            f'<span class="in"><bdi>{escaped(folder(copy.path))}</bdi></span></p>',
            f'<p class="how">{escaped(how[:1].upper() + how[1:])}</p>' if how else "",
            detail_list(compared(kept, copy)),
            f'<p class="doubt"><b>In doubt:</b> {escaped(doubt)}</p>' if doubt is not None else "",
            f'<button type="button" class="prefer" aria-pressed="false" aria-label="Keep {name} instead">',
            "Keep this one</button>",
            f"</div>{_tick(copy.picture, decision['remove'])}</li>",
        ]
    )


def _tick(facts: PictureFacts, ticked: bool) -> str:
    """The box that decides; shut for a picture of a reference folder."""
    state = " checked" if ticked else " disabled" if facts.reference else ""
    return (
        f'<label class="tick"><input type="checkbox" autocomplete="off"{state} '
        f'aria-label="Remove {escaped(file_name(facts.path))}"><span class="on">Remove</span>'
        f'<span class="off">Stays</span><span class="bytes">{file_size(facts.bytes)}</span></label>'
    )


def _extent(facts: PictureFacts) -> str:
    return f'data-width="{facts.width}" data-height="{facts.height}"'


def _name(facts: PictureFacts) -> str:
    return f"<bdi>{escaped(file_name(facts.path))}</bdi>"


def _kind(kind: str) -> str:
    return KINDS[kind][0] if kind in KINDS else kind


def _meaning(kind: str) -> str:
    return f"{kind}: {KINDS[kind][1]}" if kind in KINDS else kind


def _tile(path: str, pictures: Pictures) -> str:
    """The picture, loaded by the script when it comes near; its data stands where it is first shown."""
    placed = pictures.place(path)
    if placed is None:
        return f'<span class="tile">{NO_PICTURE}</span>'
    data = f'<script type="text/plain" id="{placed.key}">{placed.data}</script>' if placed.data else ""
    image = f'<img data-picture="{placed.key}" alt="{escaped(file_name(path))}" decoding="async">'
    return f'<span class="tile">{data}{image}</span>'


def _outline(kept: PictureFacts, copy: Copy) -> str:
    """A small drawing of which part of the picture kept a copy shows; nothing when it shows all of it."""
    shown = copy.overlap is not None and copy.overlap < 0.97
    if not shown or not copy.transform or not kept.width or not kept.height:
        return ""
    (a, b, x), (c, d, y) = placement(kept, copy)
    scale = 100 / max(kept.width, kept.height)
    width, height = copy.picture.width, copy.picture.height
    corners = [(0, 0), (width, 0), (width, height), (0, height)]
    points = " ".join(
        f"{(a * u + b * v + x) * scale:.1f},{(c * u + d * v + y) * scale:.1f}" for u, v in corners
    )
    box = f"{kept.width * scale:.1f}", f"{kept.height * scale:.1f}"
    return (
        f'<svg class="outline" viewBox="0 0 {box[0]} {box[1]}" aria-hidden="true">'
        f'<rect width="{box[0]}" height="{box[1]}"/><polygon points="{points}"/></svg>'
    )
