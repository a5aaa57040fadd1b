"""Pairs of pictures side by side on one page, to be looked at: were they copies after all?"""

from __future__ import annotations

import base64
import html
from collections.abc import Iterable
from pathlib import Path

from pictures import DATA, read
from scoring import Member

from lookalike import images


def write(target: Path, pairs: Iterable[tuple[str, Member]], root: Path) -> None:
    """A page of its own with each pair, its probability and its names below."""
    rows = [_row(keep, member, root) for keep, member in pairs]
    style = "body{font:13px sans-serif}figure{display:inline-block;margin:6px;width:420px}img{width:49%}"
    page = f"<!doctype html><meta charset=utf-8><style>{style}</style><h1>{len(rows)} pairs</h1>"
    target.write_text(page + "".join(rows), "utf-8")


def _row(keep: str, member: Member, root: Path) -> str:
    short = (name.removeprefix(f"{root}/").removeprefix(f"{DATA}/") for name in (keep, member.path))
    names = "<br>".join(html.escape(name) for name in short)
    shown = "".join(f'<img src="data:image/jpeg;base64,{_small(path)}">' for path in (keep, member.path))
    text = f"{member.probability:.4f} {member.kind}<br>{names}"
    return f"<figure>{shown}<figcaption>{text}</figcaption></figure>"


def _small(path: str) -> str:
    return base64.b64encode(images.thumbnail_jpeg(read(Path(path)), 260)).decode()
