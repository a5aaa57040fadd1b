"""The map's page: all pictures of a collection in the plane, to wander about in."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lookalike.reports.atlas import Sheets
from lookalike.reports.map_data import MapData, as_plain, packed
from lookalike.reports.page import asset, block, count, document, escaped

SCRIPTS = (
    "map-data.js",
    "map-colours.js",
    "map-plane.js",
    "map-draw.js",
    "map-filter.js",
    "map-panels.js",
    "map-tools.js",
    "map.js",
)


def map_module() -> str:
    """The map as one module, which exports `pictureMap(host)`; see `map-data.js` for its host.

    Its scripts share their names, so that all of them are the body of one function: whoever calls it, a page
    in one file or the server's page, gets a map of its own.
    """
    body = "\n".join(asset(name) for name in SCRIPTS)
    return f"export const pictureMap = host => {{\n{body}}};\n"


def map_body(title: str, said: str, facts: Mapping[str, str]) -> str:
    """The elements that a map needs, as HTML.

    Args:
        title: its heading.
        said: how many pictures it has, in words.
        facts: what else to say about it.
    """
    return (
        asset("map.html")
        .replace("{title}", escaped(title))
        .replace("{count}", escaped(said))
        .replace("{facts}", _facts(facts))
    )


def map_page(data: MapData, sheets: Sequence[Sheets], title: str, *, facts: Mapping[str, str]) -> str:
    """A page with the map.

    Args:
        data: the pictures and what is known of them.
        sheets: their thumbnails, by the picture's position, small ones first.
        title: the page's heading.
        facts: what else to say about the map.
    """
    plain = as_plain(data) | {"title": title, "sheets": [_sheets(s, len(data.pictures)) for s in sheets]}
    body = [
        '<a class="skip" href="#plane">Skip to the map</a>',
        f"<main>{map_body(title, count(len(data.pictures), 'picture', 'pictures'), facts)}</main>",
        block("map-data", plain),
        *(
            _sheet(f"sheet-{level}-{number}", jpeg)
            for level, some in enumerate(sheets)
            for number, jpeg in enumerate(some.finished())
        ),
    ]
    return document(
        title, "\n".join(body), styles=("look.css", "map.css"), code=map_module(), scripts=("map-page.js",)
    )


def _sheet(name: str, jpeg: bytes) -> str:
    """A JPEG in base64, that a script reads and nobody sees."""
    return f'<script type="text/plain" id="{name}">{base64.b64encode(jpeg).decode("ascii")}</script>'


def _facts(facts: Mapping[str, str]) -> str:
    return "".join(
        f"<div><dt>{escaped(key)}</dt><dd>{escaped(value)}</dd></div>" for key, value in facts.items()
    )


def _sheets(sheets: Sheets, count: int) -> dict[str, Any]:
    """Where each picture's thumbnail is: its cell, -1 for none, and its width and height there."""
    cells, shapes = np.full(count, -1, np.int32), np.zeros((count, 2), np.uint8)
    for place, cell in sheets.cells.items():
        cells[place], shapes[place] = cell, sheets.shapes[place]
    return {
        "side": sheets.side,
        "across": sheets.across,
        "number": len(sheets.finished()),
        "cells": packed(cells),
        "shapes": packed(shapes),
    }
