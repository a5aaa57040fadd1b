"""Galleries: sections of pictures, bounded, with a list to go by; nothing from outside is trusted."""

from __future__ import annotations

import hashlib
import string
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike.reports import Section, Shown, bounded, picture_gallery
from lookalike.reports.gallery import IN_ALL, MOST, paths

Parse = Callable[[str], Any]  # conftest.Page


def _thumbnail(path: str) -> bytes:
    return b"\xff\xd8" + hashlib.sha256(path.encode("utf-8", "surrogateescape")).digest()


def _section(heading: str = "Red", size: int = 3) -> Section:
    return Section(heading, [Shown(f"/shop/{heading}-{i}.jpg") for i in range(size)])


def test_shows_sections_and_what_is_said_of_them(parse: Parse) -> None:
    first = Shown("/shop/a.jpg", ("0.91", "blurred"), "its neighbours say blue", "medoid")
    second = Shown("/shop/b.jpg", beside=[Shown("/shop/a.jpg", ("0.80",))])
    sections = [
        Section("Red", [first, second], "mostly red", {"cohesion": "0.8"}, total=12),
        _section("Blue"),
    ]
    page = parse(
        picture_gallery("Groups", sections, _thumbnail, facts={"pictures": "15"}, intro="Two of them.")
    )
    for text in (
        "Groups",
        "Two of them.",
        "pictures",
        "15",
        "Red",
        "2 of 12 pictures",
        "3 pictures",
        "mostly red",
        "cohesion",
        "0.91",
        "blurred",
        "its neighbours say blue",
        "medoid",
        "a.jpg",
        "Blue-2.jpg",
        "0.80",
    ):
        assert text in page.texts
    links = [attributes["href"] for attributes in page.all("a")]
    assert links == ["#sections", "#s1", "#s2"]
    assert {"s1", "s2"} <= {attributes.get("id") for attributes in page.all("section")}
    shown = [image for image in page.all("img") if image["alt"]]
    assert [image["alt"] for image in shown] == [
        "a.jpg",
        "b.jpg",
        "a.jpg",
        "Blue-0.jpg",
        "Blue-1.jpg",
        "Blue-2.jpg",
    ]
    assert shown[2]["data-like"] == shown[0]["id"]  # once in the page, however often it is shown
    assert sum("src" in image for image in shown) == 5


def test_one_section_needs_no_list_and_none_says_so(parse: Parse) -> None:
    assert not parse(picture_gallery("t", [_section()], _thumbnail)).all("nav")
    empty = parse(picture_gallery("t", [], _thumbnail, empty="No picture is alone."))
    assert "No picture is alone." in empty.texts
    assert not empty.all("nav")


def test_many_sections_can_be_searched(parse: Parse) -> None:
    few, many = (
        parse(picture_gallery("t", [_section(str(i)) for i in range(n)], _thumbnail)) for n in (8, 9)
    )
    assert not few.all("input")
    assert [field["id"] for field in many.all("input")] == ["find"]


@given(st.lists(st.integers(0, 60), max_size=8), st.integers(1, 40))
def test_a_bounded_section_shows_its_first_pictures_and_counts_all(sizes: list[int], most: int) -> None:
    sections = [_section(str(i), size) for i, size in enumerate(sizes)]
    cut = bounded(sections, most)
    assert [section.size for section in cut] == sizes
    assert [len(section.pictures) for section in cut] == [min(size, most) for size in sizes]
    assert all(a.pictures == b.pictures[: len(a.pictures)] for a, b in zip(cut, sections, strict=True))
    assert bounded(cut, most) == cut


def test_many_sections_show_fewer_pictures_each() -> None:
    one = _section(size=MOST)
    assert len(bounded([one] * 1000)[0].pictures) == IN_ALL // 1000
    assert len(bounded([one] * (IN_ALL * 2))[0].pictures) == 1


def _with_beside(size: int, beside: int) -> Section:
    near = [Shown(f"/near/{i}.jpg") for i in range(beside)]
    return Section("a", [Shown(f"/{i}.jpg", beside=near) for i in range(size)])


@pytest.mark.parametrize("sections", [[_with_beside(60, 3)] * 100, [_section()] * (IN_ALL + 500)])
def test_a_page_never_has_more_previews_than_it_may(sections: list[Section]) -> None:
    cut = bounded(sections, 60)
    previews = sum(1 + len(one.beside) for section in cut for one in section.pictures)
    assert IN_ALL * 0.9 < previews <= IN_ALL
    assert all(section.pictures for section in cut)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 4)), max_size=30), st.integers(1, 8))
def test_the_most_that_fit_are_shown(shape: list[tuple[int, int]], most: int) -> None:
    sections = [_with_beside(size, beside) for size, beside in shape]
    cut = bounded(sections, most, in_all=20)

    def previews(some: list[Section]) -> int:
        return sum(1 + len(one.beside) for section in some for one in section.pictures)

    assert previews(cut) <= 20
    each = max((len(section.pictures) for section in cut), default=0)
    more = [replace(section, pictures=section.pictures[: each + 1]) for section in sections]
    assert each == min(most, max((size for size, _ in shape), default=0)) or previews(more) > 20
    if len(cut) < len(sections):
        assert each <= 1
        assert previews([replace(one, pictures=one.pictures[:1]) for one in sections[: len(cut) + 1]]) > 20


def test_sections_that_are_left_out_are_counted(parse: Parse) -> None:
    sections = [_section(str(i), 1) for i in range(3)]
    assert (
        "The first 3 of 1,200 sections are shown."
        in parse(picture_gallery("t", sections, _thumbnail, total=1200)).texts
    )
    for page in (
        picture_gallery("t", sections, _thumbnail, total=3),
        picture_gallery("t", sections, _thumbnail),
    ):
        assert "sections are shown" not in page


def test_paths_are_those_that_are_asked_for() -> None:
    asked: list[str] = []
    sections = [
        Section("a", [Shown("/1"), Shown("/2", beside=[Shown("/3"), Shown("/1")])]),
        Section("b", [Shown("/2")]),
    ]
    picture_gallery("t", sections, lambda path: asked.append(path))
    assert asked == paths(sections) == ["/1", "/2", "/3"]


HOSTILE = [
    "<script>alert(1)</script>",
    '"onmouseover="alert(1)',
    "'><img src=x onerror=alert(1)>",
    "</style>",
]


@pytest.mark.parametrize("text", [*HOSTILE, "\udce9", "\x00\x1b[31m"])
def test_hostile_text_is_only_text(parse: Parse, text: str) -> None:
    def page(text: str) -> str:
        shown = Shown(f"/a/{text}.jpg", (text,), text, text, [Shown(f"/b/{text}.jpg", (text,))])
        section = Section(text, [shown], text, {text: text})
        return picture_gallery(text, [section] * 9, _thumbnail, facts={text: text}, intro=text)

    hostile, plain = parse(page(text)), parse(page("x"))
    page(text).encode("utf-8")
    shape = [(tag, sorted(attributes)) for tag, attributes in plain.elements]
    assert [(tag, sorted(attributes)) for tag, attributes in hostile.elements] == shape


@given(st.text(alphabet=string.printable + "é\u202e\udce9<>&\"'", max_size=30))
def test_no_text_changes_the_page(text: str) -> None:
    section = Section(text, [Shown(text, (text,), text, text)], text)
    page = picture_gallery(text, [section], lambda _: None)
    page.encode("utf-8")
    assert page.count("<figure") == 2
    assert page.count("<script") == 1
