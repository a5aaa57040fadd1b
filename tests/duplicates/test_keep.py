from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike.duplicates.keep import DEFAULT, Candidate, Policy
from lookalike.errors import UsageError
from lookalike.results import PictureFacts


def candidate(
    path: str = "/photos/a.jpg",
    size: tuple[int, int] = (400, 300),
    bytes: int = 60_000,
    format: str = "JPEG",
    modified: str = "2020-06-01T10:00:00Z",
    *,
    taken: str | None = None,
    camera: bool = False,
    reference: bool = False,
    derived: bool = False,
) -> Candidate:
    picture = PictureFacts(path, 1, *size, bytes, format, modified, "00", reference)
    return Candidate(picture, taken, camera, derived=derived)


def paths(policy: Policy, *pictures: Candidate) -> list[str]:
    return [picture.picture.path for picture in policy.order(pictures)]


PLAIN = candidate("/photos/b.jpg")


@pytest.mark.parametrize(
    ("rule", "better", "worse"),
    [
        ("pixels", candidate(size=(401, 300)), candidate(size=(300, 400))),
        ("original", candidate(), candidate(format="PNG", derived=True)),
        ("quality", candidate(), candidate(format="PNG", derived=True)),
        ("quality", candidate(bytes=90_001), candidate(bytes=50_000)),
        ("quality", candidate(bytes=60_001), candidate(bytes=100_000, size=(800, 600))),
        ("quality", candidate(format="PNG", bytes=1), candidate(bytes=60_000)),
        ("quality", candidate(format="BMP"), candidate(format="WebP")),
        ("quality", candidate(format="WebP"), candidate(format="JPEG")),
        ("quality", candidate(format="JPEG"), candidate(format="WebP", bytes=25_000)),
        ("quality", candidate(format="HEIC", bytes=50_000), candidate(format="JPEG")),
        ("quality", candidate(format="AVIF", bytes=10), candidate(format="GIF")),
        ("exif", candidate(camera=True), candidate()),
        ("oldest", candidate(modified="2020-05-31T23:59:59Z"), candidate()),
        ("oldest", candidate(taken="2020-05-31T23:59:59"), candidate()),
        ("oldest", candidate(), candidate(taken="2021-01-01T00:00:00", modified="2019-01-01T00:00:00Z")),
        ("newest", candidate(), candidate(modified="2020-05-31T23:59:59Z")),
        ("folder:/photos/best", candidate("/photos/best/sub/z.jpg"), candidate("/photos/best2/a.jpg")),
        ("folder:/photos/best/", candidate("/photos/best/z.jpg"), candidate("/photos/a.jpg")),
        ("folder:/", candidate("/z.jpg"), candidate("z.jpg")),
        ("shortest", candidate("/photos/IMG_1.jpg"), candidate("/photos/IMG_1 (1).jpg")),
        ("shortest", candidate("/photos/IMG_1.jpg"), candidate("/a/IMG_1.jpeg")),
        ("shortest", candidate("/photos/holiday.jpg"), candidate("/a/h copy.jpg")),
        ("shortest", candidate("/photos/holiday.jpg"), candidate("/a/Kopie_h.jpg")),
        ("shortest", candidate("/photos/holiday.jpg"), candidate("/a/h副本.jpg")),
        ("shortest", candidate("/a/copyright.jpg"), candidate("/a/photocopying.jpg")),
        ("name", candidate("/z/a.jpg"), candidate("/a/B.jpg")),
    ],
)
def test_what_each_rule_prefers(rule: str, better: Candidate, worse: Candidate) -> None:
    policy = Policy((rule,))
    assert policy.order([better, worse])[0] is better
    assert policy.order([worse, better])[0] is better
    assert "first by path" not in policy.reason(better, [worse])


@pytest.mark.parametrize(
    ("rule", "one", "other"),
    [
        ("pixels", candidate(size=(400, 300)), candidate(size=(300, 400))),
        ("quality", candidate(bytes=60_000), candidate(bytes=64_000)),  # saved again, a little larger
        ("quality", candidate(format="PNG", bytes=5), candidate(format="TIFF", bytes=50)),
        ("quality", candidate(bytes=60_000), candidate(size=(800, 600), bytes=240_000)),
        ("exif", candidate(camera=True), candidate(camera=True)),
        ("oldest", candidate(taken="2020-06-01T10:00:00"), candidate()),
        ("folder:/photos", candidate(), candidate("/photos/x/b.jpg")),
        ("shortest", candidate("/x/a.jpg"), candidate("/photos/b.png")),
    ],
)
def test_where_a_rule_sees_no_difference(rule: str, one: Candidate, other: Candidate) -> None:
    """Then the path decides, whichever of the two has the first."""
    for a, b in ((one, other), (other, one)):
        first = replace(a, picture=replace(a.picture, path=f"/photos/0{a.picture.path[-5:]}"))
        second = replace(b, picture=replace(b.picture, path=f"/photos/1{b.picture.path[-5:]}"))
        assert Policy((rule,)).order([second, first])[0] is first
        assert Policy((rule,)).reason(first, [second]) == "all alike; first by path"


