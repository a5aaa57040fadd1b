"""The API as a page for people, made of its OpenAPI description: no script, nothing from elsewhere."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from html import escape
from typing import Any

STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8881; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h2 { margin-top: 2.5rem; } code, pre { font: 0.9em ui-monospace, monospace; }
details { border: 1px solid var(--line); border-radius: 8px; margin: 0.5rem 0; padding: 0.5rem 0.8rem; }
summary { cursor: pointer; overflow-wrap: anywhere; } summary b { display: inline-block; min-width: 4.5rem; }
table { border-collapse: collapse; width: 100%; } td { padding: 0.3rem 0.6rem 0.3rem 0; vertical-align: top; }
tr { border-top: 1px solid var(--line); } td:first-child { white-space: nowrap; }
pre { background: var(--soft); padding: 0.6rem; border-radius: 6px; overflow-x: auto; }
"""


def page(described: Mapping[str, Any]) -> tuple[str, str]:
    """The page, and the policy it is to be served with.

    Args:
        described: the OpenAPI description.
    """
    digest = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; frame-ancestors 'none'; base-uri 'none'"
    info = described["info"]
    paragraphs = "".join(f"<p>{_text(part)}</p>" for part in info["description"].split("\n\n"))
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>lookalike: the API</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{STYLE}</style>'
        f"<h1>lookalike {escape(info['version'])}</h1>{paragraphs}"
        f'<p>For programs: <a href="/openapi.json">/openapi.json</a>.</p>'
        f"{_sections(described['paths'])}</html>"
    ), policy


def _sections(paths: Mapping[str, Any]) -> str:
    by_tag: dict[str, list[str]] = {}
    for path, methods in paths.items():
        for method, operation in methods.items():
            by_tag.setdefault(operation["tags"][0], []).append(_operation(path, method, operation))
    return "".join(f"<h2>{escape(tag)}</h2>{''.join(found)}" for tag, found in by_tag.items())


def _operation(path: str, method: str, operation: Mapping[str, Any]) -> str:
    rows = [
        (p["name"], _place(p, operation), p.get("description", "")) for p in operation.get("parameters", ())
    ] + _fields(operation)
    table = "".join(
        f"<tr><td><code>{escape(name)}</code><td>{escape(place)}<td>{_text(what)}"
        for name, place, what in rows
    )
    answers = "".join(
        f"<tr><td>{escape(status)}<td colspan=2>{_text(answer.get('description', ''))}"
        for status, answer in sorted(operation["responses"].items())
    )
    first = operation.get("description", "").partition("\n")[0]
    return (
        f"<details><summary><b>{escape(method.upper())}</b> <code>{escape(path)}</code> {_text(first)}"
        "</summary>"
        f"<table>{table}</table><h4>Answers</h4><table>{answers}</table></details>"
    )


def _place(parameter: Mapping[str, Any], operation: Mapping[str, Any]) -> str:
    has_form = "multipart/form-data" in operation.get("requestBody", {}).get("content", {})
    return "query or form" if parameter["in"] == "query" and has_form else str(parameter["in"])


def _fields(operation: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    content = operation.get("requestBody", {}).get("content", {})
    form = content.get("multipart/form-data", {}).get("schema", {}).get("properties", {})
    files = [(name, "file", field["description"]) for name, field in form.items() if _is_file(field)]
    others = [kind for kind in content if kind != "multipart/form-data"]
    return files + ([("body", "or", ", ".join(others))] if others else [])


def _is_file(field: Mapping[str, Any]) -> bool:
    return "binary" in (field.get("format"), field.get("items", {}).get("format"))


def _text(markdown: str) -> str:
    """Text with its `code` marked."""
    parts = escape(markdown).split("`")
    return "".join(f"<code>{part}</code>" if number % 2 else part for number, part in enumerate(parts))
