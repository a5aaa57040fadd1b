"""Self-contained HTML pages: one file with everything in it, which asks nothing of any network.

The page's policy forbids every request and every script and style but its own, which it names by
hash. All text from outside (names, metadata, titles) is escaped in one place, `_text`.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import html
import os
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files as package_files
from pathlib import Path, PurePath

from lookalike.errors import LookalikeError, UsageError
from lookalike.results import Hit, Metadata, Scalar, SearchResult

Thumbnail = Callable[[str], bytes | None]
"""The path or name of a picture -> a small JPEG of it, or None when there is none."""

_NO_PICTURE = (
    '<span class="none"><svg viewBox="0 0 24 24" aria-hidden="true"><rect x="3" y="4" width="18"'
    ' height="16" rx="2.5"/><path d="m3 16 5-5 4 4 3-3 6 6M4 3l17 18"/></svg>no preview</span>'
)


def contact_sheet(
    results: Sequence[SearchResult],
    thumbnail: Thumbnail,
    title: str,
    *,
    facts: Mapping[str, str] | None = None,
    captions: Sequence[str] | None = None,
) -> str:
    """A page that shows each query beside what was found for it.

    Args:
        results: one section each, in this order.
        thumbnail: called once for each distinct query and path.
        title: the page's heading.
        facts: what else to say at the top, e.g. `{"model": "efficientnet-lite0"}`.
        captions: a heading for each query instead of its file name, as many as results; None
            for file names.

    Returns:
        The HTML. Each distinct picture is in it once, however often it is shown.

    Raises:
        ValueError: captions and results differ in number.
    """
    headings = captions if captions is not None else [_file_name(result.query) for result in results]
    pictures = _Pictures(thumbnail)
    sections = [
        _section(number, heading, result, pictures)
        for number, (heading, result) in enumerate(zip(headings, results, strict=True), start=1)
    ]
    body = [
        '<a class="skip" href="#results">Skip to the results</a>',
        '<div class="page">',
        _head(title, results, facts or {}, headings),
        '<main id="results" tabindex="-1">',
        *(sections or ['<p class="empty">There was no query.</p>']),
        "</main>",
        _FOOT,
        "</div>",
    ]
    return _document(title, "\n".join(body))


def write_page(file: Path, page: str) -> None:
    """Write a page so that the file is at every moment either the old one or the new one, whole.

    Raises:
        UsageError: there is a file already that is no page; one slip, and it would be a picture.
        LookalikeError: the file cannot be written.
    """
    temporary = None
    try:
        if file.is_file() and not _is_page(file):
            raise UsageError(f"{file} exists and is no HTML page: choose another name for the page")
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", newline="\n", dir=file.parent, prefix=".", suffix=".html", delete=False
        ) as handle:
            temporary = handle.name
            handle.write(page)
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, file)
    except OSError as error:
        if temporary:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
        reason = error.strerror or str(error)
        raise LookalikeError(
            f"cannot write the page {file}: {reason}; choose a file in a folder you can write to"
        ) from error


def _is_page(file: Path) -> bool:
    with file.open("rb") as handle:
        return handle.read(200).lstrip().lower().startswith((b"<!doctype html", b"<html"))


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current


# --- the document ---------------------------------------------------------------------------


@cache
def _asset(name: str) -> str:
    return (package_files("lookalike") / "report_assets" / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    """The name by which a content policy allows one inline script or style."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _document(title: str, body: str) -> str:
    style, script = _asset("look.css"), _asset("repeat.js")
    policy = (
        f"default-src 'none'; img-src data:; style-src {_hash(style)}; script-src {_hash(script)}; "
        "base-uri 'none'; form-action 'none'"
    )
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta name="referrer" content="no-referrer">',
            '<meta name="color-scheme" content="light dark">',
            '<link rel="icon" href="data:,">',
            f"<title>{_text(title)}</title>",
            f"<style>{style}</style>",
            "</head>",
            "<body>",
            body,
            f"<script>{script}</script>",
            "</body>",
            "</html>",
            "",
        ]
    )


def _head(
    title: str, results: Sequence[SearchResult], facts: Mapping[str, str], headings: Sequence[str]
) -> str:
    hits = sum(len(result.results) for result in results)
    lines = ['<header class="head">', f"<h1>{_text(title)}</h1>"]
    lines.append(f"<p>{_count(len(results), 'query', 'queries')}, {_count(hits, 'hit', 'hits')}</p>")
    if facts:
        pairs = "".join(
            f"<div><dt>{_text(key)}</dt><dd>{_text(value)}</dd></div>" for key, value in facts.items()
        )
        lines.append(f'<dl class="facts">{pairs}</dl>')
    if len(results) > 3:
        links = "".join(f'<li><a href="#q{i}">{_text(name)}</a></li>' for i, name in enumerate(headings, 1))
        lines.append('<nav class="jump" aria-label="Queries"><details><summary>All queries</summary>')
        lines.append(f"<ol>{links}</ol></details></nav>")
    return "\n".join([*lines, "</header>"])


