"""The plan as a file: what is proposed, and what a mistake of editing is answered with."""

from __future__ import annotations

import copy
import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike.duplicates import groups, plan
from lookalike.errors import UsageError
from lookalike.results import Copy, DuplicateGroup, PictureFacts

SHA = "0123456789abcdef" * 4


def facts(path: str, reference: bool = False) -> PictureFacts:
    return PictureFacts(path, 1, 40, 30, 1000, "JPEG", "2026-01-01T00:00:00Z", SHA, reference)


def made() -> plan.Plan:
    members = (
        Copy(facts("/p/exact.jpg"), "exact", 1.0),
        Copy(facts("/p/more.jpg"), "edited", 0.99, doubt="it shows more than the one kept"),
        Copy(facts("/p/reference.jpg", reference=True), "exact", 1.0),
        Copy(facts("/p/burst.jpg"), "burst", 0.9),
    )
    group = DuplicateGroup(facts("/p/keep.jpg"), "more pixels than the others", members)
    return plan.make([group], roots=["/p", "/p"], collection="/c/.lookalike")


def test_what_is_proposed() -> None:
    (group,) = made().groups
    assert [(member.remove, member.doubt) for member in group.copies] == [
        (True, None),
        (False, "it shows more than the one kept"),
        (False, groups.REFERENCE),
        (False, groups.BURST),
    ]
    assert made().removals == 1


def test_the_file(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    plan.write(path, made())
    value = json.loads(path.read_text("ascii"))
    assert list(value) == ["lookalike", "version", "collection", "made", "roots", "groups"]
    assert (value["lookalike"], value["version"]) == ("duplicates plan", 1)
    assert (value["collection"], value["roots"]) == ("/c/.lookalike", ["/p"])
    (group,) = value["groups"]
    keep = {"path": "/p/keep.jpg", "sha256": SHA, "bytes": 1000, "width": 40, "height": 30}
    assert (group["keep"], group["reason"]) == (keep, "more pixels than the others")
    gone = {"kind": "exact", "probability": 1.0, "remove": True, "doubt": None}
    assert group["copies"][0] == {**keep, "path": "/p/exact.jpg", **gone}
    assert os.listdir(tmp_path) == ["plan.json"]


paths = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"])).map(
    lambda name: f"/p/x{name}"
) | st.binary().map(lambda name: "/p/x" + os.fsdecode(name.replace(b"/", b"").replace(b"\0", b"")))


@given(path=paths, doubt=st.none() | st.text())
def test_reading_gives_what_was_written(path: str, doubt: str | None) -> None:
    group = DuplicateGroup(facts("/p/keep.jpg"), "", (Copy(facts(path), "near", 0.5, doubt=doubt),))
    before = plan.make([group], roots=["/p"], collection="/c")
    assert plan.loads(plan.dumps(before)) == before
    shown = json.dumps(json.loads(plan.dumps(before)), ensure_ascii=False)  # as an editor may save it
    assert plan.loads(shown) == before


def test_only_a_plan_is_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "holiday.json"
    for text in ("", "{}", '{"lookalike": "something else"}', '[{"lookalike": "duplicates plan"}]'):
        path.write_text(text)
        with pytest.raises(UsageError, match=r"holiday.json: is no plan of lookalike and is not overwritten"):
            plan.write(path, made())
        assert path.read_text() == text
    path.write_text('{\n  "lookalike": "duplicates plan", broken while it was edited')
    plan.write(path, made())
    assert plan.read(path) == plan.loads(path.read_text())
    with pytest.raises(UsageError, match="is not overwritten"):
        plan.write(tmp_path, made())
    assert os.listdir(tmp_path) == ["holiday.json"]


