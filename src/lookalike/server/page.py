"""The web page: its files, and the addresses that are states of it.

The files are those of the folder `web` and the look all our pages share; nothing else can be asked for. Their
addresses carry a digest over all of them, so that a browser keeps them for good and never mixes two versions.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files as package_files
from importlib.resources.abc import Traversable

from fastapi import APIRouter, Request, Response

from lookalike.errors import RequestError
from lookalike.reports.map import map_body, map_module
from lookalike.reports.page import asset as asset_text
from lookalike.server.envelope import Json, is_browser

VIEWS = ("search", "compare", "duplicates", "map", "clusters", "info")
"""Addresses that are states of the page: each gives the same document, and the page does the rest."""

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
"""Only files and answers of this server, and pictures a person has chosen. No text ever becomes markup."""

_SHARED = ("look.css", "heat.js", "heat.css", "laid.js", "laid.css", "deciding.js")  # of the reports
_DOCUMENT = "index.html"
_TEMPLATE = b'<template id="map-body">'
_HEAD_ENDS = b"</head>"
_TYPES = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
_WEEK = 7 * 24 * 3600
_HEADERS = {
    "Content-Security-Policy": POLICY,
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
    "Cache-Control": "no-cache",
    "Vary": "Accept",
}

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True)
class Site:
    """The files of the page.

    Attributes:
        files: their bytes by name, such as `views/search.js`.
        version: a digest over all of them; part of their addresses.
        document: the HTML, which names that version.
    """

    files: Mapping[str, bytes]
    version: str
    document: bytes


@cache
def site() -> Site:
    """The files, read once."""
    package = package_files("lookalike")
    found = {name: (package / "report_assets" / name).read_bytes() for name in _SHARED}
    found |= _below(package / "web", "")
    found["map-view.js"] = map_module().encode()
    # The page of the map has its window for itself; here it is one view among others, and so are its styles.
    found["map-view.css"] = f".map-view {{\n{asset_text('map.css')}}}\n".encode()
    document = found.pop(_DOCUMENT).replace(_TEMPLATE, _TEMPLATE + map_body("Map", "", {}).encode())
    document = document.replace(_HEAD_ENDS, _preloads(found) + _HEAD_ENDS)
    digest = hashlib.sha256(document)
    for name, data in sorted(found.items()):
        digest.update(f"{name}\0{len(data)}\0".encode() + data)
    version = digest.hexdigest()[:16]
    return Site(found, version, document.replace(b"/web/", f"/web/{version}/".encode()))


def _preloads(files: Iterable[str]) -> bytes:
    """Links to all modules: they come with the page, so that views can be gone to without the server."""
    links = (
        f'<link rel="modulepreload" fetchpriority="low" href="/web/{name}">\n'
        for name in sorted(files)
        if name.endswith(".js")
    )
    return "".join(links).encode()


def _below(folder: Traversable, prefix: str) -> dict[str, bytes]:
    """The files of a folder and those below it, as far as their type is one of a page."""
    found: dict[str, bytes] = {}
    for entry in folder.iterdir():
        if entry.is_dir():
            found |= _below(entry, f"{prefix}{entry.name}/")
        elif entry.name.rpartition(".")[2] in _TYPES:
            found[prefix + entry.name] = entry.read_bytes()
    return found


@router.get("/")
async def root(request: Request) -> Response:
    """The page for browsers; for programs, where things are."""
    if is_browser(request):
        return _document(request)
    return await for_programs()


async def for_programs() -> Response:
    """Where things are."""
    said = {"name": "lookalike", "docs": "/docs", "openapi": "/openapi.json", "api": "/v1"}
    return Json(said, headers={"Vary": "Accept"})


async def _view(request: Request) -> Response:
    return _document(request)


for _name in VIEWS:
    router.add_api_route(f"/{_name}", _view)


@router.get("/web/{version}/{name:path}")
async def asset(request: Request, version: str, name: str) -> Response:
    """A file of the page.

    Raises:
        RequestError: 404, there is none of this name and version.
    """
    here = site()
    if version != here.version or name not in here.files:
        raise RequestError("the page has no such file, or has been updated: load it again", 404, "not_found")
    headers = {"Cache-Control": f"public, max-age={_WEEK}, immutable", "ETag": f'"{version}"'}
    if _is_known(request, version):
        return Response(status_code=304, headers=headers)
    return Response(here.files[name], media_type=_TYPES[name.rpartition(".")[2]], headers=headers)


def nowhere() -> Response:
    """The page where it has no view: it says so, and leads back."""
    return Response(site().document, 404, media_type=_TYPES["html"], headers=_HEADERS)


def _document(request: Request) -> Response:
    here = site()
    headers = {**_HEADERS, "ETag": f'"{here.version}"'}
    if _is_known(request, here.version):
        return Response(status_code=304, headers=headers)
    return Response(here.document, media_type=_TYPES["html"], headers=headers)


def _is_known(request: Request, version: str) -> bool:
    return f'"{version}"' in request.headers.get("if-none-match", "")