_FOOT = (
    '<footer class="foot"><p>Similarity is the cosine of two pictures’ vectors: 1.000 is the same, '
    "0.000 is unrelated. Pictures are named by file; the full path shows when the pointer rests on "
    "one.</p></footer>"
)


def _count(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"


# --- one query ------------------------------------------------------------------------------


class _Pictures:
    """Hands out image elements; the bytes go into the page with the first of each picture."""

    def __init__(self, thumbnail: Thumbnail) -> None:
        self._thumbnail = thumbnail
        self._by_path: dict[str, bytes | None] = {}
        self._placed: dict[bytes, str] = {}

    def element(self, path: str) -> str:
        """A tile with the picture, or with a placeholder when there is no thumbnail."""
        if path not in self._by_path:
            self._by_path[path] = self._thumbnail(path)
        data = self._by_path[path]
        return f'<div class="tile">{self._image(data, path) if data else _NO_PICTURE}</div>'

    def _image(self, data: bytes, path: str) -> str:
        key = hashlib.sha256(data).digest()
        shown = f'alt="{_text(_file_name(path))}" decoding="async"'
        if key in self._placed:
            return f'<img data-like="{self._placed[key]}" {shown}>'
        self._placed[key] = f"p{len(self._placed) + 1}"
        source = "data:image/jpeg;base64," + base64.b64encode(data).decode("ascii")
        return f'<img id="{self._placed[key]}" {shown} src="{source}">'


def _section(number: int, heading: str, result: SearchResult, pictures: _Pictures) -> str:
    name, folder = _file_name(result.query), _folder(result.query)
    below = name if heading != name else folder
    lines = [
        f'<section class="query" id="q{number}" aria-labelledby="h{number}">',
        f'<figure class="asked" tabindex="0" title="{_text(result.query)}">{pictures.element(result.query)}',
        f'<figcaption><h2 id="h{number}"><bdi>{_text(heading)}</bdi></h2>',
        f"<p><bdi>{_text(below)}</bdi></p></figcaption></figure>",
    ]
    if result.results:
        lines.append('<ol class="hits">')
        lines.extend(f"<li>{_hit(hit, pictures)}</li>" for hit in result.results)
        lines.append("</ol>")
    else:
        lines.append('<p class="empty">Nothing was found. A lower threshold or a wider filter may help.</p>')
    return "\n".join([*lines, "</section>"])


def _hit(hit: Hit, pictures: _Pictures) -> str:
    share = min(max(hit.similarity, 0.0), 1.0) * 100
    lines = [
        f'<figure class="hit" tabindex="0" title="{_text(hit.path)}">{pictures.element(hit.path)}',
        '<svg class="bar" viewBox="0 0 100 1" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect width="{share:.1f}" height="1"/></svg>',
        f'<figcaption><p class="score"><span class="rank"><span class="spoken">Rank </span>{hit.rank}</span>'
        f'<span class="similarity"><span class="spoken">Similarity </span>{hit.similarity:.3f}</span></p>',
        f'<p class="name"><bdi>{_text(_file_name(hit.path))}</bdi></p>',
    ]
    if hit.missing:
        lines.append('<p class="gone">The file has vanished.</p>')
    lines.append(_chips(hit))
    return "".join([*lines, "</figcaption></figure>"])


def _chips(hit: Hit) -> str:
    pairs = "".join(
        f"<div><dt>{_text(key)}</dt><dd>{_text(value)}</dd></div>" for key, value in _known(hit, hit.metadata)
    )
    return f'<dl class="chips">{pairs}</dl>' if pairs else ""


def _known(hit: Hit, metadata: Metadata) -> Iterator[tuple[str, str]]:
    if hit.probability is not None:
        yield "probability", f"{hit.probability:.3f}"
    for key, value in metadata.items():
        if value is not None and value != "":
            yield key, _value(value)


def _value(value: Scalar) -> str:
    """A metadata value as people write it.

    >>> _value(True), _value(0.5), _value(12.0), _value("red")
    ('yes', '0.5', '12', 'red')
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


# --- text -----------------------------------------------------------------------------------


_UNSHOWABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


def _text(text: str) -> str:
    """Text for HTML content and quoted attributes: escaped, and always possible to encode.

    Control characters and the halves of broken file names become visible replacements.

    >>> _text('<b a="1">')
    '&lt;b a=&quot;1&quot;&gt;'
    """
    seen = _UNSHOWABLE.sub("\ufffd", text)
    return html.escape(seen, quote=True)


def _file_name(path: str) -> str:
    return PurePath(path).name or path


def _folder(path: str) -> str:
    name = PurePath(path).parent.name
    return f"in {name}" if name else ""