def test_a_plan_behind_a_link(tmp_path: Path) -> None:
    plan.write(tmp_path / "real.json", made())
    (tmp_path / "link.json").symlink_to("real.json")
    (tmp_path / "real.json").write_text('{"lookalike": "duplicates plan"}')
    plan.write(tmp_path / "link.json", made())
    assert (tmp_path / "link.json").is_symlink()
    assert plan.read(tmp_path / "real.json").groups == made().groups


def test_a_plan_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="the plan cannot be written: no such file"):
        plan.write(tmp_path / "nowhere/plan.json", made())
    plan.write(tmp_path / "plan.json", made())
    before = (tmp_path / "plan.json").read_bytes()

    def full(file: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UsageError, match="the plan cannot be written: no space left"):
        plan.write(tmp_path / "plan.json", made())
    assert (tmp_path / "plan.json").read_bytes() == before
    assert os.listdir(tmp_path) == ["plan.json"]


# --- mistakes ---------------------------------------------------------------------------------

DELETED = object()


def edited(where: str, value: Any) -> str:
    """The plan with another value at a place such as `groups.0.keep.path`."""
    whole = copy.deepcopy(plan.as_dict(made()))
    spot: Any = json.loads(json.dumps(whole))
    top = spot
    *way, last = [int(part) if part.isdigit() else part for part in where.split(".")]
    for part in way:
        spot = spot[part]
    if value is DELETED:
        del spot[last]
    else:
        spot[last] = value
    return json.dumps(top)