def test_reference_folders_come_before_every_rule() -> None:
    small = candidate("/z/copy.jpg", (4, 3), reference=True)
    assert paths(Policy(), PLAIN, small) == ["/z/copy.jpg", "/photos/b.jpg"]
    assert Policy().reason(small, [PLAIN]) == "in a reference folder"


def test_folders_may_be_several_the_best_first() -> None:
    policy = Policy(("folder:/b", "folder:/a"))
    assert paths(policy, candidate("/0/x"), candidate("/a/x"), candidate("/b/x")) == ["/b/x", "/a/x", "/0/x"]


def test_a_relative_folder_and_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "home"))
    for folder, place in (("best", tmp_path / "best"), ("~/best", tmp_path / "home" / "best")):
        policy = Policy((f"folder:{folder}",))
        inside = str(place / "z.jpg")
        assert paths(policy, candidate("/a.jpg"), candidate(inside))[0] == inside


# --- the list of rules -----------------------------------------------------------------------


def test_parsing() -> None:
    assert Policy().rules == DEFAULT
    assert Policy.parse("pixels").rules == DEFAULT
    assert Policy.parse(" folder:/my photos , oldest,pixels").rules == (
        "folder:/my photos",
        "oldest",
        "pixels",
        "original",
        "exif",
        "quality",
        "shortest",
    )
    assert Policy.parse("name,name").rules == ("name", *DEFAULT)
    assert "oldest" not in Policy.parse("newest").rules


@pytest.mark.parametrize("text", ["pixels", "newest,folder:/a,folder:/b", "name"])
def test_what_a_policy_says_can_be_parsed(text: str) -> None:
    policy = Policy.parse(text)
    assert Policy.parse(str(policy)) == policy


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no rule ''"),
        ("pixels,,oldest", "no rule ''"),
        ("pixels,bigest", "no rule 'bigest'"),
        ("Pixels", "no rule 'Pixels'"),
        ("folder", "needs a folder"),
        ("folder: ,pixels", "needs a folder"),
    ],
)
def test_a_wrong_rule_is_named_with_what_is_allowed(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said) as raised:
        Policy.parse(text)
    assert (
        "allowed are pixels, original, quality, exif, oldest, newest, shortest, name and folder:DIR"
        in str(raised.value)
    )


def test_a_damaged_file_is_not_kept_whatever_the_rules() -> None:
    whole, cut = candidate("/b.jpg", size=(10, 10)), replace(candidate("/a.jpg"), truncated=True)
    assert Policy().order([cut, whole]) == [whole, cut]
    assert Policy().reason(whole, [cut]) == "the file is whole"


def test_a_policy_without_rules() -> None:
    with pytest.raises(UsageError, match="no rule for what to keep; allowed are"):
        Policy(())


# --- reasons ---------------------------------------------------------------------------------

BIG = candidate("/photos/big.jpg", (4000, 3000), 3_000_000)


