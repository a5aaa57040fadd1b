"""Contact sheets: everything is in the page, nothing is fetched, nothing from outside is trusted."""

from __future__ import annotations

import base64
import hashlib
import re
import string
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike.reports import contact_sheet
from lookalike.results import Hit, SearchResult

Parse = Callable[[str], Any]  # conftest.Page


def _thumbnail(path: str) -> bytes:
    return b"\xff\xd8" + hashlib.sha256(path.encode("utf-8", "surrogateescape")).digest()


def _result(
    query: str = "/shop/query.jpg", hits: int = 2, **metadata: str | float | bool | None
) -> SearchResult:
    return SearchResult(
        query,
        tuple(Hit(i + 1, i + 1, f"/shop/hit-{i}.jpg", 0.9 - 0.1 * i, metadata=metadata) for i in range(hits)),
    )


def test_shows_queries_hits_and_what_is_known(parse: Parse) -> None:
    result = _result(price=0.5, in_stock=True, colour="red", nothing=None)
    page = parse(contact_sheet([result], _thumbnail, "Apples", facts={"model": "lite"}))
    joined = " ".join(page.texts)
    for text in (
        "Apples",
        "model",
        "lite",
        "query.jpg",
        "hit-0.jpg",
        "0.900",
        "0.800",
        "in_stock",
        "yes",
        "red",
    ):
        assert text in joined
    assert "nothing" not in joined
    assert [image["alt"] for image in page.all("img")] == ["query.jpg", "hit-0.jpg", "hit-1.jpg"]
    assert [rect["width"] for rect in page.all("rect")] == ["90.0", "80.0"]


def test_captions_replace_file_names_as_headings(parse: Parse) -> None:
    page = parse(contact_sheet([_result()], _thumbnail, "t", captions=["What is like it?"]))
    assert "What is like it?" in page.texts
    with pytest.raises(ValueError, match="zip"):
        contact_sheet([_result()], _thumbnail, "t", captions=[])


HOSTILE = [
    "/a/<script>alert(1)</script>.jpg",
    '/a/"onmouseover="alert(1).jpg',
    "/a/'><img src=x onerror=alert(1)>.jpg",
    "/a/&lt;b&gt;&amp;.jpg",
    "/a/</style></title>.jpg",
    "/a/\u202egpj.exe",
    "/a/line\nbreak\x00\x1b[31m.jpg",
    "/a/broken-\udce9.jpg",
    "javascript:alert(1)",
    "#7",
    "<array>",
    "",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_only_text(parse: Parse, name: str) -> None:
    twice = SearchResult("/a.jpg", (Hit(1, 1, "/a.jpg", 0.5, metadata={"x": "y"}), Hit(2, 2, "/b.jpg", 0.4)))
    plain = parse(contact_sheet([twice], _thumbnail, "title", facts={"k": "v"}, captions=["c"]))
    hit = Hit(1, 1, name, 0.5, metadata={name or "x": name or "y"})
    result = SearchResult(name, (hit, Hit(2, 2, "/b.jpg", 0.4, metadata={"x": "y"})))
    page_text = contact_sheet([result], _thumbnail, name, facts={name: name}, captions=[name])
    page_text.encode("utf-8")
    page = parse(page_text)
    known = {(tag, tuple(sorted(attributes))) for tag, attributes in plain.elements}
    assert {(tag, tuple(sorted(attributes))) for tag, attributes in page.elements} <= known


@given(st.text(alphabet=string.printable + "é\u202e\udcff<>&\"'", max_size=30))
def test_any_metadata_is_shown_as_it_is(parse: Parse, text: str) -> None:
    page = parse(contact_sheet([_result(hits=1, note=f"[{text}]")], lambda _: None, "t"))
    expected = re.sub("[\x00-\x1f\x7f-\x9f\ud800-\udfff]", "\ufffd", f"[{text}]")
    assert expected in page.texts


def test_asks_nothing_of_any_network(parse: Parse) -> None:
    text = contact_sheet([_result()], _thumbnail, "t")
    page = parse(text)
    for tag, attributes in page.elements:
        for key in ("src", "href", "action", "data", "poster", "srcset"):
            if key in attributes:
                assert attributes[key].startswith(("data:", "#")), (tag, attributes)
        assert "style" not in attributes
        assert not any(key.startswith("on") for key in attributes)
    assert not re.search(r"(?i)https?:|url\(|@import|//[a-z]", re.sub(r"base64,[\w+/=]+", "", text))


def test_policy_allows_its_own_script_and_style_by_hash_and_nothing_else(parse: Parse) -> None:
    text = contact_sheet([_result()], _thumbnail, "t")
    policy = next(
        m["content"] for m in parse(text).all("meta") if m.get("http-equiv") == "Content-Security-Policy"
    )
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    for tag in ("script", "style"):
        (inline,) = re.findall(f"<{tag}>(.*?)</{tag}>", text, re.S)
        digest = base64.b64encode(hashlib.sha256(inline.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy


def test_each_distinct_picture_is_embedded_once(parse: Parse) -> None:
    asked: list[str] = []

    def thumbnail(path: str) -> bytes:
        asked.append(path)
        return b"same bytes" if path.startswith("/shop/hit") else path.encode()

    page = parse(contact_sheet([_result(), _result("/shop/hit-0.jpg", 3)], thumbnail, "t"))
    assert len(asked) == len(set(asked)) == 4
    images = page.all("img")
    assert len(images) == 7
    assert sum("src" in image for image in images) == 2
    ids = {image["id"] for image in images if "id" in image}
    assert {image["data-like"] for image in images if "src" not in image} <= ids


def test_missing_thumbnails_missing_files_and_empty_results(parse: Parse) -> None:
    gone = SearchResult("/q.jpg", (Hit(1, 1, "/gone.jpg", -0.25, probability=0.125, missing=True),))
    page = parse(contact_sheet([gone, _result("/lonely.jpg", 0)], lambda _: None, "t"))
    joined = " ".join(page.texts)
    assert page.all("img") == []
    assert joined.count("no preview") == 3
    assert "The file has vanished." in joined
    assert "Nothing was found" in joined
    assert "-0.250" in joined
    assert "0.125" in joined
    assert "0.0" in {rect["width"] for rect in page.all("rect")}
    assert "There was no query." in contact_sheet([], lambda _: None, "t")


def test_can_be_used_with_the_keyboard_and_read_aloud(parse: Parse) -> None:
    page = parse(contact_sheet([_result(f"/q{i}.jpg") for i in range(5)], _thumbnail, "t"))
    assert all(figure.get("tabindex") == "0" for figure in page.all("figure"))
    assert len(page.all("figcaption")) == len(page.all("figure")) == 15
    assert all("alt" in image for image in page.all("img"))
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert {link["href"][1:] for link in page.all("a")} <= set(ids)
    assert {section["aria-labelledby"] for section in page.all("section")} <= set(ids)
    assert page.all("html") == [{"lang": "en"}]


def test_hundreds_of_queries_stay_small() -> None:
    many = [_result(f"/q{i}.jpg", 10, name="something", price=1.5) for i in range(300)]
    text = contact_sheet(many, lambda path: path.encode() * 400, "t")
    embedded = sum(len(chunk) for chunk in re.findall(r"base64,([\w+/=]+)", text))
    assert len(re.findall("data:image", text)) == 310
    assert (len(text) - embedded) / 3000 < 900, "bytes of markup for each hit"
    assert "content-visibility: auto" in text