MISTAKES = [
    ("version", 2, "is a plan of version 2; this lookalike knows version 1"),
    ("version", DELETED, "is a plan of version null; this lookalike knows version 1"),
    ("lookalike", "x", "is no plan of lookalike, which `lookalike duplicates --plan` writes"),
    ("roots", "/p", 'roots: must be a list, got "/p"'),
    ("roots.0", "p", 'roots[0]: must be an absolute path, got "p"'),
    ("groups", None, "groups: must be a list, got null"),
    ("groups.0", 7, "groups[0]: must be an object, got 7"),
    ("groups.0.keep", DELETED, "groups[0].keep: must be an object, got nothing"),
    ("groups.0.reason", 7, "groups[0].reason: must be text, got 7"),
    ("groups.0.keep.path", "x.jpg", 'groups[0].keep.path: must be an absolute path, got "x.jpg"'),
    ("groups.0.keep.path", "/p/../x.jpg", "groups[0].keep.path: must be an absolute path without `.`"),
    ("groups.0.keep.path", "/p/\0.jpg", "groups[0].keep.path: must be an absolute path"),
    ("groups.0.keep.path", "/p/\ud800.jpg", "groups[0].keep.path: must be an absolute path"),
    ("groups.0.keep.sha256", "abc", "groups[0].keep.sha256: must be a SHA-256, 64 hexadecimal digits"),
    ("groups.0.keep.sha256", SHA.upper(), "groups[0].keep.sha256: must be a SHA-256"),
    ("groups.0.keep.bytes", -1, "groups[0].keep.bytes: must be a whole number of at least 0, got -1"),
    ("groups.0.keep.width", 1.5, "groups[0].keep.width: must be a whole number of at least 1, got 1.5"),
    ("groups.0.keep.height", True, "groups[0].keep.height: must be a whole number of at least 1, got true"),
    ("groups.0.copies.1.kind", "same", "groups[0].copies[1].kind: must be one of exact, pixels, near,"),
    ("groups.0.copies.1.kind", ["near"], "groups[0].copies[1].kind: must be one of"),
    ("groups.0.copies.1.probability", 2, "groups[0].copies[1].probability: must be a number from 0 to 1"),
    ("groups.0.copies.1.probability", "1", "groups[0].copies[1].probability: must be a number from 0 to 1"),
    ("groups.0.copies.1.remove", "yes", 'groups[0].copies[1].remove: must be true or false, got "yes"'),
    ("groups.0.copies.1.remove", 1, "groups[0].copies[1].remove: must be true or false, got 1"),
    ("groups.0.copies.1.remove", DELETED, "groups[0].copies[1].remove: must be true or false, got nothing"),
    ("groups.0.copies.1.doubt", 0, "groups[0].copies[1].doubt: must be text or null, got 0"),
    ("groups.0.copies.1.rmove", True, "groups[0].copies[1].rmove: is no field of a plan; known here: path,"),
    ("groups.0.keep.remove", True, "groups[0].keep.remove: is no field of a plan"),
    ("extra", 1, "extra: is no field of a plan"),
    (
        "groups.0.copies.0.path",
        "/p/keep.jpg",
        "groups[0].copies[0].remove: the picture is kept by groups[0] and cannot be removed: /p/keep.jpg",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("where", "value", "message"), MISTAKES)
def test_mistakes_of_editing(where: str, value: Any, message: str, tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    path.write_text(edited(where, value))
    with pytest.raises(UsageError) as caught:
        plan.read(path)
    assert str(caught.value).startswith(f"{path}: {message}")


def test_removed_twice() -> None:
    value = plan.as_dict(made())
    value["groups"] = [*value["groups"], copy.deepcopy(value["groups"][0])]
    with pytest.raises(UsageError, match=r"groups\[1\].copies\[0\].remove: groups\[0\].copies\[0\] removes"):
        plan.loads(json.dumps(value))
    value["groups"][1]["copies"][0]["remove"] = False
    assert plan.loads(json.dumps(value)).removals == 1


def test_removed_by_a_group_before_the_one_that_keeps_it() -> None:
    value = plan.as_dict(made())
    second = json.loads(json.dumps(value["groups"][0]).replace("/p/", "/q/"))
    second["keep"]["path"] = "/p/exact.jpg"
    value["groups"] = [*value["groups"], second]
    with pytest.raises(
        UsageError, match=r"groups\[0\].copies\[0\].remove: the picture is kept by groups\[1\]"
    ):
        plan.loads(json.dumps(value))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is no valid JSON: line 1, column 1"),
        ('{"lookalike": "duplicates plan",\n "version": 1,}', "is no valid JSON: line 2, column 1"),
        ("[]", "is no plan of lookalike"),
        ('{"a": 1, "a": 2}', "the field 'a' stands twice in one object"),
        ('{"a": NaN}', "NaN is not a number that a plan may have"),
        (f'{{"a": {"9" * 5000}}}', "is no plan of lookalike: Exceeds the limit"),
        ("[" * 100_000, "is no plan of lookalike: it is nested too deeply"),
    ],
)
def test_what_is_no_plan(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    path.write_text(text)
    with pytest.raises(UsageError) as caught:
        plan.read(path)
    assert str(caught.value).startswith(f"{path}: {message}")


def test_files_that_are_no_text(tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_bytes(b'{"\xff": 1}')
    with pytest.raises(UsageError, match="is not text in UTF-8"):
        plan.read(tmp_path / "plan.json")
    with pytest.raises(UsageError, match=r"nothing.json: the plan cannot be read: no such file"):
        plan.read(tmp_path / "nothing.json")
    with pytest.raises(UsageError, match="the plan cannot be read: is a directory"):
        plan.read(tmp_path)


def test_an_editor_may_put_a_mark_in_front(tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_text("\ufeff" + plan.dumps(made()))
    assert plan.read(tmp_path / "plan.json").groups == made().groups


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
spots = ["version", "made", "collection", "roots", "groups", "groups.0", "groups.0.keep", "groups.0.copies"]
spots += [f"groups.0.copies.0.{field}" for field in ("path", "sha256", "bytes", "kind", "remove", "doubt")]


@given(where=st.sampled_from(spots), value=json_values)
def test_any_value_anywhere_is_a_plan_or_a_usage_error(where: str, value: Any) -> None:
    text = edited(where, value)
    try:
        found = plan.loads(text)
    except UsageError:
        return
    assert plan.loads(plan.dumps(found)) == found
