"""The page of one explanation: two pictures, and over them how much each place adds to their similarity."""

from __future__ import annotations

import base64
from typing import Any

from lookalike.reports.page import asset, block, document, escaped, file_name
from lookalike.results import Explanation, as_json

_DIGITS = 6


def explanation_page(explanation: Explanation, pictures: tuple[bytes, bytes], title: str) -> str:
    """A page with the two pictures of an explanation and heat over them.

    Args:
        explanation: of one picture asked for.
        pictures: JPEGs of the query and of the picture found, all of each, upright.
        title: the page's heading.
    """
    query, found = explanation.queries[0], explanation.found
    most = max(max(row) for row in found.shares) / explanation.similarity if explanation.similarity else 0.0
    summary = (
        f"Similarity {explanation.similarity:.3f}, split over the places of both pictures. "
        f"The place that adds most adds {most:.0%} of it."
    )
    words = {
        "title": escaped(title),
        "summary": escaped(summary),
        "first": escaped(file_name(query.picture)),
        "second": escaped(file_name(found.picture)),
    }
    body = asset("explain.html")
    for name, text in words.items():
        body = body.replace(f"{{{name}}}", text)
    for name, jpeg in zip(("first", "second"), pictures, strict=True):
        data = base64.b64encode(jpeg).decode("ascii")
        body = body.replace(f"{{{name}_picture}}", f"data:image/jpeg;base64,{data}")
    return document(
        title,
        body + block("explanation", shortened(as_json(explanation))),
        styles=("look.css", "heat.css", "explain.css"),
        scripts=("heat.js", "explain.js"),
    )


def shortened(value: Any) -> Any:
    """Plain JSON with six digits after the point: so many shares are shorter by half, and their sum is off by
    less than 1e-4."""
    if isinstance(value, float):
        return round(value, _DIGITS)
    if isinstance(value, list):
        return [shortened(one) for one in value]
    if isinstance(value, dict):
        return {key: shortened(one) for key, one in value.items()}
    return value
