"""Contact sheets: a page that shows queries beside what was found for them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from lookalike.reports.page import (
    Pictures,
    Thumbnail,
    count,
    document,
    escaped,
    fact_list,
    file_name,
    folder,
    tile,
)
from lookalike.results import Hit, Metadata, Scalar, SearchResult


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
    headings = captions if captions is not None else [file_name(result.query) for result in results]
    pictures = Pictures(thumbnail)
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
    return document(title, "\n".join(body), styles=("look.css", "sheet.css"), scripts=("repeat.js",))


def _head(
    title: str, results: Sequence[SearchResult], facts: Mapping[str, str], headings: Sequence[str]
) -> str:
    hits = sum(len(result.results) for result in results)
    lines = ['<header class="head">', f"<h1>{escaped(title)}</h1>"]
    lines.append(f"<p>{count(len(results), 'query', 'queries')}, {count(hits, 'hit', 'hits')}</p>")
    lines.append(fact_list(facts))
    if len(results) > 3:
        links = "".join(f'<li><a href="#q{i}">{escaped(name)}</a></li>' for i, name in enumerate(headings, 1))
        lines.append('<nav class="jump" aria-label="Queries"><details><summary>All queries</summary>')
        lines.append(f"<ol>{links}</ol></details></nav>")
    return "\n".join([*lines, "</header>"])


_FOOT = (
    '<footer class="foot"><p>Similarity is the cosine of two pictures’ vectors: 1.000 is the same, '
    "0.000 is unrelated. Pictures are named by file; the full path shows when the pointer rests on "
    "one.</p></footer>"
)


# --- one query ------------------------------------------------------------------------------


def _section(number: int, heading: str, result: SearchResult, pictures: Pictures) -> str:
    name = file_name(result.query)
    below = name if heading != name else folder(result.query)
    lines = [
        f'<section class="query" id="q{number}" aria-labelledby="h{number}">',
        f'<figure class="asked" tabindex="0" title="{escaped(result.query)}">{tile(result.query, pictures)}',
        f'<figcaption><h2 id="h{number}"><bdi>{escaped(heading)}</bdi></h2>',
        f"<p><bdi>{escaped(below)}</bdi></p></figcaption></figure>",
    ]
    if result.results:
        lines.append('<ol class="hits">')
        lines.extend(f"<li>{_hit(hit, pictures)}</li>" for hit in result.results)
        lines.append("</ol>")
    else:
        lines.append('<p class="empty">Nothing was found. A lower threshold or a wider filter may help.</p>')
    return "\n".join([*lines, "</section>"])


def _hit(hit: Hit, pictures: Pictures) -> str:
    share = min(max(hit.similarity, 0.0), 1.0) * 100
    lines = [
        f'<figure class="hit" tabindex="0" title="{escaped(hit.path)}">{tile(hit.path, pictures)}',
        '<svg class="bar" viewBox="0 0 100 1" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect width="{share:.1f}" height="1"/></svg>',
        f'<figcaption><p class="score"><span class="rank"><span class="spoken">Rank </span>{hit.rank}</span>'
        f'<span class="similarity"><span class="spoken">Similarity </span>{hit.similarity:.3f}</span></p>',
        f'<p class="name"><bdi>{escaped(file_name(hit.path))}</bdi></p>',
    ]
    if hit.missing:
        lines.append('<p class="gone">The file has vanished.</p>')
    lines.append(_chips(hit))
    return "".join([*lines, "</figcaption></figure>"])


def _chips(hit: Hit) -> str:
    pairs = "".join(
        f"<div><dt>{escaped(key)}</dt><dd>{escaped(value)}</dd></div>"
        for key, value in _known(hit, hit.metadata)
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
