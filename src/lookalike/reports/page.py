"""The frame of every page: one file with everything in it, which asks nothing of any network.

The page's policy forbids every request and every script and style but its own, which it names by
hash. All text from outside (names, metadata, titles) is escaped in one place, `escaped`.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files as package_files
from pathlib import PurePath

from lookalike.reports.writing import MARK

Thumbnail = Callable[[str], bytes | None]
"""The path or name of a picture -> a small JPEG of it, or None when there is none."""

NO_PICTURE = (
    '<span class="none"><svg viewBox="0 0 24 24" aria-hidden="true"><rect x="3" y="4" width="18"'
    ' height="16" rx="2.5"/><path d="m3 16 5-5 4 4 3-3 6 6M4 3l17 18"/></svg>no preview</span>'
)
"""What stands where a picture cannot be shown."""


# --- the document ---------------------------------------------------------------------------


@cache
def asset(name: str) -> str:
    """The text of one of the files in `report_assets`."""
    return (package_files("lookalike") / "report_assets" / name).read_text(encoding="utf-8")


_MODULE = re.compile(r"^(?:import\b[^;]*;\n|export (?=const |let |class |function ))", re.MULTILINE)


def script(name: str) -> str:
    """A script of `report_assets` as a page in one file has it.

    Some are modules, which the server's page imports. Here all stand one after the other in one script, what
    they import before them, so that nothing is left to import or export; their names are all different.
    """
    return without_imports(asset(name))


def without_imports(code: str) -> str:
    """A module's code without what it imports and the word `export`."""
    return _MODULE.sub("", code)


def _hash(text: str) -> str:
    """The name by which a content policy allows one inline script or style."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def document(title: str, body: str, *, styles: Sequence[str], scripts: Sequence[str], code: str = "") -> str:
    """The whole page.

    Args:
        title: the name of its window; any text.
        body: what is in it, as HTML.
        styles: names of style sheets among the report's assets, in this order.
        scripts: names of scripts among them, run in this order when the body is there.
        code: a module that these need.
    """
    style = "\n".join(map(asset, styles))
    code = "\n".join(['"use strict";', without_imports(code), *map(script, scripts)])
    policy = (
        f"default-src 'none'; img-src data:; style-src {_hash(style)}; script-src {_hash(code)}; "
        "base-uri 'none'; form-action 'none'"
    )
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            MARK,  # before the policy, which is long: it is looked for at the beginning of a file
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta name="referrer" content="no-referrer">',
            '<meta name="color-scheme" content="light dark">',
            '<link rel="icon" href="data:,">',
            f"<title>{escaped(title)}</title>",
            f"<style>{style}</style>",
            "</head>",
            "<body>",
            body,
            f"<script>{code}</script>",
            "</body>",
            "</html>",
            "",
        ]
    )


def block(name: str, content: object) -> str:
    """JSON that a script reads and nobody sees.

    All of it is ASCII, so that halves of broken file names survive; without `<` it cannot end the block.
    """
    text = json.dumps(content, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return f'<script type="application/json" id="{name}">{text.replace("<", chr(92) + "u003c")}</script>'


def fact_list(facts: Mapping[str, str]) -> str:
    """What else there is to say at the top of a page; nothing without facts."""
    pairs = "".join(
        f"<div><dt>{escaped(key)}</dt><dd>{escaped(value)}</dd></div>" for key, value in facts.items()
    )
    return f'<dl class="facts">{pairs}</dl>' if pairs else ""


# --- pictures -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Placed:
    """A picture's place in a page.

    Attributes:
        key: the id of the element that holds it, the same wherever the picture is shown.
        data: the JPEG in base64, to be put into that element; None when it is in the page already.
    """

    key: str
    data: str | None


class Pictures:
    """Hands out the pictures of one page, the bytes of each distinct one a single time."""

    def __init__(self, thumbnail: Thumbnail) -> None:
        self._thumbnail = thumbnail
        self._keys: dict[str, str | None] = {}
        self._placed: dict[bytes, str] = {}

    def place(self, path: str) -> Placed | None:
        """Where a picture is in the page; None when there is no thumbnail of it."""
        if path in self._keys:
            key = self._keys[path]
            return Placed(key, None) if key else None
        data = self._thumbnail(path)
        if not data:
            self._keys[path] = None
            return None
        digest = hashlib.sha256(data).digest()
        new = digest not in self._placed
        key = self._keys[path] = self._placed.setdefault(digest, f"p{len(self._placed) + 1}")
        return Placed(key, base64.b64encode(data).decode("ascii") if new else None)


def tile(path: str, pictures: Pictures) -> str:
    """The picture as an element, or a placeholder when there is no thumbnail.

    A page in which pictures occur more than once runs `repeat.js`.
    """
    placed = pictures.place(path)
    if placed is None:
        return f'<div class="tile">{NO_PICTURE}</div>'
    shown = f'alt="{escaped(file_name(path))}" decoding="async"'
    if placed.data is None:
        return f'<div class="tile"><img data-like="{placed.key}" {shown}></div>'
    source = f"data:image/jpeg;base64,{placed.data}"
    return f'<div class="tile"><img id="{placed.key}" {shown} src="{source}"></div>'


# --- text -----------------------------------------------------------------------------------


_UNSHOWABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


def escaped(text: str) -> str:
    """Text for HTML content and quoted attributes: escaped, and always possible to encode.

    Control characters and the halves of broken file names become visible replacements.

    >>> escaped('<b a="1">')
    '&lt;b a=&quot;1&quot;&gt;'
    """
    seen = _UNSHOWABLE.sub("\ufffd", text)
    return html.escape(seen, quote=True)


def file_name(path: str) -> str:
    """The last part of a path; all of it when it has none.

    >>> file_name("/home/shop/apple.jpg"), file_name("/")
    ('apple.jpg', '/')
    """
    return PurePath(path).name or path


def folder(path: str) -> str:
    """The folder a file is in, in words; empty when the path names none.

    >>> folder("/home/shop/apple.jpg"), folder("apple.jpg")
    ('in shop', '')
    """
    name = PurePath(path).parent.name
    return f"in {name}" if name else ""


def count(number: int, one: str, many: str) -> str:
    """A number and what is counted.

    >>> count(1, "copy", "copies"), count(2000, "copy", "copies")
    ('1 copy', '2,000 copies')
    """
    return f"{number:,} {one if number == 1 else many}"
