"""What people choose between copies by, in words: sizes, dates, how sure it is."""

from __future__ import annotations

import math
from collections.abc import Iterator

from lookalike.reports.alignment import percent
from lookalike.reports.page import count, escaped
from lookalike.results import Copy, PictureFacts

Detail = tuple[str, str, str, str]
"""What it is, its value, how it compares with the picture kept, and whether that is `better` or `worse`."""


def detail_list(details: Iterator[Detail]) -> str:
    """Details as an HTML list."""
    rows = []
    for name, value, comparison, rank in details:
        note = f' <span class="{rank or "equal"}">{escaped(comparison)}</span>' if comparison else ""
        rows.append(f"<div><dt>{name}</dt><dd>{escaped(value)}{note}</dd></div>")
    return f'<dl class="details">{"".join(rows)}</dl>'


def own(facts: PictureFacts) -> Iterator[Detail]:
    """What a picture is by itself."""
    yield "Size", f"{facts.width:,} × {facts.height:,}", "", ""
    yield "File", f"{facts.format}, {file_size(facts.bytes)}", "", ""
    yield "Date", _date(facts.modified), "", ""
    if facts.reference:
        yield "Folder", "a reference: its pictures stay", "", ""


def compared(kept: PictureFacts, copy: Copy) -> Iterator[Detail]:
    """What a copy is beside the picture kept."""
    picture = copy.picture
    notes = {
        "Size": _more(
            kept.width * kept.height, picture.width * picture.height, "more pixels", "fewer pixels"
        ),
        "File": _more(kept.bytes, picture.bytes, "larger", "smaller"),
        "Date": _older(kept.modified, picture.modified),
    }
    for name, value, *nothing in own(picture):
        comparison, rank = notes.get(name, nothing)
        yield name, value, comparison, rank
    if copy.overlap is not None and copy.overlap_copy is not None:
        shares = f"{percent(copy.overlap)} of kept, {percent(copy.overlap_copy)} of copy"
        yield "Overlap", "all of both" if copy.overlap == copy.overlap_copy == 1 else shares, "", ""
    if copy.inliers is not None:
        yield "Matched", count(copy.inliers, "point", "points"), "", ""


def _more(kept: int, copy: int, more: str, fewer: str) -> tuple[str, str]:
    """How a number of the copy compares with that of the picture kept; more is better.

    >>> _more(100, 40, "larger", "smaller"), _more(100, 250, "larger", "smaller"), _more(5, 5, "", "")
    (('60 % smaller', 'worse'), ('2.5 times larger', 'better'), ('', ''))
    """
    if kept == copy:
        return "", ""
    if copy < kept:
        return f"{percent(1 - copy / kept)} {fewer}", "worse"
    if copy < 2 * kept:
        return f"{percent(copy / kept - 1)} {more}", "better"
    return (f"{copy / kept:.3g} times {more}" if kept else more), "better"


def _older(kept: str, copy: str) -> tuple[str, str]:
    """Older is better: it is more likely the first one. ISO dates in UTC are in order as text."""
    if kept == copy:
        return "", ""
    return ("older", "better") if copy < kept else ("newer", "worse")


def _date(modified: str) -> str:
    """A date as people read it.

    >>> _date("2026-11-23T08:30:00Z")
    '2026-11-23 08:30'
    """
    return modified[:16].replace("T", " ")


def sure(probability: float) -> str:
    """A probability in percent, rounded down: only what is certain is 100 %.

    >>> sure(0.99987), sure(1.0), sure(0.5)
    ('99.9 %', '100 %', '50.0 %')
    """
    return "100 %" if probability >= 1 else f"{math.floor(probability * 1000) / 10:.1f} %"


def file_size(size: int) -> str:
    """Bytes in words, with steps of 1,000; the page's script counts the same way.

    >>> file_size(999), file_size(1_234), file_size(412_300), file_size(34_200_000)
    ('999 bytes', '1.2 kB', '412 kB', '34.2 MB')
    """
    if size < 1000:
        return f"{size} bytes"
    number, units = float(size), iter(("kB", "MB", "GB", "TB"))
    unit = ""
    while number >= 999.5 and (following := next(units, None)):
        number, unit = number / 1000, following
    return f"{number:.0f} {unit}" if number >= 99.95 else f"{number:.1f} {unit}"
