"""The review page: everything a person decides by is in it, the plan is whole, and nothing is trusted."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import string
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike.reports import review_page
from lookalike.reports.review import KINDS
from lookalike.results import Copy, DuplicateGroup, Duplicates, Failure, PictureFacts

Parse = Callable[[str], Any]  # conftest.Page

IDENTITY = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0))


def _facts(path: str, width: int = 800, height: int = 600, size: int = 400_000, **more: Any) -> PictureFacts:
    return PictureFacts(path, 1, width, height, size, "JPEG", "2026-11-23T08:30:00Z", "00ff", **more)


def _copy(path: str = "/pics/b.jpg", kind: str = "near", probability: float = 0.995, **more: Any) -> Copy:
    return Copy(more.pop("picture", None) or _facts(path), kind, probability, **more)


def _found(
    *copies: Copy, kept: str = "/pics/a.jpg", reason: str = "more pixels than the others"
) -> Duplicates:
    return Duplicates((DuplicateGroup(_facts(kept), reason, copies),), 439, 1.5, 0.99)


def _entry(facts: PictureFacts) -> dict[str, Any]:
    return {
        "path": facts.path,
        "sha256": facts.content,
        "bytes": facts.bytes,
        "width": facts.width,
        "height": facts.height,
    }


def _plan(found: Duplicates, **more: str) -> dict[str, Any]:
    return {
        "lookalike": "duplicates plan",
        "version": 1,
        "collection": "/pics/.lookalike",
        "made": "2026-11-23T08:30:00Z",
        "roots": ["/pics"],
        "groups": [
            {
                "keep": _entry(group.kept),
                "reason": group.reason,
                "copies": [
                    {
                        **_entry(copy.picture),
                        "kind": copy.kind,
                        "probability": copy.probability,
                        "remove": copy.doubt is None,
                        "doubt": copy.doubt,
                    }
                    for copy in group.members
                ],
            }
            for group in found.groups
        ],
        **more,
    }


def _thumbnail(path: str) -> bytes:
    return b"\xff\xd8" + hashlib.sha256(path.encode("utf-8", "surrogateescape")).digest()


def _page(found: Duplicates, **more: Any) -> str:
    return review_page(found, _thumbnail, _plan(found), "Copies", **more)


def _saved(page: str) -> Any:
    (block,) = re.findall(r'<script type="application/json" id="plan">(.*?)</script>', page, re.S)
    return json.loads(block)


def test_says_what_will_happen_and_shows_what_to_decide_by(parse: Parse) -> None:
    edited = _copy(
        "/pics/old/small.jpg",
        "edited",
        0.98765,
        picture=_facts("/pics/old/small.jpg", 400, 600, 900_000),
        inliers=57,
        transform=((-1.0, 0.0, 400.0), (0.0, 1.0, 0.0)),
        overlap=0.5,
        overlap_copy=1.0,
        doubt="it is larger",
    )
    page = parse(_page(_found(_copy(), edited), facts={"precision": "0.99"}))
    joined = re.sub(r"\s+", " ", " ".join(page.texts))
    for text in (
        "Nothing has been changed.",
        "lookalike duplicates apply plan-reviewed.json in your downloads folder",
        "1 group of copies among 439 pictures",
        "precision 0.99",
        "a.jpg in pics",
        "Stays more pixels than the others",
        "2 copies, the weakest link 98.7 % sure",
        "Edited 98.7 % sure small.jpg in old",
        "Mirrored, a part of the one kept",
        "400 × 600 50 % fewer pixels",
        "JPEG, 900 kB 2.25 times larger",
        "2026-11-23 08:30",
        "50 % of kept, 100 % of copy",
        "57 points",
        "In doubt: it is larger",
        "Same picture 99.5 % sure b.jpg",
    ):
        assert text in joined, text
    boxes = [box for box in page.all("input") if box.get("aria-label", "").startswith("Remove")]
    assert [("checked" in box, box["aria-label"]) for box in boxes] == [
        (False, "Remove a.jpg"),  # hidden while no other one is kept instead
        (True, "Remove b.jpg"),
        (False, "Remove small.jpg"),
    ]


def test_what_is_better_about_a_copy_stands_out(parse: Parse) -> None:
    older = PictureFacts("/b.jpg", 2, 1600, 600, 100_000, "PNG", "2020-01-01T00:00:00Z", "01")
    page = parse(_page(_found(_copy(picture=older))))
    ranks = [span["class"] for span in page.all("span") if span.get("class") in ("better", "worse")]
    assert ranks == ["better", "worse", "better"]  # pixels, bytes, date


def test_a_picture_of_a_reference_folder_cannot_be_ticked(parse: Parse) -> None:
    copy = _copy(picture=_facts("/ref/b.jpg", reference=True), doubt="it is in a reference folder")
    page = parse(_page(_found(copy)))
    (box,) = [box for box in page.all("input") if box.get("aria-label") == "Remove b.jpg"]
    assert "disabled" in box
    assert "checked" not in box


def test_the_plan_in_the_page_is_the_plan(parse: Parse) -> None:
    names = ["/pics/caf\udce9.jpg", "/pics/</script><b>.jpg", "/pics/<!--<script>.jpg", "/pics/\u2028ü\\.jpg"]
    found = _found(*map(_copy, names), kept="/pics/\udcff.jpg")
    page = _page(found)
    page.encode("utf-8")
    parse(page)
    assert _saved(page) == _plan(found)


# What Python makes of file names: any text, and halves of surrogates for bytes that are not UTF-8.
NAMES = st.text(st.characters(codec="utf-8") | st.characters(min_codepoint=0xDC80, max_codepoint=0xDCFF))


@given(NAMES, st.text(alphabet=string.printable, max_size=20))
def test_any_plan_comes_out_as_it_went_in(name: str, words: str) -> None:
    found = _found(_copy(f"/p/{name}", doubt=words), reason=words)
    plan = _plan(found, collection=words)
    assert _saved(review_page(found, _thumbnail, plan, "t")) == plan


def test_the_plan_has_the_last_word_on_what_is_ticked_and_why_not(parse: Parse) -> None:
    found = _found(_copy())
    plan = _plan(found)
    plan["groups"][0]["copies"][0] |= {"remove": False, "doubt": "it lies in a reference folder"}
    page = parse(review_page(found, _thumbnail, plan, "t"))
    assert "it lies in a reference folder" in " ".join(page.texts)
    assert any("data-doubtful" in button for button in page.all("button"))
    (box,) = [box for box in page.all("input") if box.get("aria-label") == "Remove b.jpg"]
    assert "checked" not in box


def test_a_plan_of_something_else_is_refused() -> None:
    found = _found(_copy())
    with pytest.raises(ValueError, match="0 groups, the result 1"):
        review_page(found, _thumbnail, {"groups": []}, "t")
    with pytest.raises(ValueError, match=r"is not that of /pics/a\.jpg"):
        review_page(found, _thumbnail, _plan(_found(_copy("/pics/c.jpg"))), "t")
    with pytest.raises(ValueError, match=r"group of /x\.jpg"):
        review_page(found, _thumbnail, _plan(_found(_copy(), kept="/x.jpg")), "t")


HOSTILE = [
    "/a/<script>alert(1)</script>.jpg",
    '/a/"onmouseover="alert(1).jpg',
    "/a/'><img src=x onerror=alert(1)>.jpg",
    "/a/&lt;b&gt;&amp;.jpg",
    "/a/</style></title></dialog>.jpg",
    "/a/\u202egpj.exe",
    "/a/line\nbreak\x00\x1b[31m.jpg",
    "/a/broken-\udce9.jpg",
    "javascript:alert(1)",
    "",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_only_text(name: str, parse: Parse) -> None:
    def page(text: str) -> str:
        strange = PictureFacts(text, 1, 8, 8, 9, text, text, text)
        copy = Copy(strange, text or "near", 0.5, None, 7, IDENTITY, 0.5, 0.5, doubt=text)
        found = Duplicates(
            (DuplicateGroup(strange, text, (copy,)),), 1, 1.0, 0.9, new=(text,), failed=(Failure(text, text),)
        )
        return review_page(found, _thumbnail, _plan(found), text, facts={text: text})

    plain, hostile = parse(page("plain")), page(name)
    hostile.encode("utf-8")
    shape = [(tag, sorted(attributes)) for tag, attributes in plain.elements]
    assert [(tag, sorted(attributes)) for tag, attributes in parse(hostile).elements] == shape


@given(st.text(alphabet=string.printable + "é\u202e\udcff<>&\"'", max_size=30))
def test_any_reason_is_shown_as_it_is(parse: Parse, text: str) -> None:
    page = parse(_page(_found(_copy(), reason=f"[{text}]")))
    assert re.sub("[\x00-\x1f\x7f-\x9f\ud800-\udfff]", "\ufffd", f"[{text}]") in page.texts


def test_asks_nothing_of_any_network(parse: Parse) -> None:
    text = _page(_found(_copy(transform=IDENTITY, overlap=0.5), _copy("/c.jpg")))
    for tag, attributes in parse(text).elements:
        for key in ("src", "href", "action", "data", "poster", "srcset"):
            if key in attributes:
                assert attributes[key].startswith(("data:", "#")), (tag, attributes)
        assert "style" not in attributes
        assert not any(key.startswith("on") for key in attributes)
    code = re.sub(r'type="text/plain" id="p\d+">[\w+/=]+', "", text)
    code = code.replace('"http://www.w3.org/2000/svg"', "")  # a name of elements, and no address
    assert not re.search(
        r"(?i)https?:|(?<!Object)url\(|@import|[^:]//[a-z]|fetch|XMLHttp|WebSocket|import\(|eval", code
    )


def test_policy_allows_its_own_script_and_style_by_hash_and_nothing_else(parse: Parse) -> None:
    text = _page(_found(_copy()))
    metas = parse(text).all("meta")
    policy = next(m["content"] for m in metas if m.get("http-equiv") == "Content-Security-Policy")
    assert "default-src 'none'; img-src data:;" in policy
    assert "unsafe" not in policy
    for tag in ("script", "style"):
        (inline,) = re.findall(f"<{tag}>(.*?)</{tag}>", text, re.S)
        digest = base64.b64encode(hashlib.sha256(inline.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy


def test_each_distinct_picture_is_embedded_once(parse: Parse) -> None:
    asked: list[str] = []

    def thumbnail(path: str) -> bytes | None:
        asked.append(path)
        return {"/pics/gone.jpg": None, "/pics/same.jpg": b"a"}.get(path, path[-5:].encode())

    found = _found(_copy(), _copy("/pics/same.jpg"), _copy("/pics/gone.jpg"), _copy("/pics/x/b.jpg"))
    text = review_page(found, thumbnail, _plan(found), "t")
    page = parse(text)
    assert len(asked) == len(set(asked)) == 5
    blocks = [block["id"] for block in page.all("script") if block.get("type") == "text/plain"]
    assert len(blocks) == len(set(blocks)) == 3
    shown = [image["data-picture"] for image in page.all("img") if "data-picture" in image]
    assert len(shown) == 4
    assert set(shown) == set(blocks)
    assert page.texts.count("no preview") == 1


def test_can_be_read_aloud(parse: Parse) -> None:
    page = parse(_page(_found(*(_copy(f"/pics/{kind}.jpg", kind) for kind in KINDS))))
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert {link["href"][1:] for link in page.all("a")} <= set(ids)
    named = {e["aria-labelledby"] for _, e in page.elements if "aria-labelledby" in e}
    assert named <= set(ids)
    assert all("alt" in image for image in page.all("img"))
    looks = [button for button in page.all("button") if button.get("class") == "look"]
    assert [button["aria-label"] for button in looks] == [f"Compare {kind}.jpg" for kind in KINDS]
    assert all(button["type"] == "button" for button in page.all("button"))
    assert page.all("html") == [{"lang": "en"}]


def test_only_the_kinds_that_there_are_can_be_filtered(parse: Parse) -> None:
    found = _found(_copy(kind="burst", doubt="another photo"), _copy("/c.jpg", "exact", 1.0))
    buttons = parse(_page(found)).all("button")
    assert [b["data-kind"] for b in buttons if "data-kind" in b] == ["exact", "burst"]
    assert any("data-doubtful" in button for button in buttons)
    assert not any("data-doubtful" in button for button in parse(_page(_found(_copy()))).all("button"))


def test_without_copies_the_page_is_friendly_and_has_nothing_to_save(parse: Parse) -> None:
    nothing = Duplicates(
        (), 1234, 1.0, 0.99, new=("/new/a.jpg", "/new/b.jpg"), failed=(Failure("/x", "empty file"),)
    )
    page = parse(_page(nothing))
    joined = " ".join(page.texts)
    assert "No copies were found." in joined
    assert "1,234 pictures were looked at. There is nothing to do." in joined
    assert "2 files have no copy in the collection" in joined
    assert "/x: empty file" in joined
    assert "apply" not in joined
    assert "save" not in {button.get("id") for button in page.all("button")}


def test_long_lists_of_names_end() -> None:
    nothing = Duplicates((), 1, 1.0, 0.99, new=tuple(f"/new/{i}.jpg" for i in range(1000)))
    text = _page(nothing)
    assert "/new/199.jpg" in text
    assert "/new/200.jpg" not in text
    assert "and 800 more" in text


def test_two_thousand_groups_stay_small() -> None:
    groups = tuple(
        DuplicateGroup(
            _facts(f"/pics/{i}/kept.jpg"),
            "more pixels than the others",
            tuple(
                _copy(f"/pics/{i}/{j}.jpg", transform=IDENTITY, overlap=0.5, overlap_copy=1.0) for j in (1, 2)
            ),
        )
        for i in range(2000)
    )
    text = _page(Duplicates(groups, 6000, 1.0, 0.99))
    assert len(text) / 4000 < 2600, "bytes of markup and plan for each copy"
    assert "content-visibility: auto" in text