@pytest.mark.parametrize(
    ("kept", "others", "expected"),
    [
        (BIG, [candidate(size=(1024, 768))], "more pixels: 4000 × 3000, the other 1024 × 768"),
        (
            BIG,
            [candidate(size=(10, 10)), candidate(size=(1024, 768))],
            "more pixels: 4000 × 3000, the others at most 1024 × 768",
        ),
        (
            candidate("/a/IMG_1.jpg"),
            [candidate("/a/IMG_1 (1).jpg"), candidate("/a/IMG_1 (2).jpg")],
            "all alike; shortest name",
        ),
        (
            candidate("/a/IMG_1.jpg"),
            [candidate("/a/copy.jpg")],
            "all alike; no word such as copy in its name",
        ),
        (
            candidate("/a/IMG_1.jpg"),
            [candidate("/a/IMG_1 (1).jpg"), candidate("/a/small.jpg", (20, 15)), candidate(size=(40, 30))],
            "more pixels: 400 × 300, 2 others at most 40 × 30; shorter name",
        ),
        (
            candidate(bytes=60_000),
            [candidate(bytes=30_000)],
            "less compressed: JPEG of 0.5 bytes a pixel, the other JPEG of 0.25 bytes a pixel",
        ),
        (PLAIN, [candidate(format="PNG", derived=True)], "the other was made from it"),
        (
            PLAIN,
            [candidate(format="PNG", derived=True), candidate("/photos/c.jpg", derived=True)],
            "the others were made from it",
        ),
        (candidate(format="PNG"), [PLAIN], "better format: PNG, the other JPEG"),
        (PLAIN, [candidate(format="GIF")], "better format: JPEG, the other GIF"),
        (candidate(camera=True), [PLAIN], "has the camera's EXIF data"),
        (candidate(taken="2019-05-04T12:30:00"), [PLAIN], "oldest: 2019-05-04"),
        (candidate(taken="2020-06-01T09:00:00"), [PLAIN], "oldest: 2020-06-01 09:00:00"),
        (candidate("/a/b.jpg"), [PLAIN], "all alike; first by path"),
        (PLAIN, [BIG], "shows all that the others show"),
    ],
)
def test_reasons(kept: Candidate, others: list[Candidate], expected: str) -> None:
    assert Policy().reason(kept, others) == expected


def test_reasons_of_other_rules() -> None:
    assert Policy.parse("newest").reason(candidate(modified="2021-02-03T00:00:00Z"), [PLAIN]) == (
        "newest: 2021-02-03"
    )
    assert Policy.parse("folder:/best").reason(candidate("/best/a"), [BIG]) == "in the folder /best"
    assert Policy.parse("name").reason(candidate("/z/a.jpg"), [BIG]) == ("all alike; first by name")


# --- against the obvious ---------------------------------------------------------------------

CANDIDATES = st.builds(
    candidate,
    path=st.sampled_from(["/a/x.jpg", "/a/x copy.jpg", "/best/y.jpg", "/best/in/x.jpg", "/z/yy.jpg"]),
    size=st.sampled_from([(4, 3), (3, 4), (5, 3)]),
    bytes=st.sampled_from([10, 20]),
    format=st.sampled_from(["JPEG", "PNG", "WebP", "GIF"]),
    modified=st.sampled_from(["2020-06-01T10:00:00Z", "2021-06-01T10:00:00Z"]),
    taken=st.sampled_from([None, "2020-06-01T10:00:00"]),
    camera=st.booleans(),
    reference=st.booleans(),
    derived=st.booleans(),
)
GROUPS = st.lists(CANDIDATES, min_size=2, max_size=5, unique_by=lambda c: c.picture.path)
RULES = st.permutations([*DEFAULT, "newest", "name", "folder:/best"]).map(lambda r: Policy(tuple(r[:4])))


@given(GROUPS, RULES, st.randoms(use_true_random=False))
def test_the_order_is_total(pictures: list[Candidate], policy: Policy, chance: object) -> None:
    ordered = policy.order(pictures)
    chance.shuffle(pictures)  # type: ignore[attr-defined]
    assert policy.order(pictures) == ordered
    assert sorted(p.picture.path for p in ordered) == sorted(p.picture.path for p in pictures)
    for a, b in itertools.combinations(ordered, 2):
        assert policy.order([b, a]) == [a, b]


@given(GROUPS, RULES)
def test_one_rule_after_the_other(pictures: list[Candidate], policy: Policy) -> None:
    """The obvious way: keep only the best by each rule in turn, until one is left."""
    left = [p for p in pictures if p.picture.reference] or pictures
    for rule in policy.rules:
        best = Policy((rule,)).order(left)[0]
        left = [p for p in left if same(Policy((rule,)), p, best)]
    left.sort(key=lambda p: p.picture.path)
    assert policy.order(pictures)[0] == left[0]


def same(policy: Policy, a: Candidate, b: Candidate) -> bool:
    return a is b or "all alike; first by path" in {policy.reason(a, [b]), policy.reason(b, [a])}


@given(GROUPS, RULES)
def test_every_group_has_a_reason(pictures: list[Candidate], policy: Policy) -> None:
    kept, *others = policy.order(pictures)
    assert policy.reason(kept, others) == policy.reason(kept, reversed(others))
    assert policy.reason(kept, others) != "shows all that the others show"
    assert policy.reason(others[0], [kept]) == "shows all that the others show"
