"""The figures of `benchmarks/duplicates`, against cases counted by hand."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

SCORING = Path(__file__).parents[2] / "benchmarks" / "duplicates" / "scoring.py"


@pytest.fixture(scope="module")
def scoring() -> ModuleType:
    if not SCORING.exists():
        pytest.skip("the benchmarks are not part of this distribution")
    spec = importlib.util.spec_from_file_location("duplicate_scoring", SCORING)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def truth(scoring: ModuleType) -> dict:
    """Two pictures, A and B, with a crop and a mirrored one of each, A pasted on B, and a stranger."""
    a, b = frozenset("A"), frozenset("B")
    return {
        "A": scoring.File("A", a),
        "A crop": scoring.File("A", a, "crop"),
        "A mirror": scoring.File("A", a, "mirror"),
        "B": scoring.File("B", b),
        "B crop": scoring.File("B", b, "crop"),
        "B mirror": scoring.File("B", b, "mirror"),
        "A on B": scoring.File("A", a | b, "pasted"),
        "C": scoring.original("C"),
    }


def group(scoring: ModuleType, keep: str, *members: str | tuple[str, float]) -> object:
    pairs = [m if isinstance(m, tuple) else (m, 1.0) for m in members]
    return scoring.Group(keep, tuple(scoring.Member(path, probability) for path, probability in pairs))


def test_nothing_said_is_all_missed_and_nothing_wrong(scoring: ModuleType, truth: dict) -> None:
    line = scoring.total([], truth)
    assert (line.edits, line.found, line.recall, line.precision) == (5, 0, 0.0, 1.0)


def test_all_right(scoring: ModuleType, truth: dict) -> None:
    groups = [group(scoring, "A", "A crop", "A mirror", "A on B"), group(scoring, "B", "B crop", "B mirror")]
    line = scoring.total(groups, truth)
    assert (line.recall, line.precision, line.links) == (1.0, 1.0, 5)
    assert scoring.false_links(groups, truth) == []


def test_one_false_member_costs_one_link(scoring: ModuleType, truth: dict) -> None:
    groups = [group(scoring, "A", "A crop", ("B mirror", 0.7), "C")]
    line = scoring.total(groups, truth)
    assert (line.found, line.links, line.true) == (1, 3, 1)
    wrong = [(keep, member.path) for keep, member in scoring.false_links(groups, truth)]
    assert wrong == [("A", "C"), ("A", "B mirror")]


def test_edits_of_one_picture_find_each_other_without_it(scoring: ModuleType, truth: dict) -> None:
    line = scoring.total([group(scoring, "A mirror", "A crop")], truth)
    assert (line.found, line.precision) == (2, 1.0)


def test_two_of_a_family_under_a_wrong_keeper_are_found_but_their_links_are_false(
    scoring: ModuleType, truth: dict
) -> None:
    line = scoring.total([group(scoring, "C", "A", "A crop")], truth)
    assert (line.found, line.links, line.true) == (1, 2, 0)


def test_a_paste_with_its_background_is_a_true_link_but_does_not_find_what_was_pasted(
    scoring: ModuleType, truth: dict
) -> None:
    groups = [group(scoring, "B", "A on B", "B crop")]
    lines = {line.name: line for line in scoring.by_edit(groups, truth)}
    assert (lines["pasted"].found, lines["pasted"].precision) == (0, 1.0)
    assert lines["crop"].found == 1


def test_a_paste_finds_the_crop_of_its_background(scoring: ModuleType, truth: dict) -> None:
    assert scoring.found([group(scoring, "A on B", "B crop")], truth) == {"B crop"}


def test_by_edit_counts_links_from_both_sides_once(scoring: ModuleType, truth: dict) -> None:
    groups = [group(scoring, "A crop", "B crop", "A mirror")]
    lines = {line.name: line for line in scoring.by_edit(groups, truth)}
    assert list(lines) == ["crop", "mirror", "pasted"]
    assert (lines["crop"].edits, lines["crop"].found, lines["crop"].links, lines["crop"].true) == (2, 1, 2, 1)
    assert (lines["mirror"].links, lines["mirror"].true) == (1, 1)


def test_left_out_edits_count_nowhere_but_those_beside_them_do(scoring: ModuleType, truth: dict) -> None:
    groups = [group(scoring, "A on B", "A crop", "B crop"), group(scoring, "C", "A on B", "B mirror")]
    line = scoring.total(groups, truth, "most", lambda file: file.edit != "pasted")
    assert (line.edits, line.found, line.links, line.true) == (4, 3, 1, 0)


def test_the_curve_drops_members_below_the_threshold(scoring: ModuleType, truth: dict) -> None:
    groups = [group(scoring, "A", ("A crop", 0.99), ("A mirror", 0.8), ("C", 0.6))]
    low, middle, high, top = scoring.curve(groups, truth, [0.5, 0.8, 0.9, 0.999])
    assert (low.found, low.links, low.true) == (2, 3, 2)
    assert (middle.found, middle.links, middle.true) == (2, 2, 2)
    assert (high.found, high.links) == (1, 1)
    assert (top.found, top.links, top.precision) == (0, 0, 1.0)


def test_all_pairs_of_a_group_count(scoring: ModuleType, truth: dict) -> None:
    true = scoring.true_pairs({path: file for path, file in truth.items() if path != "A on B"})
    assert len(true) == 6  # three of each family
    said = scoring.pairs_within([["A", "A crop", "A mirror", "C"], ["B", "B crop"]])
    line = scoring.score_pairs(said, true, lambda a, b: scoring.is_true(truth[a], truth[b]))
    assert (line.found, line.edits, line.true, line.links) == (4, 6, 4, 7)


def test_transforms_are_judged_by_where_the_corners_go(scoring: ModuleType) -> None:
    mirror = ((-1.0, 0.0, 100.0), (0.0, 1.0, 0.0))
    near = ((-1.01, 0.0, 101.0), (0.0, 1.0, 2.0))
    wrong = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0))
    truth = {"A": scoring.original("A")}
    members = []
    for name, found in (("near", near), ("wrong", wrong), ("unsaid", None)):
        truth[name] = scoring.File("A", frozenset("A"), "mirror", mirror, (100, 60))
        members.append(scoring.Member(name, 1.0, "edited", found))
    assert scoring.placed([scoring.Group("A", tuple(members))], truth) == {"mirror": (1, 2)}
